//! Mode handshake: connections are opened and closed, again and again.
//!
//! A slot is one of `--connections` loops: open, close cleanly, begin anew. On
//! a schedule an attempt begins when it is due and a slot is free; its latency
//! counts from when it was due. Attempts that are on their way at the end have
//! the reply timeout to come to theirs.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{join_all, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::clock::Times;
use super::config::Load;
use super::counters::{Cause, HandshakeCounters};
use super::frames::append_control;
use super::ledger::{Ledger, Part};
use super::messages::{Control, FromWorker, OpeningReport, Outcome};
use super::opener::{agreed_on, cause, note_timings, open_connection};
use super::pacer::Pacer;
use super::progress::Progress;
use super::stats::Parts;
use crate::connection::ws::codec::Opcode;
use crate::connection::{CloseCode, OpenFailure, Opened, Transport};

/// How long a server may take to end the connection after our Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

const TICK: Duration = Duration::from_millis(50);

const SETTLE_TICK: Duration = Duration::from_millis(5);

/// What the loops of a thread share.
struct Churn {
    control: Arc<Control>,
    times: Times,
    stop: Cell<bool>,
    parts: RefCell<Parts>,
    handshakes: RefCell<OpeningReport>,
    /// The next attempt of the schedule, by its place in the thread's order.
    next: Cell<u64>,
    ledger: Option<Ledger>,
    /// Free slots wait for the schedule one behind the other: each holds this
    /// until it is due, so the lock is their queue.
    pacer: Mutex<Pacer>,
    thread: u64,
    last_ns: Cell<u64>,
    /// Attempts that have no outcome yet: for each URL, those of the warm-up
    /// and those to be measured.
    pending: RefCell<Vec<[u64; 2]>>,
}

impl Churn {
    fn is_pending(&self) -> bool {
        self.pending.borrow().iter().any(|all| *all != [0, 0])
    }

    fn add_pending(&self, url: usize, is_measured: bool, change: i64) {
        if let Some(all) = self.pending.borrow_mut().get_mut(url) {
            let count = &mut all[usize::from(is_measured)];
            *count = count.saturating_add_signed(change);
        }
    }

    /// Counts handshakes to a URL, in the warm-up or after it.
    fn count(&self, url: usize, is_measured: bool, on: impl Fn(&mut HandshakeCounters)) {
        let mut report = self.handshakes.borrow_mut();
        let stats = report.of(url);
        if !is_measured {
            on(&mut stats.warmup);
            return;
        }
        on(&mut stats.counters);
        // A rate of handshakes is one stage.
        on(&mut self.parts.borrow_mut().at(url, 0).handshakes);
    }

    /// Counts a handshake that failed.
    fn count_failed(&self, url: usize, is_measured: bool, cause: Cause, count: u64) {
        self.count(url, is_measured, |counters| counters.failed += count);
        let mut report = self.handshakes.borrow_mut();
        let stats = report.of(url);
        let errors = match is_measured {
            true => &mut stats.failed,
            false => &mut stats.warmup_failed,
        };
        errors.add_many(cause, count);
    }

    /// Counts what was due and not begun. It has no URL: the first one's.
    fn count_rest(&self, times: &Times, is_interrupted: bool) {
        let config = &self.control.config;
        let not_begun = |counters: &mut HandshakeCounters, count| {
            counters.due += count;
            match is_interrupted {
                true => counters.interrupted += count,
                false => counters.busy += count,
            }
        };
        let thread = usize::try_from(self.thread).unwrap_or(0);
        match (&config.load, &self.ledger) {
            (Load::Open(_), Some(ledger)) => {
                let until_then = (is_interrupted && config.messages.is_none())
                    .then(|| Ledger::of(config, times, config.threads))
                    .flatten();
                let ledger = until_then.as_ref().unwrap_or(ledger);
                let rest = self.next.get()..ledger.rounds_of(thread);
                ledger.each_part(thread, rest, |part, count| {
                    self.count(0, part != Part::Warmup, |c| not_begun(c, count));
                });
            }
            (Load::Closed { .. }, _) if is_interrupted => {
                let quotas = config.share(thread).filter_map(|index| config.quota(index));
                let begun = {
                    let mut report = self.handshakes.borrow_mut();
                    report.total().counters.attempted
                };
                let rest = quotas.sum::<u64>().saturating_sub(begun);
                self.count(0, true, |c| not_begun(c, rest));
            }
            _ => {}
        }
    }
}

