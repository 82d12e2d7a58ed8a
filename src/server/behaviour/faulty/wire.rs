//! A frame layer small enough to break: it reads a client's frames by the
//! rules, and writes any bytes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::connection::ws::budget::Reserved;
use crate::connection::ws::codec::{FIN, Header, Opcode, RSV, RSV1, Read};
use crate::connection::ws::deflate::{Deflater, Inflater, Params};
use crate::connection::ws::mask;
use crate::connection::{Message, MessageBudget, Role, SocketError, Transport};
use crate::server::faults::Pace;

/// How much waits to be written before no more is taken, in bytes.
const MAX_OUTPUT_BYTES: usize = 64 << 10;
/// Up to this length, a payload is copied behind what waits.
const MAX_COPIED_BYTES: usize = 4 << 10;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 16 << 10;

/// What a client has sent.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A whole message.
    Message(Message),
    Ping(Bytes),
    Pong(Bytes),
    /// The payload of its Close frame.
    Close(Bytes),
    /// The end of the stream.
    End,
    /// What a Close frame is to say of it: the code and the reason.
    Violation(u16, &'static str),
    /// What else ends the connection.
    Failed(SocketError),
}

/// A message whose fragments are arriving.
struct Begun {
    is_text: bool,
    is_compressed: bool,
    payload: Vec<u8>,
}

/// What a [`Wire`] is to be like.
pub(super) struct WireConfig {
    pub(super) deflate: Option<Params>,
    pub(super) max_message_bytes: usize,
    pub(super) write_timeout: Duration,
    pub(super) message_timeout: Duration,
    pub(super) budget: Arc<MessageBudget>,
    pub(super) pace: Option<Pace>,
    pub(super) cut: Option<u64>,
}

/// When the next bytes may be written.
struct Pacer {
    pace: Pace,
    next: Pin<Box<Sleep>>,
}

impl Pacer {
    fn new(pace: Pace) -> Self {
        Self {
            pace,
            next: Box::pin(sleep(Duration::ZERO)),
        }
    }
}

/// The connection.
pub(super) struct Wire {
    transport: Transport,
    input: BytesMut,
    message: Option<Begun>,
    inflater: Option<Inflater>,
    deflater: Option<Deflater>,
    max_message_bytes: usize,
    reserved: Reserved,
    message_timeout: Duration,
    /// When the message under way has to end.
    deadline: Option<Pin<Box<Sleep>>>,
    /// What is to be written: first these, then the tail.
    output: VecDeque<Bytes>,
    tail: BytesMut,
    output_bytes: usize,
    unflushed: bool,
    pacer: Option<Pacer>,
    /// How many bytes leave before the connection is cut.
    cut: Option<u64>,
    write_timeout: Duration,
    /// Since when a write waits.
    blocked: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    pub(super) fn new(transport: Transport, leftover: &[u8], config: WireConfig) -> Self {
        let deflate = config.deflate;
        Self {
            transport,
            input: leftover.into(),
            message: None,
            inflater: deflate.map(|params| Inflater::new(&params, Role::Server)),
            deflater: deflate.map(|params| Deflater::new(&params, Role::Server)),
            max_message_bytes: config.max_message_bytes,
            reserved: Reserved::new(config.budget),
            message_timeout: config.message_timeout,
            deadline: None,
            output: VecDeque::new(),
            tail: BytesMut::new(),
            output_bytes: 0,
            unflushed: false,
            pacer: config.pace.map(Pacer::new),
            cut: config.cut,
            write_timeout: config.write_timeout,
            blocked: None,
        }
    }

