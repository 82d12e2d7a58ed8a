//! An HTTP answer: its head, and the beginning of a refusal's body.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout};

use crate::connection::http::head::Head;
use crate::connection::secrets::Secrets;

/// How much of a refusal's body is kept, and how long it may take, also where
/// nothing more of it comes. The head is the answer, and is not held up by it.
const MAX_BODY_BYTES: usize = 4 << 10;
const BODY_TIMEOUT: Duration = Duration::from_secs(1);
const BODY_STALL: Duration = Duration::from_millis(500);

/// A body without a length ends with its connection. Where that stays open
/// and silent for this long, there is no body.
const BODY_SILENCE: Duration = Duration::from_millis(300);

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status line and the headers.
    pub head: Head,
    /// The beginning of a refusal's body: at most 4 KiB.
    pub body: Bytes,
    /// Whether the body is longer than what was kept, or than what came in time.
    pub body_truncated: bool,
}

impl From<Head> for Response {
    fn from(head: Head) -> Self {
        Self {
            head,
            body: Bytes::new(),
            body_truncated: false,
        }
    }
}

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    /// The values of all headers of this name, as text.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.head.header(name)
    }

    /// What there is of the body as text; no line feed at the end.
    pub(crate) fn body_text(&self, secrets: &Secrets) -> String {
        match std::str::from_utf8(whole_characters(&self.body)) {
            Ok(body) => secrets.cut_text(body.trim_end()),
            Err(_) => format!("({} bytes that are no text)", self.body.len()),
        }
    }

    /// Reads the beginning of the body. What cannot be read in time is left
    /// out: the head alone tells of the refusal. It takes half of the time until
    /// `end` at most, lest the answer be lost with what is left of it.
    pub(in crate::connection) async fn read_body<S>(
        &mut self,
        stream: &mut S,
        leftover: Bytes,
        end: Option<Instant>,
    ) where
        S: AsyncRead + Unpin,
    {
        let chunked = self.head.has_token("transfer-encoding", "chunked");
        let length = self
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
        let silence = if framed { BODY_STALL } else { BODY_SILENCE };
        let mut raw = BytesMut::from(&leftover[..]);
        let left = end.map(|end| end.saturating_duration_since(Instant::now()) / 2);
        let limit = left.map_or(BODY_TIMEOUT, |left| left.min(BODY_TIMEOUT));
        let _ = timeout(limit, async {
            while raw.len() < wanted && !(chunked && dechunk(&raw).1) {
                match timeout(silence, stream.read_buf(&mut raw)).await {
                    Ok(Ok(count)) if count > 0 => {}
                    _ => return,
                }
            }
        })
        .await;
        let (mut body, is_whole) = match (chunked, length) {
            (true, _) => dechunk(&raw),
            (false, Some(length)) => (raw.to_vec(), raw.len() as u64 >= length),
            (false, None) => (raw.to_vec(), true),
        };
        if let Some(length) = length.and_then(|length| usize::try_from(length).ok()) {
            body.truncate(length);
        }
        self.body_truncated = body.len() > MAX_BODY_BYTES || !is_whole;
        body.truncate(MAX_BODY_BYTES);
        self.body = body.into();
    }
}

/// The body without a character that was cut at its end.
fn whole_characters(body: &[u8]) -> &[u8] {
    match std::str::from_utf8(body) {
        Err(error) if error.error_len().is_none() => &body[..error.valid_up_to()],
        _ => body,
    }
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
    use crate::connection::http::head::Heard;

    async fn read(mut bytes: &[u8]) -> Response {
        let (head, leftover) = Heard::default().head(&mut bytes).await.unwrap();
        let mut response = Response::from(head);
        response.read_body(&mut bytes, leftover, None).await;
        response
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
                true,
            ),
            ("Content-Length: 5\r\n\r\nno", "no".to_owned(), true),
            (&format!("\r\n{}", "x".repeat(9000)), "x".repeat(4096), true),
            (
                &format!("Content-Length: 9000\r\n\r\n{}", "x".repeat(9000)),
                "x".repeat(4096),
                true,
            ),
        ] {
            let text = format!("HTTP/1.1 403 Forbidden\r\n{rest}");
            let response = read(text.as_bytes()).await;
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
        for (head, left, seconds) in [
            ("\r\nwhy", None, 0.3),
            ("Content-Length: 9\r\n\r\nwhy", None, 0.5),
            ("Transfer-Encoding: chunked\r\n\r\n9\r\nwhy", Some(9.0), 0.5),
            // Well before the opening is over.
            ("Content-Length: 9\r\n\r\nwhy", Some(0.4), 0.2),
            ("Content-Length: 9\r\n\r\nwhy", Some(0.0), 0.0),
        ] {
            let (mut near, mut far) = tokio::io::duplex(1024);
            let text = format!("HTTP/1.1 403 Forbidden\r\n{head}");
            far.write_all(text.as_bytes()).await.unwrap();
            let (head, leftover) = Heard::default().head(&mut near).await.unwrap();
            let mut response = Response::from(head);
            let start = Instant::now();
            let end = left.map(|left| start + Duration::from_secs_f64(left));
            response.read_body(&mut near, leftover, end).await;
            assert_eq!(response.body, "why");
            assert_eq!(start.elapsed(), Duration::from_secs_f64(seconds));
        }
    }
}
