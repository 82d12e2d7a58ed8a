//! An open WebSocket: one type with one owner.
//!
//! [`Socket`] is a stream of [`Event`]s and a sink of [`Message`]s over any
//! [`Transport`]. It answers pings, keeps the connection alive, holds its
//! limits, tells the peer of every error by the right Close frame, and takes
//! the transport down in the order that loses nothing: Close, FIN, drain.
//!
//! Its owner polls it directly; there is no task and no channel inside. Two
//! ways of using it:
//!
//! - **Duplex** (a client that must read while it writes): [`Socket::next`]
//!   also writes out what [`SinkExt::feed`](futures_util::SinkExt::feed)
//!   queued, and reports [`Event::Flushed`] when all of it has left.
//! - **Echo** (a server that answers): wait with `next`, `feed` a reply to
//!   each event, take what else is ready with [`Socket::try_next`], and
//!   `flush` once. One that answers each message with itself waits with
//!   [`Socket::echo`].
//!
//! It does not dial, shake hands or print.

mod closing;
mod config;
mod echoing;
mod ended;
mod frames;
mod sending;
#[cfg(test)]
mod tests;
mod under_way;
mod waits;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, Stream};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::Message as WsMessage;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

pub use self::config::{NotOpen, SocketConfig, UnfinishedLimit};
pub(crate) use self::echoing::Answered;

use self::config::WRITE_BUFFER_BYTES;
use self::frames::Frames;
use self::under_way::UnderWay;
use self::waits::{Blocked, Deadline};
use crate::connection::ws::deflate::{Deflater, Inflater};
use crate::connection::ws::frame_io::{FrameIo, FrameIoConfig};
use crate::connection::ws::keep_alive::{Due, Timer};
use crate::connection::{CloseCode, CloseFrame, Closed, Event, Message, SocketError, Transport};

/// Pings of our own whose Pong is still out; the oldest is forgotten first.
const MAX_PINGS_IN_FLIGHT: usize = 64;

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    ws: Frames<FrameIo<Transport>>,
    role: Role,
    deflater: Option<Box<Deflater>>,
    inflates: bool,
    max_message_bytes: usize,
    max_frame_bytes: usize,
    max_outgoing_frame_bytes: usize,
    close_timeout: Duration,
    keep_alive: Option<Timer>,
    pings: VecDeque<(Bytes, Instant)>,
    pings_sent: u64,
    /// Frames that found no room in the write buffer.
    outgoing: VecDeque<WsMessage>,
    unflushed: bool,
    /// Where in the stream the next frame begins, at the earliest.
    queued_bytes: u64,
    /// From where on what was queued has been dropped.
    dropped_from: Option<u64>,
    deadline: Option<(Deadline, Pin<Box<Sleep>>)>,
    write_timeout: Option<Duration>,
    blocked: Option<Blocked>,
    /// The message under way, and when it has to end.
    under_way: Option<Box<UnderWay>>,
    phase: Phase,
    received: Option<CloseFrame>,
    /// Whether tungstenite does not know of the Close received.
    is_close_unshown: bool,
    sent: Option<CloseFrame>,
    by_peer: bool,
    error: Option<SocketError>,
}

/// Whether waiting for an event also writes out what is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writes {
    Out,
    Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Writing what is left, the Close frame at its end.
    Flush,
    /// Ending our direction of the transport.
    Shutdown,
    /// Discarding until the peer's end of stream: closing with unread data
    /// would send a reset, which can destroy the Close frame on its way.
    Drain {
        /// When that is over at the latest.
        until: Instant,
    },
    Report,
    Done,
}

