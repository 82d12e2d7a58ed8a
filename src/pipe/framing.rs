//! Framing: where one message of the input ends, and how a received one is
//! written. Pure; the reading is [`Source`](super::Source)'s.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;
use thiserror::Error;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::jsonl::{self, LineError};
use crate::connection::Message;
use crate::talk::Outgoing;
use crate::talk::escape::{InvalidEscape, unescape};

/// How messages lie in the input and in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// A line each, ended by LF or CRLF; the output ends them with LF. A
    /// message with line breaks in it spans several lines of the output.
    #[default]
    Lines,
    /// Ended by NUL, so that messages can hold line breaks.
    Nul,
    /// A JSON object a line and event; see [`jsonl`].
    Jsonl,
    /// Bytes: the input leaves as binary messages, payloads of either type
    /// are written as they came, and nothing stands between them.
    Binary,
}

/// Why the input cannot be sent.
#[derive(Debug, Error)]
pub enum InputError {
    /// RFC 6455 §5.6: a text message is "text data encoded as UTF-8". To send
    /// such a line as a binary message would surprise the server, to mend it
    /// would lose what it was.
    #[error(
        "{unit} {number} of the input is not UTF-8, which a text message must be; send bytes with --binary, or as base64 with --jsonl"
    )]
    NotUtf8 {
        /// What the framing splits the input into.
        unit: &'static str,
        /// Which of them, from 1.
        number: u64,
    },
    /// A text has an escape that is none.
    #[error("{unit} {number} of the input: {cause}")]
    Escape {
        /// What the framing splits the input into.
        unit: &'static str,
        /// Which of them, from 1.
        number: u64,
        /// What is wrong with it.
        #[source]
        cause: InvalidEscape,
    },
    /// A line of `--jsonl` input is no event that can be sent.
    #[error("line {number} of the input is no event to send: {cause}")]
    Line {
        /// The line, from 1.
        number: u64,
        /// What is wrong with it.
        #[source]
        cause: LineError,
    },
    /// The input cannot be read.
    #[error("could not read the input: {0}")]
    Io(#[source] io::Error),
}

/// Splits a growing buffer into things to send.
#[derive(Debug)]
pub struct Splitter {
    framing: Framing,
    escapes: bool,
    /// How many lines (or NUL-ended records) were taken.
    number: u64,
    /// How much of the buffer holds no separator: a long line that arrives
    /// in many reads is searched once.
    scanned: usize,
}

