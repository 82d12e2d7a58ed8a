//! What one thread counts and measures. No locks, no atomics: every thread
//! has its own, and hands it over once a second by swapping.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::config::Load;
use super::counters::{Counters, Errors, HandshakeCounters};

/// The largest time that is told apart from larger ones.
pub const MAX_NS: u64 = 60_000_000_000;

/// A histogram of nanoseconds: 1 ns to 60 s, three significant digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_NS, 3).expect("the bounds are constants that fit")
}

/// A histogram that is cheap to fill with runs of one value. All replies of
/// one read share a time, so runs are what a busy connection brings.
///
/// It takes no memory to speak of until something is recorded.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    histogram: Option<Box<Histogram<u64>>>,
    run_value: u64,
    run_length: u64,
}

impl Recorder {
    /// Records a time in nanoseconds; above 60 s counts as 60 s.
    #[inline]
    pub fn record(&mut self, value_ns: u64) {
        if value_ns == self.run_value {
            self.run_length += 1;
        } else {
            self.end_run();
            self.run_value = value_ns;
            self.run_length = 1;
        }
    }

    pub fn record_duration(&mut self, value: Duration) {
        self.record(super::clock::to_ns(value));
    }

    /// Everything recorded.
    pub fn histogram(&mut self) -> &Histogram<u64> {
        self.end_run();
        self.filled()
    }

    /// Adds everything that `other` has recorded.
    pub fn merge(&mut self, other: &mut Self) {
        self.end_run();
        other.end_run();
        if let Some(other) = &other.histogram {
            self.filled()
                .add(&**other)
                .expect("all histograms have the same bounds");
        }
    }

    fn filled(&mut self) -> &mut Histogram<u64> {
        self.histogram.get_or_insert_with(|| Box::new(histogram()))
    }

    fn end_run(&mut self) {
        if self.run_length > 0 {
            let (value, length) = (self.run_value.min(MAX_NS), self.run_length);
            self.filled().saturating_record_n(value, length);
            self.run_length = 0;
        }
    }
}

/// Everything that a thread measures of messages.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// From the intended send time to the reply (in mode handshake, to the
    /// open connection).
    pub from_intended: Recorder,
    /// From the actual send to the reply.
    pub from_send: Recorder,
    /// From the intended to the actual send.
    pub slip: Recorder,
    /// The messages that were meant to leave in the measured time.
    pub counters: Counters,
    /// The messages that were meant to leave in the warm-up.
    pub warmup: Counters,
    /// In mode handshake, the measured attempts.
    pub handshakes: HandshakeCounters,
    /// Why connections were not opened, or ended before their time; in mode
    /// handshake, why measured attempts failed.
    pub errors: Errors,
}

impl Stats {
    /// Adds another thread's, or another second's.
    pub fn merge(&mut self, other: &mut Self) {
        // A field that is forgotten here does not compile.
        let Self {
            from_intended,
            from_send,
            slip,
            counters,
            warmup,
            handshakes,
            errors,
        } = other;
        self.from_intended.merge(from_intended);
        self.from_send.merge(from_send);
        self.slip.merge(slip);
        self.counters.merge(counters);
        self.warmup.merge(warmup);
        self.handshakes.merge(handshakes);
        self.errors.merge(errors);
    }

    /// The counters that a message belongs to by its intended time.
    #[inline(always)]
    pub(super) fn phase(&mut self, is_measured: bool) -> &mut Counters {
        if is_measured {
            &mut self.counters
        } else {
            &mut self.warmup
        }
    }
}

/// The opening handshakes of one thread, by phase.
#[derive(Debug, Clone, Default)]
pub struct HandshakeStats {
    /// The whole opening, from the look-up of the name to the open connection:
    /// the phases below, a proxy and redirects.
    pub total: Recorder,
    /// Name resolution.
    pub dns: Recorder,
    /// The TCP (or Unix socket) connection.
    pub tcp: Recorder,
    /// The TLS handshake.
    pub tls: Recorder,
    pub upgrade: Recorder,
    /// The counts: of the opening, or of the measured part in mode handshake.
    pub counters: HandshakeCounters,
    /// Those of the warm-up, in mode handshake.
    pub warmup: HandshakeCounters,
    /// Why handshakes failed.
    pub failed: Errors,
    /// Why those of the warm-up failed.
    pub warmup_failed: Errors,
}

impl HandshakeStats {
    /// How many connections were opened, the warm-up's included.
    pub fn ever_opened(&self) -> u64 {
        self.counters.opened + self.warmup.opened
    }

