//! The communication log as a terminal shows it.
//!
//! A line starts with who it is from: `> ` sent, `< ` received, `* ` status,
//! `! ` error; the lines of a message behind its first start with `| `, so
//! that no message can pass for another. Text from the peer is sanitised and
//! cut, unless the user wants it raw.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json_path::JsonPath;

use super::close::Close;
use super::entry::{Direction, Entry, Kind, Moment, Source};
use super::json;
use super::opening::Opening;
use crate::terminal::style::{Role, Style};
use crate::terminal::{Verbosity, sanitize};
use crate::value;

/// More than this of a message is not shown, in bytes: some screens full.
pub const MAX_SHOWN_BYTES: usize = 8 << 10;

/// How much of a binary message is shown, in bytes.
const MAX_HEX_BYTES: usize = 64;

/// How things are to look.
#[derive(Debug, Clone)]
pub struct Look {
    /// Colours, or none.
    pub style: Style,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// The peer's text goes to the terminal as it is, whole.
    pub raw: bool,
    /// JSON is shown with a line for each member.
    pub pretty: bool,
    /// Of received JSON, only what this selects is shown, and of other text
    /// nothing.
    pub filter: Option<JsonPath>,
    /// Both heads of the opening handshake are shown.
    pub heads: bool,
    /// Timings are shown from `Verbose`, automatic frames from `Debug`.
    pub verbosity: Verbosity,
}

impl Look {
    /// The lines of an entry, each with its line feed; empty for one that is
    /// not to be shown.
    pub fn entry(&self, entry: &Entry) -> String {
        let quiet = entry.source == Source::Automatic && self.verbosity < Verbosity::Debug;
        match &entry.kind {
            Kind::Open(open) => self.open(entry.moment, open),
            Kind::Text { data, .. } => self.text_message(entry, data),
            Kind::Binary { .. } if self.hides(entry) => String::new(),
            Kind::Binary { data, .. } => {
                let role = role_of(entry.direction);
                self.lines(role, entry.moment, &hex_preview(data))
            }
            Kind::Ping { .. } if quiet || self.is_peers_control(entry) => String::new(),
            Kind::Ping { data } => self.control(entry, "ping", data, None),
            Kind::Pong { round_trip, .. } if quiet || self.is_idle_pong(entry, *round_trip) => {
                String::new()
            }
            Kind::Pong { data, round_trip } => self.control(entry, "pong", data, *round_trip),
            Kind::Close(_) if quiet && entry.direction == Direction::Out => String::new(),
            Kind::Close(Close { code, reason, .. }) => {
                let what = match entry.direction {
                    Direction::Out => "Closing.",
                    Direction::In => "Connection closed.",
                };
                let text = format!("{what} Code: {code}. Reason: {reason}");
                self.status(entry.moment, text.trim_end())
            }
            Kind::Error { message } => self.error(entry.moment, message),
        }
    }

    /// A line of the program's own.
    pub fn status(&self, moment: Moment, text: &str) -> String {
        self.lines(Role::Status, moment, &sanitize(text))
    }

    /// A line about something that went wrong.
    pub fn error(&self, moment: Moment, text: &str) -> String {
        self.lines(Role::Error, moment, &sanitize(text))
    }

    fn open(&self, moment: Moment, open: &Opening) -> String {
        let mut text = "Connection opened".to_owned();
        let mut details = Vec::new();
        if let Some(name) = &open.subprotocol {
            details.push(format!("subprotocol {name}"));
        }
        if let Some(extensions) = &open.extensions {
            details.push(format!("extensions {extensions}"));
        }
        if self.verbosity >= Verbosity::Verbose {
            details.extend(
                open.phases()
                    .map(|(name, time)| format!("{name} {}", duration(time))),
            );
        }
        if !details.is_empty() {
            let _ = write!(text, " ({})", details.join(", "));
        }
        let mut lines = String::new();
        if self.heads {
            lines.push_str(&self.head(Role::Sent, moment, &open.request));
            lines.push_str(&self.head(Role::Received, moment, &open.response));
        }
        lines.push_str(&self.status(moment, &text));
        lines
    }

    /// The head of a request or of an answer.
    pub fn head(&self, role: Role, moment: Moment, head: &str) -> String {
        let head = head.replace("\r\n", "\n");
        self.lines(role, moment, &sanitize(head.trim_end()))
    }

