//! A whole run: threads, their start and end, and the merging of what they
//! measured.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::future::join;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::unconstrained;
use tokio::time::{MissedTickBehavior, interval};

use super::churn;
use super::clock::{Clock, to_ns};
use super::config::BenchConfig;
use super::conn::Times;
use super::driver::{Driver, drives};
use super::opener::target_of;
use super::stats::{Errors, HandshakeStats, Stats};
use super::summary::{ClientUse, End, Second, Summary};
use super::usage::{max_rss_bytes, rss_bytes};
use crate::connection::{OpenError, Target};

/// Between the moment when all connections are open and the start of the
/// load: twice what a thread needs to notice.
const START_DELAY: Duration = Duration::from_millis(120);

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

fn no_connection(
    config: &BenchConfig,
    connections: usize,
    (index, error): (usize, OpenError),
) -> BenchError {
    BenchError::NoConnection {
        connections,
        target: Box::new(target_of(config, index).clone()),
        source: Box::new(error),
    }
}

struct Coordinator {
    control: Arc<Control>,
    inbox: UnboundedReceiver<FromWorker>,
    opened: usize,
    done: usize,
    handshakes: HandshakeStats,
    first_error: Option<(usize, OpenError)>,
    total: Stats,
    seconds: BTreeMap<u64, (usize, Stats)>,
    series: Vec<Second>,
    live: Live,
    client: ClientUse,
    rss_before: Option<u64>,
    connections_open: usize,
    end_ns: u64,
    times: Option<Times>,
    last_reply_ns: u64,
    interrupted: bool,
}

impl Coordinator {
    fn new(
        control: Arc<Control>,
        inbox: UnboundedReceiver<FromWorker>,
        rss_before: Option<u64>,
    ) -> Self {
        Self {
            control,
            inbox,
            opened: 0,
            done: 0,
            handshakes: HandshakeStats::default(),
            first_error: None,
            total: Stats::default(),
            seconds: BTreeMap::new(),
            series: Vec::new(),
            live: Live::default(),
            client: ClientUse::default(),
            rss_before,
            connections_open: 0,
            end_ns: 0,
            times: None,
            last_reply_ns: 0,
            interrupted: false,
        }
    }

    async fn run(
        &mut self,
        interrupt: impl Future<Output = ()>,
        observe: &mut impl FnMut(&Live),
    ) -> Result<(), BenchError> {
        let mut interrupt = std::pin::pin!(interrupt);
        let mut ticks = interval(Duration::from_millis(500));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while self.done < self.control.config.threads {
            tokio::select! {
                report = self.inbox.recv() => match report {
                    Some(report) => self.take(report, observe)?,
                    None => return Err(BenchError::Thread),
                },
                _ = ticks.tick() => self.observe(observe),
                () = &mut interrupt, if !self.interrupted => {
                    self.interrupted = true;
                    self.control.stop.store(true, Ordering::Relaxed);
                }
            }
        }
        self.check_attempts()
    }

    /// In mode handshake it is known only at the end that all was in vain.
    fn check_attempts(&mut self) -> Result<(), BenchError> {
        let config = &self.control.config;
        if self.interrupted || drives(config.mode) || self.handshakes.count > 0 {
            return Ok(());
        }
        let attempts = usize::try_from(self.total.errors.total()).unwrap_or(usize::MAX);
        match self.first_error.take() {
            Some(first) => Err(no_connection(config, attempts, first)),
            None => Ok(()),
        }
    }

    fn take(
        &mut self,
        report: FromWorker,
        observe: &mut impl FnMut(&Live),
    ) -> Result<(), BenchError> {
        match report {
            FromWorker::Opened(report) => self.take_opened(*report),
            FromWorker::Second { second, stats } => {
                self.take_second(second, *stats);
                self.observe(observe);
                Ok(())
            }
            FromWorker::Done(outcome) => {
                self.done += 1;
                self.take_outcome(*outcome);
                Ok(())
            }
            FromWorker::Failed(error) => Err(BenchError::Start(error)),
            FromWorker::Panicked => Err(BenchError::Thread),
        }
    }

    fn take_opened(&mut self, mut report: OpeningReport) -> Result<(), BenchError> {
        self.opened += 1;
        self.handshakes.merge(&mut report.handshakes);
        self.total.errors.merge(&report.errors);
        if self.first_error.is_none() {
            self.first_error = report.first_error;
        }
        let config = &self.control.config;
        if self.opened != config.threads || self.interrupted {
            return Ok(());
        }
        if self.handshakes.count == 0
            && drives(config.mode)
            && let Some(first) = self.first_error.take()
        {
            return Err(no_connection(config, config.connections, first));
        }
        self.connections_open = self.control.open.load(Ordering::Relaxed);
        let rss_now = rss_bytes();
        if let (Some(before), Some(now)) = (self.rss_before, rss_now) {
            let open = self.connections_open.max(1) as u64;
            self.client.rss_bytes_per_connection = Some(now.saturating_sub(before) / open);
        }
        let start_ns = self.control.clock.now_ns() + to_ns(START_DELAY);
        self.control.start_ns.store(start_ns, Ordering::Release);
        Ok(())
    }

