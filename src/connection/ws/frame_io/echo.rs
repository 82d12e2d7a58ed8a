//! The short way of an echo: whole plain messages go back from the buffer
//! they were read into, with no event and no reference count for each.
//!
//! What is not a whole, plain, unfragmented message that may be answered as it
//! is stays in [`FrameIo`] and takes the ordinary way, through tungstenite, so
//! that there is one judge of everything else.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite};

use super::FrameIo;
use crate::connection::ws::codec::{FIN, Header, Opcode, Read};
use crate::connection::ws::mask;

/// The most that is read into the shared buffer before it is answered.
const INPUT_BYTES: usize = 16 << 10;

/// Answers are written out when there are this many bytes of them, although
/// more has arrived: a client that never stops sending shares the thread.
const MAX_OUTPUT_BYTES: usize = 64 << 10;

/// The longest beginning of a text that waits here for its end: it is checked
/// anew whenever more of it has come, which tungstenite does not.
const MAX_BEGUN_TEXT_BYTES: usize = 1 << 10;

/// Whole messages that were answered with themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Echoed {
    /// How many.
    pub messages: u64,
    /// The length of their payloads together, in bytes.
    pub bytes: u64,
}

/// The buffers of all connections of a thread: each uses them within one poll.
struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = const {
        RefCell::new(Buffers { input: Vec::new(), output: Vec::new() })
    };
}

impl<S: AsyncRead + AsyncWrite + Unpin> FrameIo<S> {
    /// Whether the next byte read begins a message of a plain connection.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.walker.is_between_plain_messages()
            && self.output.is_empty()
            && self.leftover.len() < INPUT_BYTES
            && self.write_error.is_none()
    }

    /// Reads what has arrived, and writes back the whole messages at its
    /// front. None of them when it is not for this way; that stays to be read.
    /// Call it only when [`is_between_messages`](Self::is_between_messages),
    /// and when whoever reads this has taken, and written, everything.
    ///
    /// Not all may have been written: what is left goes first with the next
    /// write or flush, and [`has_unsent`](Self::has_unsent) until then.
    pub(crate) fn poll_echo(&mut self, cx: &mut Context<'_>, max_payload: usize) -> Poll<Echoed> {
        BUFFERS.with_borrow_mut(|Buffers { input, output }| {
            input.resize(INPUT_BYTES, 0);
            output.clear();
            let (echoed, is_waiting) = self.echo_arrived(cx, input, output, max_payload);
            self.send_echoes(cx, output);
            if echoed.messages == 0 && is_waiting {
                return Poll::Pending;
            }
            Poll::Ready(echoed)
        })
    }

    /// Whether something written has not left yet.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty() || self.unflushed
    }

    /// Answers into `output`; says whether the transport will wake the task.
    fn echo_arrived(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut [u8],
        output: &mut Vec<u8>,
        max_payload: usize,
    ) -> (Echoed, bool) {
        let mut len = self.leftover.len();
        self.leftover
            .copy_to_slice(input.get_mut(..len).unwrap_or_default());
        self.leftover = Bytes::new();
        let mut echoed = Echoed::default();
        let mut is_waiting = false;
        loop {
            let arrived = input.get(..len).unwrap_or_default();
            let answered = answer(arrived, output, max_payload);
            echoed.messages += answered.echoed.messages;
            echoed.bytes += answered.echoed.bytes;
            input.copy_within(answered.taken..len, 0);
            len -= answered.taken;
            if answered.is_over || output.len() >= MAX_OUTPUT_BYTES {
                break;
            }
            // There is room: a frame that has none would be for the other way.
            match self.read_inner(cx, input.get_mut(len..).unwrap_or_default()) {
                Poll::Ready(Ok(0)) => break,
                Poll::Ready(Ok(more)) => len += more,
                Poll::Ready(Err(error)) => {
                    self.failure = Some(error);
                    break;
                }
                Poll::Pending => {
                    is_waiting = true;
                    break;
                }
            }
        }
        self.leftover = Bytes::copy_from_slice(input.get(..len).unwrap_or_default());
        (echoed, is_waiting)
    }
}

impl<S: AsyncWrite + Unpin> FrameIo<S> {
    fn send_echoes(&mut self, cx: &mut Context<'_>, output: &[u8]) {
        let mut rest = output;
        while !rest.is_empty() {
            match Pin::new(&mut *self).poll_write(cx, rest) {
                Poll::Ready(Ok(count)) => rest = rest.get(count..).unwrap_or_default(),
                // Writing never fails; see `write_error`.
                Poll::Ready(Err(_)) => return,
                Poll::Pending => {
                    self.unsent.set(rest.to_vec(), 0);
                    return;
                }
            }
        }
        if !output.is_empty() {
            self.unflushed = Pin::new(&mut *self).poll_flush(cx).is_pending();
        }
    }

