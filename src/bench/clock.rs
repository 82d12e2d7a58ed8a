//! The run's clock: nanoseconds since the run began, monotonic.

use std::time::Duration;

/// A clock that all threads of a run share.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Moment,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            epoch: Moment::now(),
        }
    }

    /// Nanoseconds since the start.
    pub fn now_ns(&self) -> u64 {
        self.epoch.elapsed_ns()
    }
}

/// A duration in nanoseconds; 584 years and more are one value.
pub fn to_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment of the system's monotonic clock, in nanoseconds. It is asked for
/// twice a message; `Instant` would cost half as much again.
#[cfg(unix)]
#[derive(Debug, Clone, Copy)]
struct Moment(u64);

#[cfg(unix)]
impl Moment {
    fn now() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        // Neither part of a monotonic time is negative.
        #[expect(clippy::cast_sign_loss)]
        Self(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    }

    fn elapsed_ns(self) -> u64 {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(not(unix))]
#[derive(Debug, Clone, Copy)]
struct Moment(std::time::Instant);

#[cfg(not(unix))]
impl Moment {
    fn now() -> Self {
        Self(std::time::Instant::now())
    }

    fn elapsed_ns(self) -> u64 {
        to_ns(self.0.elapsed())
    }
}

/// The moments of a run, in nanoseconds of its clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) start_ns: u64,
    pub(super) measure_ns: u64,
    pub(super) end_ns: u64,
}

impl Times {
    /// Of a load that has not begun: nothing is measured, and nothing sent.
    pub(super) const NEVER: Self = Self {
        start_ns: u64::MAX,
        measure_ns: u64::MAX,
        end_ns: u64::MAX,
    };

    /// Whether something that is meant to happen then is measured: otherwise
    /// it belongs to the warm-up.
    pub(super) fn is_measured(&self, intended_ns: u64) -> bool {
        intended_ns >= self.measure_ns
    }
}
