//! `--replay`: the user's half of an earlier log, said again.

use tokio::time::Instant;

use super::session::{Session, State};
use crate::transcript::replay::Action;
use crate::transcript::{Outgoing, Source};

impl Session {
    /// The replay goes on when the state allows it.
    pub(super) fn replay_on(&mut self) {
        if let (Some(step), None) = (self.replay.front(), self.replay_at) {
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
            // The peer closed in the recording, and has not done so here.
            State::Open if opens => {
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

    fn replay_action(&mut self) {
        let Some(step) = self.replay.pop_front() else {
            return;
        };
        self.replayed += 1;
        let outgoing = match step.action {
            Action::Open => return self.connect(),
            Action::Send(message) => Outgoing::Message(message),
            Action::Ping(payload) => Outgoing::Ping(payload),
            Action::Pong(payload) => Outgoing::Pong(payload),
            Action::Close(frame) => Outgoing::Close(frame),
        };
        self.hand_over(outgoing, Source::User);
    }
}
