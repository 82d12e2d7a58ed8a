//! The phases of a thread's run, from its opening to its closing handshakes:
//! everything that is looked at every tick and not for a message.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Cause, Driver, Phase};
use crate::bench::clock::to_ns;
use crate::bench::config::Load;
use crate::bench::conn::{Conn, Fate, Shared};
use crate::bench::ledger::{Ledger, Part};
use crate::bench::messages::{FromWorker, Outcome};
use crate::connection::CloseCode;

/// How long servers may take to answer our Close at the end.
const CLOSE_TIMEOUT_NS: u64 = 1_000_000_000;

/// How long an interrupted run waits for replies that are on their way, and
/// how long for servers to answer our Close: a second together at most.
const INTERRUPT_DRAIN_NS: u64 = 400_000_000;
const INTERRUPT_CLOSE_NS: u64 = 200_000_000;

/// How many turns of hand-outs a thread takes when its time is over.
const LAST_TURNS: usize = 16;

impl Driver {
    pub(super) fn on_tick(&mut self) -> bool {
        let now_ns = self.shared.clock.now_ns();
        let stop = self.control.stop.load(Ordering::Relaxed);
        self.note_usage(now_ns);
        match self.phase {
            Phase::Opening if stop => {
                self.interrupted = true;
                if let Some(opening) = self.opening.take() {
                    self.control
                        .tell(FromWorker::Opened(Box::new(opening.finish())));
                }
                self.count_all();
                self.close_all(now_ns);
            }
            Phase::Opening => {}
            Phase::Ready if stop => {
                self.interrupted = true;
                self.left = self.live;
                self.count_all();
                self.close_all(now_ns);
            }
            Phase::Ready => {
                let start_ns = self.control.start_ns.load(Ordering::Acquire);
                if start_ns > 0 {
                    self.start(start_ns);
                }
            }
            Phase::Running => self.on_running_tick(now_ns, stop),
            Phase::Draining { until_ns } => {
                self.expire(now_ns);
                if stop && !self.interrupted {
                    self.interrupted = true;
                    self.phase = Phase::Draining {
                        until_ns: until_ns.min(now_ns + INTERRUPT_DRAIN_NS),
                    };
                }
                if now_ns >= until_ns || self.is_answered() {
                    self.settle();
                    self.close_all(now_ns);
                }
            }
            Phase::Closing { until_ns } => return self.live == 0 || now_ns >= until_ns,
        }
        false
    }

    fn on_running_tick(&mut self, now_ns: u64, stop: bool) {
        self.expire(now_ns);
        let Shared { times, parts, .. } = &mut self.shared;
        self.progress
            .tell_second(now_ns, times, parts, &self.control);
        // A thread whose connections are gone goes on: it counts what it was
        // to send, and tells its seconds. When those of all threads are gone,
        // there is nothing to go on for.
        let are_gone = self.control.gone_ns().is_some();
        if stop {
            self.interrupted = true;
            self.shared.times.end_ns = self.shared.times.end_ns.min(now_ns);
        }
        let is_over = stop || are_gone || now_ns >= self.shared.times.end_ns;
        let quota_done = self.shared.config.messages.is_some() && self.is_spent();
        if is_over || quota_done {
            self.count_rest();
            let wait_ns = if stop {
                INTERRUPT_DRAIN_NS
            } else {
                to_ns(self.shared.config.reply_timeout)
            };
            self.phase = Phase::Draining {
                until_ns: now_ns.saturating_add(wait_ns),
            };
        }
    }

    /// Whether there is nothing more to send.
    fn is_spent(&self) -> bool {
        match self.shared.config.load {
            Load::Open(_) => self.next_scheduled().is_none(),
            Load::Closed { .. } => {
                self.shared.config.messages.is_some()
                    && self.conns().all(|conn| conn.quota == Some(0))
            }
        }
    }

    /// Accounts for what is still to be handed out when the run is over.
    fn count_rest(&mut self) {
        self.count_schedule();
        // What has come due since the last turn is not late. At a rate that
        // cannot be kept there is more of it than this.
        for _ in 0..LAST_TURNS {
            self.hand_out_scheduled(self.shared.clock.now_ns());
        }
        let cause = match self.interrupted {
            true => Cause::Interrupted,
            false => Cause::TooSlow,
        };
        let is_open = matches!(self.shared.config.load, Load::Open(_));
        for position in 0..self.slots.len() {
            let Some(slot) = self.slots.get(position) else {
                continue;
            };
            let (index, is_there) = (slot.index, slot.conn.is_some());
            if is_open {
                let from = self.round + u64::from(position < self.round_slot);
                let to = self.ledger.as_ref().map_or(0, |l| l.rounds_of(index));
                let cause = Some(cause).filter(|_| is_there);
                self.count_unsent(position, from..to.max(from), cause);
            } else if !slot.was_open {
                self.unsent_quota(position, Cause::Refused);
            } else if !is_there {
                self.unsent_quota(position, Cause::Gone);
            } else if self.interrupted {
                self.unsent_quota(position, Cause::Interrupted);
            }
        }
        // Nothing more is handed out.
        self.is_handed_out = true;
    }

