//! The message stage: what waits for its time to leave, in order.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::connection::Message;

/// What may wait; nothing more is read or taken until there is less.
const MAX_WAITING: usize = 1024;
/// The same, in bytes.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// Something on its way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    Message(Message),
    /// A control frame: its first byte and its payload.
    Control(u8, Bytes),
    /// The answer to a client's Close, of which this is the payload.
    CloseAnswer(Bytes),
}

/// What waits, and when it is due.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<(Instant, Outgoing)>,
    bytes: usize,
}

impl Queue {
    /// Queues something that leaves this much later, behind all that waits.
    pub(super) fn push(&mut self, outgoing: Outgoing, later: Duration) {
        let due = Instant::now() + later;
        // What waits longer does not overtake.
        let due = self.waiting.back().map_or(due, |(last, _)| due.max(*last));
        self.bytes += outgoing.len();
        self.waiting.push_back((due, outgoing));
    }

    /// The next thing whose time has come.
    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        let (due, _) = self.waiting.front()?;
        if *due > Instant::now() {
            return None;
        }
        let (_, outgoing) = self.waiting.pop_front()?;
        self.bytes -= outgoing.len();
        Some(outgoing)
    }

    /// When the next thing leaves.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING || self.bytes >= MAX_WAITING_BYTES
    }
}

impl Outgoing {
    fn len(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            Self::Control(_, payload) | Self::CloseAnswer(payload) => payload.len(),
        }
    }
}
