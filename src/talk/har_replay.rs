//! What a HAR file says was sent over WebSockets: ours and those of browsers, which
//! have it in `_webSocketMessages`, no part of HAR 1.2. Chrome and its kin do; Firefox
//! has left messages out up to version 153.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::connection::Message;

/// The messages that were sent over one connection, each with the time since the one
/// before, or since the connection was open.
pub(super) type Sent = Vec<(Duration, Message)>;

/// Why a HAR file cannot be replayed.
#[derive(Debug, Error)]
pub enum HarError {
    /// No WebSocket in it.
    #[error(
        "the HAR file has no WebSocket; record it with the developer tools open before the page connects"
    )]
    NoWebSocket,
    /// Firefox leaves them out.
    #[error(
        "the HAR file of Firefox has no messages of a WebSocket, which that browser leaves out; record it with Chrome or Edge"
    )]
    Firefox,
    /// A message that is none.
    #[error("message {message} of entry {entry} of the HAR file is not {what}")]
    Message {
        /// The number of the entry, from 1.
        entry: usize,
        /// The number of the message, from 1.
        message: usize,
        /// What it should be.
        what: &'static str,
    },
}

#[derive(Deserialize)]
struct Document {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    creator: Creator,
    entries: Vec<Entry>,
}

#[derive(Deserialize, Default)]
struct Creator {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "startedDateTime", default)]
    started: String,
    #[serde(default)]
    timings: Timings,
    #[serde(default)]
    response: Response,
    #[serde(rename = "_webSocketMessages")]
    messages: Option<Vec<Frame>>,
}

#[derive(Deserialize, Default)]
struct Response {
    /// Why there was none.
    #[serde(rename = "_error", default)]
    error: Option<String>,
}

/// The phases up to the open connection, in milliseconds; -1 for one that was none.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Timings {
    blocked: f64,
    dns: f64,
    connect: f64,
    wait: f64,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    /// Seconds since 1970.
    #[serde(default)]
    time: f64,
    #[serde(default)]
    opcode: i64,
    #[serde(default)]
    data: String,
}

/// Reads a HAR file; `None` for what is none.
pub(super) fn read(file: &[u8]) -> Option<Result<Vec<Sent>, HarError>> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let document: Document = serde_json::from_slice(file).ok()?;
    Some(connections(document.log))
}

fn connections(log: Log) -> Result<Vec<Sent>, HarError> {
    let mut connections = Vec::new();
    for (index, entry) in log.entries.into_iter().enumerate() {
        let Some(frames) = &entry.messages else {
            continue;
        };
        // An attempt to connect that failed.
        if entry.response.error.is_some() && frames.is_empty() {
            continue;
        }
        // Chrome's word for a connection that was never open.
        if !frames.is_empty() && frames.iter().all(|frame| frame.kind == "error") {
            continue;
        }
        let mut last = entry.opened_at();
        let mut sent = Sent::new();
        for (at, frame) in frames.iter().enumerate() {
            let message = match (frame.kind.as_str(), frame.opcode) {
                ("send", 1) => Ok(Message::text(frame.data.clone())),
                ("send", 2) if log.creator.name == "Firefox" => latin1(&frame.data),
                ("send", 2) => {
                    let bytes = BASE64.decode(&frame.data).map(Message::binary);
                    bytes.map_err(|_| "base64")
                }
                _ => continue,
            };
            let message = message.map_err(|what| HarError::Message {
                entry: index + 1,
                message: at + 1,
                what,
            })?;
            let since = last.map_or(0.0, |last| frame.time - last);
            last = Some(frame.time);
            sent.push((
                Duration::try_from_secs_f64(since).unwrap_or_default(),
                message,
            ));
        }
        connections.push(sent);
    }
    match connections.is_empty() {
        true if log.creator.name == "Firefox" => Err(HarError::Firefox),
        true => Err(HarError::NoWebSocket),
        false => Ok(connections),
    }
}

impl Entry {
    /// When the connection was open, in seconds since 1970.
    fn opened_at(&self) -> Option<f64> {
        let started: Timestamp = self.started.parse().ok()?;
        let Timings {
            blocked,
            dns,
            connect,
            wait,
        } = self.timings;
        let phases = [blocked, dns, connect, wait].map(|time| time.max(0.0));
        Some(started.as_duration().as_secs_f64() + phases.iter().sum::<f64>() / 1e3)
    }
}