    /// Accounts for a load that the user has ended before it began: of a time nothing
    /// was due yet, a number was asked for.
    fn count_all(&mut self) {
        let config = Arc::clone(&self.shared.config);
        if config.messages.is_none() {
            return;
        }
        self.ledger = Ledger::of(&config, &config.times(0), config.connections);
        self.count_schedule();
        for position in 0..self.slots.len() {
            let Some(index) = self.slots.get(position).map(|slot| slot.index) else {
                continue;
            };
            match &self.ledger {
                Some(ledger) => {
                    let rounds = 0..ledger.rounds_of(index);
                    self.count_unsent(position, rounds, Some(Cause::Interrupted));
                }
                None => self.unsent_quota(position, Cause::Interrupted),
            }
        }
    }

    /// Counts what is due on the schedule of this thread: all that was asked
    /// for, or what was until the user ended the run.
    fn count_schedule(&mut self) {
        if self.interrupted && self.shared.config.messages.is_none() {
            let (config, times) = (&self.shared.config, &self.shared.times);
            self.ledger = Ledger::of(config, times, config.connections);
        }
        let Some(ledger) = &self.ledger else {
            return;
        };
        for slot in &self.slots {
            let url = self.shared.config.url_of(slot.index);
            let parts = &mut self.shared.parts;
            let all = 0..ledger.rounds_of(slot.index);
            ledger.each_part(slot.index, all, |part, count| match part {
                Part::Warmup => parts.at(url, 0).warmup.due += count,
                Part::Stage(stage) => parts.at(url, stage).counters.due += count,
            });
        }
    }

    /// Counts what is left of the number that a closed loop asks of a connection
    /// as not sent.
    pub(super) fn unsent_quota(&mut self, position: usize, cause: Cause) {
        let Some(slot) = self.slots.get_mut(position) else {
            return;
        };
        let count = slot.take_quota();
        let url = self.shared.config.url_of(slot.index);
        let counters = &mut self.shared.parts.at(url, 0).counters;
        counters.due += count;
        *cause.counter(&mut counters.unsent) += count;
    }

    fn is_answered(&self) -> bool {
        self.conns()
            .all(|conn| conn.window.waiting() == 0 && conn.due == 0)
    }

    fn conns(&self) -> impl Iterator<Item = &Conn> {
        self.slots
            .iter()
            .filter_map(|slot| slot.conn.as_ref().map(|(_, conn)| conn))
    }

    /// Gives up messages that have waited too long; a closed loop goes on
    /// with the next ones.
    fn expire(&mut self, now_ns: u64) {
        let timeout_ns = to_ns(self.shared.config.reply_timeout);
        let before_ns = now_ns.saturating_sub(timeout_ns);
        for (position, slot) in self.slots.iter_mut().enumerate() {
            let Some((_, conn)) = &mut slot.conn else {
                continue;
            };
            let lost = conn.give_up(before_ns, Fate::TimedOut, &mut self.shared);
            if lost > 0 {
                conn.set_free(lost, now_ns, &mut self.shared);
                self.queue.push(position);
            }
        }
    }

    /// Accounts for what is still under way when the run is over.
    fn settle(&mut self) {
        // Nobody has waited the whole reply timeout when the user ends it.
        let fate = match self.interrupted {
            true => Fate::InFlight,
            false => Fate::TimedOut,
        };
        for position in 0..self.slots.len() {
            let slot = self.slots.get_mut(position);
            let Some((_, conn)) = slot.and_then(|slot| slot.conn.as_mut()) else {
                continue;
            };
            conn.give_up(u64::MAX, fate, &mut self.shared);
            let rounds = conn.scheduled..conn.scheduled + conn.due;
            conn.due = 0;
            let cause = match (self.interrupted, conn.is_blocked) {
                (true, _) => Cause::Interrupted,
                (false, true) => Cause::Blocked,
                (false, false) => Cause::TooSlow,
            };
            self.count_unsent(position, rounds, Some(cause));
        }
        self.left = self.live;
    }

    fn close_all(&mut self, now_ns: u64) {
        for (position, slot) in self.slots.iter_mut().enumerate() {
            if let Some((_, conn)) = &mut slot.conn {
                conn.closing = true;
                conn.link
                    .start_close(CloseCode::NORMAL, &mut self.shared.scratch);
                self.queue.push(position);
            }
        }
        self.phase = Phase::Closing {
            until_ns: now_ns
                + match self.interrupted {
                    true => INTERRUPT_CLOSE_NS,
                    false => CLOSE_TIMEOUT_NS,
                },
        };
    }

    pub(super) fn note_usage(&mut self, now_ns: u64) {
        let times = self.shared.times;
        let over = now_ns >= times.end_ns || matches!(self.phase, Phase::Draining { .. });
        self.progress.note_usage(now_ns, &times, over);
        let (read, written) = (
            self.wire.read.swap(0, Ordering::Relaxed),
            self.wire.written.swap(0, Ordering::Relaxed),
        );
        if read + written > 0 && now_ns >= times.start_ns && !over {
            let is_measured = times.is_measured(now_ns);
            let counters = self.shared.parts.of(0, now_ns).phase(is_measured);
            counters.bytes_received += read;
            counters.bytes_sent += written;
        }
    }

    pub(super) fn outcome(&mut self) -> Outcome {
        let parts = self.shared.parts.take();
        let (times, last_reply_ns) = (self.shared.times, self.shared.last_reply_ns);
        self.progress
            .outcome(parts, times, last_reply_ns, self.left)
    }
}
