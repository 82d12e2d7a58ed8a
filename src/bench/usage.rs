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
