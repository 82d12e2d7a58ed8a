//! Which origins a server lets in, and why it refuses the others.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{OriginError, WebOrigin};

/// The rule for the `Origin` header of an opening handshake.
///
/// The default lets every well-formed origin in, and requests without one: a
/// program that is no browser can send any origin it likes, so the check
/// protects users of browsers, who cannot leave the header out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginPolicy {
    /// The origins that are let in; empty lets in all of them.
    allowed: Vec<WebOrigin>,
    /// Whether a request without an origin is refused.
    required: bool,
}

/// One entry of the list of allowed origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowOrigin {
    /// `*`: every origin.
    Any,
    /// This origin, and no other.
    Only(WebOrigin),
}

/// Why a string is no entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AllowOriginError {
    /// Not an origin.
    #[error("'{value}' is not an origin: {cause}")]
    Malformed {
        /// What was given.
        value: String,
        /// What is wrong with it.
        cause: OriginError,
    },
    /// An origin with a pattern in it.
    #[error("'{0}' has a wildcard, which an origin cannot have; list each origin, or '*' for all")]
    Wildcard(String),
    /// The address of a WebSocket, which no page comes from.
    #[error("'{0}' can match no page: an origin has the page's scheme, http:// or https://")]
    WebSocketScheme(String),
}

impl FromStr for AllowOrigin {
    type Err = AllowOriginError;

    fn from_str(text: &str) -> Result<Self, AllowOriginError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.contains('*') {
            return Err(AllowOriginError::Wildcard(text.into()));
        }
        match text.parse() {
            Ok(WebOrigin::Tuple { scheme, .. }) if matches!(scheme.as_str(), "ws" | "wss") => {
                Err(AllowOriginError::WebSocketScheme(text.into()))
            }
            Ok(origin) => Ok(Self::Only(origin)),
            Err(cause) => Err(AllowOriginError::Malformed {
                value: text.into(),
                cause,
            }),
        }
    }
}

/// Why an opening handshake is refused for its origin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OriginRefusal {
    /// No `Origin` header, or an empty one.
    #[error("the request has no Origin, and this server requires one")]
    Missing,
    /// More than one `Origin` header.
    #[error("the request has {0} Origin headers; a browser sends one")]
    Repeated(usize),
    /// A value that is no serialised origin.
    #[error("the Origin '{}' is malformed", Escaped(.0))]
    Malformed(Vec<u8>),
    /// An origin that is not on the list.
    #[error("the origin '{0}' is not allowed")]
    NotAllowed(WebOrigin),
}

impl OriginPolicy {
    /// A policy that lets in the listed origins; an empty list, or one with
    /// [`AllowOrigin::Any`] in it, lets in all. `required` refuses requests
    /// without an origin.
    pub fn new(allowed: impl IntoIterator<Item = AllowOrigin>, required: bool) -> Self {
        let listed: Option<Vec<_>> = allowed
            .into_iter()
            .map(|entry| match entry {
                AllowOrigin::Any => None,
                AllowOrigin::Only(origin) => Some(origin),
            })
            .collect();
        Self {
            allowed: listed.unwrap_or_default(),
            required,
        }
    }

    /// Judges a request by the values of its `Origin` headers, as received.
    ///
    /// # Errors
    /// Why the request is to be answered with 403.
    pub fn judge<V: AsRef<[u8]>>(&self, values: &[V]) -> Result<(), OriginRefusal> {
        let value = match values {
            [] => b"",
            [value] => value.as_ref(),
            _ => return Err(OriginRefusal::Repeated(values.len())),
        };
        if value.is_empty() {
            return if self.required {
                Err(OriginRefusal::Missing)
            } else {
                Ok(())
            };
        }
        // Browsers send IDNA hosts in ASCII.
        let origin = std::str::from_utf8(value)
            .ok()
            .filter(|text| text.is_ascii())
            .and_then(|text| text.parse::<WebOrigin>().ok())
            .ok_or_else(|| OriginRefusal::Malformed(value.to_vec()))?;
        if self.allowed.is_empty() || self.allowed.contains(&origin) {
            Ok(())
        } else {
            Err(OriginRefusal::NotAllowed(origin))
        }
    }
}

