//! The transport under tungstenite: it inflates compressed messages and lets
//! text be checked as it arrives, by rewriting incoming frames.
//!
//! Who reads from a [`FrameIo`] reads what a [`FrameWalker`] makes of the
//! bytes of `S`; what is written goes to `S` as it is. A header that breaks the
//! protocol ends the stream at its first byte that does; all else that does
//! reaches tungstenite. The echo beside it ([`Echoed`]) takes only what breaks
//! nothing.

mod compressed;
mod echo;
mod fragment;
mod judge;
mod output;
mod stopped;
mod walker;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::Role;

pub(crate) use echo::Echoed;
pub(crate) use judge::FrameError;
#[cfg(test)]
pub(crate) use judge::FrameFault;
pub(crate) use output::Output;
pub(crate) use stopped::Stopped;
pub(crate) use walker::FrameWalker;

use crate::connection::ws::budget::MessageBudget;
use crate::connection::ws::deflate::{DeflateError, Inflater};

/// The most that is read at once, in bytes.
const MAX_CHUNK_BYTES: usize = 128 * 1024;

/// Below this much room in the reader's buffer, one of our own is read into.
const MIN_ROOM_BYTES: usize = 64;

/// The size of our own buffer, in bytes.
const OWN_CHUNK_BYTES: usize = 4 * 1024;

/// What a [`FrameIo`] is made for.
#[derive(Debug)]
pub(crate) struct FrameIoConfig {
    /// Our side of the connection.
    pub role: Role,
    /// What arrived behind the opening handshake.
    pub leftover: Bytes,
    /// Inflates messages with RSV1, if permessage-deflate was agreed on.
    pub inflate: Option<Inflater>,
    /// tungstenite's `max_frame_size` in bytes: a larger frame is passed on as
    /// it is, so that it is refused at its header.
    pub max_frame_bytes: usize,
    /// What unfinished messages may take, with those of other connections.
    pub budget: Option<Arc<MessageBudget>>,
}

/// A transport whose incoming frames have been rewritten.
///
/// Reading fails with [`io::ErrorKind::InvalidData`] around a [`DeflateError`]
/// on a compressed message that cannot be inflated, and around a [`Stopped`] where
/// nothing is passed on, after everything before it has been read. Writing never fails: see
/// [`write_error`](Self::write_error).
#[derive(Debug)]
pub(crate) struct FrameIo<S> {
    inner: S,
    leftover: Bytes,
    walker: FrameWalker,
    output: Output,
    read_error: Option<DeflateError>,
    /// Of the transport, for the next read.
    failure: Option<io::Error>,
    write_error: Option<io::Error>,
    written_bytes: u64,
    /// What an echo has left to be sent, before anything else.
    unsent: Output,
    /// Whether the transport has an echo that it has not sent.
    unflushed: bool,
}

impl<S> FrameIo<S> {
    /// Puts the walker over `inner`.
    pub(crate) fn new(inner: S, config: FrameIoConfig) -> Self {
        Self {
            inner,
            leftover: config.leftover,
            walker: FrameWalker::new(config.role, config.inflate, config.max_frame_bytes)
                .within(config.budget),
            output: Output::default(),
            read_error: None,
            failure: None,
            write_error: None,
            written_bytes: 0,
            unsent: Output::default(),
            unflushed: false,
        }
    }

    /// The transport.
    #[cfg(test)]
    pub(crate) fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The transport. Reading from it loses frames.
    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The payload length on the wire, in bytes, of the next data message:
    /// one value for each message read, in order. `None` on a connection
    /// without permessage-deflate, and from then on when 128 Ki messages went
    /// by unasked.
    pub(crate) fn take_wire_bytes(&mut self) -> Option<u64> {
        self.walker.take_wire_bytes()
    }

    /// Which of the messages is under way, if one is.
    pub(crate) fn message_under_way(&self) -> Option<u64> {
        self.walker.message_under_way()
    }

    /// Whether the Close frame that has been read came while a message was under
    /// way.
    pub(crate) fn close_cuts(&self) -> bool {
        self.walker.close_cuts()
    }

    /// How many bytes the transport has taken.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// The first error of writing or flushing. What is written from then on is
    /// discarded, so that what the peer sent before it went away can still be
    /// read to its end.
    pub(crate) fn write_error(&self) -> Option<&io::Error> {
        self.write_error.as_ref()
    }

