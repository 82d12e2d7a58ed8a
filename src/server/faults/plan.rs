//! What a connection does wrong, and what it does besides: a [`Plan`], as data.

use std::time::Duration;

use super::deflate::InvalidDeflate;
use super::frames::InvalidFrame;
use super::message::MessageFault;
use super::opening::Opening;
use super::pace::Pace;
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
    /// How pings are answered.
    pub(crate) pongs: Pongs,
    /// How often a ping is sent.
    pub(crate) ping: Option<Duration>,
    /// What goes wrong with messages.
    pub(crate) message: Option<MessageFault>,
    /// How a client's Close is answered.
    pub(crate) close_answer: CloseAnswer,
    /// How many bytes are sent a second.
    pub(crate) bandwidth: Option<u32>,
    /// Whether each byte is written alone.
    pub(crate) bytewise: bool,
    /// After how many bytes the connection ends, wherever that is.
    pub(crate) cut: Option<u64>,
    /// How it ends.
    pub(crate) end: Option<Ending>,
    /// When.
    pub(crate) when: When,
}

/// How pings are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pongs {
    #[default]
    Right,
    /// With another payload.
    Wrong,
    Never,
}

/// How a client's Close is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CloseAnswer {
    #[default]
    AtOnce,
    Late(Duration),
    Never,
}

impl LinePlan {
    /// How fast bytes are written, where that is limited.
    pub(crate) fn pace(&self) -> Option<Pace> {
        const MILLISECOND: Duration = Duration::from_millis(1);
        let byte = |rate: u32| Duration::from_secs(1) / rate;
        match (self.bytewise, self.bandwidth) {
            (false, None) => None,
            (true, rate) => Some(Pace {
                chunk_bytes: 1,
                pause: rate.map_or(MILLISECOND, |rate| byte(rate).max(MILLISECOND)),
            }),
            (false, Some(rate)) => {
                // A hundred times a second, which timers can do.
                let chunk = (rate / 100).max(1);
                Some(Pace {
                    chunk_bytes: usize::try_from(chunk).unwrap_or(usize::MAX),
                    pause: Duration::from_secs(1) * chunk / rate,
                })
            }
        }
    }
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
    /// Nothing more is read or written, and nothing said.
    BlackHole,
    /// A frame that breaks a rule.
    Frame(InvalidFrame),
    /// A compressed message that cannot be, or should not be, inflated.
    Deflate(InvalidDeflate),
}

impl Default for LinePlan {
    /// Nothing goes wrong.
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            fragments: 1,
            pongs: Pongs::default(),
            ping: None,
            message: None,
            close_answer: CloseAnswer::default(),
            bandwidth: None,
            bytewise: false,
            cut: None,
            end: None,
            when: When::default(),
        }
    }
}