    /// Adds another thread's.
    pub fn merge(&mut self, other: &mut Self) {
        // A field that is forgotten here does not compile.
        let Self {
            total,
            dns,
            tcp,
            tls,
            upgrade,
            counters,
            warmup,
            failed,
            warmup_failed,
        } = other;
        self.total.merge(total);
        self.dns.merge(dns);
        self.tcp.merge(tcp);
        self.tls.merge(tls);
        self.upgrade.merge(upgrade);
        self.counters.merge(counters);
        self.warmup.merge(warmup);
        self.failed.merge(failed);
        self.warmup_failed.merge(warmup_failed);
    }
}

/// The stats of a thread, apart for each URL and each stage. With one of each,
/// which is the usual case, it is one.
#[derive(Debug)]
pub(super) struct Parts {
    urls: usize,
    stages: usize,
    /// When stages other than the first begin, in nanoseconds of the run.
    begins_ns: Vec<u64>,
    first: Stats,
    rest: Vec<Stats>,
}

impl Parts {
    pub(super) fn new(urls: usize, stages: usize) -> Self {
        let (urls, stages) = (urls.max(1), stages.max(1));
        Self {
            urls,
            stages,
            begins_ns: Vec::new(),
            first: Stats::default(),
            rest: vec![Stats::default(); urls * stages - 1],
        }
    }

    /// Begins the stages of a load: it starts then.
    pub(super) fn begin_stages(&mut self, load: &Load, start_ns: u64) {
        if let Load::Open(schedule) = load {
            let begins = schedule.begins_ns().skip(1);
            self.begins_ns = begins.map(|ns| ns.saturating_add(start_ns)).collect();
        }
    }

    /// The stats of a message to a URL, by its intended time.
    #[inline(always)]
    pub(super) fn of(&mut self, url: usize, intended_ns: u64) -> &mut Stats {
        if self.rest.is_empty() {
            return &mut self.first;
        }
        let stage = self
            .begins_ns
            .partition_point(|begin| *begin <= intended_ns);
        self.at(url, stage)
    }

    pub(super) fn at(&mut self, url: usize, stage: usize) -> &mut Stats {
        let stage = stage.min(self.stages - 1);
        match (stage * self.urls + url).checked_sub(1) {
            None => &mut self.first,
            Some(index) => self.rest.get_mut(index).unwrap_or(&mut self.first),
        }
    }

    pub(super) fn merge(&mut self, other: &mut Self) {
        self.first.merge(&mut other.first);
        for (one, other) in self.rest.iter_mut().zip(&mut other.rest) {
            one.merge(other);
        }
    }

    /// Everything, and nothing is left here.
    pub(super) fn take(&mut self) -> Self {
        let mut empty = Self::new(self.urls, self.stages);
        empty.begins_ns.clone_from(&self.begins_ns);
        std::mem::replace(self, empty)
    }

    /// All together.
    pub(super) fn total(&mut self) -> Stats {
        let mut total = self.first.clone();
        for part in &mut self.rest {
            total.merge(part);
        }
        total
    }

    /// What belongs to a stage, of all URLs.
    pub(super) fn of_stage(&mut self, stage: usize) -> Stats {
        let mut total = Stats::default();
        for url in 0..self.urls {
            total.merge(self.at(url, stage));
        }
        total
    }

    /// What belongs to a URL, in all stages.
    pub(super) fn of_url(&mut self, url: usize) -> Stats {
        let mut total = Stats::default();
        for stage in 0..self.stages {
            total.merge(self.at(url, stage));
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The nearest-rank percentile over raw samples, computed on its own.
    fn nearest_rank(sorted: &[u64], percentile: f64) -> u64 {
        let rank = (percentile / 100.0 * sorted.len() as f64).ceil().max(1.0);
        let index = sorted
            .iter()
            .enumerate()
            .position(|(i, _)| (i + 1) as f64 >= rank);
        sorted[index.unwrap()]
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_raw_samples(
            mut samples in proptest::collection::vec((1_u64..70_000_000_000, 1_usize..4), 1..400),
            split in 0_usize..400,
        ) {
            // Runs of equal values, spread over two threads.
            let raw: Vec<u64> = samples.drain(..).flat_map(|(v, n)| vec![v; n]).collect();
            let (left, right) = raw.split_at(split.min(raw.len()));
            let (mut one, mut two) = (Recorder::default(), Recorder::default());
            left.iter().for_each(|v| one.record(*v));
            right.iter().for_each(|v| two.record(*v));
            one.merge(&mut two);
            let mut sorted: Vec<u64> = raw.iter().map(|v| (*v).min(MAX_NS)).collect();
            sorted.sort_unstable();
            let histogram = one.histogram();
            prop_assert_eq!(histogram.len(), sorted.len() as u64);
            for percentile in [0.0, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0] {
                let expected = nearest_rank(&sorted, percentile) as f64;
                let found = histogram.value_at_percentile(percentile) as f64;
                // Three significant digits: within a thousandth.
                prop_assert!(
                    (found - expected).abs() <= expected * 0.001 + 1.0,
                    "p{} is {} and not {}", percentile, found, expected
                );
            }
        }
    }
}
