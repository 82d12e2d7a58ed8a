//! The plan's part in the opening handshake: refusals, credentials, delays, and
//! answers that break a rule.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::error::LabError;
use super::pace::Pace;
use crate::connection::Policy;

/// What is done in the opening handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opening {
    /// How long the answer waits.
    pub(crate) wait: Duration,
    /// Who is let in; `None` is everybody.
    pub(crate) credentials: Option<Credentials>,
    /// The answer in place of 101.
    pub(crate) refusal: Option<LabError>,
    /// The first openings of a client that fail.
    pub(crate) flaky: Option<Flaky>,
    /// What is wrong with the answer 101.
    pub(crate) head: Vec<HeadFault>,
    /// Headers of any answer.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether messages are compressed.
    pub(crate) compression: Compression,
}

/// Whether permessage-deflate is agreed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Compression {
    #[default]
    AsConfigured,
    Never,
    /// On these terms; a client that does not offer it is refused.
    Always(Policy),
}

/// The first openings of a client fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaky {
    /// How many.
    pub(crate) failures: u32,
    /// What tells a client's tests apart, besides its address.
    pub(crate) id: String,
    pub(crate) how: Failure,
}

/// How an opening fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// By an answer.
    Answer(LabError),
    /// Without one.
    Silence(After),
}

/// What is wrong with an answer 101.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadFault {
    BadAccept,
    NoAccept,
    BadUpgrade,
    NoUpgrade,
    BadConnection,
    NoConnection,
    UnaskedProtocol,
    NoProtocol,
    UnaskedExtension,
    Http10,
    /// So many answers of 103 come first.
    Interim(u8),
    /// It is no HTTP.
    Garbage,
    /// Its second half does not come.
    Half,
}

impl HeadFault {
    /// What this name stands for.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bad-accept" => Self::BadAccept,
            "no-accept" => Self::NoAccept,
            "bad-upgrade" => Self::BadUpgrade,
            "no-upgrade" => Self::NoUpgrade,
            "bad-connection" => Self::BadConnection,
            "no-connection" => Self::NoConnection,
            "unasked-protocol" => Self::UnaskedProtocol,
            "no-protocol" => Self::NoProtocol,
            "unasked-extension" => Self::UnaskedExtension,
            "http10" => Self::Http10,
            "garbage" => Self::Garbage,
            "half-head" => Self::Half,
            _ => return None,
        })
    }
}

/// An answer written byte by byte, past HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawAnswer {
    pub(crate) bytes: Vec<u8>,
    /// How fast it is written.
    pub(crate) pace: Option<Pace>,
    pub(crate) then: After,
}

/// What follows an answer, or its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The WebSocket.
    Open,
    /// FIN.
    Fin,
    /// RST.
    Reset,
    /// Nothing, until the client leaves.
    Silence,
}

/// What a client has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A name and a password.
    Basic(String, String),
    /// A token.
    Bearer(String),
}

impl Opening {
    /// Whether a request with these headers gets as far as its handshake.
    ///
    /// # Errors
    /// What is answered instead.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), LabError> {
        if let Some(credentials) = &self.credentials {
            credentials.check(headers)?;
        }
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// The answer 101 with these headers, where it is not one of HTTP, or is written
    /// at a pace of its own.
    pub(crate) fn raw(
        &self,
        headers: &[(HeaderName, HeaderValue)],
        pace: Option<Pace>,
    ) -> Option<RawAnswer> {
        if self.head.is_empty() && pace.is_none() {
            return None;
        }
        let has = |fault| self.head.contains(&fault);
        if has(HeadFault::Garbage) {
            return Some(RawAnswer {
                bytes: b"\x16\x03\x01 this is not HTTP\r\n\r\n".to_vec(),
                pace,
                then: After::Fin,
            });
        }
        let mut bytes = Vec::new();
        for fault in &self.head {
            if let HeadFault::Interim(count) = fault {
                let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </>; rel=preload\r\n\r\n";
                bytes.extend(interim.repeat((*count).into()));
            }
        }
        bytes.extend(self.head_of_101(headers));
        let is_half = has(HeadFault::Half);
        if is_half {
            bytes.truncate(bytes.len() / 2);
        }
        Some(RawAnswer {
            bytes,
            pace,
            then: if is_half { After::Silence } else { After::Open },
        })
    }

