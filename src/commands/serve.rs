//! `wscli serve`.

use anyhow::Result;

use crate::cli::serve::ServeArgs;
use crate::exit::ExitStatus;
use crate::terminal::Status;

/// Runs the command.
pub(super) fn run(_args: &ServeArgs, _status: Status) -> Result<ExitStatus> {
    Ok(ExitStatus::Success)
}
