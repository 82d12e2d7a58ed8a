//! The log file: appended to an event at a time, by one write that the
//! program keeps nothing of, so that a crash loses nothing. Only where the
//! other end may stop reading does a thread write (`stream_file`).

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::fifo;
use super::stream_file::StreamFile;

/// A JSON Lines file that is being written.
#[derive(Debug)]
pub struct LogFile {
    sink: Sink,
    /// What the user calls it.
    what: &'static str,
    path: PathBuf,
    is_open_to_others: bool,
    /// Lines that could not be written since the last that could.
    lost: u64,
    /// Lines that could not be written in all.
    missing: u64,
}

#[derive(Debug)]
enum Sink {
    Plain(PlainFile),
    Stream(StreamFile),
}

impl LogFile {
    /// Opens a file to append to, and makes it where it is missing, readable
    /// by its owner alone: a log holds what was said in confidence.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_as("log", path)
    }

    /// The same, for a file that the user calls otherwise.
    ///
    /// # Errors
    /// The system's.
    pub fn open_as(what: &'static str, path: &Path) -> io::Result<Self> {
        let (sink, is_open_to_others) = Sink::open(path)?;
        Ok(Self {
            sink,
            what,
            path: path.to_owned(),
            is_open_to_others,
            lost: 0,
            missing: 0,
        })
    }

    /// Goes on in the file that has the path now: who rotates logs has given the
    /// old one another name.
    ///
    /// # Errors
    /// The system's; the old file is written on.
    pub fn reopen(&mut self) -> io::Result<()> {
        let (sink, is_open_to_others) = Sink::open(&self.path)?;
        self.sink = sink;
        self.is_open_to_others = is_open_to_others;
        Ok(())
    }

    /// Writes a line. Returns what the user must be told: the first of a row
    /// of failures, and their end.
    pub fn write(&mut self, line: &str) -> Option<String> {
        let result = match &mut self.sink {
            Sink::Plain(file) => file.write(line),
            Sink::Stream(stream) => match stream.push(line) {
                Ok(None) => Ok(()),
                // Some that came before.
                Ok(Some((failed, error))) => return self.failed(failed, &error),
                Err(error) => Err(error),
            },
        };
        match result {
            Ok(()) => {
                let lost = std::mem::take(&mut self.lost);
                (lost > 0).then(|| {
                    format!(
                        "the {} '{}' is being written again; {} missing from it",
                        self.what,
                        self.path.display(),
                        events(lost)
                    )
                })
            }
            Err(error) => self.failed(1, &error),
        }
    }

    fn failed(&mut self, lines: u64, error: &io::Error) -> Option<String> {
        let is_first = self.lost == 0;
        self.lost += lines;
        self.missing += lines;
        is_first.then(|| {
            format!(
                "could not write the {} '{}': {error}; events are missing from it until that works again",
                self.what,
                self.path.display()
            )
        })
    }

    /// How many lines wait to be written.
    pub fn unwritten(&self) -> usize {
        match &self.sink {
            Sink::Plain(_) => 0,
            Sink::Stream(stream) => stream.unwritten(),
        }
    }

    /// Nothing more is to be written, and what still waits is given up. Returns
    /// what the user must be told.
    pub fn finish(&mut self) -> Option<String> {
        let Sink::Stream(stream) = &mut self.sink else {
            return None;
        };
        let (failed, is_opening) = (stream.failures(), stream.is_opening());
        let given_up = stream.give_up();
        self.missing += given_up;
        if given_up > 0 && is_opening {
            let (what, path) = (self.what, self.path.display());
            return Some(format!(
                "the {what} '{path}' is a FIFO that no program reads"
            ));
        }
        let (lines, error) = failed?;
        self.failed(lines, &error)
    }

    /// A warning, where the file was there before and others than its owner may
    /// read it.
    pub fn warning(&self) -> Option<String> {
        self.is_open_to_others
            .then(|| open_to_others(self.what, &self.path))
    }

    /// What is missing from it, as a sentence.
    pub fn missing(&self) -> Option<String> {
        let (what, path) = (self.what, self.path.display());
        (self.missing > 0)
            .then(|| format!("{} missing from the {what} '{path}'", events(self.missing)))
    }

    /// How many lines were lost and not yet told of as over.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// So many events, with the verb.
fn events(count: u64) -> String {
    match count {
        1 => "1 event is".to_owned(),
        count => format!("{count} events are"),
    }
}

impl Sink {
    /// Opens a file, and says whether others may read it.
    fn open(path: &Path) -> io::Result<(Self, bool)> {
        if fifo::is_fifo(path) {
            return Ok((Self::Stream(open_fifo(path)?), false));
        }
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
        let is_open_to_others = is_open_to_others(&file);
        let sink = match may_block(&file) {
            true => Self::Stream(StreamFile::start(|| Ok(file))?),
            false => Self::Plain(PlainFile::new(file)?),
        };
        Ok((sink, is_open_to_others))
    }
}

