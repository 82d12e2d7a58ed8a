//! The server's answer to an opening handshake, kept as received.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::connection::http::upgrade::HandshakeError;
use crate::connection::secrets::{RawHead, Secrets};

/// The largest head accepted.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// The usual head fits. Below 1 KiB allocators have memory without a search.
const USUAL_HEAD_BYTES: usize = 960;

/// So many headers are parsed without memory of their own.
const USUAL_HEADERS: usize = 16;

/// How much of a refusal's body is kept, and how long it may take.
const MAX_BODY_BYTES: usize = 4 << 10;
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// A body without a length ends with its connection. Where that stays open
/// and silent for this long, there is no body.
const BODY_SILENCE: Duration = Duration::from_millis(300);

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status line and the headers as received, the empty line included.
    pub head: RawHead,
    /// The status code.
    pub status: u16,
    /// The reason phrase, often empty.
    pub reason: String,
    /// Names and values, in the order received.
    pub headers: Vec<(String, Bytes)>,
    /// The beginning of a refusal's body: at most 4 KiB.
    pub body: Bytes,
    /// Whether more of the body followed than was kept.
    pub body_truncated: bool,
}

impl Response {
    /// The values of all headers of this name, as text.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.values(name)
            .map(|value| String::from_utf8_lossy(value))
    }

    /// The values of all headers of this name, as received.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        let named = self
            .headers
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

    /// The status line, without what is named like a secret.
    pub fn status_line(&self) -> String {
        let wire = self.head.wire();
        let line = wire.split(|b| matches!(b, b'\r' | b'\n')).next();
        Secrets::default().text(&String::from_utf8_lossy(line.unwrap_or_default()))
    }
}

/// Reads one final answer; returns it with the bytes that came behind its
/// head. Interim (1xx) answers other than 101 are passed over.
pub(in crate::connection) async fn read_response<S>(
    stream: &mut S,
) -> Result<(Response, Bytes), HandshakeError>
where
    S: AsyncRead + Unpin,
{
    let mut buffer = BytesMut::with_capacity(USUAL_HEAD_BYTES);
    loop {
        while !buffer.is_empty()
            && let Some(response) = parse_head(&mut buffer)?
        {
            if response.status == 101 || response.status >= 200 {
                // A copy: what is left is little, and the head's buffer must
                // not live as long as the connection.
                return Ok((response, Bytes::copy_from_slice(&buffer)));
            }
        }
        if buffer.len() >= MAX_HEAD_BYTES {
            return Err(HandshakeError::HeadTooLarge {
                limit_bytes: MAX_HEAD_BYTES,
            });
        }
        match stream.read_buf(&mut buffer).await {
            Ok(count) if count > 0 => {}
            // TLS that ends without its close_notify says so by an error.
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(HandshakeError::Io(error));
            }
            _ => {
                return Err(HandshakeError::Closed {
                    received: buffer.freeze(),
                });
            }
        }
    }
}

/// Takes a complete head off the front of `buffer`, if one is there.
fn parse_head(buffer: &mut BytesMut) -> Result<Option<Response>, HandshakeError> {
    let mut usual = [httparse::EMPTY_HEADER; USUAL_HEADERS];
    let mut parsed = parse(buffer, &mut usual);
    let mut capacity = USUAL_HEADERS;
    // A head of 64 KiB cannot hold more headers than it has bytes.
    while matches!(parsed, Err(httparse::Error::TooManyHeaders)) && capacity < MAX_HEAD_BYTES {
        capacity *= 4;
        parsed = parse(buffer, &mut vec![httparse::EMPTY_HEADER; capacity]);
    }
    match parsed {
        Ok(None) => Ok(None),
        Ok(Some((length, mut response))) => {
            response.head = RawHead::new(buffer.split_to(length).freeze());
            Ok(Some(response))
        }
        // A server that expects TLS answers HTTP with an alert: the record
        // type 21 and the version 3.x (RFC 8446 §5.1).
        Err(_) if buffer.starts_with(b"\x15\x03") => Err(HandshakeError::Tls),
        Err(cause) => Err(HandshakeError::NotHttp {
            received: buffer.clone().freeze(),
            cause,
        }),
    }
}

