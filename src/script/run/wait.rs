//! A step that waits for what comes. A leaf.

use tokio::time::Instant;

use crate::script::inbox::Record;
use crate::script::pattern::Pattern;

/// A step that waits.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) since: Instant,
    /// Its pattern, with the values of its templates.
    pub(super) pattern: Option<Pattern>,
    pub(super) passed: u64,
    pub(super) nearest: Option<Vec<String>>,
    pub(super) is_over: bool,
}

impl Wait {
    /// Remembers in what the record that is nearest to the pattern differs.
    pub(super) fn pass_over(&mut self, record: &Record) {
        self.passed += 1;
        let Some(pattern) = &self.pattern else { return };
        let Some(differences) = pattern.differences(record) else {
            return;
        };
        // Where nothing is alike, the differences are of no use.
        let is_near = differences.len() < pattern.leaves().max(2);
        let nearest = self.nearest.as_ref().map_or(usize::MAX, Vec::len);
        if is_near && differences.len() <= nearest {
            self.nearest = Some(differences);
        }
    }
}
