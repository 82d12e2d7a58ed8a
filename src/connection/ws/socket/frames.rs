//! tungstenite, polled by one owner.
//!
//! The same as tokio-tungstenite's `WebSocketStream`, without what that needs
//! for a reader and a writer on two tasks: it registers the waker atomically,
//! twice, for every message, which is a tenth of what an echo costs. Here the
//! owner is one task, and its waker is compared with the last one.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// A WebSocket over `S`: frames in, frames out.
#[derive(Debug)]
pub(super) struct Frames<S> {
    socket: WebSocket<Blocking<S>>,
    ended: bool,
    /// Whether no write has been blocked since the last flush.
    ready: bool,
    /// Whether all that was read has been taken.
    is_drained: bool,
    /// Whether all that was queued, answers to pings included, has left.
    is_flushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<S> {
    pub(super) fn new(inner: S, role: Role, limits: WebSocketConfig) -> Self {
        let inner = Blocking {
            inner,
            waker: Waker::noop().clone(),
        };
        Self {
            socket: WebSocket::from_raw_socket(inner, role, Some(limits)),
            ended: false,
            ready: true,
            is_drained: true,
            is_flushed: true,
        }
    }

    /// Whether nothing is held here in either direction, but for the
    /// beginning of a frame.
    pub(super) fn is_idle(&self) -> bool {
        self.is_drained && self.is_flushed && !self.ended
    }

    pub(super) fn get_ref(&self) -> &S {
        &self.socket.get_ref().inner
    }

    pub(super) fn get_mut(&mut self) -> &mut S {
        &mut self.socket.get_mut().inner
    }

    /// The next message or control frame; `None` when the closing handshake
    /// is done and the transport has ended, and after an error.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.set_waker(cx);
        match self.socket.read() {
            Ok(message) => {
                self.is_drained = false;
                // A ping's answer is queued with it.
                self.is_flushed = false;
                Poll::Ready(Some(Ok(message)))
            }
            Err(error) if would_block(&error) => {
                self.is_drained = true;
                Poll::Pending
            }
            Err(error) => {
                self.ended = true;
                let is_end = matches!(error, Error::AlreadyClosed | Error::ConnectionClosed);
                Poll::Ready((!is_end).then_some(Err(error)))
            }
        }
    }

    /// Waits until a frame can be queued.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.ready {
            return Poll::Ready(Ok(()));
        }
        self.set_waker(cx);
        match self.socket.flush() {
            Err(error) if would_block(&error) => Poll::Pending,
            result => {
                self.ready = true;
                Poll::Ready(result)
            }
        }
    }

    /// Queues a frame. Writes when much is queued, and flushes nothing.
    pub(super) fn start_send(&mut self, message: Message) -> Result<(), Error> {
        self.is_flushed = false;
        match self.socket.write(message) {
            // It is queued; what is blocked is the writing.
            Err(error) if would_block(&error) => {
                self.ready = false;
                Ok(())
            }
            result => {
                self.ready = true;
                result
            }
        }
    }

    /// Writes out what is queued.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.set_waker(cx);
        match self.socket.flush() {
            Err(error) if would_block(&error) => Poll::Pending,
            result => {
                self.ready = true;
                self.is_flushed = result.is_ok();
                Poll::Ready(match result {
                    // The answer to a Close has just left: flushed, too.
                    Err(Error::ConnectionClosed) => Ok(()),
                    result => result,
                })
            }
        }
    }

    fn set_waker(&mut self, cx: &Context<'_>) {
        self.socket.get_mut().waker.clone_from(cx.waker());
    }
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// A transport as tungstenite wants it: what is not ready is an error, and
/// wakes the owner later.
#[derive(Debug)]
struct Blocking<S> {
    inner: S,
    waker: Waker,
}

fn or_would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<S: AsyncRead + Unpin> Read for Blocking<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.waker);
        let mut buffer = ReadBuf::new(buffer);
        or_would_block(Pin::new(&mut self.inner).poll_read(&mut cx, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> Write for Blocking<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.waker);
        or_would_block(Pin::new(&mut self.inner).poll_write(&mut cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut cx = Context::from_waker(&self.waker);
        or_would_block(Pin::new(&mut self.inner).poll_flush(&mut cx))
    }
}
