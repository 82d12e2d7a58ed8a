//! How a talk ended: the exit status, the error, and what `-v` says.

use std::time::Duration;

use anyhow::{Context, Error, Result};

use crate::cli::connect::ConnectArgs;
use crate::connection::Closed;
use crate::exit::{ExitStatus, Failure, status_of};
use crate::pipe::{End, Goal, InputError, Summary, silence};
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
    if let Some(note) = lost(summary) {
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
        }) => error.to_string(),
        Some(closed) if closed.received.is_some() => {
            format!("the peer closed the connection with code {}", closed.code())
        }
        _ => "the connection was lost".to_owned(),
    }
}

/// Messages that were given to a connection which ended before they left.
fn lost(summary: &Summary) -> Option<String> {
    let told = match summary.end {
        // What was wanted has come, or nobody wants it any more.
        End::Goal | End::OutputClosed | End::OutputFailed(_) => false,
        _ => summary.unsent > 0,
    };
    let messages = match summary.unsent {
        1 => "1 message was".to_owned(),
        count => format!("{count} messages were"),
    };
    told.then(|| {
        format!(
            "{messages} taken from the input and may not have left before the connection ended; not sent again"
        )
    })
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

/// What the end of a talk means.
pub(super) fn judge(
    summary: Summary,
    goal: Option<&Goal>,
    max_time: Option<Duration>,
) -> Result<ExitStatus> {
    let counts = counts(&summary);
    match summary.end {
        End::Goal | End::OutputClosed => Ok(ExitStatus::Success),
        End::Stopped(Stop::MaxTime) => {
            let limit = max_time.unwrap_or_default();
            let text = match summary.open {
                Some(_) => format!("not done within {limit:?} (--max-time); {counts}"),
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
        reason => format!(": {}", one_line(reason)),
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

/// A peer's text on one line, so that it cannot pass for a line of ours.
pub(super) fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
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

#[cfg(test)]
mod tests {
    use std::io;

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::connection::{CloseCode, CloseFrame, SocketError};

    fn summary(end: End, closed: Option<Closed>) -> Summary {
        Summary {
            end,
            closed,
            sent: 3,
            received: 2,
            unsent: 0,
            was_closing: false,
            open: Some(Duration::from_secs(1)),
            input_ended: true,
            first_message: None,
        }
    }

    fn closed(by_peer: bool, code: u16, error: Option<SocketError>) -> Option<Closed> {
        let code = CloseCode::try_from(code).ok();
        Some(Closed {
            received: code.map(|code| CloseFrame::new(code, "two\nlines")),
            sent: None,
            by_peer,
            error,
        })
    }

    #[test]
    fn every_end_has_its_status() {
        use ExitStatus::{
            Expectation, Interrupted, LocalIo, PeerClosed, Protocol, Success, Terminated, Timeout,
        };
        let quiet = || End::Quiet { owed: true };
        let peer = || End::Peer;
        let full = || End::OutputFailed(io::Error::other("full"));
        let lost = || closed(false, 0, Some(SocketError::Lost));
        let broken = || closed(false, 0, Some(SocketError::Utf8(String::new())));
        let unanswered = || {
            let error = SocketError::CloseTimeout(Duration::from_secs(5));
            closed(false, 0, Some(error))
        };
        type Case = (fn() -> End, fn() -> Option<Closed>, ExitStatus, ExitStatus);
        // (end, closed, status without a goal, status with one that is unmet)
        let cases: [Case; 14] = [
            (quiet, || closed(false, 1000, None), Success, Expectation),
            (quiet, unanswered, Timeout, Expectation),
            (quiet, lost, PeerClosed, Expectation),
            (
                || End::Close,
                || closed(false, 4000, None),
                Success,
                Expectation,
            ),
            (peer, || closed(true, 1000, None), Success, Expectation),
            (peer, || closed(true, 1001, None), Success, Expectation),
            (peer, || closed(true, 1011, None), PeerClosed, Expectation),
            (peer, lost, PeerClosed, Expectation),
            (peer, broken, Protocol, Protocol),
            (|| End::OutputClosed, || None, Success, Success),
            (full, || None, LocalIo, LocalIo),
            (
                || End::Stopped(Stop::Interrupt),
                || None,
                Interrupted,
                Interrupted,
            ),
            (
                || End::Stopped(Stop::Terminate),
                || None,
                Terminated,
                Terminated,
            ),
            (|| End::Stopped(Stop::MaxTime), || None, Timeout, Timeout),
        ];
        for (end, closed, without, with) in cases {
            for (goal, expected) in [(None, without), (Some(&Goal::Count(3)), with)] {
                let result = judge(summary(end(), closed()), goal, None);
                let status = result.unwrap_or_else(|e| status_of(&e));
                assert_eq!(status, expected, "{:?} {:?}", end(), closed());
            }
        }
        let met = summary(End::Goal, lost());
        assert_eq!(judge(met, Some(&Goal::Count(2)), None).unwrap(), Success);
    }

    #[test]
    fn what_is_told_besides() {
        let note_with = |flags: &[&str], summary: &Summary| {
            let flags = [&["wscli", "connect", "ws://h"], flags].concat();
            let Some(Command::Connect(args)) = Cli::try_parse_from(flags).unwrap().command else {
                panic!("not connect");
            };
            note(summary, &args)
        };
        let owed = summary(End::Quiet { owed: true }, None);
        assert_eq!(
            note_with(&[], &owed).as_deref(),
            Some("3 sent, 2 received; stopped after 10 s of silence (see --linger, -n)")
        );
        assert_eq!(note_with(&["-w", "1"], &owed), None);
        let mut early = summary(End::Peer, None);
        assert_eq!(note_with(&[], &early), None);
        early.input_ended = false;
        assert_eq!(
            note_with(&[], &early).as_deref(),
            Some("the peer closed before the end of the input; 3 sent, 2 received")
        );
    }

    #[test]
    fn what_may_be_lost_is_counted() {
        let mut lossy = summary(End::Peer, None);
        assert_eq!(lost(&lossy), None);
        lossy.unsent = 2;
        assert_eq!(
            lost(&lossy).as_deref(),
            Some(
                "2 messages were taken from the input and may not have left before the connection ended; not sent again"
            )
        );
        lossy.end = End::Goal;
        assert_eq!(lost(&lossy), None);
    }

    #[test]
    fn a_reason_stays_on_its_line() {
        let result = judge(summary(End::Peer, closed(true, 4000, None)), None, None);
        assert_eq!(
            result.unwrap_err().to_string(),
            r"the peer closed the connection with code 4000: two\nlines"
        );
    }
}
