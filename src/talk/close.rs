//! The close of a connection, as every rendering tells it.

use serde::{Deserialize, Serialize};

use crate::connection::{CloseFrame, Closed};

/// A Close frame of ours, or the end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// The code as the WebSocket API of browsers shows it: 1005 for a Close
    /// without one, 1006 when the connection ended without a Close.
    #[serde(default = "no_code")]
    pub code: u16,
    /// The reason, often empty.
    #[serde(default)]
    pub reason: String,
    /// How the connection ended; `None` for a frame of ours.
    #[serde(flatten)]
    pub end: Option<End>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Whether the peer's Close came before ours.
    pub by_peer: bool,
    /// Whether the closing handshake was complete.
    pub clean: bool,
    /// The code that we sent; `None` where we sent no Close.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_code: Option<u16>,
}

impl From<&Closed> for Close {
    fn from(closed: &Closed) -> Self {
        Self {
            code: closed.code(),
            reason: closed.reason().to_owned(),
            end: Some(End {
                by_peer: closed.by_peer,
                clean: closed.error.is_none() && closed.received.is_some() && closed.sent.is_some(),
                sent_code: closed.sent.as_ref().map(CloseFrame::code_or_1005),
            }),
        }
    }
}

impl From<CloseFrame> for Close {
    fn from(frame: CloseFrame) -> Self {
        Self {
            code: frame.code_or_1005(),
            reason: frame.reason,
            end: None,
        }
    }
}

fn no_code() -> u16 {
    1005
}
