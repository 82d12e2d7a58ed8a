//! Dialling: from an address to a connected transport.
//!
//! The phases run in one pipeline, resolve → connect → proxy → TLS, each
//! timed and each failing with an error of its own. The opening handshake is
//! not part of it.

pub mod address;
mod happy_eyeballs;
pub mod proxy;
pub mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::lookup_host;
use tokio::time::Instant;
use url::Host;

use self::address::AddressConfig;
use self::proxy::{ProxyError, ProxyRules};
use self::tls::{TlsConfig, TlsError, TlsInfo};
use super::target::{Endpoint, Target};
use super::transport::Transport;

/// How long each phase took; `None` for a phase that did not take place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Name resolution.
    pub dns: Option<Duration>,
    /// The TCP (or Unix socket) connection.
    pub tcp: Option<Duration>,
    /// What the proxy took to connect through.
    pub proxy: Option<Duration>,
    /// The TLS handshake with the target.
    pub tls: Option<Duration>,
    /// The opening handshake.
    pub upgrade: Option<Duration>,
}

/// A connected transport.
#[derive(Debug)]
pub struct Dialed {
    /// The byte stream.
    pub transport: Transport,
    /// The peer's address, where it has one.
    pub peer: Option<SocketAddr>,
    /// What TLS has agreed on with the target, where it is in use.
    pub tls: Option<TlsInfo>,
    /// How long the phases took.
    pub timings: Timings,
}

/// How to dial.
#[derive(Debug, Clone, Default)]
pub struct DialConfig {
    /// Which addresses a name stands for, and from where to connect.
    pub address: AddressConfig,
    /// Which proxy leads to which target.
    pub proxies: ProxyRules,
    /// How TLS judges the server, and what it shows of the client.
    pub tls: TlsConfig,
}

/// Why no transport could be had, by phase.
#[derive(Debug, Error)]
pub enum DialError {
    /// The host name has no address.
    #[error("could not resolve '{host}': {source}")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's answer.
        source: io::Error,
    },
    /// No address accepted a connection.
    #[error("could not connect to {address}: {source}")]
    Connect {
        /// The address, or all that were tried.
        address: String,
        /// The last failure.
        source: io::Error,
    },
    /// The Unix domain socket did not accept a connection.
    #[error("could not connect to the unix socket '{}': {source}", path.display())]
    ConnectUnix {
        /// The socket's path.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// The proxy did not lead to the target.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The TLS handshake with the target failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Connects to the target's endpoint.
///
/// # Errors
/// A [`DialError`] of the phase that failed. There is no time limit here:
/// wrap the call, as [`open`](super::open()) does.
pub async fn dial(target: &Target, config: &DialConfig) -> Result<Dialed, DialError> {
    let mut dialed = match &target.endpoint {
        Endpoint::Tcp { host, port } => dial_tcp(host, *port).await?,
        Endpoint::Unix(path) => dial_unix(path).await?,
    };
    if target.secure {
        let start = Instant::now();
        let name = target.host_name();
        let (transport, info) = tls::connect(dialed.transport, &name, &config.tls).await?;
        dialed.transport = transport;
        dialed.tls = Some(info);
        dialed.timings.tls = Some(start.elapsed());
    }
    Ok(dialed)
}

async fn dial_tcp(host: &Host, port: u16) -> Result<Dialed, DialError> {
    let start = Instant::now();
    let (addresses, dns) = match host {
        Host::Ipv4(ip) => (vec![SocketAddr::from((*ip, port))], None),
        Host::Ipv6(ip) => (vec![SocketAddr::from((*ip, port))], None),
        Host::Domain(name) => (resolve(name, port).await?, Some(start.elapsed())),
    };
    let start = Instant::now();
    let stream = happy_eyeballs::connect(&addresses)
        .await
        .map_err(|source| DialError::Connect {
            address: list(&addresses),
            source,
        })?;
    // Small messages must not wait for the acknowledgement of earlier ones.
    // A socket that refuses the option still works.
    let _ = stream.set_nodelay(true);
    Ok(Dialed {
        peer: stream.peer_addr().ok(),
        transport: stream.into(),
        tls: None,
        timings: Timings {
            dns,
            tcp: Some(start.elapsed()),
            ..Timings::default()
        },
    })
}

async fn resolve(name: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let failed = |source| DialError::Resolve {
        host: name.to_owned(),
        source,
    };
    let addresses: Vec<_> = lookup_host((name, port)).await.map_err(failed)?.collect();
    if addresses.is_empty() {
        return Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        )));
    }
    Ok(addresses)
}

#[cfg(unix)]
async fn dial_unix(path: &PathBuf) -> Result<Dialed, DialError> {
    let start = Instant::now();
    let stream = UnixStream::connect(path)
        .await
        .map_err(|source| DialError::ConnectUnix {
            path: path.clone(),
            source,
        })?;
    Ok(Dialed {
        peer: None,
        transport: stream.into(),
        tls: None,
        timings: Timings {
            tcp: Some(start.elapsed()),
            ..Timings::default()
        },
    })
}

#[cfg(not(unix))]
async fn dial_unix(path: &PathBuf) -> Result<Dialed, DialError> {
    Err(DialError::ConnectUnix {
        path: path.clone(),
        source: io::Error::new(
            io::ErrorKind::Unsupported,
            "this platform has no unix sockets",
        ),
    })
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}
