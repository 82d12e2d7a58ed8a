//! The output's buffer: bounded, so that a slow reader of ours slows the peer
//! down instead of filling our memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

/// With this much unwritten, no more messages are taken from the socket. One
/// message may exceed it.
const ROOM_BYTES: usize = 256 << 10;

/// A writer with a bounded buffer before it.
#[derive(Debug)]
pub struct Output<W> {
    writer: W,
    buffer: BytesMut,
    unflushed: bool,
    abandoned: bool,
}

impl<W: AsyncWrite + Unpin> Output<W> {
    /// An empty buffer before `writer`.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            buffer: BytesMut::new(),
            unflushed: false,
            abandoned: false,
        }
    }

    /// Adds to the buffer, whether there is room or not.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.abandoned {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether another message may be taken in.
    pub fn has_room(&self) -> bool {
        self.buffer.len() < ROOM_BYTES
    }

    /// Gives the writer up: what is left, and what comes, is dropped.
    pub fn abandon(&mut self) {
        self.abandoned = true;
        self.unflushed = false;
        self.buffer = BytesMut::new();
    }

    /// Writes what is there; ready when all of it has been flushed.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.buffer.is_empty() {
            let count = ready!(Pin::new(&mut self.writer).poll_write(cx, &self.buffer))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.buffer.advance(count);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.writer).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
