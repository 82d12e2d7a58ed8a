//! One thread of a run: a future that owns its share of the connections.
//!
//! There is one task a thread. Each connection has a waker of its own that
//! puts the connection's slot on the thread's list, so a readiness event costs
//! neither a task nor a lock that anyone else wants, and the buffers, the
//! histograms and the schedule have one owner.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::clock::to_ns;
use super::config::{Load, Mode};
use super::conn::{Conn, Pause, Shared, Times};
use super::engine::{Control, FromWorker, Outcome};
use super::link::{Ended, Scratch, WireCounter};
use super::opening::Opening;
use super::pacer::Pacer;
use super::payload::Payloads;
use super::stats::Stats;
use super::usage::thread_cpu;

/// How often the thread looks at deadlines and commands.
const TICK: Duration = Duration::from_millis(50);

/// How long servers may take to answer our Close at the end.
const CLOSE_TIMEOUT_NS: u64 = 1_000_000_000;

/// How long an interrupted run waits for replies that are on their way.
const INTERRUPT_DRAIN_NS: u64 = 500_000_000;

const SECOND_NS: u64 = 1_000_000_000;

/// The list of slots to look at.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<QueueInner>,
}

#[derive(Debug, Default)]
struct QueueInner {
    slots: Vec<usize>,
    task: Option<Waker>,
}

impl Queue {
    fn push(&self, slot: usize) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.slots.push(slot);
        if inner.slots.len() == 1
            && let Some(task) = &inner.task
        {
            task.wake_by_ref();
        }
    }

    /// Swaps the list for an empty one.
    fn take(&self, cx: &Context<'_>, into: &mut Vec<usize>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut inner.slots, into);
        if !inner.task.as_ref().is_some_and(|t| t.will_wake(cx.waker())) {
            inner.task = Some(cx.waker().clone());
        }
    }
}

struct SlotWaker {
    slot: usize,
    queue: Arc<Queue>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.queue.push(self.slot);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.queue.push(self.slot);
    }
}

#[derive(Debug)]
struct Slot {
    index: usize,
    /// Made when the connection is open.
    conn: Option<(Waker, Conn)>,
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

/// One thread of a run.
pub(super) struct Driver {
    thread: usize,
    control: Arc<Control>,
    shared: Shared,
    slots: Vec<Slot>,
    live: usize,
    queue: Arc<Queue>,
    ready: Vec<usize>,
    opening: Option<Opening>,
    pacer: Pacer,
    tick: Interval,
    phase: Phase,
    /// Open loop: the next message of this thread, as a round over all
    /// connections and a slot within it.
    round: u64,
    round_slot: usize,
    last_number: Option<u64>,
    second: u64,
    cpu: [Option<(Duration, u64)>; 2],
    wire: Arc<WireCounter>,
    interrupted: bool,
}

impl Driver {
    /// # Errors
    /// The operating system's, when it has no timer left.
    pub(super) fn new(thread: usize, control: Arc<Control>) -> std::io::Result<Self> {
        let config = &control.config;
        let mut scratch = Scratch::new();
        let payloads = Payloads::new(config.payload.clone(), &mut scratch.random);
        let slots: Vec<_> = config
            .share(thread)
            .map(|index| Slot { index, conn: None })
            .collect();
        let wire = Arc::new(WireCounter::default());
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Self {
            thread,
            opening: Some(Opening::new(&control, thread, Arc::clone(&wire))),
            pacer: Pacer::new(config.pacing)?,
            shared: Shared {
                config: Arc::clone(config),
                clock: control.clock,
                scratch,
                payloads,
                stats: Stats::default(),
                // Nothing is measured, and nothing sent, before the start.
                times: Times {
                    start_ns: u64::MAX,
                    measure_ns: u64::MAX,
                    end_ns: u64::MAX,
                },
                pauses: VecDeque::new(),
                last_reply_ns: 0,
            },
            control,
            slots,
            live: 0,
            queue: Arc::default(),
            ready: Vec::new(),
            tick,
            phase: Phase::Opening,
            round: 0,
            round_slot: 0,
            last_number: None,
            second: 0,
            cpu: [None, None],
            wire,
            interrupted: false,
        })
    }

    fn poll_opening(&mut self, cx: &mut Context<'_>) {
        let Some(opening) = &mut self.opening else {
            return;
        };
        while let Poll::Ready(next) = opening.poll_next(cx) {
            let Some((position, link)) = next else {
                if let Some(opening) = self.opening.take() {
                    self.control.tell(FromWorker::Opened(opening.finish()));
                }
                self.phase = Phase::Ready;
                return;
            };
            let Some(slot) = self.slots.get_mut(position) else {
                continue;
            };
            let waker = Waker::from(Arc::new(SlotWaker {
                slot: position,
                queue: Arc::clone(&self.queue),
            }));
            let quota = self.control.config.quota(slot.index);
            // In an open loop the schedule holds the quota.
            let quota = quota.filter(|_| matches!(self.shared.config.load, Load::Closed { .. }));
            slot.conn = Some((waker, Conn::new(slot.index, position, link, quota)));
            self.live += 1;
            self.control.open.fetch_add(1, Ordering::Relaxed);
            self.queue.push(position);
        }
    }

