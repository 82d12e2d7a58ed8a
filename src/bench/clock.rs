//! The run's clock: nanoseconds since the run began, monotonic.

use std::time::{Duration, Instant};

/// A clock that all threads of a run share.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            epoch: Instant::now(),
        }
    }

    /// Nanoseconds since the start.
    pub fn now_ns(&self) -> u64 {
        to_ns(self.epoch.elapsed())
    }
}

/// A duration in nanoseconds; 584 years and more are one value.
pub fn to_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
