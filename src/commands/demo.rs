//! The embedded server of `--demo`.

use std::io;
use std::net::TcpListener;
use std::thread;

use anyhow::{Context as _, Result};
use futures_util::SinkExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::connection::{Event, Role, Socket, SocketConfig};

/// Starts an echo server on a free loopback port, in a thread of its own, and
/// returns its URL. It lives as long as the process.
pub(super) fn start() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("could not listen for --demo")?;
    listener.set_nonblocking(true)?;
    let url = format!("ws://{}/ws", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    thread::Builder::new()
        .name("demo-server".to_owned())
        .spawn(move || runtime.block_on(accept(listener)))?;
    Ok(url)
}

async fn accept(listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(echo(stream));
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 16 << 10 || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then(|| value.trim())
    });
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    let config = SocketConfig::new(Role::Server);
    let mut socket = Socket::new(stream.into(), bytes::Bytes::new(), &config).await;
    while let Some(event) = socket.next().await {
        let mut event = Some(event);
        while let Some(Event::Message { message, .. }) = event {
            if socket.feed(message).await.is_err() {
                break;
            }
            event = socket.try_next();
        }
        if socket.flush().await.is_err() {
            break;
        }
    }
    Ok(())
}