impl Splitter {
    /// A splitter at the start of an input.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            escapes: false,
            number: 0,
            scanned: 0,
        }
    }

    /// The same, with escapes in the texts.
    #[must_use]
    pub fn with_escapes(self, escapes: bool) -> Self {
        Self { escapes, ..self }
    }

    /// Takes the next thing to send off the front of `buffer`; `None` when
    /// that needs more of the input.
    pub fn split(&mut self, buffer: &mut BytesMut) -> Option<Result<Outgoing, InputError>> {
        loop {
            let record = self.record(buffer)?;
            if let Some(result) = self.parse(record) {
                return Some(result);
            }
        }
    }

    /// Takes what is left at the end of the input: a last line needs no
    /// separator behind it.
    pub fn finish(&mut self, buffer: &mut BytesMut) -> Option<Result<Outgoing, InputError>> {
        if buffer.is_empty() {
            return None;
        }
        self.number += 1;
        self.scanned = 0;
        self.parse(buffer.split().freeze())
    }

    fn record(&mut self, buffer: &mut BytesMut) -> Option<Bytes> {
        let separator = match self.framing {
            Framing::Lines | Framing::Jsonl => b'\n',
            Framing::Nul => 0,
            Framing::Binary if buffer.is_empty() => return None,
            Framing::Binary => return Some(buffer.split().freeze()),
        };
        let Some(at) = memchr(separator, &buffer[self.scanned..]) else {
            self.scanned = buffer.len();
            return None;
        };
        let mut record = buffer.split_to(self.scanned + at);
        buffer.advance(1);
        self.scanned = 0;
        self.number += 1;
        if separator == b'\n' && record.last() == Some(&b'\r') {
            record.truncate(record.len() - 1);
        }
        Some(record.freeze())
    }

    /// `None` for a line that stands for nothing.
    fn parse(&self, record: Bytes) -> Option<Result<Outgoing, InputError>> {
        let number = self.number;
        let unit = match self.framing {
            Framing::Binary => return Some(Ok(Outgoing::Message(Message::Binary(record)))),
            Framing::Jsonl if record.trim_ascii().is_empty() => return None,
            Framing::Jsonl => {
                let parsed = jsonl::parse(&record).transpose()?;
                return Some(parsed.map_err(|cause| InputError::Line { number, cause }));
            }
            Framing::Lines => "line",
            Framing::Nul => "record",
        };
        let Ok(text) = Utf8Bytes::try_from(record) else {
            return Some(Err(InputError::NotUtf8 { unit, number }));
        };
        if !self.escapes {
            return Some(Ok(Outgoing::Message(Message::Text(text))));
        }
        let text = unescape(&text).map(|text| Message::text(text.into_owned()));
        Some(
            text.map(Outgoing::Message)
                .map_err(|cause| InputError::Escape {
                    unit,
                    number,
                    cause,
                }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that `input` is split into when it arrives in pieces of
    /// `step` bytes, as text; an error ends the list with its sentence.
    fn split_all(framing: Framing, input: &[u8], step: usize) -> Vec<String> {
        let mut splitter = Splitter::new(framing);
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        let mut take = |item: Result<Outgoing, InputError>| {
            found.push(match item {
                Ok(Outgoing::Message(message)) => {
                    String::from_utf8_lossy(message.as_bytes()).into_owned()
                }
                Ok(other) => format!("{other:?}"),
                Err(error) => error.to_string(),
            });
        };
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(item) = splitter.split(&mut buffer) {
                take(item);
            }
        }
        if let Some(item) = splitter.finish(&mut buffer) {
            take(item);
        }
        found
    }

    #[test]
    fn every_line_is_a_message_however_it_arrives() {
        use Framing::{Lines, Nul};
        let cases: [(Framing, &[u8], &[&str]); 10] = [
            (Lines, b"", &[]),
            (Lines, b"a\nb\n", &["a", "b"]),
            (Lines, b"a\nb", &["a", "b"]),
            (Lines, b"a\r\nb\r\n", &["a", "b"]),
            (Lines, b"\n\na\n", &["", "", "a"]),
            (Lines, b"a\rb\n", &["a\rb"]),
            (Lines, "ü\n👍".as_bytes(), &["ü", "👍"]),
            (Nul, b"a\nb\0c\0", &["a\nb", "c"]),
            (Nul, b"a\r\0\0b", &["a\r", "", "b"]),
            (Nul, b"\0", &[""]),
        ];
        for (framing, input, expected) in cases {
            for step in [1, 2, 3, 100] {
                let found = split_all(framing, input, step);
                assert_eq!(found, expected, "{input:?} by {step}");
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_named_and_not_mended() {
        assert_eq!(
            split_all(Framing::Lines, b"a\n\xff\n", 100),
            [
                "a",
                "line 2 of the input is not UTF-8, which a text message must be; send bytes with --binary, or as base64 with --jsonl"
            ]
        );
        assert!(split_all(Framing::Nul, b"a\0b\0\xc3", 100)[2].starts_with("record 3 of"));
    }

    #[test]
    fn escapes_in_lines_are_read_and_a_bad_one_is_named() {
        let mut splitter = Splitter::new(Framing::Lines).with_escapes(true);
        let mut buffer = BytesMut::from(&b"a\\r\\n\\x1e\n{\"a\":\"\\n\"}\n\\q\n"[..]);
        let mut next = || splitter.split(&mut buffer).unwrap();
        let text = |text: &str| Outgoing::Message(Message::text(text));
        assert_eq!(next().unwrap(), text("a\r\n\x1e"));
        assert_eq!(next().unwrap(), text("{\"a\":\"\\n\"}"));
        let error = next().unwrap_err().to_string();
        let start = "line 3 of the input: '\\q' is not an escape; write ";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn binary_input_has_no_boundaries_of_its_own() {
        let mut buffer = BytesMut::from(&b"\xff\0\n\xfe"[..]);
        let item = Splitter::new(Framing::Binary).split(&mut buffer);
        let expected = Outgoing::Message(Message::binary(&b"\xff\0\n\xfe"[..]));
        assert_eq!(item.unwrap().unwrap(), expected);
    }

    #[test]
    fn a_bad_event_is_named_by_its_line_and_empty_lines_count() {
        let found = split_all(
            Framing::Jsonl,
            b"\n{\"type\":\"text\",\"data\":\"a\"}\n \n[]\n",
            100,
        );
        assert_eq!(found[0], "a");
        assert!(found[1].starts_with("line 4 of the input is no event to send: "));
    }
}
