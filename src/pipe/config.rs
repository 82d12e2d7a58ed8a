//! What a talk is given, and what it comes to, as values.

use std::io;
use std::time::Duration;

use super::framing::{Framing, InputError};
use super::silence::{Linger, Quiet, Stay};
use crate::connection::{CloseCode, CloseFrame, Closed, OpenFailure};
use crate::script::{RunConfig, Unmet};
use crate::talk::Stop;
use crate::value::Pattern;

/// What a talk waits for.
#[derive(Debug, Clone)]
pub enum Goal {
    /// So many messages.
    Count(u64),
    /// A message that matches; it is the last one written.
    Until(Pattern),
}

/// How a talk is to go.
#[derive(Debug, Clone)]
pub struct PipeConfig {
    /// How messages are written.
    pub framing: Framing,
    /// What is known of an input that says nothing. It is asked before the first read,
    /// and again when the peer has gone.
    pub waits: fn() -> Waits,
    /// Ends the talk when it is met, even while input goes on. Until then
    /// no silence ends it.
    pub goal: Option<Goal>,
    /// How long to stay after the end of the input; `None` leaves that to the
    /// counts (see [`silence`](super::silence)) or to the goal.
    pub linger: Option<Linger>,
    /// Answer every message with itself, until the peer closes.
    pub echo: bool,
    /// The script. Its rules run beside the input; where it has steps, they are the
    /// input, and say when the talk is over.
    pub script: Option<RunConfig>,
    /// The Close frame at the end.
    pub close: CloseFrame,
}

impl Default for PipeConfig {
    fn default() -> Self {
        Self {
            framing: Framing::default(),
            waits: || Waits::Silent,
            goal: None,
            linger: None,
            echo: false,
            script: None,
            close: CloseFrame::new(CloseCode::NORMAL, ""),
        }
    }
}

/// Why a talk ended.
#[derive(Debug)]
pub enum End {
    /// What was waited for has come.
    Goal,
    /// All steps of the script are done.
    Done {
        /// Whether one of them awaited the end of the connection.
        is_close_met: bool,
    },
    /// A step of the script is not met, or a rule of it ended the talk.
    Unmet(Box<Unmet>),
    /// The input had ended, and so had the wait for replies.
    Quiet(Quiet),
    /// The input said to close.
    Close,
    /// The peer closed, or the connection failed.
    Peer,
    /// The connection could not be opened.
    NotOpened(Box<OpenFailure>),
    /// It was stopped.
    Stopped(Stop),
    /// The reader of the output has gone.
    OutputClosed,
    /// The output cannot be written.
    OutputFailed(io::Error),
    /// The input cannot be read or sent.
    InputFailed(InputError),
}

/// What is known, from outside, of an input that has not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Nothing can be read from it now: a terminal, or a pipe whose writer is silent.
    Silent,
    /// An answer is on its way, be it the end: a file, or a pipe that was written to or
    /// closed.
    Answers,
    /// There is more, whose time has not come: a recording, or a message from standard
    /// input that was asked for by name.
    Holds,
}

/// What of the input has not been taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: it was read to its end.
    Ended,
    /// It is open, and has never said anything: who only listens has such a one.
    Silent,
    /// It is open, has said something, and may say more.
    Open,
    /// There is more.
    More,
}

/// What a talk, or a connection of it, came to.
#[derive(Debug)]
pub struct Summary {
    /// Why it ended.
    pub end: End,
    /// How the socket was closed; `None` where there was no time for it, or
    /// no connection.
    pub closed: Option<Closed>,
    /// How long the last connection was open; `None` where it was not.
    pub open: Option<Duration>,
    /// Messages sent in the whole talk, but for those that earlier
    /// connections have lost.
    pub sent: u64,
    /// Messages received in the whole talk, as far as they were wanted.
    pub received: u64,
    /// How many of the messages that were taken from the input may have left
    /// in part, or not, when a connection ended; they are not sent again.
    pub lost: u64,
    /// How many of them have not left to the least part: they go out over the
    /// next connection, where there is one.
    pub kept: u64,
    /// Replies that are owed since a connection was lost, over which they, or
    /// what asks for them, may have been under way.
    pub missing: u64,
    /// What is missing from the files of the log, as a sentence.
    pub log_misses: Option<String>,
    /// What of the input has not been taken from it.
    pub input: Rest,
    /// The stay after the end of the input, where the user gave its length.
    pub stay: Option<Stay>,
    /// The step of the script that was in progress.
    pub step: Option<String>,
    /// The time from the opening to the first message received over it.
    pub first_message: Option<Duration>,
}
