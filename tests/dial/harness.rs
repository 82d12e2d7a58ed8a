//! Servers and proxies for the tests, each on a free port and gone with the
//! test's runtime.

use std::collections::HashMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::SinkExt;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wscli::connection::{
    Event, Message, OpenConfig, OpenFailure, Opened, Role, SocketConfig, Target, open,
};
use wscli::internal::tls::Identity;
use wscli::internal::tls::{ServerTls, ServerTlsSettings};
use wscli::server::{self, ServerConfig};

/// The limit of every wait: far more than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A port that nothing listens on.
pub(crate) async fn free_port() -> u16 {
    listen().await.1.port()
}

/// An echo server.
pub(crate) async fn echo() -> SocketAddr {
    let (listener, address) = listen().await;
    let config = Arc::new(ServerConfig::default());
    tokio::spawn(server::run(listener, config, Arc::new(|_| {}), pending()));
    address
}

/// A configuration whose waits end.
pub(crate) fn config() -> OpenConfig {
    OpenConfig {
        timeout: Some(PATIENCE),
        ..OpenConfig::default()
    }
}

pub(crate) async fn connect(url: &str, config: &OpenConfig) -> Result<Opened, OpenFailure> {
    let target: Target = url.parse().unwrap();
    open(&target, config).await
}

/// Opens a connection, and makes sure that it is one.
pub(crate) async fn talk(url: &str, config: &OpenConfig) -> Opened {
    let again = connect(url, config).await;
    let opened = again.unwrap_or_else(|error| panic!("{url}: {error}"));
    let echoed = async {
        let opened = connect(url, config).await.unwrap();
        let mut socket = opened.into_socket(&SocketConfig::new(Role::Client)).await;
        socket.send(Message::text("hello")).await.unwrap();
        loop {
            match socket.next().await {
                Some(Event::Message { message, .. }) => return message,
                Some(Event::Flushed) => {}
                other => panic!("{url}: {other:?}"),
            }
        }
    };
    let message = timeout(PATIENCE, echoed).await.expect("an echo");
    assert_eq!(message, Message::text("hello"));
    opened
}

/// What a server or proxy was asked, in order.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    pub(crate) fn push(&self, request: impl Into<String>) {
        self.0.lock().unwrap().push(request.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> String {
        self.all().pop().expect("it was asked")
    }
}

/// The head of a request, as text.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Ends our direction and waits for the peer's end, so that no reset takes
/// the answer back.
pub(crate) async fn finish(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = stream.shutdown().await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// A server that answers every request with these bytes and ends the
/// connection.
pub(crate) async fn answer(bytes: impl Into<Vec<u8>>) -> (SocketAddr, Requests) {
    let bytes = bytes.into();
    serve(move |_| bytes.clone()).await
}

/// A server whose answer depends on the request.
pub(crate) async fn serve(
    reply: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, Requests) {
    let (listener, address) = listen().await;
    let requests = Requests::default();
    let seen = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = read_head(&mut stream).await;
            let bytes = reply(&head);
            seen.push(head);
            let _ = stream.write_all(&bytes).await;
            tokio::spawn(finish(stream));
        }
    });
    (address, requests)
}

/// The answer that opens a WebSocket, with these headers besides.
pub(crate) fn accept(head: &str, headers: &str) -> Vec<u8> {
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    format!(
        "HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
    )
    .into_bytes()
}

/// How a proxy of ours behaves.
#[derive(Clone, Default)]
pub(crate) struct ProxyConfig {
    /// Names that it alone knows.
    pub(crate) names: HashMap<String, SocketAddr>,
    /// The user name and password that it asks for.
    pub(crate) credentials: Option<(&'static str, &'static str)>,
}

impl ProxyConfig {
    pub(crate) fn knows(name: &str, address: SocketAddr) -> Self {
        Self {
            names: HashMap::from([(name.to_owned(), address)]),
            credentials: None,
        }
    }

    async fn connect(&self, destination: &str) -> Option<TcpStream> {
        let name = destination.rsplit_once(':')?.0;
        match self.names.get(name) {
            Some(address) => TcpStream::connect(address).await.ok(),
            None => TcpStream::connect(destination).await.ok(),
        }
    }
}

