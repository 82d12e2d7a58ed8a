//! What is not shown while the log is paused.

use std::collections::VecDeque;

/// What came while the log is paused: the last of it, within a limit.
#[derive(Debug, Default)]
pub(super) struct Paused {
    pub(super) texts: VecDeque<String>,
    bytes: usize,
    /// How many earlier texts had to go.
    pub(super) left_out: usize,
}

impl Paused {
    const MAX_BYTES: usize = 256 << 10;

    pub(super) fn add(&mut self, lines: String) {
        self.bytes += lines.len();
        self.texts.push_back(lines);
        while self.bytes > Self::MAX_BYTES && self.texts.len() > 1 {
            let Some(lines) = self.texts.pop_front() else {
                return;
            };
            self.bytes -= lines.len();
            self.left_out += 1;
        }
    }
}
