//! The input as a stream: a reader, split by its framing.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::framing::{Framing, InputError, Splitter};
use crate::talk::Outgoing;

/// How much one read asks for. It is also the largest message that
/// [`Framing::Binary`] makes: a byte stream has no boundaries, so whatever one
/// read returns leaves as one message. Nothing is held back to fill a message
/// up, and no message is too large for a peer with a modest limit.
pub const READ_BYTES: usize = 64 << 10;

/// A reader as a stream of things to send. It reads only when it is polled,
/// so the one who polls decides how fast the input is taken.
#[derive(Debug)]
pub struct Source<R> {
    reader: R,
    splitter: Splitter,
    buffer: BytesMut,
    ended: bool,
}

impl<R> Source<R> {
    /// The messages in `reader`.
    pub fn new(reader: R, framing: Framing) -> Self {
        Self {
            reader,
            splitter: Splitter::new(framing),
            buffer: BytesMut::new(),
            ended: false,
        }
    }

    /// The same, with escapes in the texts.
    #[must_use]
    pub fn with_escapes(mut self, escapes: bool) -> Self {
        self.splitter = self.splitter.with_escapes(escapes);
        self
    }
}

impl<R: AsyncRead + Unpin> Stream for Source<R> {
    type Item = Result<Outgoing, InputError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.ended {
                return Poll::Ready(this.splitter.finish(&mut this.buffer));
            }
            if let Some(item) = this.splitter.split(&mut this.buffer) {
                return Poll::Ready(Some(item));
            }
            this.buffer.reserve(READ_BYTES);
            let mut room = (&mut this.buffer).limit(READ_BYTES);
            // `read_buf` keeps no state between polls.
            match ready!(pin!(this.reader.read_buf(&mut room)).poll(cx)) {
                Ok(0) => this.ended = true,
                Ok(_) => {}
                Err(error) => {
                    this.ended = true;
                    // Half a line is no message.
                    this.buffer.clear();
                    return Poll::Ready(Some(Err(InputError::Io(error))));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::StreamExt;

    use super::*;
    use crate::connection::Message;

    async fn lengths(input: &[u8], framing: Framing) -> Vec<usize> {
        Source::new(input, framing)
            .map(|item| match item {
                Ok(Outgoing::Message(message)) => message.len(),
                other => panic!("{other:?}"),
            })
            .collect()
            .await
    }

    #[tokio::test]
    async fn a_line_has_any_length() {
        let mut input = vec![b'x'; 5 << 20];
        input.extend_from_slice(b"\nshort\n");
        assert_eq!(lengths(&input, Framing::Lines).await, [5 << 20, 5]);
    }

    #[tokio::test]
    async fn a_binary_message_is_one_read() {
        let input = vec![0; 2 * READ_BYTES + 1];
        let expected = [READ_BYTES, READ_BYTES, 1];
        assert_eq!(lengths(&input, Framing::Binary).await, expected);
    }

    #[tokio::test]
    async fn a_failing_reader_loses_only_the_unfinished_line() {
        let reader = tokio_test_reader();
        let mut source = Source::new(reader, Framing::Lines);
        let first = source.next().await.unwrap().unwrap();
        assert_eq!(first, Outgoing::Message(Message::text("whole")));
        let error = source.next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "could not read the input: broken");
        assert!(source.next().await.is_none());
    }

    /// Yields a line and a half, then fails.
    fn tokio_test_reader() -> impl AsyncRead + Unpin {
        struct Failing;
        impl AsyncRead for Failing {
            fn poll_read(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                _: &mut tokio::io::ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(Err(io::Error::other("broken")))
            }
        }
        (&b"whole\nhal"[..]).chain(Failing)
    }
}
