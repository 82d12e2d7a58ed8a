//! What a talk is made of, and what it tells as it goes.

use std::fmt;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::Peekable;

use super::config::Summary;
use super::framing::Framing;
use crate::decode::Records;
use crate::talk::{Kind, Line, LineEvent};

/// What a talk tells, as it happens.
#[derive(Debug)]
pub enum PipeEvent<'a> {
    /// Something on the line, before it is acted on.
    Line(&'a LineEvent),
    /// A connection has ended, or could not be opened; `again`: another one
    /// is to follow.
    Ended {
        /// What the talk has come to until now.
        summary: &'a Summary,
        /// Whether it goes on.
        again: bool,
    },
    /// The time before the next attempt to connect begins.
    Waiting {
        /// How long it is.
        wait: Duration,
        /// The number of the attempt, from 1.
        attempt: u32,
    },
    /// No attempt to connect is left.
    NoneLeft,
    /// A message holds what ends messages in this framing, so that the output
    /// has more ends than messages. Told once.
    Torn(Framing),
    /// A file of the log cannot be written, or can again.
    LogTrouble(String),
}

/// Makes what is written of a message, whose records are known where it is taken
/// apart: any number of texts, each of which is ended as a message is, or `None` for
/// the message as it is. For [`Framing::Lines`] and [`Framing::Nul`]; the other
/// framings write all there is.
pub type View<'a> = &'a dyn Fn(&Kind, Option<&Records>) -> Option<Vec<String>>;

/// A talk over a line.
pub struct Pipe<'a, I: Stream, W, S> {
    /// The line; it is connected when it is not yet.
    pub line: Line,
    /// What to send.
    pub input: Peekable<I>,
    /// Where the messages go.
    pub output: W,
    /// What is written of a message.
    pub view: View<'a>,
    /// Ends the talk from outside.
    pub stop: S,
    /// Is told what happens.
    pub observe: &'a mut dyn FnMut(PipeEvent<'_>),
}

impl<I: Stream, W, S> fmt::Debug for Pipe<'_, I, W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}
