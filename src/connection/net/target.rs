//! A WebSocket address, parsed.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::{Host, Url};

use crate::connection::secrets::{self, Secrets};

/// Where a WebSocket is, and what to ask for there.
///
/// Understands `ws://` and `wss://`, `http://` and `https://` (the same), a
/// bare `host:port/path`, and `ws+unix:/socket/path:/http/path?query`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether TLS is spoken (`wss://`).
    pub secure: bool,
    /// Where to connect to.
    pub endpoint: Endpoint,
    /// The value of the `Host` header: the host, and the port where it is not
    /// the scheme's default.
    pub authority: String,
    /// The request target: path and query.
    pub resource: Resource,
    /// User name and password from the URL, percent-decoded.
    pub credentials: Option<Credentials>,
}

/// The transport address of a [`Target`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A host and a TCP port.
    Tcp {
        /// A domain name or an address.
        host: Host,
        /// The TCP port.
        port: u16,
    },
    /// A Unix domain socket.
    Unix(PathBuf),
}

/// A user name and a password. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password, empty when none was given.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Why a string is no WebSocket address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// The URL does not parse.
    #[error("'{url}' is not a valid URL: {cause}")]
    Invalid {
        /// What was given.
        url: String,
        /// The parser's finding.
        cause: url::ParseError,
    },
    /// The scheme is none of ours.
    #[error("'{url}' has the scheme '{scheme}'; use ws://, wss:// or ws+unix:")]
    Scheme {
        /// What was given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// RFC 6455 §3: "Fragment identifiers are meaningless in the context of
    /// WebSocket URIs and MUST NOT be used".
    #[error(
        "'{url}' has a fragment, which a WebSocket URL cannot have; remove it, or write '#' as %23"
    )]
    Fragment {
        /// What was given.
        url: String,
    },
    /// A port alone, which would be taken for an address or for nothing.
    #[error("'{url}' has a port and no host; write localhost:{}", url.trim_start_matches(':'))]
    NoHost {
        /// What was given.
        url: String,
    },
    /// A saved target, where only an address can stand.
    #[error(
        "'@{name}' is a saved target, which stands in the place of the URL on the command line alone"
    )]
    Saved {
        /// Its name.
        name: String,
    },
    /// Quotes of another shell.
    #[error(
        "'{url}' stands in quotes that the shell has left there; write it without them, or in \" where that is cmd.exe"
    )]
    Quoted {
        /// What was given.
        url: String,
    },
    /// A `ws+unix:` URL without a path to a socket.
    #[error("'{url}' names no socket; write ws+unix:/path/to/socket:/http/path")]
    NoSocketPath {
        /// What was given.
        url: String,
    },
}

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        if url.contains('#') {
            return Err(TargetError::Fragment { url: shown(url) });
        }
        if let Some(inner) = url.strip_prefix(['\'', '"']) {
            return Err(TargetError::Quoted {
                url: shown(inner.trim_end_matches(['\'', '"'])),
            });
        }
        if let Some(name) = url.strip_prefix('@') {
            return Err(TargetError::Saved { name: shown(name) });
        }
        if has_no_host(url) {
            return Err(TargetError::NoHost { url: shown(url) });
        }
        if let Some(rest) = strip_prefix_ignore_case(url, "ws+unix:") {
            return parse_unix(url, rest);
        }
        // `url` would take the host of `localhost:5000/ws` for a scheme.
        let absolute = if url.contains("://") {
            url.to_owned()
        } else {
            format!("ws://{url}")
        };
        let parsed = Url::parse(&absolute).map_err(|cause| TargetError::Invalid {
            url: shown(url),
            cause,
        })?;
        from_url(url, &parsed)
    }
}

impl Target {
    /// The host name that the URL gives, without its port: what a certificate
    /// must be for.
    pub fn host_name(&self) -> String {
        match &self.endpoint {
            Endpoint::Tcp { host, .. } => host.to_string(),
            Endpoint::Unix(_) => {
                let end = self.authority.rfind(':').unwrap_or(self.authority.len());
                self.authority[..end].to_owned()
            }
        }
    }

