//! The state of the terminal, put back on every way out.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::sync::{Arc, Mutex};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Turns bracketed paste off and shows the cursor: modes of the terminal
/// itself, which termios does not hold.
const RESET: &[u8] = b"\x1b[?2004l\x1b[?25h";

/// The terminal on stdin as it was found. Put back when this is dropped, when
/// the program panics, and by [`SavedTerminal::restore`].
#[derive(Debug)]
pub struct SavedTerminal {
    found: Arc<Mutex<Option<Termios>>>,
}

impl SavedTerminal {
    /// Remembers the terminal, and keeps it from echoing what is typed while
    /// no line is being edited; `None` where stdin is no terminal.
    pub fn save() -> Option<Self> {
        let found = tcgetattr(io::stdin()).ok()?;
        let mut quiet = found.clone();
        // The line editor switches to its own mode and back to this one. What
        // is typed in between is neither shown nor held back for a line end.
        quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON);
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &quiet);
        let saved = Self {
            found: Arc::new(Mutex::new(Some(found))),
        };
        saved.restore_on_panic();
        Some(saved)
    }

    /// Puts the terminal back. Does nothing the second time.
    pub fn restore(&self) {
        restore(&self.found);
    }

    /// The message of a panic must be readable, and so must the shell be that
    /// comes after it.
    fn restore_on_panic(&self) {
        let found = Arc::clone(&self.found);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore(&found);
            before(info);
        }));
    }
}

impl Drop for SavedTerminal {
    fn drop(&mut self) {
        self.restore();
    }
}

fn restore(found: &Mutex<Option<Termios>>) {
    let Ok(mut found) = found.lock() else {
        return;
    };
    let Some(found) = found.take() else {
        return;
    };
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &found);
    let mut stdout = io::stdout();
    if stdout.is_terminal() {
        let _ = stdout.write_all(RESET).and_then(|()| stdout.flush());
    }
}

/// Clears the row of the cursor and what is below it.
pub fn clear_row() {
    let mut stdout = io::stdout();
    if stdout.is_terminal() {
        let _ = stdout.write_all(b"\r\x1b[J").and_then(|()| stdout.flush());
    }
}
