//! placeholder
use super::deflate::Inflater;
use bytes::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::Role;

pub struct FrameIoConfig {
    pub role: Role,
    pub leftover: Bytes,
    pub inflate: Option<Inflater>,
    pub max_frame_bytes: usize,
}
#[derive(Debug)]
pub struct FrameIo<S> {
    inner: S,
    leftover: Bytes,
    error: Option<io::Error>,
}
impl<S> FrameIo<S> {
    pub fn new(inner: S, config: FrameIoConfig) -> Self {
        Self {
            inner,
            leftover: config.leftover,
            error: None,
        }
    }
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
    pub fn write_error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }
    pub fn take_wire_bytes(&mut self) -> Option<u64> {
        None
    }
}
impl<S: AsyncRead + Unpin> AsyncRead for FrameIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.leftover.is_empty() {
            let n = self.leftover.len().min(buf.remaining());
            buf.put_slice(&self.leftover[..n]);
            self.leftover.advance(n);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}
impl<S: AsyncWrite + Unpin> AsyncWrite for FrameIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.error.is_some() {
            return Poll::Ready(Ok(buf.len()));
        }
        match Pin::new(&mut self.inner).poll_write(cx, buf) {
            Poll::Ready(Err(e)) => {
                self.error = Some(e);
                Poll::Ready(Ok(buf.len()))
            }
            o => o,
        }
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
