//! The communication log of a run: every event of a [`Line`](super::Line),
//! stamped once, counted, and written to the files before anybody can have
//! shown it.
//!
//! What was sent becomes an entry when it has been flushed, never before.
//! Where nothing keeps such entries, it is only counted until then, so that a
//! slow peer costs no memory.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::entry::{Direction, Entry, Kind, Moment, Source};
use super::file::LogFile;
use super::har::HarFile;
use super::jsonl;
use super::kept::Kept;
use super::opening::Opening;
use super::outgoing::Outgoing;
use crate::connection::{Closed, Event};
use crate::decode::Decode;
use crate::value::clock;

/// User's pings whose pong is still out; the oldest is forgotten first.
const MAX_PINGS: usize = 64;

/// Tells the time.
pub type Clock = Box<dyn FnMut() -> Moment + Send>;

/// The system's clocks; the offset counts from now.
pub fn system_clock() -> Clock {
    let start = Instant::now();
    Box::new(move || Moment {
        time: clock::now(),
        offset: start.elapsed(),
    })
}

/// What has been carried: messages, and their payload in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Messages.
    pub messages: u64,
    /// Their payload in bytes, decompressed.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, payload: &[u8]) {
        self.messages += 1;
        self.bytes += payload.len() as u64;
    }
}

/// What was handed to the socket and has not left.
#[derive(Debug, Default)]
struct Pending {
    /// Whether there is anything.
    any: bool,
    messages: Count,
    /// Whether a Close frame was handed over, be it that it has left.
    close: bool,
    /// All of it, where it is to become entries.
    entries: VecDeque<(Outgoing, Source)>,
}

