//! Through a proxy to the target, and why that failed.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use url::Host;

use crate::connection::client::reached::{Phase, Reached};
use crate::connection::client::tcp::reach;
use crate::connection::http::head::{HeadError, Heard};
use crate::connection::http::response::Response;
use crate::connection::http::tunnel::{self, Connect, TunnelError};
use crate::connection::net::address::AddressConfig;
use crate::connection::net::proxy::socks::{self, Destination};
use crate::connection::net::proxy::{Proxy, ProxyKind, ProxyRules, SocksError};
use crate::connection::net::tcp::{self, TcpError};
use crate::connection::net::tls::{self, TlsError};
use crate::connection::net::transport::Transport;

/// Why a proxy did not lead to the target.
#[derive(Debug)]
pub struct ProxyError {
    /// The proxy, without its credentials.
    pub proxy: String,
    /// What went wrong with it.
    pub cause: ProxyCause,
}

/// What went wrong with a proxy.
#[derive(Debug)]
pub enum ProxyCause {
    /// It was not reached.
    Tcp(TcpError),
    /// The TLS handshake with an https proxy failed.
    Tls(TlsError),
    /// It answered CONNECT with a refusal, which is none of the target's.
    Refused {
        /// The host and port that it was to connect to.
        destination: String,
        /// The answer, with the beginning of its body.
        response: Box<Response>,
    },
    /// It answered 407 (or 401): it wants to know who asks.
    Credentials {
        /// Whether a user name and password were sent.
        sent: bool,
        /// The answer, with the beginning of its body.
        response: Box<Response>,
    },
    /// It gave no answer of HTTP.
    Head(HeadError),
    /// A SOCKS proxy did not connect.
    Socks(SocksError),
}

