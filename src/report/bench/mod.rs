//! The report of `wscli bench`: what was asked for, what came of it, and whether that
//! is enough; as text and as JSON.

pub(crate) mod json;
pub(crate) mod live;
pub(crate) mod text;

use crate::bench::threshold::Verdict;
use crate::bench::{BenchConfig, Summary};
use crate::connection::ws::deflate::Params;

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

/// An agreed permessage-deflate, as the header has it.
fn extension(params: &Params) -> String {
    let mut text = "permessage-deflate".to_owned();
    for (given, name) in [
        (
            params.server_no_context_takeover,
            "server_no_context_takeover",
        ),
        (
            params.client_no_context_takeover,
            "client_no_context_takeover",
        ),
    ] {
        if given {
            text.push_str("; ");
            text.push_str(name);
        }
    }
    for (bits, name) in [
        (params.server_max_window_bits, "server_max_window_bits"),
        (params.client_max_window_bits, "client_max_window_bits"),
    ] {
        if bits < Params::default().server_max_window_bits {
            text.push_str(&format!("; {name}={bits}"));
        }
    }
    text
}
