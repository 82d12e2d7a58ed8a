//! `--replay`: the user's half of an earlier log, said again at its time.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep_until};

use super::line::Line;
use super::outgoing::Outgoing;
use super::replay::{Action, Step};
use crate::connection::CloseFrame;

/// How long a recorded connection that the peer ended may last here before the
/// replay goes on without another one.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Says the steps of a recording over a line, with a connection for every one
/// of the recording.
#[derive(Debug, Default)]
pub struct Player {
    steps: VecDeque<Step>,
    /// When the next step is due.
    due: Option<Instant>,
    /// Until when a close by the peer that was recorded is waited for.
    closes_until: Option<Instant>,
    done: usize,
}

/// What a player does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Play {
    /// Connect again.
    Connect,
    /// Send this.
    Send(Outgoing),
    /// The peer closed here in the recording, and has not closed in time: the
    /// recorded connection is left out.
    NotClosed,
    /// The connection is closed, and so many steps are left.
    Stopped(usize),
}

impl Player {
    /// A player that is at its beginning.
    pub fn new(steps: Vec<Step>) -> Self {
        Self {
            steps: steps.into(),
            ..Self::default()
        }
    }

    /// When it is to be asked for the next step.
    pub fn wake(&self) -> Option<Instant> {
        self.due
    }

    /// How many steps were played.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Whether no step is left.
    pub fn is_at_its_end(&self) -> bool {
        self.steps.is_empty()
    }

    /// A connection was opened or closed, or a step was played: the time of
    /// the next one begins.
    pub fn go_on(&mut self) {
        let now = Instant::now();
        if self.closes_until.take().is_some() {
            // The time of the step had come already.
            self.due = Some(now);
        } else if let (Some(step), None) = (self.steps.front(), self.due) {
            self.due = now.checked_add(step.delay);
        }
    }

    /// What is due by now; `None` when it goes on after the next change of
    /// the line, or at another time.
    pub fn next(&mut self, line: &Line) -> Option<Play> {
        self.due = None;
        let opens = self.steps.front()?.action == Action::Open;
        if line.has_connection() && !line.is_open() || line.is_connecting() {
            return None;
        }
        if !line.has_connection() && !opens {
            if line.is_reconnecting() {
                return None;
            }
            let left = self.steps.len();
            self.steps.clear();
            return Some(Play::Stopped(left));
        }
        if line.has_connection() && opens {
            if !self.close_is_overdue() {
                return None;
            }
            self.steps.pop_front();
            return Some(Play::NotClosed);
        }
        self.done += 1;
        Some(match self.steps.pop_front()?.action {
            Action::Open => Play::Connect,
            Action::Send(outgoing) => Play::Send(outgoing),
        })
    }

    /// The peer closed in the recording before this connection was opened, and
    /// has not done so here: whether it was waited for long enough. A server
    /// may be slower to close than it was, and what follows belongs to the next
    /// connection.
    fn close_is_overdue(&mut self) -> bool {
        let now = Instant::now();
        let until = *self.closes_until.get_or_insert(now + PATIENCE);
        if now < until {
            self.due = Some(until);
            return false;
        }
        self.closes_until = None;
        true
    }
}

/// What a recording sends, all over one connection: what closes it in between
/// is left out.
#[derive(Debug)]
pub struct OneConnection {
    /// How many connections the recording has.
    pub connections: usize,
    /// The Close at its end, if it has one.
    pub close: Option<CloseFrame>,
    steps: Vec<Step>,
}

impl OneConnection {
    /// The recording as one connection.
    pub fn new(mut steps: Vec<Step>) -> Self {
        let close = match steps.last() {
            Some(Step {
                action: Action::Send(Outgoing::Close(frame)),
                ..
            }) => Some(frame.clone()),
            _ => None,
        };
        if close.is_some() {
            steps.pop();
        }
        let opens = steps.iter().filter(|step| step.action == Action::Open);
        Self {
            connections: opens.count() + 1,
            close,
            steps,
        }
    }

    /// The messages, each when it is due: counted from the first look, so that
    /// the waits do not add up to more than was recorded.
    pub fn into_stream(self) -> impl Stream<Item = Outgoing> {
        let steps = self.steps.into_iter();
        stream::unfold((None, steps), |(last_due, mut steps)| async move {
            let mut due: Option<Instant> = last_due.or_else(|| Some(Instant::now()));
            let outgoing = loop {
                let step = steps.next()?;
                due = due.and_then(|due| due.checked_add(step.delay));
                match step.action {
                    Action::Open | Action::Send(Outgoing::Close(_)) => {}
                    Action::Send(outgoing) => break outgoing,
                }
            };
            match due {
                Some(due) => sleep_until(due).await,
                // Too far for the clock is for ever.
                None => std::future::pending().await,
            }
            Some((outgoing, (due, steps)))
        })
    }
}
