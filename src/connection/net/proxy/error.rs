//! Why a proxy did not lead to the target, by cause.

use std::io;

use bytes::Bytes;
use thiserror::Error;

use crate::connection::http::Response;
use crate::connection::net::tls::TlsError;

/// A proxy's own answer to CONNECT, which is none of the target's.
#[derive(Debug)]
pub struct Refusal {
    /// The proxy, without its credentials.
    pub proxy: String,
    /// The host and port that it was to connect to.
    pub destination: String,
    /// The answer, with the beginning of its body.
    pub response: Response,
}

/// Why a proxy did not lead to the target.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// The proxy's name has no address.
    #[error("could not resolve the name of the proxy {proxy}: {source}")]
    Resolve {
        /// The proxy.
        proxy: String,
        /// The resolver's answer.
        source: io::Error,
    },
    /// The proxy does not accept connections.
    #[error("could not connect to the proxy {proxy} ({address}): {source}")]
    Connect {
        /// The proxy.
        proxy: String,
        /// The addresses that were tried.
        address: String,
        /// The last failure.
        source: io::Error,
    },
    /// The TLS handshake with an https proxy failed.
    #[error("no TLS with the proxy {proxy}: {source}")]
    Tls {
        /// The proxy.
        proxy: String,
        /// The failure.
        source: TlsError,
    },
    /// The proxy answered CONNECT with a refusal.
    #[error(
        "the proxy {} refused to connect to {}: {}",
        .0.proxy,
        .0.destination,
        .0.response.status_line()
    )]
    Refused(Box<Refusal>),
    /// The proxy answered 407 (or 401): it wants to know who asks.
    #[error("{}", credentials_message(.refusal, *.sent))]
    Credentials {
        /// Whether a user name and password were sent.
        sent: bool,
        /// The answer.
        refusal: Box<Refusal>,
    },
    /// The proxy ended the connection without a complete answer.
    #[error("the proxy {proxy} closed the connection {}", after(received))]
    Closed {
        /// The proxy.
        proxy: String,
        /// What had arrived.
        received: Bytes,
    },
    /// The answer to CONNECT is not HTTP.
    #[error("the proxy {proxy} did not answer in HTTP ({cause}); is it an HTTP proxy?")]
    NotHttp {
        /// The proxy.
        proxy: String,
        /// What had arrived.
        received: Bytes,
        /// The parser's finding.
        cause: httparse::Error,
    },
    /// The answer to CONNECT is TLS.
    #[error("the proxy {proxy} answers in TLS; write https:// in place of http://")]
    WantsTls {
        /// The proxy.
        proxy: String,
    },
    /// The head of the answer to CONNECT has no end.
    #[error("the head of the answer of the proxy {proxy} is over {limit_bytes} bytes")]
    HeadTooLarge {
        /// The proxy.
        proxy: String,
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// The connection to the proxy failed.
    #[error("the connection to the proxy {proxy} failed: {source}")]
    Io {
        /// The proxy.
        proxy: String,
        /// The failure.
        source: io::Error,
    },
    /// A SOCKS proxy refused to connect to the target.
    #[error("the proxy {proxy} could not connect to {destination}: {reason}")]
    SocksRefused {
        /// The proxy.
        proxy: String,
        /// The host and port that it was to connect to.
        destination: String,
        /// Its reason (RFC 1928 §6).
        reason: SocksReply,
    },
    /// A SOCKS proxy wants to know who asks, or did not believe it.
    #[error("{}", match sent {
        true => format!("the proxy {proxy} did not accept the user name and password"),
        false => format!(
            "the proxy {proxy} asks for a user name and password; write them into its URL: socks5h://USER:PASSWORD@HOST:PORT"
        ),
    })]
    SocksCredentials {
        /// The proxy.
        proxy: String,
        /// Whether a user name and password were offered.
        sent: bool,
    },
    /// The answer is not SOCKS5.
    #[error("the proxy {proxy} did not answer in SOCKS5 ({cause}); is it a SOCKS5 proxy?")]
    NotSocks {
        /// The proxy.
        proxy: String,
        /// What is wrong with the answer.
        cause: String,
    },
    /// SOCKS5 cannot carry the user name, password or host name.
    #[error("cannot ask the proxy {proxy}: {cause}")]
    SocksRequest {
        /// The proxy.
        proxy: String,
        /// What cannot be carried.
        cause: String,
    },
}

/// Why a SOCKS proxy could not connect (RFC 1928 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SocksReply {
    /// 1
    #[error("general failure of the SOCKS server")]
    General,
    /// 2
    #[error("not allowed by its rules")]
    NotAllowed,
    /// 3
    #[error("network unreachable")]
    NetworkUnreachable,
    /// 4
    #[error("host unreachable, or its name is not known there")]
    HostUnreachable,
    /// 5
    #[error("connection refused")]
    ConnectionRefused,
    /// 6
    #[error("the time to live has expired")]
    TtlExpired,
    /// 7
    #[error("it does not support the CONNECT command")]
    CommandNotSupported,
    /// 8
    #[error("it does not support this type of address")]
    AddressTypeNotSupported,
    /// Any other code.
    #[error("it gave a reason that RFC 1928 does not know")]
    Unknown,
}

fn credentials_message(refusal: &Refusal, sent: bool) -> String {
    let proxy = &refusal.proxy;
    if sent {
        return format!("the proxy {proxy} did not accept the user name and password");
    }
    let asks: Vec<_> = refusal.response.header("proxy-authenticate").collect();
    let asks = if asks.is_empty() {
        String::new()
    } else {
        format!(" ({})", asks.join(", "))
    };
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    format!(
        "the proxy {proxy} asks for a user name and password{asks}; write them into its URL: {scheme}://USER:PASSWORD@{rest}"
    )
}

fn after(received: &Bytes) -> String {
    match received.len() {
        0 => "without an answer".to_owned(),
        count => format!("after {count} bytes of its answer"),
    }
}