    fn start(&mut self, start_ns: u64) {
        let config = Arc::clone(&self.shared.config);
        let measure_ns = start_ns.saturating_add(to_ns(config.warmup));
        let end_ns = config
            .duration
            .map_or(u64::MAX, |d| measure_ns.saturating_add(to_ns(d)));
        self.shared.times = Times {
            start_ns,
            measure_ns,
            end_ns,
        };
        match &config.load {
            Load::Closed { in_flight, .. } => {
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
            Load::Open(schedule) => {
                self.last_number = config
                    .messages
                    .map(|n| schedule.first_at(to_ns(config.warmup)) + n);
            }
        }
        self.phase = Phase::Running;
    }

    /// When the next message of the schedule is due, and its number.
    fn next_scheduled(&self) -> Option<(u64, u64)> {
        let Load::Open(schedule) = &self.shared.config.load else {
            return None;
        };
        let slot = self.slots.get(self.round_slot)?;
        let number = self.round * self.shared.config.connections as u64 + slot.index as u64;
        if self.last_number.is_some_and(|last| number >= last) {
            return None;
        }
        let due_ns = schedule
            .time_of(number)?
            .saturating_add(self.shared.times.start_ns);
        (due_ns < self.shared.times.end_ns).then_some((due_ns, number))
    }

    /// When the measuring begins or ends, so that the processor time is taken
    /// at that moment and not at the next tick.
    fn next_mark(&self) -> u64 {
        match self.cpu {
            [None, _] => self.shared.times.measure_ns,
            [_, None] => self.shared.times.end_ns,
            _ => u64::MAX,
        }
    }

    /// Hands out everything that is due, and sets the alarm for what is not.
    fn poll_due(&mut self, cx: &mut Context<'_>) {
        if !matches!(self.phase, Phase::Running | Phase::Draining { .. }) {
            return;
        }
        loop {
            let scheduled = self.next_scheduled().map(|(due_ns, _)| due_ns);
            let pause = self.shared.pauses.front().copied();
            let next_ns = scheduled
                .unwrap_or(u64::MAX)
                .min(pause.map_or(u64::MAX, |pause| pause.until_ns))
                .min(self.next_mark());
            if next_ns == u64::MAX {
                return;
            }
            if self
                .pacer
                .poll(cx, &self.shared.clock, next_ns)
                .is_pending()
            {
                return;
            }
            let now_ns = self.shared.clock.now_ns();
            self.note_usage(now_ns);
            self.hand_out_scheduled(now_ns);
            while let Some(pause) = self.shared.pauses.front().copied()
                && pause.until_ns <= now_ns
            {
                self.shared.pauses.pop_front();
                if let Some((_, conn)) =
                    self.slots.get_mut(pause.slot).and_then(|s| s.conn.as_mut())
                {
                    conn.free += pause.count;
                    conn.free_since_ns = pause.until_ns;
                    self.queue.push(pause.slot);
                }
            }
            // What is due leaves before the next alarm is waited for.
            self.run_ready(cx);
        }
    }

    fn hand_out_scheduled(&mut self, now_ns: u64) {
        while let Some((due_ns, _)) = self.next_scheduled()
            && due_ns <= now_ns
        {
            match self
                .slots
                .get_mut(self.round_slot)
                .and_then(|s| s.conn.as_mut())
            {
                Some((_, conn)) => {
                    conn.due += 1;
                    if conn.due == 1 {
                        self.queue.push(self.round_slot);
                    }
                }
                None if self.shared.times.measures(due_ns) => {
                    self.shared.stats.counters.unsent += 1;
                }
                None => {}
            }
            self.round_slot += 1;
            if self.round_slot == self.slots.len() {
                self.round_slot = 0;
                self.round += 1;
            }
        }
    }

    /// Runs the connections that are on the list.
    fn run_ready(&mut self, cx: &Context<'_>) {
        let mut ready = std::mem::take(&mut self.ready);
        self.queue.take(cx, &mut ready);
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

    /// A connection is no more.
    fn end(&mut self, slot: usize, ended: &Ended) {
        let Some((waker, mut conn)) = self.slots.get_mut(slot).and_then(|s| s.conn.take()) else {
            return;
        };
        self.live -= 1;
        self.control.open.fetch_sub(1, Ordering::Relaxed);
        if conn.closing {
            return;
        }
        self.shared.stats.errors.add(ended.cause());
        conn.give_up(u64::MAX, &mut self.shared);
        self.shared.stats.counters.unsent += conn.count_unsent(&self.shared);
        if let Ended::Closed(_) = ended {
            // RFC 6455 §5.5.1: a Close is answered by a Close. It leaves at
            // once or not at all: the server is done with us.
            conn.link.start_close(&mut self.shared.scratch);
            let _ = conn.link.poll_ready(&mut Context::from_waker(&waker));
        }
    }

    fn on_tick(&mut self) -> bool {
        let now_ns = self.shared.clock.now_ns();
        let stop = self.control.stop.load(Ordering::Relaxed);
        self.note_usage(now_ns);
        match self.phase {
            Phase::Opening if stop => {
                if let Some(opening) = self.opening.take() {
                    self.control.tell(FromWorker::Opened(opening.finish()));
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

    fn note_usage(&mut self, now_ns: u64) {
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

    fn outcome(&mut self) -> Outcome {
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

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        while this.tick.poll_tick(cx).is_ready() {
            if this.on_tick() {
                let outcome = this.outcome();
                this.control.tell(FromWorker::Done(Box::new(outcome)));
                return Poll::Ready(());
            }
        }
        this.poll_opening(cx);
        this.run_ready(cx);
        this.poll_due(cx);
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
