//! The lines of `--jsonl` input: one JSON object each, as `docs/jsonl.md`
//! describes it. What was written can be read again: members that are not
//! known are passed over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::Deserialize;

use crate::connection::ws::close::InvalidCloseCode;
use crate::connection::{CloseCode, CloseFrame, Message};
use crate::talk::{Direction, Outgoing, Source};

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

/// On whose account a line of a log happened.
#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    source: Source,
    #[serde(default)]
    direction: Direction,
}

/// Reads one line of input; `None` for a line of a log that the user did not say:
/// what came from the peer, and what the program did by itself.
///
/// # Errors
/// A [`LineError`].
pub fn parse(line: &[u8]) -> Result<Option<Outgoing>, LineError> {
    if let Ok(account) = serde_json::from_slice::<Account>(line)
        && (account.source, account.direction) != (Source::User, Direction::Out)
    {
        return Ok(None);
    }
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // The parser counts lines too, but of this line alone.
        let what = text.split(" at line ").next().unwrap_or_default();
        LineError::Json(match error.column() {
            0 => what.to_owned(),
            column => format!("{what} (column {column})"),
        })
    })?;
    Ok(Some(match line {
        Line::Text { data } => Outgoing::Message(Message::text(data)),
        Line::Binary { data } => Outgoing::Message(Message::binary(BASE64.decode(data)?)),
        Line::Ping { data } => Outgoing::Ping(control("ping", &data)?),
        Line::Pong { data } => Outgoing::Pong(control("pong", &data)?),
        Line::Close { code, reason } => {
            let code = code.map_or(Ok(CloseCode::NORMAL), CloseCode::try_from)?;
            fits("close reason", reason.len(), CloseFrame::MAX_REASON_BYTES)?;
            Outgoing::Close(CloseFrame::new(code, &reason))
        }
    }))
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(parse(line.as_bytes()), Ok(Some(expected)), "{line}");
        }
    }

    #[test]
    fn a_line_of_a_log_with_another_source_is_passed_over() {
        for (line, is_sent) in [
            (
                r#"{"type":"text","direction":"out","source":"user","data":"a"}"#,
                true,
            ),
            (
                r#"{"type":"text","direction":"out","source":"automatic","data":"a"}"#,
                false,
            ),
            (
                r#"{"type":"text","direction":"in","source":"peer","data":"a"}"#,
                false,
            ),
            (
                r#"{"type":"open","direction":"out","source":"automatic"}"#,
                false,
            ),
            (
                r#"{"type":"close","direction":"in","source":"peer","code":1006}"#,
                false,
            ),
            (r#"{"type":"text","source":"mine","data":"a"}"#, true),
        ] {
            assert_eq!(parse(line.as_bytes()).unwrap().is_some(), is_sent, "{line}");
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
}
