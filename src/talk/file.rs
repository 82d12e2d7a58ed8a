//! The log file: appended to an event at a time, by one write that the
//! program keeps nothing of, so that a crash loses nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A JSON Lines file that is being written.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    path: PathBuf,
    /// The length up to the end of the last whole line, for a file that has
    /// one; devices and pipes have not.
    good_bytes: Option<u64>,
    /// Lines that could not be written since the last that could.
    lost: u64,
}

impl LogFile {
    /// Opens a file to append to, and makes it where it is missing, readable
    /// by its owner alone: a log holds what was said in confidence.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true);
        owner_only(&mut options);
        let file = match options.open(path) {
            // A pipe, or a file that may be written and not read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                options.read(false).open(path)?
            }
            result => result?,
        };
        let good_bytes = file
            .metadata()
            .ok()
            .filter(std::fs::Metadata::is_file)
            .map(|metadata| metadata.len());
        let mut log = Self {
            file,
            path: path.to_owned(),
            good_bytes,
            lost: 0,
        };
        log.end_torn_line()?;
        Ok(log)
    }

    /// Writes a line. Returns what the user must be told: the first of a row
    /// of failures, and their end.
    pub fn write(&mut self, line: &str) -> Option<String> {
        match self.file.write_all(line.as_bytes()) {
            Ok(()) => {
                self.good_bytes = self.good_bytes.map(|bytes| bytes + line.len() as u64);
                let lost = std::mem::take(&mut self.lost);
                (lost > 0).then(|| {
                    format!(
                        "the log '{}' is being written again; {lost} events are missing from it",
                        self.path.display()
                    )
                })
            }
            Err(error) => {
                self.cut_torn_line();
                self.lost += 1;
                (self.lost == 1).then(|| {
                    format!(
                        "could not write the log '{}': {error}; events are missing from it until that works again",
                        self.path.display()
                    )
                })
            }
        }
    }

    /// How many lines were lost and not yet told of as over.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A crash can have left a torn line; the next one must not touch it.
    fn end_torn_line(&mut self) -> io::Result<()> {
        if self.good_bytes.is_none_or(|bytes| bytes == 0) {
            return Ok(());
        }
        let mut last = *b"\n";
        let readable =
            self.file.seek(SeekFrom::End(-1)).is_ok() && self.file.read_exact(&mut last).is_ok();
        if readable && last != *b"\n" {
            self.file.write_all(b"\n")?;
            self.good_bytes = self.good_bytes.map(|bytes| bytes + 1);
        }
        Ok(())
    }

    /// Takes back the part of a line that found room on a full disk, unless
    /// somebody else has written behind it.
    fn cut_torn_line(&mut self) {
        let Some(good) = self.good_bytes else {
            return;
        };
        // What cannot be cut leaves a torn line, which readers pass over.
        if self.file.metadata().is_ok_and(|m| m.len() > good) {
            let _ = self.file.set_len(good);
        }
    }
}

/// Lets a file that is made be read by its owner alone.
pub fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_there_at_once_and_a_torn_one_stays_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "one\ntor").unwrap();
        let mut log = LogFile::open(&path).unwrap();
        assert_eq!(log.write("two\n"), None);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntor\ntwo\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_once() {
        let mut log = LogFile::open(Path::new("/dev/full")).unwrap();
        let said = log.write("x\n").unwrap();
        assert!(
            said.starts_with("could not write the log '/dev/full': "),
            "{said}"
        );
        assert_eq!(log.write("x\n"), None);
        assert_eq!(log.lost(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[ignore = "needs root: mounts a small file system"]
    fn a_full_disk_leaves_no_torn_line_and_the_log_goes_on_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let mount = |args: &[&str]| {
            let status = std::process::Command::new(args[0])
                .args(&args[1..])
                .arg(dir.path())
                .status();
            assert!(status.unwrap().success());
        };
        mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"]);
        let path = dir.path().join("log");
        let other = dir.path().join("other");
        std::fs::write(&other, vec![0; 30_000]).unwrap();
        let mut log = LogFile::open(&path).unwrap();
        let line = format!("{}\n", "x".repeat(999));
        let said: Vec<_> = (0..100).filter_map(|_| log.write(&line)).collect();
        let full = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&other).unwrap();
        let again = log.write(&line).unwrap_or_default();
        let lost = 100 - full.lines().count();
        drop(log);
        mount(&["umount"]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(full.lines().all(|line| line.len() == 999));
        assert!(
            again.contains(&format!("{lost} events are missing")),
            "{again}"
        );
    }
}
