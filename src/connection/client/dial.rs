//! Dialling: from an address to a connected transport.
//!
//! The phases run in one pipeline, resolve → connect → proxy → TLS, each
//! timed and each failing with an error of its own. The opening handshake is
//! not part of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
#[cfg(unix)]
use tokio::net::UnixStream;
use url::Host;

use crate::connection::client::proxy::{self, ProxyError};
use crate::connection::client::reached::{Phase, Reached};
use crate::connection::client::tcp::reach;
use crate::connection::net::address::AddressConfig;
use crate::connection::net::proxy::{Proxy, ProxyRules};
use crate::connection::net::target::{Endpoint, Target};
use crate::connection::net::tcp::TcpError;
use crate::connection::net::tls::{self, TlsConfig, TlsError};
use crate::connection::net::transport::Transport;

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

/// Connects to the target's endpoint; `reached` is how far that has come, also
/// where this is dropped on the way.
///
/// # Errors
/// A [`DialError`] of the phase that failed. There is no time limit here:
/// wrap the call, as [`open`](crate::connection::open()) does.
pub async fn dial(
    target: &Target,
    config: &DialConfig,
    reached: &mut Reached,
) -> Result<Transport, DialError> {
    let transport = match &target.endpoint {
        Endpoint::Unix(path) => dial_unix(path, reached).await?,
        Endpoint::Tcp { host, port } => {
            let (to, to_port) = config.address.destination(host, *port);
            match config.proxies.for_target(target) {
                Some(proxy) => through(proxy, (&to, to_port), config, reached).await?,
                None => reach(&to, to_port, &config.address, reached).await?,
            }
        }
    };
    if !target.secure {
        return Ok(transport);
    }
    reached.begin(Phase::Tls);
    let seen = Arc::clone(reached.tls_seen.insert(Arc::default()));
    let name = target.host_name();
    let (transport, info) = tls::connect(transport, &name, &config.tls, &seen).await?;
    reached.tls = Some(info);
    Ok(transport)
}

async fn through(
    proxy: &Proxy,
    to: (&Host, u16),
    config: &DialConfig,
    reached: &mut Reached,
) -> Result<Transport, DialError> {
    reached.proxy = Some(proxy.to_string());
    let transport = proxy::connect(proxy, to, &config.address, &config.proxies, reached).await;
    transport.map_err(|failed| match failed {
        proxy::Failed::Tcp(error) => DialError::Tcp(error),
        proxy::Failed::Proxy(cause) => DialError::Proxy(ProxyError {
            proxy: proxy.to_string(),
            cause,
        }),
    })
}

#[cfg(unix)]
async fn dial_unix(path: &Path, reached: &mut Reached) -> Result<Transport, DialError> {
    reached.begin(Phase::Tcp);
    let stream = UnixStream::connect(path)
        .await
        .map_err(|source| DialError::ConnectUnix {
            path: path.to_owned(),
            source,
        })?;
    Ok(stream.into())
}

#[cfg(not(unix))]
async fn dial_unix(path: &Path, _reached: &mut Reached) -> Result<Transport, DialError> {
    Err(DialError::ConnectUnix {
        path: path.to_owned(),
        source: io::Error::new(
            io::ErrorKind::Unsupported,
            "this platform has no unix sockets",
        ),
    })
}