/// Runs one thread.
///
/// # Errors
/// The operating system's, when it has no timer left.
pub(super) async fn run(thread: usize, control: Arc<Control>) -> io::Result<()> {
    let pacer = Pacer::new(control.config.pacing)?;
    let urls = control.config.targets.len();
    control.tell(FromWorker::Opened(Box::new(OpeningReport::new(urls))));
    let start_ns = loop {
        let start_ns = control.start_ns.load(Ordering::Acquire);
        if start_ns > 0 || control.stop.load(Ordering::Relaxed) {
            break start_ns;
        }
        sleep(TICK / 2).await;
    };
    let config = Arc::clone(&control.config);
    let times = config.times(start_ns);
    let mut parts = Parts::new(urls, config.stages());
    parts.begin_stages(&config.load, start_ns);
    // Of a time that has never begun nothing was due yet.
    let is_due = start_ns > 0 || config.messages.is_some();
    let ledger = Ledger::of(&config, &times, config.threads).filter(|_| is_due);
    let churn = Rc::new(Churn {
        times,
        control,
        // Where the user was faster than the start, nothing begins.
        stop: Cell::new(start_ns == 0),
        parts: RefCell::new(parts),
        handshakes: RefCell::new(OpeningReport::new(urls)),
        next: Cell::new(0),
        ledger,
        pacer: Mutex::new(pacer),
        thread: thread as u64,
        last_ns: Cell::new(0),
        pending: RefCell::new(vec![[0, 0]; urls]),
    });
    let slots = join_all(config.share(thread).map(|index| slot(&churn, index)));
    let watch = watch(&churn);
    tokio::pin!(slots, watch);
    let mut outcome = tokio::select! {
        _ = &mut slots => {
            churn.stop.set(true);
            watch.await
        }
        outcome = &mut watch => with_the_last(&churn, slots, outcome).await,
    };
    churn.count_rest(&outcome.times, churn.control.stop.load(Ordering::Relaxed));
    outcome.parts.merge(&mut churn.parts.borrow_mut().take());
    if start_ns == 0 {
        // The load has never begun.
        outcome.times.start_ns = u64::MAX;
    }
    let report = churn.handshakes.replace(OpeningReport::new(urls));
    churn.control.tell(FromWorker::Opened(Box::new(report)));
    churn.control.tell(FromWorker::Done(Box::new(outcome)));
    Ok(())
}

/// Gives the attempts that are on their way the reply timeout to come to their
/// end, and says of the others what became of them.
async fn with_the_last(churn: &Churn, slots: impl Future + Unpin, mut outcome: Outcome) -> Outcome {
    let interrupted = || churn.control.stop.load(Ordering::Relaxed);
    let settled = async {
        while churn.is_pending() && !interrupted() {
            sleep(SETTLE_TICK).await;
        }
    };
    let limit = churn.control.config.reply_timeout;
    let _ = timeout(limit, select(pin!(settled), slots)).await;
    let pending = churn.pending.take();
    for (url, all) in pending.into_iter().enumerate() {
        for (is_measured, count) in [false, true].into_iter().zip(all) {
            if interrupted() {
                churn.count(url, is_measured, |counters| counters.in_flight += count);
            } else if count > 0 {
                let text = "no outcome within the reply timeout".to_owned();
                churn.count_failed(url, is_measured, Cause::Opening(text), count);
            }
        }
    }
    let mut late = churn.parts.borrow_mut().take();
    outcome.parts.merge(&mut late);
    outcome.last_reply_ns = churn.last_ns.get();
    outcome
}

/// Watches the clock: seconds, commands, the end.
async fn watch(churn: &Churn) -> Outcome {
    let control = &churn.control;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut times = churn.times;
    let mut progress = Progress::default();
    loop {
        ticks.tick().await;
        let now_ns = control.clock.now_ns();
        let mut parts = churn.parts.borrow_mut();
        progress.tell_second(now_ns, &times, &mut parts, control);
        if control.stop.load(Ordering::Relaxed) {
            times.end_ns = times.end_ns.min(now_ns);
        }
        let is_over = now_ns >= times.end_ns || churn.stop.get();
        progress.note_usage(now_ns, &times, is_over);
        if is_over {
            churn.stop.set(true);
            return progress.outcome(parts.take(), times, churn.last_ns.get(), 0);
        }
    }
}

/// One loop of opening and closing.
async fn slot(churn: &Churn, index: usize) {
    let control = &churn.control;
    let is_open = matches!(control.config.load, Load::Open(_));
    // In an open loop the schedule holds the number.
    let quota = control.config.quota(index).filter(|_| !is_open);
    let mut measured = 0;
    while !churn.stop.get() && quota.is_none_or(|quota| measured < quota) {
        let Some(intended_ns) = begin(churn).await else {
            return;
        };
        measured += u64::from(churn.times.is_measured(intended_ns));
        attempt(churn, index, intended_ns).await;
    }
}

