//! A server for what the fault lab has no route for: it shows the requests as
//! they were written, and is another one from the second connection on. It is
//! made of the library's own socket, a listener on a free port and an answer to
//! the handshake written by hand.

use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wscli::connection::{Event, Role, Socket, SocketConfig};

/// What the server does with a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behaviour {
    /// Answers every message with itself.
    Echo,
    /// Answers one message, then vanishes; from the second connection on it
    /// answers every message.
    DropFirst,
    /// Answers the handshake, and nothing after it, a Close included.
    Deaf,
    /// Answers the handshake and closes with 1000 in one write.
    CloseAtOnce,
    /// Answers the handshake with 403.
    Refuse,
}

/// A running server; it ends when dropped.
pub(crate) struct Peer {
    /// Its address.
    pub(crate) url: String,
    /// The request heads it got.
    pub(crate) heads: Receiver<String>,
    _runtime: Runtime,
}

impl Peer {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, heads) = channel();
        runtime.spawn(async move {
            let mut behaviour = behaviour;
            while let Ok((stream, _)) = listener.accept().await {
                let now = behaviour;
                if matches!(behaviour, Behaviour::DropFirst) {
                    behaviour = Behaviour::Echo;
                }
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut stream = stream;
                    let head = read_head(&mut stream).await;
                    let _ = sender.send(head.clone());
                    serve(stream, &head, now).await;
                });
            }
        });
        Self {
            url: format!("ws://{address}/ws"),
            heads,
            _runtime: runtime,
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a whole head"));
    }
    String::from_utf8(head).expect("a head of text")
}

async fn serve(mut stream: TcpStream, head: &str, behaviour: Behaviour) {
    match behaviour {
        Behaviour::Refuse => {
            let answer = "HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 11\r\n\r\nno \x1b[1mway\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Behaviour::Echo | Behaviour::DropFirst | Behaviour::Deaf | Behaviour::CloseAtOnce => {
            let key = head
                .lines()
                .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
            let accept = derive_accept_key(key.expect("a key").as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            let mut answer = answer.into_bytes();
            if matches!(behaviour, Behaviour::CloseAtOnce) {
                answer.extend([0x88, 2, 0x03, 0xe8]);
            }
            let _ = stream.write_all(&answer).await;
            talk(stream, behaviour).await;
        }
    }
}

async fn talk(stream: TcpStream, behaviour: Behaviour) {
    if matches!(behaviour, Behaviour::Deaf) {
        std::future::pending::<()>().await;
    }
    let config = SocketConfig::new(Role::Server);
    let mut socket = Socket::new(stream.into(), Bytes::new(), &config).await;
    while let Some(event) = socket.next().await {
        let Event::Message { message, .. } = event else {
            continue;
        };
        let _ = socket.send(message).await;
        if matches!(behaviour, Behaviour::DropFirst) {
            return;
        }
    }
}