/// The answer whose head is at the front of `bytes`, and the head's length;
/// `None` while that is not complete.
fn parse<'b>(
    bytes: &'b [u8],
    headers: &mut [httparse::Header<'b>],
) -> Result<Option<(usize, Response)>, httparse::Error> {
    let mut parsed = httparse::Response::new(headers);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else {
        return Ok(None);
    };
    let response = Response {
        head: RawHead::default(),
        status: parsed.code.unwrap_or_default(),
        reason: parsed.reason.unwrap_or_default().to_owned(),
        headers: parsed
            .headers
            .iter()
            .map(|h| (h.name.to_owned(), Bytes::copy_from_slice(h.value)))
            .collect(),
        body: Bytes::new(),
        body_truncated: false,
    };
    Ok(Some((length, response)))
}

/// Reads the beginning of a refusal's body into `response`. What cannot be
/// read in time is left out: the head alone tells of the refusal.
pub(in crate::connection) async fn read_body<S>(
    response: &mut Response,
    stream: &mut S,
    leftover: Bytes,
) where
    S: AsyncRead + Unpin,
{
    let chunked = response.has_token("transfer-encoding", "chunked");
    let length = response
        .header("content-length")
        .next()
        .and_then(|value| value.trim().parse::<u64>().ok());
    // Chunk headers take room of their own.
    let wanted = match length {
        _ if chunked => 2 * MAX_BODY_BYTES,
        Some(length) => usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(MAX_BODY_BYTES + 1),
        None => MAX_BODY_BYTES + 1,
    };
    let framed = chunked || length.is_some();
    let silence = if framed { BODY_TIMEOUT } else { BODY_SILENCE };
    let mut raw = BytesMut::from(&leftover[..]);
    let _ = timeout(BODY_TIMEOUT, async {
        while raw.len() < wanted && !(chunked && dechunk(&raw).1) {
            match timeout(silence, stream.read_buf(&mut raw)).await {
                Ok(Ok(count)) if count > 0 => {}
                _ => return,
            }
        }
    })
    .await;
    let mut body = if chunked {
        dechunk(&raw).0
    } else {
        raw.to_vec()
    };
    if let Some(length) = length.and_then(|length| usize::try_from(length).ok()) {
        body.truncate(length);
    }
    response.body_truncated =
        body.len() > MAX_BODY_BYTES || length.is_some_and(|length| length > MAX_BODY_BYTES as u64);
    body.truncate(MAX_BODY_BYTES);
    response.body = body.into();
}

