//! The head of an HTTP/1 message, kept as it went over the wire, and read from
//! a stream within a limit. A leaf: it knows neither WebSockets nor proxies.

use std::borrow::Cow;
use std::io;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::connection::secrets::{RawHead, Secrets};

/// The largest head accepted.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Servers send one or two, if any. Who goes on with them is never done.
const MAX_INTERIM: u32 = 100;

/// The usual head fits. Below 1 KiB allocators have memory without a search.
const USUAL_HEAD_BYTES: usize = 960;

/// So many headers are parsed without memory of their own.
const USUAL_HEADERS: usize = 16;

/// The head of a request or of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The minor version: 1 of HTTP/1.1.
    pub version: u8,
    /// The first line.
    pub start: Start,
    /// Names and values, in the order received.
    pub fields: Vec<(String, Bytes)>,
    /// All of it as it went over the wire, the empty line included.
    pub raw: RawHead,
}

/// The first line of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Of a request; what is asked for is in the raw head.
    Request {
        /// The method.
        method: String,
    },
    /// Of an answer.
    Answer {
        /// The status code.
        status: u16,
        /// The reason phrase, often empty.
        reason: String,
    },
}

/// Why no head could be read. The texts tell of an answer of "the server" to
/// the opening handshake; who asks a proxy words them anew.
#[derive(Debug, Error)]
pub enum HeadError {
    /// The peer ended the connection before its answer was complete.
    #[error("{}", match received.len() {
        0 => "the server closed the connection without an answer to the opening handshake".to_owned(),
        n => format!(
            "the server closed the connection after {n} bytes of its answer: {}",
            beginning(received)
        ),
    })]
    Closed {
        /// What had arrived.
        received: Bytes,
    },
    /// The answer is not HTTP.
    #[error(
        "the server's answer to the opening handshake is not HTTP ({cause}); it begins with {}",
        beginning(received)
    )]
    NotHttp {
        /// What had arrived.
        received: Bytes,
        /// The parser's finding.
        cause: httparse::Error,
    },
    /// The answer is a TLS record.
    #[error("the server answered the opening handshake in TLS; use wss:// in place of ws://")]
    Tls,
    /// The head has no end.
    #[error("the head of the server's answer is over {limit_bytes} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// The final answer does not come.
    #[error("the server sent over {limit} interim answers (1xx) and no final one")]
    Interim {
        /// The limit.
        limit: u32,
    },
    /// The transport failed.
    #[error("the connection failed during the opening handshake: {0}")]
    Io(#[source] io::Error),
}

impl Head {
    /// The head that a request was sent with; `None` where its user has changed
    /// it into something else.
    pub fn of_request(raw: &RawHead) -> Option<Self> {
        let bytes = raw.wire();
        with_headers(|headers| {
            let mut parsed = httparse::Request::new(headers);
            let httparse::Status::Complete(_) = parsed.parse(bytes)? else {
                return Ok(None);
            };
            Ok(Some(Self {
                version: parsed.version.unwrap_or_default(),
                start: Start::Request {
                    method: parsed.method.unwrap_or_default().to_owned(),
                },
                fields: fields(parsed.headers),
                raw: raw.clone(),
            }))
        })
        .ok()
        .flatten()
    }

    /// The status of an answer; 0 of a request.
    pub fn status(&self) -> u16 {
        match self.start {
            Start::Answer { status, .. } => status,
            Start::Request { .. } => 0,
        }
    }

    /// The values of all headers of this name, as text.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.values(name)
            .map(|value| String::from_utf8_lossy(value))
    }

    /// The values of all headers of this name, as received.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        let named = self
            .fields
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value)
    }

    /// Whether a comma list in the headers of this name holds `token`,
    /// whatever its case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.header(name).any(|value| {
            value
                .split(',')
                .any(|t| t.trim().eq_ignore_ascii_case(token))
        })
    }

    /// The first line, without what is named like a secret.
    pub fn start_line(&self) -> String {
        let wire = self.raw.wire();
        let line = wire.split(|b| matches!(b, b'\r' | b'\n')).next();
        Secrets::default().text(&String::from_utf8_lossy(line.unwrap_or_default()))
    }
}

/// How much of an answer that is no HTTP is shown.
const SHOWN_BYTES: usize = 32;

