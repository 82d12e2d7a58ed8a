//! Redirects of the opening handshake: whether to follow one, and where to.
//!
//! Pure. The rules are curl's: credentials stay with the origin they were
//! given for, and a redirect never gives up TLS.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::connection::http::header::HeaderEdit;
use crate::connection::http::{HandshakeError, Rejection, Request, Response};
use crate::connection::net::target::{Endpoint, Target, TargetError};
use crate::connection::secrets::{Secrets, is_secret_header};

/// What to do with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redirects {
    /// It is a refusal like any other.
    #[default]
    Refuse,
    /// Follow at most so many.
    Follow {
        /// How many.
        max: u32,
    },
}

/// A redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The URL that redirected, without its credentials.
    pub from: String,
    /// Where it led to, without credentials.
    pub to: String,
    /// The status code.
    pub status: u16,
    /// Whether the credentials were left behind.
    pub dropped_credentials: bool,
}

/// Why a redirect was not followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RedirectError {
    /// There were more than allowed.
    #[error(
        "stopped after {max} redirects, before the one to '{location}'; --max-redirs raises the limit"
    )]
    TooMany {
        /// The limit.
        max: u32,
        /// Where the next one leads to.
        location: String,
    },
    /// The `Location` is of a scheme that no redirect is followed to.
    #[error(
        "the server redirects to '{location}', and a redirect can lead to http, https, ws or wss alone"
    )]
    Scheme {
        /// Where it leads to.
        location: String,
    },
    /// The `Location` leads to no WebSocket.
    #[error("the server redirects to an address that is of no use here: {0}")]
    Address(TargetError),
    /// From `wss://` to `ws://`.
    #[error(
        "the server redirects from {from} to {to}, which would give up TLS; if you trust that address, connect to it yourself"
    )]
    Downgrade {
        /// The URL that redirects.
        from: String,
        /// Where it leads to.
        to: String,
    },
    /// The same address was asked before.
    #[error("the server redirects in a circle, back to {0}")]
    Loop(String),
}

impl From<TargetError> for RedirectError {
    fn from(error: TargetError) -> Self {
        match error {
            // What a target may be besides is for who gives one, not for a server.
            TargetError::Scheme { url, .. } => Self::Scheme { location: url },
            error => Self::Address(error),
        }
    }
}

/// The `Location` of an answer that is a redirect.
pub(crate) fn location(response: &Response) -> Option<String> {
    let redirects = matches!(response.status(), 301 | 302 | 303 | 307 | 308);
    let location = response.header("location").next()?;
    (redirects && !location.trim().is_empty()).then(|| location.trim().to_owned())
}

/// The target that `location`, in an answer of `from`, stands for.
///
/// # Errors
/// What is no WebSocket address.
pub(crate) fn resolve(from: &Target, location: &str) -> Result<Target, TargetError> {
    // Fragments are for the client that shows a document.
    let location = location.split('#').next().unwrap_or_default();
    let invalid = |cause| TargetError::Invalid {
        url: Secrets::default().text(location),
        cause,
    };
    let scheme = if from.secure { "wss" } else { "ws" };
    let base = format!("{scheme}://{}{}", from.authority, from.resource.wire());
    let base = Url::parse(&base).map_err(invalid)?;
    let url = base.join(location).map_err(invalid)?;
    // A `Target` takes what has no `//` for a host.
    if !matches!(url.scheme(), "ws" | "wss" | "http" | "https") {
        return Err(TargetError::Scheme {
            url: Secrets::default().text(location),
            scheme: url.scheme().to_owned(),
        });
    }
    let target: Target = url.as_str().parse()?;
    // A server behind a socket knows itself by a name that leads nowhere.
    match &from.endpoint {
        Endpoint::Unix(path) if target.authority == from.authority => {
            Ok(target.with_unix_socket(path.clone()))
        }
        _ => Ok(target),
    }
}

/// The redirects of one opening handshake.
#[derive(Debug)]
pub(in crate::connection) struct Trail<'a> {
    redirects: Redirects,
    first: &'a Target,
    pub(in crate::connection) hops: Vec<Hop>,
    /// The addresses that redirected.
    asked: Vec<String>,
}

