//! A peer made by hand: frames as bytes, and a transport that hands them out
//! in chunks.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::{FrameIo, FrameIoConfig};
use crate::connection::ws::deflate::{Inflater, Params};

pub(super) const FIN: u8 = 0x80;
pub(super) const RSV1: u8 = 0x40;
pub(super) const CONTINUE: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// A frame as `receiver` expects it, masked for a server. `first` is its first
/// byte.
pub(super) fn frame(receiver: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = (receiver == Role::Server).then_some([0x1d, 0xe9, 0x40, 0x83]);
    let mut bytes = header(first, payload.len() as u64, mask);
    let keys = mask.unwrap_or_default().into_iter().cycle();
    bytes.extend(payload.iter().zip(keys).map(|(byte, key)| byte ^ key));
    bytes
}

/// A frame header alone.
pub(super) fn header(first: u8, payload_len: u64, mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload_len {
        0..126 => bytes.push(masked | payload_len as u8),
        126..0x1_0000 => {
            bytes.push(masked | 126);
            bytes.extend((payload_len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(masked | 127);
            bytes.extend(payload_len.to_be_bytes());
        }
    }
    bytes.extend(
        mask.unwrap_or_default()
            .iter()
            .take(if mask.is_some() { 4 } else { 0 }),
    );
    bytes
}

/// Cuts `stream` into chunks of the given sizes, over and over.
pub(super) fn cut(stream: &[u8], sizes: &[usize]) -> VecDeque<Vec<u8>> {
    let mut chunks = VecDeque::new();
    let mut rest = stream;
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(size.clamp(1, rest.len()));
        chunks.push_back(chunk.to_vec());
        rest = after;
    }
    chunks
}

/// What comes after the last chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The end of the stream.
    End,
    /// Nothing, for ever.
    Silence,
}

/// A transport that yields one chunk a read, and is not ready in between.
#[derive(Debug)]
pub(super) struct Chunks {
    chunks: VecDeque<Vec<u8>>,
    then: Then,
    is_ready: bool,
    pub(super) written: Vec<u8>,
    pub(super) refuses_writes: bool,
}

impl Chunks {
    pub(super) fn new(chunks: VecDeque<Vec<u8>>, then: Then) -> Self {
        Self {
            chunks,
            then,
            is_ready: false,
            written: Vec::new(),
            refuses_writes: false,
        }
    }
}

impl AsyncRead for Chunks {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_ready = !self.is_ready;
        if !self.is_ready {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.chunks.pop_front() {
            Some(mut chunk) => {
                let rest = chunk.split_off(chunk.len().min(buf.remaining()));
                buf.put_slice(&chunk);
                if !rest.is_empty() {
                    self.chunks.push_front(rest);
                }
                Poll::Ready(Ok(()))
            }
            None if self.then == Then::End => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Chunks {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.refuses_writes {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.written.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How a test's connection is set up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    pub(super) receiver: Role,
    pub(super) params: Option<Params>,
    pub(super) read_buffer_bytes: usize,
    pub(super) max_bytes: usize,
}

impl Setup {
    pub(super) fn plain(receiver: Role) -> Self {
        Self {
            receiver,
            params: None,
            read_buffer_bytes: 4096,
            max_bytes: 1 << 20,
        }
    }

    pub(super) fn compressed(receiver: Role) -> Self {
        Self {
            params: Some(Params::default()),
            ..Self::plain(receiver)
        }
    }

    pub(super) fn io<S>(&self, inner: S) -> FrameIo<S> {
        FrameIo::new(
            inner,
            FrameIoConfig {
                role: self.receiver,
                leftover: bytes::Bytes::new(),
                inflate: self
                    .params
                    .map(|params| Inflater::new(&params, self.receiver)),
                max_frame_bytes: self.max_bytes,
                budget: None,
            },
        )
    }

    pub(super) fn config(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(self.read_buffer_bytes)
            .max_frame_size(Some(self.max_bytes))
            .max_message_size(Some(self.max_bytes))
    }

    pub(super) async fn open(&self, inner: Chunks) -> WebSocketStream<FrameIo<Chunks>> {
        let io = self.io(inner);
        WebSocketStream::from_raw_socket(io, self.receiver, Some(self.config())).await
    }

    /// All that is read from `chunks`, and the error that ends it.
    pub(super) fn read(&self, chunks: VecDeque<Vec<u8>>, then: Then) -> Read {
        block_on(async {
            let mut socket = self.open(Chunks::new(chunks, then)).await;
            let mut read = Read {
                messages: Vec::new(),
                wire_bytes: Vec::new(),
                error: None,
            };
            while let Some(next) = socket.next().await {
                match next {
                    Ok(message) => {
                        if message.is_text() || message.is_binary() {
                            read.wire_bytes.push(socket.get_mut().take_wire_bytes());
                        }
                        read.messages.push(message);
                    }
                    Err(error) => {
                        read.error = Some(error);
                        break;
                    }
                }
            }
            read
        })
    }

    /// What `stream` in one chunk leads to, when nothing comes after it.
    pub(super) fn read_all(&self, stream: &[u8]) -> Read {
        self.read(cut(stream, &[usize::MAX]), Then::Silence)
    }
}

/// What a socket yielded.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) messages: Vec<Message>,
    pub(super) wire_bytes: Vec<Option<u64>>,
    pub(super) error: Option<Error>,
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O starts")
        .block_on(async {
            tokio::time::timeout(std::time::Duration::from_secs(1), future)
                .await
                .expect("the socket waits for what does not come")
        })
}
