//! The engine: one task that owns the line, the input and the output, and
//! looks after all three at once.
//!
//! The bounds, in the order data flows: the input is read only when the
//! line takes another message; the line is read only while the output has
//! room, and written meanwhile all the same; the output holds a quarter of a
//! MiB and at most one message more. So a slow side slows the one before it
//! and nothing is lost or piled up. While the line's writes are blocked it
//! is still read, so that two sides that both write first cannot lock up.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::Peekable;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::config::{End, Goal, PipeConfig, Summary};
use super::framing::{Framing, InputError};
use super::output::Output;
use super::run::{Pipe, PipeEvent, View};
use super::silence::{Rule, Silence};
use crate::connection::Closed;
use crate::decode::Records;
use crate::talk::jsonl::render_shared;
use crate::talk::{Direction, Ended, Entry, Kind, Line, LineEvent, Outgoing, Source, Stop};

/// How many messages are taken from the input before the line is read again.
const BATCH: usize = 64;

/// How long a stopped talk may take to close and to write out what it has.
const GRACE: Duration = Duration::from_secs(1);

/// How long an input may take to say that it is at its end when the peer has
/// closed.
const LAST_LOOK: Duration = Duration::from_millis(100);

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
    input: Peekable<I>,
    input_ended: bool,
    /// Why the input ended before its end.
    input_failed: Option<InputError>,
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
    silence: Silence,
    timer: Pin<Box<Sleep>>,
    pass: Pass,
}

/// What begins anew with each connection.
#[derive(Default)]
struct Pass {
    /// Why the talk is ending; the line is closing, or closed, from then on.
    end: Option<End>,
    /// Whether the connection, or the attempt at one, has come to its end.
    over: bool,
    /// Whether the talk was over before the peer closed.
    was_closing: bool,
    closed: Option<Closed>,
    /// How long the connection was open.
    open: Option<Duration>,
    /// Whether the output was full at the last look.
    output_full: bool,
    /// Whether messages are of no interest any more.
    discard: bool,
    /// When to give up on the closing handshake and the output.
    hard_deadline: Option<Instant>,
    /// When the connection was opened.
    start: Option<Instant>,
    first_message: Option<Duration>,
}

