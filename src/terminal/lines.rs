//! Lines on stdout, for programs that read them as they come.

use std::io::{self, Write};

use super::sanitize::sanitize_json;

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

    /// Writes a line of JSON with a single write, so that it is there whole or not
    /// at all, and so that nothing in it acts on a terminal.
    ///
    /// # Errors
    /// Of the stream; `BrokenPipe` means that the reader has gone.
    pub fn write_line(&mut self, line: &str) -> io::Result<()> {
        self.buffer.clear();
        // JSON has escaped all other characters that act.
        match line.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) {
            true => self.buffer.extend_from_slice(line.as_bytes()),
            false => self
                .buffer
                .extend_from_slice(sanitize_json(line).as_bytes()),
        }
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

    #[test]
    fn c1_delete_and_bidi_are_escaped_in_json_at_a_terminal() {
        let mut out = Vec::new();
        LineWriter::new(&mut out)
            .write_line("{\"a\":\"\u{9b}31m\u{7f}\u{202e}\u{e9}\"}")
            .unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "{\"a\":\"\\u009b31m\\u007f\\u202e\u{e9}\"}\n");
    }
}
