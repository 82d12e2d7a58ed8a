//! Durations, counted in buckets whose bounds are those of Prometheus.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The upper bounds of the buckets, in microseconds; one more takes the rest.
pub(crate) const BOUNDS_US: [u64; 15] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000,
];

/// How often each range of durations occurred, and their sum.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many were up to each bound and above the one before; the last has none.
    pub(crate) counts: [u64; BOUNDS_US.len() + 1],
    /// Their sum in microseconds.
    pub(crate) sum_us: u64,
}

impl Histogram {
    pub(crate) fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < micros);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.sum_us.fetch_add(micros, Relaxed);
    }
}

impl Durations {
    /// Adds what another has counted.
    pub(crate) fn add(&mut self, other: &Histogram) {
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum += count.load(Relaxed);
        }
        self.sum_us += other.sum_us.load(Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_up_to_their_bounds() {
        let histogram = Histogram::default();
        for micros in [0, 50, 51, 5_000_000, 5_000_001] {
            histogram.record(Duration::from_micros(micros));
        }
        let mut durations = Durations::default();
        durations.add(&histogram);
        assert_eq!(durations.counts[..2], [2, 1]);
        assert_eq!(durations.counts[14..], [1, 1]);
        assert_eq!(durations.sum_us, 10_000_102);
    }
}
