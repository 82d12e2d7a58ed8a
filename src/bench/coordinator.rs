//! The one who waits for all threads of a run, starts them together, and
//! merges what they measured.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval};

use super::clock::to_ns;
use super::config::BenchConfig;
use super::conn::Times;
use super::driver::drives;
use super::messages::{BenchError, Control, FromWorker, Live, OpeningReport, Outcome, Part};
use super::opener::target_of;
use super::stats::{HandshakeStats, Stats};
use super::summary::{ClientUse, End, Second, Summary};
use super::usage::{max_rss_bytes, rss_bytes};
use crate::connection::OpenFailure;

/// Between the moment when all connections are open and the start of the
/// load: twice what a thread needs to notice.
const START_DELAY: Duration = Duration::from_millis(120);

fn no_connection(
    config: &BenchConfig,
    connections: usize,
    (index, error): (usize, OpenFailure),
) -> BenchError {
    BenchError::NoConnection {
        connections,
        target: Box::new(target_of(config, index).clone()),
        source: error,
    }
}

pub(super) struct Coordinator {
    control: Arc<Control>,
    inbox: UnboundedReceiver<FromWorker>,
    opened: usize,
    done: usize,
    handshakes: HandshakeStats,
    first_error: Option<(usize, OpenFailure)>,
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
    pub(super) fn new(
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

    pub(super) async fn run(
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
        self.live.sent = self.total.counters.sent;
        self.live.lost = self.total.counters.lost;
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

    pub(super) fn summary(mut self) -> Summary {
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
