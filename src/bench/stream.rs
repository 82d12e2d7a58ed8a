//! The stream below a frame engine.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::poller::{Poller, Ready};
use crate::connection::Transport;

/// A connected stream, by who tells that it is ready.
#[derive(Debug)]
pub(super) enum Stream {
    /// The runtime's reactor does.
    Polled(Transport),
    /// The thread's own [`Poller`] does, at each edge and without wakers.
    Detached {
        tcp: TcpStream,
        /// There may be something to be read.
        reads: bool,
        /// There is an end to be read.
        ends: bool,
    },
}

impl Stream {
    pub(super) fn is_plain_tcp(&self) -> bool {
        matches!(self, Self::Polled(Transport::Tcp(_)))
    }

    pub(super) fn detach(self, poller: &Poller, slot: usize) -> io::Result<Self> {
        let Self::Polled(Transport::Tcp(stream)) = self else {
            return Ok(self);
        };
        let tcp = stream.into_std()?;
        poller.add(&tcp, slot)?;
        Ok(Self::Detached {
            tcp,
            reads: true,
            ends: false,
        })
    }

    /// The poller has told of it.
    pub(super) fn note(&mut self, ready: &Ready) {
        if let Self::Detached { reads, ends, .. } = self {
            *reads |= ready.reads;
            *ends |= ready.ends;
        }
    }

    /// Reads into `buffer`; 0 is the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Polled(transport) => {
                let mut buffer = ReadBuf::new(buffer);
                let polled = Pin::new(transport).poll_read(cx, &mut buffer);
                polled.map_ok(|()| buffer.filled().len())
            }
            Self::Detached { reads: false, .. } => Poll::Pending,
            Self::Detached { tcp, reads, ends } => {
                let polled = polled(tcp.read(buffer));
                // A short read has drained the socket: the next bytes are an
                // event of their own. Not so the end.
                *reads = *ends || matches!(polled, Poll::Ready(Ok(count)) if count == buffer.len());
                polled
            }
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Polled(transport) => Pin::new(transport).poll_write(cx, bytes),
            Self::Detached { tcp, reads, .. } => {
                let polled = polled(tcp.write(bytes));
                // Why it has failed may stand in what the server sent last.
                *reads |= matches!(polled, Poll::Ready(Err(_)));
                polled
            }
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Polled(transport) => Pin::new(transport).poll_flush(cx),
            Self::Detached { .. } => Poll::Ready(Ok(())),
        }
    }
}

fn polled(result: io::Result<usize>) -> Poll<io::Result<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_detached_stream_is_read_when_the_poller_has_told_of_it_and_to_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        // It blocks, so that a read waits for what is on its way.
        let mut stream = Stream::Detached {
            tcp,
            reads: true,
            ends: false,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let mut buffer = [0; 4];
        let mut read = |stream: &mut Stream| match stream.poll_read(&mut cx, &mut buffer) {
            Poll::Pending => None,
            Poll::Ready(count) => Some(count.unwrap()),
        };
        let told = |reads, ends| Ready {
            slot: 0,
            reads,
            ends,
        };
        peer.write_all(b"ab").unwrap();
        assert_eq!(read(&mut stream), Some(2));
        peer.write_all(b"cdef").unwrap();
        assert_eq!(read(&mut stream), None, "a short read has drained it");
        stream.note(&told(false, false));
        assert_eq!(read(&mut stream), None, "it can be written");
        stream.note(&told(true, false));
        assert_eq!(read(&mut stream), Some(4));
        // A full buffer may have left something behind.
        peer.write_all(b"g").unwrap();
        assert_eq!(read(&mut stream), Some(1));
        drop(peer);
        stream.note(&told(true, true));
        assert_eq!(read(&mut stream), Some(0));
    }
}