    /// Writes what an echo has left to be sent.
    pub(super) fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.unsent.is_empty() && self.write_error.is_none() {
            let written = Pin::new(&mut self.inner).poll_write(cx, self.unsent.as_slice());
            let result = match std::task::ready!(written) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                result => result,
            };
            let all = self.unsent.as_slice().len();
            if let Ok(count) = &result {
                self.written_bytes += *count as u64;
            }
            if let Ok(count) = self.keep_error(result, all) {
                self.unsent.consume(count);
            }
        }
        Poll::Ready(())
    }
}

/// What became of a stretch of input.
#[derive(Debug, PartialEq, Eq)]
struct Answered {
    echoed: Echoed,
    /// How many bytes at its front were whole messages.
    taken: usize,
    /// Whether what comes next must take the other way; otherwise it is the
    /// beginning of a message that may turn out to be for this one.
    is_over: bool,
}

/// Appends to `output` the frames that echo the whole, plain, masked messages
/// at the front of `input`.
fn answer(input: &[u8], output: &mut Vec<u8>, max_payload: usize) -> Answered {
    let mut echoed = Echoed::default();
    let mut rest = input;
    let is_over = loop {
        match Front::of(rest, max_payload) {
            Front::Message(frame) => {
                let before = output.len();
                let header_len = frame.answer(output);
                let payload = output.get(before + header_len..).unwrap_or_default();
                // Most text is ASCII, which is seen in half the time.
                let is_utf8 = || payload.is_ascii() || std::str::from_utf8(payload).is_ok();
                if frame.is_text() && !is_utf8() {
                    output.truncate(before);
                    break true;
                }
                echoed.messages += 1;
                echoed.bytes += frame.payload.len() as u64;
                rest = rest
                    .get(frame.header_len + frame.payload.len()..)
                    .unwrap_or_default();
            }
            Front::Beginning => break false,
            Front::Other => break true,
        }
    };
    Answered {
        echoed,
        taken: input.len() - rest.len(),
        is_over,
    }
}

/// What stands at the front of the input.
enum Front<'a> {
    /// A whole message that may be answered with itself.
    Message(Frame<'a>),
    /// Nothing yet, or what may become such a message.
    Beginning,
    Other,
}

/// A data frame with FIN and a mask, in the shortest form.
struct Frame<'a> {
    header: Header,
    header_len: usize,
    mask: [u8; 4],
    /// Still masked.
    payload: &'a [u8],
}

const FINAL_TEXT: u8 = FIN | Opcode::Text as u8;
const FINAL_BINARY: u8 = FIN | Opcode::Binary as u8;

impl<'a> Front<'a> {
    fn of(input: &'a [u8], max_payload: usize) -> Self {
        let (FINAL_TEXT | FINAL_BINARY) = *input.first().unwrap_or(&FINAL_BINARY) else {
            return Self::Other;
        };
        let (header, header_len) = match Header::read(input) {
            Read::Whole {
                header, header_len, ..
            } => (header, header_len),
            Read::Partial => return Self::Beginning,
            Read::Invalid => return Self::Other,
        };
        // A length that has a shorter form is for tungstenite to judge.
        let (Some(mask), Ok(len), true) = (
            header.mask,
            usize::try_from(header.payload_len),
            header_len == header.wire_len(),
        ) else {
            return Self::Other;
        };
        if len > max_payload || len > INPUT_BYTES - header_len {
            return Self::Other;
        }
        let arrived = input.get(header_len..).unwrap_or_default();
        let frame = |payload| Frame {
            header,
            header_len,
            mask,
            payload,
        };
        match arrived.get(..len) {
            Some(payload) => Self::Message(frame(payload)),
            // Text that is not UTF-8 is refused before its frame ends.
            None if header.first == FINAL_TEXT
                && (arrived.len() > MAX_BEGUN_TEXT_BYTES || !frame(arrived).begins_text()) =>
            {
                Self::Other
            }
            None => Self::Beginning,
        }
    }
}

impl Frame<'_> {
    fn is_text(&self) -> bool {
        self.header.first == FINAL_TEXT
    }

    /// Whether the payload can be the beginning of UTF-8.
    fn begins_text(&self) -> bool {
        let mut payload = self.payload.to_vec();
        mask::apply(&mut payload, self.mask);
        std::str::from_utf8(&payload).map_or_else(|error| error.error_len().is_none(), |_| true)
    }

    /// Appends the frame that answers this one with itself; tells how long its
    /// header is. A server does not mask.
    fn answer(&self, output: &mut Vec<u8>) -> usize {
        let header = Header {
            mask: None,
            ..self.header
        };
        header.write(output);
        mask::append(output, self.payload, self.mask);
        self.header_len - self.mask.len()
    }
}
