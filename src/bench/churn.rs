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

use super::clock::to_ns;
use super::config::Load;
use super::conn::Times;
use super::frames::append_control;
use super::messages::{Control, FromWorker, OpeningReport, Outcome};
use super::opener::{cause, note_timings, open_connection};
use super::pacer::Pacer;
use super::stats::{Errors, HandshakeStats, Stats};
use super::usage::thread_cpu;
use crate::connection::ws::codec::Opcode;
use crate::connection::{CloseCode, OpenFailure, Transport};

/// How long a server may take to end the connection after our Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

const TICK: Duration = Duration::from_millis(50);

const SETTLE_TICK: Duration = Duration::from_millis(5);

const SECOND_NS: u64 = 1_000_000_000;

/// What the loops of a thread share.
struct Churn {
    control: Arc<Control>,
    times: Times,
    stop: Cell<bool>,
    stats: RefCell<Stats>,
    handshakes: RefCell<HandshakeStats>,
    /// The next attempt of the schedule that nobody has taken.
    next: Cell<u64>,
    /// Free slots wait for the schedule one behind the other: each holds this
    /// until it is due, so the lock is their queue.
    pacer: Mutex<Pacer>,
    thread: u64,
    last_ns: Cell<u64>,
    /// Attempts to be measured that have no outcome yet.
    pending: Cell<u64>,
    first_error: Cell<Option<(usize, OpenFailure)>>,
}

/// Runs one thread.
///
/// # Errors
/// The operating system's, when it has no timer left.
pub(super) async fn run(thread: usize, control: Arc<Control>) -> io::Result<()> {
    let pacer = Pacer::new(control.config.pacing)?;
    control.tell(FromWorker::Opened(Box::new(OpeningReport {
        handshakes: HandshakeStats::default(),
        errors: Errors::default(),
        first_error: None,
    })));
    let start_ns = loop {
        let start_ns = control.start_ns.load(Ordering::Acquire);
        if start_ns > 0 || control.stop.load(Ordering::Relaxed) {
            break start_ns;
        }
        sleep(TICK / 2).await;
    };
    let config = Arc::clone(&control.config);
    let measure_ns = start_ns + to_ns(config.warmup);
    let churn = Rc::new(Churn {
        times: Times {
            start_ns,
            measure_ns,
            end_ns: config
                .duration
                .map_or(u64::MAX, |d| measure_ns.saturating_add(to_ns(d))),
        },
        control,
        stop: Cell::new(false),
        stats: RefCell::default(),
        handshakes: RefCell::default(),
        next: Cell::new(0),
        pacer: Mutex::new(pacer),
        thread: thread as u64,
        last_ns: Cell::new(0),
        pending: Cell::new(0),
        first_error: Cell::new(None),
    });
    let slots = join_all(config.share(thread).map(|index| slot(&churn, index)));
    let watch = watch(&churn);
    tokio::pin!(slots, watch);
    let outcome = tokio::select! {
        _ = &mut slots => {
            churn.stop.set(true);
            watch.await
        }
        outcome = &mut watch => with_the_last(&churn, slots, outcome).await,
    };
    churn
        .control
        .tell(FromWorker::Opened(Box::new(OpeningReport {
            handshakes: churn.handshakes.take(),
            errors: Errors::default(),
            first_error: churn.first_error.take(),
        })));
    churn.control.tell(FromWorker::Done(Box::new(outcome)));
    Ok(())
}

/// Gives the attempts that are on their way the reply timeout to come to their
/// end, and says of the others what became of them.
async fn with_the_last(churn: &Churn, slots: impl Future + Unpin, mut outcome: Outcome) -> Outcome {
    let interrupted = || churn.control.stop.load(Ordering::Relaxed);
    let settled = async {
        while churn.pending.get() > 0 && !interrupted() {
            sleep(SETTLE_TICK).await;
        }
    };
    let limit = churn.control.config.reply_timeout;
    let _ = timeout(limit, select(pin!(settled), slots)).await;
    let mut late = churn.stats.take();
    let left = match interrupted() {
        true => &mut late.counters.in_flight,
        false => &mut late.counters.lost,
    };
    *left = churn.pending.get();
    outcome.stats.merge(&mut late);
    outcome.last_reply_ns = churn.last_ns.get();
    outcome
}

