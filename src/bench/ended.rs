//! How a connection under load ended.

use std::io;

use super::counters::Cause;
use super::frames::Violation;
use crate::connection::{CloseCode, Secrets};

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server closed, with this code and reason.
    Closed(Option<u16>, String),
    /// The stream ended without a Close frame.
    Lost,
    /// The transport failed.
    Io(io::Error),
    /// The server broke the protocol.
    Violation(Violation),
    /// What the core's socket says.
    Socket(String),
}

impl Ended {
    /// The cause, as errors are grouped by, without what is secret.
    pub(super) fn cause(&self, secrets: &Secrets) -> Cause {
        Cause::Ended(match self {
            Self::Closed(code, reason) => {
                return Cause::Closed {
                    code: *code,
                    // Servers repeat here the token that they do not accept.
                    reason: secrets.reason(reason),
                };
            }
            Self::Lost => "ended by the server without a close frame".to_owned(),
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                "connection reset".to_owned()
            }
            Self::Io(error) => format!("connection failed: {error}"),
            Self::Violation(violation) => format!("protocol error: {violation}"),
            Self::Socket(text) => secrets.text(text),
        })
    }

    /// The code of our Close, where one is to be sent.
    pub(super) fn close_code(&self) -> Option<CloseCode> {
        match self {
            // RFC 6455 §5.5.1: a Close is answered by a Close.
            Self::Closed(..) => Some(CloseCode::NORMAL),
            Self::Violation(violation) => Some(violation.close_code()),
            Self::Lost | Self::Io(_) | Self::Socket(_) => None,
        }
    }
}

/// What a Close frame with this payload means.
pub(super) fn closed_with(payload: &[u8]) -> Ended {
    let &[high, low, ref reason @ ..] = payload else {
        return Ended::Closed(None, String::new());
    };
    let code = u16::from_be_bytes([high, low]);
    if CloseCode::try_from(code).is_ok() {
        Ended::Closed(Some(code), String::from_utf8_lossy(reason).into_owned())
    } else {
        Ended::Violation(Violation::CloseCode(code))
    }
}
