//! The events of `--jsonl`: one JSON object a line, in both directions.
//!
//! Every object has a `type`; every one that is written also has the `time`
//! at which it happened (RFC 3339, UTC, microseconds). The other members:
//!
//! | type | written | read |
//! |---|---|---|
//! | `open` | `url`, `subprotocol` if one was agreed | – |
//! | `text` | `data`: the text | `data` |
//! | `binary` | `data`: base64 | `data` |
//! | `ping` | `data`: base64 | `data`, if any: at most 125 bytes |
//! | `pong` | `data`: base64; `round_trip_us` if it answers a ping of ours | `data`, if any |
//! | `close` | `code` and `reason` as a browser shows them (1005: none given, 1006: no Close came), `by_peer` | `code` (1000 if left out), `reason` |
//! | `error` | `message` | – |
//!
//! `close` is the last line of a connection that was open; an `error` stands
//! before it, or alone when there was no connection. What is written are the
//! peer's messages and frames, not our own. Members that are not known are
//! passed over when read, so that what was written can be read again.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::framing::Outgoing;
use crate::connection::ws::close::InvalidCloseCode;
use crate::connection::{CloseCode, CloseFrame, Closed, Event, Message};

/// RFC 6455 §5.5: "All control frames MUST have a payload length of 125 bytes
/// or less".
const MAX_CONTROL_BYTES: usize = 125;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not JSON, or not an object of a type that can be sent.
    #[error("{0}")]
    Json(String),
    /// `data` of a type that carries bytes is not base64.
    #[error("the data is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// More than a control frame holds.
    #[error("{bytes} bytes are too many for a {kind}; at most {limit_bytes} fit")]
    TooLong {
        /// What the bytes were for.
        kind: &'static str,
        /// How many there are.
        bytes: usize,
        /// How many fit.
        limit_bytes: usize,
    },
    /// A code that no Close frame may carry.
    #[error(transparent)]
    Code(#[from] InvalidCloseCode),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Text {
        data: String,
    },
    Binary {
        data: String,
    },
    Ping {
        #[serde(default)]
        data: String,
    },
    Pong {
        #[serde(default)]
        data: String,
    },
    Close {
        code: Option<u16>,
        #[serde(default)]
        reason: String,
    },
}

/// Reads one line of input.
///
/// # Errors
/// A [`LineError`].
pub fn parse(line: &[u8]) -> Result<Outgoing, LineError> {
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // The parser counts lines too, but of this line alone.
        let what = text.split(" at line ").next().unwrap_or_default();
        LineError::Json(match error.column() {
            0 => what.to_owned(),
            column => format!("{what} (column {column})"),
        })
    })?;
    Ok(match line {
        Line::Text { data } => Outgoing::Message(Message::text(data)),
        Line::Binary { data } => Outgoing::Message(Message::binary(BASE64.decode(data)?)),
        Line::Ping { data } => Outgoing::Ping(control("ping", &data)?),
        Line::Pong { data } => Outgoing::Pong(control("pong", &data)?),
        Line::Close { code, reason } => {
            let code = code.map_or(Ok(CloseCode::NORMAL), CloseCode::try_from)?;
            fits("close reason", reason.len(), CloseFrame::MAX_REASON_BYTES)?;
            Outgoing::Close(CloseFrame::new(code, &reason))
        }
    })
}

fn control(kind: &'static str, data: &str) -> Result<Bytes, LineError> {
    let payload = BASE64.decode(data)?;
    fits(kind, payload.len(), MAX_CONTROL_BYTES)?;
    Ok(payload.into())
}

fn fits(kind: &'static str, bytes: usize, limit_bytes: usize) -> Result<(), LineError> {
    if bytes <= limit_bytes {
        return Ok(());
    }
    Err(LineError::TooLong {
        kind,
        bytes,
        limit_bytes,
    })
}

