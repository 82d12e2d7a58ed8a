//! One event of a conversation, whatever it is rendered as.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::close::Close;
use super::opening::Opening;
use super::payload::{base64_length, rfc3339, text_length};
use crate::connection::{Message, micros};
use crate::decode::Records;

/// When something happened: on the wall, and since the program began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The wall clock, which can be set back.
    #[serde(with = "rfc3339")]
    pub time: Timestamp,
    /// The time since the log's beginning, on a clock that only goes forward.
    #[serde(with = "micros", rename = "offset_us", default)]
    pub offset: Duration,
}

impl Moment {
    /// The moment that lies `age` before this one.
    pub(super) fn before(self, age: Duration) -> Self {
        Self {
            time: self.time.saturating_sub(age).unwrap_or(self.time),
            offset: self.offset.saturating_sub(age),
        }
    }
}

/// An event of a conversation. As JSON, it is a line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1 within a run of the program.
    pub seq: u64,
    /// When it happened.
    #[serde(flatten)]
    pub moment: Moment,
    /// Which connection of the run it belongs to, counted from 1; 0 for an
    /// error before there was any.
    #[serde(default)]
    pub connection: u32,
    /// Which way it went.
    #[serde(default)]
    pub direction: Direction,
    /// On whose account it happened.
    #[serde(default)]
    pub source: Source,
    /// What happened.
    #[serde(flatten)]
    pub kind: Kind,
    /// The records of a message, where it is taken apart.
    #[serde(skip)]
    pub records: Option<Records>,
}

/// Which way an event went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From here to the peer.
    #[default]
    Out,
    /// From the peer to here.
    In,
}

/// On whose account an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The user typed it, or a script or a file said it.
    #[default]
    User,
    /// The peer did it.
    Peer,
    /// The program did it by itself: the answer to a ping, a keep-alive.
    Automatic,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Kind {
    /// The connection was opened.
    Open(Box<Opening>),
    /// A text message.
    Text {
        /// The payload's length on the wire, in bytes, where it was compressed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        wire_length: Option<u64>,
        /// The text.
        #[serde(flatten, with = "text_length")]
        data: Utf8Bytes,
    },
    /// A binary message.
    Binary {
        /// The payload's length on the wire, in bytes, where it was compressed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        wire_length: Option<u64>,
        /// The bytes.
        #[serde(flatten, with = "base64_length")]
        data: Bytes,
    },
    /// A ping.
    Ping {
        /// Its payload.
        #[serde(flatten, with = "base64_length")]
        data: Bytes,
    },
    /// A pong.
    Pong {
        /// Its payload.
        #[serde(flatten, with = "base64_length")]
        data: Bytes,
        /// How long the ping that it answers was under way.
        #[serde(
            rename = "round_trip_us",
            with = "micros::option",
            skip_serializing_if = "Option::is_none",
            default
        )]
        round_trip: Option<Duration>,
    },
    /// Outwards, a Close frame; inwards, the end of the connection.
    Close(Close),
    /// Something went wrong.
    Error {
        /// One sentence.
        #[serde(default)]
        message: String,
        /// What to try next.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        hint: Option<String>,
        /// What is known of the opening that failed, where one did.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        opening: Option<Box<Opening>>,
    },
}

impl Kind {
    /// A data message, of which so much was on the wire if it came compressed.
    pub fn message(message: Message, wire_length: Option<u64>) -> Self {
        match message {
            Message::Text(data) => Self::Text { wire_length, data },
            Message::Binary(data) => Self::Binary { wire_length, data },
        }
    }

    /// The data message, where it is one.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Text { data, .. } => Some(Message::Text(data)),
            Self::Binary { data, .. } => Some(Message::Binary(data)),
            _ => None,
        }
    }

    /// The payload of a data message.
    pub fn data(&self) -> Option<&[u8]> {
        match self {
            Self::Text { data, .. } => Some(data.as_bytes()),
            Self::Binary { data, .. } => Some(data),
            _ => None,
        }
    }
}
