//! A whole run: its threads, their start and their end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::future::join;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::unconstrained;

use super::churn;
use super::clock::Clock;
use super::config::BenchConfig;
use super::conn::Times;
use super::coordinator::Coordinator;
use super::driver::{Driver, drives};
use super::stats::{Errors, HandshakeStats, Stats};
use super::summary::Summary;
use super::usage::rss_bytes;
use crate::connection::{OpenError, Target};

/// Why a run did not take place.
#[derive(Debug, Error)]
pub enum BenchError {
    /// No connection could be opened.
    #[error("none of {connections} connections could be opened")]
    NoConnection {
        /// How many were tried.
        connections: usize,
        /// Where the first of them was to lead to.
        target: Box<Target>,
        /// The first failure.
        source: Box<OpenError>,
    },
    /// The operating system refused a thread, a runtime or a timer.
    #[error("could not start a thread of the load generator: {0}")]
    Start(#[source] io::Error),
    /// A thread of the load generator has panicked.
    #[error("a thread of the load generator has failed; this is a bug, please report it")]
    Thread,
}

/// What a run looks like while it goes on, about once a second.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Since the run began.
    pub elapsed: Duration,
    /// Which part of the run this is.
    pub part: Part,
    /// Connections that are open.
    pub open: usize,
    /// Seconds of measuring that are done, and how many are planned.
    pub measured: Duration,
    /// Replies a second, in the last second.
    pub rate: f64,
    /// Of the last second, from the intended send, in nanoseconds.
    pub p50_ns: u64,
    /// The same, 99th percentile.
    pub p99_ns: u64,
    /// Errors so far.
    pub errors: u64,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Connections are being opened.
    #[default]
    Opening,
    /// Load runs, and is not measured yet.
    Warmup,
    /// Load runs and is measured.
    Measuring,
}

/// What all threads of a run share. Nothing here is touched for a message.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) config: Arc<BenchConfig>,
    pub(super) clock: Clock,
    /// When the load starts; 0 until that is known.
    pub(super) start_ns: AtomicU64,
    pub(super) stop: AtomicBool,
    pub(super) open: AtomicUsize,
    reports: UnboundedSender<FromWorker>,
}

impl Control {
    /// Tells the coordinator, which outlives all threads. The channel has no
    /// bound, but each thread says only one thing a second.
    pub(super) fn tell(&self, report: FromWorker) {
        let _ = self.reports.send(report);
    }
}

/// What a thread tells.
#[derive(Debug)]
pub(super) enum FromWorker {
    /// It has tried to open all its connections.
    Opened(Box<OpeningReport>),
    /// A second of measuring.
    Second { second: u64, stats: Box<Stats> },
    /// It is done.
    Done(Box<Outcome>),
    /// It could not even begin.
    Failed(io::Error),
    /// It has panicked.
    Panicked,
}

/// Tells the coordinator, which would wait for ever, of a panic.
struct PanicNotice<'a>(&'a Control);

impl Drop for PanicNotice<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.tell(FromWorker::Panicked);
        }
    }
}

/// How a thread's opening phase went.
#[derive(Debug)]
pub(super) struct OpeningReport {
    pub(super) handshakes: HandshakeStats,
    pub(super) errors: Errors,
    /// With the index of its connection.
    pub(super) first_error: Option<(usize, OpenError)>,
}

/// What a thread has at its end.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The second that `stats` belongs to.
    pub(super) second: u64,
    pub(super) stats: Stats,
    pub(super) cpu: Duration,
    pub(super) cpu_wall: Duration,
    pub(super) times: Times,
    pub(super) last_reply_ns: u64,
}

/// Runs the load and returns what was measured. `interrupt` ends the run
/// early, with what was measured until then; `observe` is told about once a
/// second how it goes.
///
/// # Errors
/// A [`BenchError`] when no load could be put on the server at all.
pub async fn run(
    config: BenchConfig,
    interrupt: impl Future<Output = ()>,
    mut observe: impl FnMut(&Live),
) -> Result<Summary, BenchError> {
    let config = Arc::new(config);
    let rss_before = rss_bytes();
    let (reports, inbox) = unbounded_channel();
    let control = Arc::new(Control {
        config: Arc::clone(&config),
        clock: Clock::start(),
        start_ns: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        open: AtomicUsize::new(0),
        reports,
    });
    let mut coordinator = Coordinator::new(Arc::clone(&control), inbox, rss_before);
    if config.on_callers_thread && config.threads == 1 {
        let coordinated = async {
            let result = coordinator.run(interrupt, &mut observe).await;
            control.stop.store(true, Ordering::Relaxed);
            result
        };
        let (result, ()) = join(coordinated, load(0, &control)).await;
        result?;
    } else {
        let threads = start_threads(&control)?;
        let result = coordinator.run(interrupt, &mut observe).await;
        // Also when the coordinator gave up: a thread sees this within a tick.
        control.stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| BenchError::Thread)?;
        }
        result?;
    }
    Ok(coordinator.summary())
}

fn start_threads(control: &Arc<Control>) -> Result<Vec<JoinHandle<()>>, BenchError> {
    let start = |number| {
        let control = Arc::clone(control);
        let builder = thread::Builder::new().name(format!("bench-{number}"));
        builder.spawn(move || work(number, &control))
    };
    let threads = 0..control.config.threads;
    threads
        .map(|number| start(number).map_err(BenchError::Start))
        .collect()
}

fn work(thread: usize, control: &Arc<Control>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(load(thread, control)),
        Err(error) => control.tell(FromWorker::Failed(error)),
    }
}

/// The load of one thread.
async fn load(thread: usize, control: &Arc<Control>) {
    let _notice = PanicNotice(control);
    let result = if drives(control.config.mode) {
        match Driver::new(thread, Arc::clone(control)) {
            // Fairness is the driver's own: tokio's budget for one task would
            // cut a thread's connections short.
            Ok(driver) => {
                unconstrained(driver).await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    } else {
        churn::run(thread, Arc::clone(control)).await
    };
    if let Err(error) = result {
        control.tell(FromWorker::Failed(error));
    }
}
