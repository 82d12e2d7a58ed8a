//! A proxy's address, in curl's spelling.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::{Host, Url};

use crate::connection::net::target::Credentials;

/// curl's default port of every proxy but https ones.
const DEFAULT_PORT: u16 = 1080;

/// A proxy. Neither `Debug` nor `Display` shows the password; `Display` shows
/// no user name either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    pub host: Host,
    pub port: u16,
    /// What proves to it who we are.
    pub credentials: Option<Credentials>,
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP CONNECT.
    Http,
    /// HTTP CONNECT over TLS.
    Https,
    /// SOCKS5, names resolved by us.
    Socks5,
    /// SOCKS5, names resolved by the proxy.
    Socks5h,
}

impl ProxyKind {
    /// The URL scheme.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }
}

/// Why a string is no proxy address. The URL is not part of the message: it
/// may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProxyUrlError {
    /// The URL does not parse.
    #[error("the proxy's URL is not valid ({0}); write http://HOST:PORT")]
    Invalid(url::ParseError),
    /// A kind of proxy that is not spoken.
    #[error("'{0}' is no kind of proxy known here; use http://, https://, socks5:// or socks5h://")]
    Scheme(String),
}

impl FromStr for Proxy {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        // Without a scheme, curl means an HTTP proxy.
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyKind::Http,
            "https" => ProxyKind::Https,
            "socks5" => ProxyKind::Socks5,
            // What desktops write for "some SOCKS", which is 5 today.
            "socks5h" | "socks" => ProxyKind::Socks5h,
            _ => return Err(ProxyUrlError::Scheme(scheme.into())),
        };
        // Under a scheme that `url` does not know it keeps a port 80 that is
        // written out, which is not the default here.
        let url = Url::parse(&format!("proxy://{rest}")).map_err(ProxyUrlError::Invalid)?;
        let host = url.host_str().unwrap_or_default();
        let host = Host::parse(&decode(host)).map_err(ProxyUrlError::Invalid)?;
        let default_port = match kind {
            ProxyKind::Https => 443,
            _ => DEFAULT_PORT,
        };
        let named = !url.username().is_empty() || url.password().is_some();
        Ok(Self {
            kind,
            host,
            port: url.port().unwrap_or(default_port),
            credentials: named.then(|| Credentials {
                user: decode(url.username()),
                password: decode(url.password().unwrap_or_default()),
            }),
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.kind.scheme(), self.host, self.port)
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_proxy_is_understood() {
        for (text, shown, credentials) in [
            ("p", "http://p:1080", None),
            ("p:3128", "http://p:3128", None),
            ("http://p:80/", "http://p:80", None),
            ("HTTP://P", "http://p:1080", None),
            ("https://p", "https://p:443", None),
            ("https://p:8443", "https://p:8443", None),
            ("socks5://127.0.0.1", "socks5://127.0.0.1:1080", None),
            ("socks5h://[::1]:9", "socks5h://[::1]:9", None),
            ("socks://127.0.0.1:1080/", "socks5h://127.0.0.1:1080", None),
            ("http://u@p:1", "http://p:1", Some(("u", ""))),
            ("u%40x:p%3Aw@p:1", "http://p:1", Some(("u@x", "p:w"))),
        ] {
            let proxy: Proxy = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(proxy.to_string(), shown, "{text}");
            let found = proxy.credentials.as_ref();
            let found = found.map(|c| (c.user.as_str(), c.password.as_str()));
            assert_eq!(found, credentials, "{text}");
        }
    }

    #[test]
    fn a_bad_address_says_what_is_wrong_and_shows_no_password() {
        for (text, message) in [
            (
                "ftp://u:secret@p",
                "'ftp' is no kind of proxy known here; use http://, https://, socks5:// or socks5h://",
            ),
            (
                "socks4://p",
                "'socks4' is no kind of proxy known here; use http://, https://, socks5:// or socks5h://",
            ),
            (
                "http://u:secret@p:99999",
                "the proxy's URL is not valid (invalid port number); write http://HOST:PORT",
            ),
            (
                "http://",
                "the proxy's URL is not valid (empty host); write http://HOST:PORT",
            ),
        ] {
            assert_eq!(text.parse::<Proxy>().unwrap_err().to_string(), message);
        }
        let proxy: Proxy = "http://u:secret@p".parse().unwrap();
        assert!(!format!("{proxy:?} {proxy}").contains("secret"));
    }
}