/// Watches the clock: seconds, commands, the end.
async fn watch(churn: &Churn) -> Outcome {
    let control = &churn.control;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut times = churn.times;
    let (mut second, mut cpu) = (0, None);
    loop {
        ticks.tick().await;
        let now_ns = control.clock.now_ns();
        if now_ns >= times.measure_ns && cpu.is_none() {
            cpu = Some((thread_cpu(), now_ns));
        }
        let second_ends_ns = times.measure_ns + (second + 1) * SECOND_NS;
        if now_ns >= second_ends_ns && now_ns < times.end_ns {
            let stats = Box::new(churn.stats.take());
            control.tell(FromWorker::Second { second, stats });
            second += 1;
        }
        let stop = control.stop.load(Ordering::Relaxed);
        if stop {
            times.end_ns = times.end_ns.min(now_ns);
        }
        if now_ns >= times.end_ns || churn.stop.get() {
            churn.stop.set(true);
            let (used, wall_ns) = cpu.map_or((Duration::ZERO, 0), |(from, from_ns)| {
                (thread_cpu().saturating_sub(from), now_ns - from_ns)
            });
            return Outcome {
                second,
                stats: churn.stats.take(),
                cpu: used,
                cpu_wall: Duration::from_nanos(wall_ns),
                times,
                last_reply_ns: churn.last_ns.get(),
            };
        }
    }
}

/// One loop of opening and closing.
async fn slot(churn: &Churn, index: usize) {
    let control = &churn.control;
    let quota = control.config.quota(index);
    let mut measured = 0;
    while !churn.stop.get() && quota.is_none_or(|quota| measured < quota) {
        let Some(intended_ns) = begin(churn).await else {
            return;
        };
        measured += u64::from(churn.times.measures(intended_ns));
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
            let round = churn.next.get();
            churn.next.set(round + 1);
            let number = round * control.config.threads as u64 + churn.thread;
            schedule
                .time_of(number)?
                .saturating_add(churn.times.start_ns)
        }
    };
    if intended_ns >= churn.times.end_ns {
        return None;
    }
    poll_fn(|cx| pacer.poll(cx, &control.clock, intended_ns)).await;
    Some(intended_ns)
}

async fn attempt(churn: &Churn, index: usize, intended_ns: u64) {
    let control = &churn.control;
    let is_measured = churn.times.measures(intended_ns);
    let sent_ns = control.clock.now_ns();
    if is_measured {
        let mut stats = churn.stats.borrow_mut();
        stats.counters.sent += 1;
        stats.slip.record(sent_ns.saturating_sub(intended_ns));
    }
    churn.pending.update(|n| n + u64::from(is_measured));
    let result = open_connection(&control.config, index).await;
    churn.pending.update(|n| n - u64::from(is_measured));
    let now_ns = control.clock.now_ns();
    churn.last_ns.set(now_ns);
    match result {
        Ok(opened) => {
            if is_measured {
                let mut stats = churn.stats.borrow_mut();
                stats.counters.received += 1;
                stats.counters.received_in_time += u64::from(now_ns < churn.times.end_ns);
                stats.counters.bytes_sent += opened.request_head.wire().len() as u64;
                stats.counters.bytes_received += opened.response.head.raw.wire().len() as u64;
                stats.from_intended.record(now_ns - intended_ns);
                stats.from_send.record(now_ns.saturating_sub(sent_ns));
                note_timings(&mut churn.handshakes.borrow_mut(), &opened.timings);
            }
            control.open.fetch_add(1, Ordering::Relaxed);
            close(opened.transport).await;
            control.open.fetch_sub(1, Ordering::Relaxed);
        }
        Err(error) => {
            churn.stats.borrow_mut().errors.add(cause(&error));
            let first = churn.first_error.take();
            churn.first_error.set(first.or(Some((index, error))));
            // A server that refuses at once must not be hammered.
            sleep(Duration::from_millis(10)).await;
        }
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
