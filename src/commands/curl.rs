//! `--from-curl` and `--print-command`: curl command lines in and out.

use std::ffi::OsString;
use std::fs;

use anyhow::{Context, Result};

use crate::cli::connect::ConnectArgs;
use crate::cli::curl::{CurlError, expand, print, wants_expansion};
use crate::connection::Target;
use crate::exit::{ExitStatus, Failure};
use crate::terminal::{Status, write_stdout};

/// The process's arguments with `--from-curl` replaced by what it means, and
/// what was left out of it.
///
/// # Errors
/// Exit 2 for a command that cannot be taken over, 12 for a file that cannot
/// be read.
pub(super) fn arguments() -> Result<(Vec<OsString>, Vec<String>)> {
    let given: Vec<OsString> = std::env::args_os().collect();
    let text: Vec<_> = given
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    // Arguments that are no text are left as they are, where that can be.
    if !wants_expansion(&text) {
        return Ok((given, Vec::new()));
    }
    match expand(&text, |path| fs::read_to_string(path)) {
        Ok(expanded) => {
            let arguments = expanded.arguments.into_iter().map(OsString::from);
            Ok((arguments.collect(), expanded.warnings))
        }
        Err(CurlError::File { path, source }) => {
            Err(source).with_context(|| format!("could not read the curl command in '{path}'"))
        }
        Err(error) => Err(Failure::usage(error.to_string()).into()),
    }
}

/// Prints the curl command that asks for the same upgrade.
///
/// # Errors
/// Exit 2 for an address that cannot work.
pub(super) fn print_command(url: &str, args: &ConnectArgs, status: Status) -> Result<ExitStatus> {
    let target: Target = url
        .parse()
        .map_err(|error: crate::connection::TargetError| Failure::usage(error.to_string()))?;
    let mut printed = print(url, &target, &args.transport);
    for flag in printed.left_out {
        status.note(&format!("curl has no {flag}; it is left out"));
    }
    printed.command.push('\n');
    write_stdout(printed.command.as_bytes())?;
    Ok(ExitStatus::Success)
}
