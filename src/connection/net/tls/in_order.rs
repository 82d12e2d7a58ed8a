//! TLS streams that give all that arrived before an error, and then the error.
//!
//! rustls decrypts all records that are there, and tokio-rustls tells of the one that
//! is bad first: whole messages in front of it, or the answer to the opening handshake,
//! would be lost.

use std::io::{self, BufRead as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

use super::tap::Tap;

/// A TLS stream that knows whether plaintext waits to be read.
pub(super) trait Plaintext {
    /// Whether plaintext waits to be read.
    fn is_waiting(&mut self) -> bool;
}

impl Plaintext for client::TlsStream<Tap> {
    fn is_waiting(&mut self) -> bool {
        let mut reader = self.get_mut().1.reader();
        let waiting = reader.fill_buf();
        waiting.is_ok_and(|plaintext| !plaintext.is_empty())
    }
}

impl Plaintext for server::TlsStream<Tap> {
    fn is_waiting(&mut self) -> bool {
        let mut reader = self.get_mut().1.reader();
        let waiting = reader.fill_buf();
        waiting.is_ok_and(|plaintext| !plaintext.is_empty())
    }
}

/// A TLS stream whose errors stand where they belong.
#[derive(Debug)]
pub(super) struct InOrder<S> {
    inner: S,
    /// What comes behind the plaintext that waits.
    error: Option<io::Error>,
}

impl<S> InOrder<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, error: None }
    }
}

impl<S: AsyncRead + Plaintext + Unpin> AsyncRead for InOrder<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.error.is_none() {
            match ready!(Pin::new(&mut self.inner).poll_read(cx, buf)) {
                Err(error) => self.error = Some(error),
                Ok(()) => return Poll::Ready(Ok(())),
            }
        }
        if self.inner.is_waiting() {
            // With plaintext at hand it reads nothing from below.
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        Poll::Ready(self.error.take().map_or(Ok(()), Err))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for InOrder<S> {
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
        bufs: &[io::IoSlice<'_>],
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
