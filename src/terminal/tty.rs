//! The state of the terminal, put back on every way out.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::sync::{Arc, Mutex, PoisonError};

/// Turns bracketed paste off, shows the cursor, and ends an update that the line editor
/// was stopped in: modes of the terminal itself, which the system does not hold.
const RESET: &str = "\x1b[?2026l\x1b[?2004l\x1b[?25h";

/// Turns bracketed paste on again.
const PASTE_ON: &str = "\x1b[?2004h";

/// Whether what is written to stdout is looked at.
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether progress is read by a person.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether the process has a controlling terminal that is still open, whatever its
/// standard streams are.
pub fn is_controlled() -> bool {
    #[cfg(unix)]
    {
        std::fs::File::open("/dev/tty").is_ok()
    }
    #[cfg(not(unix))]
    {
        false
    }
}

/// The terminal on stdin as it was found. Put back when this is dropped and
/// when the program panics.
#[derive(Debug)]
pub struct SavedTerminal {
    found: Found,
}

/// A handle on a [`SavedTerminal`] for the thread that edits lines.
#[derive(Debug, Clone)]
pub struct Suspender {
    found: Found,
}

type Found = Arc<Mutex<Option<system::Modes>>>;

impl SavedTerminal {
    /// Remembers the terminal, and keeps it from echoing what is typed while
    /// no line is being edited; `None` where stdin is no terminal.
    pub fn save() -> Option<Self> {
        let found = system::modes()?;
        // The line editor switches to its own mode and back to this one. What
        // is typed in between is neither shown nor held back for a line end.
        system::set(&system::quiet(&found));
        let saved = Self {
            found: Arc::new(Mutex::new(Some(found))),
        };
        saved.restore_on_panic();
        Some(saved)
    }

    /// A handle that can suspend the program.
    pub fn suspender(&self) -> Suspender {
        Suspender {
            found: Arc::clone(&self.found),
        }
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
        restore(&self.found);
    }
}

impl Suspender {
    /// Puts the terminal back, stops the program as Ctrl-Z does, and when it
    /// goes on, sets the terminal as it was before the stop.
    pub fn suspend(&self) {
        let now = system::modes();
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = &*found {
            system::set(found);
        }
        drop(found);
        write(RESET);
        // The shell's words begin in a row of their own.
        write("\n");
        system::stop();
        if let Some(now) = now {
            system::set(&now);
        }
        write(PASTE_ON);
    }
}

fn restore(found: &Mutex<Option<system::Modes>>) {
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(found) = found {
        system::set(&found);
        write(RESET);
    }
}

/// Clears the row of the cursor and what is below it.
pub fn clear_row() {
    write("\r\x1b[J");
}

fn write(text: impl fmt::Display) {
    let mut stdout = io::stdout();
    if stdout.is_terminal() {
        let _ = write!(stdout, "{text}").and_then(|()| stdout.flush());
    }
}

#[cfg(unix)]
mod system {
    use std::io;

    use rustix::process::{Signal, kill_current_process_group};
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    pub(super) type Modes = Termios;

    pub(super) fn modes() -> Option<Modes> {
        tcgetattr(io::stdin()).ok()
    }

    pub(super) fn quiet(found: &Modes) -> Modes {
        let mut quiet = found.clone();
        quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON);
        quiet
    }

    pub(super) fn set(modes: &Modes) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
    }

    pub(super) fn stop() {
        let _ = kill_current_process_group(Signal::TSTP);
        // Whichever thread the system gives that signal to may take its time.
        // This one must not touch the terminal until the program stands.
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGTSTP);
    }
}

/// The line editor restores the console by itself, and nothing is suspended.
#[cfg(not(unix))]
mod system {
    use std::io::{self, IsTerminal as _};

    #[derive(Debug)]
    pub(super) struct Modes;

    pub(super) fn modes() -> Option<Modes> {
        io::stdin().is_terminal().then_some(Modes)
    }

    pub(super) fn quiet(_: &Modes) -> Modes {
        Modes
    }

    pub(super) fn set(_: &Modes) {}

    pub(super) fn stop() {}
}
