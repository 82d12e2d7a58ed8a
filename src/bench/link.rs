//! The two ways of talking over an open connection: the frame engine over the
//! bare transport, and the core's [`Socket`] where compression was agreed.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Sink;
use rand::Rng;
use rand::rngs::StdRng;

use super::ended::{Ended, closed_with};
use super::frames::{HEAD_BYTES, Incoming, Parser, append_control, append_header, append_masked};
use super::payload::Payload;
use super::poller::{Poller, Ready};
use super::stream::Stream;
use crate::connection::ws::codec::Opcode;
use crate::connection::{CloseCode, CloseFrame, Event, Message, Socket, Transport};

/// How often one connection is read in a row before the others have a turn.
const MAX_READS_IN_A_ROW: usize = 16;

/// One thread's buffers, shared by all its connections.
#[derive(Debug)]
pub(super) struct Scratch {
    read: Box<[u8]>,
    pub(super) write: Vec<u8>,
    /// Masks must come "from a strong source of entropy" (RFC 6455 §5.3).
    pub(super) random: StdRng,
}

impl Scratch {
    /// Zeroed once; tungstenite zeroes its buffer for every read.
    pub(super) fn new() -> Self {
        Self {
            read: vec![0; 128 << 10].into_boxed_slice(),
            write: Vec::new(),
            random: rand::make_rng(),
        }
    }

    fn mask(&mut self) -> [u8; 4] {
        self.random.next_u32().to_ne_bytes()
    }

    /// Appends a message, or a ping, to the write buffer.
    pub(super) fn append(&mut self, opcode: Opcode, payload: &Payload<'_>) {
        let mask = self.mask();
        append_header(&mut self.write, opcode, payload.len(), mask);
        append_masked(&mut self.write, payload.head(), mask);
        append_masked(&mut self.write, payload.body, mask);
    }
}

/// An open connection.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, and one place in memory less for each message"
)]
pub(super) enum Link {
    /// Over the frame engine.
    Frames(Frames),
    /// Over the core's socket.
    Socket(Box<Socket>),
}

/// The frame engine over a stream.
#[derive(Debug)]
pub(super) struct Frames {
    stream: Stream,
    leftover: Bytes,
    parser: Parser,
    /// What the transport did not take yet.
    unsent: Vec<u8>,
    unsent_from: usize,
    /// The rest of a large payload, which is still to be masked.
    large: Option<Box<Large>>,
    /// The answer to the newest ping, as a frame, which leaves when all else
    /// has: a server that pings and does not read gets no more than one.
    pong: Vec<u8>,
    /// Bytes that the transport has taken since they were last asked for.
    written: u64,
}

/// A payload that is masked piece by piece while the pieces before it are on
/// their way: the server works on one while the next is made, and each leaves
/// the cache only once.
#[derive(Debug)]
struct Large {
    bytes: Arc<[u8]>,
    from: usize,
    to: usize,
    mask: [u8; 4],
    /// Control frames that must wait for the payload's end.
    then: Vec<u8>,
}

/// From this size a payload leaves in pieces, of this size.
const LARGE_BYTES: usize = 256 << 10;
const PIECE_BYTES: usize = 128 << 10;

impl Link {
    pub(super) fn frames(transport: Transport, leftover: Bytes, parser: Parser) -> Self {
        // An empty rest still holds the buffer that the handshake was read to.
        let leftover = if leftover.is_empty() {
            Bytes::new()
        } else {
            leftover
        };
        Self::Frames(Frames {
            stream: Stream::Polled(transport),
            leftover,
            parser,
            unsent: Vec::new(),
            unsent_from: 0,
            large: None,
            pong: Vec::new(),
            written: 0,
        })
    }

    /// Whether [`detach`](Self::detach) can work.
    pub(super) fn is_plain_tcp(&self) -> bool {
        matches!(self, Self::Frames(frames) if frames.stream.is_plain_tcp())
    }

    /// Takes the connection from the runtime's reactor to `poller`, where it
    /// is `slot`; it must be [plain TCP](Self::is_plain_tcp).
    ///
    /// # Errors
    /// The operating system's.
    pub(super) fn detach(self, poller: &Poller, slot: usize) -> io::Result<Self> {
        match self {
            Self::Frames(frames) => Ok(Self::Frames(Frames {
                stream: frames.stream.detach(poller, slot)?,
                ..frames
            })),
            Self::Socket(_) => Ok(self),
        }
    }

    /// The poller has told that it is ready.
    pub(super) fn note(&mut self, ready: &Ready) {
        if let Self::Frames(frames) = self {
            frames.stream.note(ready);
        }
    }

    /// How many bytes the transport has taken since this was last asked. Those
    /// of the core's socket are counted below it.
    pub(super) fn take_written(&mut self) -> u64 {
        match self {
            Self::Frames(frames) => std::mem::take(&mut frames.written),
            Self::Socket(_) => 0,
        }
    }

