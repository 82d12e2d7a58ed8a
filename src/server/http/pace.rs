//! Back-pressure for a client that sends more messages a second than it may: what is
//! too much is not read yet, so that its own sends wait.
//!
//! It stands below the WebSocket and counts the first frames of messages, so that every
//! behaviour has it. Control frames count for nothing, and wait behind what came first.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Transport;
use crate::connection::ws::codec::{Header, Opcode, Read};

/// How much is read at once.
const READ_BYTES: usize = 16 << 10;

/// A byte stream whose messages come at a rate.
pub(super) struct Paced {
    inner: Transport,
    /// What was read and not handed on.
    held: BytesMut,
    /// How much of the frame under way is still to be handed on.
    frame_left: u64,
    /// Since something is wrong with the frames: the behaviour sees what, and ends it.
    is_broken: bool,
    is_ended: bool,
    /// The time between two messages.
    interval: Duration,
    /// How far the next one may be early.
    burst: Duration,
    /// When the next message is due.
    due: Instant,
    waits: Pin<Box<Sleep>>,
}

impl Paced {
    /// So many messages a second; `leftover` came with the handshake.
    pub(super) fn new(inner: Transport, leftover: Bytes, per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        let now = Instant::now();
        Self {
            inner,
            held: leftover.into(),
            frame_left: 0,
            is_broken: false,
            is_ended: false,
            interval,
            // A tenth of a second's worth may come together.
            burst: interval * (per_second / 10),
            due: now,
            waits: Box::pin(sleep_until(now)),
        }
    }

    /// Finds out how much of what is held may go on; waits for the turn of a message.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.frame_left == 0 && !self.is_broken {
            let (header, opcode, header_len) = match Header::read(&self.held) {
                Read::Whole {
                    header,
                    opcode,
                    header_len,
                } => (header, opcode, header_len),
                // The rest of the header has to come; at the end of the stream the
                // behaviour finds it cut off.
                Read::Partial if !self.is_ended => return Poll::Ready(()),
                Read::Partial | Read::Invalid => {
                    self.is_broken = true;
                    break;
                }
            };
            if matches!(opcode, Opcode::Text | Opcode::Binary) {
                ready!(self.poll_due(cx));
            }
            self.frame_left = header.payload_len.saturating_add(header_len as u64);
        }
        Poll::Ready(())
    }

    /// Waits until another message may go on, and counts it.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if self.due > now + self.burst {
            self.waits.as_mut().reset(self.due - self.burst);
            ready!(self.waits.as_mut().poll(cx));
        }
        self.due = self.due.max(now) + self.interval;
        Poll::Ready(())
    }

    /// Hands on what may go on.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let most = match self.is_broken {
            true => usize::MAX,
            false => usize::try_from(self.frame_left).unwrap_or(usize::MAX),
        };
        let count = most.min(self.held.len()).min(buf.remaining());
        buf.put_slice(&self.held.split_to(count));
        self.frame_left = self.frame_left.saturating_sub(count as u64);
        count > 0
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let length = self.held.len();
        self.held.resize(length + READ_BYTES, 0);
        let mut chunk = ReadBuf::new(self.held.get_mut(length..).unwrap_or_default());
        let read = Pin::new(&mut self.inner).poll_read(cx, &mut chunk);
        let count = chunk.filled().len();
        self.held.truncate(length + count);
        ready!(read)?;
        self.is_ended = count == 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut has_some = false;
        loop {
            match this.poll_turn(cx) {
                Poll::Pending if has_some => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => {}
            }
            if this.hand_on(buf) {
                has_some = true;
                continue;
            }
            if has_some || this.is_ended || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_more(cx))?;
        }
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// A masked frame with a payload of this length.
    fn frame(first: u8, length: u8) -> Vec<u8> {
        [
            &[first, 0x80 | length, 1, 2, 3, 4][..],
            &vec![7; usize::from(length)],
        ]
        .concat()
    }

    #[tokio::test(start_paused = true)]
    async fn max_rate_holds_messages_back_and_changes_no_byte() {
        let (mut client, far) = duplex(1 << 20);
        let mut sent = Vec::new();
        for number in 0..100_u8 {
            // Half of the messages have two fragments, with a ping between.
            if number % 2 == 0 {
                sent.extend(frame(0x82, number));
            } else {
                sent.extend([frame(0x02, 3), frame(0x89, 2), frame(0x80, number)].concat());
            }
        }
        // A reserved opcode, and all behind it, is not ours to judge.
        sent.extend(b"\x83\x80\x00\x00\x00\x00rest");
        client.write_all(sent.get(7..).unwrap()).await.unwrap();
        client.shutdown().await.unwrap();
        let leftover = Bytes::copy_from_slice(&sent[..7]);
        let mut paced = Paced::new(Transport::other(far), leftover, 20);
        let start = Instant::now();
        let mut received = Vec::new();
        paced.read_to_end(&mut received).await.unwrap();
        assert!(received == sent);
        // 100 messages, of which 3 may come at once, at 20 a second.
        let elapsed = start.elapsed().as_millis();
        assert!((4800..4950).contains(&elapsed), "{elapsed}");
    }

    #[tokio::test(start_paused = true)]
    async fn max_rate_lets_a_slow_client_pass_at_once() {
        let (mut client, far) = duplex(1 << 10);
        let mut paced = Paced::new(Transport::other(far), Bytes::new(), 1);
        let start = Instant::now();
        for _ in 0..3 {
            client.write_all(&frame(0x81, 1)).await.unwrap();
            paced.read_exact(&mut [0; 7]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(start.elapsed().as_secs(), 3);
        client.write_all(&frame(0x88, 0)).await.unwrap();
        drop(client);
        assert_eq!(paced.read_to_end(&mut Vec::new()).await.unwrap(), 6);
    }
}
