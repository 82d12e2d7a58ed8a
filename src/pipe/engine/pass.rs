//! What begins anew with each connection of a talk. A leaf.

use std::time::Duration;

use tokio::time::Instant;

use crate::connection::Closed;
use crate::pipe::config::End;
use crate::talk::Stop;

/// One connection, or an attempt at one.
#[derive(Default)]
pub(super) struct Pass {
    /// Why the talk is ending; the line is closing, or closed, from then on.
    pub(super) end: Option<End>,
    /// Whether the connection, or the attempt at one, has come to its end.
    pub(super) over: bool,
    /// Whether the talk was over before the peer closed.
    pub(super) was_closing: bool,
    pub(super) closed: Option<Closed>,
    /// How long the connection was open.
    pub(super) open: Option<Duration>,
    /// Since when the output has been full, where it was at the last look.
    pub(super) full_since: Option<Instant>,
    /// Whether messages are of no interest any more.
    pub(super) discard: bool,
    /// When to give up on the closing handshake and the output, and why.
    pub(super) hard_deadline: Option<Instant>,
    pub(super) stopped: Option<Stop>,
    /// Since when the connection takes nothing more: the peer's Close has come, or
    /// ours is on its way.
    pub(super) closing: Option<Instant>,
    /// When the connection was opened.
    pub(super) start: Option<Instant>,
    pub(super) first_message: Option<Duration>,
}

impl Pass {
    /// Whether the time to give up has come.
    pub(super) fn is_given_up(&self) -> bool {
        self.hard_deadline.is_some_and(|at| at <= Instant::now())
    }

    /// The output was given up before all of it was written: then what was waited
    /// for has come, and not arrived.
    pub(super) fn cut_off(&mut self) {
        if let Some(stop) = self.stopped
            && !matches!(self.end, Some(End::OutputClosed | End::OutputFailed(_)))
        {
            self.end = Some(End::Stopped(stop));
        }
    }

    /// Whether the peer ended the connection in the way in which one says
    /// that it is done: with 1000 or without a code.
    pub(super) fn is_done_by_peer(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| {
            closed.by_peer && closed.error.is_none() && matches!(closed.code(), 1000 | 1005)
        })
    }
}
