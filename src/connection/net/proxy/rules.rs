//! Which proxy leads to which target.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Host;

use super::url::Proxy;
use crate::connection::net::target::{Endpoint, Target};
use crate::connection::net::tls::TlsConfig;

/// Which proxy leads to which target.
#[derive(Debug, Clone, Default)]
pub struct ProxyRules {
    /// The proxy for `ws://`.
    pub plain: Option<Proxy>,
    /// The proxy for `wss://`.
    pub secure: Option<Proxy>,
    /// The hosts that no proxy leads to.
    pub bypass: Bypass,
    /// How TLS judges an https proxy.
    pub tls: TlsConfig,
    /// The `User-Agent` header of CONNECT requests.
    pub user_agent: Option<String>,
}

impl ProxyRules {
    /// The same proxy for every target.
    pub fn all(proxy: Proxy) -> Self {
        Self {
            plain: Some(proxy.clone()),
            secure: Some(proxy),
            ..Self::default()
        }
    }

    /// The proxy for this target; none leads to a Unix socket.
    pub fn for_target(&self, target: &Target) -> Option<&Proxy> {
        let Endpoint::Tcp { host, .. } = &target.endpoint else {
            return None;
        };
        let proxy = if target.secure {
            &self.secure
        } else {
            &self.plain
        };
        proxy.as_ref().filter(|_| !self.bypass.covers(host))
    }
}

/// The hosts that are reached without a proxy, in the spelling of curl's
/// `--noproxy`: names with all that ends in them, addresses, networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bypass(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Everything,
    Network(IpNet),
    /// Lower case, without dots around it.
    Suffix(String),
}

impl Bypass {
    /// Reads a list with commas or blanks between its parts. What makes no
    /// sense fits nothing, as in curl. `*` counts only when it is all there is.
    pub fn parse(list: &str) -> Self {
        if list.trim() == "*" {
            return Self(vec![Pattern::Everything]);
        }
        let parts = list.split([',', ' ', '\t']);
        Self(parts.filter_map(pattern).collect())
    }

    /// Whether `host` is reached without a proxy.
    pub fn covers(&self, host: &Host) -> bool {
        self.0.iter().any(|pattern| match (pattern, host) {
            (Pattern::Everything, _) => true,
            (Pattern::Network(network), Host::Ipv4(ip)) => network.contains(&IpAddr::V4(*ip)),
            (Pattern::Network(network), Host::Ipv6(ip)) => network.contains(&IpAddr::V6(*ip)),
            (Pattern::Suffix(suffix), Host::Domain(name)) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                let before = name.strip_suffix(suffix.as_str());
                before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            _ => false,
        })
    }
}

fn pattern(text: &str) -> Option<Pattern> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some(Pattern::Network(ip.into()));
    }
    if let Ok(network) = text.parse() {
        return Some(Pattern::Network(network));
    }
    let name = text.trim_matches('.').to_ascii_lowercase();
    (!name.is_empty()).then_some(Pattern::Suffix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curls_matching() {
        for (list, host, expected) in [
            ("", "h", false),
            ("*", "h", true),
            (" * ", "127.0.0.1", true),
            ("*,x", "h", false),
            ("example.com", "example.com", true),
            ("example.com", "www.Example.com", true),
            ("example.com", "notexample.com", false),
            (".example.com", "example.com", true),
            (".example.com.", "a.example.com", true),
            ("example.com", "example.com.", true),
            ("www.example.com", "example.com", false),
            ("a, b c", "b", true),
            ("a, b c", "c", true),
            ("a,,b", "d", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.0/8", "127.200.0.2", true),
            ("192.168.0.0/16,10.0.0.0/8", "10.1.1.1", true),
            ("192.168.0.0/99", "192.168.0.1", false),
            ("::1", "[::1]", true),
            ("[::1]", "[::1]", true),
            ("fe80::/10", "[fe80::9]", true),
            ("0.0.1", "127.0.0.1", false),
            ("localhost", "127.0.0.1", false),
        ] {
            let host = Host::parse(host).unwrap();
            assert_eq!(Bypass::parse(list).covers(&host), expected, "{list} {host}");
        }
    }

    #[test]
    fn the_scheme_and_the_endpoint_choose() {
        let rules = ProxyRules {
            plain: Some("plain".parse().unwrap()),
            secure: Some("secure".parse().unwrap()),
            bypass: Bypass::parse("local"),
            ..ProxyRules::default()
        };
        for (url, expected) in [
            ("ws://h", Some("http://plain:1080")),
            ("wss://h", Some("http://secure:1080")),
            ("wss://a.local:1", None),
            ("ws+unix:/run/a.sock", None),
        ] {
            let target: Target = url.parse().unwrap();
            let found = rules.for_target(&target).map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{url}");
        }
    }
}
