//! The accept loop: takes connections, gives each to a worker, and ends them
//! all.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::time::{Instant, sleep, timeout};

use super::context::{
    Admission, Attempts, ConnectionId, Context, Controller, Counted, Counters, Event, Limits,
    Monitor, Observer, Peer, Rooms, ServerConfig, Shortage, Totals,
};
use super::http::{self, Connection};
use super::workers::Workers;
use crate::connection::{MessageBudget, Transport};

/// How long no connection is accepted after an attempt has failed. Descriptors
/// and memory, which it fails for, come back when other connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from.
pub trait Listener: Send {
    /// An accepted connection.
    type Stream: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static;

    /// Waits for the next connection. Dropping the future loses none.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;

    /// Takes a connection off the runtime it was accepted on. What is returned
    /// puts it onto the runtime that it is called on.
    ///
    /// # Errors
    /// The system's.
    fn detach(
        stream: Self::Stream,
    ) -> io::Result<impl FnOnce() -> io::Result<Self::Stream> + Send + 'static>;
}

impl Listener for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn accept(&mut self) -> io::Result<(Self::Stream, Peer)> {
        let (stream, address) = TcpListener::accept(self).await?;
        // Answers are batched here already; Nagle's algorithm would only add a
        // round trip. A connection that is gone shows so when it is read.
        let _ = stream.set_nodelay(true);
        Ok((stream, Peer::Tcp(canonical(address))))
    }

    fn detach(
        stream: Self::Stream,
    ) -> io::Result<impl FnOnce() -> io::Result<Self::Stream> + Send + 'static> {
        let stream = stream.into_std()?;
        Ok(move || tokio::net::TcpStream::from_std(stream))
    }
}

#[cfg(unix)]
impl Listener for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&mut self) -> io::Result<(Self::Stream, Peer)> {
        let (stream, _) = UnixListener::accept(self).await?;
        Ok((stream, Peer::Unix))
    }

    fn detach(
        stream: Self::Stream,
    ) -> io::Result<impl FnOnce() -> io::Result<Self::Stream> + Send + 'static> {
        let stream = stream.into_std()?;
        Ok(move || tokio::net::UnixStream::from_std(stream))
    }
}

/// A server that is about to run.
pub struct Server {
    config: Arc<ServerConfig>,
    observer: Observer,
    workers: Workers,
    monitor: Monitor,
    /// How many connections there may be at a time, WebSockets or not.
    max_sockets: Option<usize>,
}

impl Server {
    /// A server whose connections run on the calling runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(config: Arc<ServerConfig>, observer: Observer) -> Self {
        Self::on(Workers::current(), config, observer)
    }

    /// A server whose connections run on these threads.
    pub(crate) fn on(workers: Workers, config: Arc<ServerConfig>, observer: Observer) -> Self {
        let monitor = Monitor::new(workers.count());
        Self {
            config,
            observer,
            workers,
            monitor,
            max_sockets: None,
        }
    }

    /// Serves no more connections at a time than this, WebSockets or not; `None` is as
    /// many as there are.
    pub(crate) fn with_max_sockets(self, max_sockets: Option<usize>) -> Self {
        Self {
            max_sockets,
            ..self
        }
    }

    /// A view of the server's numbers.
    pub fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }

    /// Serves connections of `listener` until `shutdown` is ready; then closes
    /// the listener, sends every WebSocket a Close with 1001, and waits for
    /// their ends, [`ServerConfig::grace`] at most.
    ///
    /// Dropping the future leaves connections on the calling runtime running
    /// without an end; drop the runtime instead, or let `shutdown` be ready.
    pub async fn run<L: Listener>(
        self,
        mut listener: L,
        shutdown: impl Future<Output = ()>,
    ) -> Totals {
        let controller = Controller::new();
        let mut accept = Accept {
            contexts: self.contexts(),
            workers: &self.workers,
            monitor: &self.monitor,
            controller: &controller,
            accepted: 0,
        };
        tokio::select! {
            biased;
            () = shutdown => {}
            () = accept.run(&mut listener) => {}
        }
        let delay = self.config.drain_delay;
        if !delay.is_zero() {
            self.monitor.drain();
            (self.observer)(Event::DrainDelayed { delay });
            let _ = timeout(delay, accept.run(&mut listener)).await;
        }
        // Clients that were there before the end get a Close, not a reset.
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            accept.assign::<L>(stream, peer);
        }
        drop(listener);
        self.monitor.drain();
        let grace = self.config.grace;
        (self.observer)(Event::Draining {
            connections: self.monitor.snapshot().connections_open,
            grace,
        });
        controller.drain(sleep(grace)).await;
        self.monitor.snapshot().totals
    }

    fn contexts(&self) -> Vec<Arc<Context>> {
        let config = &self.config;
        let limits = Limits::new(
            config.max_connections,
            self.max_sockets,
            config.max_connections_per_ip,
        );
        let rooms = Arc::<Rooms>::default();
        let attempts = Arc::<Attempts>::default();
        let context = |counters: &Arc<Counters>| {
            Arc::new(Context {
                config: Arc::clone(config),
                limits: Arc::clone(&limits),
                rooms: Arc::clone(&rooms),
                attempts: Arc::clone(&attempts),
                budget: MessageBudget::new(config.unfinished_bytes),
                observer: Arc::clone(&self.observer),
                counters: Arc::clone(counters),
            })
        };
        self.monitor.counters().iter().map(context).collect()
    }
}