/// An object as it is written. A member that is `None` is left out.
#[derive(Default, Serialize)]
struct Object<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subprotocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_peer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl Object<'_> {
    fn line(&self) -> Vec<u8> {
        // Strings and numbers always have a JSON form.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// The line that says that the connection is open.
pub fn open(url: &str, subprotocol: Option<&str>, time: Timestamp) -> Vec<u8> {
    Object {
        kind: "open",
        time: rfc3339(time),
        url: Some(url),
        subprotocol,
        ..Object::default()
    }
    .line()
}

/// The line of an error.
pub fn error(message: &dyn fmt::Display, time: Timestamp) -> Vec<u8> {
    Object {
        kind: "error",
        time: rfc3339(time),
        message: Some(&message.to_string()),
        ..Object::default()
    }
    .line()
}

/// The line, or lines, of an event of the socket; empty for one that the
/// peer has no part in.
pub fn event(event: &Event, time: Timestamp) -> Vec<u8> {
    let (kind, data) = match event {
        Event::Message { message, .. } => match message {
            Message::Text(text) => return data_line("text", text, None, time),
            Message::Binary(bytes) => ("binary", bytes),
        },
        Event::Ping(payload) => ("ping", payload),
        Event::Pong { payload, .. } => ("pong", payload),
        Event::Flushed => return Vec::new(),
        Event::Closed(closed) => return close_lines(closed, time),
    };
    let round_trip_us = match event {
        Event::Pong { round_trip, .. } => {
            round_trip.map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
        }
        _ => None,
    };
    data_line(kind, &BASE64.encode(data), round_trip_us, time)
}

fn data_line(
    kind: &'static str,
    data: &str,
    round_trip_us: Option<u64>,
    time: Timestamp,
) -> Vec<u8> {
    Object {
        kind,
        time: rfc3339(time),
        data: Some(data),
        round_trip_us,
        ..Object::default()
    }
    .line()
}

fn close_lines(closed: &Closed, time: Timestamp) -> Vec<u8> {
    let mut lines = closed
        .error
        .as_ref()
        .map_or_else(Vec::new, |cause| error(cause, time));
    let close = Object {
        kind: "close",
        time: rfc3339(time),
        code: Some(closed.code()),
        reason: Some(closed.reason()),
        by_peer: Some(closed.by_peer),
        ..Object::default()
    };
    lines.extend(close.line());
    lines
}

fn rfc3339(time: Timestamp) -> String {
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connection::SocketError;

    #[test]
    fn what_can_be_sent() {
        let close = |code, reason: &str| {
            let code = CloseCode::try_from(code).unwrap();
            Outgoing::Close(CloseFrame::new(code, reason))
        };
        for (line, expected) in [
            (
                r#"{"type":"text","data":"a\nb"}"#,
                Outgoing::Message(Message::text("a\nb")),
            ),
            (
                r#"{"time":"x","data":"/wD+","type":"binary"}"#,
                Outgoing::Message(Message::binary(&b"\xff\0\xfe"[..])),
            ),
            (r#"{"type":"ping"}"#, Outgoing::Ping(Bytes::new())),
            (
                r#"{"type":"pong","data":"YQ=="}"#,
                Outgoing::Pong("a".into()),
            ),
            (r#"{"type":"close"}"#, close(1000, "")),
            (
                r#"{"type":"close","code":4000,"reason":"bye"}"#,
                close(4000, "bye"),
            ),
        ] {
            assert_eq!(parse(line.as_bytes()), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        let long = format!(r#"{{"type":"ping","data":"{}"}}"#, BASE64.encode([0; 126]));
        let reason = format!(r#"{{"type":"close","reason":"{}"}}"#, "x".repeat(124));
        for (line, message) in [
            ("hello", "expected value (column 1)"),
            (
                r#"{"type":"open"}"#,
                "unknown variant `open`, expected one of `text`, `binary`, `ping`, `pong`, `close` (column 14)",
            ),
            (r#"{"data":"a"}"#, "missing field `type` (column 12)"),
            (r#"{"type":"text"}"#, "missing field `data`"),
            (
                r#"{"type":"binary","data":"?"}"#,
                "the data is not base64: Invalid symbol 63, offset 0.",
            ),
            (
                r#"{"type":"close","code":1005}"#,
                "close code 1005 cannot be sent; use 1000 to 1003, 1007 to 1014, or 3000 to 4999",
            ),
            (&long, "126 bytes are too many for a ping; at most 125 fit"),
            (
                &reason,
                "124 bytes are too many for a close reason; at most 123 fit",
            ),
        ] {
            let error = parse(line.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), message, "{line}");
        }
    }

    #[test]
    fn every_event_is_a_line() {
        let time: Timestamp = "2026-01-02T03:04:05.1Z".parse().unwrap();
        let message = |message| Event::Message {
            message,
            wire_bytes: None,
        };
        let closed = |received, error| {
            Event::Closed(Closed {
                received,
                sent: None,
                by_peer: true,
                error,
            })
        };
        let bye = CloseFrame::new(CloseCode::NORMAL, "bye");
        for (given, expected) in [
            (
                message(Message::text("a\"\n")),
                r#"{"type":"text","time":"…","data":"a\"\n"}"#,
            ),
            (
                message(Message::binary(&b"\xff\0\xfe"[..])),
                r#"{"type":"binary","time":"…","data":"/wD+"}"#,
            ),
            (
                Event::Ping("a".into()),
                r#"{"type":"ping","time":"…","data":"YQ=="}"#,
            ),
            (
                Event::Pong {
                    payload: "a".into(),
                    round_trip: Some(Duration::from_millis(2)),
                },
                r#"{"type":"pong","time":"…","data":"YQ==","round_trip_us":2000}"#,
            ),
            (Event::Flushed, ""),
            (
                closed(Some(bye), None),
                r#"{"type":"close","time":"…","code":1000,"reason":"bye","by_peer":true}"#,
            ),
            (
                closed(None, Some(SocketError::Lost)),
                "{\"type\":\"error\",\"time\":\"…\",\"message\":\"the peer ended the connection without a close frame\"}\n\
                 {\"type\":\"close\",\"time\":\"…\",\"code\":1006,\"reason\":\"\",\"by_peer\":true}",
            ),
        ] {
            let lines = String::from_utf8(event(&given, time)).unwrap();
            let lines = lines.replace("2026-01-02T03:04:05.100000Z", "…");
            assert_eq!(lines.trim_end(), expected);
        }
        let line = String::from_utf8(open("ws://h/", Some("chat"), time)).unwrap();
        assert_eq!(
            line,
            "{\"type\":\"open\",\"time\":\"2026-01-02T03:04:05.100000Z\",\"url\":\"ws://h/\",\"subprotocol\":\"chat\"}\n"
        );
    }
}