/// The first bytes of an answer, quoted: of its first line alone, since what
/// follows may be the beginning of a secret.
pub(crate) fn beginning(received: &[u8]) -> String {
    let line = received.split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let line = line.unwrap_or_default();
    let shown = line.get(..SHOWN_BYTES).unwrap_or(line);
    let dots = if shown.len() < received.len() {
        "…"
    } else {
        ""
    };
    format!("\"{}{dots}\"", shown.escape_ascii())
}

/// Whether a status is one of an answer that others follow.
fn is_interim(status: u16) -> bool {
    matches!(status, 100..=199) && status != 101
}

/// What has come of an answer, also while it is not whole.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// How many interim answers (1xx) have come.
    pub interim: u32,
    buffer: BytesMut,
}

impl Heard {
    /// The beginning of a head that is not whole, or of what is none.
    pub fn unfinished(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads the head of one final answer; returns it with the bytes that came
    /// behind it. Interim (1xx) answers other than 101 are passed over.
    ///
    /// # Errors
    /// A [`HeadError`]. There is no time limit here.
    pub(crate) async fn head<S>(&mut self, stream: &mut S) -> Result<(Head, Bytes), HeadError>
    where
        S: AsyncRead + Unpin,
    {
        self.buffer.reserve(USUAL_HEAD_BYTES);
        loop {
            if let Some(head) = self.take_final()? {
                // A copy: what is left is little, and the head's buffer must
                // not live as long as the connection.
                let leftover = Bytes::copy_from_slice(&self.buffer);
                *self = Self::default();
                return Ok((head, leftover));
            }
            if self.buffer.len() >= MAX_HEAD_BYTES {
                return Err(HeadError::TooLarge {
                    limit_bytes: MAX_HEAD_BYTES,
                });
            }
            match stream.read_buf(&mut self.buffer).await {
                Ok(count) if count > 0 => {}
                // TLS that ends without its close_notify says so by an error.
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                    return Err(HeadError::Io(error));
                }
                _ => {
                    return Err(HeadError::Closed {
                        received: Bytes::copy_from_slice(&self.buffer),
                    });
                }
            }
        }
    }

    /// The first head that is of a final answer, if one is there.
    fn take_final(&mut self) -> Result<Option<Head>, HeadError> {
        while !self.buffer.is_empty()
            && let Some(head) = take_head(&mut self.buffer)?
        {
            if head.status() < 100 {
                let received = head.raw.wire().clone();
                self.buffer = BytesMut::from(&received[..]);
                let cause = httparse::Error::Status;
                return Err(HeadError::NotHttp { received, cause });
            }
            if !is_interim(head.status()) {
                return Ok(Some(head));
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(HeadError::Interim { limit: MAX_INTERIM });
            }
        }
        Ok(None)
    }
}

/// Takes a complete head off the front of `buffer`, if one is there.
fn take_head(buffer: &mut BytesMut) -> Result<Option<Head>, HeadError> {
    match with_headers(|headers| parse_answer(buffer, headers)) {
        Ok(None) => Ok(None),
        Ok(Some((length, mut head))) => {
            head.raw = RawHead::new(buffer.split_to(length).freeze());
            Ok(Some(head))
        }
        // A server that expects TLS answers HTTP with an alert: the record
        // type 21 and the version 3.x (RFC 8446 §5.1).
        Err(_) if buffer.starts_with(b"\x15\x03") => Err(HeadError::Tls),
        Err(cause) => Err(HeadError::NotHttp {
            received: buffer.clone().freeze(),
            cause,
        }),
    }
}

/// The answer whose head is at the front of `bytes`, still without its raw
/// form, and the head's length; `None` while that is not complete.
fn parse_answer<'b>(
    bytes: &'b [u8],
    headers: &mut [httparse::Header<'b>],
) -> Result<Option<(usize, Head)>, httparse::Error> {
    let mut parsed = httparse::Response::new(headers);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else {
        return Ok(None);
    };
    let head = Head {
        version: parsed.version.unwrap_or_default(),
        start: Start::Answer {
            status: parsed.code.unwrap_or_default(),
            reason: parsed.reason.unwrap_or_default().to_owned(),
        },
        fields: fields(parsed.headers),
        raw: RawHead::default(),
    };
    Ok(Some((length, head)))
}

