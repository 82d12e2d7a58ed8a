//! One event of the communication log, whatever it is rendered as.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::redact::Redaction;
use crate::connection::client::dial::Timings;
use crate::connection::{Message, Opened, Target};

/// When something happened: on the wall, and since the program began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, which can be set back.
    pub time: Timestamp,
    /// The time since the log's beginning, on a clock that only goes forward.
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

/// An event of the communication log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 1 within a run of the program.
    pub seq: u64,
    /// When it happened.
    pub moment: Moment,
    /// Which connection of the run it belongs to, counted from 1; 0 for an
    /// error before there was any.
    pub connection: u32,
    /// Which way it went.
    pub direction: Direction,
    /// On whose account it happened.
    pub source: Source,
    /// The payload's length on the wire, in bytes, where it was compressed.
    pub wire_bytes: Option<u64>,
    /// What happened.
    pub kind: Kind,
}

/// Which way an event went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From here to the peer.
    Out,
    /// From the peer to here.
    In,
}

/// On whose account an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The user typed it, or a script or a file said it.
    User,
    /// The peer did it.
    Peer,
    /// The program did it by itself: the answer to a ping, a keep-alive.
    Automatic,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The connection was opened.
    Open(Box<Open>),
    /// A data message.
    Message(Message),
    /// A ping.
    Ping(Bytes),
    /// A pong.
    Pong {
        /// Its payload.
        payload: Bytes,
        /// How long the ping that it answers was under way.
        round_trip: Option<Duration>,
    },
    /// Outwards, a Close frame; inwards, the end of the connection.
    Close {
        /// The code as browsers show it: 1005 for none, and 1006 where the
        /// connection ended without a Close frame.
        code: u16,
        /// The reason, often empty.
        reason: String,
    },
    /// Something went wrong.
    Error {
        /// One sentence.
        message: String,
    },
}

impl Kind {
    /// The length of the payload in bytes, for what has one.
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Message(message) => Some(message.len()),
            Self::Ping(payload) | Self::Pong { payload, .. } => Some(payload.len()),
            Self::Open(_) | Self::Close { .. } | Self::Error { .. } => None,
        }
    }

    /// Whether there is a payload and it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

/// What was learnt while a connection was opened. Secrets are redacted
/// already, unless they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// The address, without credentials.
    pub url: String,
    /// The peer's socket address, where it has one.
    pub peer: Option<String>,
    /// The agreed subprotocol.
    pub subprotocol: Option<String>,
    /// The agreed extensions, as the answer spells them.
    pub extensions: Option<String>,
    /// The version of TLS, where it is in use.
    pub tls_version: Option<String>,
    /// How long the phases took.
    pub timings: Timings,
    /// The request's head.
    pub request: String,
    /// The answer's head.
    pub response: String,
}

impl Open {
    /// What `opened` tells, redacted.
    pub fn new(target: &Target, opened: &Opened, redaction: Redaction) -> Self {
        let extensions: Vec<_> = opened.response.header("sec-websocket-extensions").collect();
        Self {
            url: redaction.url(&target.to_string()),
            peer: opened.peer.map(|peer| peer.to_string()),
            subprotocol: opened.subprotocol.clone(),
            extensions: (!extensions.is_empty()).then(|| extensions.join(", ")),
            tls_version: opened.tls.as_ref().map(|tls| tls.version.to_string()),
            timings: opened.timings,
            request: redaction.head(&opened.request_head),
            response: redaction.head(&opened.response.head),
        }
    }

    /// The phases that took place, with their times, in their order.
    pub fn phases(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        [
            ("redirects", self.timings.redirects),
            ("dns", self.timings.dns),
            ("tcp", self.timings.tcp),
            ("proxy", self.timings.proxy),
            ("tls", self.timings.tls),
            ("upgrade", self.timings.upgrade),
        ]
        .into_iter()
        .filter_map(|(name, time)| Some((name, time?)))
    }
}
