//! One connection under load: what it may send now, what a reply means, and
//! one write a readiness event.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::clock::{Clock, Times, to_ns};
use super::config::{BenchConfig, Load, Mode};
use super::ended::Ended;
use super::inbox::Inbox;
use super::link::{Arrival, Link, Scratch, data_opcode};
use super::matching::{Entry, Matching, Window, print};
use super::payload::{PayloadConfig, Payloads};
use super::poller::Poller;
use super::stats::Parts;
use super::tag::{HALF_BYTES, RunTag};
use crate::connection::Message;
use crate::connection::ws::codec::Opcode;

/// A batch is written when it has this size, however much more is due: the
/// server can work on it meanwhile, and the memory stays in the cache.
const BATCH_BYTES: usize = 64 << 10;

/// How often one connection is written in a row before the others have a turn.
const MAX_WRITES_IN_A_ROW: usize = 8;

/// What all connections of a thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Arc<BenchConfig>,
    pub(super) clock: Clock,
    pub(super) scratch: Scratch,
    pub(super) payloads: Payloads,
    pub(super) tag: RunTag,
    pub(super) parts: Parts,
    pub(super) times: Times,
    /// Slots of connections that must be looked at, at a time.
    pub(super) pauses: std::collections::VecDeque<Pause>,
    pub(super) last_reply_ns: u64,
    /// When something was last read or written.
    pub(super) now_ns: u64,
}

/// Slots of a connection that become free at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) until_ns: u64,
    pub(super) slot: usize,
    pub(super) count: u32,
}

/// A connection under load.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) index: usize,
    pub(super) slot: usize,
    /// Which of the URLs it leads to.
    url: usize,
    /// What the marks of its payloads have in common.
    mark: [u8; HALF_BYTES],
    pub(super) link: Link,
    pub(super) window: Window,
    /// It took no more when it was last tried.
    pub(super) is_blocked: bool,
    /// Closed loop: messages that may be sent now, and since when.
    pub(super) free: u32,
    pub(super) free_since_ns: u64,
    /// Open loop: messages whose time has come, and how many were sent.
    pub(super) due: u64,
    pub(super) scheduled: u64,
    /// Measured messages that may still be sent.
    pub(super) quota: Option<u64>,
    pub(super) closing: bool,
}

impl Conn {
    pub(super) fn new(
        index: usize,
        slot: usize,
        link: Link,
        quota: Option<u64>,
        shared: &Shared,
    ) -> Self {
        Self {
            index,
            slot,
            url: shared.config.url_of(index),
            mark: shared.tag.mark(index as u64),
            link,
            window: Window::default(),
            is_blocked: false,
            free: 0,
            free_since_ns: 0,
            due: 0,
            scheduled: 0,
            quota,
            closing: false,
        }
    }

    /// Takes the connection from the runtime's reactor to `poller`.
    pub(super) fn detach(self, poller: &Poller) -> io::Result<Self> {
        Ok(Self {
            link: self.link.detach(poller, self.slot)?,
            ..self
        })
    }

    /// Reads and writes what can be read and written now.
    pub(super) fn run(&mut self, cx: &mut Context<'_>, shared: &mut Shared) -> Result<(), Ended> {
        let ran = self.read_and_write(cx, shared);
        let written = self.link.take_written();
        let (now_ns, times) = (shared.now_ns, shared.times);
        if written > 0 && now_ns < times.end_ns {
            let stats = shared.parts.of(self.url, now_ns);
            stats.phase(times.is_measured(now_ns)).bytes_sent += written;
        }
        ran
    }

    fn read_and_write(&mut self, cx: &mut Context<'_>, shared: &mut Shared) -> Result<(), Ended> {
        // The schedule first: reading can wait, the send time cannot.
        let early = if self.due > 0 {
            self.send(cx, shared)
        } else {
            Ok(())
        };
        // What ended the connection is told by what the server sent last, and
        // not by the write that found it gone.
        self.receive(cx, shared)?;
        early?;
        self.send(cx, shared)
    }

