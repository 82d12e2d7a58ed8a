//! The files that a command writes, and that none of them is another, or one it reads.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::exit::Failure;
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

/// The files of one command.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// What names each, the file, and whether it is written.
    named: Vec<(String, Identity, bool)>,
}

/// What tells one file from another.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// The device, and the number that the file has on it.
    #[cfg(unix)]
    Inode(u64, u64),
    /// One that is not there, or a system that has no such numbers.
    Path(PathBuf),
}

impl Files {
    /// A file that is written, and what names it. `-` is stdout, which is always one.
    pub(super) fn written(mut self, flag: &str, path: Option<&Path>) -> Self {
        self.add(flag, path, true);
        self
    }

    /// A file that is read.
    pub(super) fn read(mut self, flag: &str, path: Option<&Path>) -> Self {
        self.add(flag, path, false);
        self
    }

    /// Standard input is read as well, where it `is_read`.
    pub(super) fn stdin(mut self, is_read: bool) -> Self {
        if let (true, Some(file)) = (is_read, of_stream(io::stdin())) {
            self.named.push(("standard input".into(), file, false));
        }
        self
    }

    /// That no file which is written is another one of them. To be called before any is
    /// opened.
    ///
    /// # Errors
    /// Exit 2 where two are the same.
    pub(super) fn check(mut self) -> Result<()> {
        if let Some(file) = of_stream(crate::terminal::stdout_handle()) {
            self.named.push(("standard output".into(), file, true));
        }
        for (at, (name, file, is_written)) in self.named.iter().enumerate() {
            let rest = self.named.iter().skip(at + 1);
            let same = rest.into_iter().find(|(_, other, other_is_written)| {
                (*is_written || *other_is_written) && file == other
            });
            if let Some((other, ..)) = same {
                return Err(Failure::usage(format!(
                    "{name} and {other} are the same file, and one would destroy the other; give each a file of its own"
                ))
                .into());
            }
        }
        Ok(())
    }

    fn add(&mut self, flag: &str, path: Option<&Path>, is_written: bool) {
        let path = path.filter(|path| *path != Path::new("-"));
        if let Some(path) = path
            && let Some(file) = identity(path)
        {
            let name = format!("{flag} '{}'", path.display());
            self.named.push((name, file, is_written));
        }
    }
}

/// The file behind a path, through links, also where it is still to be made. `None` for
/// devices and pipes: what is written to them destroys nothing.
fn identity(path: &Path) -> Option<Identity> {
    if let Ok(found) = fs::metadata(path) {
        return found.is_file().then(|| of_file(path, &found)).flatten();
    }
    if let Ok(link) = fs::read_link(path) {
        // A file cannot be made at the end of a ring of links.
        let target = path.parent().unwrap_or(Path::new("")).join(link);
        return (target != path).then(|| missing(&target)).flatten();
    }
    missing(path)
}

fn missing(path: &Path) -> Option<Identity> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder).ok()?;
    Some(Identity::Path(folder.join(path.file_name()?)))
}

#[cfg(unix)]
fn of_file(_: &Path, found: &fs::Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    Some(Identity::Inode(found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn of_file(path: &Path, _: &fs::Metadata) -> Option<Identity> {
    fs::canonicalize(path).ok().map(Identity::Path)
}

#[cfg(unix)]
fn of_stream(stream: impl std::os::fd::AsFd) -> Option<Identity> {
    let file = fs::File::from(stream.as_fd().try_clone_to_owned().ok()?);
    let found = file.metadata().ok().filter(fs::Metadata::is_file)?;
    of_file(Path::new(""), &found)
}

#[cfg(not(unix))]
fn of_stream<T>(_: T) -> Option<Identity> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn two_files_that_are_the_same_are_found_by_every_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("there"), "").unwrap();
        fs::hard_link(at("there"), at("hard")).unwrap();
        std::os::unix::fs::symlink("there", at("link")).unwrap();
        std::os::unix::fs::symlink("new", at("dangling")).unwrap();
        let null = Path::new("/dev/null");
        for (one, other, is_same) in [
            (at("there"), at("there"), true),
            (at("there"), at("./there"), true),
            (at("there"), at("hard"), true),
            (at("link"), at("there"), true),
            (at("new"), at("new"), true),
            (at("new"), at("dangling"), true),
            (at("new"), at("there"), false),
            (at("new"), at("other"), false),
            (null.into(), null.into(), false),
            ("-".into(), "-".into(), false),
        ] {
            let files = || Files::default().written("--log", Some(&one));
            let two = files().written("--har", Some(&other)).check();
            assert_eq!(two.is_err(), is_same, "{one:?} {other:?}");
            let input = files().read("--replay", Some(&other)).check();
            assert_eq!(input.is_err(), is_same, "{one:?} {other:?}");
            let read = Files::default().read("-x", Some(&one));
            assert!(read.read("--setup", Some(&other)).check().is_ok());
        }
    }
}
