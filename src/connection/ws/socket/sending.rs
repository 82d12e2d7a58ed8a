//! The sending half: how messages become frames, and what happens to frames
//! that find no room.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Sink;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use super::config::NotOpen;
use super::waits::Blocked;
use super::{Phase, Socket};
use crate::connection::{CloseCode, CloseFrame, Message, SocketError};

impl Socket {
    pub(super) fn queue(&mut self, message: WsMessage) -> Result<(), NotOpen> {
        if !self.is_open() {
            return Err(NotOpen);
        }
        self.unflushed = true;
        self.queued_bytes += frame_bytes(&message, self.role);
        if !self.outgoing.is_empty() {
            self.outgoing.push_back(message);
            return Ok(());
        }
        match self.ws.start_send(message) {
            Ok(()) => Ok(()),
            Err(WsError::WriteBufferFull(message)) => {
                self.outgoing.push_back(*message);
                Ok(())
            }
            Err(_) => Err(NotOpen),
        }
    }

    fn queue_message(&mut self, message: Message) -> Result<(), NotOpen> {
        let opcode = if message.is_text() {
            Data::Text
        } else {
            Data::Binary
        };
        let compressed = self
            .deflater
            .as_mut()
            .and_then(|deflater| deflater.compress(message.as_bytes()));
        let rsv1 = compressed.is_some();
        let mut rest = compressed.unwrap_or_else(|| message.into_bytes());
        let mut opcode = OpCode::Data(opcode);
        let mut first = true;
        loop {
            let part = rest.split_to(rest.len().min(self.max_outgoing_frame_bytes));
            let mut frame = Frame::message(part, opcode, rest.is_empty());
            frame.header_mut().rsv1 = rsv1 && first;
            self.queue(WsMessage::Frame(frame))?;
            if rest.is_empty() {
                return Ok(());
            }
            opcode = OpCode::Data(Data::Continue);
            first = false;
        }
    }

    /// Moves what waits in `outgoing` into the write buffer.
    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        loop {
            ready!(self.ws.poll_ready(cx))?;
            let Some(message) = self.outgoing.pop_front() else {
                return Poll::Ready(Ok(()));
            };
            match self.ws.start_send(message) {
                Err(WsError::WriteBufferFull(message)) => {
                    self.outgoing.push_front(*message);
                    ready!(self.ws.poll_flush(cx))?;
                }
                result => result?,
            }
        }
    }

    pub(super) fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        ready!(self.poll_outgoing(cx))?;
        let flushed = ready!(self.ws.poll_flush(cx));
        let io = self.ws.get_ref();
        if flushed.is_ok() && io.write_error().is_none() {
            // Answers to pings are not counted above.
            self.queued_bytes = io.written_bytes();
        }
        Poll::Ready(flushed)
    }

    /// Where in the stream of what is written the next frame begins, at the
    /// earliest: answers to pings may come before it.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }

    /// What was queued before this place has begun to leave, or may have; of
    /// what was queued from here on, no byte was written.
    pub(crate) fn begun_bytes(&self) -> u64 {
        let written_bytes = self.ws.get_ref().written_bytes();
        self.dropped_from
            .map_or(written_bytes, |from| from.min(written_bytes))
    }

    /// Gives up what found no room in the write buffer.
    pub(super) fn drop_outgoing(&mut self) {
        let role = self.role;
        let dropped = self.outgoing.drain(..);
        let bytes: u64 = dropped.map(|message| frame_bytes(&message, role)).sum();
        self.dropped_from
            .get_or_insert(self.queued_bytes.saturating_sub(bytes));
    }
}

/// The length of a message's frame on the wire, in bytes (RFC 6455 §5.2).
fn frame_bytes(message: &WsMessage, role: Role) -> u64 {
    let payload = match message {
        WsMessage::Frame(frame) => frame.payload().len(),
        message => message.len(),
    };
    let length = match payload {
        0..126 => 0,
        126..=0xffff => 2,
        _ => 8,
    };
    let mask = match role {
        Role::Client => 4,
        Role::Server => 0,
    };
    2 + length + mask + payload as u64
}

