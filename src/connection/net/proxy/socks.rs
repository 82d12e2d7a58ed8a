//! SOCKS5 (RFC 1928) with user name and password (RFC 1929), by tokio-socks.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;
use url::Host;

use super::url::Proxy;
use crate::connection::net::transport::Transport;

/// Why a SOCKS proxy did not lead to the target.
#[derive(Debug)]
pub enum SocksError {
    /// It refused to connect to the target.
    Refused {
        /// The host and port that it was to connect to.
        destination: String,
        /// Its reason (RFC 1928 §6).
        reason: SocksReply,
    },
    /// It wants to know who asks, or did not believe it.
    Credentials {
        /// Whether a user name and password were offered.
        sent: bool,
    },
    /// The answer is not SOCKS5.
    NotSocks {
        /// What is wrong with the answer.
        cause: String,
    },
    /// SOCKS5 cannot carry the user name, password or host name.
    Request {
        /// What cannot be carried.
        cause: String,
    },
    /// It ended the connection without a complete answer.
    Closed,
    /// The connection to it failed.
    Io(io::Error),
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

/// Where the proxy is to connect to.
#[derive(Debug, Clone)]
pub(in crate::connection) enum Destination {
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
/// A [`SocksError`].
pub(in crate::connection) async fn connect(
    transport: Transport,
    proxy: &Proxy,
    destination: Destination,
) -> Result<Transport, SocksError> {
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

fn explain(proxy: &Proxy, destination: &Destination, error: tokio_socks::Error) -> SocksError {
    use tokio_socks::Error as Said;
    let refused = |reason| SocksError::Refused {
        destination: destination.to_string(),
        reason,
    };
    match error {
        Said::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => SocksError::Closed,
        Said::Io(source) => SocksError::Io(source),
        Said::NoAcceptableAuthMethods
        | Said::PasswordAuthFailure(_)
        | Said::AuthorizationRequired => SocksError::Credentials {
            sent: proxy.credentials.is_some(),
        },
        Said::InvalidAuthValues(cause) | Said::InvalidTargetAddress(cause) => SocksError::Request {
            cause: cause.to_owned(),
        },
        Said::GeneralSocksServerFailure => refused(SocksReply::General),
        Said::ConnectionNotAllowedByRuleset => refused(SocksReply::NotAllowed),
        Said::NetworkUnreachable => refused(SocksReply::NetworkUnreachable),
        Said::HostUnreachable => refused(SocksReply::HostUnreachable),
        Said::ConnectionRefused => refused(SocksReply::ConnectionRefused),
        Said::TtlExpired => refused(SocksReply::TtlExpired),
        Said::CommandNotSupported => refused(SocksReply::CommandNotSupported),
        Said::AddressTypeNotSupported => refused(SocksReply::AddressTypeNotSupported),
        Said::UnknownError => refused(SocksReply::Unknown),
        // Also what an unknown reply is called there.
        Said::UnknownAuthMethod => SocksError::NotSocks {
            cause: "it chose a method that was not offered, or gave a reply that RFC 1928 does not know".to_owned(),
        },
        other => SocksError::NotSocks {
            cause: other.to_string().to_lowercase(),
        },
    }
}