    fn text_message(&self, entry: &Entry, text: &str) -> String {
        let role = role_of(entry.direction);
        if !self.hides(entry) {
            return self.text(role, entry.moment, text);
        }
        let selected = self
            .filter
            .as_ref()
            .map(|filter| select(filter, text))
            .unwrap_or_default();
        selected
            .iter()
            .map(|text| self.text(role, entry.moment, text))
            .collect()
    }

    /// Whether the filter decides what of this entry is shown.
    fn hides(&self, entry: &Entry) -> bool {
        self.filter.is_some() && entry.direction == Direction::In
    }

    fn text(&self, role: Role, moment: Moment, text: &str) -> String {
        let pretty = self.pretty.then(|| json::pretty(text)).flatten();
        let text = pretty.as_deref().unwrap_or(text);
        if self.raw {
            return self.lines(role, moment, text);
        }
        let shown = &text[..text.floor_char_boundary(MAX_SHOWN_BYTES)];
        let mut lines = self.lines(role, moment, &sanitize(shown));
        if shown.len() < text.len() {
            let rest = count(text.len() - shown.len());
            let note = format!("… and {rest} more bytes; --raw shows them, --log keeps them");
            let _ = writeln!(
                lines,
                "{}",
                self.style.paint(Role::Status, &format!("| {note}"))
            );
        }
        lines
    }

    fn control(
        &self,
        entry: &Entry,
        name: &str,
        payload: &[u8],
        round_trip: Option<Duration>,
    ) -> String {
        let mut text = name.to_owned();
        match std::str::from_utf8(payload) {
            _ if payload.is_empty() => {}
            Ok(payload) => {
                let _ = write!(text, " {payload:?}");
            }
            Err(_) => {
                let _ = write!(text, " 0x{}", hex(payload));
            }
        }
        if entry.source == Source::Automatic {
            text.push_str(" (automatic)");
        }
        if let Some(time) = round_trip {
            let _ = write!(text, ", round trip {}", duration(time));
        }
        self.lines(role_of(entry.direction), entry.moment, &sanitize(&text))
    }

    fn is_peers_control(&self, entry: &Entry) -> bool {
        entry.direction == Direction::In && self.verbosity < Verbosity::Debug
    }

    /// A pong that answers nothing of the user's, when nobody asked for such.
    fn is_idle_pong(&self, entry: &Entry, round_trip: Option<Duration>) -> bool {
        self.is_peers_control(entry) && round_trip.is_none()
    }

    fn lines(&self, role: Role, moment: Moment, text: &str) -> String {
        let time = moment
            .time
            .to_zoned(self.zone.clone())
            .strftime("%H:%M:%S%.3f");
        let mut shown = String::with_capacity(text.len() + 32);
        for (index, line) in text.split('\n').enumerate() {
            let mark = if index == 0 { role.mark() } else { "| " };
            shown.push_str(&self.style.paint(role, mark));
            if index == 0 {
                shown.push_str(&self.style.paint(Role::Time, &format!("{time} ")));
            } else {
                shown.push_str("             ");
            }
            shown.push_str(line);
            shown.push('\n');
        }
        shown
    }
}

/// What a JSONPath selects of a text, a text each; nothing of what is no JSON.
pub fn select(filter: &JsonPath, text: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str(text) else {
        return Vec::new();
    };
    let nodes = filter.query(&value);
    nodes.iter().map(ToString::to_string).collect()
}

fn role_of(direction: Direction) -> Role {
    match direction {
        Direction::Out => Role::Sent,
        Direction::In => Role::Received,
    }
}

/// The length of a binary message, and its beginning as `hexdump -C` has it.
fn hex_preview(bytes: &[u8]) -> String {
    let mut text = format!("binary, {} bytes", count(bytes.len()));
    for (row, bytes) in bytes.chunks(16).take(MAX_HEX_BYTES / 16).enumerate() {
        let ascii: String = bytes
            .iter()
            .map(|byte| match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '.',
            })
            .collect();
        let _ = write!(text, "\n{:04x}  {:<47}  {ascii}", row * 16, hex(bytes));
    }
    if bytes.len() > MAX_HEX_BYTES {
        text.push_str("\n…");
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// A count with its thousands apart.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time span with three digits that matter.
pub fn duration(time: Duration) -> String {
    value::time(time, 3)
}
