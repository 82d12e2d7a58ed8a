//! A log that goes to a pipe, a socket or a terminal: written by a thread of
//! its own, because who reads it may stop reading.
//!
//! ```text
//! push ──▶ queue of at most 4 MiB ──▶ thread ──▶ write, which may block
//!            full: wait for room, but not for a reader that has stopped
//! ```

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How much may wait to be written.
const QUEUE_BYTES: usize = 4 << 20;

/// How long a reader may take nothing before it counts as stopped.
pub(super) const STALL: Duration = Duration::from_millis(500);

/// A stream that is written to by a thread.
#[derive(Debug)]
pub(super) struct StreamFile {
    shared: Arc<Shared>,
    /// Whether its reader has stopped, as far as is known.
    is_stalled: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something was queued, written, or given up.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<String>,
    /// The bytes in the queue, and in the write under way.
    bytes: usize,
    /// Lines in the queue, and in the write under way.
    lines: usize,
    /// How many lines the thread has done with.
    done: u64,
    /// Lines that could not be written, and why the last one could not.
    failed: u64,
    error: Option<io::Error>,
    is_closed: bool,
    /// Whether it could be opened: a FIFO waits for its reader.
    is_open: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is queued until the stream is closed.
    fn write_out(&self, open: impl FnOnce() -> io::Result<File>) {
        let mut file = open();
        let mut state = self.state();
        state.is_open = true;
        loop {
            let Some(line) = state.queue.pop_front() else {
                if state.is_closed {
                    return;
                }
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            let result = match &mut file {
                Ok(file) => file.write_all(line.as_bytes()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            state = self.state();
            state.bytes -= line.len();
            state.lines -= 1;
            state.done += 1;
            if let Err(error) = result {
                state.failed += 1;
                state.error = Some(error);
            }
            self.changed.notify_all();
        }
    }
}

impl StreamFile {
    /// Starts the thread, which opens the stream: that may wait as well.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start(
        open: impl FnOnce() -> io::Result<File> + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        thread::Builder::new()
            .name("log".into())
            .spawn(move || writer.write_out(open))?;
        Ok(Self {
            shared,
            is_stalled: false,
        })
    }

    /// Queues a line. Returns how many lines could not be written since the
    /// last call, and why.
    ///
    /// # Errors
    /// The queue is full, and the reader has stopped: this line is not in it.
    pub(super) fn push(&mut self, line: &str) -> Result<Option<(u64, io::Error)>, io::Error> {
        let mut state = self.shared.state();
        if state.bytes >= QUEUE_BYTES && !self.is_stalled {
            let before = state.done;
            let full = |state: &mut State| state.bytes >= QUEUE_BYTES && state.done == before;
            let waited = self.shared.changed.wait_timeout_while(state, STALL, full);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.bytes >= QUEUE_BYTES {
            self.is_stalled = true;
            return Err(io::Error::other("what reads it has stopped reading"));
        }
        self.is_stalled = false;
        state.bytes += line.len();
        state.lines += 1;
        state.queue.push_back(line.to_owned());
        let failed = take_failures(&mut state);
        drop(state);
        self.shared.changed.notify_all();
        Ok(failed)
    }

    /// How many lines have not been written.
    pub(super) fn unwritten(&self) -> usize {
        self.shared.state().lines
    }

    /// Whether it still waits for somebody to read it.
    pub(super) fn is_opening(&self) -> bool {
        !self.shared.state().is_open
    }

    /// Lines that could not be written since the last call, and why.
    pub(super) fn failures(&self) -> Option<(u64, io::Error)> {
        take_failures(&mut self.shared.state())
    }

    /// Gives up what is in the queue, and says how much that is. A write that
    /// blocks is left to itself.
    pub(super) fn give_up(&mut self) -> u64 {
        let mut state = self.shared.state();
        state.queue.clear();
        state.is_closed = true;
        let lines = std::mem::take(&mut state.lines);
        // The thread takes the line away that it is at.
        state.lines = usize::from(lines > 0);
        drop(state);
        self.shared.changed.notify_all();
        lines as u64
    }
}

fn take_failures(state: &mut State) -> Option<(u64, io::Error)> {
    let failed = std::mem::take(&mut state.failed);
    state.error.take().map(|error| (failed, error))
}

impl Drop for StreamFile {
    /// Waits for a reader that reads.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let was_closed = std::mem::replace(&mut state.is_closed, true);
        self.shared.changed.notify_all();
        let mut before = None;
        while !was_closed && state.lines > 0 && before != Some(state.done) {
            before = Some(state.done);
            let waits = |state: &mut State| state.lines > 0 && Some(state.done) == before;
            let waited = self.shared.changed.wait_timeout_while(state, STALL, waits);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