    /// The URL with the secrets of its query, not to be shown. User name and
    /// password are left out.
    pub fn wire_url(&self) -> String {
        self.url_with(self.resource.wire())
    }

    fn url_with(&self, resource: impl fmt::Display) -> String {
        match &self.endpoint {
            Endpoint::Tcp { .. } => {
                let scheme = if self.secure { "wss" } else { "ws" };
                format!("{scheme}://{}{resource}", self.authority)
            }
            Endpoint::Unix(path) => format!("ws+unix:{}:{resource}", path.display()),
        }
    }

    /// The same request, sent to a Unix domain socket.
    pub fn with_unix_socket(mut self, path: PathBuf) -> Self {
        self.endpoint = Endpoint::Unix(path);
        self
    }
}

/// A path and a query, which may hold secrets: `Debug` and `Display` show them
/// without.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Resource(String);

impl Resource {
    /// This path and query.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it goes over the wire, not to be shown.
    pub fn wire(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&secrets::resource(&self.0))
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", secrets::resource(&self.0))
    }
}

impl fmt::Display for Target {
    /// The URL without its credentials, and without the secrets in its query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url_with(&self.resource))
    }
}

/// Whether this is a port alone, with or without its colon, and what may follow.
fn has_no_host(url: &str) -> bool {
    let authority = url.split(['/', '?']).next().unwrap_or_default();
    let port = authority.strip_prefix(':').unwrap_or(authority);
    !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn from_url(given: &str, url: &Url) -> Result<Target, TargetError> {
    let secure = match url.scheme() {
        "ws" | "http" => false,
        "wss" | "https" => true,
        scheme => {
            return Err(TargetError::Scheme {
                url: shown(given),
                scheme: scheme.into(),
            });
        }
    };
    let invalid = |cause| TargetError::Invalid {
        url: shown(given),
        cause,
    };
    // Of the special schemes above, `url` refuses an empty host by itself.
    let host = url.host().ok_or(invalid(url::ParseError::EmptyHost))?;
    let port = url
        .port_or_known_default()
        .ok_or(invalid(url::ParseError::InvalidPort))?;
    let mut authority = host.to_string();
    if let Some(port) = url.port() {
        authority = format!("{authority}:{port}");
    }
    let mut resource = url.path().to_owned();
    if let Some(query) = url.query() {
        resource = format!("{resource}?{query}");
    }
    let credentials =
        (!url.username().is_empty() || url.password().is_some()).then(|| Credentials {
            user: decode(url.username()),
            password: decode(url.password().unwrap_or_default()),
        });
    Ok(Target {
        secure,
        endpoint: Endpoint::Tcp {
            host: host.to_owned(),
            port,
        },
        authority,
        resource: Resource(resource),
        credentials,
    })
}

fn parse_unix(given: &str, rest: &str) -> Result<Target, TargetError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (socket, resource) = match rest.rfind(":/") {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, "/"),
    };
    if socket.is_empty() {
        return Err(TargetError::NoSocketPath { url: shown(given) });
    }
    // The same normalisation that a path gets in a ws:// URL.
    let parsed =
        Url::parse(&format!("ws://localhost{resource}")).map_err(|cause| TargetError::Invalid {
            url: shown(given),
            cause,
        })?;
    Ok(from_url(given, &parsed)?.with_unix_socket(PathBuf::from(decode(socket))))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

