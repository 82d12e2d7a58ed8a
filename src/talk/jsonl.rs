//! Entries as JSON Lines, as `docs/jsonl.md` describes them: a line of the
//! log, and what of it `connect --jsonl` writes. Rendering a line of the log
//! and reading it are each other's inverse, but for what TLS has agreed on.

use jiff::Timestamp;
use serde::Serialize;

use super::entry::{Entry, Kind};
use super::payload::rfc3339;

/// The line of the log, its line feed included.
pub fn render(entry: &Entry) -> String {
    line(entry)
}

/// The line of `--jsonl`: without what only the log of a run has, which are
/// its numbers, its clock, and the two sides.
pub fn render_shared(time: Timestamp, kind: &Kind) -> String {
    #[derive(Serialize)]
    struct Shared<'a> {
        #[serde(with = "rfc3339")]
        time: Timestamp,
        #[serde(flatten)]
        kind: &'a Kind,
    }
    line(&Shared { time, kind })
}

fn line(value: &impl Serialize) -> String {
    // Strings and numbers always have a JSON form.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a line of the log.
///
/// # Errors
/// Why it is no event of a log: not JSON, an object without what every event
/// has, a time that is not RFC 3339, or bytes that are not base64.
pub fn parse(text: &[u8]) -> Result<Entry, serde_json::Error> {
    serde_json::from_slice(text)
}
