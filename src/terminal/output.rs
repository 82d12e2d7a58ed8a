//! Stdout as an asynchronous writer of data.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncWrite, Stdout, stdout};

use super::sanitize;

/// How much is sanitised at once.
const PIECE_BYTES: usize = 64 << 10;

/// A writer of what a peer sent. Bytes pass unchanged, except to a terminal:
/// there, text is sanitised and what is not UTF-8 is shown as `\xff`.
///
/// Writes run on a thread of their own, so that a reader that is slow, or has
/// stopped, does not stop the program.
#[derive(Debug)]
pub struct DataOutput<W = Stdout> {
    writer: W,
    sanitizer: Option<Sanitizer>,
}

/// What waits to be written to a terminal.
#[derive(Debug, Default)]
struct Sanitizer {
    /// The beginning of a character whose end has not come yet.
    partial: Vec<u8>,
    safe: Vec<u8>,
    written: usize,
}

impl DataOutput {
    pub fn stdout() -> Self {
        Self::new(stdout(), io::stdout().is_terminal())
    }

    /// Stdout, which gets the bytes unchanged even where it is a terminal:
    /// only for a user who has asked for that.
    pub fn raw_stdout() -> Self {
        Self::new(stdout(), false)
    }
}

impl<W> DataOutput<W> {
    fn new(writer: W, is_terminal: bool) -> Self {
        Self {
            writer,
            sanitizer: is_terminal.then(Sanitizer::default),
        }
    }
}

impl Sanitizer {
    fn push(&mut self, bytes: &[u8]) {
        let joined: Cow<'_, [u8]> = if self.partial.is_empty() {
            bytes.into()
        } else {
            self.partial.extend_from_slice(bytes);
            std::mem::take(&mut self.partial).into()
        };
        let mut chunks = joined.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.safe
                .extend_from_slice(sanitize(chunk.valid()).as_bytes());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && could_go_on(invalid) {
                invalid.clone_into(&mut self.partial);
                break;
            }
            self.escape(invalid);
        }
    }

    fn escape(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.safe
                .extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }

    fn poll_write_out<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.safe.len() {
            let rest = &self.safe[self.written..];
            match ready!(Pin::new(&mut *writer).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.safe.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

/// Whether these bytes are the beginning of a UTF-8 character.
fn could_go_on(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl<W: AsyncWrite + Unpin> AsyncWrite for DataOutput<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(sanitizer) = &mut this.sanitizer else {
            return Pin::new(&mut this.writer).poll_write(cx, bytes);
        };
        ready!(sanitizer.poll_write_out(&mut this.writer, cx))?;
        let count = bytes.len().min(PIECE_BYTES);
        sanitizer.push(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(sanitizer) = &mut this.sanitizer {
            ready!(sanitizer.poll_write_out(&mut this.writer, cx))?;
        }
        Pin::new(&mut this.writer).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn written(is_terminal: bool, pieces: &[&[u8]]) -> Vec<u8> {
        let mut output = DataOutput::new(Vec::new(), is_terminal);
        for piece in pieces {
            output.write_all(piece).await.unwrap();
            output.flush().await.unwrap();
        }
        output.writer
    }

    #[tokio::test]
    async fn a_terminal_gets_no_live_controls() {
        for (pieces, expected) in [
            (&[&b"a\x1b[2Jb\n"[..]][..], "a\\x1b[2Jb\n"),
            (&[b"\xff\0\xfe\n"], "\\xff\\x00\\xfe\n"),
            // A character that arrives in two writes, also an active one.
            (&[b"\xc3", b"\xbc\n"], "ü\n"),
            (&[b"\xc2", b"\x9b1m"], "\\x9b1m"),
            (&[b"\xe2\x82", b"x"], "\\xe2\\x82x"),
        ] {
            assert_eq!(written(true, pieces).await, expected.as_bytes());
        }
    }

    #[tokio::test]
    async fn a_pipe_gets_the_bytes() {
        assert_eq!(
            written(false, &[b"\x1b[2J\xff", b"\0"]).await,
            b"\x1b[2J\xff\0"
        );
    }
}
