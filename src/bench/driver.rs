//! One thread of a run: a future that owns its share of the connections.
//!
//! There is one task a thread. Where the thread cannot wait for its sockets by
//! itself (`detached`), each connection has a waker of its own that puts the
//! connection's slot on the thread's list, so a readiness event costs neither a
//! task nor a lock that anyone else wants, and the buffers, the
//! histograms and the schedule have one owner.

mod detached;
mod phases;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::clock::Times;
use super::config::{Load, Mode};
use super::conn::{Conn, Fate, Pause, Shared};
use super::counted::WireCounter;
use super::counters::Unsent;
use super::ended::Ended;
use super::ledger::{Ledger, Part};
use super::link::{Link, Scratch};
use super::messages::{Control, FromWorker};
use super::opening::Opening;
use super::pacer::Pacer;
use super::payload::Payloads;
use super::poller::Poller;
use super::progress::Progress;
use super::queue::{Queue, slot_waker};
use super::stats::Parts;
use super::tag::RunTag;

/// How many messages of the schedule are handed out before others have a turn.
const TURN: usize = 1 << 10;

/// How many connections that have something to send are written before replies are
/// looked at again. A write costs several times what a read does, most of it to wake the
/// server, and a reply that waits for it is told as slow: of a thousand
/// connections that are written in a row, each is some milliseconds slow.
const WRITES: usize = 4;

/// The same where the runtime waits: its list has those with replies too, and
/// each look of its costs more.
const RUNTIME_BATCH: usize = 32;

/// How often the thread looks at deadlines and commands.
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct Slot {
    index: usize,
    /// Made when the connection is open.
    conn: Option<(Waker, Conn)>,
    /// Whether it was ever open.
    was_open: bool,
    /// What a closed loop of a number asks of it, while there is no connection
    /// that holds this.
    quota: Option<u64>,
}

impl Slot {
    /// What is left of the number that is asked for. From now on it is 0, so that
    /// what is counted as unsent is neither counted again nor sent.
    fn take_quota(&mut self) -> u64 {
        let conn = self.conn.as_mut().and_then(|(_, conn)| conn.quota.as_mut());
        let quotas = [self.quota.as_mut(), conn];
        quotas.into_iter().flatten().map(std::mem::take).sum()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    /// Open, and waiting for the other threads.
    Ready,
    Running,
    /// Nothing more is due; replies are waited for until then.
    Draining {
        until_ns: u64,
    },
    /// The closing handshakes, until then.
    Closing {
        until_ns: u64,
    },
}

/// Why a message of the schedule was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Gone,
    Refused,
    Interrupted,
    Blocked,
    TooSlow,
}

impl Cause {
    fn counter(self, unsent: &mut Unsent) -> &mut u64 {
        match self {
            Self::Gone => &mut unsent.gone,
            Self::Refused => &mut unsent.refused,
            Self::Interrupted => &mut unsent.interrupted,
            Self::Blocked => &mut unsent.blocked,
            Self::TooSlow => &mut unsent.too_slow,
        }
    }
}

/// One thread of a run.
pub(super) struct Driver {
    thread: usize,
    control: Arc<Control>,
    shared: Shared,
    slots: Vec<Slot>,
    live: usize,
    queue: Arc<Queue>,
    /// How many are taken from it at once.
    batch: usize,
    ready: Vec<usize>,
    opening: Option<Opening>,
    pacer: Pacer,
    /// Set when the connections have left the runtime's reactor.
    poller: Option<Poller>,
    tick: Interval,
    phase: Phase,
    /// Open loop: the next message of this thread, as a round over all
    /// connections and a slot within it.
    round: u64,
    round_slot: usize,
    /// The numbers of the schedule; of the plan as it was when the load began.
    ledger: Option<Ledger>,
    progress: Progress,
    wire: Arc<WireCounter>,
    interrupted: bool,
    /// Nothing more is taken from the schedule.
    is_handed_out: bool,
    /// Connections open at the end of the load.
    left: usize,
}

