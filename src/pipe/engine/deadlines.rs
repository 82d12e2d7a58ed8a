//! What time alone brings about.

use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::Engine;
use crate::pipe::config::End;
use crate::pipe::framing::InputError;
use crate::pipe::silence::{Debt, SETTLED};
use crate::talk::{Outgoing, Stop};

impl<I, W, S> Engine<'_, I, W, S>
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    /// When silence ends the talk, and by what.
    pub(super) fn silence_ends(&mut self) -> Option<(Instant, End)> {
        if self.pass.end.is_some() || self.pass.full_since.is_some() {
            return None;
        }
        if self.has_counted(0) {
            return Some((self.silence.quiet_since() + SETTLED, End::Goal));
        }
        let debt = match self.received < self.line.sent() {
            true => Debt::Owed,
            false if self.feed.was_empty() => Debt::NothingSaid,
            false => Debt::Settled,
        };
        let (at, quiet) = self.silence.deadline(debt)?;
        Some((at, End::Quiet(quiet)))
    }

    /// Ends the talk where the silence has lasted long enough.
    pub(super) fn meet_deadline(&mut self) {
        if let Some((at, end)) = self.silence_ends()
            && at <= Instant::now()
        {
            match end {
                End::Goal => self.goal_is_met(),
                end => self.finish(end),
            }
        }
    }

    /// Pending until the next thing that time alone brings about.
    pub(super) fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let silence = self.silence_ends().map(|(at, _)| at);
        let is_judged = self.pass.end.is_none() && self.pass.full_since.is_none();
        let script = self.script.as_ref().filter(|_| is_judged);
        let step = script.and_then(|script| script.due);
        let deadlines = [silence, self.pass.hard_deadline, step];
        let Some(deadline) = deadlines.into_iter().flatten().min() else {
            return Poll::Pending;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.meet_deadline();
        if let (true, Some(script)) = (is_judged, &mut self.script) {
            script.passed(Instant::now());
        }
        Poll::Ready(())
    }
}