    /// The next thing a client sends. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> io::Result<Incoming> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        loop {
            if let Some(incoming) = self.parse() {
                return Poll::Ready(Ok(incoming));
            }
            if let Err(error) = self.bound_message(cx) {
                return Poll::Ready(Ok(Incoming::Failed(error)));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Ok(Incoming::End));
            }
        }
    }

    /// Holds what has come of an unfinished message to its bounds.
    fn bound_message(&mut self, cx: &mut Context<'_>) -> Result<(), SocketError> {
        let begun = self.message.as_ref().map_or(0, |begun| begun.payload.len());
        if !self.reserved.set((begun + self.input.len()) as u64) {
            return Err(SocketError::NoRoom);
        }
        if self.message.is_none() && self.input.is_empty() {
            self.deadline = None;
            return Ok(());
        }
        let limit = self.message_timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Err(SocketError::MessageTimeout(limit)),
            Poll::Pending => Ok(()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0; READ_BYTES];
        let mut space = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.transport).poll_read(cx, &mut space))?;
        self.input.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Takes frames off the input until one of them says something.
    fn parse(&mut self) -> Option<Incoming> {
        loop {
            let (header, opcode, header_len) = match Header::read(&self.input) {
                Read::Whole {
                    header,
                    opcode,
                    header_len,
                } => (header, opcode, header_len),
                Read::Partial => return None,
                Read::Invalid => return Some(Incoming::Violation(1002, "reserved opcode")),
            };
            if let Err((code, reason)) = self.check(&header, opcode) {
                return Some(Incoming::Violation(code, reason));
            }
            // At most `max_message_bytes`, as checked.
            let length = usize::try_from(header.payload_len).ok()?;
            if self.input.len() - header_len < length {
                return None;
            }
            self.input.advance(header_len);
            let mut payload = self.input.split_to(length);
            mask::apply(&mut payload, header.mask.unwrap_or_default());
            if let Some(incoming) = self.take(&header, opcode, payload) {
                return Some(incoming);
            }
        }
    }

    fn check(&self, header: &Header, opcode: Opcode) -> Result<(), (u16, &'static str)> {
        let length = header.payload_len;
        let begins = matches!(opcode, Opcode::Text | Opcode::Binary);
        // RFC 7692 §6: RSV1 stands on the first fragment of a message alone.
        let allowed = if begins && self.inflater.is_some() {
            RSV1
        } else {
            0
        };
        if header.first & RSV & !allowed != 0 {
            return Err((1002, "reserved bits"));
        }
        if header.mask.is_none() {
            return Err((1002, "unmasked frame"));
        }
        let begun = self.message.as_ref().map(|begun| begun.payload.len());
        match opcode {
            // RFC 6455 §5.5: at most 125 bytes, and not fragmented.
            opcode if opcode.is_control() => match length > 125 || !header.is_final() {
                true => Err((1002, "control frame")),
                false => Ok(()),
            },
            Opcode::Continuation if begun.is_none() => Err((1002, "no message to go on")),
            Opcode::Text | Opcode::Binary if begun.is_some() => {
                Err((1002, "message within a message"))
            }
            _ if length.saturating_add(begun.unwrap_or_default() as u64)
                > self.max_message_bytes as u64 =>
            {
                Err((1009, "message too big"))
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, header: &Header, opcode: Opcode, payload: BytesMut) -> Option<Incoming> {
        match opcode {
            Opcode::Ping => return Some(Incoming::Ping(payload.freeze())),
            Opcode::Pong => return Some(Incoming::Pong(payload.freeze())),
            Opcode::Close => return Some(Incoming::Close(payload.freeze())),
            Opcode::Continuation => {}
            Opcode::Text | Opcode::Binary => {
                self.message = Some(Begun {
                    is_text: opcode == Opcode::Text,
                    is_compressed: header.first & RSV1 != 0,
                    payload: Vec::new(),
                });
            }
        }
        let begun = self.message.as_mut()?;
        if begun.is_compressed {
            let inflater = self.inflater.as_mut()?;
            let inflated = inflate(
                inflater,
                &payload,
                header.is_final(),
                &mut begun.payload,
                self.max_message_bytes,
            );
            if let Err((code, reason)) = inflated {
                return Some(Incoming::Violation(code, reason));
            }
        } else {
            begun.payload.extend_from_slice(&payload);
        }
        if !header.is_final() {
            return None;
        }
        self.deadline = None;
        let Begun {
            is_text, payload, ..
        } = self.message.take()?;
        let payload = Bytes::from(payload);
        if !is_text {
            return Some(Incoming::Message(Message::Binary(payload)));
        }
        Some(match Utf8Bytes::try_from(payload) {
            Ok(text) => Incoming::Message(Message::Text(text)),
            Err(_) => Incoming::Violation(1007, "text is not UTF-8"),
        })
    }

    /// Whether there is as much to write as may wait.
    pub(super) fn is_full(&self) -> bool {
        self.output_bytes >= MAX_OUTPUT_BYTES
    }

    /// Queues any bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        self.output_bytes += bytes.len();
    }

    /// Queues bytes that are shared, without a copy where they are many.
    pub(super) fn push_shared(&mut self, bytes: Bytes) {
        if bytes.len() <= MAX_COPIED_BYTES {
            return self.push(&bytes);
        }
        if !self.tail.is_empty() {
            self.output.push_back(self.tail.split().freeze());
        }
        self.output_bytes += bytes.len();
        self.output.push_back(bytes);
    }

    /// Queues a frame with this first byte, unmasked.
    pub(super) fn push_frame(&mut self, first: u8, payload: Bytes) {
        let header = Header {
            first,
            mask: None,
            payload_len: payload.len() as u64,
        };
        let mut target = Vec::with_capacity(header.wire_len());
        header.write(&mut target);
        self.push(&target);
        self.push_shared(payload);
    }

    /// Queues a message in so many frames, compressed where that is agreed on.
    pub(super) fn push_message(&mut self, message: Message, fragments: usize) {
        let opcode = if message.is_text() {
            Opcode::Text
        } else {
            Opcode::Binary
        };
        let deflater = self.deflater.as_mut();
        let compressed = deflater.and_then(|deflater| deflater.compress(message.as_bytes()));
        let rsv = if compressed.is_some() { RSV1 } else { 0 };
        let mut rest = compressed.unwrap_or_else(|| message.into_bytes());
        let fragments = fragments.max(1);
        let length = rest.len().div_ceil(fragments).max(1);
        for index in 0..fragments {
            let part = rest.split_to(rest.len().min(length));
            let first = match index {
                0 => opcode as u8 | rsv,
                _ => Opcode::Continuation as u8,
            };
            let fin = if index + 1 == fragments { FIN } else { 0 };
            self.push_frame(first | fin, part);
        }
    }

    /// Writes out what is queued. A client that takes too long is lost.
    pub(super) fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let result = self.poll_write_queued(cx);
        if result.is_ready() {
            self.blocked = None;
            return result.map_err(SocketError::Io);
        }
        // Who waits for the pace waits for us, and not for the client.
        if let Some(pacer) = &self.pacer
            && !pacer.next.is_elapsed()
        {
            return Poll::Pending;
        }
        let limit = self.write_timeout;
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(blocked.as_mut().poll(cx));
        Poll::Ready(Err(SocketError::WriteTimeout(limit)))
    }

    fn poll_write_queued(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.output.is_empty() && !self.tail.is_empty() {
                self.output.push_back(self.tail.split().freeze());
            }
            if self.is_cut() {
                self.output.clear();
                self.tail.clear();
                self.output_bytes = 0;
            }
            let Some(front) = self.output.front_mut() else {
                break;
            };
            let mut allowed = front.len();
            if let Some(pacer) = &mut self.pacer {
                // What TLS holds back leaves at its time too.
                if self.unflushed {
                    ready!(Pin::new(&mut self.transport).poll_flush(cx))?;
                    self.unflushed = false;
                }
                ready!(pacer.next.as_mut().poll(cx));
                allowed = allowed.min(pacer.pace.chunk_bytes);
            }
            if let Some(left) = self.cut {
                allowed = allowed.min(usize::try_from(left).unwrap_or(usize::MAX));
            }
            let chunk = front.get(..allowed).unwrap_or_default();
            let written = ready!(Pin::new(&mut self.transport).poll_write(cx, chunk))?;
            if written == 0 && !chunk.is_empty() {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if let Some(pacer) = &mut self.pacer {
                let next = Instant::now() + pacer.pace.pause;
                pacer.next.as_mut().reset(next);
            }
            if let Some(left) = &mut self.cut {
                *left -= written as u64;
            }
            // That much was taken: the client has until the next to take more.
            self.blocked = None;
            self.unflushed = true;
            front.advance(written);
            self.output_bytes -= written;
            if front.is_empty() {
                self.output.pop_front();
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.transport).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether all bytes have left that were to leave.
    pub(super) fn is_cut(&self) -> bool {
        self.cut == Some(0)
    }

    /// Whether something waits to be written.
    pub(super) fn has_output(&self) -> bool {
        self.output_bytes > 0 || self.unflushed || self.is_cut()
    }

    /// Writes out all that is queued.
    pub(super) async fn flush(&mut self) -> Result<(), SocketError> {
        poll_fn(|cx| self.poll_write_out(cx)).await
    }

    /// Sends FIN.
    pub(super) async fn finish(&mut self) {
        // One that is gone has its end already.
        let _ = self.transport.shutdown().await;
    }

    /// Reads and forgets, to the end of the stream.
    pub(super) async fn drain(&mut self) {
        let mut sink = [0; 4096];
        while let Ok(1..) = self.transport.read(&mut sink).await {}
    }

    /// Sends RST, where there is TCP and nothing else to send it on.
    pub(super) fn reset(self) {
        if let Some(stream) = self.transport.as_tcp() {
            // RFC 1122 §4.2.2.13 calls it an abortive close.
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Inflates a frame's payload onto the end of a message.
fn inflate(
    inflater: &mut Inflater,
    payload: &[u8],
    is_final: bool,
    message: &mut Vec<u8>,
    max_message_bytes: usize,
) -> Result<(), (u16, &'static str)> {
    // One more than a message may have, to tell full from too much.
    let max_len = max_message_bytes.saturating_add(1);
    let corrupt = |_| (1007, "invalid DEFLATE data");
    let mut rest = payload;
    loop {
        let taken = inflater.inflate(rest, message, max_len).map_err(corrupt)?;
        rest = rest.get(taken..).unwrap_or_default();
        if message.len() == max_len {
            return Err((1009, "message too big"));
        }
        if rest.is_empty() {
            break;
        }
    }
    if is_final {
        inflater.finish().map_err(corrupt)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lab_messages_have_as_many_fragments_as_asked_for() {
        let frames = async |message, fragments| {
            let (near, mut far) = tokio::io::duplex(1 << 20);
            let config = WireConfig {
                deflate: None,
                max_message_bytes: 1 << 20,
                write_timeout: Duration::from_secs(1),
                message_timeout: Duration::from_secs(1),
                budget: MessageBudget::new(1 << 20),
                pace: None,
                cut: None,
            };
            let mut wire = Wire::new(Transport::other(near), b"", config);
            wire.push_message(message, fragments);
            wire.flush().await.unwrap();
            drop(wire);
            let mut bytes = Vec::new();
            far.read_to_end(&mut bytes).await.unwrap();
            bytes
        };
        assert_eq!(frames(Message::text("abcd"), 1).await, b"\x81\x04abcd");
        assert_eq!(
            frames(Message::text("abcd"), 2).await,
            b"\x01\x02ab\x80\x02cd"
        );
        assert_eq!(
            frames(Message::binary("a"), 3).await,
            b"\x02\x01a\x00\x00\x80\x00"
        );
        let long = |length| Message::binary(vec![0; length]);
        assert_eq!(frames(long(126), 1).await[..4], [0x82, 126, 0, 126]);
        assert_eq!(frames(long(1 << 16), 1).await[..4], [0x82, 127, 0, 0]);
        assert_eq!(frames(long(1 << 16), 1).await.len(), (1 << 16) + 10);
    }
}