/// Parses with room for as many headers as it takes. A head of 64 KiB cannot
/// hold more headers than it has bytes.
fn with_headers<'b, T>(
    mut parse: impl FnMut(&mut [httparse::Header<'b>]) -> Result<Option<T>, httparse::Error>,
) -> Result<Option<T>, httparse::Error> {
    let mut parsed = parse(&mut [httparse::EMPTY_HEADER; USUAL_HEADERS]);
    let mut capacity = USUAL_HEADERS;
    while matches!(parsed, Err(httparse::Error::TooManyHeaders)) && capacity < MAX_HEAD_BYTES {
        capacity *= 4;
        parsed = parse(&mut vec![httparse::EMPTY_HEADER; capacity]);
    }
    parsed
}

fn fields(headers: &[httparse::Header<'_>]) -> Vec<(String, Bytes)> {
    headers
        .iter()
        .map(|h| (h.name.to_owned(), Bytes::copy_from_slice(h.value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> Result<(Head, Bytes), HeadError> {
        Heard::default().head(&mut bytes).await
    }

    #[tokio::test]
    async fn any_number_of_headers_is_read() {
        for count in [0, 15, 16, 17, 64, 65, 1000] {
            let lines: String = (0..count).map(|n| format!("N{n}: {n}\r\n")).collect();
            let head = format!("HTTP/1.1 101 OK\r\n{lines}\r\n");
            let (found, _) = read(head.as_bytes()).await.unwrap();
            assert_eq!(found.fields.len(), count);
            assert_eq!(found.raw.wire(), head.as_bytes(), "{count}");
        }
    }

    #[tokio::test]
    async fn interim_answers_are_passed_over_and_early_bytes_kept() {
        let (found, leftover) =
            read(b"HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 101 OK\r\nC: d\r\n\r\n\x81\x00")
                .await
                .unwrap();
        assert_eq!(&found.raw.wire()[..], b"HTTP/1.1 101 OK\r\nC: d\r\n\r\n");
        assert_eq!(found.fields, [("C".to_owned(), Bytes::from_static(b"d"))]);
        assert_eq!(&leftover[..], b"\x81\x00");
    }

    #[tokio::test]
    async fn a_flood_of_interim_answers_ends_at_a_limit_and_is_counted() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        let answer = format!("{}HTTP/1.1 101 OK\r\n\r\n", interim.repeat(100));
        assert_eq!(read(answer.as_bytes()).await.unwrap().0.status(), 101);
        let flood = interim.repeat(101);
        assert_eq!(
            read(flood.as_bytes()).await.unwrap_err().to_string(),
            "the server sent over 100 interim answers (1xx) and no final one"
        );
        let mut heard = Heard::default();
        let few = format!("{}HTTP/1", interim.repeat(3));
        let error = heard.head(&mut few.as_bytes()).await.unwrap_err();
        assert!(matches!(error, HeadError::Closed { .. }));
        assert_eq!((heard.interim, heard.unfinished()), (3, &b"HTTP/1"[..]));
    }

    #[tokio::test]
    async fn hundreds_of_headers_are_no_problem_and_a_huge_head_is_refused() {
        let many = "X-A: b\r\n".repeat(3000);
        let head = format!("HTTP/1.1 101 OK\r\n{many}\r\n");
        assert_eq!(read(head.as_bytes()).await.unwrap().0.fields.len(), 3000);
        let huge = format!("HTTP/1.1 101 OK\r\nX: {}", "x".repeat(100 << 10));
        assert!(matches!(
            read(huge.as_bytes()).await,
            Err(HeadError::TooLarge { .. })
        ));
    }

    #[tokio::test]
    async fn what_is_no_http_is_said_to_be() {
        assert!(matches!(
            read(b"SSH-2.0-x\r\n\r\n").await,
            Err(HeadError::NotHttp { .. })
        ));
        assert!(matches!(
            read(b"\x15\x03\x01\0\x02\x02\x16").await,
            Err(HeadError::Tls)
        ));
        assert!(matches!(
            read(b"HTTP/1.1 10").await,
            Err(HeadError::Closed { .. })
        ));
    }

    #[test]
    fn the_head_of_a_request_is_read_back() {
        let raw = RawHead::new("GET /x HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n".into());
        let head = Head::of_request(&raw).unwrap();
        assert_eq!(head.header("host").collect::<Vec<_>>(), ["h"]);
        assert_eq!((head.version, head.status()), (1, 0));
        let method = "GET".to_owned();
        assert_eq!(head.start, Start::Request { method });
        assert_eq!(Head::of_request(&RawHead::new("no head".into())), None);
    }
}
