//! SOCKS5 (RFC 1928) with user name and password (RFC 1929), by tokio-socks.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error as SocksError, TargetAddr};
use url::Host;

use super::error::SocksReply;
use super::{Proxy, ProxyError};
use crate::connection::net::transport::Transport;

/// Where the proxy is to connect to.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    /// An address that we looked up.
    Address(SocketAddr),
    /// A name for the proxy to look up, or an address that was given as such.
    Name(Host, u16),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

impl From<Destination> for TargetAddr<'static> {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::Address(address) => TargetAddr::Ip(address),
            Destination::Name(Host::Ipv4(ip), port) => TargetAddr::Ip((ip, port).into()),
            Destination::Name(Host::Ipv6(ip), port) => TargetAddr::Ip((ip, port).into()),
            Destination::Name(Host::Domain(name), port) => TargetAddr::Domain(name.into(), port),
        }
    }
}

/// Asks the proxy at the other end of `transport` to connect.
///
/// # Errors
/// A [`ProxyError`].
pub(super) async fn connect(
    transport: Transport,
    proxy: &Proxy,
    destination: Destination,
) -> Result<Transport, ProxyError> {
    let to = TargetAddr::from(destination.clone());
    let connected = match &proxy.credentials {
        Some(credentials) => {
            let (user, password) = (&credentials.user, &credentials.password);
            Socks5Stream::connect_with_password_and_socket(transport, to, user, password).await
        }
        None => Socks5Stream::connect_with_socket(transport, to).await,
    };
    connected
        .map(Socks5Stream::into_inner)
        .map_err(|error| explain(proxy, &destination, error))
}

fn explain(proxy: &Proxy, destination: &Destination, error: SocksError) -> ProxyError {
    let sent = proxy.credentials.is_some();
    let proxy = proxy.to_string();
    let refused = |reason| ProxyError::SocksRefused {
        proxy: proxy.clone(),
        destination: destination.to_string(),
        reason,
    };
    match error {
        SocksError::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            ProxyError::Closed {
                proxy,
                received: Bytes::new(),
            }
        }
        SocksError::Io(source) => ProxyError::Io { proxy, source },
        SocksError::NoAcceptableAuthMethods
        | SocksError::PasswordAuthFailure(_)
        | SocksError::AuthorizationRequired => ProxyError::SocksCredentials { proxy, sent },
        SocksError::InvalidAuthValues(cause) | SocksError::InvalidTargetAddress(cause) => {
            ProxyError::SocksRequest {
                proxy,
                cause: cause.to_owned(),
            }
        }
        SocksError::GeneralSocksServerFailure => refused(SocksReply::General),
        SocksError::ConnectionNotAllowedByRuleset => refused(SocksReply::NotAllowed),
        SocksError::NetworkUnreachable => refused(SocksReply::NetworkUnreachable),
        SocksError::HostUnreachable => refused(SocksReply::HostUnreachable),
        SocksError::ConnectionRefused => refused(SocksReply::ConnectionRefused),
        SocksError::TtlExpired => refused(SocksReply::TtlExpired),
        SocksError::CommandNotSupported => refused(SocksReply::CommandNotSupported),
        SocksError::AddressTypeNotSupported => refused(SocksReply::AddressTypeNotSupported),
        SocksError::UnknownError => refused(SocksReply::Unknown),
        other => ProxyError::NotSocks {
            proxy,
            cause: other.to_string().to_lowercase(),
        },
    }
}
