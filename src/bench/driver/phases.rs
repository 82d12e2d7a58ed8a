//! The phases of a thread's run, from its opening to its closing handshakes:
//! everything that is looked at every tick and not for a message.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Driver, Phase};
use crate::bench::clock::to_ns;
use crate::bench::config::Load;
use crate::bench::conn::Conn;
use crate::bench::messages::{FromWorker, Outcome};
use crate::bench::usage::thread_cpu;

/// How long servers may take to answer our Close at the end.
const CLOSE_TIMEOUT_NS: u64 = 1_000_000_000;

/// How long an interrupted run waits for replies that are on their way.
const INTERRUPT_DRAIN_NS: u64 = 500_000_000;

const SECOND_NS: u64 = 1_000_000_000;

impl Driver {
    pub(super) fn on_tick(&mut self) -> bool {
        let now_ns = self.shared.clock.now_ns();
        let stop = self.control.stop.load(Ordering::Relaxed);
        self.note_usage(now_ns);
        match self.phase {
            Phase::Opening if stop => {
                if let Some(opening) = self.opening.take() {
                    self.control
                        .tell(FromWorker::Opened(Box::new(opening.finish())));
                }
                self.close_all(now_ns);
            }
            Phase::Opening => {}
            Phase::Ready if stop => self.close_all(now_ns),
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
        let second_ends_ns = (self.shared.times.measure_ns)
            .saturating_add((self.second + 1).saturating_mul(SECOND_NS));
        if now_ns >= second_ends_ns {
            self.hand_over();
        }
        if stop {
            self.interrupted = true;
            self.shared.times.end_ns = self.shared.times.end_ns.min(now_ns);
        }
        let quota_done = self.shared.config.messages.is_some() && self.is_spent();
        if stop || now_ns >= self.shared.times.end_ns || self.live == 0 || quota_done {
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
            Load::Closed { .. } => self.conns().all(|conn| conn.quota == Some(0)),
        }
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
            let lost = conn.give_up(before_ns, &mut self.shared);
            if lost > 0 {
                conn.set_free(lost, now_ns, &mut self.shared);
                self.queue.push(position);
            }
        }
    }

    /// Accounts for what is still under way when the run is over.
    fn settle(&mut self) {
        for slot in &mut self.slots {
            let Some((_, conn)) = &mut slot.conn else {
                continue;
            };
            let lost = self.shared.stats.counters.lost;
            conn.give_up(u64::MAX, &mut self.shared);
            let unsent = conn.count_unsent(&self.shared);
            let counters = &mut self.shared.stats.counters;
            if self.interrupted {
                // Nobody has waited the whole reply timeout for these.
                counters.in_flight += counters.lost - lost;
                counters.lost = lost;
            } else {
                counters.unsent += unsent;
            }
        }
    }

    fn close_all(&mut self, now_ns: u64) {
        for (position, slot) in self.slots.iter_mut().enumerate() {
            if let Some((_, conn)) = &mut slot.conn {
                conn.closing = true;
                conn.link.start_close(&mut self.shared.scratch);
                self.queue.push(position);
            }
        }
        self.phase = Phase::Closing {
            until_ns: now_ns + CLOSE_TIMEOUT_NS,
        };
    }

    pub(super) fn note_usage(&mut self, now_ns: u64) {
        let times = self.shared.times;
        let over = now_ns >= times.end_ns || matches!(self.phase, Phase::Draining { .. });
        if now_ns >= times.measure_ns && self.cpu[0].is_none() {
            self.cpu[0] = Some((thread_cpu(), now_ns));
        }
        if self.cpu[0].is_some() && self.cpu[1].is_none() && over {
            self.cpu[1] = Some((thread_cpu(), now_ns));
        }
        let (read, written) = (
            self.wire.read.swap(0, Ordering::Relaxed),
            self.wire.written.swap(0, Ordering::Relaxed),
        );
        if now_ns >= times.measure_ns && !over {
            self.shared.stats.counters.bytes_received += read;
            self.shared.stats.counters.bytes_sent += written;
        }
    }

    /// Hands over what this second has measured, and starts the next.
    fn hand_over(&mut self) {
        let stats = std::mem::take(&mut self.shared.stats);
        self.control.tell(FromWorker::Second {
            second: self.second,
            stats: Box::new(stats),
        });
        self.second += 1;
    }

    pub(super) fn outcome(&mut self) -> Outcome {
        let (cpu, wall_ns) = match self.cpu {
            [Some((from, from_ns)), Some((to, to_ns))] => {
                (to.saturating_sub(from), to_ns - from_ns)
            }
            _ => (Duration::ZERO, 0),
        };
        Outcome {
            second: self.second,
            stats: std::mem::take(&mut self.shared.stats),
            cpu,
            cpu_wall: Duration::from_nanos(wall_ns),
            times: self.shared.times,
            last_reply_ns: self.shared.last_reply_ns,
        }
    }
}
