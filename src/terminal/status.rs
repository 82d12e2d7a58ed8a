//! Status lines on stderr.

use std::io::{self, Write};

use super::sanitize::sanitize_report;
use super::style::{Role, Style};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Errors alone.
    Quiet,
    /// Errors, warnings, and what the user must know.
    #[default]
    Normal,
    /// What happens, step by step.
    Verbose,
    /// Both heads of the handshake, control frames, timings.
    Debug,
}

/// The writer of status lines. Everything is sanitised; a closed stderr is
/// nobody's business.
#[derive(Debug, Clone, Copy, Default)]
pub struct Status {
    verbosity: Verbosity,
    style: Style,
}

impl Status {
    /// A writer that tells this much.
    pub fn new(verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            style: Style::plain(),
        }
    }

    /// The same writer, with its marks in colour where there is any.
    pub fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// Whether lines of this level are shown, for texts that cost to make.
    pub fn shows(&self, level: Verbosity) -> bool {
        level <= self.verbosity
    }

    /// An error: shown always.
    pub fn error(&self, text: &str) {
        self.write(Role::Error, "wscli:", text);
    }

    /// A warning, or something that the user must know.
    pub fn note(&self, text: &str) {
        self.line(Verbosity::Normal, text);
    }

    /// A step (`-v`).
    pub fn info(&self, text: &str) {
        self.line(Verbosity::Verbose, text);
    }

    /// A detail (`-vv`).
    pub fn debug(&self, text: &str) {
        self.line(Verbosity::Debug, text);
    }

    /// A line of this level.
    pub fn at(&self, level: Verbosity, text: &str) {
        self.line(level, text);
    }

    /// Lines of a document, such as a head of HTTP, each behind a `mark` that
    /// tells whose it is.
    pub fn document(&self, level: Verbosity, mark: char, text: &str) {
        let role = match mark {
            '>' => Role::Sent,
            '<' => Role::Received,
            _ => Role::Status,
        };
        if self.shows(level) {
            for line in text.lines() {
                self.write(role, mark.encode_utf8(&mut [0; 4]), line.trim_end());
            }
        }
    }

    fn line(&self, level: Verbosity, text: &str) {
        if self.shows(level) {
            match text.strip_prefix("hint: ") {
                Some(hint) => self.write(Role::Status, "* hint:", hint),
                None => self.write(Role::Status, "*", text),
            }
        }
    }

    /// The mark of ours alone is painted: all else may be a stranger's.
    fn write(&self, role: Role, mark: &str, text: &str) {
        let mut line = self.style.paint(role, mark);
        if !text.is_empty() {
            line.push(' ');
            line.push_str(&sanitize_report(text));
        }
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}
