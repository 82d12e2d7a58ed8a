//! What both renderings tell of an end.

use crate::server::{Ended, Outcome, Shortage};
use crate::talk::Close;
use crate::talk::close::End;

/// How a WebSocket ended: as `connect` tells it, seen from the server.
pub(super) fn close(ended: &Ended) -> Close {
    match &ended.outcome {
        Outcome::Closed(closed) => closed.into(),
        Outcome::Abandoned => Close {
            code: 1006,
            reason: String::new(),
            end: Some(End {
                by_peer: false,
                clean: false,
                sent_code: None,
            }),
        },
    }
}

/// What went wrong, if anything did.
pub(super) fn error(ended: &Ended) -> Option<String> {
    match &ended.outcome {
        Outcome::Closed(closed) => closed.error.as_ref().map(ToString::to_string),
        Outcome::Abandoned => Some("the client did not answer the close frame in time".into()),
    }
}

/// Why a connection was refused unread.
pub(super) fn turned_away(shortage: Shortage) -> &'static str {
    match shortage {
        Shortage::OfAddress => "its address has too many connections",
        Shortage::OfServer => "the server has as many connections as file descriptors allow",
    }
}
