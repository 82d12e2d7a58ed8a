//! Secrets, kept out of what is written down or shown.

use crate::connection::http::redact::{self, REDACTED};

/// Names of query parameters that carry a secret, since browsers let a page
/// set no headers on a WebSocket.
const SECRET_PARAMETERS: [&str; 8] = [
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "jwt",
    "password",
    "secret",
    "token",
];

/// Whether secrets are redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redaction {
    /// They are replaced by [`REDACTED`].
    #[default]
    On,
    /// They stay: the user has asked for it.
    Off,
}

impl Redaction {
    /// The head of a request or of an answer.
    pub fn head(self, head: &[u8]) -> String {
        let head = String::from_utf8_lossy(head);
        if self == Self::Off {
            return head.into_owned();
        }
        let head = redact::head(head.as_bytes());
        match head.split_once('\n') {
            Some((first, rest)) => format!("{}\n{rest}", self.url(first)),
            None => self.url(&head),
        }
    }

    /// A URL, or anything with a query in it.
    pub fn url(self, url: &str) -> String {
        let Some((path, query)) = url.split_once('?') else {
            return url.to_owned();
        };
        if self == Self::Off {
            return url.to_owned();
        }
        // In a request line, the query ends at a space.
        let (query, rest) = match query.find(' ') {
            Some(at) => query.split_at(at),
            None => (query, ""),
        };
        let parameters: Vec<_> = query
            .split('&')
            .map(|parameter| match parameter.split_once('=') {
                Some((name, _)) if is_secret_parameter(name) => format!("{name}={REDACTED}"),
                _ => parameter.to_owned(),
            })
            .collect();
        format!("{path}?{}{rest}", parameters.join("&"))
    }
}

/// A URL as it may be kept in the history: without user name and password.
pub fn without_userinfo(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = match authority.rfind('@') {
        Some(at) => &authority[at + 1..],
        None => authority,
    };
    match scheme {
        Some(scheme) => format!("{scheme}://{host}{path}"),
        None => format!("{host}{path}"),
    }
}

fn is_secret_parameter(name: &str) -> bool {
    SECRET_PARAMETERS
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_keeps_its_shape_and_loses_its_secrets() {
        let head = "GET /ws?a=1&token=s3cret HTTP/1.1\r\nHost: h\r\n\
            AUTHORIZATION: Bearer s3cret\r\nCookie:s3cret\r\nX-Token: kept\r\n\r\n";
        let shown = Redaction::On.head(head.as_bytes());
        assert_eq!(
            shown,
            "GET /ws?a=1&token=[redacted] HTTP/1.1\r\nHost: h\r\n\
             AUTHORIZATION: Bearer [redacted]\r\nCookie: [redacted]\r\nX-Token: kept\r\n\r\n"
        );
        assert_eq!(Redaction::Off.head(head.as_bytes()), head);
        // A server may end its lines by LF alone.
        let shown = Redaction::On.head(b"HTTP/1.1 101 A\nSet-Cookie: s3cret\n\n");
        assert_eq!(shown, "HTTP/1.1 101 A\nSet-Cookie: [redacted]\n\n");
    }

    #[test]
    fn urls() {
        for (url, shown) in [
            ("ws://h/ws", "ws://h/ws"),
            ("ws://h/ws?", "ws://h/ws?"),
            (
                "ws://h/?Access_Token=x&b",
                "ws://h/?Access_Token=[redacted]&b",
            ),
        ] {
            assert_eq!(Redaction::On.url(url), shown);
        }
        for (url, kept) in [
            ("ws://u:p@h:1/x?a=@b", "ws://h:1/x?a=@b"),
            ("u:p@w@h/x", "h/x"),
            ("h:1/@x", "h:1/@x"),
            ("", ""),
        ] {
            assert_eq!(without_userinfo(url), kept);
        }
    }
}
