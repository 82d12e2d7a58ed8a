//! How a talk ended: the exit status, the error, and what `-v` says.

use std::time::Duration;

use anyhow::{Context, Error, Result};

use super::input::goal;
use crate::cli::connect::ConnectArgs;
use crate::connection::client::reconnect::Outlook;
use crate::connection::{Closed, diagnose};
use crate::exit::{ExitStatus, Failure, status_of, status_of_socket};
use crate::pipe::{End, Goal, InputError, Quiet, Rest, Summary, silence};
use crate::talk::{Stop, sentence};
use crate::terminal::Status;

/// The status of an end by a signal or by the time limit.
pub(super) fn status_of_stop(stop: Stop) -> ExitStatus {
    match stop {
        Stop::Interrupt => ExitStatus::Interrupted,
        Stop::HangUp => ExitStatus::HungUp,
        Stop::Terminate => ExitStatus::Terminated,
        Stop::MaxTime => ExitStatus::Timeout,
    }
}

/// What an end from outside means that came before there was anything to end.
///
/// # Errors
/// Exit 9 for the time limit.
pub(super) fn of_stop(stop: Stop, max_time: Option<Duration>) -> Result<ExitStatus> {
    match stop {
        Stop::MaxTime => {
            let limit = max_time.unwrap_or_default();
            let text = format!("not connected within {limit:?} (--max-time)");
            Err(Failure::new(ExitStatus::Timeout, text).into())
        }
        stop => Ok(status_of_stop(stop)),
    }
}

/// Tells how a connection ended; `goes_on`: nobody needs to be told that it
/// was early.
pub(super) fn tell(status: Status, summary: &Summary, args: &ConnectArgs, goes_on: bool) {
    if let Some(after) = summary.first_message {
        status.info(&format!("first message {after:.1?} after the upgrade"));
    }
    status.info(&format!("ended: {}", why(summary)));
    if !goes_on && let Some(note) = note(summary, args) {
        status.note(&note);
    }
}

/// Why a connection came to its end, for who connects again.
pub(super) fn of_connection(summary: &Summary) -> String {
    if let End::NotOpened(error) = &summary.end {
        return sentence(error.as_ref());
    }
    match &summary.closed {
        Some(Closed {
            error: Some(error), ..
        }) => sentence(error),
        Some(closed) if closed.received.is_some() => closed_by_peer(closed),
        _ => "the connection was lost".to_owned(),
    }
}

/// What this end says of another attempt.
pub(super) fn outlook(summary: &Summary) -> Outlook {
    match (&summary.end, &summary.closed) {
        (End::NotOpened(error), _) => Outlook::after_failure(error),
        (End::Peer, Some(closed)) => Outlook::after_close(closed),
        _ => Outlook::MayPass,
    }
}

/// Messages that were given to a connection which ended before they left, where
/// another one follows; so many of them have been told of before.
pub(super) fn lost(summary: &Summary, told: u64) -> Option<String> {
    let lost = match summary.end {
        // What was wanted has come, or nobody wants it any more.
        End::Goal | End::Done { .. } | End::OutputClosed | End::OutputFailed(_) => 0,
        _ => summary.lost.saturating_sub(told),
    };
    (lost > 0).then(|| {
        format!(
            "{} taken from the input and may not have left before the connection ended; not sent again",
            messages(lost)
        )
    })
}

fn messages(count: u64) -> String {
    match count {
        1 => "1 message was".to_owned(),
        count => format!("{count} messages were"),
    }
}

fn counts(summary: &Summary) -> String {
    format!("{} sent, {} received", summary.sent, summary.received)
}

