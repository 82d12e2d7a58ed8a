//! What happens on an open socket, as values.

use std::time::Duration;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::connection::{CloseFrame, SocketError};

/// A complete data message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text, valid UTF-8.
    Text(Utf8Bytes),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// The payload, of either type.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload as a cheap handle on the same memory.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is a text message.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// Something that happened on an open socket, in the order it happened.
#[derive(Debug)]
pub enum Event {
    /// A complete message from the peer.
    Message {
        /// The message, decompressed.
        message: Message,
        /// Its payload's length on the wire in bytes, when permessage-deflate
        /// is in use; `None` when the wire carries it as it is.
        wire_bytes: Option<u64>,
    },
    /// A ping from the peer; the socket answers it by itself.
    Ping(Bytes),
    /// A pong from the peer.
    Pong {
        /// The pong's payload.
        payload: Bytes,
        /// The time since our ping with this payload was handed to the
        /// transport; `None` for a pong that answers none of ours.
        round_trip: Option<Duration>,
    },
    /// Everything that was queued has been handed to the operating system.
    Flushed,
    /// The socket is closed, and the transport with it. Always the last event.
    Closed(Closed),
}

/// How a socket came to its end.
#[derive(Debug)]
pub struct Closed {
    /// The peer's Close frame; `None` when the connection ended without one.
    pub received: Option<CloseFrame>,
    /// The Close frame that we sent, be it first or in answer.
    pub sent: Option<CloseFrame>,
    /// Whether the peer's Close came before ours.
    pub by_peer: bool,
    /// What went wrong; `None` for a clean closing handshake.
    pub error: Option<SocketError>,
}

impl Closed {
    /// The close code as the WebSocket API of browsers shows it: the peer's,
    /// 1005 for an empty Close, 1006 when none came.
    pub fn code(&self) -> u16 {
        self.received
            .as_ref()
            .map_or(1006, CloseFrame::code_or_1005)
    }

    /// The peer's reason, empty when it gave none.
    pub fn reason(&self) -> &str {
        self.received.as_ref().map_or("", |frame| &frame.reason)
    }
}