    /// Reads what is there. `on` is told of each arrival, with the bytes of
    /// the read that it came with; ready when the connection has ended.
    pub(super) fn poll_read<F>(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        on: F,
    ) -> Poll<Ended>
    where
        F: FnMut(Arrival<'_>),
    {
        match self {
            Self::Frames(frames) => frames.poll_read(cx, scratch, on),
            Self::Socket(socket) => poll_socket(socket, cx, on),
        }
    }

    /// Whether a message can be sent now. Writes out what still waits first.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        match self {
            Self::Frames(frames) => frames.poll_unsent(cx),
            Self::Socket(socket) => Pin::new(&mut **socket)
                .poll_ready(cx)
                // How it ended is told by the next read.
                .map(|_| Ok(())),
        }
    }

    /// Takes a large message: its header goes to the write buffer, its payload
    /// follows in pieces, and nothing may be appended behind it. `false` when
    /// it is not one.
    pub(super) fn append_large(
        &mut self,
        opcode: Opcode,
        payload: &Payload<'_>,
        scratch: &mut Scratch,
    ) -> bool {
        let (Self::Frames(frames), Some((bytes, from))) = (self, payload.shared) else {
            return false;
        };
        if payload.body.len() < LARGE_BYTES {
            return false;
        }
        let mask = scratch.mask();
        append_header(&mut scratch.write, opcode, payload.len(), mask);
        append_masked(&mut scratch.write, payload.head(), mask);
        frames.large = Some(Box::new(Large {
            bytes: Arc::clone(bytes),
            from,
            to: from + payload.body.len(),
            mask,
            then: Vec::new(),
        }));
        true
    }

    /// Queues one message through the core's socket; `false` when this is a
    /// connection of the frame engine, whose frames go to the write buffer.
    pub(super) fn feed(&mut self, message: impl FnOnce() -> Message) -> bool {
        match self {
            Self::Frames(_) => false,
            Self::Socket(socket) => {
                // How it ended is told by the next read.
                let _ = Pin::new(&mut **socket).start_send(message());
                true
            }
        }
    }

    /// Queues a ping through the core's socket, like [`feed`](Self::feed).
    pub(super) fn ping(&mut self, payload: &[u8]) -> bool {
        match self {
            Self::Frames(_) => false,
            Self::Socket(socket) => {
                let _ = socket.ping(Bytes::copy_from_slice(payload));
                true
            }
        }
    }

    /// Hands the write buffer over, in one write. What the transport does not
    /// take is kept.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), Ended> {
        match self {
            Self::Frames(frames) => frames.write(cx, &scratch.write),
            Self::Socket(socket) => {
                let _ = Pin::new(&mut **socket).poll_flush(cx);
                Ok(())
            }
        }
    }

    /// Answers a ping.
    pub(super) fn pong(&mut self, payload: &[u8], scratch: &mut Scratch) {
        if let Self::Frames(frames) = self {
            frames.pong.clear();
            append_control(&mut frames.pong, Opcode::Pong, payload, scratch.mask());
        }
    }

    /// Starts the closing handshake.
    pub(super) fn start_close(&mut self, code: CloseCode, scratch: &mut Scratch) {
        match self {
            Self::Frames(frames) => {
                let mask = scratch.mask();
                frames.pong = Vec::new();
                append_control(
                    frames.behind_payload(),
                    Opcode::Close,
                    &code.get().to_be_bytes(),
                    mask,
                );
            }
            Self::Socket(socket) => socket.start_close(CloseFrame::new(code, "")),
        }
    }
}

#[derive(Debug)]
pub(super) enum Arrival<'a> {
    /// A read brought this many bytes.
    Read(usize),
    /// A message or a control frame.
    Incoming(Incoming<'a>),
}

