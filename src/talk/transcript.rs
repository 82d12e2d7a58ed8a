//! The communication log of a run.
//!
//! Whoever owns a socket tells a [`Transcript`] what it queues and every
//! event that it gets; the transcript stamps it once, writes the files, and
//! hands back the entries to show. An entry is in the files before anybody
//! can have shown it. What was sent becomes an entry when it has been
//! flushed, never before.
//!
//! 1. [`Transcript::opened`] when a connection is open;
//!    [`Transcript::error`] when it could not be opened.
//! 2. [`Transcript::queued`] for whatever the socket has taken, its Close
//!    frame included.
//! 3. [`Transcript::event`] for every event of the socket, the flushes and the
//!    close included; [`Transcript::flushed`] after a flush of its own.
//! 4. [`Transcript::trouble`] now and then, for the user to know.
//!
//! Each but the second and the last returns the entries that it made, to be
//! shown by [`Look::entry`](super::text::Look::entry) or to be left.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use super::entry::{Direction, Entry, Kind, Moment, Source};
use super::file::LogFile;
use super::har::HarFile;
use super::jsonl;
use super::kept::Kept;
use super::opening::Opening;
use super::outgoing::Outgoing;
use crate::connection::{Closed, Event};

/// User's pings whose pong is still out; the oldest is forgotten first.
const MAX_PINGS: usize = 64;

/// Tells the time.
pub type Clock = Box<dyn FnMut() -> Moment + Send>;

/// The system's clocks; the offset counts from now.
pub fn system_clock() -> Clock {
    let start = Instant::now();
    Box::new(move || Moment {
        time: Timestamp::now(),
        offset: start.elapsed(),
    })
}