/// A FIFO; where no program reads it yet, the thread waits for one. It is never opened
/// to be read: what has no reader would be kept by the system, and go with the run.
fn open_fifo(path: &Path) -> io::Result<StreamFile> {
    match fifo::open_now(path)? {
        Some(file) => StreamFile::start(|| Ok(file)),
        None => {
            let path = path.to_owned();
            StreamFile::start(move || OpenOptions::new().write(true).open(path))
        }
    }
}

/// Whether a write can wait for somebody: a pipe, a socket or a terminal.
fn may_block(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = file.metadata().map(|metadata| metadata.file_type());
        if kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket()) {
            return true;
        }
    }
    file.is_terminal()
}

/// A file whose writes end. Others may append to it too, and cut it short.
#[derive(Debug)]
struct PlainFile {
    file: File,
    /// Devices are not cut.
    is_regular: bool,
}

impl PlainFile {
    fn new(file: File) -> io::Result<Self> {
        let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        let mut plain = Self { file, is_regular };
        plain.end_torn_line()?;
        Ok(plain)
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let mut written = 0;
        while let Some(rest) = line.as_bytes().get(written..)
            && !rest.is_empty()
        {
            match self.file.write(rest) {
                Ok(0) => return self.cut(line, written, io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.cut(line, written, error),
            }
        }
        Ok(())
    }

    /// A crash can have left a torn line; the next one must not touch it.
    fn end_torn_line(&mut self) -> io::Result<()> {
        if !self.is_regular || self.file.metadata()?.len() == 0 {
            return Ok(());
        }
        let mut last = *b"\n";
        let readable =
            self.file.seek(SeekFrom::End(-1)).is_ok() && self.file.read_exact(&mut last).is_ok();
        if readable && last != *b"\n" {
            self.file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Takes back the part of a line that found room on a full disk. What cannot be
    /// cut leaves a torn line, which readers pass over.
    fn cut(&mut self, line: &str, written: usize, error: io::Error) -> io::Result<()> {
        if let Some(part) = line.as_bytes().get(..written)
            && self.is_regular
            && written > 0
        {
            let _ = self.cut_end(part);
        }
        Err(error)
    }

    /// Cuts this off the file's end, unless somebody has written behind it.
    fn cut_end(&mut self, part: &[u8]) -> io::Result<()> {
        let length = part.len() as u64;
        let Some(start) = self.file.metadata()?.len().checked_sub(length) else {
            return Ok(());
        };
        let mut end = vec![0; part.len()];
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut end)?;
        if end == part {
            self.file.set_len(start)?;
        }
        Ok(())
    }
}

/// Whether others than its owner may read a file: one that was there before.
pub(super) fn is_open_to_others(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let found = file.metadata();
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o044 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// What is said of such a file.
pub(super) fn open_to_others(what: &str, path: &Path) -> String {
    let path = path.display();
    format!(
        "others can read the {what} '{path}', which holds all that is said; 'chmod 600' closes it"
    )
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

    /// A FIFO that somebody has open to read.
    #[cfg(target_os = "linux")]
    fn fifo(dir: &Path) -> (PathBuf, File) {
        let path = dir.join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let reader = OpenOptions::new().read(true).write(true).open(&path);
        (path, reader.unwrap())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_log_that_takes_nothing_holds_nobody_up_and_what_is_missing_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _reader) = fifo(dir.path());
        let mut log = LogFile::open(&path).unwrap();
        let line = format!("{}\n", "x".repeat(9999));
        let start = std::time::Instant::now();
        let said: Vec<_> = (0..1000).filter_map(|_| log.write(&line)).collect();
        assert!(start.elapsed() < std::time::Duration::from_secs(60));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("stopped reading"), "{said:?}");
        assert_eq!(log.finish(), None);
        let missing = log.missing().unwrap();
        let count: u64 = missing.split(' ').next().unwrap().parse().unwrap();
        assert!((900..=1000).contains(&count), "{missing}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_log_that_is_read_slowly_is_whole() {
        use std::io::{BufRead, BufReader};
        let dir = tempfile::tempdir().unwrap();
        let (path, reader) = fifo(dir.path());
        let reads = std::thread::spawn(move || {
            let lines = BufReader::new(reader).lines().map_while(Result::ok);
            lines.take_while(|line| line != "end").count()
        });
        let mut log = LogFile::open(&path).unwrap();
        let line = format!("{}\n", "x".repeat(9999));
        for _ in 0..1000 {
            assert_eq!(log.write(&line), None);
        }
        assert_eq!(log.write("end\n"), None);
        drop(log);
        assert_eq!(reads.join().unwrap(), 1000);
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
        let missing = log.missing().unwrap();
        assert_eq!(missing, "2 events are missing from the log '/dev/full'");
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