/// Waits where the peer reads too slowly; the keep-alive and the deadlines
/// go on meanwhile, and then the sink says [`NotOpen`].
impl Sink<Message> for Socket {
    type Error = NotOpen;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotOpen>> {
        if !self.is_open() {
            return Poll::Ready(Err(NotOpen));
        }
        match self.poll_outgoing(cx) {
            Poll::Ready(result) => {
                self.blocked = None;
                Poll::Ready(result.map_err(|_| NotOpen))
            }
            Poll::Pending => self.poll_blocked(cx),
        }
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), NotOpen> {
        self.queue_message(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotOpen>> {
        match self.poll_write_out(cx) {
            Poll::Ready(result) => {
                self.unflushed = false;
                self.blocked = None;
                let failed = result.is_err() || self.ws.get_ref().write_error().is_some();
                Poll::Ready(if failed { Err(NotOpen) } else { Ok(()) })
            }
            Poll::Pending => self.poll_blocked(cx),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotOpen>> {
        self.start_close(CloseFrame::new(CloseCode::NORMAL, ""));
        self.poll_flush(cx)
    }
}

impl Socket {
    /// A write is blocked: only a deadline can end the wait.
    fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NotOpen>> {
        if self.phase != Phase::Open {
            return Poll::Ready(Err(NotOpen));
        }
        self.error = match self.poll_write_deadline(cx) {
            Some(error) => Some(error),
            None => ready!(self.poll_timers(cx)),
        };
        self.begin_finish();
        Poll::Ready(Err(NotOpen))
    }

    /// Whether the peer has taken nothing for too long.
    fn poll_write_deadline(&mut self, cx: &mut Context<'_>) -> Option<SocketError> {
        let limit = self.write_timeout?;
        let written_bytes = self.ws.get_ref().written_bytes();
        let blocked = self.blocked.get_or_insert_with(|| Blocked {
            written_bytes,
            sleep: Box::pin(sleep(limit)),
        });
        if blocked.written_bytes != written_bytes {
            blocked.written_bytes = written_bytes;
            blocked.sleep.as_mut().reset(Instant::now() + limit);
        }
        blocked
            .sleep
            .as_mut()
            .poll(cx)
            .is_ready()
            .then_some(SocketError::WriteTimeout(limit))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::SinkExt;
    use tokio::io::{AsyncReadExt, duplex};
    use tokio::time::{Instant, sleep};

    use crate::connection::{Event, Message, Role, Socket, SocketConfig, SocketError, Transport};

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_has_time_and_one_that_stopped_has_not() {
        let (mut peer, near) = duplex(1 << 10);
        let config = SocketConfig {
            write_timeout: Some(Duration::from_secs(1)),
            ..SocketConfig::new(Role::Server)
        };
        let mut socket = Socket::new(Transport::other(near), Bytes::new(), &config).await;
        let start = Instant::now();
        let reads = async move {
            for _ in 0..20 {
                sleep(Duration::from_millis(900)).await;
                peer.read_exact(&mut [0; 100]).await.unwrap();
            }
            (peer, Instant::now())
        };
        let writes = async {
            let sent = socket.send(Message::binary(vec![0; 100_000])).await;
            assert!(sent.is_err());
            Instant::now()
        };
        let ((_peer, stopped), ended) = tokio::join!(reads, writes);
        assert!(stopped - start >= Duration::from_secs(18));
        let waited = ended - stopped;
        assert!((1000..1100).contains(&waited.as_millis()), "{waited:?}");
        let closed = match socket.next().await {
            Some(Event::Closed(closed)) => closed,
            other => panic!("{other:?}"),
        };
        assert!(matches!(closed.error, Some(SocketError::WriteTimeout(_))));
    }
}
