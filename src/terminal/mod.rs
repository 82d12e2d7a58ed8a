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

/// That stdin can be read. The standard library takes one that cannot for an empty one.
///
/// # Errors
/// It is open for writing only.
pub fn check_stdin() -> io::Result<()> {
    is_open_for(io::stdin(), Access::Reading)
}

/// That stdout can be written. The standard library takes what is written to one that
/// cannot for written; and in the place of one that is closed it opens `/dev/null`
/// before the program begins, which nothing tells from one that was asked for.
///
/// # Errors
/// It is open for reading only.
pub fn check_stdout() -> io::Result<()> {
    is_open_for(io::stdout(), Access::Writing)
}

enum Access {
    Reading,
    Writing,
}

#[cfg(unix)]
fn is_open_for(stream: impl std::os::fd::AsFd, access: Access) -> io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl};
    let (other, text) = match access {
        Access::Reading => (OFlags::WRONLY, "it is open for writing only"),
        Access::Writing => (OFlags::RDONLY, "it is open for reading only"),
    };
    match fcntl_getfl(stream)? & OFlags::RWMODE == other {
        true => Err(io::Error::other(text)),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn is_open_for<T>(_: T, access: Access) -> io::Result<()> {
    match access {
        Access::Reading | Access::Writing => Ok(()),
    }
}

/// Stdout, to be asked what it is; what is written goes through a printer.
pub fn stdout_handle() -> io::Stdout {
    io::stdout()
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
