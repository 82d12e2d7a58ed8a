//! The one who waits for all threads of a run, starts them together, and
//! merges what they measured.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval};

use super::clock::{Times, to_ns};
use super::config::{BenchConfig, Load, Mode};
use super::driver::drives;
use super::messages::{BenchError, Control, FromWorker, Live, OpeningReport, Outcome, Part};
use super::opener::target_of;
use super::schedule::Stage;
use super::stats::{Parts, Stats};
use super::summary::{ClientUse, End, Second, SecondCounts, StageResult, Summary, UrlResult};
use super::usage::{max_rss_bytes, rss_bytes};
use crate::connection::OpenFailure;

/// Between the moment when all connections are open and the start of the
/// load: twice what a thread needs to notice.
const START_DELAY: Duration = Duration::from_millis(120);

/// Less than this at the end is no second of its own.
const SHORTEST_SECOND: Duration = Duration::from_millis(100);

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
    /// For each URL.
    opening: OpeningReport,
    total: Parts,
    /// Seconds that not all threads have told of: how many have.
    seconds: BTreeMap<u64, (usize, Parts)>,
    /// The first second that each thread which is done has not told of.
    done_at: Vec<u64>,
    /// The next second to be closed.
    next_second: u64,
    series: Vec<Second>,
    live: Live,
    client: ClientUse,
    rss_before: Option<u64>,
    connections_open: usize,
    connections_left: usize,
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
        let config = &control.config;
        let total = Parts::new(config.targets.len(), config.stages());
        Self {
            opening: OpeningReport::new(config.targets.len()),
            control,
            inbox,
            opened: 0,
            done: 0,
            total,
            seconds: BTreeMap::new(),
            done_at: Vec::new(),
            next_second: 0,
            series: Vec::new(),
            live: Live::default(),
            client: ClientUse::default(),
            rss_before,
            connections_open: 0,
            connections_left: 0,
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
        let all = self.opening.total();
        if self.interrupted || drives(config.mode) || all.ever_opened() > 0 {
            return Ok(());
        }
        let failed = all.failed.total() + all.warmup_failed.total();
        let attempts = usize::try_from(failed).unwrap_or(usize::MAX);
        match self.opening.first_error.take() {
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
            FromWorker::Second { second, parts } => {
                self.take_second(second, *parts);
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
        self.opening.merge(&mut report);
        let opened = self.opening.total().counters.opened;
        let config = &self.control.config;
        // In mode handshake none is held.
        if drives(config.mode) {
            self.connections_open = usize::try_from(opened).unwrap_or(usize::MAX);
        }
        if self.opened != config.threads || self.interrupted {
            return Ok(());
        }
        if opened == 0
            && drives(config.mode)
            && let Some(first) = self.opening.first_error.take()
        {
            return Err(no_connection(config, config.connections, first));
        }
        let rss_now = rss_bytes();
        if let (Some(before), Some(now)) = (self.rss_before, rss_now) {
            let open = self.connections_open.max(1) as u64;
            self.client.rss_bytes_per_connection = Some(now.saturating_sub(before) / open);
        }
        let start_ns = self.control.clock.now_ns() + to_ns(START_DELAY);
        self.control.start_ns.store(start_ns, Ordering::Release);
        Ok(())
    }

    fn take_second(&mut self, second: u64, mut parts: Parts) {
        let (threads, merged) = self.second_of(second);
        *threads += 1;
        merged.merge(&mut parts);
        self.close_seconds();
    }

    fn second_of(&mut self, second: u64) -> &mut (usize, Parts) {
        let config = &self.control.config;
        self.seconds
            .entry(second)
            .or_insert_with(|| (0, Parts::new(config.targets.len(), config.stages())))
    }

    /// Closes the seconds that all threads have told of, or are done before.
    fn close_seconds(&mut self) {
        let threads = self.control.config.threads;
        while let Some((told, _)) = self.seconds.get(&self.next_second) {
            let next = self.next_second;
            let done = self.done_at.iter().filter(|at| **at <= next).count();
            // What is left when all are done is a part of a second.
            if told + done < threads || *told == 0 {
                return;
            }
            if let Some((_, parts)) = self.seconds.remove(&next) {
                self.close_second(next, parts, Duration::from_secs(1));
            }
        }
    }

    fn close_second(&mut self, second: u64, mut parts: Parts, span: Duration) {
        self.next_second = self.next_second.max(second + 1);
        let mut stats = parts.total();
        let counts = SecondCounts::of(self.control.config.mode, &stats);
        let histogram = stats.from_intended.histogram();
        let at = |quantile| (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile));
        let (p50_ns, p99_ns, max_ns) = (at(0.5), at(0.99), histogram.max());
        let counters = stats.counters;
        self.total.merge(&mut parts);
        self.live.counters.merge(&counters);
        self.live.errors += counts.errors;
        let rated = match self.control.config.mode {
            Mode::Flood => counters.sent,
            _ => counters.answered_in_time,
        };
        self.live.rate = rated as f64 / span.as_secs_f64();
        self.live.p50_ns = p50_ns.or(self.live.p50_ns);
        self.live.p99_ns = p99_ns.or(self.live.p99_ns);
        self.live.measured += span;
        self.series.push(Second {
            second,
            span,
            counts,
            open: self.control.open.load(Ordering::Relaxed),
            p50_ns: p50_ns.unwrap_or(0),
            p99_ns: p99_ns.unwrap_or(0),
            max_ns,
        });
    }

    fn take_outcome(&mut self, outcome: Outcome) {
        self.done_at.push(outcome.second);
        let mut parts = outcome.parts;
        self.second_of(outcome.second).1.merge(&mut parts);
        self.close_seconds();
        self.client.cpu += outcome.cpu;
        self.client.waited = match (self.client.waited, outcome.waited) {
            (Some(one), Some(other)) => Some(one + other),
            (None, other) if self.done == 1 => other,
            _ => None,
        };
        self.client.wall = self.client.wall.max(outcome.cpu_wall);
        self.last_reply_ns = self.last_reply_ns.max(outcome.last_reply_ns);
        self.connections_left += outcome.left;
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
        let config = &self.control.config;
        let end_ns = config
            .duration
            .map_or(u64::MAX, |d| measure_ns.saturating_add(to_ns(d)));
        self.live.asked_rate = match &config.load {
            Load::Open(schedule) if start_ns > 0 && now_ns < end_ns => {
                Some(schedule.rate_at(now_ns.saturating_sub(start_ns)))
            }
            _ => None,
        };
        self.live.part = match start_ns {
            0 => Part::Opening,
            _ if now_ns < measure_ns => Part::Warmup,
            _ if now_ns < end_ns => Part::Measuring,
            _ => Part::Draining,
        };
        observe(&self.live);
    }

    /// How long was measured: to the planned end, or to the interruption, or
    /// to the last reply where a number of messages ended the run.
    fn duration(&self) -> Duration {
        let Some(times) = self.times else {
            return Duration::ZERO;
        };
        if let Some(gone_ns) = self.gone_ns() {
            return Duration::from_nanos(gone_ns.saturating_sub(times.measure_ns));
        }
        let spent = self.control.config.messages.is_some() || self.end_ns == u64::MAX;
        let end_ns = if spent && !self.interrupted && self.last_reply_ns > times.measure_ns {
            self.end_ns.min(self.last_reply_ns)
        } else {
            self.end_ns.min(self.control.clock.now_ns())
        };
        Duration::from_nanos(end_ns.saturating_sub(times.measure_ns))
    }

    /// When all connections were gone, where that was before the run was over.
    fn gone_ns(&self) -> Option<u64> {
        if self.interrupted || !drives(self.control.config.mode) {
            return None;
        }
        self.control
            .gone_ns()
            .filter(|gone_ns| *gone_ns < self.end_ns)
    }

    fn end(&self, stats: &Stats) -> End {
        let (Some(gone_ns), Some(times)) = (self.gone_ns(), self.times) else {
            return match self.interrupted {
                true => End::Interrupted,
                false => End::Finished,
            };
        };
        // They may have gone when all was done.
        let config = &self.control.config;
        let is_counted = config.messages.is_some();
        if is_counted && stats.counters.unsent.total() == 0 {
            return End::Finished;
        }
        let after = gone_ns.checked_sub(times.measure_ns);
        End::ConnectionsGone {
            after: after.map(Duration::from_nanos),
        }
    }

    pub(super) fn summary(mut self) -> Summary {
        let duration = self.duration();
        let seconds = std::mem::take(&mut self.seconds);
        for (second, (_, mut parts)) in seconds {
            let begun = Duration::from_secs(second);
            let span = duration.saturating_sub(begun).min(Duration::from_secs(1));
            let is_first = self.series.is_empty() && !span.is_zero();
            if span >= SHORTEST_SECOND || is_first {
                self.close_second(second, parts, span);
                // By now all are closed: those that the load has left open count.
                if drives(self.control.config.mode)
                    && let Some(last) = self.series.last_mut()
                {
                    last.open = self.connections_left;
                }
            } else {
                // What came after the last whole second, as losses do, is told with it.
                if let Some(last) = self.series.last_mut() {
                    let stats = parts.total();
                    last.counts
                        .add(&SecondCounts::of(self.control.config.mode, &stats));
                }
                self.total.merge(&mut parts);
            }
        }
        let handshakes = self.opening.total();
        let mut stats = self.total.total();
        // In mode handshake it is the handshakes that go wrong.
        stats.errors.merge(&handshakes.failed);
        let end = self.end(&stats);
        let (urls, stages) = (self.urls(), self.stages(duration));
        let config = &self.control.config;
        self.client.max_rss_bytes = max_rss_bytes();
        self.client.threads = config.threads;
        Summary {
            mode: config.mode,
            targets: config
                .targets
                .iter()
                .map(|target| config.shown(target))
                .collect(),
            connections: config.connections,
            connections_open: self.connections_open,
            connections_left: self.connections_left,
            duration,
            planned: config.duration,
            end,
            stats,
            handshakes,
            client: self.client,
            series: self.series,
            stages,
            urls,
        }
    }

    fn urls(&mut self) -> Vec<UrlResult> {
        let config = Arc::clone(&self.control.config);
        let urls = config.targets.iter().enumerate();
        urls.map(|(url, target)| {
            let handshakes = self.opening.of(url).clone();
            let mut stats = self.total.of_url(url);
            stats.errors.merge(&handshakes.failed);
            let all = 0..config.connections;
            UrlResult {
                url: config.shown(target),
                connections: all.filter(|index| config.url_of(*index) == url).count(),
                stats,
                handshakes,
                agreed: self.opening.agreed.get_mut(url).and_then(Option::take),
            }
        })
        .collect()
    }

    fn stages(&mut self, duration: Duration) -> Vec<StageResult> {
        let config = Arc::clone(&self.control.config);
        let Load::Open(schedule) = &config.load else {
            return Vec::new();
        };
        let constant = [Stage {
            duration: config.duration.unwrap_or(duration),
            rate: schedule.rate_at(0),
        }];
        let stages = match schedule.stage_list() {
            [] => &constant[..],
            stages => stages,
        };
        let results = stages
            .iter()
            .enumerate()
            .map(|(number, stage)| StageResult {
                stage: *stage,
                stats: self.total.of_stage(number),
            });
        results.collect()
    }
}
