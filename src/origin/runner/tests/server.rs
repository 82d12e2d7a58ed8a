//! A server in memory: a policy says how it answers each request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use crate::connection::client::dial::DialError;
use crate::connection::client::reached::Phase;
use crate::connection::http::upgrade::{Exchange, upgrade};
use crate::connection::net::tcp::TcpError;
use crate::connection::{
    OpenConfig, OpenError, OpenFailure, Socket, SocketConfig, Target, Transport,
};
use crate::origin::observe::{Connected, Dialer};
use crate::origin::secret::Sent;

/// One request.
pub(super) struct Ask {
    pub(super) origins: Vec<String>,
    pub(super) host: String,
    pub(super) cookie: bool,
    /// The path and the query.
    pub(super) resource: String,
    /// How many requests there were, this one included.
    pub(super) count: usize,
    /// How many other connections are open.
    pub(super) others: usize,
    pub(super) at: Instant,
}

impl Ask {
    pub(super) fn origin(&self) -> Option<&str> {
        self.origins.first().map(String::as_str)
    }
}

/// How a request is answered.
#[derive(Clone)]
pub(super) enum Reply {
    NoConnection,
    Status(u16, &'static str),
    Drop,
    Hang,
    Bad101,
    Garbage,
    HugeHead,
    Flood,
    /// This reply, so much later.
    After(Duration, Box<Reply>),
    Open(Talk),
}

/// What an open connection does.
#[derive(Clone, Default)]
pub(super) struct Talk {
    /// The first words, and how late they are.
    greetings: Vec<String>,
    late: Duration,
    echo: bool,
    close: Option<u16>,
    /// Ends the stream after this time.
    end: Option<Duration>,
    /// Sends a frame that breaks the protocol.
    broken: bool,
}

pub(super) fn status(status: u16) -> Reply {
    Reply::Status(status, "")
}

pub(super) fn open() -> Reply {
    Reply::Open(Talk::default())
}

impl Reply {
    fn with(self, change: impl FnOnce(&mut Talk)) -> Self {
        match self {
            Self::Open(mut talk) => {
                change(&mut talk);
                Self::Open(talk)
            }
            other => other,
        }
    }

    pub(super) fn after(self, time: Duration) -> Self {
        Self::After(time, Box::new(self))
    }

    pub(super) fn opens(&self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::After(_, reply) => reply.opens(),
            _ => false,
        }
    }

    pub(super) fn says(self, text: &str) -> Self {
        self.with(|talk| talk.greetings.push(text.to_owned()))
    }

    pub(super) fn late(self, time: Duration) -> Self {
        self.with(|talk| talk.late = time)
    }

    pub(super) fn ends(self, after: Duration) -> Self {
        self.with(|talk| talk.end = Some(after))
    }

    pub(super) fn breaks(self) -> Self {
        self.with(|talk| talk.broken = true)
    }

    pub(super) fn echoes(self) -> Self {
        self.with(|talk| talk.echo = true)
    }

    pub(super) fn closes(self, code: u16) -> Self {
        self.with(|talk| talk.close = Some(code))
    }
}

/// What is dialled.
pub(super) const TARGET: &str = "ws://127.0.0.1:9000/ws?token=s3cret";

type Policy = dyn Fn(&Ask) -> Reply + Send + Sync;
type Log = dyn Fn(&Ask, &Reply) -> Option<String> + Send + Sync;

/// The server, as a dialer that connects to it.
pub(super) struct Server {
    policy: Arc<Policy>,
    /// What every open connection hears, whoever it is.
    room: broadcast::Sender<String>,
    /// What is said there of a request.
    log: Option<Arc<Log>>,
    count: AtomicUsize,
    open: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn new(policy: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            policy: Arc::new(policy),
            room: broadcast::channel(64).0,
            log: None,
            count: AtomicUsize::new(0),
            open: Arc::default(),
        }
    }

    /// The same server, which tells everybody this of each request.
    pub(super) fn telling(
        mut self,
        log: impl Fn(&Ask, &Reply) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.log = Some(Arc::new(log));
        self
    }

    fn ask(&self, config: &OpenConfig, sent: Sent<'_>) -> Ask {
        let target: Target = TARGET.parse().unwrap();
        let edits = || config.request.edits.iter();
        let named = |name: &'static str| {
            edits().filter_map(move |edit| match edit {
                crate::connection::http::HeaderEdit::Set { name: n, value }
                    if n.eq_ignore_ascii_case(name) =>
                {
                    Some(value.clone())
                }
                _ => None,
            })
        };
        Ask {
            origins: config
                .request
                .origin
                .clone()
                .into_iter()
                .chain(named("Origin"))
                .collect(),
            host: named("Host")
                .next()
                .unwrap_or_else(|| "127.0.0.1:9000".into()),
            cookie: named("Cookie").next().is_some(),
            resource: sent.target(&target).resource.wire().to_owned(),
            count: self.count.fetch_add(1, Ordering::Relaxed) + 1,
            others: self.open.load(Ordering::Relaxed),
            at: Instant::now(),
        }
    }
}

