//! HTTP CONNECT (RFC 9110 §9.3.6), over a plain or a TLS connection.

use std::io::Cursor;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, join, split};
use tokio::time::Instant;

use crate::connection::http::auth;
use crate::connection::http::head::{HeadError, Heard};
use crate::connection::http::response::Response;
use crate::connection::net::target::Credentials;
use crate::connection::net::transport::Transport;

/// What a proxy is asked.
#[derive(Debug, Clone, Copy)]
pub(in crate::connection) struct Connect<'a> {
    /// Where it is to connect to (`host:port`).
    pub(in crate::connection) destination: &'a str,
    /// What proves to it who we are.
    pub(in crate::connection) credentials: Option<&'a Credentials>,
    /// The `User-Agent` header.
    pub(in crate::connection) user_agent: Option<&'a str>,
    /// When the opening is over, whatever has come by then.
    pub(in crate::connection) end: Option<Instant>,
}

/// Why there is no tunnel.
#[derive(Debug)]
pub(in crate::connection) enum TunnelError {
    /// An answer other than 2xx, with the beginning of its body.
    Refused(Box<Response>),
    /// No answer of HTTP.
    Head(HeadError),
}

/// Asks the proxy at the other end of `transport` to connect; `heard` is what has
/// come of its answer.
///
/// # Errors
/// A [`TunnelError`].
pub(in crate::connection) async fn connect(
    mut transport: Transport,
    asked: Connect<'_>,
    heard: &mut Heard,
) -> Result<Transport, TunnelError> {
    let failed = |error| TunnelError::Head(HeadError::Io(error));
    let request = request(asked);
    transport
        .write_all(request.as_bytes())
        .await
        .map_err(failed)?;
    transport.flush().await.map_err(failed)?;
    let answer = heard.head(&mut transport).await;
    let (head, leftover) = answer.map_err(TunnelError::Head)?;
    // RFC 9110 §9.3.6: "Any 2xx (Successful) response indicates that the
    // sender … will switch to tunnel mode".
    if (200..300).contains(&head.status()) {
        return Ok(with_leftover(transport, leftover));
    }
    let mut response = Response::from(head);
    response
        .read_body(&mut transport, leftover, asked.end)
        .await;
    Err(TunnelError::Refused(Box::new(response)))
}

fn request(asked: Connect<'_>) -> String {
    let destination = asked.destination;
    let mut request = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n");
    if let Some(credentials) = asked.credentials {
        let value = auth::basic(credentials);
        request.push_str(&format!("Proxy-Authorization: {value}\r\n"));
    }
    if let Some(agent) = asked.user_agent {
        request.push_str(&format!("User-Agent: {agent}\r\n"));
    }
    request.push_str("\r\n");
    request
}

/// A server that speaks first may be heard right behind the proxy's answer.
fn with_leftover(transport: Transport, leftover: Bytes) -> Transport {
    if leftover.is_empty() {
        return transport;
    }
    let (reader, writer) = split(transport);
    Transport::other(join(Cursor::new(leftover).chain(reader), writer))
}
