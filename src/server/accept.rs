//! The accept loop: takes connections, gives each a task, and ends them all.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::time::sleep;

use super::config::ServerConfig;
use super::events::{ConnectionId, Ended, Event, Observer, Opened, Outcome, Peer, Refused, Totals};
use super::http;
use super::stop::{Controller, Stop};
use crate::connection::Transport;

/// How long no connection is accepted after an attempt has failed. Descriptors
/// and memory, which it fails for, come back when other connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from.
pub trait Listener: Send {
    /// An accepted connection.
    type Stream: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static;

    /// Waits for the next connection. Dropping the future loses none.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;
}

impl Listener for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn accept(&mut self) -> io::Result<(Self::Stream, Peer)> {
        let (stream, address) = TcpListener::accept(self).await?;
        // Answers are batched here already; Nagle's algorithm would only add a
        // round trip. A connection that is gone shows so when it is read.
        let _ = stream.set_nodelay(true);
        Ok((stream, Peer::Tcp(address)))
    }
}

#[cfg(unix)]
impl Listener for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&mut self) -> io::Result<(Self::Stream, Peer)> {
        let (stream, _) = UnixListener::accept(self).await?;
        Ok((stream, Peer::Unix))
    }
}

/// What all connections of a server share.
pub(super) struct Shared {
    pub(super) config: Arc<ServerConfig>,
    observer: Observer,
    totals: Counters,
}

/// The growing [`Totals`].
#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    open_connections: AtomicU64,
    opened: AtomicU64,
    refused: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    abandoned: AtomicU64,
}

/// Serves connections of `listener` until `shutdown` is ready; then closes the
/// listener, sends every WebSocket a Close with 1001, and waits for their ends,
/// [`ServerConfig::grace`] at most.
///
/// Dropping the future leaves the connections running without an end; drop the
/// runtime instead, or let `shutdown` be ready.
pub async fn run<L: Listener>(
    mut listener: L,
    config: Arc<ServerConfig>,
    observer: Observer,
    shutdown: impl Future<Output = ()>,
) -> Totals {
    let shared = Arc::new(Shared {
        config,
        observer,
        totals: Counters::default(),
    });
    let controller = Controller::new();
    tokio::select! {
        biased;
        () = shutdown => {}
        () = accept_all(&mut listener, &shared, &controller) => {}
    }
    drop(listener);
    let grace = shared.config.grace;
    shared.observe(Event::Draining {
        connections: shared.totals.open_connections.load(Relaxed),
        grace,
    });
    controller.drain(sleep(grace)).await;
    shared.totals()
}

/// Accepts for ever.
async fn accept_all<L: Listener>(listener: &mut L, shared: &Arc<Shared>, controller: &Controller) {
    let mut paused = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                paused = false;
                tokio::spawn(shared.serve(stream, peer, controller.stop()));
            }
            // The client was gone before it was accepted.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !paused {
                    shared.observe(Event::AcceptPaused(error));
                    paused = true;
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

impl Shared {
    /// Serves one connection; the future can run on any runtime.
    fn serve<S>(
        self: &Arc<Self>,
        stream: S,
        peer: Peer,
        stop: Stop,
    ) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static,
    {
        let connection = ConnectionId {
            id: 1 + self.totals.connections.fetch_add(1, Relaxed),
            peer,
        };
        let shared = Arc::clone(self);
        async move {
            let _open = OpenConnection::count(&shared);
            let Some(tls) = &shared.config.tls else {
                http::serve(stream, connection, Arc::clone(&shared), stop).await;
                return;
            };
            let limit = shared.config.handshake_timeout;
            let accepted = tokio::select! {
                biased;
                accepted = Box::pin(tls.accept(stream.into(), limit)) => accepted,
                () = stop.draining() => return,
            };
            match accepted {
                Ok(stream) => http::serve(stream, connection, Arc::clone(&shared), stop).await,
                Err(error) => shared.observe(Event::TlsFailed { connection, error }),
            }
        }
    }

    pub(super) fn observe(&self, event: Event) {
        (self.observer)(event);
    }

    pub(super) fn opened(&self, connection: ConnectionId, opened: Opened) {
        self.totals.opened.fetch_add(1, Relaxed);
        self.observe(Event::Opened { connection, opened });
    }

    pub(super) fn refused(&self, connection: ConnectionId, refused: Refused) {
        self.totals.refused.fetch_add(1, Relaxed);
        self.observe(Event::Refused {
            connection,
            refused,
        });
    }