/// The communication log of a run.
pub struct Transcript {
    clock: Clock,
    seq: u64,
    connection: u32,
    pending: VecDeque<(Outgoing, Source)>,
    /// Payloads of the user's pings: all others are keep-alive.
    pings: VecDeque<Bytes>,
    close_recorded: bool,
    log: Option<LogFile>,
    har: Option<HarFile>,
    kept: Kept,
    trouble: Vec<String>,
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript")
            .field("seq", &self.seq)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl Transcript {
    /// A log that goes to no file yet and keeps nothing in memory.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            seq: 0,
            connection: 0,
            pending: VecDeque::new(),
            pings: VecDeque::new(),
            close_recorded: false,
            log: None,
            har: None,
            kept: Kept::new(0),
            trouble: Vec::new(),
        }
    }

    /// Also writes JSON Lines.
    pub fn with_log(mut self, log: Option<LogFile>) -> Self {
        self.log = log;
        self
    }

    /// Also writes HAR.
    pub fn with_har(mut self, har: Option<HarFile>) -> Self {
        self.har = har;
        self
    }

    /// Also keeps the last lines, up to about so many bytes of memory.
    pub fn keeping(mut self, limit_bytes: usize) -> Self {
        self.kept = Kept::new(limit_bytes);
        self
    }

    /// Whether there is a file to write: without one, and with nobody to show
    /// the entries to, nothing need be told.
    pub fn has_files(&self) -> bool {
        self.log.is_some() || self.har.is_some()
    }

    /// What is kept in memory.
    pub fn kept(&mut self) -> &mut Kept {
        &mut self.kept
    }

    /// The clock's time.
    pub fn now(&mut self) -> Moment {
        (self.clock)()
    }

    /// A connection is open.
    pub fn opened(&mut self, opening: Opening) -> Entry {
        self.connection += 1;
        self.pending.clear();
        self.pings.clear();
        self.close_recorded = false;
        let moment = self.now();
        self.record(
            moment,
            (Direction::Out, Source::Automatic),
            Kind::Open(Box::new(opening)),
        )
    }

    /// Something was handed to the socket. It becomes an entry when the
    /// socket has flushed it.
    pub fn queued(&mut self, outgoing: Outgoing, source: Source) {
        if let (Outgoing::Ping(payload), Source::User) = (&outgoing, source) {
            if self.pings.len() == MAX_PINGS {
                self.pings.pop_front();
            }
            self.pings.push_back(payload.clone());
        }
        self.pending.push_back((outgoing, source));
    }

    /// How many things wait to be flushed.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Everything queued has been handed to the operating system. Only for
    /// an owner that flushes by itself: [`Transcript::event`] does this for
    /// [`Event::Flushed`].
    pub fn flushed(&mut self) -> Vec<Entry> {
        if self.pending.is_empty() {
            return Vec::new();
        }
        let moment = self.now();
        let pending = std::mem::take(&mut self.pending);
        pending
            .into_iter()
            .map(|(outgoing, source)| self.sent(moment, outgoing, source))
            .collect()
    }

    /// An event of the socket: every one is to be told, in order. Returns
    /// the entries that it makes, which are in the files already.
    pub fn event(&mut self, event: &Event) -> Vec<Entry> {
        let moment = self.now();
        match event {
            Event::Message {
                message,
                wire_bytes,
            } => vec![self.record(
                moment,
                (Direction::In, Source::Peer),
                Kind::message(message.clone(), *wire_bytes),
            )],
            Event::Ping(payload) => self.ping(moment, payload),
            Event::Pong {
                payload,
                round_trip,
            } => self.pong(moment, payload, *round_trip),
            Event::Flushed => self.flushed(),
            Event::Closed(closed) => self.closed(moment, closed),
        }
    }

    /// Something went wrong outside of the socket's events.
    pub fn error(&mut self, message: impl Into<String>) -> Entry {
        let moment = self.now();
        self.record(
            moment,
            (Direction::In, Source::Automatic),
            Kind::Error {
                message: message.into(),
            },
        )
    }

    /// What was queued and never left: to be asked for after the close.
    pub fn unsent(&mut self) -> Vec<Outgoing> {
        self.pending.drain(..).map(|(sent, _)| sent).collect()
    }

    /// What the user must be told of the files, each once.
    pub fn trouble(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trouble)
    }

    /// The socket answers a ping by itself, at its next write.
    fn ping(&mut self, moment: Moment, payload: &Bytes) -> Vec<Entry> {
        let data = payload.clone();
        let ping = Kind::Ping { data: data.clone() };
        let answer = Kind::from(Outgoing::Pong(data));
        vec![
            self.record(moment, (Direction::In, Source::Peer), ping),
            self.record(moment, (Direction::Out, Source::Automatic), answer),
        ]
    }

    /// The socket does not tell of the keep-alive's pings; they show by
    /// their answers.
    fn pong(&mut self, moment: Moment, payload: &Bytes, trip: Option<Duration>) -> Vec<Entry> {
        let mut entries = Vec::new();
        match (self.pings.iter().position(|ping| ping == payload), trip) {
            (Some(at), _) => {
                self.pings.drain(..=at);
            }
            (None, Some(trip)) => entries.push(self.record(
                moment.before(trip),
                (Direction::Out, Source::Automatic),
                Kind::Ping {
                    data: payload.clone(),
                },
            )),
            (None, None) => {}
        }
        let kind = Kind::Pong {
            data: payload.clone(),
            round_trip: trip,
        };
        entries.push(self.record(moment, (Direction::In, Source::Peer), kind));
        entries
    }

    fn closed(&mut self, moment: Moment, closed: &Closed) -> Vec<Entry> {
        let mut entries = Vec::new();
        // Nobody answers a Close that was never sent.
        let answered = closed.received.is_some() && !closed.by_peer;
        let queued_at = self
            .pending
            .iter()
            .position(|(outgoing, _)| matches!(outgoing, Outgoing::Close(_)));
        if let (Some(at), true) = (queued_at, answered) {
            let left: Vec<_> = self.pending.drain(..=at).collect();
            for (outgoing, source) in left {
                entries.push(self.sent(moment, outgoing, source));
            }
        }
        self.pending
            .retain(|(outgoing, _)| !matches!(outgoing, Outgoing::Close(_)));
        if let (Some(sent), false) = (&closed.sent, self.close_recorded || queued_at.is_some()) {
            let close = Outgoing::Close(sent.clone());
            entries.push(self.sent(moment, close, Source::Automatic));
        }
        if let Some(error) = &closed.error {
            let kind = Kind::Error {
                message: error.to_string(),
            };
            entries.push(self.record(moment, (Direction::In, Source::Automatic), kind));
        }
        let source = match closed.received {
            Some(_) => Source::Peer,
            None => Source::Automatic,
        };
        let kind = Kind::Close(closed.into());
        entries.push(self.record(moment, (Direction::In, source), kind));
        entries
    }

    fn sent(&mut self, moment: Moment, outgoing: Outgoing, source: Source) -> Entry {
        self.close_recorded |= matches!(outgoing, Outgoing::Close(_));
        self.record(moment, (Direction::Out, source), outgoing.into())
    }

    fn record(
        &mut self,
        moment: Moment,
        (direction, source): (Direction, Source),
        kind: Kind,
    ) -> Entry {
        self.seq += 1;
        let entry = Entry {
            seq: self.seq,
            moment,
            connection: self.connection,
            direction,
            source,
            kind,
        };
        if self.log.is_some() || self.kept.is_on() {
            let line = jsonl::render(&entry);
            if let Some(log) = &mut self.log {
                self.trouble.extend(log.write(&line));
            }
            self.kept.push(line);
        }
        if let Some(har) = &mut self.har {
            self.trouble.extend(har.write(&entry));
        }
        entry
    }
}
