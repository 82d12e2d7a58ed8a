//! The engine: one task that owns the socket, the input and the output, and
//! looks after all three at once.
//!
//! The bounds, in the order data flows: the input is read only when the
//! socket takes another message; the socket is read only while the output has
//! room, and written meanwhile all the same; the output holds a quarter of a
//! MiB and at most one message more. So a slow side slows the one before it
//! and nothing is lost or piled up. While the socket's writes are blocked it
//! is still read, so that two sides that both write first cannot lock up.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::Peekable;
use futures_util::{Sink, Stream, StreamExt};
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::config::{End, Goal, PipeConfig, Stop, Summary};
use super::framing::{Framing, InputError};
use super::jsonl;
use super::output::Output;
use super::run::{Origin, Pipe, Told, View};
use super::silence::{Rule, Silence};
use crate::connection::{Closed, Event, Message, Socket};
use crate::talk::Outgoing;

/// How many messages are taken from the input before the socket is read
/// again.
const BATCH: usize = 64;

/// How long a stopped talk may take to close and to write out what it has.
const GRACE: Duration = Duration::from_secs(1);

/// How long an input may take to say that it is at its end when the peer has
/// closed.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// Talks until the end, and closes.
pub(super) async fn run<I, W, S>(
    pipe: Pipe<'_, I, W, S>,
    setup: VecDeque<Message>,
    config: PipeConfig,
) -> Summary
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    let now = Instant::now();
    let rule = match (config.linger, &config.goal, config.echo) {
        (Some(linger), ..) => Rule::Linger(linger),
        (None, Some(_), _) | (None, _, true) => Rule::Never,
        (None, None, false) => Rule::Replies,
    };
    let mut output = Output::new(pipe.output);
    output.push(&pipe.preamble);
    let mut talk = Talk {
        socket: pipe.socket,
        setup,
        input: pipe.input,
        input_ended: false,
        output,
        view: pipe.view,
        stop: Some(pipe.stop),
        observe: pipe.observe,
        pending: None,
        flushed: true,
        unflushed: 0,
        input_failed: None,
        silence: Silence::new(rule, now).after(config.carried),
        timer: Box::pin(sleep_until(now)),
        end: None,
        was_closing: false,
        deaf: false,
        discard: false,
        closed: None,
        hard_deadline: None,
        start: now,
        first_message: None,
        config,
    };
    poll_fn(|cx| talk.poll(cx)).await;
    talk.look_for_end_of_input().await;
    talk.summary()
}

struct Talk<'a, I: Stream, W, S> {
    socket: Socket,
    /// What leaves before the input.
    setup: VecDeque<Message>,
    input: &'a mut Peekable<I>,
    input_ended: bool,
    output: Output<W>,
    view: View<'a>,
    /// `None` when it has happened.
    stop: Option<S>,
    observe: &'a mut dyn FnMut(Told<'_>),
    config: PipeConfig,
    /// An echo that waits for the socket to take it.
    pending: Option<Outgoing>,
    /// Whether all that was sent has left.
    flushed: bool,
    /// Messages sent since all had left the last time.
    unflushed: u64,
    /// Why the input ended before its end.
    input_failed: Option<InputError>,
    silence: Silence,
    timer: Pin<Box<Sleep>>,
    /// Why the talk is ending; the socket is closing, or closed, from then on.
    end: Option<End>,
    /// Whether the talk was over before the peer closed.
    was_closing: bool,
    /// Whether the output was full at the last look.
    deaf: bool,
    /// Whether messages are of no interest any more.
    discard: bool,
    closed: Option<Closed>,
    /// When to give up on the closing handshake and the output.
    hard_deadline: Option<Instant>,
    start: Instant,
    first_message: Option<Duration>,
}

