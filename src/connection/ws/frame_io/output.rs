//! A buffer that holds memory only while it holds bytes.

/// Bytes on their way to the reader.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    start: usize,
}

impl Output {
    /// What has not been taken.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Whether all has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.bytes.len()
    }

    /// Takes `count` bytes off the front, and gives the memory back with the
    /// last of them.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// The memory it holds, in bytes.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Replaces what there is by `bytes` from `start` on.
    pub(super) fn set(&mut self, bytes: Vec<u8>, start: usize) {
        *self = Self { bytes, start };
    }
}
