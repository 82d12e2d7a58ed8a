//! The standard streams: the only module that writes to them.
//!
//! Stdout is data; stderr is status, warnings and errors. Nothing that a peer
//! sent reaches a terminal with its control characters alive.

pub mod lines;
pub mod output;
pub mod printer;
pub mod progress;
pub mod sanitize;
pub mod secret;
pub mod status;
pub mod style;
pub mod tty;

pub use lines::LineWriter;
pub use output::DataOutput;
pub use progress::Progress;
pub use sanitize::sanitize;
pub use status::{Status, Verbosity};
pub use style::Style;
pub use tty::{stderr_is_terminal, stdout_is_terminal};

use std::io::{self, IsTerminal, Write};

/// Whether somebody sits at both ends of the terminal.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && stdout_is_terminal()
}

/// How many columns stdout has, where it is a terminal that says so.
pub fn stdout_width() -> Option<usize> {
    width_of(io::stdout())
}

/// How many columns stderr has, where it is a terminal that says so.
pub fn stderr_width() -> Option<usize> {
    width_of(io::stderr())
}

#[cfg(unix)]
fn width_of(stream: impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    // A terminal that does not know says 0.
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

#[cfg(not(unix))]
fn width_of<T>(_: T) -> Option<usize> {
    None
}

/// Writes a whole document to stdout. A reader that has gone is no error.
pub fn write_stdout(document: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(document).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a text of the program's own to stderr, as it is.
pub fn write_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
