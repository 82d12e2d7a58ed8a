//! What one thread counts and measures. No locks, no atomics: every thread
//! has its own, and hands it over once a second by swapping.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The largest time that is told apart from larger ones.
pub const MAX_NS: u64 = 60_000_000_000;

/// A histogram of nanoseconds: 1 ns to 60 s, three significant digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_NS, 3).expect("the bounds are constants that fit")
}

/// A histogram that is cheap to fill with runs of one value. All replies of
/// one read share a time, so runs are what a busy connection brings.
#[derive(Debug, Clone)]
pub struct Recorder {
    histogram: Histogram<u64>,
    run_value: u64,
    run_length: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            histogram: histogram(),
            run_value: 0,
            run_length: 0,
        }
    }
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

    /// Records a duration.
    pub fn record_duration(&mut self, value: Duration) {
        self.record(super::clock::to_ns(value));
    }

    /// Everything recorded.
    pub fn histogram(&mut self) -> &Histogram<u64> {
        self.end_run();
        &self.histogram
    }

    /// Adds everything that `other` has recorded.
    pub fn merge(&mut self, other: &mut Self) {
        self.end_run();
        self.histogram
            .add(other.histogram())
            .expect("all histograms have the same bounds");
    }

    /// Forgets everything, and keeps the memory.
    pub fn reset(&mut self) {
        self.run_length = 0;
        self.histogram.reset();
    }

    fn end_run(&mut self) {
        if self.run_length > 0 {
            self.histogram
                .saturating_record_n(self.run_value.min(MAX_NS), self.run_length);
            self.run_length = 0;
        }
    }
}

/// Messages and bytes of the measured part of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages sent (in mode handshake: attempts, in mode idle: pings).
    pub sent: u64,
    /// Replies to them (handshakes done, pongs).
    pub received: u64,
    /// Replies that came before the measured time was over.
    pub received_in_time: u64,
    /// Messages without a reply within the reply timeout, or whose connection
    /// ended before it came.
    pub lost: u64,
    /// Replies that came after their message was given up as lost, or a
    /// second time.
    pub late: u64,
    /// Messages that answer none of ours.
    pub unsolicited: u64,
    /// Replies whose payload is not what was sent (`--verify`).
    pub mismatched: u64,
    /// Messages of the schedule that could not be sent, since their
    /// connection was gone or blocked until the end.
    pub unsent: u64,
    /// Messages still waiting for a reply when the user interrupted the run.
    pub in_flight: u64,
    /// Bytes handed to the transport, frame headers included.
    pub bytes_sent: u64,
    /// Bytes received from the transport, frame headers included.
    pub bytes_received: u64,
}

impl Counters {
    /// Adds another thread's, or another second's.
    pub fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.received_in_time += other.received_in_time;
        self.lost += other.lost;
        self.late += other.late;
        self.unsolicited += other.unsolicited;
        self.mismatched += other.mismatched;
        self.unsent += other.unsent;
        self.in_flight += other.in_flight;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
    }
}

/// How often each cause ended a connection or spoilt an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors(pub BTreeMap<String, u64>);

impl Errors {
    /// Counts one.
    pub fn add(&mut self, cause: impl Into<String>) {
        *self.0.entry(cause.into()).or_default() += 1;
    }

    /// Adds another thread's.
    pub fn merge(&mut self, other: &Self) {
        for (cause, count) in &other.0 {
            *self.0.entry(cause.clone()).or_default() += count;
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Everything that a thread measures of messages.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// From the intended send time to the reply.
    pub from_intended: Recorder,
    /// From the actual send to the reply.
    pub from_send: Recorder,
    /// From the intended to the actual send.
    pub slip: Recorder,
    /// The counts.
    pub counters: Counters,
    /// The errors, by cause.
    pub errors: Errors,
}

impl Stats {
    /// Adds another thread's, or another second's.
    pub fn merge(&mut self, other: &mut Self) {
        self.from_intended.merge(&mut other.from_intended);
        self.from_send.merge(&mut other.from_send);
        self.slip.merge(&mut other.slip);
        self.counters.merge(&other.counters);
        self.errors.merge(&other.errors);
    }

    /// Forgets everything, and keeps the memory.
    pub fn reset(&mut self) {
        self.from_intended.reset();
        self.from_send.reset();
        self.slip.reset();
        self.counters = Counters::default();
        self.errors.0.clear();
    }
}

/// The opening handshakes of one thread, by phase.
#[derive(Debug, Clone, Default)]
pub struct HandshakeStats {
    /// Name resolution.
    pub dns: Recorder,
    /// The TCP (or Unix socket) connection.
    pub tcp: Recorder,
    /// The TLS handshake.
    pub tls: Recorder,
    /// The upgrade.
    pub upgrade: Recorder,
    /// How many connections were opened.
    pub count: u64,
}

impl HandshakeStats {
    /// Adds another thread's.
    pub fn merge(&mut self, other: &mut Self) {
        self.dns.merge(&mut other.dns);
        self.tcp.merge(&mut other.tcp);
        self.tls.merge(&mut other.tls);
        self.upgrade.merge(&mut other.upgrade);
        self.count += other.count;
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

    #[test]
    fn a_reset_recorder_starts_anew() {
        let mut recorder = Recorder::default();
        recorder.record(5);
        recorder.record(5);
        recorder.reset();
        recorder.record(5);
        assert_eq!(recorder.histogram().len(), 1);
    }
}