    fn receive(&mut self, cx: &mut Context<'_>, shared: &mut Shared) -> Result<(), Ended> {
        let Shared {
            config,
            clock,
            scratch,
            parts,
            times,
            tag,
            payloads,
            ..
        } = shared;
        let mut inbox = Inbox {
            config,
            parts,
            times,
            tag,
            payloads,
            window: &mut self.window,
            index: self.index as u64,
            url: self.url,
            mark: self.mark,
            now_ns: 0,
            answered: 0,
            ping: None,
        };
        let polled = self.link.poll_read(cx, scratch, |arrival| match arrival {
            Arrival::Read(bytes) => inbox.read(bytes, clock.now_ns()),
            Arrival::Incoming(incoming) => inbox.take(&incoming),
        });
        let (now_ns, answered, ping) = (inbox.now_ns, inbox.answered, inbox.ping);
        if now_ns > 0 {
            shared.now_ns = now_ns;
        }
        if let Some(payload) = ping {
            self.link.pong(&payload, scratch);
        }
        if answered > 0 {
            shared.last_reply_ns = now_ns;
            self.set_free(answered, now_ns, shared);
        }
        match polled {
            Poll::Ready(ended) => Err(ended),
            Poll::Pending => Ok(()),
        }
    }

    /// Messages of a closed loop may be sent in place of others.
    pub(super) fn set_free(&mut self, count: u32, now_ns: u64, shared: &mut Shared) {
        match &shared.config.load {
            Load::Closed { think_time, .. } if think_time.is_zero() => {
                self.free += count;
                self.free_since_ns = now_ns;
            }
            Load::Closed { think_time, .. } => shared.pauses.push_back(Pause {
                until_ns: now_ns + to_ns(*think_time),
                slot: self.slot,
                count,
            }),
            Load::Open(_) => {}
        }
    }

