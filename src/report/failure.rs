//! A connection that could not be opened, told in full: the error, the answer
//! that was received, and a hint.

use std::fmt::Write as _;

use crate::connection::OpenError;
use crate::connection::dial::DialError;
use crate::connection::dial::proxy::ProxyError;
use crate::connection::handshake::Response;
use crate::connection::redact;

/// The error's sentence; below it the answer with the beginning of its body,
/// where there was one; below that the hint. No line feed at the end.
pub fn render(error: &OpenError, hint: Option<&str>) -> String {
    let mut text = error.to_string();
    if let Some(response) = answer(error) {
        push_answer(&mut text, response);
    }
    if let Some(hint) = hint {
        let _ = write!(text, "\nhint: {hint}");
    }
    text
}

/// The answer of the server, or of the proxy.
pub fn answer(error: &OpenError) -> Option<&Response> {
    if let Some(rejection) = error.rejection() {
        return Some(&rejection.response);
    }
    match error.innermost() {
        OpenError::Dial(DialError::Proxy(
            ProxyError::Refused(refusal) | ProxyError::Credentials { refusal, .. },
        )) => Some(&refusal.response),
        _ => None,
    }
}

fn push_answer(text: &mut String, response: &Response) {
    let head = redact::head(&response.head);
    for line in head.trim_end().lines() {
        let _ = write!(text, "\n< {line}");
    }
    if response.body.is_empty() {
        return;
    }
    text.push_str("\n<");
    match std::str::from_utf8(whole_characters(&response.body)) {
        Ok(body) => {
            for line in body.trim_end().lines() {
                let _ = write!(text, "\n< {line}");
            }
        }
        Err(_) => {
            let _ = write!(text, "\n< ({} bytes that are no text)", response.body.len());
        }
    }
    if response.body_truncated {
        text.push_str("\n< (more follows)");
    }
}

/// The body without a character that was cut at its end.
fn whole_characters(body: &[u8]) -> &[u8] {
    match std::str::from_utf8(body) {
        Err(error) if error.error_len().is_none() => &body[..error.valid_up_to()],
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::connection::handshake::{HandshakeError, Rejection, RejectionCause};

    fn rejected(head: &str, body: &[u8], body_truncated: bool) -> OpenError {
        let response = Response {
            head: Bytes::copy_from_slice(head.as_bytes()),
            status: 403,
            reason: "No".into(),
            headers: Vec::new(),
            body: Bytes::copy_from_slice(body),
            body_truncated,
        };
        let cause = RejectionCause::Status {
            status_line: response.status_line(),
        };
        HandshakeError::Rejected(Box::new(Rejection {
            request_head: Bytes::new(),
            response,
            cause,
        }))
        .into()
    }

    #[test]
    fn the_answer_stands_between_the_error_and_the_hint() {
        let head = "HTTP/1.1 403 No\r\nSet-Cookie: secret\r\nA: b\r\n\r\n";
        assert_eq!(
            render(&rejected(head, b"one\r\ntwo\n", true), Some("try this")),
            "the server answered HTTP/1.1 403 No\n< HTTP/1.1 403 No\n\
             < Set-Cookie: [redacted]\n< A: b\n<\n< one\n< two\n< (more follows)\n\
             hint: try this"
        );
    }

    #[test]
    fn a_cut_character_is_left_out_and_other_bytes_are_counted() {
        let head = "HTTP/1.1 403 No\r\n\r\n";
        let cut = render(&rejected(head, b"caf\xc3", true), None);
        assert!(cut.ends_with("\n<\n< caf\n< (more follows)"), "{cut}");
        let binary = render(&rejected(head, b"\x1f\x8b\xff", false), None);
        assert!(
            binary.ends_with("\n< (3 bytes that are no text)"),
            "{binary}"
        );
    }
}
