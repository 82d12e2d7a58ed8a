//! TCP connections: a name's addresses, and a connection to one of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use url::Host;

use crate::connection::net::address::{AddressConfig, Interface};
use crate::connection::net::happy_eyeballs;
use crate::connection::net::transport::Transport;

/// Why there is no TCP connection, by phase.
#[derive(Debug, Error)]
pub enum TcpError {
    /// The host name has no address.
    #[error("could not resolve '{host}': {source}")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's answer.
        source: io::Error,
    },
    /// There is nothing of that name to connect from.
    #[error("could not connect from '{interface}': {source}")]
    Interface {
        /// The interface, address or host name.
        interface: String,
        /// The failure.
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
}

/// Connects to one of `addresses`, which must not be empty; tells the peer's
/// address.
///
/// # Errors
/// A [`TcpError`].
pub(in crate::connection) async fn connect(
    addresses: &[SocketAddr],
    config: &AddressConfig,
) -> Result<(Transport, Option<SocketAddr>), TcpError> {
    let source = match &config.interface {
        Some(interface) => Source::find(interface).await?,
        None => Source::default(),
    };
    let (stream, peer) = happy_eyeballs::connect(addresses, |to| source.connect(to))
        .await
        .map_err(|source| TcpError::Connect {
            address: list(addresses),
            source,
        })?;
    // Small messages must not wait for the acknowledgement of earlier ones.
    // A socket that refuses the option still works.
    let _ = stream.set_nodelay(true);
    // The unspecified address leads to this machine by another one.
    let peer = match peer.ip().is_unspecified() {
        true => stream.peer_addr().ok(),
        false => Some(peer),
    };
    Ok((stream.into(), peer))
}

/// The addresses of `host` that may be connected to: never an empty list.
///
/// # Errors
/// [`TcpError::Resolve`].
pub(in crate::connection) async fn resolve(
    host: &Host,
    port: u16,
    config: &AddressConfig,
) -> Result<Vec<SocketAddr>, TcpError> {
    let failed = |source| TcpError::Resolve {
        host: host.to_string(),
        source,
    };
    let mut addresses = match (config.resolved(host, port), host) {
        (Some(given), _) => given,
        (None, Host::Ipv4(ip)) => vec![(*ip, port).into()],
        (None, Host::Ipv6(ip)) => vec![(*ip, port).into()],
        (None, Host::Domain(name)) => match lookup_host((name.as_str(), port)).await {
            Ok(found) => found.collect(),
            // RFC 6761 §6.3: it is this machine, also where no hosts file says so.
            Err(_) if is_localhost(name) => {
                [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]
                    .map(|ip: IpAddr| SocketAddr::new(ip, port))
                    .to_vec()
            }
            Err(error) => return Err(failed(error)),
        },
    };
    addresses.retain(|address| config.family.allows(address.ip()));
    if addresses.is_empty() {
        let message = format!("it has no {} address", config.family);
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, message)));
    }
    Ok(addresses)
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// What connections leave from, looked up.
#[derive(Debug, Default)]
struct Source {
    device: Option<String>,
    addresses: Option<Vec<IpAddr>>,
}

impl Source {
    async fn find(interface: &Interface) -> Result<Self, TcpError> {
        let failed = |source| TcpError::Interface {
            interface: interface.to_string(),
            source,
        };
        let (device, host) = match interface {
            Interface::Device(name) => (Some(name), None),
            Interface::Host(name) => (None, Some(name)),
            Interface::DeviceAndHost { device, host } => (Some(device), Some(host)),
            Interface::Any(name) if name.parse::<IpAddr>().is_ok() => (None, Some(name)),
            Interface::Any(name) if try_device(name).is_ok() => (Some(name), None),
            Interface::Any(name) => (None, Some(name)),
        };
        if let Some(name) = device {
            try_device(name).map_err(failed)?;
        }
        let addresses = match host {
            Some(name) => Some(local_addresses(name).await.map_err(failed)?),
            None => None,
        };
        Ok(Self {
            device: device.cloned(),
            addresses,
        })
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        if self.device.is_none() && self.addresses.is_none() {
            return TcpStream::connect(to).await;
        }
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(device) = &self.device {
            bind_device(&socket, device)?;
        }
        if let Some(addresses) = &self.addresses {
            let same_family = |ip: &&IpAddr| ip.is_ipv4() == to.is_ipv4();
            let ip = addresses.iter().find(same_family).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::AddrNotAvailable,
                    "--interface has no address of the same family",
                )
            })?;
            socket.bind((*ip, 0).into())?;
        }
        socket.connect(to).await
    }
}

async fn local_addresses(name: &str) -> io::Result<Vec<IpAddr>> {
    if let Ok(ip) = name.parse() {
        return Ok(vec![ip]);
    }
    let found = lookup_host((name, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Whether there is a network interface of this name to connect from.
fn try_device(name: &str) -> io::Result<()> {
    bind_device(&TcpSocket::new_v4()?, name)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn bind_device(socket: &TcpSocket, name: &str) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bind_device(_socket: &TcpSocket, _name: &str) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this platform cannot bind to an interface by name; give its address",
    ))
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::net::address::Family;

    #[tokio::test]
    async fn the_family_narrows_what_a_name_stands_for() {
        let mut config = AddressConfig {
            resolve: vec!["h:80:127.0.0.1,[::1]".parse().unwrap()],
            ..AddressConfig::default()
        };
        let host = Host::Domain("h".to_owned());
        for (family, expected) in [
            (Family::Any, "127.0.0.1:80, [::1]:80"),
            (Family::V4, "127.0.0.1:80"),
            (Family::V6, "[::1]:80"),
        ] {
            config.family = family;
            let found = resolve(&host, 80, &config).await.unwrap();
            assert_eq!(list(&found), expected);
        }
        let v6 = Host::parse("[::1]").unwrap();
        config.family = Family::V4;
        let error = resolve(&v6, 80, &config).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not resolve '[::1]': it has no IPv4 address"
        );
    }

    #[tokio::test]
    async fn connections_leave_from_the_given_address() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = [SocketAddr::from(([127, 0, 0, 1], port))];
        for interface in ["127.0.0.2", "host!127.0.0.2"] {
            let config = AddressConfig {
                interface: Some(interface.parse().unwrap()),
                ..AddressConfig::default()
            };
            let (connected, accepted) = tokio::join!(connect(&to, &config), listener.accept());
            assert!(connected.is_ok(), "{interface}: {connected:?}");
            assert_eq!(accepted.unwrap().1.ip().to_string(), "127.0.0.2");
        }
        let config = AddressConfig {
            interface: Some("if!no-such-device".parse().unwrap()),
            ..AddressConfig::default()
        };
        assert!(matches!(
            connect(&to, &config).await,
            Err(TcpError::Interface { .. })
        ));
    }
}
