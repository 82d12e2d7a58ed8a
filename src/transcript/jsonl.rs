//! The communication log as JSON Lines: one object an event, as
//! `docs/log-format.md` describes it. Rendering and reading are each other's
//! inverse.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::entry::{Direction, Entry, Kind, Moment, Open, Source};
use crate::connection::Message;
use crate::connection::client::dial::Timings as Phases;

/// Why a line is no event of a log.
#[derive(Debug, Error)]
pub enum LineError {
    /// Not JSON, or an object without what every event has.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The data of a type that carries bytes is not base64.
    #[error("the data is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// A time that is none.
    #[error("the time is not RFC 3339: {0}")]
    Time(#[from] jiff::Error),
}

/// An event as it stands in the file. What is `None` is left out.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Line {
    seq: u64,
    time: String,
    offset_us: u64,
    connection: u32,
    direction: Way,
    source: Origin,
    #[serde(rename = "type")]
    kind: Type,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wire_length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    open: Option<Opening>,
}

/// The members that an `open` alone has.
#[derive(Debug, Serialize, Deserialize)]
struct Opening {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    subprotocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    extensions: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tls_version: Option<String>,
    #[serde(default)]
    timings_us: Timings,
    #[serde(default)]
    request: String,
    #[serde(default)]
    response: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Timings {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    redirects: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    dns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tcp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    proxy: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    upgrade: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Open,
    Text,
    Binary,
    Ping,
    Pong,
    Close,
    #[default]
    Error,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    #[default]
    Out,
    In,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Origin {
    #[default]
    User,
    Peer,
    Automatic,
}

/// The line of an event, its line feed included.
pub fn render(entry: &Entry) -> String {
    // Strings and numbers always have a JSON form.
    let mut text = serde_json::to_string(&line(entry)).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a line.
///
/// # Errors
/// A [`LineError`].
pub fn parse(text: &[u8]) -> Result<Entry, LineError> {
    /// What tells an event of a log from any other JSON object.
    #[derive(Deserialize)]
    struct Must {
        #[serde(rename = "seq")]
        _seq: u64,
        #[serde(rename = "type")]
        _kind: Type,
    }
    let _: Must = serde_json::from_slice(text)?;
    entry(serde_json::from_slice(text)?)
}

fn line(entry: &Entry) -> Line {
    let mut line = Line {
        seq: entry.seq,
        time: rfc3339(entry.moment.time),
        offset_us: micros(entry.moment.offset),
        connection: entry.connection,
        direction: match entry.direction {
            Direction::Out => Way::Out,
            Direction::In => Way::In,
        },
        source: match entry.source {
            Source::User => Origin::User,
            Source::Peer => Origin::Peer,
            Source::Automatic => Origin::Automatic,
        },
        length: entry.kind.len(),
        wire_length: entry.wire_bytes,
        ..Line::default()
    };
    match &entry.kind {
        Kind::Open(open) => {
            line.kind = Type::Open;
            line.open = Some(opening(open));
        }
        Kind::Message(Message::Text(text)) => {
            line.kind = Type::Text;
            line.data = Some(text.to_string());
        }
        Kind::Message(Message::Binary(bytes)) => {
            line.kind = Type::Binary;
            line.data = Some(BASE64.encode(bytes));
        }
        Kind::Ping(payload) => {
            line.kind = Type::Ping;
            line.data = Some(BASE64.encode(payload));
        }
        Kind::Pong {
            payload,
            round_trip,
        } => {
            line.kind = Type::Pong;
            line.data = Some(BASE64.encode(payload));
            line.round_trip_us = round_trip.map(micros);
        }
        Kind::Close { code, reason } => {
            line.kind = Type::Close;
            line.code = Some(*code);
            line.reason = Some(reason.clone());
        }
        Kind::Error { message } => {
            line.kind = Type::Error;
            line.message = Some(message.clone());
        }
    }
    line
}

fn opening(open: &Open) -> Opening {
    Opening {
        url: open.url.clone(),
        peer: open.peer.clone(),
        subprotocol: open.subprotocol.clone(),
        extensions: open.extensions.clone(),
        tls_version: open.tls_version.clone(),
        timings_us: Timings {
            redirects: open.timings.redirects.map(micros),
            dns: open.timings.dns.map(micros),
            tcp: open.timings.tcp.map(micros),
            proxy: open.timings.proxy.map(micros),
            tls: open.timings.tls.map(micros),
            upgrade: open.timings.upgrade.map(micros),
        },
        request: open.request.clone(),
        response: open.response.clone(),
    }
}

fn entry(line: Line) -> Result<Entry, LineError> {
    let bytes = |data: Option<String>| BASE64.decode(data.unwrap_or_default());
    let kind = match line.kind {
        Type::Open => Kind::Open(Box::new(line.open.map(open).unwrap_or_default())),
        Type::Text => Kind::Message(Message::text(line.data.unwrap_or_default())),
        Type::Binary => Kind::Message(Message::binary(bytes(line.data)?)),
        Type::Ping => Kind::Ping(bytes(line.data)?.into()),
        Type::Pong => Kind::Pong {
            payload: bytes(line.data)?.into(),
            round_trip: line.round_trip_us.map(Duration::from_micros),
        },
        Type::Close => Kind::Close {
            code: line.code.unwrap_or(1005),
            reason: line.reason.unwrap_or_default(),
        },
        Type::Error => Kind::Error {
            message: line.message.unwrap_or_default(),
        },
    };
    Ok(Entry {
        seq: line.seq,
        moment: Moment {
            time: line.time.parse()?,
            offset: Duration::from_micros(line.offset_us),
        },
        connection: line.connection,
        direction: match line.direction {
            Way::Out => Direction::Out,
            Way::In => Direction::In,
        },
        source: match line.source {
            Origin::User => Source::User,
            Origin::Peer => Source::Peer,
            Origin::Automatic => Source::Automatic,
        },
        wire_bytes: line.wire_length,
        kind,
    })
}

fn open(line: Opening) -> Open {
    let time = |micros: Option<u64>| micros.map(Duration::from_micros);
    Open {
        url: line.url,
        peer: line.peer,
        subprotocol: line.subprotocol,
        extensions: line.extensions,
        tls_version: line.tls_version,
        timings: Phases {
            redirects: time(line.timings_us.redirects),
            dns: time(line.timings_us.dns),
            tcp: time(line.timings_us.tcp),
            proxy: time(line.timings_us.proxy),
            tls: time(line.timings_us.tls),
            upgrade: time(line.timings_us.upgrade),
        },
        request: line.request,
        response: line.response,
    }
}

/// RFC 3339, UTC, always six digits behind the second: as text, such times
/// sort as they follow each other.
pub(super) fn rfc3339(time: Timestamp) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    PRINTER.timestamp_to_string(&time)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
