//! Dialling: from an address to a connected transport.
//!
//! The phases run in one pipeline, resolve → connect → proxy → TLS, each
//! timed and each failing with an error of its own. The opening handshake is
//! not part of it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::Instant;
use url::Host;

use crate::connection::client::proxy::{self, ProxyError};
use crate::connection::micros;
use crate::connection::net::address::AddressConfig;
use crate::connection::net::proxy::{Proxy, ProxyRules};
use crate::connection::net::target::{Endpoint, Target};
use crate::connection::net::tcp::{self, Connected, TcpError};
use crate::connection::net::tls::{self, TlsConfig, TlsError, TlsInfo};
use crate::connection::net::transport::Transport;

/// How long each phase took; `None` for a phase that did not take place. As
/// JSON, in microseconds, and only of the phases that did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Name resolution: of the proxy's name, where there is one.
    #[serde(
        rename = "dns_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub dns: Option<Duration>,
    /// The TCP (or Unix socket) connection, to the proxy where there is one.
    #[serde(
        rename = "tcp_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub tcp: Option<Duration>,
    /// What the proxy took to connect through: TLS with it, its answer, and
    /// the look-up of the target's name where that is ours to do.
    #[serde(
        rename = "proxy_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub proxy: Option<Duration>,
    /// The TLS handshake with the target.
    #[serde(
        rename = "tls_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub tls: Option<Duration>,
    /// The opening handshake.
    #[serde(
        rename = "upgrade_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub upgrade: Option<Duration>,
    /// All that came before the last redirect. The other times are of the
    /// connection that was opened.
    #[serde(
        rename = "redirects_us",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub redirects: Option<Duration>,
}

/// A connected transport.
#[derive(Debug)]
pub struct Dialed {
    /// The byte stream.
    pub transport: Transport,
    /// The peer's address, where it has one.
    pub peer: Option<SocketAddr>,
    /// The proxy that leads to the peer, without its credentials. The address
    /// above is then the proxy's.
    pub proxy: Option<String>,
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
    /// There is no TCP connection.
    #[error(transparent)]
    Tcp(#[from] TcpError),
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
/// wrap the call, as [`open`](crate::connection::open()) does.
pub async fn dial(target: &Target, config: &DialConfig) -> Result<Dialed, DialError> {
    let mut dialed = match &target.endpoint {
        Endpoint::Unix(path) => dial_unix(path).await?,
        Endpoint::Tcp { host, port } => {
            let (to, to_port) = config.address.destination(host, *port);
            match config.proxies.for_target(target) {
                Some(proxy) => through(proxy, (&to, to_port), config).await?,
                None => tcp::connect(&to, to_port, &config.address).await?.into(),
            }
        }
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

impl From<Connected> for Dialed {
    fn from(connected: Connected) -> Self {
        Self {
            transport: connected.transport,
            peer: connected.peer,
            proxy: None,
            tls: None,
            timings: Timings {
                dns: connected.resolved_in,
                tcp: Some(connected.connected_in),
                ..Timings::default()
            },
        }
    }
}

async fn through(
    proxy: &Proxy,
    to: (&Host, u16),
    config: &DialConfig,
) -> Result<Dialed, DialError> {
    let connected = proxy::connect(proxy, to, &config.address, &config.proxies).await;
    let (connected, time) = connected.map_err(|failed| match failed {
        proxy::Failed::Tcp(error) => DialError::Tcp(error),
        proxy::Failed::Proxy(cause) => DialError::Proxy(ProxyError {
            proxy: proxy.to_string(),
            cause,
        }),
    })?;
    let mut dialed = Dialed::from(connected);
    dialed.timings.proxy = Some(time);
    dialed.proxy = Some(proxy.to_string());
    Ok(dialed)
}

#[cfg(unix)]
async fn dial_unix(path: &Path) -> Result<Dialed, DialError> {
    let start = Instant::now();
    let stream = UnixStream::connect(path)
        .await
        .map_err(|source| DialError::ConnectUnix {
            path: path.to_owned(),
            source,
        })?;
    Ok(Dialed {
        peer: None,
        transport: stream.into(),
        proxy: None,
        tls: None,
        timings: Timings {
            tcp: Some(start.elapsed()),
            ..Timings::default()
        },
    })
}

#[cfg(not(unix))]
async fn dial_unix(path: &Path) -> Result<Dialed, DialError> {
    Err(DialError::ConnectUnix {
        path: path.to_owned(),
        source: io::Error::new(
            io::ErrorKind::Unsupported,
            "this platform has no unix sockets",
        ),
    })
}
