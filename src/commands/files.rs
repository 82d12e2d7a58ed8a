//! The files that a command writes.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::talk::fifo;

/// How long a FIFO may be without a reader when its time has come.
const READER_WAIT: Duration = Duration::from_secs(1);

/// Writes a whole document in the place of what the file held. A FIFO without a reader
/// holds the command up no longer than a second.
///
/// # Errors
/// The system's, and that no program reads the FIFO.
pub(super) fn write(path: &Path, document: &[u8]) -> io::Result<()> {
    if !fifo::is_fifo(path) {
        return fs::write(path, document);
    }
    let start = Instant::now();
    loop {
        if let Some(mut file) = fifo::open_now(path)? {
            return file.write_all(document);
        }
        if start.elapsed() >= READER_WAIT {
            return Err(io::Error::other("it is a FIFO that no program reads"));
        }
        sleep(Duration::from_millis(10));
    }
}