    fn send(&mut self, cx: &mut Context<'_>, shared: &mut Shared) -> Result<(), Ended> {
        for _ in 0..MAX_WRITES_IN_A_ROW {
            match self.link.poll_ready(cx) {
                Poll::Pending => {
                    self.is_blocked = true;
                    return Ok(());
                }
                Poll::Ready(Err(ended)) => return Err(ended),
                Poll::Ready(Ok(())) => self.is_blocked = false,
            }
            shared.scratch.write.clear();
            let (mut count, mut is_large) = (0, false);
            while shared.scratch.write.len() < BATCH_BYTES
                && let Some(intended_ns) = self.take_due(shared)
            {
                is_large = self.append(intended_ns, shared);
                count += 1;
                if is_large {
                    break;
                }
                if matches!(self.link, Link::Socket(_)) && self.link.poll_ready(cx).is_pending() {
                    break;
                }
            }
            if count == 0 {
                return Ok(());
            }
            let is_all = !is_large && shared.scratch.write.len() < BATCH_BYTES;
            self.stamp(count, shared);
            self.link.poll_write(cx, &mut shared.scratch)?;
            if is_all && matches!(self.link, Link::Frames(_)) {
                return Ok(());
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// The intended time of the next message, when there is one to send.
    fn take_due(&mut self, shared: &Shared) -> Option<u64> {
        if self.closing {
            return None;
        }
        let config = &shared.config;
        let intended_ns = match &config.load {
            Load::Open(schedule) => {
                if self.due == 0 {
                    return None;
                }
                let number = self.scheduled * config.connections as u64 + self.index as u64;
                schedule
                    .time_of(number)?
                    .saturating_add(shared.times.start_ns)
            }
            Load::Closed { .. } if self.free == 0 => return None,
            // Nothing is waited for: a message is due when there is room.
            Load::Closed { .. } if config.mode == Mode::Flood => shared.clock.now_ns(),
            Load::Closed { .. } => self.free_since_ns,
        };
        if intended_ns >= shared.times.end_ns {
            return None;
        }
        if intended_ns >= shared.times.measure_ns
            && let Some(quota) = &mut self.quota
        {
            *quota = quota.checked_sub(1)?;
        }
        match config.load {
            Load::Open(_) => {
                self.due -= 1;
                self.scheduled += 1;
            }
            Load::Closed { .. } if config.mode == Mode::Flood => {}
            Load::Closed { .. } => self.free -= 1,
        }
        Some(intended_ns)
    }

    /// Appends a message; whether nothing may follow it in this batch.
    fn append(&mut self, intended_ns: u64, shared: &mut Shared) -> bool {
        let mut is_large = false;
        let Shared {
            config,
            scratch,
            payloads,
            parts,
            times,
            ..
        } = shared;
        let is_measured = times.is_measured(intended_ns);
        let number = self.window.next_number();
        let payload = payloads.next(self.index as u64, self.mark, number, &mut scratch.random);
        if config.mode == Mode::Idle {
            if !self.link.ping(payload.head()) {
                scratch.append(Opcode::Ping, &payload);
            }
        } else {
            if let Matching::Id(pattern) = &config.matching
                && let Some(id) = pattern.capture(&payload.to_vec())
                && self.window.note_id(id)
            {
                let stats = parts.of(self.url, intended_ns);
                stats.phase(is_measured).repeated_ids += 1;
            }
            if config.looks_for_payloads()
                && let PayloadConfig::Templates(_) = config.payload
            {
                self.window.note_id(print(payload.body).to_vec());
            }
            if config.verify {
                self.window.note_payload(payload.to_vec());
            }
            let fed = self.link.feed(|| message(config.text, payload.to_vec()));
            let opcode = data_opcode(config.text);
            is_large = !fed && self.link.append_large(opcode, &payload, scratch);
            if !is_large && !fed {
                scratch.append(opcode, &payload);
            }
        }
        let entry = Entry {
            intended_ns,
            sent_ns: 0,
        };
        self.window.push(entry, is_measured);
        is_large
    }

    /// Gives the messages of a batch the time at which it leaves.
    fn stamp(&mut self, count: usize, shared: &mut Shared) {
        let now_ns = shared.clock.now_ns();
        shared.now_ns = now_ns;
        let Shared {
            parts,
            times,
            config,
            ..
        } = shared;
        let is_open = matches!(config.load, Load::Open(_));
        // A flood without a rate has no schedule to be behind of.
        let has_slip = config.mode != Mode::Flood || is_open;
        let url = self.url;
        self.window.stamp_last(count, now_ns, |entry| {
            let stats = parts.of(url, entry.intended_ns);
            let is_measured = times.is_measured(entry.intended_ns);
            let counters = stats.phase(is_measured);
            counters.sent += 1;
            // What is due on a schedule is counted by the ledger.
            counters.due += u64::from(!is_open);
            if is_measured && has_slip {
                stats.slip.record(now_ns.saturating_sub(entry.intended_ns));
            }
        });
        if config.mode == Mode::Flood {
            self.window.forget(|entry| {
                let stats = parts.of(url, entry.intended_ns);
                stats.phase(times.is_measured(entry.intended_ns)).untracked += 1;
            });
        }
    }

    /// Counts the messages that were sent before `before_ns` and have no
    /// reply as what became of them; returns how many these are.
    pub(super) fn give_up(&mut self, before_ns: u64, fate: Fate, shared: &mut Shared) -> u32 {
        let before = self.window.waiting();
        let Shared { parts, times, .. } = shared;
        let url = self.url;
        self.window.give_up(before_ns, |entry| {
            let stats = parts.of(url, entry.intended_ns);
            let counters = stats.phase(times.is_measured(entry.intended_ns));
            *match fate {
                Fate::TimedOut => &mut counters.lost.timed_out,
                Fate::Ended => &mut counters.lost.ended,
                Fate::InFlight => &mut counters.in_flight,
            } += 1;
        });
        before - self.window.waiting()
    }
}

/// What became of a message without a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    TimedOut,
    Ended,
    InFlight,
}

fn message(text: bool, payload: Vec<u8>) -> Message {
    if !text {
        return Message::Binary(payload.into());
    }
    // Text is checked to be UTF-8 before the run.
    match Utf8Bytes::try_from(Bytes::from(payload)) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::text(""),
    }
}
