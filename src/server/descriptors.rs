//! How many connections the file descriptors of the process are enough for.
//!
//! When the last one is used up, nobody can be told so, and operators are shut out with
//! the clients. So a part is kept back: for operators, for answers to those who are
//! refused, for files, and for the log.

/// The most that is kept back.
const MOST_KEPT_BACK: usize = 192;

/// The least: a few of each.
const LEAST_KEPT_BACK: usize = 16;

/// How many sockets of clients there may be at a time; `None` where the system has no
/// limit that we know of. Asked once all else is open that the server needs.
pub(crate) fn room_for_clients() -> Option<usize> {
    let limit = usize::try_from(limit()?).ok()?;
    // What counts them is one itself.
    let used = std::fs::read_dir("/proc/self/fd").map_or(32, Iterator::count);
    Some(room(limit, used))
}

fn room(limit: usize, used: usize) -> usize {
    let kept_back = (limit / 8).clamp(LEAST_KEPT_BACK, MOST_KEPT_BACK);
    limit.saturating_sub(used + kept_back).max(1)
}

/// The limit of descriptors, raised as far as the system lets us; `None` for none.
#[cfg(unix)]
pub(crate) fn limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        // A system that refuses leaves it where it was.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    getrlimit(Resource::Nofile).current
}

/// Sockets are no descriptors there.
#[cfg(not(unix))]
pub(crate) fn limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_back() {
        for (limit, used, expected) in [
            (60, 20, 24),
            (20, 20, 1),
            (1024, 24, 872),
            (1 << 20, 24, (1 << 20) - 24 - 192),
        ] {
            assert_eq!(room(limit, used), expected, "{limit} {used}");
        }
    }
}
