//! What is told of the opening handshake: heads, timings, refusals.

use crate::commands::tls;
use crate::connection::Opened;
use crate::connection::handshake::{HandshakeError, Response};
use crate::terminal::{Status, Verbosity};

/// Headers whose values are nobody's business but the server's.
const SECRET: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
];

/// Tells of an opened connection: `-v` the timings, `-vv` both heads.
pub(super) fn show_opened(status: Status, opened: &Opened) {
    if status.shows(Verbosity::Debug) {
        let request = String::from_utf8_lossy(&opened.request_head);
        status.document(Verbosity::Debug, '>', &redact(&request));
        status.document(Verbosity::Debug, '<', &head(&opened.response));
    }
    let phases = [
        ("dns", opened.timings.dns),
        ("tcp", opened.timings.tcp),
        ("tls", opened.timings.tls),
        ("upgrade", opened.timings.upgrade),
    ];
    let phases: Vec<_> = phases
        .iter()
        .filter_map(|(name, time)| Some(format!("{name} {:.1?}", (*time)?)))
        .collect();
    status.info(&format!("connected: {}", phases.join(", ")));
    if let Some(tls) = &opened.tls {
        for line in tls::describe(tls) {
            status.info(&line);
        }
    }
    if let Some(subprotocol) = &opened.subprotocol {
        status.info(&format!("subprotocol: {subprotocol}"));
    }
}

/// Shows the answer that refused the upgrade: its head, and the beginning of
/// its body. The reason follows as the error itself.
pub(super) fn show_refusal(status: Status, error: &HandshakeError) {
    let HandshakeError::Rejected(rejection) = error else {
        return;
    };
    let request = String::from_utf8_lossy(&rejection.request_head);
    status.document(Verbosity::Debug, '>', &redact(&request));
    let response = &rejection.response;
    let mut text = head(response);
    if !response.body.is_empty() {
        text.push_str(&String::from_utf8_lossy(&response.body));
        if response.body_truncated {
            text.push_str("\n[the body goes on]");
        }
    }
    status.document(Verbosity::Normal, '<', text.trim_end());
}

fn head(response: &Response) -> String {
    redact(&String::from_utf8_lossy(&response.head))
}

/// A head with the values of secret headers left out.
fn redact(head: &str) -> String {
    let mut shown = String::with_capacity(head.len());
    let mut hiding = false;
    for line in head.lines() {
        // A folded line (RFC 9112 §5.2) goes on with the header before it.
        if hiding && line.starts_with([' ', '\t']) {
            continue;
        }
        let name = line.split_once(':').map(|(name, _)| name);
        hiding = name.is_some_and(|name| SECRET.contains(&&*name.trim().to_ascii_lowercase()));
        match name {
            Some(name) if hiding => {
                shown.push_str(name);
                shown.push_str(": [redacted]");
            }
            _ => shown.push_str(line),
        }
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let head = "GET / HTTP/1.1\r\nHost: h:1\r\ncookie: a=b\r\n folded\r\nAuthorization:x\r\nX: y\r\n\r\n";
        assert_eq!(
            redact(head),
            "GET / HTTP/1.1\nHost: h:1\ncookie: [redacted]\nAuthorization: [redacted]\nX: y\n\n"
        );
    }
}
