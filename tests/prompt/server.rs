//! A server to talk to, made of the library's own socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wscli::connection::{
    CloseCode, CloseFrame, Event, Message, Role, Socket, SocketConfig, Transport,
};

/// The limit of every wait: only a failure meets it.
pub(super) const PATIENCE: Duration = Duration::from_mins(3);

/// A server on a free port of the loopback interface; it ends with its value.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) received: watch::Sender<Vec<Message>>,
    _stop: oneshot::Sender<()>,
}

/// What it does besides echoing. It also obeys the messages `bye` (closes),
/// `drop` (ends the connection without a Close), and those of [`obey`].
#[derive(Clone)]
pub(super) enum Behaviour {
    /// Nothing.
    Echo,
    /// Sends so many messages a second.
    Ticks(u32),
    /// Refuses the upgrade.
    Refuse,
    /// Obeys `bye` only when this has a permit: a server that is slow to close.
    HoldsBye(Arc<Semaphore>),
}

impl Server {
    pub(super) fn start(behaviour: Behaviour) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), behaviour)
    }

    /// Listens on this address.
    pub(super) fn on(address: SocketAddr, behaviour: Behaviour) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let received = watch::Sender::default();
        let log = received.clone();
        let (bound, address_of) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind(address).await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = accept(listener, log, behaviour) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: address_of.recv().unwrap(),
            received,
            _stop: stop,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    /// Waits until so many messages have come.
    pub(super) async fn has_received(&self, count: usize) {
        let mut received = self.received.subscribe();
        let came = received.wait_for(|messages| messages.len() >= count);
        let came = timeout(PATIENCE, came).await;
        came.expect("the messages come").expect("the server lives");
    }

    pub(super) fn texts(&self) -> Vec<String> {
        let received = self.received.borrow();
        received
            .iter()
            .map(|message| String::from_utf8_lossy(message.as_bytes()).into_owned())
            .collect()
    }
}

async fn accept(listener: TcpListener, log: watch::Sender<Vec<Message>>, behaviour: Behaviour) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream, log.clone(), behaviour.clone()));
    }
}

async fn serve(mut stream: TcpStream, log: watch::Sender<Vec<Message>>, behaviour: Behaviour) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    if matches!(behaviour, Behaviour::Refuse) {
        let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(refusal).await;
        return;
    }
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .unwrap();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Set-Cookie: id=s3cret\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let config = SocketConfig::new(Role::Server);
    let mut socket = Socket::new(Transport::from(stream), Bytes::new(), &config).await;
    let (rate, bye) = match behaviour {
        Behaviour::Ticks(rate) => (rate, None),
        Behaviour::HoldsBye(bye) => (0, Some(bye)),
        Behaviour::Echo | Behaviour::Refuse => (0, None),
    };
    talk(&mut socket, &log, rate, bye.as_deref()).await;
}

async fn talk(
    socket: &mut Socket,
    log: &watch::Sender<Vec<Message>>,
    rate: u32,
    bye: Option<&Semaphore>,
) {
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut count = 0_u64;
    loop {
        tokio::select! {
            event = socket.next() => match event {
                Some(Event::Message { message, .. }) => {
                    log.send_modify(|log| log.push(message.clone()));
                    if let (Some(bye), b"bye") = (bye, message.as_bytes()) {
                        bye.acquire().await.unwrap().forget();
                    }
                    if !obey(socket, message).await {
                        return;
                    }
                }
                Some(_) => {}
                None => return,
            },
            _ = ticks.tick(), if rate > 0 => {
                count += 1;
                // Of all lengths around the width of a screen.
                let text = format!("tick {count} {}.", "x".repeat(count as usize % 90));
                let _ = socket.feed(Message::text(text)).await;
            }
        }
    }
}

/// Does what a message says; else echoes it. Whether to go on.
async fn obey(socket: &mut Socket, message: Message) -> bool {
    let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
    match text.split_once(' ').unwrap_or((&text, "")) {
        ("bye", _) => {
            let code = CloseCode::try_from(4001).unwrap();
            socket.start_close(CloseFrame::new(code, "see you"));
        }
        ("drop", _) => return false,
        ("hostile", _) => {
            for text in hostile() {
                let _ = socket.send(Message::text(text)).await;
            }
        }
        ("flood", number) => {
            for n in 0..number.parse().unwrap() {
                let _ = socket.feed(Message::text(format!("flood {n}"))).await;
            }
            let _ = socket.send(Message::text("flooded")).await;
        }
        _ => {
            let _ = socket.send(message).await;
        }
    }
    true
}

/// Texts that would change a terminal which shows them as they are.
pub(super) fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "\x1b]52;c;cHduZWQ=\x07",
        "\x1b]0;pwned title\x07",
        "\x1b]8;;http://evil/\x1b\\link\x1b]8;;\x1b\\",
        "\x1b[?1049h\x1b[2J\x1b[H\x1b[31;5m",
        "\x1b[6n\x1b[c\x1b[21t",
        "\u{9b}2J\u{9d}52;c;cHduZWQ=\u{9c}\u{90}$q\u{9c}",
        "\x1b(0\x0e\x0f\x05\x07\x08\x08\x0b\x0c\x7f",
        "\u{202e}desrever\u{2066}\u{200f}",
        "over\rwritten",
        "two\n! 00:00:00.000 fake error\n> 00:00:00.000 fake sent",
        "\x1bc",
    ]
    .map(String::from)
    .to_vec();
    texts.push("A".repeat(10 << 20));
    texts.push("the end of it".to_owned());
    texts
}

/// Waits until something holds; only a failure meets the limit.
pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within 3 min: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
