//! Lines for a terminal on which somebody types.
//!
//! A thread of its own joins what has come in into one print, at most 30
//! times a second, and prints only while that cannot touch the typed line:
//! the [`Gate`] says when. Nobody who hands in lines ever waits. When the
//! terminal cannot follow, the oldest lines are left out, and their number is
//! said in their place.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The time between two prints.
const PERIOD: Duration = Duration::from_millis(33);

/// How much one print takes at most, unless one line alone is longer.
const MAX_PRINT_BYTES: usize = 64 << 10;

/// How much may wait to be printed.
const MAX_WAITING_BYTES: usize = 1 << 20;

/// How long the line editor waits for a print that has begun. A print hands
/// its text over without delay, unless the editor has not taken the one
/// before; then it goes to the editor's next line, and nothing is lost.
const HAND_OVER: Duration = Duration::from_millis(5);

/// Where the text goes.
pub type Sink = Box<dyn FnMut(String) -> io::Result<()> + Send>;

/// Says when a print cannot touch what is being typed.
///
/// The line editor takes prints while it edits a line. Between two lines its
/// printer would write at once, into the row of the line that was just
/// entered, and ahead of prints that it has taken and not shown yet.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    open: bool,
    printing: bool,
    /// No row is painted any more.
    ended: bool,
    /// The line editor has noticed that, and stands still.
    stands: bool,
}

/// How long the line editor has to stand still at the end, where the time for the last
/// prints is over.
const STANDS_WITHIN: Duration = Duration::from_millis(200);

impl Gate {
    /// A gate that is shut.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Prints may go through from now on.
    pub fn open(&self) {
        lock(&self.state).open = true;
        self.changed.notify_all();
    }

    /// The line editor is about to paint the typed line. At the end of the program
    /// this does not return: what is painted then would stand before the prompt of
    /// the shell.
    pub fn painting(&self) {
        let mut state = lock(&self.state);
        while state.ended {
            state.stands = true;
            self.changed.notify_all();
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets the line editor stand still from its next paint on, and waits until it
    /// does; `false` when this much time has passed before.
    fn end(&self, limit: Duration) -> bool {
        let mut state = lock(&self.state);
        state.ended = true;
        let waited = self
            .changed
            .wait_timeout_while(state, limit, |state| !state.stands);
        waited.unwrap_or_else(PoisonError::into_inner).0.stands
    }

    /// No print goes through from now on.
    pub fn shut(&self) {
        let mut state = lock(&self.state);
        state.open = false;
        let _ = self
            .changed
            .wait_timeout_while(state, HAND_OVER, |state| state.printing);
    }

    /// Waits until the gate is open, and begins a print; `false` when `until`
    /// has passed before.
    fn enter(&self, until: Instant) -> bool {
        let mut state = lock(&self.state);
        while !state.open {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.printing = true;
        true
    }

    fn leave(&self) {
        lock(&self.state).printing = false;
        self.changed.notify_all();
    }
}

/// Hands lines to the printing thread. Cheap to clone.
#[derive(Clone)]
pub struct Printer {
    shared: Arc<Shared>,
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer").finish_non_exhaustive()
    }
}

/// The printing thread, to be finished at the end.
#[derive(Debug)]
pub struct PrinterThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    texts: VecDeque<String>,
    bytes: usize,
    left_out: u64,
    /// Everything is to be printed by then, and the thread to end.
    finish_by: Option<Instant>,
    finished: bool,
}

impl Printer {
    /// Starts the thread. `fence` is a text that shows nothing, for a line editor:
    /// when it has been handed over, the editor is at the last print before it, or
    /// past that, and its next paint is one that the end of the program can do
    /// without.
    pub fn spawn(
        sink: Sink,
        gate: Arc<Gate>,
        fence: Option<&'static str>,
    ) -> (Self, PrinterThread) {
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            shared: Arc::clone(&shared),
            gate,
            sink,
            fence,
            last: None,
        };
        let thread = thread::Builder::new()
            .name("printer".into())
            .spawn(move || worker.run())
            .ok();
        let printer = Self {
            shared: Arc::clone(&shared),
        };
        (printer, PrinterThread { shared, thread })
    }

