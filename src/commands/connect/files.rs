//! The files that the flags of `connect` name.

use std::path::Path;

use anyhow::Result;

use super::message;
use crate::cli::connect::ConnectArgs;
use crate::commands::files::Files;

/// That what is written destroys neither what else is, nor what is read.
///
/// # Errors
/// Exit 2 where two are the same file.
pub(super) fn check(args: &ConnectArgs) -> Result<()> {
    let raw: Vec<_> = std::env::args().collect();
    let (input, prompt) = (&args.input, &args.prompt);
    let mut files = Files::default()
        .written("--log", prompt.log.as_deref())
        .written("--har", prompt.har.as_deref())
        .written("--json", args.report.json.as_ref().map(Path::new))
        .read("--replay", prompt.replay.as_deref());
    let mut is_stdin_read = input.execute.is_empty()
        && prompt.replay.is_none()
        && !input.echo
        && !args.steps.has_steps();
    for (flags, values) in [
        (["-x", "--execute"], &input.execute),
        (["--setup", "--setup"], &input.setup),
    ] {
        for value in values {
            if message::is_text(value, flags, &raw) {
                continue;
            }
            is_stdin_read |= value == "@-";
            files = files.read(flags[0], value.strip_prefix('@').map(Path::new));
        }
    }
    files.stdin(is_stdin_read).check()
}