/// A URL that is not valid, as an error may show it.
fn shown(url: &str) -> String {
    Secrets::default().url(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_and_quotes_are_told_what_to_write() {
        for (given, told) in [
            (
                "5000",
                "'5000' has a port and no host; write localhost:5000",
            ),
            (
                ":5000/ws",
                "':5000/ws' has a port and no host; write localhost:5000/ws",
            ),
            (
                "@staging",
                "'@staging' is a saved target, which stands in the place of the URL on the command line alone",
            ),
            (
                "'ws://h/'",
                "'ws://h/' stands in quotes that the shell has left there; write it without them, or in \" where that is cmd.exe",
            ),
        ] {
            let error = given.parse::<Target>().unwrap_err();
            assert_eq!(error.to_string(), told);
        }
        for given in ["5000.example", "2130706433", "1.2.3.4:80"] {
            assert!(given.parse::<Target>().is_ok(), "{given}");
        }
    }

    /// (given, endpoint, authority, resource)
    const GOOD: &[(&str, &str, &str, &str)] = &[
        ("ws://h", "h 80", "h", "/"),
        ("ws://H:5000/ws?a=b", "h 5000", "h:5000", "/ws?a=b"),
        ("http://h/x", "h 80", "h", "/x"),
        ("ws://h:80/x", "h 80", "h", "/x"),
        (
            "localhost:5000/ws",
            "localhost 5000",
            "localhost:5000",
            "/ws",
        ),
        ("localhost", "localhost 80", "localhost", "/"),
        ("127.0.0.1:1/a b", "127.0.0.1 1", "127.0.0.1:1", "/a%20b"),
        ("[::1]:9", "[::1] 9", "[::1]:9", "/"),
        (
            "ws://bücher.example/",
            "xn--bcher-kva.example 80",
            "xn--bcher-kva.example",
            "/",
        ),
        (
            "ws+unix:/run/a.sock:/ws?x=1",
            "unix /run/a.sock",
            "localhost",
            "/ws?x=1",
        ),
        (
            "ws+unix:/run/a:/b.sock:/ws",
            "unix /run/a:/b.sock",
            "localhost",
            "/ws",
        ),
        (
            "ws+unix:///run/a.sock",
            "unix /run/a.sock",
            "localhost",
            "/",
        ),
        ("ws+unix:a.sock:/", "unix a.sock", "localhost", "/"),
    ];

    #[test]
    fn every_form_of_a_url_is_understood() {
        for (given, endpoint, authority, resource) in GOOD {
            let target: Target = given.parse().unwrap_or_else(|e| panic!("{given}: {e}"));
            let shown = match &target.endpoint {
                Endpoint::Tcp { host, port } => format!("{host} {port}"),
                Endpoint::Unix(path) => format!("unix {}", path.display()),
            };
            assert_eq!(&shown, endpoint, "{given}");
            assert_eq!(&target.authority, authority, "{given}");
            assert_eq!(target.resource.wire(), *resource, "{given}");
            assert_eq!(target.credentials, None, "{given}");
        }
    }

    #[test]
    fn bad_urls_say_what_is_wrong() {
        for (given, message) in [
            (
                "ftp://h",
                "'ftp://h' has the scheme 'ftp'; use ws://, wss:// or ws+unix:",
            ),
            ("ws://", "'ws://' is not a valid URL: empty host"),
            ("", "'' is not a valid URL: empty host"),
            (
                "ws://h:70000",
                "'ws://h:70000' is not a valid URL: invalid port number",
            ),
            (
                "ws://h/#x",
                "'ws://h/#x' has a fragment, which a WebSocket URL cannot have; remove it, or write '#' as %23",
            ),
            (
                "ws+unix::/ws",
                "'ws+unix::/ws' names no socket; write ws+unix:/path/to/socket:/http/path",
            ),
        ] {
            let error = given.parse::<Target>().unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn credentials_are_decoded_and_not_shown() {
        let target: Target = "ws://u%40x:p%3Aw@h:1/".parse().unwrap();
        let credentials = target.credentials.clone().unwrap();
        assert_eq!(
            (credentials.user.as_str(), credentials.password.as_str()),
            ("u@x", "p:w")
        );
        assert_eq!(target.to_string(), "ws://h:1/");
        assert!(!format!("{target:?}").contains("p:w"));
        for broken in [
            "ws://u:secret@h:70000",
            "x://u:secret@h/",
            "ws://u:secret@h/#f",
            "ws://u:sec#secret@h/",
            "ws://u:a/secret@h/",
            "u:secret@[::1/",
            "ws://h:70000/?token=secret",
        ] {
            let error = broken.parse::<Target>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}
