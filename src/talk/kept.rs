//! The last lines of the log, in memory: what `/log save` writes.

use std::collections::VecDeque;

/// What a line costs besides its bytes.
const OVERHEAD_BYTES: usize = 32;

/// The last lines, within a limit of memory.
#[derive(Debug)]
pub struct Kept {
    lines: VecDeque<Box<str>>,
    bytes: usize,
    limit_bytes: usize,
    dropped: u64,
}

impl Kept {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            bytes: 0,
            limit_bytes,
            dropped: 0,
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.limit_bytes > 0
    }

    pub(super) fn push(&mut self, line: String) {
        if !self.is_on() {
            return;
        }
        if line.len() + OVERHEAD_BYTES > self.limit_bytes {
            // Rather one gap than nothing else left.
            self.dropped += 1;
            return;
        }
        self.bytes += line.len() + OVERHEAD_BYTES;
        self.lines.push_back(line.into_boxed_str());
        while self.bytes > self.limit_bytes {
            let Some(line) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= line.len() + OVERHEAD_BYTES;
            self.dropped += 1;
        }
    }

    /// The lines, each with its line feed.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lines.iter().map(AsRef::as_ref)
    }

    /// How many earlier lines had to go.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.bytes = 0;
        self.dropped = 0;
    }
}
