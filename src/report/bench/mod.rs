//! The report of `wscli bench`: what was asked for, what came of it, and whether that
//! is enough; as text and as JSON.

pub(crate) mod json;
pub(crate) mod live;
pub(crate) mod text;

use crate::bench::schedule::Stage;
use crate::bench::threshold::Verdict;
use crate::bench::{BenchConfig, Summary};

/// A run with all that a report tells of it.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// How it came to be.
    pub made: &'a Made,
    /// What was asked for.
    pub config: &'a BenchConfig,
    /// What came of it.
    pub summary: &'a mut Summary,
    /// Whether that is enough.
    pub verdicts: &'a [Verdict],
}

/// How a run came to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    /// Whether the server was embedded (`--demo`).
    pub demo: bool,
    /// The command line, without secrets.
    pub command_line: Vec<String>,
    /// When it began, as RFC 3339 has it.
    pub started_at: String,
    /// The machine it ran on.
    pub host: Host,
    /// The stages of `--stages`.
    pub stages: Vec<Stage>,
}

/// The machine that a run was made on.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct Host {
    pub name: Option<String>,
    /// The operating system.
    pub os: &'static str,
    /// The processors' architecture.
    pub arch: &'static str,
    /// The operating system's release, where it tells.
    pub release: Option<String>,
    /// How many processors the process may use.
    pub processors: usize,
}
