//! What the rules apply to: one allowed origin, taken apart, the target, and
//! the attacker's domain.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

use crate::connection::Target;
use crate::connection::net::target::Endpoint;
use crate::origin::WebOrigin;

/// The part of a target that rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// Whether it is reached over TLS.
    pub secure: bool,
    /// Its host, as it stands in a URL.
    pub host: String,
    pub port: u16,
    /// The address that is connected to, where the URL has one.
    ip: Option<IpAddr>,
}

impl Site {
    /// The site of a target. One behind a Unix socket is the host that the
    /// request names.
    pub(crate) fn of(target: &Target) -> Self {
        let secure = target.secure;
        let default_port = if secure { 443 } else { 80 };
        let bare = url::Url::parse(&format!("ws://{}", target.authority)).ok();
        let (host, port) = match &target.endpoint {
            Endpoint::Tcp { host, port, .. } => (host.clone(), *port),
            _ => (
                bare.as_ref()
                    .and_then(|url| url.host().map(|host| host.to_owned()))
                    .unwrap_or(Host::Domain("localhost".into())),
                bare.and_then(|url| url.port()).unwrap_or(default_port),
            ),
        };
        let ip = match &host {
            Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(*ip)),
            Host::Domain(_) => None,
        };
        Self {
            secure,
            host: host.to_string(),
            port,
            ip,
        }
    }

    /// The same place under the name that the requests' `Host` header gives
    /// it: its own origin is of that name.
    pub(crate) fn named(mut self, authority: &str) -> Self {
        let url = url::Url::parse(&format!("ws://{authority}")).ok();
        if let Some((url, host)) = url.as_ref().and_then(|url| Some((url, url.host_str()?))) {
            self.host = host.to_owned();
            self.port = url.port().unwrap_or(if self.secure { 443 } else { 80 });
        }
        self
    }

    /// Whether only this machine or its network reaches it.
    pub(crate) fn is_private(&self) -> bool {
        match self.ip {
            Some(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            Some(IpAddr::V6(ip)) => ip.is_loopback() || is_local_v6(ip),
            None => {
                let name = self.host.trim_end_matches('.');
                name == "localhost"
                    || !name.contains('.')
                    || [".localhost", ".local", ".internal", ".lan", ".home.arpa"]
                        .iter()
                        .any(|end| name.ends_with(end))
            }
        }
    }

    /// The origin of a page that the target itself serves.
    pub(crate) fn web_origin(&self) -> WebOrigin {
        let text = self.origin(self.secure, self.port);
        text.parse().unwrap_or(WebOrigin::Null)
    }

    /// An origin of this host.
    pub(super) fn origin(&self, secure: bool, port: u16) -> String {
        origin_of(
            if secure { "https" } else { "http" },
            &self.host,
            Some(port),
        )
    }
}

fn is_local_v6(ip: Ipv6Addr) -> bool {
    // Unique local (RFC 4193) and link-local addresses.
    let first = ip.segments()[0];
    first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
}

/// Why a probe is left out.
pub(crate) type Skip = String;

/// What a probe puts into the opening handshake.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Request {
    /// The origin headers, in order: names and values.
    pub headers: Vec<(&'static str, String)>,
    /// Another value of the `Host` header.
    pub host: Option<String>,
    /// Another version of the protocol.
    pub version: Option<&'static str>,
}

impl Request {
    /// One `Origin` header.
    pub(crate) fn origin(value: impl Into<String>) -> Self {
        Self::default().with("Origin", value)
    }

    /// One more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The value of the one `Origin` header; `None` for none or several.
    pub(crate) fn single_origin(&self) -> Option<&str> {
        match self.headers.as_slice() {
            [("Origin", value)] => Some(value),
            _ => None,
        }
    }

    /// What is sent, in one line for people.
    pub(crate) fn shown(&self) -> String {
        let mut parts: Vec<String> = match self.single_origin() {
            Some("") => vec!["(empty)".into()],
            Some(value) => vec![value.to_owned()],
            None if self.headers.is_empty() => vec!["(none)".into()],
            None => {
                let line = |(name, value): &(&str, String)| format!("{name}: {value}");
                self.headers.iter().map(line).collect()
            }
        };
        parts.extend(self.host.iter().map(|host| format!("Host: {host}")));
        parts.extend(self.version.map(|v| format!("Sec-WebSocket-Version: {v}")));
        parts.join(" + ")
    }
}

/// One allowed origin, taken apart, with the target and the attacker's domain.
#[derive(Debug, Clone)]
pub(crate) struct Scene<'a> {
    /// The allowed origin as it is sent.
    pub allowed: String,
    /// `http` or `https`: the allowed origin's, or `https` where it has
    /// another.
    pub scheme: &'static str,
    /// The allowed origin's host; `None` where it has no DNS name or address.
    host: Option<String>,
    /// Its port, where it is not the scheme's default.
    pub port: Option<u16>,
    /// Where the registrable domain begins in `host`, where it has one.
    registrable_at: Option<usize>,
    /// The target.
    pub site: &'a Site,
    /// The attacker's domain.
    pub attacker: &'a str,
}

impl<'a> Scene<'a> {
    /// The scene of one allowed origin.
    pub(crate) fn new(allowed: &WebOrigin, site: &'a Site, attacker: &'a str) -> Self {
        let (scheme, host, port) = match allowed {
            WebOrigin::Tuple { scheme, host, port } if scheme == "http" => {
                ("http", Some(host.clone()), *port)
            }
            WebOrigin::Tuple { scheme, host, port } if scheme == "https" => {
                ("https", Some(host.clone()), *port)
            }
            _ => ("https", None, None),
        };
        let registrable_at = host.as_deref().and_then(registrable_at);
        Self {
            allowed: allowed.to_string(),
            scheme,
            host,
            port,
            registrable_at,
            site,
            attacker,
        }
    }