impl Driver {
    /// # Errors
    /// The operating system's, when it has no timer left.
    pub(super) fn new(thread: usize, control: Arc<Control>) -> io::Result<Self> {
        let config = &control.config;
        let mut scratch = Scratch::new();
        let tag = RunTag::new(
            config.payload.tagging(),
            control.run_key,
            config.connections,
        );
        let payloads = Payloads::new(config.payload.clone(), tag, &mut scratch.random);
        let slots: Vec<_> = config
            .share(thread)
            .map(|index| Slot {
                index,
                conn: None,
                was_open: false,
                // In an open loop the schedule holds it.
                quota: match config.load {
                    Load::Closed { .. } => config.quota(index),
                    Load::Open(_) => None,
                },
            })
            .collect();
        let wire = Arc::new(WireCounter::default());
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Self {
            thread,
            opening: Some(Opening::new(&control, thread, Arc::clone(&wire))),
            pacer: Pacer::new(config.pacing)?,
            poller: None,
            shared: Shared {
                config: Arc::clone(config),
                clock: control.clock,
                scratch,
                payloads,
                tag,
                parts: Parts::new(config.targets.len(), config.stages()),
                times: Times::NEVER,
                pauses: VecDeque::new(),
                last_reply_ns: 0,
                now_ns: 0,
            },
            control,
            slots,
            live: 0,
            queue: Arc::default(),
            batch: RUNTIME_BATCH,
            ready: Vec::new(),
            tick,
            phase: Phase::Opening,
            round: 0,
            round_slot: 0,
            ledger: None,
            progress: Progress::default(),
            wire,
            interrupted: false,
            is_handed_out: false,
            left: 0,
        })
    }

    fn poll_opening(&mut self, cx: &mut Context<'_>) {
        while let Some(opening) = &mut self.opening
            && let Poll::Ready(next) = opening.poll_next(cx)
        {
            let Some((position, link)) = next else {
                if let Some(opening) = self.opening.take() {
                    self.control
                        .tell(FromWorker::Opened(Box::new(opening.finish())));
                }
                self.phase = Phase::Ready;
                self.detach();
                // Whoever waits for the connections now is to begin with it.
                cx.waker().wake_by_ref();
                return;
            };
            self.add(position, link);
        }
    }

    /// A connection is open.
    fn add(&mut self, position: usize, link: Link) {
        let Some(slot) = self.slots.get_mut(position) else {
            return;
        };
        let waker = slot_waker(position, &self.queue);
        let quota = slot.quota.take();
        let conn = Conn::new(slot.index, position, link, quota, &self.shared);
        slot.conn = Some((waker, conn));
        slot.was_open = true;
        self.live += 1;
        self.control.note_opened();
        self.queue.push(position);
    }

    fn start(&mut self, start_ns: u64) {
        let config = Arc::clone(&self.shared.config);
        self.shared.times = config.times(start_ns);
        self.shared.parts.begin_stages(&config.load, start_ns);
        self.ledger = Ledger::of(&config, &self.shared.times, config.connections);
        if let Load::Closed { in_flight, .. } = &config.load {
            let slots = self.slots.iter().enumerate();
            self.shared.pauses = slots
                .filter(|(_, slot)| slot.conn.is_some())
                .map(|(slot, _)| Pause {
                    until_ns: start_ns,
                    slot,
                    count: *in_flight,
                })
                .collect();
        }
        self.phase = Phase::Running;
    }

    /// When the next message of the schedule is due, and its number.
    fn next_scheduled(&self) -> Option<(u64, u64)> {
        let Load::Open(schedule) = &self.shared.config.load else {
            return None;
        };
        if self.is_handed_out {
            return None;
        }
        let slot = self.slots.get(self.round_slot)?;
        let number = self.round * self.shared.config.connections as u64 + slot.index as u64;
        if self.ledger.as_ref().is_some_and(|l| number >= l.end()) {
            return None;
        }
        let due_ns = schedule
            .time_of(number)?
            .saturating_add(self.shared.times.start_ns);
        (due_ns < self.shared.times.end_ns).then_some((due_ns, number))
    }

    /// Hands out what is due, or sets the alarm for what is not; whether this is
    /// to be called again without waiting, be it for more that may be due or
    /// since the alarm is too coarse.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> bool {
        if !matches!(self.phase, Phase::Running | Phase::Draining { .. }) {
            return false;
        }
        let scheduled = self.next_scheduled().map(|(due_ns, _)| due_ns);
        let pause = self.shared.pauses.front().copied();
        let next_ns = scheduled
            .unwrap_or(u64::MAX)
            .min(pause.map_or(u64::MAX, |pause| pause.until_ns))
            .min(self.progress.next_mark(&self.shared.times));
        if next_ns == u64::MAX {
            return false;
        }
        if self
            .pacer
            .poll(cx, &self.shared.clock, next_ns)
            .is_pending()
        {
            return self.pacer.spins();
        }
        let now_ns = self.shared.clock.now_ns();
        self.note_usage(now_ns);
        self.hand_out_scheduled(now_ns);
        while let Some(pause) = self.shared.pauses.front().copied()
            && pause.until_ns <= now_ns
        {
            self.shared.pauses.pop_front();
            if let Some((_, conn)) = self.slots.get_mut(pause.slot).and_then(|s| s.conn.as_mut()) {
                conn.free += pause.count;
                conn.free_since_ns = pause.until_ns;
                self.queue.push(pause.slot);
            }
        }
        // What is due leaves before the next alarm is waited for, and
        // replies are looked at before more is handed out: at a high rate
        // the next message is due by now, and replies that wait for a
        // pause would be told as slow.
        self.run_ready(cx);
        true
    }

    /// Hands out what is due, but no more than a turn's worth: at a rate that
    /// cannot be kept there is always more, and replies, the clock and the
    /// user's stop have their turn too.
    pub(super) fn hand_out_scheduled(&mut self, now_ns: u64) {
        for _ in 0..TURN {
            if self
                .next_scheduled()
                .is_none_or(|(due_ns, _)| due_ns > now_ns)
            {
                return;
            }
            match self.slots.get_mut(self.round_slot).map(|s| &mut s.conn) {
                Some(Some((_, conn))) => {
                    conn.due += 1;
                    if conn.due == 1 {
                        self.queue.push(self.round_slot);
                    }
                }
                Some(None) => self.count_unsent(self.round_slot, self.round..self.round + 1, None),
                None => {}
            }
            self.round_slot += 1;
            if self.round_slot == self.slots.len() {
                self.round_slot = 0;
                self.round += 1;
            }
        }
    }

    /// Counts messages of the schedule, by their places in the order of their
    /// connection, as not sent. Where the connection is not there, that is the
    /// cause, and not `cause`.
    fn count_unsent(&mut self, position: usize, rounds: Range<u64>, cause: Option<Cause>) {
        let (Some(slot), Some(ledger)) = (self.slots.get(position), &self.ledger) else {
            return;
        };
        let cause = cause.unwrap_or(match slot.was_open {
            true => Cause::Gone,
            false => Cause::Refused,
        });
        let url = self.shared.config.url_of(slot.index);
        let parts = &mut self.shared.parts;
        ledger.each_part(slot.index, rounds, |part, count| {
            let counters = match part {
                Part::Warmup => &mut parts.at(url, 0).warmup,
                Part::Stage(stage) => &mut parts.at(url, stage).counters,
            };
            *cause.counter(&mut counters.unsent) += count;
        });
    }

    /// Runs the connections that the poller has told of, and the first of those
    /// on the list, so that replies are looked at again before all that is due
    /// has been written.
    fn run_ready(&mut self, cx: &Context<'_>) {
        let mut ready = std::mem::take(&mut self.ready);
        self.queue.take(cx, self.batch, &mut ready);
        for slot in ready.drain(..) {
            let Some((waker, conn)) = self.slots.get_mut(slot).and_then(|s| s.conn.as_mut()) else {
                continue;
            };
            let mut cx = Context::from_waker(waker);
            if let Err(ended) = conn.run(&mut cx, &mut self.shared) {
                self.end(slot, &ended);
            }
        }
        self.ready = ready;
    }

    /// One poll while the runtime waits for the connections; whether the run
    /// is over.
    fn poll_in_runtime(&mut self, cx: &mut Context<'_>) -> bool {
        while self.tick.poll_tick(cx).is_ready() {
            if self.on_tick() {
                return true;
            }
        }
        self.poll_opening(cx);
        self.run_ready(cx);
        if self.poll_due(cx) {
            cx.waker().wake_by_ref();
        }
        false
    }

    /// A connection is no more.
    fn end(&mut self, slot: usize, ended: &Ended) {
        let Some(position) = self.slots.get_mut(slot) else {
            return;
        };
        let Some((waker, mut conn)) = position.conn.take() else {
            return;
        };
        position.quota = conn.quota;
        self.live -= 1;
        self.control.open.fetch_sub(1, Ordering::Relaxed);
        if conn.closing {
            return;
        }
        let url = self.shared.config.url_of(conn.index);
        let at_ns = self.shared.clock.now_ns();
        let cause = ended.cause(&self.shared.config.secrets(url));
        let errors = &mut self.shared.parts.of(url, at_ns).errors;
        errors.add(cause);
        conn.give_up(u64::MAX, Fate::Ended, &mut self.shared);
        self.count_unsent(slot, conn.scheduled..conn.scheduled + conn.due, None);
        self.unsent_quota(slot, Cause::Gone);
        self.control.note_gone(at_ns);
        if let Some(code) = ended.close_code() {
            // It leaves at once or not at all: nothing more is read.
            conn.link.start_close(code, &mut self.shared.scratch);
            let _ = conn.link.poll_ready(&mut Context::from_waker(&waker));
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let is_over = match this.poller.take() {
            Some(poller) => this.poll_detached(cx, poller),
            None => this.poll_in_runtime(cx),
        };
        if is_over {
            let outcome = this.outcome();
            this.control.tell(FromWorker::Done(Box::new(outcome)));
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// Whether a mode holds its connections, and so runs on this driver.
pub(super) fn drives(mode: Mode) -> bool {
    mode != Mode::Handshake
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("thread", &self.thread)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