impl Frames {
    fn poll_read<F>(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        mut on: F,
    ) -> Poll<Ended>
    where
        F: FnMut(Arrival<'_>),
    {
        let mut ended = None;
        let mut take = |parser: &mut Parser, bytes: &[u8], on: &mut F| {
            on(Arrival::Read(bytes.len()));
            let fed = parser.feed(bytes, |incoming| {
                if let Incoming::Close(payload) = incoming {
                    ended.get_or_insert_with(|| closed_with(payload));
                }
                on(Arrival::Incoming(incoming));
            });
            match fed {
                Ok(()) => ended.take(),
                Err(violation) => Some(ended.take().unwrap_or(Ended::Violation(violation))),
            }
        };
        if !self.leftover.is_empty() {
            let leftover = std::mem::take(&mut self.leftover);
            if let Some(ended) = take(&mut self.parser, &leftover, &mut on) {
                return Poll::Ready(ended);
            }
        }
        for _ in 0..MAX_READS_IN_A_ROW {
            let count = match self.stream.poll_read(cx, &mut scratch.read) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Ended::Io(error)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Ended::Lost),
                Poll::Ready(Ok(count)) => count,
            };
            let bytes = scratch.read.get(..count).unwrap_or_default();
            if let Some(ended) = take(&mut self.parser, bytes, &mut on) {
                return Poll::Ready(ended);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        loop {
            let rest = self.unsent.get(self.unsent_from..).unwrap_or_default();
            if rest.is_empty() {
                if self.next_piece() || self.next_pong() {
                    continue;
                }
                break;
            }
            match self.stream.poll_write(cx, rest) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(count)) => {
                    self.unsent_from += count;
                    self.written += count as u64;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Ended::Io(error))),
            }
        }
        if !self.unsent.is_empty() {
            // The memory goes too: most connections never need it again.
            self.unsent = Vec::new();
            self.unsent_from = 0;
        }
        // TLS may hold bytes back that its own buffer has taken.
        match self.stream.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(Ended::Io(error))),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Where a control frame may be appended: never within another frame.
    fn behind_payload(&mut self) -> &mut Vec<u8> {
        match &mut self.large {
            Some(large) => &mut large.then,
            None => &mut self.unsent,
        }
    }

    /// Makes the pong the next to be written; whether there was one.
    fn next_pong(&mut self) -> bool {
        self.unsent_from = 0;
        self.unsent = std::mem::take(&mut self.pong);
        !self.unsent.is_empty()
    }

    /// Masks the next piece of a large payload; whether there was one.
    fn next_piece(&mut self) -> bool {
        let Some(large) = &mut self.large else {
            return false;
        };
        let end = (large.from + PIECE_BYTES).min(large.to);
        self.unsent.clear();
        self.unsent_from = 0;
        let piece = large.bytes.get(large.from..end).unwrap_or_default();
        append_masked(&mut self.unsent, piece, large.mask);
        large.from = end;
        if large.from >= large.to {
            self.unsent.append(&mut large.then);
            self.large = None;
        }
        true
    }

    /// One write, and no more unless the transport takes only a part of it;
    /// `unsent` must be empty.
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Result<(), Ended> {
        let count = match self.stream.poll_write(cx, bytes) {
            Poll::Pending => 0,
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return Err(Ended::Io(error)),
        };
        self.written += count as u64;
        if let Some(rest) = bytes.get(count..).filter(|rest| !rest.is_empty()) {
            self.unsent.extend_from_slice(rest);
        }
        match self.poll_unsent(cx) {
            Poll::Ready(Err(ended)) => Err(ended),
            _ => Ok(()),
        }
    }
}

fn poll_socket<F>(socket: &mut Socket, cx: &mut Context<'_>, mut on: F) -> Poll<Ended>
where
    F: FnMut(Arrival<'_>),
{
    for _ in 0..MAX_READS_IN_A_ROW {
        let polled = pin!(socket.next()).poll(cx);
        match polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Ended::Lost),
            Poll::Ready(Some(Event::Closed(closed))) => {
                return Poll::Ready(match (closed.error, closed.received) {
                    (Some(error), _) => Ended::Socket(error.to_string()),
                    (None, Some(frame)) => Ended::Closed(frame.code, frame.reason.clone()),
                    (None, None) => Ended::Lost,
                });
            }
            Poll::Ready(Some(Event::Message { message, .. })) => {
                // The bytes are counted below.
                on(Arrival::Read(0));
                let payload = message.as_bytes();
                on(Arrival::Incoming(Incoming::Message {
                    text: message.is_text(),
                    head: payload.get(..HEAD_BYTES).unwrap_or(payload),
                    len: payload.len() as u64,
                    payload: Some(payload),
                }));
            }
            Poll::Ready(Some(Event::Pong { payload, .. })) => {
                on(Arrival::Read(0));
                on(Arrival::Incoming(Incoming::Pong(&payload)));
            }
            // The socket answers pings by itself.
            Poll::Ready(Some(Event::Ping(_) | Event::Flushed)) => {}
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// The opcode of a message.
pub(super) fn data_opcode(text: bool) -> Opcode {
    if text { Opcode::Text } else { Opcode::Binary }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_of_pings_that_cannot_be_answered_the_newest_pong_is_kept() {
        let (ours, _theirs) = tokio::io::duplex(4);
        let parser = Parser::new(false, 1000, 1000);
        let mut link = Link::frames(Transport::other(ours), Bytes::new(), parser);
        let mut scratch = Scratch::new();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for number in 0..100_000_u32 {
            link.pong(&number.to_be_bytes(), &mut scratch);
            let _ = link.poll_ready(&mut cx);
        }
        let Link::Frames(frames) = &link else {
            panic!("this is the frame engine");
        };
        // One is under way, of ten bytes, and one waits.
        assert!(frames.unsent.len() <= 10, "{}", frames.unsent.len());
        let mut newest = frames.pong[6..].to_vec();
        let mask = [2, 3, 4, 5].map(|at| frames.pong[at]);
        crate::connection::ws::mask::apply(&mut newest, mask);
        assert_eq!(newest, 99_999_u32.to_be_bytes());
    }
}
