//! What both renderings tell of an end.

use std::error::Error;

use crate::connection::{CloseFrame, Closed};
use crate::server::{Ended, Outcome};

/// How a WebSocket ended. `code` and `reason` are the client's, as the WebSocket
/// API of a browser would show them to the server.
pub(super) struct End<'a> {
    pub(super) code: u16,
    pub(super) reason: &'a str,
    /// The code in our Close.
    pub(super) sent_code: Option<u16>,
    /// `client` or `server`, whose Close came first; `None` without any.
    pub(super) by: Option<&'static str>,
    pub(super) error: Option<String>,
}

impl<'a> End<'a> {
    pub(super) fn of(ended: &'a Ended) -> Self {
        let Outcome::Closed(closed) = &ended.outcome else {
            return Self {
                code: 1006,
                reason: "",
                sent_code: None,
                by: None,
                error: Some("the client did not answer the close frame in time".into()),
            };
        };
        Self {
            code: closed.code(),
            reason: closed.reason(),
            sent_code: closed.sent.as_ref().map(CloseFrame::code_or_1005),
            by: closed_by(closed),
            error: closed.error.as_ref().map(ToString::to_string),
        }
    }
}

fn closed_by(closed: &Closed) -> Option<&'static str> {
    match (closed.by_peer, &closed.sent) {
        (true, _) => Some("client"),
        (false, Some(_)) => Some("server"),
        (false, None) => None,
    }
}

/// An error with its causes on one line.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
