//! The answer that came in place of a connection.

use crate::connection::Secrets;
use crate::connection::http::Response;

/// An answer as text: its head without secrets, an empty line, and the
/// beginning of its body. No line feed at the end.
pub(crate) fn text(response: &Response, secrets: &Secrets) -> String {
    let mut text = secrets.head(&response.head.raw).replace("\r\n", "\n");
    if response.body.is_empty() {
        text.truncate(text.trim_end().len());
        return text;
    }
    text.push_str(&response.body_text(secrets));
    if response.body_truncated {
        text.push_str("\n[the body goes on]");
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::connection::RawHead;
    use crate::connection::http::head::{Head, Start};

    fn shown(head: &str, body: &[u8], body_truncated: bool) -> String {
        text(
            &Response {
                head: Head {
                    version: 1,
                    start: Start::Answer {
                        status: 403,
                        reason: "No".into(),
                    },
                    fields: Vec::new(),
                    raw: RawHead::new(Bytes::copy_from_slice(head.as_bytes())),
                },
                body: Bytes::copy_from_slice(body),
                body_truncated,
            },
            &Secrets::default(),
        )
    }

    #[test]
    fn a_head_without_secrets_and_the_beginning_of_the_body() {
        let head = "HTTP/1.1 403 No\r\nSet-Cookie: secret\r\nA: b\r\n\r\n";
        assert_eq!(
            shown(head, b"one\ntwo\n", true),
            "HTTP/1.1 403 No\nSet-Cookie: [redacted]\nA: b\n\none\ntwo\n[the body goes on]"
        );
        assert_eq!(
            shown(head, b"", false),
            "HTTP/1.1 403 No\nSet-Cookie: [redacted]\nA: b"
        );
    }

    #[test]
    fn a_cut_character_is_left_out_and_other_bytes_are_counted() {
        let head = "HTTP/1.1 403 No\r\n\r\n";
        let cut = shown(head, b"caf\xc3", true);
        assert!(cut.ends_with("\n\ncaf\n[the body goes on]"), "{cut}");
        let binary = shown(head, b"\x1f\x8b\xff", false);
        assert!(
            binary.ends_with("\n\n(3 bytes that are no text)"),
            "{binary}"
        );
    }
}