    fn head_of_101(&self, headers: &[(HeaderName, HeaderValue)]) -> Vec<u8> {
        let version = match self.head.contains(&HeadFault::Http10) {
            true => "HTTP/1.0",
            false => "HTTP/1.1",
        };
        let mut head = format!("{version} 101 Switching Protocols\r\n").into_bytes();
        let mut headers = headers.to_vec();
        for fault in &self.head {
            fault.apply(&mut headers);
        }
        for (name, value) in headers {
            head.extend(title_case(name.as_str()).bytes());
            head.extend(b": ");
            head.extend(value.as_bytes());
            head.extend(b"\r\n");
        }
        head.extend(b"\r\n");
        head
    }
}

impl HeadFault {
    /// Makes the headers of a 101 wrong.
    fn apply(self, headers: &mut Vec<(HeaderName, HeaderValue)>) {
        let (name, value) = match self {
            Self::BadAccept => (
                header::SEC_WEBSOCKET_ACCEPT,
                Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            ),
            Self::NoAccept => (header::SEC_WEBSOCKET_ACCEPT, None),
            Self::BadUpgrade => (header::UPGRADE, Some("h2c")),
            Self::NoUpgrade => (header::UPGRADE, None),
            Self::BadConnection => (header::CONNECTION, Some("keep-alive")),
            Self::NoConnection => (header::CONNECTION, None),
            Self::UnaskedProtocol => (header::SEC_WEBSOCKET_PROTOCOL, Some("lab-unasked")),
            Self::NoProtocol => (header::SEC_WEBSOCKET_PROTOCOL, None),
            Self::UnaskedExtension => (header::SEC_WEBSOCKET_EXTENSIONS, Some("x-lab-unasked")),
            Self::Http10 | Self::Interim(_) | Self::Garbage | Self::Half => return,
        };
        headers.retain(|(known, _)| *known != name);
        if let Some(value) = value {
            headers.push((name, HeaderValue::from_static(value)));
        }
    }
}

/// A name as RFC 6455 writes it: the parser of a small client may know no other.
fn title_case(name: &str) -> String {
    let parts = name.split('-').map(|part| match part {
        "websocket" => "WebSocket".to_owned(),
        part => {
            let (first, rest) = part.split_at(part.len().min(1));
            first.to_ascii_uppercase() + rest
        }
    });
    parts.collect::<Vec<_>>().join("-")
}

impl Credentials {
    fn check(&self, headers: &HeaderMap) -> Result<(), LabError> {
        let (scheme, challenge, secret) = match self {
            Self::Basic(user, password) => (
                "basic",
                "Basic realm=\"lab\"",
                STANDARD.encode(format!("{user}:{password}")),
            ),
            Self::Bearer(token) => ("bearer", "Bearer", token.clone()),
        };
        let sent = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '));
        match sent {
            Some((sent_scheme, sent))
                if sent_scheme.eq_ignore_ascii_case(scheme) && sent.trim() == secret =>
            {
                Ok(())
            }
            _ => Err(LabError::Unauthorized(challenge)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_credentials_are_compared() {
        let basic = Credentials::Basic("u".into(), "p:w".into());
        let bearer = Credentials::Bearer("t".into());
        for (credentials, sent, is_let_in) in [
            (&basic, "Basic dTpwOnc=", true),
            (&basic, "basic  dTpwOnc=", true),
            (&basic, "Basic dTpw", false),
            (&basic, "", false),
            (&bearer, "Bearer t", true),
            (&bearer, "Bearer T", false),
            (&bearer, "Basic t", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(sent));
            assert_eq!(credentials.check(&headers).is_ok(), is_let_in, "{sent}");
        }
    }

    #[test]
    fn heads_are_written_as_the_rfc_spells_them() {
        assert_eq!(title_case("sec-websocket-accept"), "Sec-WebSocket-Accept");
        assert_eq!(title_case("upgrade"), "Upgrade");
    }
}
