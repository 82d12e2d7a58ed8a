//! Lines on stdout, for programs that read them as they come.

use std::io::{self, Write};

/// A writer of whole lines. Nothing of a line is held back.
#[derive(Debug)]
pub struct LineWriter<W> {
    out: W,
    buffer: Vec<u8>,
}

impl LineWriter<io::Stdout> {
    /// A writer to stdout.
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> LineWriter<W> {
    /// A writer to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            buffer: Vec::new(),
        }
    }

    /// Writes a line with a single write, so that it is there whole or not at
    /// all. The text has to be one line, as JSON without indentation is.
    ///
    /// # Errors
    /// Of the stream; `BrokenPipe` means that the reader has gone.
    pub fn write_line(&mut self, line: &str) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
        self.out.write_all(&self.buffer)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_leaves_with_its_end() {
        let mut out = Vec::new();
        let mut lines = LineWriter::new(&mut out);
        lines.write_line("{}").unwrap();
        lines.write_line("").unwrap();
        assert_eq!(out, b"{}\n\n");
    }
}