/// The data of a chunked body (RFC 9112 §7.1) as far as it has come, and
/// whether it is complete (or broken, so that no more of it is of use).
fn dechunk(mut raw: &[u8]) -> (Vec<u8>, bool) {
    let mut data = Vec::new();
    loop {
        match httparse::parse_chunk_size(raw) {
            Ok(httparse::Status::Complete((_, 0))) | Err(_) => return (data, true),
            Ok(httparse::Status::Partial) => return (data, false),
            Ok(httparse::Status::Complete((start, size))) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let rest = raw.get(start..).unwrap_or_default();
                if rest.len() < size {
                    data.extend_from_slice(rest);
                    return (data, false);
                }
                let (chunk, rest) = rest.split_at(size);
                data.extend_from_slice(chunk);
                raw = rest.strip_prefix(b"\r\n").unwrap_or(rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Result<(Response, Bytes), HandshakeError> {
        let mut stream = bytes;
        let (mut response, leftover) = read_response(&mut stream).await?;
        if response.status != 101 {
            read_body(&mut response, &mut stream, leftover.clone()).await;
        }
        Ok((response, leftover))
    }

    #[tokio::test]
    async fn any_number_of_headers_is_read() {
        for count in [0, 15, 16, 17, 64, 65, 1000] {
            let lines: String = (0..count).map(|n| format!("N{n}: {n}\r\n")).collect();
            let head = format!("HTTP/1.1 101 OK\r\n{lines}\r\n");
            let (response, _) = read(head.as_bytes()).await.unwrap();
            assert_eq!(response.headers.len(), count);
            assert_eq!(response.head.wire(), head.as_bytes(), "{count}");
        }
    }

    #[tokio::test]
    async fn interim_answers_are_passed_over_and_early_bytes_kept() {
        let (response, leftover) =
            read(b"HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 101 OK\r\nC: d\r\n\r\n\x81\x00")
                .await
                .unwrap();
        assert_eq!(
            &response.head.wire()[..],
            b"HTTP/1.1 101 OK\r\nC: d\r\n\r\n"
        );
        assert_eq!(
            response.headers,
            [("C".to_owned(), Bytes::from_static(b"d"))]
        );
        assert_eq!(&leftover[..], b"\x81\x00");
    }

    #[tokio::test]
    async fn bodies_of_refusals_are_read_by_their_framing() {
        for (rest, body, truncated) in [
            ("Content-Length: 2\r\n\r\nnope", "no".to_owned(), false),
            ("\r\nuntil the end", "until the end".to_owned(), false),
            (
                "Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n3;x=y\r\npe!\r\n0\r\n\r\n",
                "nope!".to_owned(),
                false,
            ),
            (
                "Transfer-Encoding: chunked\r\n\r\n5\r\nno",
                "no".to_owned(),
                false,
            ),
            (&format!("\r\n{}", "x".repeat(9000)), "x".repeat(4096), true),
            (
                &format!("Content-Length: 9000\r\n\r\n{}", "x".repeat(9000)),
                "x".repeat(4096),
                true,
            ),
        ] {
            let text = format!("HTTP/1.1 403 Forbidden\r\n{rest}");
            let (response, _) = read(text.as_bytes()).await.unwrap();
            assert_eq!(
                (response.body, response.body_truncated),
                (body.into(), truncated),
                "{rest}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_leaves_the_connection_open_is_not_waited_for() {
        use tokio::io::AsyncWriteExt;
        use tokio::time::Instant;
        for (head, body, seconds) in [
            ("\r\nwhy", "why", 0.3),
            ("Content-Length: 9\r\n\r\nwhy", "why", 2.0),
        ] {
            let (mut near, mut far) = tokio::io::duplex(1024);
            let text = format!("HTTP/1.1 403 Forbidden\r\n{head}");
            far.write_all(text.as_bytes()).await.unwrap();
            let (mut response, leftover) = read_response(&mut near).await.unwrap();
            let start = Instant::now();
            read_body(&mut response, &mut near, leftover).await;
            assert_eq!(response.body, body);
            assert_eq!(start.elapsed(), Duration::from_secs_f64(seconds));
        }
    }

    #[tokio::test]
    async fn hundreds_of_headers_are_no_problem_and_a_huge_head_is_refused() {
        let many = "X-A: b\r\n".repeat(3000);
        let head = format!("HTTP/1.1 101 OK\r\n{many}\r\n");
        assert_eq!(read(head.as_bytes()).await.unwrap().0.headers.len(), 3000);
        let huge = format!("HTTP/1.1 101 OK\r\nX: {}", "x".repeat(100 << 10));
        assert!(matches!(
            read(huge.as_bytes()).await,
            Err(HandshakeError::HeadTooLarge { .. })
        ));
    }

    #[tokio::test]
    async fn what_is_no_http_is_said_to_be() {
        assert!(matches!(
            read(b"SSH-2.0-x\r\n\r\n").await,
            Err(HandshakeError::NotHttp { .. })
        ));
        assert!(matches!(
            read(b"\x15\x03\x01\0\x02\x02\x16").await,
            Err(HandshakeError::Tls)
        ));
        assert!(matches!(
            read(b"HTTP/1.1 10").await,
            Err(HandshakeError::Closed { .. })
        ));
    }
}
