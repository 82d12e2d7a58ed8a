//! `--replay`: the user's half of an earlier log, said again.

use std::time::Duration;

use tokio::time::Instant;

use super::session::{Session, State};
use crate::talk::Source;
use crate::talk::replay::Action;
use crate::talk::text::duration;

/// How long a recorded connection that the peer ended may last here before the
/// replay goes on without another one.
const PATIENCE: Duration = Duration::from_secs(5);

impl Session {
    /// The replay goes on when the state allows it.
    pub(super) fn replay_on(&mut self) {
        if self.replay_waits_for_close_until.take().is_some() {
            // The time of the step had come already.
            self.replay_at = Some(Instant::now());
        } else if let (Some(step), None) = (self.replay.front(), self.replay_at) {
            self.replay_at = Some(Instant::now() + step.delay);
        }
    }

    pub(super) fn replay_step(&mut self) {
        self.replay_at = None;
        let opens = self
            .replay
            .front()
            .is_some_and(|step| step.action == Action::Open);
        match self.state {
            // It goes on when that has come to its end.
            State::Connecting | State::Closing => return,
            State::Ready | State::Closed if !opens => {
                if self.will_connect() {
                    return;
                }
                let left = self.replay.len();
                self.replay.clear();
                self.complain(&format!(
                    "the replay stopped with {left} steps left: the connection is closed"
                ));
                return;
            }
            State::Open if opens => {
                if !self.close_is_overdue() {
                    return;
                }
                self.replay.pop_front();
            }
            _ => self.replay_action(),
        }
        if self.replay.is_empty() {
            self.say(&format!("The replay is done: {} steps", self.replayed));
        } else if self.state == State::Open {
            self.replay_on();
        }
    }

    /// The peer closed in the recording before this connection was opened, and
    /// has not done so here: whether it was waited for long enough. A server
    /// may be slower to close than it was, and what follows belongs to the next
    /// connection.
    fn close_is_overdue(&mut self) -> bool {
        let now = Instant::now();
        let until = *self
            .replay_waits_for_close_until
            .get_or_insert(now + PATIENCE);
        if now < until {
            self.replay_at = Some(until);
            return false;
        }
        self.replay_waits_for_close_until = None;
        self.complain(&format!(
            "the peer closed here in the recording, and has not closed within {}; the replay goes on over this connection",
            duration(PATIENCE)
        ));
        true
    }

    fn replay_action(&mut self) {
        let Some(step) = self.replay.pop_front() else {
            return;
        };
        self.replayed += 1;
        let outgoing = match step.action {
            Action::Open => return self.connect(),
            Action::Send(outgoing) => outgoing,
        };
        self.hand_over(outgoing, Source::User);
    }
}