fn why(summary: &Summary) -> String {
    let reason = match &summary.end {
        End::Goal => "what was waited for has come",
        End::Done { .. } => "all steps are done",
        End::Unmet(_) => "a step is not met",
        End::Quiet(_) => "the wait after the end of the input is over",
        End::Close => "the input said to close",
        End::Peer => match &summary.closed {
            Some(Closed { received: None, .. }) | None => "the connection was lost",
            Some(_) => "the peer closed",
        },
        End::NotOpened(_) => "the connection could not be opened",
        End::Stopped(Stop::Interrupt) => "interrupted",
        End::Stopped(Stop::HangUp) => "hung up",
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

/// What the user must know besides the error, or although there is none.
fn note(summary: &Summary, args: &ConnectArgs) -> Option<String> {
    match &summary.end {
        End::Quiet(quiet) => silence_note(*quiet, summary),
        End::Goal | End::Done { .. } => {
            let error = summary.closed.as_ref()?.error.as_ref()?;
            Some(format!("while closing: {error}"))
        }
        End::Peer => {
            let is_error = summary.closed.as_ref().is_some_and(|c| closed(c).is_err());
            match shortfall(summary) {
                // Else it is the error.
                Some(shortfall) => {
                    (is_error || goal(&args.end).is_some()).then(|| shortfall.to_string())
                }
                None if is_error || goal(&args.end).is_some() => None,
                None => farewell(summary),
            }
        }
        _ => None,
    }
}

fn silence_note(quiet: Quiet, summary: &Summary) -> Option<String> {
    let silence = match quiet {
        Quiet::Owed | Quiet::NothingSaid => silence::OWED,
        // One more than went out is a greeting. More are a feed, and this may
        // be a pause of it.
        Quiet::Settled if summary.received > summary.sent + 1 => silence::SETTLED,
        Quiet::Talkative => {
            return Some(format!(
                "the server keeps sending; stopped after {} s (see -n, --until, --linger)",
                silence::TALKATIVE.as_secs()
            ));
        }
        Quiet::Settled | Quiet::Stayed | Quiet::Failed => return None,
    };
    Some(format!(
        "{}; stopped after {} s of silence (see --linger, -n)",
        counts(summary),
        silence.as_secs()
    ))
}

/// What a peer that closed without fault may have wanted to say by it.
fn farewell(summary: &Summary) -> Option<String> {
    if summary.input != Rest::Ended {
        return Some(format!(
            "the peer closed before the end of the input; {}",
            counts(summary)
        ));
    }
    let closed = summary.closed.as_ref()?;
    (!closed.reason().is_empty()).then(|| closed_by_peer(closed))
}

/// What was asked for and has not been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Shortfall {
    /// Input that the peer did not wait for.
    #[error("{how} before the end of the input; {sent} sent, {received} received")]
    Input {
        how: &'static str,
        sent: u64,
        received: u64,
    },
    /// Messages that may not have left, or have not.
    #[error("{} taken from the input and may not have been sent", messages(*.0))]
    Unsent(u64),
    /// A stay that the peer has cut short.
    #[error("{how} after {:.1} s of {} s (--linger)", stayed.as_secs_f64(), asked.as_secs_f64())]
    Stay {
        how: &'static str,
        asked: Duration,
        stayed: Duration,
    },
    /// A stay at whose end there was no connection.
    #[error("there was no connection any more at the end of the {} s to stay (--linger)", .0.as_secs_f64())]
    Gone(Duration),
    /// Replies that went down with a connection.
    #[error("a connection was lost while replies were owed, and {0} of them are missing")]
    Replies(u64),
}

/// What makes a failure of an end that is none by itself.
fn shortfall(summary: &Summary) -> Option<Shortfall> {
    let how = match &summary.closed {
        Some(closed) if closed.by_peer => "the peer closed",
        _ => "the connection was lost",
    };
    let is_left = matches!(summary.input, Rest::More | Rest::Open);
    if is_left && matches!(summary.end, End::Peer) {
        let (sent, received) = (summary.sent, summary.received);
        return Some(Shortfall::Input {
            how,
            sent,
            received,
        });
    }
    let unsent = summary.lost + summary.kept;
    if unsent > 0 {
        return Some(Shortfall::Unsent(unsent));
    }
    if let Some(stay) = summary.stay {
        let (asked, stayed) = (stay.asked, stay.stayed);
        match &summary.end {
            // It begins with the end of the input, also of one that never said anything.
            End::Peer if stay.is_cut_short() => {
                return Some(Shortfall::Stay { how, asked, stayed });
            }
            End::Quiet(_) if summary.open.is_none() => return Some(Shortfall::Gone(asked)),
            _ => {}
        }
    }
    (summary.missing > 0).then_some(Shortfall::Replies(summary.missing))
}

/// What the end of a talk means.
pub(super) fn judge(
    mut summary: Summary,
    goal: Option<&Goal>,
    max_time: Option<Duration>,
) -> Result<ExitStatus> {
    let log_misses = summary.log_misses.take();
    let status = judge_talk(summary, goal, max_time)?;
    match log_misses {
        // How the talk went matters more than what is told of it.
        Some(misses) if status == ExitStatus::Success => {
            Err(Failure::new(ExitStatus::LocalIo, misses).into())
        }
        _ => Ok(status),
    }
}

fn judge_talk(
    summary: Summary,
    goal: Option<&Goal>,
    max_time: Option<Duration>,
) -> Result<ExitStatus> {
    let counts = counts(&summary);
    match summary.end {
        End::Goal | End::OutputClosed => Ok(ExitStatus::Success),
        End::Done { is_close_met } => done(&summary, is_close_met),
        End::Unmet(unmet) => {
            let failure = Failure::new(ExitStatus::Expectation, unmet.to_string());
            Err(failure.with_hint(unmet.hint()).into())
        }
        End::Stopped(Stop::MaxTime) => {
            let limit = max_time.unwrap_or_default();
            let text = match summary.open {
                Some(_) => {
                    let step = summary.step.map(|step| format!(" at {step}"));
                    let step = step.unwrap_or_default();
                    format!("not done within {limit:?} (--max-time){step}; {counts}")
                }
                None => format!("not connected within {limit:?} (--max-time)"),
            };
            Err(Failure::new(ExitStatus::Timeout, text).into())
        }
        End::Stopped(stop) => Ok(status_of_stop(stop)),
        End::NotOpened(error) => Err((*error).into()),
        End::OutputFailed(error) => Err(error).context("could not write to stdout"),
        End::InputFailed(error @ InputError::Io(_)) => {
            Err(Failure::new(ExitStatus::LocalIo, error.to_string()).into())
        }
        End::InputFailed(error) => Err(Failure::usage(error.to_string()).into()),
        End::Quiet(_) | End::Close | End::Peer => end_without_goal(&summary, goal),
    }
}

/// All steps are met: what else may fail is what they have sent, and a Close that none
/// of them awaited.
fn done(summary: &Summary, is_close_met: bool) -> Result<ExitStatus> {
    let is_by_peer = |closed: &&Closed| closed.by_peer && !is_close_met;
    if let Some(unawaited) = summary.closed.as_ref().filter(is_by_peer) {
        closed(unawaited)?;
    }
    let unsent = summary.lost + summary.kept;
    match unsent {
        0 => Ok(ExitStatus::Success),
        unsent => Err(Failure::new(
            ExitStatus::PeerClosed,
            Shortfall::Unsent(unsent).to_string(),
        )
        .into()),
    }
}

fn end_without_goal(summary: &Summary, goal: Option<&Goal>) -> Result<ExitStatus> {
    let result = summary.closed.as_ref().map_or(Ok(()), closed);
    match (goal, result) {
        // What came was broken: that says more than what did not.
        (Some(_), Err(error)) if status_of(&error) == ExitStatus::Protocol => Err(error),
        (Some(goal), result) => Err(unmet(goal, summary, result)),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => match shortfall(summary) {
            None => Ok(ExitStatus::Success),
            Some(shortfall) => {
                Err(Failure::new(ExitStatus::PeerClosed, shortfall.to_string()).into())
            }
        },
    }
}

/// How the closing of the connection counts on its own.
fn closed(closed: &Closed) -> Result<()> {
    if let Some(error) = &closed.error {
        // The reason of a Close that breaks the protocol is evidence all the same.
        let reason = match closed.reason() {
            "" => String::new(),
            reason => format!(": {}", one_line(reason)),
        };
        let text = format!("{}{reason}", sentence(error));
        return Err(Failure::new(status_of_socket(error), text).into());
    }
    if !closed.by_peer || matches!(closed.code(), 1000 | 1001 | 1005) {
        return Ok(());
    }
    let failure = Failure::new(ExitStatus::PeerClosed, closed_by_peer(closed));
    Err(failure.with_hint(hint(closed)).into())
}

fn hint(closed: &Closed) -> Option<String> {
    diagnose::of_close(closed).map(str::to_owned)
}

fn closed_by_peer(closed: &Closed) -> String {
    let reason = match closed.reason() {
        "" => String::new(),
        reason => format!(": {}", one_line(reason)),
    };
    format!(
        "the peer closed the connection with code {}{reason}",
        closed.code()
    )
}

/// A peer's text on one line, so that it cannot pass for a line of ours.
pub(super) fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

fn unmet(goal: &Goal, summary: &Summary, result: Result<()>) -> Error {
    let expected = match goal {
        Goal::Count(1) => "a message was expected".to_owned(),
        Goal::Count(count) => format!("{count} messages were expected"),
        Goal::Until(_) => "a message that matches --until was expected".to_owned(),
    };
    let cause = match (result, &summary.closed) {
        (Err(error), _) => error.to_string(),
        (Ok(()), Some(closed)) if closed.by_peer => closed_by_peer(closed),
        (Ok(()), _) => "the connection was closed".to_owned(),
    };
    let received = summary.received;
    Failure::new(
        ExitStatus::Expectation,
        format!("{expected}, {received} came; {cause}"),
    )
    .with_hint(summary.closed.as_ref().and_then(hint))
    .into()
}

#[cfg(test)]
mod tests;