    /// Prints whole lines, each with its line feed.
    pub fn print(&self, lines: String) {
        if lines.is_empty() {
            return;
        }
        let mut waiting = lock(&self.shared.waiting);
        waiting.bytes += lines.len();
        waiting.texts.push_back(lines);
        while waiting.bytes > MAX_WAITING_BYTES && waiting.texts.len() > 1 {
            if let Some(lines) = waiting.texts.pop_front() {
                waiting.bytes -= lines.len();
                waiting.left_out += 1;
            }
        }
        drop(waiting);
        self.shared.changed.notify_all();
    }
}

impl PrinterThread {
    /// Prints what is left, for at most `limit`, and ends the thread.
    pub fn finish(mut self, limit: Duration) {
        let until = Instant::now() + limit;
        lock(&self.shared.waiting).finish_by = Some(until);
        self.shared.changed.notify_all();
        let waiting = lock(&self.shared.waiting);
        let left = until.saturating_duration_since(Instant::now()) + STANDS_WITHIN;
        let result = self
            .shared
            .changed
            .wait_timeout_while(waiting, left, |waiting| !waiting.finished);
        let finished = result.is_ok_and(|(waiting, _)| waiting.finished);
        if let (true, Some(thread)) = (finished, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    sink: Sink,
    fence: Option<&'static str>,
    last: Option<Instant>,
}

impl Worker {
    fn run(mut self) {
        while self.wait_for_text() {
            self.keep_pace();
            if !self.print_next() {
                break;
            }
        }
        if let Some(fence) = self.fence {
            if self.enter_gate() {
                // Without it the editor would stand still all the same, or has
                // gone.
                let _ = (self.sink)(fence.to_owned());
                self.gate.leave();
            }
            if !self.gate.end(STANDS_WITHIN) {
                // It has not come so far, as on a busy machine, or was past the fence
                // before the end was told and has painted its line: another fence
                // takes that away. The first may still be on its way, and this one
                // wait for ever.
                let mut sink = self.sink;
                thread::spawn(move || sink(fence.to_owned()));
                let finish_by = lock(&self.shared.waiting).finish_by;
                let left = finish_by.map(|by| by.saturating_duration_since(Instant::now()));
                self.gate.end(left.unwrap_or_default().max(STANDS_WITHIN));
            }
        }
        lock(&self.shared.waiting).finished = true;
        self.shared.changed.notify_all();
    }

    /// Waits for something to print; `false` when nothing will come.
    fn wait_for_text(&self) -> bool {
        let mut waiting = lock(&self.shared.waiting);
        while waiting.texts.is_empty() {
            if waiting.finish_by.is_some() {
                return false;
            }
            let waited = self.shared.changed.wait(waiting);
            waiting = waited.unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Lets the rest of a period pass, so that more lines can gather.
    fn keep_pace(&self) {
        let Some(last) = self.last else {
            return;
        };
        let mut waiting = lock(&self.shared.waiting);
        while waiting.finish_by.is_none() {
            let left = PERIOD.saturating_sub(last.elapsed());
            if left.is_zero() {
                return;
            }
            let waited = self.shared.changed.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// One print; `false` when nothing can be printed any more.
    fn print_next(&mut self) -> bool {
        if !self.enter_gate() {
            return false;
        }
        // What has come in while the gate was shut goes along.
        let text = self.take();
        self.last = Some(Instant::now());
        let result = (self.sink)(text);
        self.gate.leave();
        result.is_ok()
    }

    /// Waits for the gate; `false` when the time for all prints is over.
    fn enter_gate(&self) -> bool {
        loop {
            let finish_by = lock(&self.shared.waiting).finish_by;
            let now = Instant::now();
            let until = finish_by.map_or(now + PERIOD, |by| by.min(now + PERIOD));
            if self.gate.enter(until) {
                return true;
            }
            if finish_by.is_some_and(|by| by <= Instant::now()) {
                return false;
            }
        }
    }

    fn take(&self) -> String {
        let mut waiting = lock(&self.shared.waiting);
        let mut text = String::new();
        if waiting.left_out > 0 {
            let left_out = std::mem::take(&mut waiting.left_out);
            text = format!(
                "* {left_out} entries are not shown: they came faster than this terminal shows them; --log keeps all\n"
            );
        }
        while let Some(next) = waiting.texts.front() {
            if !text.is_empty() && text.len() + next.len() > MAX_PRINT_BYTES {
                break;
            }
            waiting.bytes -= next.len();
            text.extend(waiting.texts.pop_front());
        }
        text
    }
}

/// A panic elsewhere leaves these states whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn channel_sink() -> (Sink, mpsc::Receiver<String>) {
        let (sender, receiver) = mpsc::channel();
        let sink = Box::new(move |text| {
            sender
                .send(text)
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
        });
        (sink, receiver)
    }

    #[test]
    fn a_shut_gate_lets_nothing_through_and_then_everything_at_once() {
        let gate = Gate::new();
        let (sink, prints) = channel_sink();
        let (printer, thread) = Printer::spawn(sink, Arc::clone(&gate), None);
        for n in 0..10 {
            printer.print(format!("{n}\n"));
        }
        assert!(prints.try_recv().is_err());
        gate.open();
        assert_eq!(prints.recv().unwrap(), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
        gate.shut();
        printer.print("late\n".into());
        gate.open();
        thread.finish(Duration::from_secs(10));
        assert_eq!(prints.recv().unwrap(), "late\n");
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_counted() {
        let gate = Gate::new();
        let (sink, prints) = channel_sink();
        let (printer, thread) = Printer::spawn(sink, Arc::clone(&gate), None);
        for _ in 0..2 * MAX_WAITING_BYTES / 1024 {
            printer.print(format!("{}\n", "x".repeat(1023)));
        }
        gate.open();
        thread.finish(Duration::from_secs(10));
        let shown: String = prints.iter().collect();
        assert!(shown.starts_with("* 1024 entries are not shown"));
        assert_eq!(shown.lines().count(), 1 + 1024);
    }

    #[test]
    fn nothing_is_painted_after_the_end_and_no_stray_prompt_is_left() {
        // An editor that takes one print at a time, shows it, and paints its line.
        let gate = Gate::new();
        let (sender, prints) = mpsc::sync_channel::<String>(1);
        let screen = Arc::new(Mutex::new(String::new()));
        let (shown, painting) = (Arc::clone(&screen), Arc::clone(&gate));
        thread::spawn(move || {
            for text in prints {
                lock(&shown).push_str(&text);
                painting.painting();
                lock(&shown).push_str("prompt> ");
            }
        });
        let sink = Box::new(move |text| sender.send(text).map_err(io::Error::other));
        let (printer, thread) = Printer::spawn(sink, Arc::clone(&gate), Some("fence"));
        gate.open();
        printer.print("last words\n".into());
        thread.finish(Duration::from_secs(10));
        let at_the_end = lock(&screen).clone();
        assert!(at_the_end.contains("last words\n"), "{at_the_end}");
        assert!(!at_the_end.ends_with("prompt> "), "{at_the_end}");
        assert!(lock(&gate.state).stands);
    }

    #[test]
    fn no_stray_prompt_is_left_by_an_editor_that_is_past_the_fence() {
        let gate = Gate::new();
        let (sender, prints) = mpsc::sync_channel::<String>(1);
        let screen = Arc::new(Mutex::new(String::new()));
        let (shown, painting) = (Arc::clone(&screen), Arc::clone(&gate));
        let (painted, has_painted) = mpsc::channel();
        thread::spawn(move || {
            for text in prints {
                lock(&shown).push_str(&text);
                painting.painting();
                lock(&shown).push_str("prompt> ");
                let _ = painted.send(());
            }
        });
        // A print counts as handed over when its line has been painted again.
        let sink = Box::new(move |text| {
            sender.send(text).map_err(io::Error::other)?;
            let _ = has_painted.recv_timeout(Duration::from_secs(60));
            Ok(())
        });
        let (printer, thread) = Printer::spawn(sink, Arc::clone(&gate), Some("fence"));
        gate.open();
        printer.print("last words\n".into());
        thread.finish(Duration::from_secs(10));
        let at_the_end = lock(&screen).clone();
        assert!(at_the_end.contains("last words\n"), "{at_the_end}");
        assert!(!at_the_end.ends_with("prompt> "), "{at_the_end}");
        assert!(lock(&gate.state).stands);
    }

    #[test]
    fn the_end_does_not_wait_for_a_gate_that_stays_shut() {
        let (sink, prints) = channel_sink();
        let (printer, thread) = Printer::spawn(sink, Gate::new(), None);
        printer.print("never\n".into());
        thread.finish(Duration::from_millis(50));
        drop(printer);
        assert!(prints.try_iter().next().is_none());
    }
}
