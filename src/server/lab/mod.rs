//! The fault lab: routes that misbehave in one known way each, for the tests
//! of clients.
//!
//! [`parse()`] makes a [`Plan`] of a path and its query, [`Opening`] is its part
//! in the opening handshake, and `Talk` carries out the rest over frames
//! that it writes itself, since a peer that keeps the rules cannot be made to
//! break them. `docs/fault-lab.md` is the table for users.

mod chaos;
mod ending;
mod opening;
mod parse;
mod rooms;
mod seen;
mod talk;
mod wire;

use std::time::Duration;

pub use chaos::{Chaos, ChaosError};
pub use opening::{Credentials, LabError, Opening};
pub use parse::parse;
pub(super) use rooms::Rooms;
pub(super) use seen::{Carrier, Seen};
pub(super) use talk::Talk;

/// What a route of the lab does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the opening handshake.
    pub opening: Opening,
    /// On the open WebSocket.
    pub talk: TalkPlan,
}

/// What is done on the open WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TalkPlan {
    /// What is said, besides answers to what is received.
    pub says: Says,
    /// How much later answers leave.
    pub delay: Duration,
    /// In how many fragments messages are sent.
    pub fragments: usize,
    /// Whether pings are answered.
    pub pongs: bool,
    /// How often a ping is sent.
    pub ping: Option<Duration>,
    /// How it ends, and after how many messages from the client.
    pub end: Option<(End, u64)>,
}

/// What is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Says {
    /// Every message comes back.
    #[default]
    Echo,
    /// One binary message of so many bytes, then echoes.
    Big(usize),
    /// Numbers, so many a second, and echoes.
    Stream(u32),
    /// The numbers from 1 to this, then the end; without one, Close 1000.
    Count(u64),
    /// Every message goes to all in the room, its sender too.
    Broadcast(String),
    /// What the request looked like, as JSON; then echoes.
    Seen,
}

/// How the lab ends a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a Close frame, whose code may be one that nobody may send.
    Close(u16, String),
    /// FIN without a Close frame.
    Drop,
    /// RST.
    Reset,
    /// FIN, and then the client is only listened to.
    HalfClose,
    /// A frame that breaks a rule.
    Frame(BadFrame),
}

/// A frame that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadFrame {
    /// Text that is not UTF-8.
    Utf8,
    /// A reserved bit without an extension.
    Rsv,
    /// A mask on a server's frame.
    Mask,
    /// More payload announced than there is; the end follows.
    Length,
}

impl Default for TalkPlan {
    /// An echo.
    fn default() -> Self {
        Self {
            says: Says::default(),
            delay: Duration::ZERO,
            fragments: 1,
            pongs: true,
            ping: None,
            end: None,
        }
    }
}
