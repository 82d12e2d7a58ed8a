//! How a talk ended: the exit status, the error, and what `-v` says.

use std::time::Duration;

use anyhow::{Context, Error, Result};

use crate::cli::connect::ConnectArgs;
use crate::connection::Closed;
use crate::exit::{ExitStatus, Failure, status_of};
use crate::pipe::{End, Goal, InputError, Stop, Summary, silence};
use crate::terminal::Status;

/// What failed when stdout cannot be written.
pub(super) const OUTPUT_FAILED: &str = "could not write to stdout";

/// The end by a second signal, or by a first one with nothing left to report.
pub(super) fn of_stop(stop: Stop) -> Result<ExitStatus> {
    Ok(match stop {
        Stop::Interrupt => ExitStatus::Interrupted,
        Stop::Terminate => ExitStatus::Terminated,
        Stop::MaxTime => ExitStatus::Timeout,
    })
}

/// The end by a stop before there was a connection.
pub(super) fn stopped_before_open(stop: Stop, max_time: Option<Duration>) -> Result<ExitStatus> {
    match stop {
        Stop::MaxTime => Err(Failure::new(
            ExitStatus::Timeout,
            format!(
                "not connected within {:?} (--max-time)",
                max_time.unwrap_or_default()
            ),
        )
        .into()),
        stop => of_stop(stop),
    }
}

/// Tells how the talk ended, and returns what it means.
pub(super) fn report(
    status: Status,
    summary: Summary,
    goal: Option<&Goal>,
    args: &ConnectArgs,
    prompt: bool,
) -> Result<ExitStatus> {
    if let Some(after) = summary.first_message {
        status.info(&format!("first message {after:.1?} after the upgrade"));
    }
    status.info(&format!("ended: {}", why(&summary)));
    if !prompt && let Some(note) = note(&summary, args) {
        status.note(&note);
    }
    judge(summary, goal, args.transport.max_time)
}

fn counts(summary: &Summary) -> String {
    format!("{} sent, {} received", summary.sent, summary.received)
}

fn why(summary: &Summary) -> String {
    let reason = match &summary.end {
        End::Goal => "what was waited for has come",
        End::Quiet { .. } => "the wait after the end of the input is over",
        End::Close => "the input said to close",
        End::Peer => match &summary.closed {
            Some(Closed { received: None, .. }) | None => "the connection was lost",
            Some(_) => "the peer closed",
        },
        End::Stopped(Stop::Interrupt) => "interrupted",
        End::Stopped(Stop::Terminate) => "terminated",
        End::Stopped(Stop::MaxTime) => "the time limit has passed",
        End::OutputClosed => "nobody reads the output any more",
        End::OutputFailed(_) => "the output failed",
        End::InputFailed(_) => "the input failed",
    };
    let close = match &summary.closed {
        None => "not closed in time".to_owned(),
        Some(closed) => format!("close code {}", closed.code()),
    };
    format!("{reason}; {}; {close}", counts(summary))
}

/// What the user must know although it is no failure.
fn note(summary: &Summary, args: &ConnectArgs) -> Option<String> {
    match &summary.end {
        End::Quiet { owed: true } if args.end.linger.is_none() => Some(format!(
            "{}; stopped after {} s of silence (see --linger, -n)",
            counts(summary),
            silence::OWED.as_secs()
        )),
        End::Peer if !summary.input_ended => Some(format!(
            "the peer closed before the end of the input; {}",
            counts(summary)
        )),
        End::Goal => {
            let error = summary.closed.as_ref()?.error.as_ref()?;
            Some(format!("while closing: {error}"))
        }
        _ => None,
    }
}

fn judge(summary: Summary, goal: Option<&Goal>, max_time: Option<Duration>) -> Result<ExitStatus> {
    let counts = counts(&summary);
    match summary.end {
        End::Goal | End::OutputClosed => Ok(ExitStatus::Success),
        End::Stopped(Stop::MaxTime) => Err(Failure::new(
            ExitStatus::Timeout,
            format!(
                "not done within {:?} (--max-time); {counts}",
                max_time.unwrap_or_default()
            ),
        )
        .into()),
        End::Stopped(stop) => of_stop(stop),
        End::OutputFailed(error) => Err(error).context(OUTPUT_FAILED),
        End::InputFailed(error @ InputError::Io(_)) => {
            Err(Failure::new(ExitStatus::LocalIo, error.to_string()).into())
        }
        End::InputFailed(error) => Err(Failure::usage(error.to_string()).into()),
        End::Quiet { .. } | End::Close | End::Peer => {
            let result = summary.closed.map_or(Ok(()), closed);
            match (goal, result) {
                (None, result) => result.map(|()| ExitStatus::Success),
                // What came was broken: that says more than what did not.
                (Some(_), Err(error)) if status_of(&error) == ExitStatus::Protocol => Err(error),
                (Some(goal), result) => Err(unmet(goal, summary.received, result)),
            }
        }
    }
}

/// How the closing of the connection counts on its own.
fn closed(closed: Closed) -> Result<()> {
    if !(closed.by_peer && closed.error.is_none()) || matches!(closed.code(), 1000 | 1001 | 1005) {
        return closed.error.map_or(Ok(()), |error| Err(error.into()));
    }
    let reason = match closed.reason() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    Err(Failure::new(
        ExitStatus::PeerClosed,
        format!(
            "the peer closed the connection with code {}{reason}",
            closed.code()
        ),
    )
    .into())
}

fn unmet(goal: &Goal, received: u64, closed: Result<()>) -> Error {
    let expected = match goal {
        Goal::Count(1) => "a message was expected".to_owned(),
        Goal::Count(count) => format!("{count} messages were expected"),
        Goal::Until(_) => "a message that matches --until was expected".to_owned(),
    };
    let cause = match closed {
        Ok(()) => "the connection was closed".to_owned(),
        Err(error) => error.to_string(),
    };
    Failure::new(
        ExitStatus::Expectation,
        format!("{expected}, {received} came; {cause}"),
    )
    .into()
}
