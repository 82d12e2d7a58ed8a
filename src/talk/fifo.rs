//! Named pipes: to open one to write waits for a reader, who may never come. A leaf.

use std::fs::File;
use std::io;
use std::path::Path;

/// Whether this is a pipe that has a name.
pub(crate) fn is_fifo(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Opens one to write, without waiting; `None` where no program has it open to read.
///
/// # Errors
/// The system's.
#[cfg(unix)]
pub(crate) fn open_now(path: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    match open(path, flags | OFlags::NONBLOCK, Mode::empty()) {
        Ok(file) => {
            // Its writes wait for room all the same.
            fcntl_setfl(&file, OFlags::WRONLY)?;
            Ok(Some(file.into()))
        }
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The same where there are none.
///
/// # Errors
/// The system's.
#[cfg(not(unix))]
pub(crate) fn open_now(path: &Path) -> io::Result<Option<File>> {
    std::fs::OpenOptions::new().write(true).open(path).map(Some)
}
