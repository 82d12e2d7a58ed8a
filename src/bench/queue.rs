//! The connections of a thread that have something to do.
//!
//! Each connection has a waker of its own that puts its slot on the list, so a
//! readiness event costs no task, and no lock that another thread wants.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// The list of slots to look at.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<QueueInner>,
}

#[derive(Debug, Default)]
struct QueueInner {
    slots: VecDeque<usize>,
    task: Option<Waker>,
}

impl Queue {
    pub(super) fn push(&self, slot: usize) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.slots.push_back(slot);
        if inner.slots.len() == 1
            && let Some(task) = &inner.task
        {
            task.wake_by_ref();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.slots.is_empty()
    }

    /// Moves the first of the list, so many at most, to `into`. The task is
    /// woken for the rest.
    pub(super) fn take(&self, cx: &Context<'_>, most: usize, into: &mut Vec<usize>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let count = most.min(inner.slots.len());
        into.extend(inner.slots.drain(..count));
        if !inner.slots.is_empty() {
            cx.waker().wake_by_ref();
        }
        if !inner.task.as_ref().is_some_and(|t| t.will_wake(cx.waker())) {
            inner.task = Some(cx.waker().clone());
        }
    }
}

/// A waker that puts `slot` on the list.
pub(super) fn slot_waker(slot: usize, queue: &Arc<Queue>) -> Waker {
    Waker::from(Arc::new(SlotWaker {
        slot,
        queue: Arc::clone(queue),
    }))
}

struct SlotWaker {
    slot: usize,
    queue: Arc<Queue>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.queue.push(self.slot);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.queue.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_batch_is_the_front_of_the_list_and_the_task_is_woken_for_the_rest() {
        let queue = Queue::default();
        (0..5).for_each(|slot| queue.push(slot));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let cx = Context::from_waker(&waker);
        let mut taken = Vec::new();
        queue.take(&cx, 3, &mut taken);
        assert_eq!(
            (taken.as_slice(), queue.is_empty()),
            (&[0, 1, 2][..], false)
        );
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        queue.take(&cx, 3, &mut taken);
        assert_eq!(
            (taken.as_slice(), queue.is_empty()),
            (&[0, 1, 2, 3, 4][..], true)
        );
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        // One that comes to an empty list wakes it again.
        queue.push(7);
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    }
}
