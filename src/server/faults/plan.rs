//! What a connection does wrong, and what it does besides: a [`Plan`], as data.

use std::time::Duration;

use super::opening::Opening;
use crate::value::Pattern;

/// What a route of the lab does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// In the opening handshake.
    pub(crate) opening: Opening,
    /// Which messages the server sends: the behaviour that the faults are around.
    pub(crate) sends: Sends,
    /// On the open WebSocket.
    pub(crate) line: LinePlan,
    /// The names of the query that are not the lab's.
    pub(crate) ignored: Vec<String>,
}

/// What goes wrong on an open WebSocket, whatever is said on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinePlan {
    /// How much later everything leaves.
    pub(crate) delay: Duration,
    /// In how many fragments messages are sent.
    pub(crate) fragments: usize,
    /// Whether pings are answered.
    pub(crate) pongs: bool,
    /// How often a ping is sent.
    pub(crate) ping: Option<Duration>,
    /// How it ends.
    pub(crate) end: Option<Ending>,
    /// When.
    pub(crate) when: When,
}

/// From when on something goes wrong: as soon as all of this holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct When {
    /// After so many messages.
    pub(crate) messages: u64,
    /// After so much time.
    pub(crate) time: Duration,
    /// On a message like this.
    pub(crate) on: Option<On>,
}

/// A pattern, which is the same as another one of the same text.
#[derive(Debug, Clone)]
pub(crate) struct On {
    pub(crate) text: String,
    pub(crate) pattern: Pattern,
}

impl PartialEq for On {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for On {}

/// Which messages the server sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Sends {
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
    Request,
}

/// How the lab ends a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a Close frame, whose code may be one that must not be sent.
    Close(u16, String),
    /// FIN without a Close frame.
    Drop,
    /// RST.
    Reset,
    /// FIN, and then the server only reads.
    HalfClose,
    /// A frame that breaks a rule.
    Frame(InvalidFrame),
}

/// A frame that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidFrame {
    /// Text that is not UTF-8.
    Utf8,
    /// A reserved bit without an extension.
    Rsv,
    /// A mask on a server's frame.
    Mask,
    /// More payload announced than there is; the end follows.
    Length,
}

impl Default for LinePlan {
    /// Nothing goes wrong.
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            fragments: 1,
            pongs: true,
            ping: None,
            end: None,
            when: When::default(),
        }
    }
}
