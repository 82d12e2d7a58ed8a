//! Proxies: HTTP CONNECT over http and https, SOCKS5 and SOCKS5h.
//!
//! [`ProxyRules`] say which proxy leads to which target. The environment is
//! read elsewhere.

mod error;
mod rules;
mod socks;
mod url;

pub use self::error::{ProxyError, Refusal, SocksReply};
pub use self::rules::{Bypass, ProxyRules};
pub use self::url::{Proxy, ProxyKind, ProxyUrlError};

use ::url::Host;
use tokio::time::Instant;

use crate::connection::client::dial::{DialConfig, DialError, Dialed};
use crate::connection::http::tunnel;
use crate::connection::net::transport::Transport;
use crate::connection::net::{tcp, tls};

/// Connects to `host` and `port` through `proxy`.
///
/// # Errors
/// [`DialError::Proxy`] for everything that the proxy is to blame for, or
/// that kept us from it; [`DialError::Resolve`] where a SOCKS5 proxy leaves
/// the look-up of the target's name to us; [`DialError::Interface`].
pub(in crate::connection) async fn dial(
    proxy: &Proxy,
    host: &Host,
    port: u16,
    config: &DialConfig,
) -> Result<Dialed, DialError> {
    let mut dialed = tcp::dial(&proxy.host, proxy.port, &config.address)
        .await
        .map_err(|error| unreachable(proxy, error))?;
    let start = Instant::now();
    let destination = format!("{host}:{port}");
    dialed.transport = match proxy.kind {
        ProxyKind::Http => tunnel::connect(dialed.transport, proxy, &destination, config).await?,
        ProxyKind::Https => {
            let transport = secure(dialed.transport, proxy, config).await?;
            tunnel::connect(transport, proxy, &destination, config).await?
        }
        ProxyKind::Socks5h => {
            let to = socks::Destination::Name(host.clone(), port);
            socks::connect(dialed.transport, proxy, to).await?
        }
        ProxyKind::Socks5 => {
            let found = tcp::resolve(host, port, &config.address).await?;
            // SOCKS takes one address; the resolver's first is the preferred.
            let first = found.into_iter().next().ok_or_else(|| no_address(host))?;
            socks::connect(dialed.transport, proxy, socks::Destination::Address(first)).await?
        }
    };
    dialed.timings.proxy = Some(start.elapsed());
    dialed.proxy = Some(proxy.to_string());
    Ok(dialed)
}

async fn secure(
    transport: Transport,
    proxy: &Proxy,
    config: &DialConfig,
) -> Result<Transport, ProxyError> {
    let name = proxy.host.to_string();
    let connected = tls::connect(transport, &name, &config.proxies.tls).await;
    connected
        .map(|(transport, _)| transport)
        .map_err(|source| ProxyError::Tls {
            proxy: proxy.to_string(),
            source,
        })
}

/// What kept us from the proxy is the proxy's failure, not the target's.
fn unreachable(proxy: &Proxy, error: DialError) -> DialError {
    let proxy = proxy.to_string();
    match error {
        DialError::Resolve { source, .. } => ProxyError::Resolve { proxy, source }.into(),
        DialError::Connect { address, source } => ProxyError::Connect {
            proxy,
            address,
            source,
        }
        .into(),
        other => other,
    }
}

fn no_address(host: &Host) -> DialError {
    DialError::Resolve {
        host: host.to_string(),
        source: std::io::ErrorKind::NotFound.into(),
    }
}
