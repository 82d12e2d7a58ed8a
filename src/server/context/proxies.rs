//! Which proxies are believed when they say who their client is.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

use super::events::Peer;

/// A proxy that is believed, or a network of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Every address of a network.
    Net(IpNet),
    /// Whoever can connect to a Unix domain socket.
    Unix,
}

/// Why a string names no proxy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is not an address or a network; write 127.0.0.1, 10.0.0.0/8 or 'unix'")]
pub struct TrustedProxyError(String);

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let net = text
            .parse()
            .or_else(|_| text.parse().map(|ip: IpAddr| ip.into()));
        net.map(Self::Net)
            .map_err(|_| TrustedProxyError(text.to_owned()))
    }
}

/// The proxies that are believed; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<TrustedProxy>);

impl TrustedProxies {
    /// Whether the other end of a connection is one of them.
    pub(crate) fn trusts(&self, peer: Peer) -> bool {
        match peer {
            Peer::Tcp(address) => self.trusts_address(address.ip()),
            Peer::Forwarded(address) => self.trusts_address(address),
            Peer::Unix => self.0.contains(&TrustedProxy::Unix),
        }
    }

    /// Whether this address is that of one of them.
    pub(crate) fn trusts_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0
            .iter()
            .any(|proxy| matches!(proxy, TrustedProxy::Net(net) if net.contains(&address)))
    }
}

impl FromIterator<TrustedProxy> for TrustedProxies {
    fn from_iter<T: IntoIterator<Item = TrustedProxy>>(proxies: T) -> Self {
        Self(proxies.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trusted_proxies_by_address_network_and_socket() {
        let trusted: TrustedProxies = ["10.0.0.0/8", "2001:db8::1", "unix"]
            .map(|text| text.parse().unwrap())
            .into_iter()
            .collect();
        let tcp = |text: &str| Peer::Tcp(text.parse().unwrap());
        for (peer, expected) in [
            (tcp("10.1.2.3:4"), true),
            (tcp("[::ffff:10.1.2.3]:4"), true),
            (tcp("11.1.2.3:4"), false),
            (tcp("[2001:db8::1]:4"), true),
            (tcp("[2001:db8::2]:4"), false),
            (Peer::Unix, true),
        ] {
            assert_eq!(trusted.trusts(peer), expected, "{peer}");
        }
        assert!(!TrustedProxies::default().trusts(Peer::Unix));
        assert_eq!(
            "proxy".parse::<TrustedProxy>().unwrap_err().to_string(),
            "'proxy' is not an address or a network; write 127.0.0.1, 10.0.0.0/8 or 'unix'"
        );
    }
}