    /// The result of a write or flush, where a failure is kept and becomes
    /// `discarded`.
    fn keep_error<T>(&mut self, result: io::Result<T>, discarded: T) -> io::Result<T> {
        result.or_else(|error| {
            self.write_error = Some(error);
            Ok(discarded)
        })
    }
}

/// What a read of the transport brought.
enum Filled {
    /// The end of the stream.
    End,
    /// Bytes, which may be in the reader's buffer, in ours, or in the walker.
    Some,
}

impl<S: AsyncRead + Unpin> FrameIo<S> {
    /// Reads a chunk, straight into the reader's buffer if it has room.
    fn fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Filled>> {
        let headroom = self.walker.headroom();
        if buf.remaining() < headroom + MIN_ROOM_BYTES {
            return self.fill_own(cx, headroom);
        }
        let room = buf.remaining().min(headroom + MAX_CHUNK_BYTES);
        let space = buf.initialize_unfilled_to(room);
        let len = ready!(self.read_inner(cx, space.get_mut(headroom..).unwrap_or_default()))?;
        if len == 0 {
            return Poll::Ready(Ok(Filled::End));
        }
        let pass = self
            .walker
            .walk(space.get_mut(..headroom + len).unwrap_or_default());
        buf.advance(pass);
        Poll::Ready(Ok(Filled::Some))
    }

    /// Reads a chunk into the output.
    fn fill_own(&mut self, cx: &mut Context<'_>, headroom: usize) -> Poll<io::Result<Filled>> {
        let mut space = vec![0; headroom + OWN_CHUNK_BYTES];
        let len = ready!(self.read_inner(cx, space.get_mut(headroom..).unwrap_or_default()))?;
        if len == 0 {
            return Poll::Ready(Ok(Filled::End));
        }
        space.truncate(headroom + len);
        let pass = self.walker.walk(&mut space);
        space.truncate(pass);
        self.output.set(space, 0);
        Poll::Ready(Ok(Filled::Some))
    }

    fn read_inner(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.leftover.is_empty() {
            if let Some(error) = self.failure.take() {
                return Poll::Ready(Err(error));
            }
            let mut space = ReadBuf::new(space);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut space))?;
            return Poll::Ready(Ok(space.filled().len()));
        }
        let len = space.len().min(self.leftover.len());
        if let Some(front) = space.get_mut(..len) {
            self.leftover.copy_to_slice(front);
        }
        if self.leftover.is_empty() {
            self.leftover = Bytes::new();
        }
        Poll::Ready(Ok(len))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let filled_before = buf.filled().len();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if !this.output.is_empty() {
                let ready = this.output.as_slice();
                let ready = ready.get(..buf.remaining()).unwrap_or(ready);
                let len = ready.len();
                buf.put_slice(ready);
                this.output.consume(len);
            }
            if buf.filled().len() > filled_before {
                return Poll::Ready(Ok(()));
            }
            if let Some(error) = &this.read_error {
                let error = io::Error::new(io::ErrorKind::InvalidData, error.clone());
                return Poll::Ready(Err(error));
            }
            if let Some(stopped) = this.walker.stopped() {
                let error = io::Error::new(io::ErrorKind::InvalidData, stopped.clone());
                return Poll::Ready(Err(error));
            }
            if this.walker.has_work() {
                this.read_error = this.walker.step(&mut this.output).err();
            } else if let Filled::End = ready!(this.fill(cx, buf))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameIo<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(cx));
        if this.write_error.is_some() {
            return Poll::Ready(Ok(buf.len()));
        }
        let result = match ready!(Pin::new(&mut this.inner).poll_write(cx, buf)) {
            Ok(0) if !buf.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            result => result,
        };
        if let Ok(count) = &result {
            this.written_bytes += *count as u64;
        }
        Poll::Ready(this.keep_error(result, buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(cx));
        if this.write_error.is_some() {
            return Poll::Ready(Ok(()));
        }
        let result = ready!(Pin::new(&mut this.inner).poll_flush(cx));
        this.unflushed = false;
        Poll::Ready(this.keep_error(result, ()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = ready!(Pin::new(&mut this.inner).poll_shutdown(cx));
        // A transport that has failed before cannot fail again.
        Poll::Ready(match this.write_error {
            Some(_) => Ok(()),
            None => result,
        })
    }
}

#[cfg(test)]
mod tests;