/// Runs a [`Server`] on the calling runtime.
pub async fn run<L: Listener>(
    listener: L,
    config: Arc<ServerConfig>,
    observer: Observer,
    shutdown: impl Future<Output = ()>,
) -> Totals {
    Server::new(config, observer).run(listener, shutdown).await
}

/// The accept loop.
struct Accept<'a> {
    /// One for each worker.
    contexts: Vec<Arc<Context>>,
    workers: &'a Workers,
    monitor: &'a Monitor,
    controller: &'a Controller,
    accepted: u64,
}

impl Accept<'_> {
    /// Accepts for ever.
    async fn run<L: Listener>(&mut self, listener: &mut L) {
        let mut paused = false;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    paused = false;
                    self.assign::<L>(stream, peer);
                }
                // The client was gone before it was accepted.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !paused {
                        (self.contexts[0].observer)(Event::AcceptPaused(error));
                        paused = true;
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Gives a connection to the worker that has the fewest.
    fn assign<L: Listener>(&mut self, stream: L::Stream, peer: Peer) {
        self.accepted += 1;
        let connection = ConnectionId {
            id: self.accepted,
            peer,
            proxy: None,
        };
        let worker = (0..self.contexts.len())
            .min_by_key(|worker| self.monitor.load(*worker))
            .unwrap_or_default();
        let Some(context) = self.contexts.get(worker) else {
            return;
        };
        let stop = self.controller.stop();
        // Counted here, so that the next one finds it counted.
        let counted = context.counters.connection();
        // So is the limit of an address: in the order of acceptance.
        // What a proxy brings counts for its client, which is not known yet.
        let place = context.limits.take_place();
        let admission = match &place {
            None => context.limits.turn_away(Shortage::OfServer),
            Some(_) if context.config.trusted_proxies.trusts(peer) => {
                Admission::Admitted(Counted::for_nobody())
            }
            Some(_) => context.limits.admit(peer),
        };
        let accepted = Instant::now();
        let context = Arc::clone(context);
        if !self.workers.are_apart() {
            let task = async move {
                let _counted = (counted, place);
                http::admit(
                    Connection::plain(stream, connection, accepted),
                    admission,
                    context,
                    stop,
                )
                .await;
            };
            return self.workers.spawn(worker, task);
        }
        let Ok(attach) = L::detach(stream) else {
            return;
        };
        let task = async move {
            let _counted = (counted, place);
            // It fails where descriptors or memory are short; the client then
            // finds the connection closed.
            if let Ok(stream) = attach() {
                http::admit(
                    Connection::plain(stream, connection, accepted),
                    admission,
                    context,
                    stop,
                )
                .await;
            }
        };
        self.workers.spawn(worker, task);
    }
}

/// An address of IPv4 as such, where a socket of IPv6 has accepted it.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::oneshot;

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

        fn detach(
            stream: DuplexStream,
        ) -> io::Result<impl FnOnce() -> io::Result<DuplexStream> + Send + 'static> {
            Ok(move || Ok(stream))
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
                Event::Served { .. } => "served",
                Event::TurnedAway { .. } => "turned away",
                Event::HandshakeFailed { .. } => "handshake failed",
                Event::Ended { .. } => "ended",
                Event::AcceptPaused(_) => "accept paused",
                Event::DrainDelayed { .. } => "drain delayed",
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
    async fn accept_pauses_once_for_a_shortage_of_descriptors() {
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
    async fn handshake_timeout_ends_half_a_request() {
        let (mut client, far) = duplex(4096);
        let running = start([Ok(far)]);
        let start = Instant::now();
        client.write_all(&HANDSHAKE[..40]).await.unwrap();
        assert_eq!(client.read(&mut [0; 100]).await.unwrap(), 0);
        assert_eq!(start.elapsed().as_secs(), 10);
        assert_eq!(*running.events.lock().unwrap(), ["handshake failed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn grace_ends_connections_that_do_not_end_themselves() {
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
