//! `--json`: the final report, filled in as the run goes and written at its
//! end.

use std::path::Path;

use anyhow::{Context, Result};

use crate::commands::files;
use crate::connection::Secrets;
use crate::exit::{ExitStatus, hint_of, status_of};
use crate::pipe::{End, Summary};
use crate::report::connect::{ConnectReport, Outcome};
use crate::talk::{Stop, sentence};
use crate::terminal::sanitize::sanitize_json;
use crate::terminal::write_stdout;

/// Takes over how the talk went.
pub(super) fn fill(report: &mut ConnectReport, summary: &Summary) {
    report.sent = summary.sent;
    report.received = summary.received;
    report.open = summary.open;
    report.first_message = summary.first_message;
    if let Some(closed) = &summary.closed {
        report.closed(closed);
    }
    if let End::Stopped(Stop::Interrupt | Stop::HangUp | Stop::Terminate) = summary.end {
        report.outcome = Outcome::Interrupted;
    }
}

/// Writes the report of a run with this result to a file, or to stdout (`-`).
///
/// # Errors
/// Exit 12 for a file that cannot be written.
pub(super) fn write(
    path: &str,
    mut report: ConnectReport,
    result: &Result<ExitStatus>,
    secrets: &Secrets,
) -> Result<()> {
    let status = match result {
        Ok(status) => *status,
        Err(error) => {
            report.error = Some(secrets.text(&sentence(error.as_ref())));
            report.hint = hint_of(error).map(|hint| secrets.text(hint));
            status_of(error)
        }
    };
    // Also where the screen shows them (`--log-secrets`).
    if let Some(close) = &mut report.close {
        close.reason = secrets.reason(&close.reason);
    }
    report.exit_code = status.code();
    match status {
        ExitStatus::Expectation => report.outcome = Outcome::Unexpected,
        ExitStatus::Interrupted | ExitStatus::HungUp | ExitStatus::Terminated => {
            report.outcome = Outcome::Interrupted;
        }
        _ => {}
    }
    let json = sanitize_json(&report.to_json());
    match path {
        "-" => write_stdout(json.as_bytes()).context("could not write the report to stdout"),
        path => files::write(Path::new(path), json.as_bytes())
            .with_context(|| format!("could not write the report to '{path}'")),
    }
}