impl Socket {
    /// A socket over a transport whose opening handshake is done. `leftover`
    /// is what arrived behind the handshake.
    pub async fn new(transport: Transport, leftover: Bytes, config: &SocketConfig) -> Self {
        let inflater = config
            .deflate
            .map(|params| Inflater::new(&params, config.role));
        let io = FrameIo::new(
            transport,
            FrameIoConfig {
                role: config.role,
                leftover,
                inflate: inflater,
                max_frame_bytes: config.max_frame_bytes,
                budget: config
                    .unfinished
                    .as_ref()
                    .map(|limit| Arc::clone(&limit.budget)),
            },
        );
        let limits = WebSocketConfig::default()
            .read_buffer_size(config.read_buffer_bytes)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES + 2 * config.max_outgoing_frame_bytes)
            .max_message_size(Some(config.max_message_bytes))
            .max_frame_size(Some(config.max_frame_bytes));
        Self {
            ws: Frames::new(io, config.role, limits),
            role: config.role,
            deflater: config
                .deflate
                .map(|params| Box::new(Deflater::new(&params, config.role))),
            inflates: config.deflate.is_some(),
            max_message_bytes: config.max_message_bytes,
            max_frame_bytes: config.max_frame_bytes,
            max_outgoing_frame_bytes: config.max_outgoing_frame_bytes,
            close_timeout: config.close_timeout,
            keep_alive: Timer::start(config.keep_alive),
            pings: VecDeque::new(),
            pings_sent: 0,
            outgoing: VecDeque::new(),
            unflushed: false,
            queued_bytes: 0,
            dropped_from: None,
            deadline: None,
            write_timeout: config.write_timeout,
            blocked: None,
            under_way: config.unfinished.as_ref().map(UnderWay::new),
            phase: Phase::Open,
            received: None,
            is_close_unshown: false,
            sent: None,
            by_peer: false,
            error: None,
        }
    }

    /// The next event; `None` after [`Event::Closed`]. Writes out what is
    /// queued while it waits. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx, Writes::Out)).await
    }

    /// The next event, if one is there already. Writes nothing out, so that
    /// the replies to all that is there can leave in one flush.
    pub fn try_next(&mut self) -> Option<Event> {
        // A Close read now would overtake, and drop, what found no room.
        if !self.outgoing.is_empty() {
            return None;
        }
        poll_fn(|cx| self.poll_event(cx, Writes::Held))
            .now_or_never()
            .flatten()
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open && self.sent.is_none() && self.received.is_none()
    }

    /// Queues a ping. The [`Event::Pong`] that answers it has its round-trip
    /// time. A payload over 125 bytes is cut to that (RFC 6455 §5.5).
    pub fn ping(&mut self, payload: Bytes) -> Result<(), NotOpen> {
        let payload = control_payload(&payload);
        if self.pings.len() == MAX_PINGS_IN_FLIGHT {
            self.pings.pop_front();
        }
        self.pings.push_back((payload.clone(), Instant::now()));
        self.queue(WsMessage::Ping(payload))
    }

    /// Queues an unsolicited pong, cut to 125 bytes.
    pub fn pong(&mut self, payload: Bytes) -> Result<(), NotOpen> {
        // As a frame: `Message::Pong` would take the place of an automatic
        // answer that still waits to be sent.
        self.queue(WsMessage::Frame(Frame::pong(control_payload(&payload))))
    }

    /// Starts the closing handshake. Messages queued before leave first;
    /// events go on until [`Event::Closed`]. Does nothing when the socket is
    /// closing already.
    pub fn start_close(&mut self, frame: CloseFrame) {
        if !self.is_open() {
            return;
        }
        // A full buffer keeps the frame in `outgoing`, so this cannot fail
        // while the socket is open.
        let _ = self.queue(WsMessage::Close(frame.to_wire()));
        self.sent = Some(frame);
        self.set_deadline(Deadline::CloseAnswer);
    }

    /// Sends a Close frame and runs the closing handshake to its end,
    /// discarding what else arrives.
    pub async fn close(&mut self, frame: CloseFrame) -> Option<Closed> {
        self.start_close(frame);
        while let Some(event) = self.next().await {
            if let Event::Closed(closed) = event {
                return Some(closed);
            }
        }
        None
    }

    /// Drops the connection where it is, and tells what is known of its end.
    pub fn abort(mut self) -> Closed {
        if self.error.is_none() && self.received.is_none() {
            self.error = Some(self.lost());
        }
        self.closed()
    }

    fn closed(&mut self) -> Closed {
        let received = self.received.take();
        let invalid = received
            .as_ref()
            .and_then(|frame| frame.code)
            .filter(|code| CloseCode::try_from(*code).is_err());
        // Who answers our Close may leave unsaid what it was about to say.
        let cut = received
            .as_ref()
            .filter(|_| self.by_peer && self.ws.get_ref().close_cuts())
            .map(|frame| SocketError::CutMessage(frame.code_or_1005()));
        let invalid = invalid.map(SocketError::CloseCode);
        Closed {
            received,
            sent: self.sent.take(),
            by_peer: self.by_peer,
            error: self.error.take().or(invalid).or(cut),
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, writes: Writes) -> Poll<Option<Event>> {
        loop {
            match self.phase {
                Phase::Open => match ready!(self.poll_open(cx, writes)) {
                    Some(event) => return Poll::Ready(Some(event)),
                    None => self.begin_finish(),
                },
                Phase::Flush | Phase::Shutdown | Phase::Drain { .. } => {
                    ready!(self.poll_finish(cx));
                    self.phase = Phase::Report;
                }
                Phase::Report => {
                    self.phase = Phase::Done;
                    return Poll::Ready(Some(Event::Closed(self.closed())));
                }
                Phase::Done => return Poll::Ready(None),
            }
        }
    }

    /// The next event of the open phase; `None` when the phase is over.
    fn poll_open(&mut self, cx: &mut Context<'_>, writes: Writes) -> Poll<Option<Event>> {
        // A peer that never stops sending must not outlast a deadline.
        if self.deadline.is_some()
            && let Poll::Ready(error) = self.poll_deadline(cx)
        {
            self.error = error;
            return Poll::Ready(None);
        }
        loop {
            if writes == Writes::Out && self.poll_flushed(cx) {
                return Poll::Ready(Some(Event::Flushed));
            }
            match self.ws.poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    if let Some(event) = self.receive(message) {
                        return Poll::Ready(Some(event));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    self.fail(error);
                    return Poll::Ready(None);
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => match self.poll_timers(cx) {
                    Poll::Ready(error) => {
                        self.error = error;
                        return Poll::Ready(None);
                    }
                    // A ping may have been queued: write it out.
                    Poll::Pending if writes == Writes::Out && self.poll_flushed(cx) => {
                        return Poll::Ready(Some(Event::Flushed));
                    }
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Writes what is queued, and says whether all of it has now left.
    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.unflushed {
            return false;
        }
        let flushed = matches!(self.poll_write_out(cx), Poll::Ready(Ok(())));
        if self.ws.get_ref().write_error().is_some() {
            // What the peer sent before it went away is still to be read.
            if self.deadline.is_none() {
                self.set_deadline(Deadline::LastWords);
            }
            self.unflushed = false;
            return false;
        }
        self.unflushed &= !flushed;
        flushed
    }

    fn receive(&mut self, message: WsMessage) -> Option<Event> {
        if let Some(timer) = &mut self.keep_alive {
            timer.received();
        }
        match message {
            WsMessage::Text(text) => Some(self.message_event(Message::Text(text))),
            WsMessage::Binary(bytes) => Some(self.message_event(Message::Binary(bytes))),
            WsMessage::Ping(payload) => Some(Event::Ping(payload)),
            WsMessage::Pong(payload) => Some(self.receive_pong(payload)),
            WsMessage::Close(frame) => {
                self.receive_close(frame);
                None
            }
            // tungstenite yields raw frames to nobody who only reads.
            WsMessage::Frame(_) => None,
        }
    }

    fn message_event(&mut self, message: Message) -> Event {
        let wire_bytes = if self.inflates {
            self.ws.get_mut().take_wire_bytes()
        } else {
            None
        };
        Event::Message {
            message,
            wire_bytes,
        }
    }

    fn receive_pong(&mut self, payload: Bytes) -> Event {
        let found = self.pings.iter().position(|(sent, _)| *sent == payload);
        let round_trip = found.and_then(|index| {
            // RFC 6455 §5.5.3: an endpoint may answer only the latest of
            // several pings, so an answer settles the earlier ones too.
            self.pings
                .drain(..=index)
                .next_back()
                .map(|(_, at)| at.elapsed())
        });
        // Servers are met that do not repeat the payload (RFC 6455 §5.5.3): what
        // sends pongs is alive, whichever ping it answers.
        if let Some(timer) = &mut self.keep_alive {
            timer.pong_received();
        }
        Event::Pong {
            payload,
            round_trip,
        }
    }

    /// Ready when a deadline, or the keep-alive, ends the open phase.
    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Poll<Option<SocketError>> {
        if let Poll::Ready(error) = self.poll_deadline(cx) {
            return Poll::Ready(error);
        }
        if let Some(under_way) = &mut self.under_way {
            let message = self.ws.get_ref().message_under_way();
            if let Poll::Ready(error) = under_way.poll(cx, message) {
                return Poll::Ready(Some(error));
            }
        }
        while let Some(timer) = &mut self.keep_alive {
            match ready!(timer.poll_due(cx)) {
                Due::Dead(after) => {
                    return Poll::Ready(Some(SocketError::KeepAliveTimeout(after)));
                }
                Due::Ping => {
                    self.pings_sent += 1;
                    let payload = Bytes::copy_from_slice(&self.pings_sent.to_be_bytes());
                    // A closing socket needs no keep-alive.
                    let _ = self.ping(payload);
                }
                Due::Pong => {
                    let _ = self.pong(Bytes::new());
                }
            }
        }
        Poll::Pending
    }
}

impl Stream for Socket {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx, Writes::Out)
    }
}

fn control_payload(payload: &Bytes) -> Bytes {
    payload.slice(..payload.len().min(125))
}
