//! What can be sent.

use bytes::Bytes;

use super::entry::Kind;
use crate::connection::{CloseFrame, Message};

/// One thing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A data message.
    Message(Message),
    /// A ping, at most 125 bytes.
    Ping(Bytes),
    /// An unsolicited pong, at most 125 bytes.
    Pong(Bytes),
    /// A Close frame.
    Close(CloseFrame),
}

impl From<Outgoing> for Kind {
    fn from(outgoing: Outgoing) -> Self {
        match outgoing {
            Outgoing::Message(message) => Self::message(message, None),
            Outgoing::Ping(data) => Self::Ping { data },
            Outgoing::Pong(data) => Self::Pong {
                data,
                round_trip: None,
            },
            Outgoing::Close(frame) => Self::Close(frame.into()),
        }
    }
}
