//! The script beside a talk: its rules see what comes, and where it has steps, they
//! take the place of the input.

use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::Engine;
use crate::connection::Closed;
use crate::pipe::config::End;
use crate::pipe::framing::InputError;
use crate::script::{Act, Closing};
use crate::talk::{Kind, Outgoing, Source, Stop, sentence};

impl<I, W, S> Engine<'_, I, W, S>
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    /// Whether the steps of a script say what is sent and when the talk is over.
    pub(super) fn has_steps(&self) -> bool {
        self.script.as_ref().is_some_and(|s| s.run.has_steps())
    }

    /// Does what the script says, as far as the line takes it.
    pub(super) fn poll_script(&mut self, cx: &mut Context<'_>) {
        for _ in 0..super::BATCH {
            let can_send = matches!(self.line.poll_ready(cx), Poll::Ready(Ok(())));
            if !self.step(can_send) {
                return;
            }
        }
        // There is more: come back after a look at the line.
        cx.waker().wake_by_ref();
    }

    /// Does the next thing that the script says; whether something was sent, so that
    /// there may be more.
    fn step(&mut self, can_send: bool) -> bool {
        let Some(script) = &mut self.script else {
            return false;
        };
        if self.pass.end.is_some() || self.pass.start.is_none() {
            return false;
        }
        script.due = None;
        match script.run.next(Instant::now(), can_send) {
            Act::Send { message, by_rule } => {
                let source = match by_rule {
                    true => Source::Automatic,
                    false => Source::User,
                };
                self.send(Outgoing::Message(message), source);
                return true;
            }
            Act::Wait(due) => script.due = due,
            Act::Done => {
                let is_close_met = script.run.is_close_met();
                self.finish(End::Done { is_close_met });
            }
            Act::Failed(unmet) => self.finish(End::Unmet(unmet)),
        }
        false
    }

    /// The connection is open.
    pub(super) fn script_opened(&mut self, now: Instant) {
        if let Some(script) = &mut self.script {
            script.nothing(now);
            script.run.opened(now);
        }
    }

    /// A message has come.
    pub(super) fn script_arrived(&mut self, message: &Kind, now: Instant) {
        if let Some(script) = &mut self.script {
            script.arrived(message, now);
        }
    }

    /// The connection has come to its end: what came before is looked at first.
    pub(super) fn script_closed(&mut self, closed: &Closed) {
        let Some(script) = &mut self.script else {
            return;
        };
        let closing = Closing {
            code: closed.code(),
            reason: closed.reason().to_owned(),
            error: closed.error.as_ref().map(|error| sentence(error)),
        };
        script.run.closed(closing, Instant::now());
        self.step(false);
    }
}
