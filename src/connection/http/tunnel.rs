//! HTTP CONNECT (RFC 9110 §9.3.6), over a plain or a TLS connection.

use std::io::Cursor;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, join, split};

use crate::connection::client::dial::DialConfig;
use crate::connection::http::HandshakeError;
use crate::connection::http::auth;
use crate::connection::http::response::{read_body, read_response};
use crate::connection::net::proxy::{Proxy, ProxyError, Refusal};
use crate::connection::net::transport::Transport;

/// Asks the proxy at the other end of `transport` to connect to
/// `destination` (`host:port`).
///
/// # Errors
/// A [`ProxyError`]; a refusal comes with the beginning of its body.
pub(in crate::connection) async fn connect(
    mut transport: Transport,
    proxy: &Proxy,
    destination: &str,
    config: &DialConfig,
) -> Result<Transport, ProxyError> {
    let failed = |source| ProxyError::Io {
        proxy: proxy.to_string(),
        source,
    };
    let request = request(proxy, destination, config);
    transport
        .write_all(request.as_bytes())
        .await
        .map_err(failed)?;
    transport.flush().await.map_err(failed)?;
    let answer = read_response(&mut transport).await;
    let (mut response, leftover) = answer.map_err(|error| explain(proxy, error))?;
    // RFC 9110 §9.3.6: "Any 2xx (Successful) response indicates that the
    // sender … will switch to tunnel mode".
    if (200..300).contains(&response.status) {
        return Ok(with_leftover(transport, leftover));
    }
    read_body(&mut response, &mut transport, leftover).await;
    let status = response.status;
    let refusal = Box::new(Refusal {
        proxy: proxy.to_string(),
        destination: destination.to_owned(),
        response,
    });
    Err(match status {
        // tinyproxy says 401 to who sends no credentials.
        401 | 407 => ProxyError::Credentials {
            sent: proxy.credentials.is_some(),
            refusal,
        },
        _ => ProxyError::Refused(refusal),
    })
}

fn request(proxy: &Proxy, destination: &str, config: &DialConfig) -> String {
    let mut request = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n");
    if let Some(credentials) = &proxy.credentials {
        let value = auth::basic(credentials);
        request.push_str(&format!("Proxy-Authorization: {value}\r\n"));
    }
    if let Some(agent) = &config.proxies.user_agent {
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

fn explain(proxy: &Proxy, error: HandshakeError) -> ProxyError {
    let proxy = proxy.to_string();
    match error {
        HandshakeError::Tls => ProxyError::WantsTls { proxy },
        HandshakeError::Closed { received, .. } => ProxyError::Closed { proxy, received },
        HandshakeError::NotHttp { received, cause } => ProxyError::NotHttp {
            proxy,
            received,
            cause,
        },
        HandshakeError::HeadTooLarge { limit_bytes } => {
            ProxyError::HeadTooLarge { proxy, limit_bytes }
        }
        HandshakeError::Io(source) => ProxyError::Io { proxy, source },
        HandshakeError::Rejected(rejection) => ProxyError::Refused(Box::new(Refusal {
            proxy,
            destination: String::new(),
            response: rejection.response,
        })),
    }
}
