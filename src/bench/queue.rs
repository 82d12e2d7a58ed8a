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
