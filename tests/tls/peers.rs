//! Servers on free ports, and the client under test.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wscli::connection::{
    CloseCode, CloseFrame, Closed, Event, Message, OpenConfig, OpenError, OpenFailure, Opened,
    Role, Socket, SocketConfig, Transport, open,
};
use wscli::internal::net::{DialConfig, DialError};
use wscli::internal::tls::load_certificates;
use wscli::internal::tls::{Roots, TlsError, TlsSettings, Trust};

use crate::certs::{Authority, Files, Leaf};

/// Where no test may wait longer.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

/// How a server of a test speaks TLS.
pub(crate) struct ServerSetup<'a> {
    pub(crate) leaf: &'a Leaf,
    pub(crate) clients: Option<&'a Authority>,
    pub(crate) versions: &'a [&'static rustls::SupportedProtocolVersion],
    pub(crate) alpn: &'a [&'a str],
}

impl<'a> ServerSetup<'a> {
    pub(crate) fn new(leaf: &'a Leaf) -> Self {
        Self {
            leaf,
            clients: None,
            versions: rustls::ALL_VERSIONS,
            alpn: &["http/1.1"],
        }
    }

    pub(crate) fn config(&self) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .unwrap();
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let files = Files::new();
                let path = files.write("ca.pem", authority.pem());
                let mut roots = RootCertStore::empty();
                for root in load_certificates(&path).unwrap() {
                    roots.add(root).unwrap();
                }
                builder.with_client_cert_verifier(
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                        .build()
                        .unwrap(),
                )
            }
        };
        let mut config = builder
            .with_single_cert(self.leaf.chain(), self.leaf.private_key())
            .unwrap();
        config.alpn_protocols = self
            .alpn
            .iter()
            .map(|name| name.as_bytes().into())
            .collect();
        config.into()
    }

    /// Starts an echo server over TLS; returns its port.
    pub(crate) async fn start(&self) -> u16 {
        let acceptor = TlsAcceptor::from(self.config());
        serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    echo(Transport::other(stream)).await;
                }
            }
        })
        .await
    }
}

/// Gives every connection to `handler`; returns the port.
pub(crate) async fn serve<F, R>(handler: F) -> u16
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handler(stream));
        }
    });
    port
}

/// Answers the opening handshake.
pub(crate) async fn upgrade<S>(transport: &mut S) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(transport.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    // haproxy writes names in lower case.
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value)
    })?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    transport.write_all(answer.as_bytes()).await.ok()?;
    transport.flush().await.ok()
}

/// A WebSocket echo server for one connection.
pub(crate) async fn echo(mut transport: Transport) {
    if upgrade(&mut transport).await.is_none() {
        return;
    }
    let config = SocketConfig::new(Role::Server);
    let mut socket = Socket::new(transport, Bytes::new(), &config).await;
    while let Some(event) = socket.next().await {
        if let Event::Message { message, .. } = event {
            let _ = socket.send(message).await;
        }
    }
}

/// Roots in place of the platform's.
pub(crate) fn trust(pem: &str) -> TlsSettings {
    let files = Files::new();
    TlsSettings {
        trust: Trust::Roots(Roots::load(&files.write("roots.pem", pem)).unwrap()),
        ..TlsSettings::default()
    }
}

/// Anyone.
pub(crate) fn insecure() -> TlsSettings {
    TlsSettings {
        trust: Trust::Anyone,
        ..TlsSettings::default()
    }
}

/// Opens a connection.
pub(crate) async fn open_url(url: &str, settings: TlsSettings) -> Result<Opened, OpenFailure> {
    let config = OpenConfig {
        dial: DialConfig {
            tls: settings.into(),
            ..DialConfig::default()
        },
        timeout: Some(LIMIT),
        ..OpenConfig::default()
    };
    open(&url.parse().unwrap(), &config).await
}

/// Opens a connection to a port of this machine.
pub(crate) async fn open_port(port: u16, settings: TlsSettings) -> Result<Opened, OpenFailure> {
    open_url(&format!("wss://localhost:{port}/"), settings).await
}

/// Opens a connection that must fail in TLS.
pub(crate) async fn refusal(port: u16, settings: TlsSettings) -> TlsError {
    match open_port(port, settings)
        .await
        .map_err(|error| *error.cause)
    {
        Err(OpenError::Dial(DialError::Tls(error))) => error,
        other => panic!("{other:?}"),
    }
}

/// Sends a message, gets it back, and closes.
pub(crate) async fn talk(opened: Opened) -> Closed {
    let mut socket = opened.into_socket(&SocketConfig::new(Role::Client)).await;
    let message = Message::text("hello ".repeat(10_000));
    socket.send(message.clone()).await.unwrap();
    loop {
        match socket.next().await.unwrap() {
            Event::Message {
                message: echoed, ..
            } => {
                assert_eq!(echoed, message);
                break;
            }
            Event::Flushed => {}
            other => panic!("{other:?}"),
        }
    }
    let closed = socket.close(CloseFrame::new(CloseCode::NORMAL, "")).await;
    closed.unwrap()
}