/// The communication log of a run.
pub struct Transcript {
    clock: Clock,
    seq: u64,
    connection: u32,
    pending: Pending,
    /// Payloads of the user's pings: all others are keep-alive.
    pings: VecDeque<Bytes>,
    sent: Count,
    received: Count,
    log: Option<LogFile>,
    har: Option<HarFile>,
    kept: Kept,
    decode: Decode,
    made: VecDeque<Entry>,
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
            pending: Pending::default(),
            pings: VecDeque::new(),
            sent: Count::default(),
            received: Count::default(),
            log: None,
            har: None,
            kept: Kept::new(0),
            decode: Decode::Off,
            made: VecDeque::new(),
            trouble: Vec::new(),
        }
    }

    /// Also writes JSON Lines.
    pub fn with_log(mut self, log: Option<LogFile>) -> Self {
        self.trouble.extend(log.as_ref().and_then(LogFile::warning));
        self.log = log;
        self
    }

    /// Also writes HAR.
    pub fn with_har(mut self, har: Option<HarFile>) -> Self {
        self.trouble.extend(har.as_ref().and_then(HarFile::warning));
        self.har = har;
        self
    }

    /// Also keeps the last lines, up to about so many bytes of memory.
    pub fn keeping(mut self, limit_bytes: usize) -> Self {
        self.kept = Kept::new(limit_bytes);
        self
    }

    /// Also takes messages apart, from now on.
    pub fn set_decode(&mut self, decode: Decode) {
        self.decode = decode;
    }

    /// What messages are taken apart by.
    pub fn decode(&self) -> Decode {
        self.decode
    }

    /// What is kept in memory.
    pub fn kept(&mut self) -> &mut Kept {
        &mut self.kept
    }

    /// The clock's time.
    pub fn now(&mut self) -> Moment {
        (self.clock)()
    }

    /// The messages of the run that have left.
    pub fn sent(&self) -> Count {
        self.sent
    }

    /// The messages of the run that came.
    pub fn received(&self) -> Count {
        self.received
    }

    /// The messages that were handed to the socket and have not left, and
    /// may never.
    pub fn unsent(&self) -> u64 {
        self.pending.messages.messages
    }

    /// The same; from here on they are not counted any more.
    pub(super) fn take_unsent(&mut self) -> u64 {
        std::mem::take(&mut self.pending.messages).messages
    }

    /// Of what was handed to the socket, so many messages count as not handed
    /// over: they will be again.
    pub(super) fn withdraw(&mut self, messages: u64) {
        let pending = &mut self.pending.messages;
        pending.messages = pending.messages.saturating_sub(messages);
    }

    /// Whether anything handed to the socket has not left.
    pub(super) fn waits(&self) -> bool {
        self.pending.any
    }

    /// The next entry that was made; it is in the files already.
    pub(super) fn next_entry(&mut self) -> Option<Entry> {
        self.made.pop_front()
    }

    /// What the user must be told of the files, each once.
    pub fn trouble(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trouble)
    }

    /// How many events wait to be written, because what reads the log is slow.
    pub fn unwritten(&self) -> usize {
        self.log.as_ref().map_or(0, LogFile::unwritten)
    }

    /// Nothing more is to be told. What is missing from the files, as a sentence;
    /// what still waits to be written is.
    pub fn finish(&mut self) -> Option<String> {
        if let Some(log) = &mut self.log {
            self.trouble.extend(log.finish());
        }
        let log = self.log.as_ref().and_then(LogFile::missing);
        let har = self.har.as_ref().and_then(HarFile::missing);
        match (log, har) {
            (Some(log), Some(har)) => Some(format!("{log}, and {har}")),
            (log, har) => log.or(har),
        }
    }

    /// A connection is open.
    pub(super) fn opened(&mut self, opening: Opening) {
        self.connection += 1;
        self.pending = Pending::default();
        self.pings.clear();
        let moment = self.now();
        let way = (Direction::Out, Source::Automatic);
        self.record(moment, way, Kind::Open(Box::new(opening)));
    }

    /// Something was handed to the socket. It becomes an entry when the
    /// socket has flushed it.
    pub(super) fn queued(&mut self, outgoing: &Outgoing, source: Source) {
        self.pending.any = true;
        match outgoing {
            Outgoing::Message(message) => self.pending.messages.add(message.as_bytes()),
            Outgoing::Ping(payload) if source == Source::User => {
                if self.pings.len() == MAX_PINGS {
                    self.pings.pop_front();
                }
                self.pings.push_back(payload.clone());
            }
            Outgoing::Close(_) => self.pending.close = true,
            Outgoing::Ping(_) | Outgoing::Pong(_) => {}
        }
        if self.log.is_some() || self.har.is_some() || self.kept.is_on() {
            self.pending.entries.push_back((outgoing.clone(), source));
        }
    }

    /// Everything queued has been handed to the operating system.
    pub(super) fn flushed(&mut self) {
        if !std::mem::take(&mut self.pending.any) {
            return;
        }
        let left = std::mem::take(&mut self.pending.messages);
        self.sent.messages += left.messages;
        self.sent.bytes += left.bytes;
        if self.pending.entries.is_empty() {
            return;
        }
        let moment = self.now();
        while let Some((outgoing, source)) = self.pending.entries.pop_front() {
            self.record(moment, (Direction::Out, source), outgoing.into());
        }
    }

    /// An event of the socket: every one is to be told, in order, but for the
    /// last, which is [`Transcript::closed`].
    pub(super) fn event(&mut self, event: Event) {
        let from_peer = (Direction::In, Source::Peer);
        match event {
            Event::Message {
                message,
                wire_bytes,
            } => {
                self.received.add(message.as_bytes());
                let moment = self.now();
                self.record(moment, from_peer, Kind::message(message, wire_bytes));
            }
            Event::Ping(data) => {
                let moment = self.now();
                self.record(moment, from_peer, Kind::Ping { data: data.clone() });
                // The socket answers by itself, at its next write.
                let answer = Outgoing::Pong(data);
                let way = (Direction::Out, Source::Automatic);
                self.record(moment, way, answer.into());
            }
            Event::Pong {
                payload,
                round_trip,
            } => self.pong(payload, round_trip),
            Event::Flushed => self.flushed(),
            Event::Closed(closed) => self.closed(&closed),
        }
    }

    /// The connection has ended.
    pub(super) fn closed(&mut self, closed: &Closed) {
        // Nobody answers a Close that was never sent, and it was the last.
        if closed.received.is_some() && !closed.by_peer {
            self.flushed();
        }
        let moment = self.now();
        let by_itself = Source::Automatic;
        if let (Some(sent), false) = (&closed.sent, self.pending.close) {
            let close = Kind::Close(sent.clone().into());
            self.record(moment, (Direction::Out, by_itself), close);
        }
        if let Some(error) = &closed.error {
            self.error(error.to_string());
        }
        let source = match closed.received {
            Some(_) => Source::Peer,
            None => by_itself,
        };
        self.record(moment, (Direction::In, source), Kind::Close(closed.into()));
    }

    /// Something went wrong outside of the socket's events.
    pub(super) fn error(&mut self, message: String) {
        self.failed(message, None, None);
    }

    /// The same, of a connection that could not be opened.
    pub(super) fn failed(
        &mut self,
        message: String,
        hint: Option<String>,
        opening: Option<Box<Opening>>,
    ) {
        let moment = self.now();
        let way = (Direction::In, Source::Automatic);
        let kind = Kind::Error {
            message,
            hint,
            opening,
        };
        self.record(moment, way, kind);
    }

    /// The socket does not tell of the keep-alive's pings; they show by
    /// their answers.
    fn pong(&mut self, data: Bytes, round_trip: Option<Duration>) {
        let moment = self.now();
        match (self.pings.iter().position(|ping| *ping == data), round_trip) {
            (Some(at), _) => {
                self.pings.drain(..=at);
            }
            (None, Some(trip)) => {
                let ping = Kind::Ping { data: data.clone() };
                let way = (Direction::Out, Source::Automatic);
                self.record(moment.before(trip), way, ping);
            }
            (None, None) => {}
        }
        let pong = Kind::Pong { data, round_trip };
        self.record(moment, (Direction::In, Source::Peer), pong);
    }

    fn record(&mut self, moment: Moment, (direction, source): (Direction, Source), kind: Kind) {
        self.seq += 1;
        let entry = Entry {
            seq: self.seq,
            moment,
            connection: self.connection,
            direction,
            source,
            records: kind.data().and_then(|data| self.decode.records(data)),
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
        self.made.push_back(entry);
    }
}