/// Bytes from a stranger as one line of printable ASCII, cut to 200 bytes.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_BYTES: usize = 200;
        let shown = &self.0[..self.0.len().min(SHOWN_BYTES)];
        write!(f, "{}", shown.escape_ascii())?;
        if self.0.len() > SHOWN_BYTES {
            f.write_str("...")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &[&str], required: bool) -> OriginPolicy {
        let allowed = allowed.iter().map(|text| text.parse().unwrap());
        OriginPolicy::new(allowed.collect::<Vec<_>>(), required)
    }

    fn verdict(policy: &OriginPolicy, origins: &[&str]) -> &'static str {
        match policy.judge(origins) {
            Ok(()) => "ok",
            Err(OriginRefusal::Missing) => "missing",
            Err(OriginRefusal::Repeated(_)) => "repeated",
            Err(OriginRefusal::Malformed(_)) => "malformed",
            Err(OriginRefusal::NotAllowed(_)) => "not allowed",
        }
    }

    #[test]
    fn a_list_lets_in_what_it_names() {
        let policy = policy(&["http://Example.com", "https://b.example:8443"], false);
        for (origins, expected) in [
            (&["http://example.com"][..], "ok"),
            (&["http://Example.com"], "ok"),
            (&["HTTP://EXAMPLE.COM:80"], "ok"),
            (&["https://b.example:8443"], "ok"),
            (&[], "ok"),
            (&[""], "ok"),
            (&["null"], "not allowed"),
            (&["https://example.com"], "not allowed"),
            (&["http://example.com:8080"], "not allowed"),
            (&["http://sub.example.com"], "not allowed"),
            (&["http://example.com.evil.example"], "not allowed"),
            (&["http://evilexample.com"], "not allowed"),
            (&["http://example.com."], "not allowed"),
            (&["https://b.example"], "not allowed"),
            (&["http://example.com/"], "malformed"),
            (&["http://example.com@evil.example"], "malformed"),
            (&["http://bücher.example"], "malformed"),
            (&["example.com"], "malformed"),
            (&["http://example.com http://example.com"], "malformed"),
            (&["http://example.com", "http://example.com"], "repeated"),
            (&["", ""], "repeated"),
        ] {
            assert_eq!(verdict(&policy, origins), expected, "{origins:?}");
        }
    }

    #[test]
    fn no_list_and_a_star_let_in_every_well_formed_origin() {
        for policy in [
            policy(&[], false),
            policy(&["*"], false),
            policy(&["http://a.example", "*"], false),
        ] {
            for (origins, expected) in [
                (&["http://evil.example"][..], "ok"),
                (&["null"], "ok"),
                (&["file://"], "ok"),
                (&[], "ok"),
                (&["nonsense"], "malformed"),
                (&["http://a.example", "http://a.example"], "repeated"),
            ] {
                assert_eq!(verdict(&policy, origins), expected, "{origins:?}");
            }
        }
    }

    #[test]
    fn null_is_let_in_where_it_is_listed() {
        assert_eq!(verdict(&policy(&["null"], false), &["null"]), "ok");
        assert_eq!(
            verdict(&policy(&["null"], false), &["http://a"]),
            "not allowed"
        );
    }

    #[test]
    fn an_origin_can_be_required() {
        for origins in [&[][..], &[""]] {
            assert_eq!(verdict(&policy(&[], true), origins), "missing");
        }
        assert_eq!(verdict(&policy(&[], true), &["http://a"]), "ok");
    }

    #[test]
    fn bad_entries_say_what_is_wrong() {
        for (text, message) in [
            (
                "http://a.example/",
                "'http://a.example/' is not an origin: an origin ends with its host or port; leave out the '/' and what follows it",
            ),
            (
                "a.example",
                "'a.example' is not an origin: it has no scheme; write it as http://host or https://host:port",
            ),
            (
                "https://*.a.example",
                "'https://*.a.example' has a wildcard, which an origin cannot have; list each origin, or '*' for all",
            ),
            (
                "ws://a.example",
                "'ws://a.example' can match no page: an origin has the page's scheme, http:// or https://",
            ),
        ] {
            assert_eq!(
                text.parse::<AllowOrigin>().unwrap_err().to_string(),
                message
            );
        }
    }

    #[test]
    fn a_refusal_shows_hostile_bytes_on_one_line() {
        let refusal = policy(&[], false).judge(&[b"\x1b[2J\xff"]).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the Origin '\\x1b[2J\\xff' is malformed"
        );
        let long = policy(&[], false).judge(&["x".repeat(300)]).unwrap_err();
        assert!(long.to_string().len() < 250);
    }
}
