//! A transport that remembers how the peer's first bytes were, so that a peer
//! that speaks no TLS can be told what it does speak.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::net::transport::Transport;

/// How much is remembered.
const HEAD_BYTES: usize = 64;

/// A transport that remembers the first bytes received over it.
#[derive(Debug)]
pub(in crate::connection) struct Tap {
    inner: Transport,
    head: Vec<u8>,
    received_bytes: Arc<AtomicUsize>,
    recording: bool,
    first_byte: Option<u8>,
}

impl Tap {
    /// A tap that also counts all that it receives there.
    pub(super) fn counting(inner: Transport, received_bytes: Arc<AtomicUsize>) -> Self {
        Self {
            inner,
            head: Vec::new(),
            received_bytes,
            recording: true,
            first_byte: None,
        }
    }

    /// A tap that fails where the first byte received is another one. The
    /// TLS engine then never sees it, and sends no alert in answer to it.
    pub(in crate::connection) fn expecting(inner: Transport, first_byte: u8) -> Self {
        Self {
            first_byte: Some(first_byte),
            ..Self::counting(inner, Arc::default())
        }
    }

    /// The first bytes received, and how many there were in all.
    pub(in crate::connection) fn received(&self) -> (&[u8], usize) {
        (&self.head, self.received_bytes.load(Ordering::Relaxed))
    }

    /// From here on the tap only passes through.
    pub(in crate::connection) fn stop(&mut self) {
        self.recording = false;
        self.head = Vec::new();
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if self.recording {
            let new = &buf.filled()[before..];
            let room = HEAD_BYTES - self.head.len();
            self.received_bytes.fetch_add(new.len(), Ordering::Relaxed);
            self.head.extend_from_slice(&new[..new.len().min(room)]);
            if let (Some(expected), Some(first)) = (self.first_byte, self.head.first())
                && expected != *first
            {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
        result
    }
}

impl AsyncWrite for Tap {
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
