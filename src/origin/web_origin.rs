//! The value of an `Origin` header (RFC 6454 §6.2), parsed and normalised.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use url::Host;

/// Where a page came from: a scheme, a host and a port, or `null`.
///
/// Two origins are equal where a browser holds them for the same: scheme and
/// host without regard to case, the scheme's default port written or not.
/// Anything that RFC 6454 does not call a serialised origin is none: a path
/// (`/` included), user information, spaces, an empty port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WebOrigin {
    /// `null`: a sandboxed frame, a local file, a redirect across origins. It
    /// says that the origin is hidden, so any page can have it sent.
    Null,
    /// A scheme, a host and a port.
    Tuple {
        /// The scheme, in lower case.
        scheme: String,
        /// The host, normalised: lower case, IDNA as ASCII, an IPv6 address in
        /// brackets. Empty for schemes without hosts (`file://`).
        host: String,
        /// The port, where it is not the scheme's default.
        port: Option<u16>,
    },
}

/// Why a string is no web origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OriginError {
    /// No `scheme://`.
    #[error("it has no scheme; write it as http://host or https://host:port")]
    NoScheme,
    /// Something follows the host and the port.
    #[error("an origin ends with its host or port; leave out the '/' and what follows it")]
    Path,
    /// User information.
    #[error("an origin has no user name or password")]
    Credentials,
    /// No host, or one that is not valid.
    #[error("its host is not valid")]
    Host,
    /// A port that is no number up to 65535 in its shortest form.
    #[error("its port is not a number from 0 to 65535")]
    Port,
}

impl FromStr for WebOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text == "null" {
            return Ok(Self::Null);
        }
        let (scheme, authority) = text.split_once("://").ok_or(OriginError::NoScheme)?;
        if !is_scheme(scheme) {
            return Err(OriginError::NoScheme);
        }
        if authority.contains(['/', '?', '#', '\\']) {
            return Err(OriginError::Path);
        }
        if authority.contains('@') {
            return Err(OriginError::Credentials);
        }
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = split_port(authority)?;
        let host = normalise_host(&scheme, host)?;
        Ok(Self::Tuple {
            port: port.filter(|port| default_port(&scheme) != Some(*port)),
            scheme,
            host,
        })
    }
}

impl fmt::Display for WebOrigin {
    /// The origin as a browser writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Tuple { scheme, host, port } => {
                write!(f, "{scheme}://{host}")?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
        }
    }
}

fn is_scheme(text: &str) -> bool {
    // RFC 3986 §3.1.
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Cuts the port off; the colons of an IPv6 address are inside its brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), OriginError> {
    let host_end = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority[host_end..].find(':') else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(host_end + colon);
    let port = &port[1..];
    let shortest = port == "0" || !port.starts_with('0');
    if !shortest || !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(OriginError::Port);
    }
    let port = port.parse().map_err(|_| OriginError::Port)?;
    Ok((host, Some(port)))
}

fn normalise_host(scheme: &str, host: &str) -> Result<String, OriginError> {
    let has_host = default_port(scheme).is_some();
    if host.is_empty() {
        return if has_host {
            Err(OriginError::Host)
        } else {
            Ok(String::new())
        };
    }
    // `Host::parse` would decode percent signs, which no browser sends: taking
    // them would make one origin of two different texts.
    let plain = |c: char| c.is_alphanumeric() || "-._~[]:".contains(c);
    if !host.chars().all(plain) {
        return Err(OriginError::Host);
    }
    if !has_host {
        return Ok(host.to_ascii_lowercase());
    }
    Host::parse(host)
        .map(|host| host.to_string())
        .map_err(|_| OriginError::Host)
}

/// The default port of the schemes whose host names are those of the DNS.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_holds_for_the_same_is_equal() {
        for (text, shown) in [
            ("http://example.com", "http://example.com"),
            ("HTTP://Example.COM", "http://example.com"),
            ("http://example.com:80", "http://example.com"),
            ("https://example.com:443", "https://example.com"),
            ("https://example.com:80", "https://example.com:80"),
            ("http://example.com.", "http://example.com."),
            ("http://localhost:5000", "http://localhost:5000"),
            ("http://a_b.example", "http://a_b.example"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[0:0::1]", "http://[::1]"),
            ("http://bücher.example", "http://xn--bcher-kva.example"),
            ("http://h:0", "http://h:0"),
            ("file://", "file://"),
            ("chrome-extension://AbC", "chrome-extension://abc"),
            ("null", "null"),
        ] {
            let origin: WebOrigin = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(origin.to_string(), shown, "{text}");
            assert_eq!(shown.parse(), Ok(origin), "{text}");
        }
    }

    #[test]
    fn what_is_no_serialised_origin_is_refused() {
        use OriginError::{Credentials, Host, NoScheme, Path, Port};
        for (text, error) in [
            ("", NoScheme),
            ("NULL", NoScheme),
            (" null", NoScheme),
            ("example.com", NoScheme),
            ("http:example.com", NoScheme),
            ("//example.com", NoScheme),
            ("1http://example.com", NoScheme),
            (" http://example.com", NoScheme),
            ("http://example.com/", Path),
            ("http://example.com/page", Path),
            ("http://example.com?x", Path),
            ("http://example.com#x", Path),
            ("http://example.com\\x", Path),
            ("http://user@example.com", Credentials),
            ("http://good.example:80@evil.example", Credentials),
            ("http://", Host),
            ("http://:80", Host),
            ("http://a b", Host),
            ("http://a.example,http", Host),
            ("http://a.example\t", Host),
            ("http://example%2ecom", Host),
            ("http://*.example.com", Host),
            ("http://[::1", Port),
            ("http://[x]", Host),
            ("http://::1", Port),
            ("http://h:", Port),
            ("http://h:x", Port),
            ("http://h:+1", Port),
            ("http://h:080", Port),
            ("http://h:65536", Port),
            ("http://h:1:2", Port),
            // RFC 6454 §7.1 allows a list; no browser sends one.
            ("http://a.example http://b.example", Path),
        ] {
            assert_eq!(text.parse::<WebOrigin>(), Err(error), "{text}");
        }
    }
}