impl Dialer for Server {
    async fn open(
        &self,
        config: &OpenConfig,
        socket: &SocketConfig,
        sent: Sent<'_>,
    ) -> Result<Connected, OpenFailure> {
        let ask = self.ask(config, sent);
        let reply = (self.policy)(&ask);
        if let Some(text) = self.log.as_ref().and_then(|log| log(&ask, &reply)) {
            // Nobody may be listening.
            let _ = self.room.send(text);
        }
        if matches!(reply, Reply::NoConnection) {
            let refused = TcpError::Connect {
                address: "127.0.0.1:9000".into(),
                source: io::ErrorKind::ConnectionRefused.into(),
            };
            return Err(DialError::from(refused).into());
        }
        let (mut ours, theirs) = duplex(256 << 10);
        let guard = reply.opens().then(|| Guard::new(&self.open));
        let room = self.room.clone();
        tokio::spawn(async move {
            let _guard = guard;
            answer(theirs, reply, room).await;
        });
        let target: Target = TARGET.parse().unwrap();
        let after = config.timeout.unwrap_or(Duration::from_secs(30));
        let mut exchange = Exchange::default();
        let handshake = upgrade(&mut ours, &target, &config.request, &mut exchange);
        let upgraded = timeout(after, handshake)
            .await
            .map_err(|_| OpenError::Timeout {
                after,
                stuck: Box::new(Phase::Upgrade.into()),
            })?
            .map_err(OpenError::from)?;
        Ok(Connected {
            request_head: exchange.request_head,
            response: upgraded.response,
            socket: Socket::new(Transport::other(ours), upgraded.leftover, socket).await,
        })
    }
}

/// Counts an open connection.
struct Guard(Arc<AtomicUsize>);

impl Guard {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answer(mut io: DuplexStream, mut reply: Reply, room: broadcast::Sender<String>) {
    let head = read_head(&mut io).await;
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    let accepted = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    if let Reply::After(time, later) = reply {
        sleep(time).await;
        reply = *later;
    }
    match reply {
        Reply::NoConnection | Reply::Drop | Reply::After(..) => {}
        Reply::Hang => sleep(Duration::from_secs(3600)).await,
        Reply::Status(status, headers) => {
            let text = format!("HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\n\r\n");
            let _ = io.write_all(text.as_bytes()).await;
        }
        Reply::Bad101 => {
            let text = "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
            let _ = io.write_all(text.as_bytes()).await;
        }
        Reply::Garbage => {
            let _ = io.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        }
        Reply::HugeHead => {
            let _ = io.write_all(b"HTTP/1.1 101 Yes\r\n").await;
            while io
                .write_all(b"X-Filler: xxxxxxxxxxxxxxxxxxxxxxxx\r\n")
                .await
                .is_ok()
            {}
        }
        Reply::Flood => {
            let _ = io.write_all(accepted.as_bytes()).await;
            while io.write_all(b"\x81\x01x").await.is_ok() {}
        }
        Reply::Open(talk) => {
            if io.write_all(accepted.as_bytes()).await.is_ok() {
                serve(io, talk, room).await;
            }
        }
    }
}

async fn read_head(io: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match io.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn serve(io: DuplexStream, talk: Talk, room: broadcast::Sender<String>) {
    let mut news = room.subscribe();
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    if !talk.late.is_zero() {
        sleep(talk.late).await;
    }
    for greeting in talk.greetings {
        let _ = socket.send(Message::text(greeting)).await;
    }
    if talk.broken {
        // Servers do not mask (RFC 6455 §5.1).
        let _ = socket.get_mut().write_all(b"\x81\x82\0\0\0\0hi").await;
    }
    if let Some(after) = talk.end {
        sleep(after).await;
        return;
    }
    if let Some(code) = talk.close {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        let _ = socket.close(Some(frame)).await;
    }
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message)) if talk.echo && message.is_text() => {
                    let _ = socket.send(message).await;
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            Ok(text) = news.recv(), if talk.close.is_none() => {
                let _ = socket.send(Message::text(text)).await;
            }
        }
    }
}