/// Firefox writes a character for each byte.
fn latin1(text: &str) -> Result<Message, &'static str> {
    let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    bytes
        .map(Message::binary)
        .map_err(|_| "bytes, a character each")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn har(creator: &str, binary: &str) -> String {
        format!(
            r#"{{"log":{{"version":"1.2","creator":{{"name":"{creator}","version":"1"}},"entries":[
            {{"startedDateTime":"2026-01-02T03:04:05.000Z","request":{{}}}},
            {{"startedDateTime":"2026-01-02T03:04:05.000Z","time":9000,"_resourceType":"websocket",
              "timings":{{"blocked":-1,"dns":-1,"connect":100,"send":0,"wait":400,"receive":8500}},
              "_webSocketMessages":[
                {{"type":"receive","time":1767323045.9,"opcode":1,"data":"welcome"}},
                {{"type":"send","time":1767323046.5,"opcode":1,"data":"one"}},
                {{"type":"send","time":1767323046.75,"opcode":2,"data":"{binary}"}}]}},
            {{"startedDateTime":"?","_webSocketMessages":[
                {{"type":"send","time":1767323046.5,"opcode":1,"data":"two"}}]}}]}}}}"#
        )
    }

    #[test]
    fn what_a_browsers_har_says_was_sent() {
        for (creator, binary) in [("WebInspector", "/wA="), ("Firefox", "\u{ff}\\u0000")] {
            let sent = read(har(creator, binary).as_bytes()).unwrap().unwrap();
            let times = sent[0].iter().map(|(time, _)| time.as_secs_f64());
            let expected = [1.0, 0.25];
            assert!(
                times
                    .zip(expected)
                    .all(|(time, expected)| (time - expected).abs() < 1e-3)
            );
            let messages: Vec<_> = sent
                .concat()
                .into_iter()
                .map(|(_, message)| message)
                .collect();
            let bytes = Message::binary(&b"\xff\0"[..]);
            assert_eq!(
                messages,
                [Message::text("one"), bytes, Message::text("two")]
            );
        }
    }

    /// Exported by the developer tools of Chromium 156: text and binary messages, empty
    /// ones among them, which an echo server sent back.
    const CHROMIUM: &[u8] = include_bytes!("../../tests/data/chromium-156.har");

    #[test]
    fn a_har_as_chromium_writes_it_is_replayed() {
        let sent = read(CHROMIUM).unwrap().unwrap().concat();
        let messages: Vec<_> = sent.iter().map(|(_, message)| message.clone()).collect();
        let expected = [
            Message::text("text \u{fc} \u{1f44d}"),
            Message::binary(&b"\0\xff\x80\n"[..]),
            Message::text(""),
            Message::binary(Vec::new()),
            Message::text("last"),
        ];
        assert_eq!(messages, expected);
        assert!(
            sent.iter()
                .all(|(after, _)| *after < Duration::from_secs(5))
        );
    }

    #[test]
    fn a_connection_of_chromium_that_was_never_open_is_passed_over() {
        let har = |frames: &str| {
            format!(
                r#"{{"log":{{"creator":{{"name":"WebInspector"}},"entries":[
                {{"startedDateTime":"1969-12-31T23:59:59.000Z","_webSocketMessages":[{frames}]}}]}}}}"#
            )
        };
        let error = r#"{"type":"error","time":35604.1,"opcode":-1,
            "data":"Error in connection establishment: net::ERR_CONNECTION_REFUSED"}"#;
        let failure = read(har(error).as_bytes()).unwrap().unwrap_err();
        assert!(matches!(failure, HarError::NoWebSocket));
        // One that was open, and on which nothing was sent.
        let sent = read(har("").as_bytes()).unwrap().unwrap();
        assert_eq!(sent, [Sent::new()]);
    }

    #[test]
    fn what_is_not_a_har_and_what_it_lacks() {
        assert!(read(br#"{"seq":1}"#).is_none());
        assert!(read(b"").is_none());
        let failure = |har: &str| read(har.as_bytes()).unwrap().unwrap_err().to_string();
        assert!(failure(r#"{"log":{"entries":[]}}"#).contains("no WebSocket"));
        let firefox = r#"{"log":{"creator":{"name":"Firefox"},"entries":[
            {"startedDateTime":"2026-01-02T03:04:05.000+00:00","request":{},"timings":{}}]}}"#;
        assert!(failure(firefox).contains("Chrome or Edge"));
        assert_eq!(
            failure(&har("WebInspector", "?")),
            "message 3 of entry 2 of the HAR file is not base64"
        );
    }
}
