//! One connection under load: what it may send now, what a reply means, and
//! one write a readiness event.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::clock::{Clock, to_ns};
use super::config::{BenchConfig, Load, Mode};
use super::frames::Incoming;
use super::link::{Arrival, Ended, Link, Scratch, data_opcode};
use super::matching::{Entry, Match, Matching, Window};
use super::payload::Payloads;
use super::poller::Poller;
use super::stats::Stats;
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
    pub(super) stats: Stats,
    pub(super) times: Times,
    /// Slots of connections that must be looked at, at a time.
    pub(super) pauses: std::collections::VecDeque<Pause>,
    pub(super) last_reply_ns: u64,
}

/// Slots of a connection that become free at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) until_ns: u64,
    pub(super) slot: usize,
    pub(super) count: u32,
}

/// The moments of a run, in nanoseconds of its clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) start_ns: u64,
    pub(super) measure_ns: u64,
    pub(super) end_ns: u64,
}

impl Times {
    pub(super) fn measures(&self, time_ns: u64) -> bool {
        (self.measure_ns..self.end_ns).contains(&time_ns)
    }
}

/// A connection under load.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) index: usize,
    pub(super) slot: usize,
    pub(super) link: Link,
    pub(super) window: Window,
    /// Closed loop: messages that may be sent now, and since when.
    pub(super) free: u32,
    pub(super) free_since_ns: u64,
    /// Open loop: messages whose time has come, and how many were sent.
    pub(super) due: u32,
    pub(super) scheduled: u64,
    /// Measured messages that may still be sent.
    pub(super) quota: Option<u64>,
    pub(super) closing: bool,
}

impl Conn {
    pub(super) fn new(index: usize, slot: usize, link: Link, quota: Option<u64>) -> Self {
        Self {
            index,
            slot,
            link,
            window: Window::default(),
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
            stats,
            times,
            ..
        } = shared;
        let window = &mut self.window;
        let mut pings: Vec<Vec<u8>> = Vec::new();
        let (mut now_ns, mut answered) = (0, 0);
        let polled = self.link.poll_read(cx, scratch, |arrival| match arrival {
            Arrival::Read(bytes) => {
                now_ns = clock.now_ns();
                if times.measures(now_ns) {
                    stats.counters.bytes_received += bytes as u64;
                }
            }
            Arrival::Incoming(incoming) => match (incoming, config.mode) {
                (Incoming::Message { .. }, Mode::Flood) => {
                    if times.measures(now_ns) {
                        stats.counters.received += 1;
                        stats.counters.received_in_time += 1;
                    }
                }
                (Incoming::Message { .. }, Mode::Idle | Mode::Handshake) => {
                    stats.counters.unsolicited += u64::from(now_ns >= times.measure_ns);
                }
                (
                    Incoming::Message {
                        text,
                        head,
                        payload,
                        ..
                    },
                    Mode::Echo,
                ) => {
                    let found = window.answer(&config.matching, head, payload);
                    if let Match::Reply { number, entry } = found
                        && config.verify
                    {
                        let sent = window.take_payload(number);
                        let same = sent.as_deref() == payload && text == config.text;
                        let counts = times.measures(entry.intended_ns);
                        stats.counters.mismatched += u64::from(counts && !same);
                    }
                    answered += count(&found, now_ns, times, stats);
                }
                (Incoming::Pong(payload), Mode::Idle) => {
                    answered += count(&window.answer_pong(payload), now_ns, times, stats);
                }
                (Incoming::Ping(payload), _) => pings.push(payload.to_vec()),
                (Incoming::Pong(_) | Incoming::Close(_), _) => {}
            },
        });
        for payload in pings {
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
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(ended)) => return Err(ended),
                Poll::Ready(Ok(())) => {}
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
            stats,
            times,
            ..
        } = shared;
        let number = self.window.next_number();
        let payload = payloads.next(self.index as u64, number, &mut scratch.random);
        if config.mode == Mode::Idle {
            if !self.link.ping(payload.head()) {
                scratch.append(Opcode::Ping, &payload);
            }
        } else {
            if let Matching::Id(pattern) = &config.matching
                && let Some(id) = pattern.capture(&payload.to_vec())
            {
                self.window.note_id(id);
            }
            if config.verify {
                self.window.note_payload(payload.to_vec());
            }
            let fed = self.link.feed(|| message(config.text, payload.to_vec()));
            let opcode = data_opcode(config.text);
            is_large = !fed && self.link.append_large(opcode, &payload, scratch);
            if is_large {
                if times.measures(intended_ns) {
                    stats.counters.bytes_sent += payload.body.len() as u64;
                }
            } else if !fed {
                scratch.append(opcode, &payload);
            }
        }
        self.window.push(Entry {
            intended_ns,
            sent_ns: 0,
        });
        is_large
    }

    /// Gives the messages of a batch the time at which it leaves.
    fn stamp(&mut self, count: usize, shared: &mut Shared) {
        let now_ns = shared.clock.now_ns();
        let Shared {
            stats,
            times,
            config,
            ..
        } = shared;
        // A flood without a rate has no schedule to be behind of.
        let has_slip = config.mode != Mode::Flood || matches!(config.load, Load::Open(_));
        self.window.stamp_last(count, now_ns, |entry| {
            if times.measures(entry.intended_ns) {
                stats.counters.sent += 1;
                if has_slip {
                    stats.slip.record(now_ns.saturating_sub(entry.intended_ns));
                }
            }
        });
        if times.measures(now_ns) {
            stats.counters.bytes_sent += shared.scratch.write.len() as u64;
        }
        if shared.config.mode == Mode::Flood {
            self.window.give_up(u64::MAX, |_| {});
        }
    }

    /// Counts the messages that were sent before `before_ns` and have no
    /// reply as lost.
    pub(super) fn give_up(&mut self, before_ns: u64, shared: &mut Shared) -> u32 {
        let before = self.window.waiting();
        let Shared { stats, times, .. } = shared;
        self.window.give_up(before_ns, |entry| {
            if times.measures(entry.intended_ns) {
                stats.counters.lost += 1;
            }
        });
        before - self.window.waiting()
    }

    /// How many measured messages of the schedule are due and not sent.
    pub(super) fn count_unsent(&self, shared: &Shared) -> u64 {
        let Load::Open(schedule) = &shared.config.load else {
            return 0;
        };
        let connections = shared.config.connections as u64;
        (self.scheduled..self.scheduled + u64::from(self.due))
            .filter_map(|n| schedule.time_of(n * connections + self.index as u64))
            .filter(|time| {
                shared
                    .times
                    .measures(time.saturating_add(shared.times.start_ns))
            })
            .count() as u64
    }
}

/// Counts what a reply turned out to be; returns how many messages it answers.
#[inline(always)]
fn count(found: &Match, now_ns: u64, times: &Times, stats: &mut Stats) -> u32 {
    match found {
        Match::Reply { entry, .. } => {
            if times.measures(entry.intended_ns) {
                stats.counters.received += 1;
                stats.counters.received_in_time += u64::from(now_ns < times.end_ns);
                stats
                    .from_intended
                    .record(now_ns.saturating_sub(entry.intended_ns));
                stats.from_send.record(now_ns.saturating_sub(entry.sent_ns));
            }
            return 1;
        }
        Match::Late => stats.counters.late += u64::from(now_ns >= times.measure_ns),
        Match::Unsolicited => stats.counters.unsolicited += u64::from(now_ns >= times.measure_ns),
    }
    0
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
