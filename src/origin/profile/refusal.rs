//! Refusals in words, by the shapes that servers and protocols give them. Pure.
//!
//! A connection that stays open after a message is refused only where that message
//! says so: other words than the allowed origin's may greet a guest.

use serde_json::Value;

use super::pattern::speaks_of_refusal;
use crate::connection::Message;

/// A text longer than this is not read as a refusal in prose.
const MAX_PROSE_BYTES: usize = 1000;
/// How far before its JSON a packet may name its kind: `44/namespace,{...}`.
const MAX_PREFIX_BYTES: usize = 40;
const MAX_DEPTH: usize = 4;

/// Whether a message is an error, or says no.
pub(crate) fn says_no(message: &Message) -> bool {
    match message {
        // SignalR ends each of its records so.
        Message::Text(text) => text.split('\u{1e}').any(text_says_no),
        Message::Binary(bytes) => binary_says_no(bytes),
    }
}

/// Whether a message only opens a transport, before the application has said
/// anything: engine.io's handshake, and SockJS's.
pub(crate) fn opens_transport(message: &Message) -> bool {
    let Message::Text(text) = message else {
        return false;
    };
    text.as_str() == "o" || text.starts_with("0{") && text.contains("\"sid\"")
}

fn text_says_no(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let at = text.find(['{', '[']).filter(|at| *at <= MAX_PREFIX_BYTES);
    let prefix = text.get(..at.unwrap_or(text.len())).unwrap_or_default();
    let json = at.and_then(|at| serde_json::from_str::<Value>(text.get(at..)?).ok());
    let Some(value) = json else {
        return is_disconnect(prefix) || prose_says_no(text);
    };
    // socket.io refuses a namespace with a packet of its own; SockJS's close.
    prefix == "44" || prefix.starts_with("44/") || prefix == "c" || value_says_no(&value, 0)
}

/// Whether a packet of socket.io disconnects from a namespace.
fn is_disconnect(text: &str) -> bool {
    text == "41" || text.starts_with("41/")
}

fn prose_says_no(text: &str) -> bool {
    let first = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .find(|word| !word.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    // `ERROR` of STOMP and IRC, `-ERR` of NATS and Redis.
    let is_error = matches!(first.as_str(), "err" | "error" | "failed" | "failure");
    text.len() <= MAX_PROSE_BYTES && (is_error || speaks_of_refusal(text))
}

fn binary_says_no(bytes: &[u8]) -> bool {
    // The CONNACK of MQTT, with another return code than "accepted".
    if let [0x20, _, _, code, ..] = bytes {
        return *code != 0;
    }
    let text = String::from_utf8_lossy(bytes);
    text_says_no(text.trim_matches(|c: char| !c.is_ascii_graphic()))
}

fn value_says_no(value: &Value, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match value {
        Value::Array(items) => items.iter().take(8).any(|item| match item {
            Value::String(text) => names_an_error(text) || speaks_of_refusal(text),
            other => value_says_no(other, depth + 1),
        }),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| member_says_no(&name.to_ascii_lowercase(), value, depth)),
        _ => false,
    }
}

fn member_says_no(name: &str, value: &Value, depth: usize) -> bool {
    match (name, value) {
        ("error" | "err" | "errors" | "exception" | "fault", value) => is_something(value),
        ("ok" | "success" | "allowed" | "accepted", value) => *value == Value::Bool(false),
        ("code" | "status" | "statuscode" | "status_code" | "errno", Value::Number(number)) => {
            matches!(
                number.as_u64(),
                Some(400 | 401 | 403 | 1008 | 4001 | 4003 | 4400..=4499)
            )
        }
        (
            "type" | "event" | "kind" | "op" | "action" | "name" | "status" | "state" | "result"
            | "message" | "msg" | "reason" | "detail" | "code" | "data",
            Value::String(text),
        ) => names_an_error(text) || text.len() <= MAX_PROSE_BYTES && speaks_of_refusal(text),
        (
            "payload" | "data" | "response" | "params" | "body" | "arguments" | "message"
            | "result",
            value,
        ) => value_says_no(value, depth + 1),
        _ => false,
    }
}

/// Whether the member of an error holds one.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

/// Whether a name is that of an error: `connection_error`, `authFailed`.
fn names_an_error(name: &str) -> bool {
    const ENDS: [&str; 8] = [
        "error",
        "failed",
        "failure",
        "unauthorized",
        "unauthorised",
        "forbidden",
        "denied",
        "rejected",
    ];
    let name = name.to_lowercase();
    name.split_whitespace().count() == 1 && ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_by_their_shape() {
        for text in [
            r#"{"error":"origin"}"#,
            r#"{"error":{"message":"no"}}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600}}"#,
            r#"{"type":"connection_error","payload":{}}"#,
            r#"{"type":"error","data":"Invalid Host/Origin header"}"#,
            r#"{"type":"disconnect","reason":"unauthorized","reconnect":false}"#,
            "{\"type\":7,\"error\":\"closed\"}\u{1e}",
            r#"{"ok":false}"#,
            r#"{"status":403}"#,
            r#"44{"message":"not allowed"}"#,
            r#"44/admin,{"message":"x"}"#,
            "41",
            r#"42["error",{"text":"x"}]"#,
            r#"c[3000,"Go away!"]"#,
            r#"["1","1","room","phx_reply",{"status":"error","response":{}}]"#,
            r#"[3,{},"wamp.error.not_authorized"]"#,
            "ERROR\nmessage:no\n\n\0",
            "-ERR 'Authorization Violation'",
            "this origin is not allowed",
            "Forbidden",
        ] {
            assert!(says_no(&Message::text(text)), "{text}");
        }
        for bytes in [
            &b"\x01\x02denied"[..],
            b"\x20\x02\x00\x05",
            b"{\"error\":1}",
        ] {
            assert!(says_no(&Message::binary(bytes.to_vec())), "{bytes:?}");
        }
    }

    #[test]
    fn other_words_are_no_refusal() {
        for text in [
            "hello",
            "o",
            "hi",
            r#"{"type":"hello","tenant":"default"}"#,
            r#"{"type":"notice","text":"new device seen, a mail was sent"}"#,
            r#"{"type":"hello","error":null,"errors":[],"ok":true}"#,
            r#"0{"sid":"Ab1","upgrades":[],"pingInterval":25000}"#,
            r#"40{"sid":"x"}"#,
            r#"42["news",{"title":"x"}]"#,
            "{}\u{1e}",
            r#"{"status":200,"code":"Welcome"}"#,
        ] {
            assert!(!says_no(&Message::text(text)), "{text}");
        }
        assert!(!says_no(&Message::binary(vec![0x20, 2, 0, 0])));
    }
}