impl<I, W, S> Talk<'_, I, W, S>
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    /// Ready when the socket is closed and the output written.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.poll_stop(cx);
            let drained = self.poll_output(cx);
            if self.closed.is_some() {
                if drained {
                    return Poll::Ready(());
                }
            } else {
                self.poll_input(cx);
                if self.poll_socket(cx) {
                    continue;
                }
            }
            if self.poll_timer(cx).is_pending() {
                return Poll::Pending;
            }
            if self.hard_deadline.is_some_and(|at| at <= Instant::now()) {
                return Poll::Ready(());
            }
        }
    }

    /// Finds out whether a peer that closed left input unsent. An input that
    /// is empty says so at once; one that says nothing is not at its end.
    async fn look_for_end_of_input(&mut self) {
        if let (Some(End::Peer), false) = (&self.end, self.input_ended)
            && let Ok(None) = timeout(LAST_LOOK, Pin::new(&mut *self.input).peek()).await
        {
            self.input_ended = true;
        }
    }

    fn summary(self) -> Summary {
        let (sent, received) = self.silence.counts();
        // Nobody answers a Close that never left, and it was the last.
        let answered = |closed: &Closed| closed.received.is_some() && !closed.by_peer;
        let unsent = match &self.closed {
            Some(closed) if answered(closed) => 0,
            _ => self.unflushed,
        };
        Summary {
            end: self.end.unwrap_or(End::Peer),
            was_closing: self.was_closing,
            closed: self.closed,
            sent,
            received,
            unsent,
            input_ended: self.input_ended,
            first_message: self.first_message,
        }
    }

    fn poll_stop(&mut self, cx: &mut Context<'_>) {
        let Some(stop) = &mut self.stop else { return };
        let Poll::Ready(stop) = Pin::new(stop).poll(cx) else {
            return;
        };
        self.stop = None;
        self.hard_deadline = Some(Instant::now() + GRACE);
        // What was waited for has come: the limit no longer matters.
        if stop == Stop::MaxTime && matches!(self.end, Some(End::Goal)) {
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
                self.discard = true;
                self.finish(match error.kind() {
                    io::ErrorKind::BrokenPipe => End::OutputClosed,
                    _ => End::OutputFailed(error),
                });
                true
            }
        }
    }

    /// Moves input into the socket, as long as that takes it.
    fn poll_input(&mut self, cx: &mut Context<'_>) {
        for _ in 0..BATCH {
            if self.end.is_some() {
                return;
            }
            // The socket first: what it cannot take is not read.
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                // Closed or closing: the events tell how.
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
            if let Some(message) = self.setup.pop_front() {
                self.send(Outgoing::Message(message), Origin::Setup);
                continue;
            }
            if let Some(pending) = self.pending.take() {
                self.send(pending, Origin::Echo);
                continue;
            }
            if self.input_ended {
                if self.flushed {
                    self.silence.end_of_input(Instant::now());
                }
                return;
            }
            match self.input.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(outgoing))) => self.send(outgoing, Origin::Input),
                Poll::Ready(Some(Err(error))) => {
                    self.input_ended = true;
                    self.input_failed = Some(error);
                    self.silence.set_rule(Rule::Failed);
                }
                Poll::Ready(None) => self.input_ended = true,
                Poll::Pending => return,
            }
        }
        // There is more: come back after a look at the socket.
        cx.waker().wake_by_ref();
    }

    fn send(&mut self, outgoing: Outgoing, origin: Origin) {
        if matches!(outgoing, Outgoing::Message(_)) {
            self.silence.sent();
            self.unflushed += 1;
        }
        // A payload is shared, not copied.
        let result = match outgoing.clone() {
            Outgoing::Message(message) => Pin::new(&mut self.socket).start_send(message),
            Outgoing::Ping(payload) => self.socket.ping(payload),
            Outgoing::Pong(payload) => self.socket.pong(payload),
            Outgoing::Close(frame) => {
                self.input_ended = true;
                self.config.close = frame;
                self.finish(End::Close);
                return;
            }
        };
        self.flushed = false;
        // The socket has just said that it is ready, so it takes these; one
        // that it does not take stays unflushed.
        if result.is_ok() {
            (self.observe)(Told::Queued(&outgoing, origin));
        }
    }

    /// All that was sent has left.
    fn all_left(&mut self) {
        self.flushed = true;
        self.unflushed = 0;
    }

    /// Takes one event from the socket, where the output has room for it and
    /// no echo waits; else it only writes. Whether there was an event.
    fn poll_socket(&mut self, cx: &mut Context<'_>) -> bool {
        let listening = self.discard || (self.output.has_room() && self.pending.is_none());
        if !listening {
            self.deaf = true;
            let flushed = Pin::new(&mut self.socket).poll_flush(cx) == Poll::Ready(Ok(()));
            if flushed && !self.flushed {
                self.all_left();
                (self.observe)(Told::Flushed);
            }
            return false;
        }
        if self.deaf {
            self.deaf = false;
            self.silence.deaf(Instant::now());
        }
        match self.socket.poll_next_unpin(cx) {
            Poll::Ready(Some(event)) => {
                self.receive(event);
                true
            }
            // A socket's last event is `Closed`, so this is not reached.
            Poll::Ready(None) | Poll::Pending => false,
        }
    }

    fn receive(&mut self, event: Event) {
        (self.observe)(Told::Event(&event));
        let wanted = !self.discard || matches!(event, Event::Closed(_));
        if self.config.framing == Framing::Jsonl && wanted {
            let lines = jsonl::event(&event, (self.config.clock)());
            self.output.push(lines.as_bytes());
        }
        match event {
            Event::Message { message, .. } => self.receive_message(message),
            Event::Flushed => self.all_left(),
            Event::Ping(_) | Event::Pong { .. } => {}
            Event::Closed(closed) => {
                // The peer's Close may have come just before our own reason.
                if closed.by_peer && matches!(self.end, Some(End::Quiet { .. } | End::Close)) {
                    self.was_closing = true;
                    self.end = Some(End::Peer);
                }
                self.closed = Some(closed);
                self.finish(End::Peer);
            }
        }
    }

    fn receive_message(&mut self, message: Message) {
        if self.discard {
            return;
        }
        let now = Instant::now();
        self.first_message.get_or_insert(now - self.start);
        self.silence.received(now);
        self.write(&message);
        let met = match &self.config.goal {
            None => false,
            Some(Goal::Count(count)) => self.silence.counts().1 >= *count,
            Some(Goal::Until(pattern)) => pattern.matches(message.as_bytes()),
        };
        if self.config.echo {
            self.pending = Some(Outgoing::Message(message));
        }
        if met {
            // The last answer leaves before the Close frame.
            if let Some(pending) = self.pending.take() {
                self.send(pending, Origin::Echo);
            }
            self.discard = true;
            self.finish(End::Goal);
        }
    }

    /// Writes a message, or what the view makes of it.
    fn write(&mut self, message: &Message) {
        let end: &[u8] = match self.config.framing {
            // The event has been written.
            Framing::Jsonl => return,
            Framing::Binary => return self.output.push(message.as_bytes()),
            Framing::Nul => b"\0",
            Framing::Lines => b"\n",
        };
        let Some(texts) = (self.view)(message) else {
            self.output.push(message.as_bytes());
            self.output.push(end);
            return;
        };
        for text in texts {
            self.output.push(text.as_bytes());
            self.output.push(end);
        }
    }

    /// The talk ends by this, if it is not ending already, and the socket
    /// closes. A stop takes the place of any other end, and what came but
    /// cannot be written takes the place of an end without a failure of ours.
    fn finish(&mut self, end: End) {
        match (&self.end, &end) {
            (None, _) | (Some(_), End::Stopped(_)) => {}
            (
                Some(End::Goal | End::Peer | End::Quiet { .. } | End::Close),
                End::OutputFailed(_),
            ) => {}
            (Some(_), _) => return,
        }
        let origin = match end {
            End::Close => Origin::Input,
            _ => Origin::End,
        };
        self.end = Some(match self.input_failed.take() {
            Some(error) if !matches!(end, End::Stopped(_)) => End::InputFailed(error),
            _ => end,
        });
        if self.socket.is_open() {
            let close = self.config.close.clone();
            self.socket.start_close(close.clone());
            (self.observe)(Told::Queued(&Outgoing::Close(close), origin));
        }
    }

    /// Pending until the next thing that time alone brings about.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let silence = if self.end.is_none() && !self.deaf {
            self.silence.deadline()
        } else {
            None
        };
        let Some(deadline) = [silence, self.hard_deadline].into_iter().flatten().min() else {
            return Poll::Pending;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(cx));
        if silence.is_some_and(|at| at <= Instant::now()) {
            let owed = self.silence.owed();
            self.finish(End::Quiet { owed });
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
