//! Where the report goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::exit::{ExitStatus, Failure};
use crate::terminal::write_stdout;

/// Where the report goes as JSON. A file is opened before the run, so that a
/// mistake in its name does not cost the run.
#[derive(Debug)]
pub(super) enum JsonOutput {
    /// Nowhere.
    None,
    /// To stdout, in place of the text.
    Stdout,
    File(ReportFile),
}

/// A file that is to hold a report. What it held before stays until then.
#[derive(Debug)]
pub(super) struct ReportFile {
    path: PathBuf,
    file: File,
    /// Whether it is to be removed again if nothing is written.
    is_new: bool,
}

impl JsonOutput {
    /// What `--json` says.
    ///
    /// # Errors
    /// Exit 12 when the file cannot be written.
    pub(super) fn open(path: Option<&Path>) -> Result<Self> {
        match path {
            None => Ok(Self::None),
            Some(path) if path == Path::new("-") => Ok(Self::Stdout),
            Some(path) => Ok(Self::File(ReportFile::open(path)?)),
        }
    }

    /// Whether stdout is the JSON's.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Writes the report; it is made only when it goes anywhere.
    ///
    /// # Errors
    /// The operating system's, with the file's name.
    pub(super) fn write(self, document: impl FnOnce() -> Vec<u8>) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Stdout => write_stdout(&document()).context("could not write the report"),
            Self::File(file) => file.write(&document()),
        }
    }
}

impl ReportFile {
    fn open(path: &Path) -> Result<Self> {
        let is_new = !path.exists();
        let file = open(path).map_err(|error| {
            let path = path.display();
            let message = format!("could not open '{path}' for the report: {error}");
            Failure::new(ExitStatus::LocalIo, message)
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            is_new,
        })
    }

    fn write(mut self, document: &[u8]) -> Result<()> {
        self.is_new = false;
        self.replace(document)
            .with_context(|| format!("could not write the report to '{}'", self.path.display()))
    }

    fn replace(&mut self, document: &[u8]) -> io::Result<()> {
        if self.file.metadata()?.is_file() {
            // By its name: it may have been removed or replaced during the run.
            self.file = open(&self.path)?;
            self.file.set_len(0)?;
        }
        self.file.write_all(document)?;
        self.file.flush()
    }
}

/// Opens a file, which it makes where there is none; what it holds stays.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).open(path)
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        if self.is_new {
            // Nothing was measured, and an empty file would look like a report.
            let _ = fs::remove_file(&self.path);
        }
    }
}
