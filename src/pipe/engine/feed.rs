//! The way in: the input, and what a lost connection has left of it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::Peekable;
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use crate::pipe::config::{Rest, Waits};
use crate::pipe::framing::InputError;
use crate::talk::Outgoing;

/// How long an input may take to say that it is at its end when the peer has
/// closed.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// The same for one whose answer is on its way: only that another program has read it
/// in the place of this one can keep it from coming.
const LAST_ANSWER: Duration = Duration::from_secs(10);

/// What is still to be sent.
pub(super) struct Feed<I: Stream> {
    input: Peekable<I>,
    waits: fn() -> Waits,
    /// Whether its first answer was on its way when it was first asked; `None` before.
    answers: Option<bool>,
    /// What no byte has been written of when the last connection ended.
    kept: VecDeque<Outgoing>,
    /// Whether the input has ended, be it by a failure.
    ended: bool,
    /// Whether anything was in it.
    has_spoken: bool,
    /// Whether it is known to hold more than was taken.
    has_more: bool,
    /// Why it ended before its end.
    failed: Option<InputError>,
}

/// What comes next.
pub(super) enum Next {
    Send(Outgoing),
    /// The input has just failed.
    Failed,
    Ended,
}

impl<I: Stream<Item = Result<Outgoing, InputError>> + Unpin> Feed<I> {
    pub(super) fn new(input: Peekable<I>, waits: fn() -> Waits) -> Self {
        Self {
            input,
            waits,
            answers: None,
            kept: VecDeque::new(),
            ended: false,
            has_spoken: false,
            has_more: false,
            failed: None,
        }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(outgoing) = self.kept.pop_front() {
            return Poll::Ready(Next::Send(outgoing));
        }
        if self.ended {
            return Poll::Ready(Next::Ended);
        }
        let waits = self.waits;
        self.answers
            .get_or_insert_with(|| waits() == Waits::Answers);
        let polled = self.input.poll_next_unpin(cx);
        if polled.is_ready() {
            self.answers = Some(false);
        }
        polled.map(|item| match item {
            Some(Ok(outgoing)) => {
                self.has_spoken = true;
                Next::Send(outgoing)
            }
            Some(Err(error)) => {
                self.ended = true;
                self.failed = Some(error);
                Next::Failed
            }
            None => {
                self.ended = true;
                Next::Ended
            }
        })
    }

    /// What was taken and has not left goes first over the next connection.
    pub(super) fn give_back(&mut self, untouched: Vec<Outgoing>) {
        self.kept.extend(untouched);
    }

    /// The input says that it is over, whatever follows in it.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// How many messages wait for a connection.
    pub(super) fn kept(&self) -> u64 {
        let kept = self.kept.iter();
        let messages = kept.filter(|outgoing| matches!(outgoing, Outgoing::Message(_)));
        messages.count() as u64
    }

    /// Whether nothing is left to be sent.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.kept.is_empty()
    }

    /// Whether there was nothing in the input from its start to its end.
    pub(super) fn was_empty(&self) -> bool {
        self.ended && !self.has_spoken
    }

    pub(super) fn rest(&self) -> Rest {
        match (self.ended, self.has_more) {
            (true, _) => Rest::Ended,
            (false, true) => Rest::More,
            (false, false) if self.has_spoken => Rest::Open,
            (false, false) => Rest::Silent,
        }
    }

    /// Finds out what is left in an input whose peer has gone. One that is
    /// empty says so at once, and so does one that holds more; one that says
    /// nothing may be a terminal.
    pub(super) async fn look(&mut self) {
        if self.ended || self.has_more {
            return;
        }
        // What it is asked for may be with its reader already, and no more to be seen.
        let limit = match (self.waits)() {
            Waits::Answers => LAST_ANSWER,
            _ if self.answers == Some(true) => LAST_ANSWER,
            _ => LAST_LOOK,
        };
        if self.peek(limit).await {
            return;
        }
        match (self.waits)() {
            Waits::Silent => {}
            Waits::Answers => {
                self.peek(LAST_ANSWER).await;
            }
            Waits::Holds => self.has_more = true,
        }
    }

    /// Whether the input has said within this time what it holds.
    async fn peek(&mut self, limit: Duration) -> bool {
        match timeout(limit, Pin::new(&mut self.input).peek()).await {
            Ok(None) => self.ended = true,
            Ok(Some(_)) => self.has_more = true,
            Err(_) => return false,
        }
        true
    }

    /// The failure that ended it, once.
    pub(super) fn take_failure(&mut self) -> Option<InputError> {
        self.failed.take()
    }
}