impl<'a, I, W, S> Engine<'a, I, W, S>
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    pub(super) fn new(pipe: Pipe<'a, I, W, S>, config: PipeConfig) -> Self {
        let now = Instant::now();
        let rule = match (config.linger, &config.goal, config.echo) {
            (Some(linger), ..) => Rule::Linger(linger),
            (None, Some(_), _) | (None, _, true) => Rule::Never,
            (None, None, false) => Rule::Replies,
        };
        Self {
            line: pipe.line,
            input: pipe.input,
            input_ended: false,
            input_failed: None,
            output: Output::new(pipe.output),
            view: pipe.view,
            stop: Some(pipe.stop),
            observe: pipe.observe,
            config,
            pending: None,
            received: 0,
            silence: Silence::new(rule, now),
            timer: Box::pin(sleep_until(now)),
            pass: Pass::default(),
        }
    }

    /// Talks until the end, and closes.
    pub(super) async fn run(mut self) -> Summary {
        if !self.line.has_connection() {
            self.line.connect();
        }
        loop {
            poll_fn(|cx| self.poll(cx)).await;
            self.look_for_end_of_input().await;
            let again = self.goes_on();
            let summary = self.summary();
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
            if self.pass.over {
                if drained {
                    return Poll::Ready(());
                }
            } else {
                self.poll_input(cx);
                if self.poll_line(cx) {
                    continue;
                }
            }
            if self.poll_timer(cx).is_pending() {
                return Poll::Pending;
            }
            if self
                .pass
                .hard_deadline
                .is_some_and(|at| at <= Instant::now())
            {
                return Poll::Ready(());
            }
        }
    }

    /// Finds out whether a peer that closed left input unsent. An input that
    /// is empty says so at once; one that says nothing is not at its end.
    async fn look_for_end_of_input(&mut self) {
        if let (Some(End::Peer), false) = (&self.pass.end, self.input_ended)
            && let Ok(None) = timeout(LAST_LOOK, Pin::new(&mut self.input).peek()).await
        {
            self.input_ended = true;
        }
    }

    /// Whether the talk has reason to go on over another connection: this one
    /// could not be opened, was lost, or was closed by the peer otherwise than
    /// with 1000 or without a code, by which a peer says that it is done; and
    /// something is still to be sent or to come.
    fn goes_on(&self) -> bool {
        match &self.pass.end {
            _ if !self.line.reconnects() => false,
            // What is wrong on this side does not mend itself.
            Some(End::NotOpened(error)) => !error.is_local(),
            Some(End::Peer) if !self.pass.was_closing => {
                let done_by_peer = self.pass.closed.as_ref().is_some_and(|closed| {
                    closed.by_peer && closed.error.is_none() && matches!(closed.code(), 1000 | 1005)
                });
                let config = &self.config;
                let waits = config.goal.is_some() || config.echo || config.linger.is_some();
                // Nobody owes a reply to what never left.
                let owed = self.received + self.line.unsent() < self.line.sent();
                !done_by_peer && (!self.input_ended || waits || owed)
            }
            _ => false,
        }
    }

    /// What the talk has come to; the next connection begins anew.
    fn summary(&mut self) -> Summary {
        if self.line.has_connection() {
            self.line.abandon("the connection was not closed in time");
        }
        self.tell_log_trouble();
        let pass = std::mem::take(&mut self.pass);
        Summary {
            end: pass.end.unwrap_or(End::Peer),
            was_closing: pass.was_closing,
            closed: pass.closed,
            open: pass.open.or(pass.start.map(|start| start.elapsed())),
            sent: self.line.sent(),
            received: self.received,
            unsent: self.line.unsent(),
            input_ended: self.input_ended,
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
        self.pass.hard_deadline = Some(Instant::now() + GRACE);
        // What was waited for has come: the limit no longer matters.
        if stop == Stop::MaxTime && matches!(self.pass.end, Some(End::Goal)) {
            return;
        }
        self.finish(End::Stopped(stop));
    }

    /// Whether everything was written.
    fn poll_output(&mut self, cx: &mut Context<'_>) -> bool {
        match self.output.poll_drain(cx) {
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
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
            if self.input_ended {
                if self.line.is_flushed() {
                    self.silence.end_of_input(Instant::now());
                }
                return;
            }
            match self.input.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(outgoing))) => self.send(outgoing, Source::User),
                Poll::Ready(Some(Err(error))) => {
                    self.input_ended = true;
                    self.input_failed = Some(error);
                    self.silence.set_rule(Rule::Failed);
                }
                Poll::Ready(None) => self.input_ended = true,
                Poll::Pending => return,
            }
        }
        // There is more: come back after a look at the line.
        cx.waker().wake_by_ref();
    }

    fn send(&mut self, outgoing: Outgoing, source: Source) {
        if let Outgoing::Close(frame) = outgoing {
            self.input_ended = true;
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
        let has_room = self.output.has_room() && self.pending.is_none();
        if !has_room && !self.pass.discard && self.line.has_connection() {
            self.pass.output_full = true;
            while let Poll::Ready(event) = self.line.poll_sent(cx) {
                self.on_line_event(event);
            }
            return false;
        }
        if std::mem::take(&mut self.pass.output_full) {
            self.silence.broken(Instant::now());
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
        happened
    }

    fn on_line_event(&mut self, event: LineEvent) {
        (self.observe)(PipeEvent::Line(&event));
        match event {
            LineEvent::Entry(entry) => self.on_entry(entry),
            LineEvent::Connecting(_) | LineEvent::Flushed => {}
            LineEvent::NotOpened(error) => {
                self.pass.over = true;
                self.finish(End::NotOpened(error));
            }
            LineEvent::Closed(ended) => self.on_close(*ended),
        }
        self.tell_log_trouble();
    }

    fn on_entry(&mut self, entry: Entry) {
        let from_peer = entry.direction == Direction::In;
        let is_end = matches!(entry.kind, Kind::Close(_) | Kind::Error { .. });
        if self.config.framing == Framing::Jsonl
            && (from_peer || matches!(entry.kind, Kind::Open(_)))
            && (!self.pass.discard || is_end)
        {
            let line = render_shared(entry.moment.time, &entry.kind);
            self.output.push(line.as_bytes());
        }
        match entry.kind {
            Kind::Open(_) => {
                let now = Instant::now();
                self.pass.start = Some(now);
                self.silence.restart(now);
            }
            kind if from_peer && !self.pass.discard => {
                self.receive_message(kind, entry.records.as_ref());
            }
            _ => {}
        }
    }

    fn on_close(&mut self, Ended { closed, open }: Ended) {
        // The peer's Close may have come just before our own reason.
        if closed.by_peer && matches!(self.pass.end, Some(End::Quiet { .. } | End::Close)) {
            self.pass.was_closing = true;
            self.pass.end = Some(End::Peer);
        }
        self.pass.over = true;
        self.pass.open = Some(open);
        self.pass.closed = Some(closed);
        self.finish(End::Peer);
    }

    fn receive_message(&mut self, kind: Kind, records: Option<&Records>) {
        let Some(data) = kind.data() else {
            return;
        };
        let now = Instant::now();
        let start = *self.pass.start.get_or_insert(now);
        self.pass.first_message.get_or_insert(now - start);
        self.silence.broken(now);
        self.received += 1;
        let met = match &self.config.goal {
            None => false,
            Some(Goal::Count(count)) => self.received >= *count,
            Some(Goal::Until(pattern)) => pattern.matches(data),
        };
        self.write(&kind, records);
        if self.config.echo {
            self.pending = kind.into_message().map(Outgoing::Message);
        }
        if met {
            // The last answer leaves before the Close frame.
            if let Some(pending) = self.pending.take() {
                self.send(pending, Source::Automatic);
            }
            self.pass.discard = true;
            self.finish(End::Goal);
        }
    }

    /// Writes a message, or what the view makes of it.
    fn write(&mut self, message: &Kind, records: Option<&Records>) {
        let data = message.data().unwrap_or_default();
        let end: &[u8] = match self.config.framing {
            // The entry has been written.
            Framing::Jsonl => return,
            Framing::Binary => return self.output.push(data),
            Framing::Nul => b"\0",
            Framing::Lines => b"\n",
        };
        let Some(texts) = (self.view)(message, records) else {
            self.output.push(data);
            self.output.push(end);
            return;
        };
        for text in texts {
            self.output.push(text.as_bytes());
            self.output.push(end);
        }
    }

    /// The talk ends by this, if it is not ending already, and the line
    /// closes. A stop takes the place of any other end, and what came but
    /// cannot be written takes the place of an end without a failure of ours.
    fn finish(&mut self, end: End) {
        match (&self.pass.end, &end) {
            (None, _) | (Some(_), End::Stopped(_)) => {}
            (
                Some(End::Goal | End::Peer | End::Quiet { .. } | End::Close),
                End::OutputFailed(_),
            ) => {}
            (Some(_), _) => return,
        }
        let source = match end {
            End::Close => Source::User,
            _ => Source::Automatic,
        };
        self.pass.end = Some(match self.input_failed.take() {
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

    /// Pending until the next thing that time alone brings about.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let owed = self.received < self.line.sent();
        let silence = if self.pass.end.is_none() && !self.pass.output_full {
            self.silence.deadline(owed)
        } else {
            None
        };
        let deadlines = [silence, self.pass.hard_deadline];
        let Some(deadline) = deadlines.into_iter().flatten().min() else {
            return Poll::Pending;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(cx));
        if silence.is_some_and(|at| at <= Instant::now()) {
            self.finish(End::Quiet { owed });
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