    /// The other of `http` and `https`.
    pub(crate) fn other_scheme(&self) -> &'static str {
        if self.scheme == "http" {
            "https"
        } else {
            "http"
        }
    }

    /// The allowed origin's host, be it a name or an address.
    pub(crate) fn host(&self) -> Result<&str, Skip> {
        self.host
            .as_deref()
            .ok_or_else(|| "the allowed origin has no host of the web".into())
    }

    /// The allowed origin's host, where it is a name.
    pub(crate) fn name(&self) -> Result<&str, Skip> {
        let host = self.host()?;
        if is_ip(host) {
            return Err(
                "the allowed origin's host is an address, which has no names below it".into(),
            );
        }
        Ok(host)
    }

    /// The allowed origin's host, where a name can follow it: `10.0.0.1.x.example`
    /// is a name like any other, since its last label is no number.
    pub(crate) fn stem(&self) -> Result<&str, Skip> {
        let host = self.host()?;
        if host.starts_with('[') {
            return Err("nothing can follow an IPv6 address in its brackets".into());
        }
        Ok(host)
    }

    /// Where the registrable domain of the allowed origin's host begins. Names
    /// that nobody can register (`.example`, `.test`, `.internal`, `.local`,
    /// `.localhost`, single labels) stand for those that the same server will
    /// run under: their last two labels are taken for what is registered.
    pub(crate) fn registrable_at(&self) -> Result<usize, Skip> {
        let name = self.name()?;
        let labels = || name.trim_end_matches('.').rmatch_indices('.');
        Ok(self
            .registrable_at
            .unwrap_or_else(|| labels().nth(1).map_or(0, |(at, _)| at + 1)))
    }

    /// The registrable domain of the allowed origin's host.
    pub(crate) fn registrable(&self) -> Result<&str, Skip> {
        let at = self.registrable_at()?;
        Ok(self.name()?.get(at..).unwrap_or_default())
    }

    /// The public suffix of the allowed origin's host, where it is a known one.
    pub(crate) fn public_suffix(&self) -> Result<&str, Skip> {
        let registrable = self.registrable()?;
        let suffix = registrable.split_once('.').map(|(_, suffix)| suffix);
        suffix
            .filter(|_| self.registrable_at.is_some())
            .ok_or_else(|| format!("'{registrable}' is under no known public suffix"))
    }

    /// The allowed origin with another host.
    pub(crate) fn with_host(&self, host: &str) -> String {
        origin_of(self.scheme, host, self.port)
    }

    /// The allowed origin with another host, which somebody could register.
    pub(crate) fn with_registrable(&self, host: &str) -> Result<Request, Skip> {
        if !self.is_registrable(host) {
            return Err(format!(
                "nobody can register '{host}' under a known public suffix"
            ));
        }
        Ok(Request::origin(self.with_host(host)))
    }

    /// Whether somebody could register this name, or one above it. Beside a name
    /// that nobody can register, any name could be.
    pub(crate) fn is_registrable(&self, host: &str) -> bool {
        let plain = host.trim_end_matches('.');
        let whole = plain
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
        let is_name = matches!(Host::parse(host), Ok(Host::Domain(_)));
        whole && is_name && (self.registrable_at.is_none() || registrable_at(host).is_some())
    }

    /// An origin of the attacker's: `prefix` and the attacker's domain.
    pub(crate) fn at_attacker(&self, prefix: &str) -> Request {
        Request::origin(self.with_host(&format!("{prefix}{}", self.attacker)))
    }

    /// The attacker's plain origin.
    pub(crate) fn foreign(&self) -> String {
        format!("{}://{}", self.scheme, self.attacker)
    }
}

/// `scheme://host:port` as it is serialised: without a default port.
pub(super) fn origin_of(scheme: &str, host: &str, port: Option<u16>) -> String {
    let default = match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    };
    match port.filter(|port| default != Some(*port)) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

pub(super) fn is_ip(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// Where the registrable domain begins, if the name has one under a suffix
/// of the public suffix list.
pub(crate) fn registrable_at(name: &str) -> Option<usize> {
    let plain = name.strip_suffix('.').unwrap_or(name);
    if plain.is_empty() || plain.split('.').any(str::is_empty) {
        return None;
    }
    let domain = psl::domain(plain.as_bytes())?;
    if !domain.suffix().is_known() {
        return None;
    }
    plain.len().checked_sub(domain.as_bytes().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrable_domains_need_a_known_suffix() {
        for (name, expected) in [
            ("client.com", Some(0)),
            ("app.client.co.uk", Some(4)),
            ("co.uk", None),
            ("localhost", None),
            ("client.example", None),
            ("client.co", Some(0)),
            ("alice.github.io", Some(0)),
            ("", None),
            (".com", None),
        ] {
            assert_eq!(registrable_at(name), expected, "{name}");
        }
    }

    #[test]
    fn private_sites_are_told_apart() {
        for (url, private) in [
            ("ws://127.0.0.1:1/", true),
            ("ws://[::1]:1/", true),
            ("ws://192.168.1.4/", true),
            ("ws://printer.local/", true),
            ("ws://localhost/", true),
            ("ws://203.0.113.9/", false),
            ("ws://client.com/", false),
        ] {
            let target: Target = url.parse().unwrap();
            assert_eq!(Site::of(&target).is_private(), private, "{url}");
        }
    }
}
