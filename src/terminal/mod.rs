//! The standard streams: the only module that writes to them.
//!
//! Stdout is data; stderr is status, warnings and errors. Nothing that a peer
//! sent reaches a terminal with its control characters alive.

pub mod progress;
pub mod sanitize;
pub mod status;

pub use progress::Progress;
pub use sanitize::sanitize;
pub use status::{Status, Verbosity};

use std::io::{self, Write};

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
