//! What the client itself uses.

use std::time::Duration;

/// The processor time of the calling thread.
#[cfg(unix)]
pub(super) fn thread_cpu() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// The processor time of the calling thread: unknown on this platform.
#[cfg(not(unix))]
pub(super) fn thread_cpu() -> Duration {
    Duration::ZERO
}

/// How long the calling thread could have run and waited for a processor;
/// `None` where the system does not tell.
pub(super) fn thread_waited() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    // Time on the processor, time waited for it, turns: in nanoseconds.
    let waited_ns = stat.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(waited_ns))
}

/// What a thread has used so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThreadUse {
    at_ns: u64,
    cpu: Duration,
    waited: Option<Duration>,
}

impl ThreadUse {
    /// Of the calling thread, at this time of the run.
    pub(super) fn now(at_ns: u64) -> Self {
        Self {
            at_ns,
            cpu: thread_cpu(),
            waited: thread_waited(),
        }
    }

    /// From this one to a later one: processor time, time waited for a
    /// processor, and how long that took.
    pub(super) fn until(&self, later: &Self) -> (Duration, Option<Duration>, Duration) {
        let waited = match (self.waited, later.waited) {
            (Some(from), Some(to)) => Some(to.saturating_sub(from)),
            _ => None,
        };
        (
            later.cpu.saturating_sub(self.cpu),
            waited,
            Duration::from_nanos(later.at_ns.saturating_sub(self.at_ns)),
        )
    }
}

/// A figure of this process's memory, in bytes; `None` where the system does
/// not tell.
fn memory(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line
        .trim_start_matches(':')
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    Some(kib << 10)
}

/// The largest resident memory so far.
pub(super) fn max_rss_bytes() -> Option<u64> {
    memory("VmHWM")
}

/// The resident memory now.
pub(super) fn rss_bytes() -> Option<u64> {
    memory("VmRSS")
}
