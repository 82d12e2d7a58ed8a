//! The engine: one task that owns the line, the input and the output, and
//! looks after all three at once.
//!
//! The bounds, in the order data flows: the input is read only when the
//! line takes another message; the line is read only while the output has
//! room, and written meanwhile all the same; the output holds a quarter of a
//! MiB and at most one message more. So a slow side slows the one before it
//! and nothing is lost or piled up. While the line's writes are blocked it
//! is still read, so that two sides that both write first cannot lock up.

mod deadlines;
mod feed;
mod incoming;
mod pass;
mod script;
mod scripted;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until};

use self::feed::{Feed, Next};
use self::pass::Pass;
use self::scripted::Script;
use super::config::{End, Goal, PipeConfig, Summary};
use super::framing::InputError;
use super::output::Output;
use super::run::{Pipe, PipeEvent, View};
use super::silence::{Rule, Silence};
use crate::connection::client::reconnect::Outlook;
use crate::talk::{Direction, LAST_MOMENT, Line, LineEvent, Outgoing, Source, Stop};

/// How many messages are taken from the input before the line is read again.
const BATCH: usize = 64;

/// How long a stopped talk may take to close and to write out what it has.
const GRACE: Duration = Duration::from_secs(1);

impl<I, W, S> Pipe<'_, I, W, S>
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    /// Talks until the end, and closes.
    pub async fn run(self, config: PipeConfig) -> Summary {
        Engine::new(self, config).run().await
    }
}

/// A talk over as many connections as it takes.
pub(super) struct Engine<'a, I: Stream, W, S> {
    line: Line,
    feed: Feed<I>,
    output: Output<W>,
    view: View<'a>,
    /// `None` when it has happened.
    stop: Option<S>,
    observe: &'a mut dyn FnMut(PipeEvent<'_>),
    config: PipeConfig,
    /// What waits for the line to take it: an echo.
    pending: Option<Outgoing>,
    /// Messages received, as far as they were wanted.
    received: u64,
    /// Messages that every connection began with.
    setup_sent: u64,
    /// Messages that may have left in part with earlier connections.
    lost: u64,
    /// Whether a connection was lost while replies were owed.
    lost_replies: bool,
    /// Whether it was told that a message holds what ends messages.
    is_torn_told: bool,
    silence: Silence,
    script: Option<Script>,
    timer: Pin<Box<Sleep>>,
    pass: Pass,
}

