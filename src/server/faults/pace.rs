//! How fast bytes are written. A leaf.

use std::time::Duration;

/// How fast bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How many at once.
    pub(crate) chunk_bytes: usize,
    /// How long before the next.
    pub(crate) pause: Duration,
}
