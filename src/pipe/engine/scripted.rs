//! A script, and what its owner knows of times. A leaf.

use std::time::Duration;

use tokio::time::Instant;

use crate::script::{Run, RunConfig};
use crate::talk::Kind;

/// What is read without a pause for longer than this has come while it was read.
const BURST: Duration = Duration::from_secs(1);

/// A script, and what its owner knows of times.
pub(super) struct Script {
    pub(super) run: Run,
    /// When the step in progress is over.
    pub(super) due: Option<Instant>,
    /// When there was last nothing to read: what is read now came after that, how long
    /// ever this machine took to read it.
    nothing_at: Instant,
    reading_since: Option<Instant>,
}

impl Script {
    pub(super) fn new(config: RunConfig, now: Instant) -> Self {
        Self {
            run: Run::new(config, now),
            due: None,
            nothing_at: now,
            reading_since: None,
        }
    }

    /// There is nothing to read.
    pub(super) fn nothing(&mut self, now: Instant) {
        self.nothing_at = now;
        self.reading_since = None;
    }

    /// There is nothing to read that came before now.
    pub(super) fn passed(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.run.passed(now);
        }
    }

    pub(super) fn arrived(&mut self, message: &Kind, now: Instant) {
        let Some(message) = message.clone().into_message() else {
            return;
        };
        let since = *self.reading_since.get_or_insert(now);
        let after = match now.saturating_duration_since(since) < BURST {
            true => self.nothing_at,
            false => now,
        };
        self.run.arrived(&message.into_bytes(), after, now);
    }
}
