//! What was handed to a connection and has not left, as far as it can be said
//! again when that connection is lost: only that of which no byte was written,
//! for nothing is sent twice.

use std::collections::VecDeque;

use super::entry::Source;
use super::outgoing::Outgoing;
use crate::connection::Socket;

/// What is on its way, where another connection may follow.
#[derive(Debug)]
pub(super) struct UnderWay {
    is_on: bool,
    /// Each with the place of its first byte in the stream.
    waiting: VecDeque<(u64, Outgoing, Source)>,
    /// What the user said and can say again.
    untouched: Vec<Outgoing>,
    /// How much of the setup has not been flushed.
    setup: u64,
}

impl UnderWay {
    /// Nothing yet; `is_on` where another connection may follow.
    pub(super) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            waiting: VecDeque::new(),
            untouched: Vec::new(),
            setup: 0,
        }
    }

    /// A connection begins with so many messages.
    pub(super) fn begin(&mut self, setup: u64) {
        self.waiting.clear();
        self.setup = if self.is_on { setup } else { 0 };
    }

    /// This is about to be handed over.
    pub(super) fn hand_over(&mut self, socket: &Socket, outgoing: &Outgoing, source: Source) {
        if !self.is_on {
            return;
        }
        // What is on the wire is of no use, and would pile up.
        let begun = socket.begun_bytes();
        while self.waiting.front().is_some_and(|(at, ..)| *at < begun) {
            self.waiting.pop_front();
        }
        let at = socket.queued_bytes();
        self.waiting.push_back((at, outgoing.clone(), source));
    }

    /// All of it has left.
    pub(super) fn flushed(&mut self) {
        self.waiting.clear();
        self.setup = 0;
    }

    /// The connection has ended. Returns how many messages have not left to
    /// the least part.
    pub(super) fn closed(&mut self, socket: &Socket) -> u64 {
        let begun = socket.begun_bytes();
        let mut count = 0;
        for (at, outgoing, source) in self.waiting.drain(..) {
            let is_message = matches!(outgoing, Outgoing::Message(_));
            if at < begun {
                continue;
            }
            count += u64::from(is_message);
            match source {
                Source::User => self.untouched.push(outgoing),
                // It is sent again by itself, and not lost.
                _ => self.setup = self.setup.saturating_sub(u64::from(is_message)),
            }
        }
        count
    }

    pub(super) fn take_untouched(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.untouched)
    }

    /// How much of the setup may have left in part.
    pub(super) fn take_setup(&mut self) -> u64 {
        std::mem::take(&mut self.setup)
    }
}