/// Waits until an attempt is to begin; returns when that was meant to be.
async fn begin(churn: &Churn) -> Option<u64> {
    let control = &churn.control;
    let now_ns = control.clock.now_ns();
    if let Load::Closed { .. } = control.config.load
        && now_ns >= churn.times.start_ns
    {
        return (now_ns < churn.times.end_ns).then_some(now_ns);
    }
    let mut pacer = churn.pacer.lock().await;
    let intended_ns = match &control.config.load {
        Load::Closed { .. } => churn.times.start_ns,
        Load::Open(schedule) => {
            let number = churn.next.get() * control.config.threads as u64 + churn.thread;
            if churn.ledger.as_ref().is_some_and(|l| number >= l.end()) {
                return None;
            }
            schedule
                .time_of(number)?
                .saturating_add(churn.times.start_ns)
        }
    };
    if intended_ns >= churn.times.end_ns {
        return None;
    }
    poll_fn(|cx| pacer.poll(cx, &control.clock, intended_ns)).await;
    // The first attempt of a closed loop is begun by its slot alone.
    churn.next.update(|next| next + 1);
    Some(intended_ns)
}

async fn attempt(churn: &Churn, index: usize, intended_ns: u64) {
    let control = &churn.control;
    let url = control.config.url_of(index);
    let is_measured = churn.times.is_measured(intended_ns);
    let sent_ns = control.clock.now_ns();
    churn.count(url, is_measured, |counters| {
        counters.due += 1;
        counters.attempted += 1;
    });
    if is_measured {
        let mut parts = churn.parts.borrow_mut();
        let stats = parts.of(url, intended_ns);
        stats.slip.record(sent_ns.saturating_sub(intended_ns));
    }
    churn.add_pending(url, is_measured, 1);
    let result = open_connection(&control.config, index).await;
    churn.add_pending(url, is_measured, -1);
    let now_ns = control.clock.now_ns();
    churn.last_ns.set(now_ns);
    match result {
        Ok(opened) => {
            churn.note(
                url,
                &opened,
                Attempt {
                    intended_ns,
                    sent_ns,
                    now_ns,
                },
            );
            control.open.fetch_add(1, Ordering::Relaxed);
            close(opened.transport).await;
            control.open.fetch_sub(1, Ordering::Relaxed);
        }
        Err(error) => {
            churn.count_failed(url, is_measured, cause(&error), 1);
            churn.note_first_error(index, error);
            // A server that refuses at once must not be hammered.
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The times of an attempt.
struct Attempt {
    intended_ns: u64,
    sent_ns: u64,
    now_ns: u64,
}

impl Churn {
    fn note_first_error(&self, index: usize, error: OpenFailure) {
        let mut report = self.handshakes.borrow_mut();
        report.first_error.get_or_insert((index, error));
    }

    /// Notes a connection that was opened.
    fn note(&self, url: usize, opened: &Opened, at: Attempt) {
        let is_measured = self.times.is_measured(at.intended_ns);
        let mut report = self.handshakes.borrow_mut();
        report.note_agreed(url, || agreed_on(opened));
        let mut parts = self.parts.borrow_mut();
        let stats = parts.of(url, at.intended_ns);
        let counters = stats.phase(is_measured);
        counters.bytes_sent += opened.reached.exchange.request_head.wire().len() as u64;
        counters.bytes_received += opened.response.head.raw.wire().len() as u64;
        if !is_measured {
            report.of(url).warmup.opened += 1;
            return;
        }
        note_timings(report.of(url), &opened.reached.timings);
        // For the rate: handshakes have counters of their own.
        counters.answered_in_time += u64::from(at.now_ns < self.times.end_ns);
        stats.handshakes.opened += 1;
        stats
            .from_intended
            .record(at.now_ns.saturating_sub(at.intended_ns));
        stats.from_send.record(at.now_ns.saturating_sub(at.sent_ns));
    }
}

/// Close, and wait for the server to end the connection (RFC 6455 §7.1.1: it
/// "SHOULD" be the server): so no port of ours is left in TIME_WAIT.
async fn close(mut transport: Transport) {
    let mut frame = Vec::with_capacity(8);
    let code = CloseCode::NORMAL.get().to_be_bytes();
    // Nothing secret passes a mask that an observer could foresee.
    append_control(&mut frame, Opcode::Close, &code, [0x5a; 4]);
    let closing = async {
        transport.write_all(&frame).await?;
        transport.flush().await?;
        let mut rest = [0; 256];
        while transport.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(CLOSE_TIMEOUT, pin!(closing)).await;
}
