//! A rule whose answer provokes its next match.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// So many records in a row within [`WITHIN`], taken by one rule, are a storm.
pub(super) const RECORDS: usize = 1_000;
const WITHIN: Duration = Duration::from_secs(1);

/// The records that one rule has taken in a row.
#[derive(Debug, Default)]
pub(super) struct Storm {
    rule: usize,
    times: VecDeque<Instant>,
}

impl Storm {
    /// This rule takes another record; whether that is one too many.
    pub(super) fn is_one(&mut self, rule: usize, now: Instant) -> bool {
        if self.rule != rule {
            self.rule = rule;
            self.times.clear();
        }
        self.times.push_back(now);
        if self.times.len() < RECORDS {
            return false;
        }
        let first = self.times.pop_front();
        first.is_some_and(|first| now.saturating_duration_since(first) <= WITHIN)
    }
}
