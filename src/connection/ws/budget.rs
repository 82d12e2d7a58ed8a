//! What the messages that have begun and not ended may take together. A leaf.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What each connection may hold of an unfinished message besides, in bytes: so much
/// is not worth counting, and is left to who has little to say when all else is taken.
const FREE_BYTES: usize = 64 << 10;

/// A bound on the memory of unfinished messages, for many connections together.
#[derive(Debug)]
pub struct MessageBudget {
    left: AtomicUsize,
}

impl MessageBudget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(bytes),
        })
    }
}

/// A connection's part of a budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Arc<MessageBudget>,
    bytes: usize,
}

impl Reserved {
    pub(crate) const fn new(budget: Arc<MessageBudget>) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Reserves what an unfinished message of so many bytes takes; `false` where there
    /// is no room for it.
    #[must_use]
    pub(crate) fn set(&mut self, bytes: u64) -> bool {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let bytes = bytes.saturating_sub(FREE_BYTES);
        if bytes > self.bytes {
            let more = bytes - self.bytes;
            let left = &self.budget.left;
            let taken = left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(more));
            if taken.is_err() {
                return false;
            }
        } else if bytes < self.bytes {
            self.budget.left.fetch_add(self.bytes - bytes, Relaxed);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_budget_is_shared_and_given_back() {
        let budget = MessageBudget::new(100);
        let mut one = Reserved::new(Arc::clone(&budget));
        let mut other = Reserved::new(Arc::clone(&budget));
        let free = FREE_BYTES as u64;
        assert!(one.set(free + 60));
        assert!(!other.set(free + 50));
        assert!(other.set(free) && other.set(free + 40));
        assert!(one.set(free + 10));
        assert!(other.set(free + 90));
        drop(other);
        assert!(one.set(free + 100));
        assert!(!one.set(free + 101));
    }
}