/// An HTTP proxy behind TLS, with a certificate that nobody has signed.
pub(crate) async fn https_proxy(config: ProxyConfig) -> (SocketAddr, Requests) {
    let (listener, address) = listen().await;
    let requests = Requests::default();
    let seen = requests.clone();
    let tls = ServerTls::new(ServerTlsSettings {
        identity: Identity::self_signed("127.0.0.1", Timestamp::now()).unwrap(),
        clients: None,
        key_log: None,
    })
    .unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (tls, config, seen) = (tls.clone(), config.clone(), seen.clone());
            tokio::spawn(async move {
                if let Ok((stream, _)) = tls.accept(stream.into(), PATIENCE).await {
                    proxy_http(stream, config, seen).await;
                }
            });
        }
    });
    (address, requests)
}

/// An HTTP proxy.
pub(crate) async fn http_proxy(config: ProxyConfig) -> (SocketAddr, Requests) {
    let (listener, address) = listen().await;
    let requests = Requests::default();
    let seen = requests.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(proxy_http(stream, config.clone(), seen.clone()));
        }
    });
    (address, requests)
}

async fn proxy_http(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    config: ProxyConfig,
    seen: Requests,
) {
    use base64::Engine as _;
    let head = read_head(&mut client).await;
    seen.push(head.clone());
    if let Some((user, password)) = config.credentials {
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        if !head.contains(&format!("\r\nProxy-Authorization: Basic {token}\r\n")) {
            let refusal = "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
                Content-Length: 7\r\n\r\nno name";
            let _ = client.write_all(refusal.as_bytes()).await;
            return finish(client).await;
        }
    }
    let destination = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let Some(mut server) = config.connect(&destination).await else {
        let refusal = "HTTP/1.1 502 Bad Gateway\r\nX-Proxy: ours\r\n\r\nunreachable";
        let _ = client.write_all(refusal.as_bytes()).await;
        return finish(client).await;
    };
    let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

/// A SOCKS5 server (RFC 1928, RFC 1929).
pub(crate) async fn socks_proxy(config: ProxyConfig) -> (SocketAddr, Requests) {
    let (listener, address) = listen().await;
    let requests = Requests::default();
    let seen = requests.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(proxy_socks(stream, config.clone(), seen.clone()));
        }
    });
    (address, requests)
}

async fn proxy_socks(mut client: TcpStream, config: ProxyConfig, seen: Requests) -> Option<()> {
    let mut start = [0; 2];
    client.read_exact(&mut start).await.ok()?;
    let methods = read_bytes(&mut client, start[1].into()).await?;
    let wanted = if config.credentials.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        client.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    client.write_all(&[5, wanted]).await.ok()?;
    if let Some((user, password)) = config.credentials {
        client.read_u8().await.ok()?;
        let length = client.read_u8().await.ok()?;
        let given_user = read_bytes(&mut client, length.into()).await?;
        let length = client.read_u8().await.ok()?;
        let given_password = read_bytes(&mut client, length.into()).await?;
        let known = given_user == user.as_bytes() && given_password == password.as_bytes();
        client.write_all(&[1, u8::from(!known)]).await.ok()?;
        if !known {
            return None;
        }
    }
    let request = read_bytes(&mut client, 4).await?;
    let host = match request[3] {
        1 => {
            let ip: [u8; 4] = read_bytes(&mut client, 4).await?.try_into().ok()?;
            std::net::Ipv4Addr::from(ip).to_string()
        }
        _ => {
            let length = client.read_u8().await.ok()?;
            String::from_utf8(read_bytes(&mut client, length.into()).await?).ok()?
        }
    };
    let port = client.read_u16().await.ok()?;
    let kind = if request[3] == 1 { "address" } else { "name" };
    seen.push(format!("{kind} {host}:{port}"));
    let server = config.connect(&format!("{host}:{port}")).await;
    let reply = if server.is_some() { 0 } else { 4 };
    let reply = [5, reply, 0, 1, 0, 0, 0, 0, 0, 0];
    client.write_all(&reply).await.ok()?;
    copy_bidirectional(&mut client, &mut server?).await.ok()?;
    Some(())
}

async fn read_bytes(stream: &mut TcpStream, count: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}