    fn take_second(&mut self, second: u64, mut stats: Stats) {
        let (threads, merged) = self.seconds.entry(second).or_default();
        *threads += 1;
        merged.merge(&mut stats);
        if *threads == self.control.config.threads
            && let Some((_, stats)) = self.seconds.remove(&second)
        {
            self.close_second(second, stats, Duration::from_secs(1));
        }
    }

    fn close_second(&mut self, second: u64, mut stats: Stats, span: Duration) {
        let errors = stats.errors.total();
        let (p50_ns, p99_ns, max_ns) = {
            let histogram = stats.from_intended.histogram();
            (
                histogram.value_at_quantile(0.5),
                histogram.value_at_quantile(0.99),
                histogram.max(),
            )
        };
        self.total.merge(&mut stats);
        self.live.rate = stats.counters.received_in_time as f64 / span.as_secs_f64();
        self.live.p50_ns = p50_ns;
        self.live.p99_ns = p99_ns;
        self.live.measured += span;
        self.series.push(Second {
            second,
            span,
            sent: stats.counters.sent,
            received: stats.counters.received,
            lost: stats.counters.lost,
            errors,
            open: self.control.open.load(Ordering::Relaxed),
            p50_ns,
            p99_ns,
            max_ns,
        });
    }

    fn take_outcome(&mut self, outcome: Outcome) {
        let (_, merged) = self.seconds.entry(outcome.second).or_default();
        let mut stats = outcome.stats;
        merged.merge(&mut stats);
        self.client.cpu += outcome.cpu;
        self.client.wall = self.client.wall.max(outcome.cpu_wall);
        self.last_reply_ns = self.last_reply_ns.max(outcome.last_reply_ns);
        if outcome.times.start_ns != u64::MAX {
            self.end_ns = self.end_ns.max(outcome.times.end_ns);
            self.times = Some(outcome.times);
        }
    }

    fn observe(&mut self, observe: &mut impl FnMut(&Live)) {
        let now_ns = self.control.clock.now_ns();
        let start_ns = self.control.start_ns.load(Ordering::Relaxed);
        let measure_ns = start_ns + to_ns(self.control.config.warmup);
        self.live.elapsed = Duration::from_nanos(now_ns);
        self.live.open = self.control.open.load(Ordering::Relaxed);
        self.live.errors = self.total.errors.total();
        self.live.part = match start_ns {
            0 => Part::Opening,
            _ if now_ns < measure_ns => Part::Warmup,
            _ => Part::Measuring,
        };
        observe(&self.live);
    }

    /// How long was measured: to the planned end, or to the interruption, or
    /// to the last reply where a number of messages ended the run.
    fn duration(&self) -> Duration {
        let Some(times) = self.times else {
            return Duration::ZERO;
        };
        let spent = self.control.config.messages.is_some() || self.end_ns == u64::MAX;
        let end_ns = if spent && !self.interrupted && self.last_reply_ns > times.measure_ns {
            self.end_ns.min(self.last_reply_ns)
        } else {
            self.end_ns.min(self.control.clock.now_ns())
        };
        Duration::from_nanos(end_ns.saturating_sub(times.measure_ns))
    }

    fn summary(mut self) -> Summary {
        let duration = self.duration();
        let seconds = std::mem::take(&mut self.seconds);
        for (second, (_, mut stats)) in seconds {
            let begun = Duration::from_secs(second);
            let span = duration.saturating_sub(begun).min(Duration::from_secs(1));
            if span >= Duration::from_millis(100) {
                self.close_second(second, stats, span);
            } else {
                self.total.merge(&mut stats);
            }
        }
        let config = &self.control.config;
        self.client.max_rss_bytes = max_rss_bytes();
        self.client.threads = config.threads;
        Summary {
            mode: config.mode,
            targets: config.targets.iter().map(ToString::to_string).collect(),
            connections: config.connections,
            connections_open: self.connections_open,
            duration,
            end: if self.interrupted {
                End::Interrupted
            } else {
                End::Finished
            },
            stats: self.total,
            handshakes: self.handshakes,
            client: self.client,
            series: self.series,
        }
    }
}
