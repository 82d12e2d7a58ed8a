//! The file of what is known already: read before a run, written after it.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::job::Job;
use super::output::write as write_file;
use crate::exit::Failure;
use crate::report::probe::baseline::{Baseline, render};
use crate::report::probe::{Run, Standing};
use crate::terminal::Status;

/// Makes exceptions of what is known of each target.
///
/// # Errors
/// Exit 2 for a file that cannot be read, or is no baseline.
pub(super) fn excuse(path: &Path, jobs: &mut [Job]) -> Result<()> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!(
            "could not read the baseline '{shown}': {error}; --write-baseline writes one"
        ))
    })?;
    let baseline = Baseline::parse(&text)
        .map_err(|error| Failure::usage(format!("'{shown}' is not a baseline: {error}")))?;
    for job in jobs {
        let target = job.shown();
        let exceptions = &mut job.run.policy.exceptions;
        exceptions.extend(baseline.of(&target));
    }
    Ok(())
}

/// Writes the findings of a run. One that could not tell everything would take from the
/// file what it has not seen.
pub(super) fn write(path: &Path, run: &Run, status: Status) -> Result<()> {
    let told = |standing| matches!(standing, Standing::Met | Standing::Findings);
    let whole = run
        .targets
        .iter()
        .all(|target| told(target.standing()) && target.interrupted.is_none());
    if !whole {
        status.note(&format!(
            "the baseline '{}' was not written: not everything could be judged",
            path.display()
        ));
        return Ok(());
    }
    write_file(path, &render(run))
}