impl ProxyError {
    /// Its answer to CONNECT, where that was a refusal.
    pub fn response(&self) -> Option<&Response> {
        match &self.cause {
            ProxyCause::Refused { response, .. } | ProxyCause::Credentials { response, .. } => {
                Some(response)
            }
            _ => None,
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            ProxyCause::Tcp(
                TcpError::Resolve { source, .. }
                | TcpError::Interface { source, .. }
                | TcpError::Connect { source, .. },
            )
            | ProxyCause::Head(HeadError::Io(source))
            | ProxyCause::Socks(SocksError::Io(source)) => Some(source),
            ProxyCause::Tls(source) => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = &self.proxy;
        match &self.cause {
            ProxyCause::Tcp(TcpError::Resolve { source, .. }) => {
                write!(
                    f,
                    "could not resolve the name of the proxy {proxy}: {source}"
                )
            }
            ProxyCause::Tcp(TcpError::Connect { address, source }) => write!(
                f,
                "could not connect to the proxy {proxy} ({address}): {source}"
            ),
            ProxyCause::Tcp(error @ TcpError::Interface { .. }) => error.fmt(f),
            ProxyCause::Tls(source) => write!(f, "no TLS with the proxy {proxy}: {source}"),
            ProxyCause::Refused {
                destination,
                response,
            } => write!(
                f,
                "the proxy {proxy} refused to connect to {destination}: {}",
                response.head.start_line()
            ),
            ProxyCause::Credentials { sent: true, .. }
            | ProxyCause::Socks(SocksError::Credentials { sent: true }) => write!(
                f,
                "the proxy {proxy} did not accept the user name and password"
            ),
            ProxyCause::Credentials {
                sent: false,
                response,
            } => f.write_str(&asks_who(proxy, response)),
            ProxyCause::Head(error) => f.write_str(&no_head(proxy, error)),
            ProxyCause::Socks(error) => f.write_str(&no_socks(proxy, error)),
        }
    }
}

fn asks_who(proxy: &str, response: &Response) -> String {
    let asks: Vec<_> = response.header("proxy-authenticate").collect();
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

fn no_head(proxy: &str, error: &HeadError) -> String {
    match error {
        HeadError::Closed { received } => {
            format!(
                "the proxy {proxy} closed the connection {}",
                after(received)
            )
        }
        HeadError::NotHttp { cause, .. } => {
            format!("the proxy {proxy} did not answer in HTTP ({cause}); is it an HTTP proxy?")
        }
        HeadError::Tls => {
            format!("the proxy {proxy} answers in TLS; write https:// in place of http://")
        }
        HeadError::TooLarge { limit_bytes } => {
            format!("the head of the answer of the proxy {proxy} is over {limit_bytes} bytes")
        }
        HeadError::Interim { limit } => {
            format!("the proxy {proxy} sent over {limit} interim answers (1xx) and no final one")
        }
        HeadError::Io(source) => lost(proxy, source),
    }
}

fn no_socks(proxy: &str, error: &SocksError) -> String {
    match error {
        SocksError::Refused {
            destination,
            reason,
        } => format!("the proxy {proxy} could not connect to {destination}: {reason}"),
        SocksError::Credentials { .. } => format!(
            "the proxy {proxy} asks for a user name and password; write them into its URL: socks5h://USER:PASSWORD@HOST:PORT"
        ),
        SocksError::NotSocks { cause } => {
            format!("the proxy {proxy} did not answer in SOCKS5 ({cause}); is it a SOCKS5 proxy?")
        }
        SocksError::Request { cause } => format!("cannot ask the proxy {proxy}: {cause}"),
        SocksError::Closed => {
            format!("the proxy {proxy} closed the connection without an answer")
        }
        SocksError::Io(source) => lost(proxy, source),
    }
}

fn lost(proxy: &str, source: &io::Error) -> String {
    format!("the connection to the proxy {proxy} failed: {source}")
}

fn after(received: &Bytes) -> String {
    match received.len() {
        0 => "without an answer".to_owned(),
        count => format!("after {count} bytes of its answer"),
    }
}

/// What a dial through a proxy failed at: getting through it, or what remains
/// ours with it in use, such as the look-up of the target for SOCKS5.
pub(super) enum Failed {
    Proxy(ProxyCause),
    Tcp(TcpError),
}

/// Connects to `host` and `port` through `proxy`.
pub(super) async fn connect(
    proxy: &Proxy,
    (host, port): (&Host, u16),
    address: &AddressConfig,
    rules: &ProxyRules,
    reached: &mut Reached,
) -> Result<Transport, Failed> {
    let transport = reach(&proxy.host, proxy.port, address, reached)
        .await
        .map_err(not_reached)?;
    reached.begin(Phase::Proxy);
    let destination = format!("{host}:{port}");
    let asked = Connect {
        destination: &destination,
        credentials: proxy.credentials.as_ref(),
        user_agent: rules.user_agent.as_deref(),
        end: reached.exchange.end,
    };
    let heard = &mut reached.exchange.heard;
    match proxy.kind {
        ProxyKind::Http => tunnel(transport, asked, heard).await,
        ProxyKind::Https => {
            let name = proxy.host.to_string();
            let (transport, _) = tls::connect(transport, &name, &rules.tls, &Arc::default())
                .await
                .map_err(|error| Failed::Proxy(ProxyCause::Tls(error)))?;
            tunnel(transport, asked, heard).await
        }
        ProxyKind::Socks5h => {
            let to = Destination::Name(host.clone(), port);
            through_socks(transport, proxy, to).await
        }
        ProxyKind::Socks5 => {
            let found = tcp::resolve(host, port, address)
                .await
                .map_err(Failed::Tcp)?;
            // SOCKS takes one address; the resolver's first is the preferred.
            let first = found.into_iter().next().ok_or_else(|| no_address(host))?;
            through_socks(transport, proxy, Destination::Address(first)).await
        }
    }
}

/// What kept us from the proxy is the proxy's failure, not the target's; that
/// there is nothing to connect from is neither's.
fn not_reached(error: TcpError) -> Failed {
    match error {
        error @ TcpError::Interface { .. } => Failed::Tcp(error),
        error => Failed::Proxy(ProxyCause::Tcp(error)),
    }
}

async fn tunnel(
    transport: Transport,
    asked: Connect<'_>,
    heard: &mut Heard,
) -> Result<Transport, Failed> {
    let connected = tunnel::connect(transport, asked, heard).await;
    connected.map_err(|error| {
        Failed::Proxy(match error {
            TunnelError::Head(error) => ProxyCause::Head(error),
            // tinyproxy says 401 to who sends no credentials.
            TunnelError::Refused(response) if matches!(response.status(), 401 | 407) => {
                ProxyCause::Credentials {
                    sent: asked.credentials.is_some(),
                    response,
                }
            }
            TunnelError::Refused(response) => ProxyCause::Refused {
                destination: asked.destination.to_owned(),
                response,
            },
        })
    })
}

async fn through_socks(
    transport: Transport,
    proxy: &Proxy,
    to: Destination,
) -> Result<Transport, Failed> {
    socks::connect(transport, proxy, to)
        .await
        .map_err(|error| Failed::Proxy(ProxyCause::Socks(error)))
}

fn no_address(host: &Host) -> Failed {
    Failed::Tcp(TcpError::Resolve {
        host: host.to_string(),
        source: io::ErrorKind::NotFound.into(),
    })
}