    pub(super) fn ended(&self, connection: ConnectionId, ended: Ended) {
        let traffic = ended.traffic;
        self.totals
            .messages
            .fetch_add(traffic.received_messages, Relaxed);
        self.totals.bytes.fetch_add(traffic.received_bytes, Relaxed);
        if matches!(ended.outcome, Outcome::Abandoned) {
            self.totals.abandoned.fetch_add(1, Relaxed);
        }
        self.observe(Event::Ended { connection, ended });
    }

    fn totals(&self) -> Totals {
        Totals {
            connections: self.totals.connections.load(Relaxed),
            opened: self.totals.opened.load(Relaxed),
            refused: self.totals.refused.load(Relaxed),
            messages: self.totals.messages.load(Relaxed),
            bytes: self.totals.bytes.load(Relaxed),
            abandoned: self.totals.abandoned.load(Relaxed),
        }
    }
}

/// Counts a connection for as long as it lives, a panic included.
struct OpenConnection<'a>(&'a Shared);

impl<'a> OpenConnection<'a> {
    fn count(shared: &'a Shared) -> Self {
        shared.totals.open_connections.fetch_add(1, Relaxed);
        Self(shared)
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.totals.open_connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;

    impl From<DuplexStream> for Transport {
        fn from(stream: DuplexStream) -> Self {
            Self::other(stream)
        }
    }

    /// Gives what it holds, then nothing.
    struct Prepared(VecDeque<io::Result<DuplexStream>>);

    impl Listener for Prepared {
        type Stream = DuplexStream;

        async fn accept(&mut self) -> io::Result<(DuplexStream, Peer)> {
            match self.0.pop_front() {
                Some(result) => result.map(|stream| (stream, Peer::Unix)),
                None => std::future::pending().await,
            }
        }
    }

    const HANDSHAKE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    /// A server of these connections, with the names of its events.
    struct Running {
        server: tokio::task::JoinHandle<Totals>,
        stop: oneshot::Sender<()>,
        events: Arc<Mutex<Vec<&'static str>>>,
    }

    fn start(connections: impl IntoIterator<Item = io::Result<DuplexStream>>) -> Running {
        let events = Arc::new(Mutex::new(Vec::new()));
        let names = Arc::clone(&events);
        let observer: Observer = Arc::new(move |event| {
            names.lock().unwrap().push(match event {
                Event::Opened { .. } => "opened",
                Event::Refused { .. } => "refused",
                Event::TlsFailed { .. } => "tls failed",
                Event::HandshakeFailed { .. } => "handshake failed",
                Event::Ended { .. } => "ended",
                Event::AcceptPaused(_) => "accept paused",
                Event::Draining { .. } => "draining",
            });
        });
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(run(
            Prepared(connections.into_iter().collect()),
            Arc::new(ServerConfig::default()),
            observer,
            async move {
                let _ = stopped.await;
            },
        ));
        Running {
            server,
            stop,
            events,
        }
    }

    async fn shake_hands(client: &mut DuplexStream) {
        client.write_all(HANDSHAKE).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_of_descriptors_is_survived_and_told_once() {
        let (mut client, far) = duplex(4096);
        let shortage = || Err(io::Error::from_raw_os_error(24));
        let gone = Err(io::ErrorKind::ConnectionAborted.into());
        let running = start([shortage(), shortage(), gone, shortage(), Ok(far)]);
        shake_hands(&mut client).await;
        drop(client);
        running.stop.send(()).unwrap();
        assert_eq!(running.server.await.unwrap().opened, 1);
        let events = running.events.lock().unwrap().join(", ");
        assert!(events.starts_with("accept paused, opened, "), "{events}");
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_request_has_ten_seconds() {
        let (mut client, far) = duplex(4096);
        let running = start([Ok(far)]);
        let start = Instant::now();
        client.write_all(&HANDSHAKE[..40]).await.unwrap();
        assert_eq!(client.read(&mut [0; 100]).await.unwrap(), 0);
        assert_eq!(start.elapsed().as_secs(), 10);
        assert_eq!(*running.events.lock().unwrap(), ["handshake failed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_grace_ends_what_does_not_end_itself() {
        let (mut silent, far) = duplex(4096);
        let (mut half, other_far) = duplex(4096);
        let running = start([Ok(far), Ok(other_far)]);
        half.write_all(&HANDSHAKE[..40]).await.unwrap();
        shake_hands(&mut silent).await;
        let start = Instant::now();
        running.stop.send(()).unwrap();
        let totals = running.server.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 5);
        assert_eq!((totals.connections, totals.opened), (2, 1));
        let mut received = Vec::new();
        silent.read_to_end(&mut received).await.unwrap();
        assert_eq!(received[2..4], 1001_u16.to_be_bytes());
        assert_eq!(
            *running.events.lock().unwrap(),
            ["opened", "draining", "ended"]
        );
    }
}
