//! A log or a HAR file, read again: the user's half of it, with its timing.

use std::time::Duration;

use thiserror::Error;

use super::entry::{Direction, Entry, Kind, Source};
use super::har_replay::{self, HarError, Sent};
use super::jsonl;
use super::outgoing::Outgoing;
use crate::connection::{CloseCode, CloseFrame, Message};

/// What to do again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open the next connection. The first is open before a replay begins.
    Open,
    /// Send this, be it a Close frame.
    Send(Outgoing),
}

/// An action and the time since the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How long to wait first.
    pub delay: Duration,
    /// What to do then.
    pub action: Action,
}

/// How fast to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many times the recorded speed; over 0.
    Times(f64),
    /// Without any delay.
    AtOnce,
}

/// The user's half of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    /// What the user did, in order.
    pub steps: Vec<Step>,
    /// The numbers of the torn lines that were passed over.
    pub torn_lines: Vec<usize>,
}

/// Why a log cannot be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// A line in the middle of the log is no event.
    #[error("line {line} of the log is no event: {cause}; see docs/log-format.md")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// Of a HAR file.
    #[error(transparent)]
    Har(#[from] HarError),
}

/// Reads a log, or a HAR file. A torn line is passed over where a crash can have left one:
/// at the end of the file, and before the beginning of another run.
///
/// # Errors
/// A [`ReplayError`] for any other line that is no event.
pub fn read(log: &[u8]) -> Result<Recording, ReplayError> {
    if let Some(har) = har_replay::read(log) {
        return Ok(of_har(har?));
    }
    let mut recording = Recording::default();
    let mut reader = Reader::default();
    let mut broken: Option<(usize, serde_json::Error)> = None;
    for (index, text) in log.split(|byte| *byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match jsonl::parse(text) {
            Err(cause) => {
                if let Some((line, cause)) = broken {
                    return Err(ReplayError::Line { line, cause });
                }
                broken = Some((index + 1, cause));
            }
            Ok(entry) => {
                if let Some((line, cause)) = broken.take() {
                    if entry.seq != 1 {
                        return Err(ReplayError::Line { line, cause });
                    }
                    recording.torn_lines.push(line);
                }
                recording.steps.extend(reader.step(entry));
            }
        }
    }
    if let Some((line, cause)) = broken {
        // Nothing but one broken line is not a log with a torn end.
        if line == 1 {
            return Err(ReplayError::Line { line, cause });
        }
        recording.torn_lines.push(line);
    }
    Ok(recording)
}

/// The connections of a HAR file, one after the other. It does not tell how they were
/// closed.
fn of_har(connections: Vec<Sent>) -> Recording {
    let mut steps = Vec::new();
    for (index, sent) in connections.into_iter().enumerate() {
        if index > 0 {
            steps.push(Step {
                delay: Duration::ZERO,
                action: Action::Open,
            });
        }
        steps.extend(sent.into_iter().map(|(delay, message)| Step {
            delay,
            action: Action::Send(Outgoing::Message(message)),
        }));
    }
    Recording {
        steps,
        torn_lines: Vec::new(),
    }
}

impl Recording {
    /// The steps at a pace.
    pub fn at(self, pace: Pace) -> Vec<Step> {
        let mut steps = self.steps;
        for step in &mut steps {
            step.delay = match pace {
                Pace::AtOnce => Duration::ZERO,
                Pace::Times(speed) => Duration::try_from_secs_f64(step.delay.as_secs_f64() / speed)
                    .unwrap_or(Duration::MAX),
            };
        }
        steps
    }
}

/// Turns entries into steps; remembers when the last one was.
#[derive(Default)]
struct Reader {
    last: Option<Duration>,
    opened: bool,
}

impl Reader {
    fn step(&mut self, entry: Entry) -> Option<Step> {
        if entry.seq == 1 {
            // Another run, with a clock of its own.
            self.last = None;
        }
        let by_user = entry.direction == Direction::Out && entry.source == Source::User;
        let offset = entry.moment.offset;
        let action = match entry.kind {
            Kind::Open(_) => {
                let first = !std::mem::replace(&mut self.opened, true);
                if first {
                    self.last = Some(offset);
                    return None;
                }
                Action::Open
            }
            kind if by_user => Action::Send(outgoing(kind)?),
            _ => return None,
        };
        let delay = self
            .last
            .map_or(Duration::ZERO, |last| offset.saturating_sub(last));
        self.last = Some(offset);
        Some(Step { delay, action })
    }
}

/// `None` for what is not sent.
fn outgoing(kind: Kind) -> Option<Outgoing> {
    Some(match kind {
        Kind::Text { data, .. } => Outgoing::Message(Message::Text(data)),
        Kind::Binary { data, .. } => Outgoing::Message(Message::Binary(data)),
        Kind::Ping { data } => Outgoing::Ping(data),
        Kind::Pong { data, .. } => Outgoing::Pong(data),
        Kind::Close(close) => Outgoing::Close(close_frame(close.code, &close.reason)),
        Kind::Open(_) | Kind::Error { .. } => return None,
    })
}

fn close_frame(code: u16, reason: &str) -> CloseFrame {
    CloseCode::try_from(code).map_or_else(
        |_| CloseFrame::default(),
        |code| CloseFrame::new(code, reason),
    )
}