impl<'a> Trail<'a> {
    pub(in crate::connection) fn new(redirects: Redirects, first: &'a Target) -> Self {
        Self {
            redirects,
            first,
            hops: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// Where a failed handshake with `from` leads on to; `None` where it is
    /// no redirect, or is not to be followed.
    pub(in crate::connection) fn next(
        &mut self,
        from: &Target,
        error: &HandshakeError,
    ) -> Option<Result<Target, RedirectError>> {
        let Redirects::Follow { max } = self.redirects else {
            return None;
        };
        let HandshakeError::Rejected(rejection) = error else {
            return None;
        };
        let location = location(&rejection.response)?;
        Some(self.judge(from, &location, rejection, max))
    }

    fn judge(
        &mut self,
        from: &Target,
        location: &str,
        rejection: &Rejection,
        max: u32,
    ) -> Result<Target, RedirectError> {
        if self.hops.len() >= max as usize {
            return Err(RedirectError::TooMany {
                max,
                location: Secrets::default().text(location),
            });
        }
        let to = resolve(from, location).map_err(RedirectError::from)?;
        if from.secure && !to.secure {
            return Err(RedirectError::Downgrade {
                from: from.to_string(),
                to: to.to_string(),
            });
        }
        // Nothing changes between two requests for the same address: cookies
        // that were set on the way are not kept.
        self.asked.push(from.wire_url());
        if self.asked.contains(&to.wire_url()) {
            return Err(RedirectError::Loop(to.to_string()));
        }
        self.hops.push(Hop {
            from: from.to_string(),
            to: to.to_string(),
            status: rejection.response.status(),
            dropped_credentials: !self.is_home(&to) && self.is_home(from),
        });
        Ok(to)
    }

    /// Whether `target` is of the origin that the credentials are for.
    pub(in crate::connection) fn is_home(&self, target: &Target) -> bool {
        self.first.secure == target.secure && self.first.endpoint == target.endpoint
    }
}

/// The request as another origin may see it.
pub(in crate::connection) fn for_another_origin(request: &Request) -> Request {
    let private = |edit: &HeaderEdit| {
        is_secret_header(edit.name()) || edit.name().eq_ignore_ascii_case("host")
    };
    Request {
        auth: request.auth.for_another_origin(),
        edits: request
            .edits
            .iter()
            .filter(|edit| !private(edit))
            .cloned()
            .collect(),
        ..request.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_and_keep_their_socket() {
        for (from, location, expected) in [
            ("ws://h/a/b?q", "c", "ws://h/a/c"),
            ("ws://h/a", "/c?x=1#frag", "ws://h/c?x=1"),
            ("wss://h/a", "//other/x", "wss://other/x"),
            ("ws://h:1/a", "http://h:2/b", "ws://h:2/b"),
            ("ws://h", "https://h/b", "wss://h/b"),
            ("ws://[::1]:5/a", "/b", "ws://[::1]:5/b"),
            ("ws+unix:/s:/a", "/b", "ws+unix:/s:/b"),
            ("ws+unix:/s:/a", "http://localhost/b", "ws+unix:/s:/b"),
            ("ws+unix:/s:/a", "http://other/b", "ws://other/b"),
        ] {
            let to = resolve(&from.parse().unwrap(), location).unwrap();
            assert_eq!(to.wire_url(), expected, "{from} {location}");
        }
        for location in ["ftp://h/", "http://", "mailto:a@b"] {
            assert!(resolve(&"ws://h".parse().unwrap(), location).is_err());
        }
    }

    #[test]
    fn secrets_stay_at_home() {
        let edit = |text: &str| text.parse::<HeaderEdit>().unwrap();
        let request = Request {
            edits: vec![
                edit("cookie: a=1"),
                edit("Authorization: x"),
                edit("Host: h"),
                edit("X-A: b"),
            ],
            ..Request::default()
        };
        let edits = for_another_origin(&request).edits;
        assert_eq!(edits, [edit("X-A: b")]);
    }
}