impl<'a, I, W, S> Engine<'a, I, W, S>
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    pub(super) fn new(pipe: Pipe<'a, I, W, S>, mut config: PipeConfig) -> Self {
        let now = Instant::now();
        let script = config.script.take().map(|script| Script::new(script, now));
        let has_steps = script.as_ref().is_some_and(|s| s.run.has_steps());
        let rule = match (config.linger, &config.goal, config.echo) {
            _ if has_steps => Rule::Never,
            (Some(linger), ..) => Rule::Linger(linger),
            (None, Some(_), _) | (None, _, true) => Rule::Never,
            (None, None, false) => Rule::Replies,
        };
        Self {
            line: pipe.line,
            feed: Feed::new(pipe.input, config.waits),
            output: Output::new(pipe.output),
            view: pipe.view,
            stop: Some(pipe.stop),
            observe: pipe.observe,
            config,
            pending: None,
            received: 0,
            setup_sent: 0,
            lost: 0,
            lost_replies: false,
            is_torn_told: false,
            silence: Silence::new(rule, now),
            script,
            timer: Box::pin(sleep_until(now)),
            pass: Pass::default(),
        }
    }

    /// Talks until the end, closes, and ends the log.
    pub(super) async fn run(mut self) -> Summary {
        let mut summary = self.talk().await;
        let is_hard = matches!(summary.end, End::Stopped(_));
        summary.log_misses = self.line.finish_log(is_hard).await;
        self.tell_log_trouble();
        summary
    }

    async fn talk(&mut self) -> Summary {
        if !self.line.has_connection() {
            self.line.connect();
        }
        loop {
            poll_fn(|cx| self.poll(cx)).await;
            let untouched = self.line.take_untouched();
            self.feed.give_back(untouched);
            if let Some(End::Peer) = &self.pass.end {
                self.look_for_rest().await;
            }
            let again = self.goes_on();
            let summary = self.summary(again);
            (self.observe)(PipeEvent::Ended {
                summary: &summary,
                again,
            });
            if !again {
                return summary;
            }
            let Some((wait, attempt)) = self.line.connect_later() else {
                (self.observe)(PipeEvent::NoneLeft);
                return summary;
            };
            (self.observe)(PipeEvent::Waiting { wait, attempt });
            self.silence.restart(Instant::now());
        }
    }

    /// Ready when the connection is closed and the output written.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.poll_stop(cx);
            let drained = self.poll_output(cx);
            let mut happened = false;
            if self.pass.over {
                if drained {
                    return Poll::Ready(());
                }
            } else {
                self.poll_input(cx);
                happened = self.poll_line(cx);
                if self.line.has_connection() && !self.line.is_open() {
                    self.pass.closing.get_or_insert_with(Instant::now);
                }
            }
            // A peer that never stops sending must not outlast a deadline.
            let due = if happened {
                self.meet_deadline();
                true
            } else {
                self.poll_timer(cx).is_ready()
            };
            if self.pass.is_given_up() {
                if !drained {
                    self.pass.cut_off();
                }
                return Poll::Ready(());
            }
            if !due {
                return Poll::Pending;
            }
        }
    }

    /// Whether the talk has reason to go on over another connection: this one
    /// could not be opened, was lost, or was closed by the peer otherwise than
    /// with 1000 or without a code, by which a peer says that it is done; and
    /// something is still to be sent or to come.
    fn goes_on(&self) -> bool {
        match &self.pass.end {
            _ if !self.line.reconnects() => false,
            Some(End::NotOpened(error)) => {
                self.line.reconnects_after(Outlook::after_failure(error))
            }
            Some(End::Peer)
                if self.pass.closed.as_ref().is_some_and(|closed| {
                    !self.line.reconnects_after(Outlook::after_close(closed))
                }) =>
            {
                false
            }
            Some(End::Peer) if !self.pass.was_closing => {
                let config = &self.config;
                let waits = config.goal.is_some() || config.echo || config.linger.is_some();
                // Nobody owes a reply to what never left.
                let owed = self.received + self.line.unsent() < self.line.sent();
                !self.pass.is_done_by_peer() && (!self.feed.is_done() || waits || owed)
            }
            _ => false,
        }
    }

    /// What the talk has come to; the next connection begins anew.
    fn summary(&mut self, again: bool) -> Summary {
        if self.line.has_connection() {
            self.line.abandon("the connection was not closed in time");
        }
        self.tell_log_trouble();
        let sent = self.line.sent();
        self.lost += self.line.take_unsent();
        let owed = self.line.sent().saturating_sub(self.received);
        let by_count = matches!(self.silence.rule(), Rule::Replies | Rule::Failed);
        self.lost_replies |= again && owed > 0 && self.pass.open.is_some();
        let pass = std::mem::take(&mut self.pass);
        let step = self.script.as_ref().and_then(|s| s.run.progress());
        Summary {
            step: step.map(|(step, of, label)| format!("step {step} of {of}, {label}")),
            end: pass.end.unwrap_or(End::Peer),
            closed: pass.closed,
            open: pass.open.or(pass.start.map(|start| start.elapsed())),
            sent,
            received: self.received,
            lost: self.lost,
            kept: self.feed.kept(),
            log_misses: None,
            missing: if by_count && self.lost_replies {
                owed
            } else {
                0
            },
            input: self.feed.rest(),
            stay: self.silence.stay(pass.closing.unwrap_or_else(Instant::now)),
            first_message: pass.first_message,
        }
    }

    fn tell_log_trouble(&mut self) {
        for trouble in self.line.transcript().trouble() {
            (self.observe)(PipeEvent::LogTrouble(trouble));
        }
    }

    fn poll_stop(&mut self, cx: &mut Context<'_>) {
        let Some(stop) = &mut self.stop else { return };
        let Poll::Ready(stop) = Pin::new(stop).poll(cx) else {
            return;
        };
        self.stop = None;
        let grace = match stop {
            Stop::MaxTime => LAST_MOMENT,
            _ => GRACE,
        };
        self.pass.hard_deadline = Some(Instant::now() + grace);
        self.pass.stopped = Some(stop);
        // What was waited for has come: the limit no longer matters.
        if stop == Stop::MaxTime
            && matches!(
                self.pass.end,
                Some(End::Goal | End::Done { .. } | End::Unmet(_))
            )
        {
            return;
        }
        self.finish(End::Stopped(stop));
    }

    /// Whether everything was written.
    fn poll_output(&mut self, cx: &mut Context<'_>) -> bool {
        match self.output.poll_drain(cx) {
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
            // What was asked for is still to be done.
            Poll::Ready(Err(error))
                if self.has_steps() && error.kind() == io::ErrorKind::BrokenPipe =>
            {
                self.output.abandon();
                true
            }
            Poll::Ready(Err(error)) => {
                self.output.abandon();
                self.pass.discard = true;
                self.finish(match error.kind() {
                    io::ErrorKind::BrokenPipe => End::OutputClosed,
                    _ => End::OutputFailed(error),
                });
                true
            }
        }
    }

    /// Moves input into the line, as long as that takes it.
    fn poll_input(&mut self, cx: &mut Context<'_>) {
        if self.script.is_some() {
            self.poll_script(cx);
            if self.has_steps() {
                return;
            }
        }
        for _ in 0..BATCH {
            if self.pass.end.is_some() {
                return;
            }
            // The line first: what it cannot take is not read.
            match self.line.poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                // Closed or closing: the events tell how.
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
            if let Some(pending) = self.pending.take() {
                self.send(pending, Source::Automatic);
                continue;
            }
            match self.feed.poll_next(cx) {
                Poll::Ready(Next::Send(outgoing)) => self.send(outgoing, Source::User),
                Poll::Ready(Next::Failed) => self.silence.set_rule(Rule::Failed),
                Poll::Ready(Next::Ended) => return self.on_end_of_input(),
                Poll::Pending => return,
            }
        }
        // There is more: come back after a look at the line.
        cx.waker().wake_by_ref();
    }

    fn on_end_of_input(&mut self) {
        if self.line.is_flushed() {
            self.silence.end_of_input(Instant::now());
        }
        // That no reply to an input is to come decides what was counted.
        if self.is_count_reached() {
            self.goal_is_met();
        }
    }

    /// Whether as many messages have come as are waited for. What answers
    /// `--setup` comes on top, for it is no reply to the input; since not all of
    /// it may be answered, a second of silence decides when the count alone
    /// does not.
    fn is_count_reached(&self) -> bool {
        let answers = match self.feed.was_empty() {
            true => 0,
            false => self.setup_sent,
        };
        self.has_counted(answers)
    }

    /// Whether the count that is waited for, and so many more, have come.
    fn has_counted(&self, more: u64) -> bool {
        match self.config.goal {
            Some(Goal::Count(count)) => self.received >= count.saturating_add(more),
            _ => false,
        }
    }

    fn send(&mut self, outgoing: Outgoing, source: Source) {
        if let Outgoing::Close(frame) = outgoing {
            self.feed.end();
            self.config.close = frame;
            self.finish(End::Close);
            return;
        }
        // The line has just said that it is ready, so it takes this.
        let _ = self.line.send(outgoing, source);
    }

    /// Takes one event from the line, besides what was sent, where the output
    /// has room for it and no echo waits; else it only writes. Whether there
    /// was an event.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> bool {
        let is_taken = self.script.as_ref().is_none_or(|s| s.run.has_room());
        let has_room = self.output.has_room() && self.pending.is_none() && is_taken;
        if !has_room && !self.pass.discard && self.line.has_connection() {
            self.pass.full_since.get_or_insert_with(Instant::now);
            while let Poll::Ready(event) = self.line.poll_sent(cx) {
                self.on_line_event(event);
            }
            return false;
        }
        if let Some(since) = self.pass.full_since.take() {
            self.silence.excused(since, Instant::now());
            if let Some(script) = &mut self.script {
                script.run.excused(since, Instant::now());
            }
        }
        let mut happened = false;
        while let Poll::Ready(event) = self.line.poll_event(cx) {
            happened = true;
            // A flush makes an entry of all that was sent since the last: to
            // take one at a time would pile them up.
            let was_sent = matches!(&event, LineEvent::Entry(entry)
                if entry.direction == Direction::Out);
            self.on_line_event(event);
            if !was_sent {
                break;
            }
        }
        if let (false, Some(script)) = (happened, &mut self.script) {
            script.nothing(Instant::now());
        }
        happened
    }

    /// The talk ends by this, if it is not ending already, and the line
    /// closes. A stop takes the place of any other end, and what came but
    /// cannot be written takes the place of an end without a failure of ours.
    /// Finds out what is left of the input, unless the talk is stopped meanwhile.
    async fn look_for_rest(&mut self) {
        let Some(stop) = &mut self.stop else {
            return self.feed.look().await;
        };
        let stop = tokio::select! {
            biased;
            () = self.feed.look() => return,
            stop = stop => stop,
        };
        self.stop = None;
        self.pass.stopped = Some(stop);
        self.pass.end = Some(End::Stopped(stop));
    }

    fn finish(&mut self, end: End) {
        match (&self.pass.end, &end) {
            (None, _) | (Some(_), End::Stopped(_)) => {}
            // It came while the connection was being closed.
            (Some(End::Quiet(_) | End::Close), End::Goal) => {}
            (
                Some(End::Goal | End::Done { .. } | End::Peer | End::Quiet(_) | End::Close),
                End::OutputFailed(_),
            ) => {}
            (Some(_), _) => return,
        }
        let source = match end {
            End::Close => Source::User,
            _ => Source::Automatic,
        };
        self.pass.end = Some(match self.feed.take_failure() {
            Some(error) if !matches!(end, End::Stopped(_)) => End::InputFailed(error),
            _ => end,
        });
        if !self.line.has_connection() {
            self.line.stop_connecting();
            self.pass.over = true;
        }
        // One that is closing already goes on with that.
        let _ = self.line.close(self.config.close.clone(), source);
    }
}

#[cfg(test)]
mod tests;
