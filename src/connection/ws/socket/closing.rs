//! The end of a socket: deadlines, the last Close frame, FIN and drain.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use super::waits::Deadline;
use super::{Phase, Socket};
use crate::connection::{CloseFrame, SocketError};

/// How long a server may take to end the transport after the closing
/// handshake, before its client does (RFC 6455 §7.1.1); and how long a peer may
/// be silent once we have failed the connection (§7.1.7) and all of ours has left.
const END_OF_STREAM_TIMEOUT: Duration = Duration::from_secs(1);

impl Socket {
    /// Ready when the deadline has passed: with its error, or with none where
    /// the closing handshake is done and only the end of stream is missing.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Option<SocketError>> {
        let Some((deadline, sleep)) = &mut self.deadline else {
            return Poll::Pending;
        };
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(match deadline {
            Deadline::EndOfStream | Deadline::Finish => None,
            Deadline::CloseAnswer => Some(SocketError::CloseTimeout(self.close_timeout)),
            Deadline::LastWords => Some(self.lost()),
        })
    }

    /// Ends the open phase: tells the peer of an error, where it can be told.
    pub(super) fn begin_finish(&mut self) {
        self.keep_alive = None;
        match self.error {
            // Nothing more gets through, or what could has had its time: what
            // is left to tell is our owner.
            Some(SocketError::WriteTimeout(_) | SocketError::CloseTimeout(_)) => {
                self.phase = Phase::Report;
                return;
            }
            // From a peer that is dead no end of stream is to be expected.
            Some(SocketError::KeepAliveTimeout(_)) => self.set_deadline(Deadline::EndOfStream),
            None if self.is_close_unshown => self.set_deadline(Deadline::EndOfStream),
            _ => self.set_deadline(Deadline::Finish),
        }
        self.phase = Phase::Flush;
        if self.sent.is_some() {
            return;
        }
        let Some(frame) = self.error.as_ref().and_then(SocketError::close_frame) else {
            return;
        };
        self.drop_outgoing();
        self.send_last(frame);
    }

    /// Queues a Close frame behind which nothing follows.
    pub(super) fn send_last(&mut self, frame: CloseFrame) {
        match self.ws.start_send(WsMessage::Close(frame.to_wire())) {
            Ok(()) => self.sent = Some(frame),
            Err(WsError::WriteBufferFull(close)) => {
                self.outgoing.push_back(*close);
                self.sent = Some(frame);
            }
            Err(_) => {}
        }
    }

    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_deadline(cx).is_ready() {
            return Poll::Ready(());
        }
        if self.phase == Phase::Flush {
            // A failure to write shows in the reads, if there are any left.
            let _ = ready!(self.poll_write_out(cx));
            self.phase = Phase::Shutdown;
        }
        if self.phase == Phase::Shutdown {
            let io = self.ws.get_mut().get_mut();
            let _ = ready!(Pin::new(io).poll_shutdown(cx));
            let end = self.deadline.as_ref().map(|(_, sleep)| sleep.deadline());
            let until = end.unwrap_or_else(Instant::now);
            self.phase = Phase::Drain { until };
            self.drain_further(until);
        }
        let Phase::Drain { until } = self.phase else {
            return Poll::Ready(());
        };
        if self.at_end_of_stream() {
            return Poll::Ready(());
        }
        let mut scratch = [0; 4096];
        loop {
            let mut scratch = ReadBuf::new(&mut scratch);
            let io = self.ws.get_mut().get_mut();
            match Pin::new(io).poll_read(cx, &mut scratch) {
                Poll::Ready(Ok(())) if !scratch.filled().is_empty() => self.drain_further(until),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.poll_deadline(cx).map(drop),
            }
        }
    }

    /// Waits anew for a peer that sends: its end of stream is behind what it sends. One
    /// that is silent has nothing to lose by our end.
    fn drain_further(&mut self, until: Instant) {
        if let Some((_, sleep)) = &mut self.deadline {
            let silent = Instant::now() + END_OF_STREAM_TIMEOUT;
            sleep.as_mut().reset(until.min(silent));
        }
    }

    /// Whether the open phase has seen the peer's end of stream.
    fn at_end_of_stream(&self) -> bool {
        match &self.error {
            Some(SocketError::Lost | SocketError::Io(_)) => true,
            Some(_) => false,
            // tungstenite ends a client's stream only when the server's has.
            None => self.role == Role::Client && !self.is_close_unshown,
        }
    }

    pub(super) fn set_deadline(&mut self, deadline: Deadline) {
        let limit = match deadline {
            // Everything has been said; only the transport is still there.
            Deadline::EndOfStream => self.close_timeout.min(END_OF_STREAM_TIMEOUT),
            _ => self.close_timeout,
        };
        self.deadline = Some((deadline, Box::pin(sleep(limit))));
    }
}
