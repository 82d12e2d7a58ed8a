//! What the flags of the communication log say, for the prompt and the pipe.

use std::io;
use std::path::PathBuf;

use anyhow::Result;

use crate::cli::prompt::PromptArgs;
use crate::connection::client::retry::RetryPolicy;
use crate::exit::{ExitStatus, Failure};
use crate::talk::replay::{self, Pace, Step};
use crate::talk::{HarFile, LogFile, Transcript, system_clock};
use crate::terminal::Status;

/// The communication log, to the files that `--log` and `--har` name.
pub(super) fn transcript(args: &PromptArgs) -> Result<Transcript> {
    let local = |what: &str, path: &PathBuf, error: io::Error| {
        let path = path.display();
        Failure::new(
            ExitStatus::LocalIo,
            format!("could not open the {what} '{path}': {error}"),
        )
    };
    for (flag, path) in [("--log", &args.log), ("--har", &args.har)] {
        if path.as_ref().is_some_and(|path| path.as_os_str() == "-") {
            return Err(Failure::usage(format!(
                "{flag} - would put the log between the messages on stdout; write {flag} FILE (./- for a file of that name), or --jsonl for events on stdout"
            ))
            .into());
        }
    }
    let log = match &args.log {
        Some(path) => Some(LogFile::open(path).map_err(|error| local("log", path, error))?),
        None => None,
    };
    let har = match &args.har {
        Some(path) => Some(HarFile::create(path).map_err(|error| local("HAR file", path, error))?),
        None => None,
    };
    let mut transcript = Transcript::new(system_clock()).with_log(log).with_har(har);
    transcript.set_decode(args.decode.unwrap_or_default());
    Ok(transcript)
}

/// Whether to connect again by itself.
pub(super) fn reconnect(args: &PromptArgs) -> Option<RetryPolicy> {
    args.reconnect
        .map(|attempts| RetryPolicy::RECONNECT.with_max_attempts(attempts.0))
}

/// What `--replay` is to send, at its pace.
pub(super) fn recording(args: &PromptArgs, status: Status) -> Result<Vec<Step>> {
    let Some(path) = &args.replay else {
        return Ok(Vec::new());
    };
    let shown = path.display();
    let log = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("could not read the log '{shown}': {error}")))?;
    let recording = replay::read(&log)
        .map_err(|error| Failure::usage(format!("could not replay '{shown}': {error}")))?;
    for line in &recording.torn_lines {
        status.note(&format!("line {line} of '{shown}' is torn and passed over"));
    }
    let pace = match args.no_delay {
        true => Pace::AtOnce,
        false => Pace::Times(args.speed),
    };
    Ok(recording.at(pace))
}
