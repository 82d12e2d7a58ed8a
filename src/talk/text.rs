//! The communication log as a terminal shows it.
//!
//! A line starts with who it is from: `> ` sent, `< ` received, `* ` status,
//! `! ` error; the lines of a message behind its first start with `| `, so
//! that no message can pass for another. Text from the peer is sanitised and
//! cut, unless the user wants it raw.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json_path::JsonPath;

use super::close::Close;
use super::entry::{Direction, Entry, Kind, Moment, Source};
use super::escape::{BINARY, escape, escape_beginning};
use super::opening::Opening;
use crate::decode::json::{self, Part};
use crate::decode::{Unread, select};
use crate::terminal::style::{Role, Style};
use crate::terminal::{Verbosity, sanitize};
use crate::value;

/// More than this of a message is not shown, in bytes: some screens full.
pub const MAX_SHOWN_BYTES: usize = 8 << 10;

/// How much of a binary message is shown, in bytes.
const MAX_HEX_BYTES: usize = 64;

/// How much `/show` shows of a message, in bytes.
const MAX_WHOLE_BYTES: usize = 256 << 10;

/// JSON that is longer is neither laid out nor coloured: most of it is not shown.
const MAX_PRETTY_BYTES: usize = 1 << 20;

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
    /// So many bytes of a text are shown: [`MAX_SHOWN_BYTES`].
    pub shown_bytes: usize,
    /// Timings are shown from `Verbose`, automatic frames from `Debug`.
    pub verbosity: Verbosity,
}

/// JSON in colours, where there are any.
pub fn painted(style: Style, text: &str) -> Cow<'_, str> {
    let is_worth_it = text.starts_with(['{', '[']) && text.len() <= MAX_PRETTY_BYTES;
    if !style.is_colored() || !is_worth_it || !json::is_json(text) {
        return text.into();
    }
    let paint = |(part, text)| match part {
        Part::Name => style.paint(Role::JsonName, text),
        Part::String => style.paint(Role::JsonString, text),
        Part::Number => style.paint(Role::JsonNumber, text),
        Part::Word => style.paint(Role::JsonWord, text),
        Part::Between => text.to_owned(),
    };
    json::parts(text).into_iter().map(paint).collect()
}

impl Look {
    /// The lines of an entry, each with its line feed; empty for one that is
    /// not to be shown.
    pub fn entry(&self, entry: &Entry) -> String {
        self.numbered(entry, None).0
    }

    /// The same with the number by which a message is known; and what the filter, if
    /// there is one, could not look into.
    pub fn numbered(&self, entry: &Entry, number: Option<u64>) -> (String, Option<Unread>) {
        let Some(filter) = self.hides(entry) else {
            return (self.unfiltered(entry, number), None);
        };
        let found = select(filter, entry.kind.data().unwrap_or_default());
        let hits = found.hits.iter();
        let lines = hits.map(|hit| self.text(entry, number, &json::on_one_line(hit)));
        (lines.collect(), found.unread)
    }

    /// A message whole, or nearly so, whatever the filter says.
    pub fn whole(&self, entry: &Entry, number: u64) -> String {
        let look = Self {
            shown_bytes: MAX_WHOLE_BYTES,
            ..self.clone()
        };
        look.unfiltered(entry, Some(number))
    }

    /// The first line of a message, cut to a row.
    pub fn brief(&self, entry: &Entry, number: u64) -> String {
        const COLUMNS: usize = 50;
        let text = match &entry.kind {
            Kind::Text { data, .. } => {
                let begin = &data[..data.floor_char_boundary(4 * COLUMNS)];
                escape_beginning(begin, data).replace('\n', "\\n")
            }
            kind => {
                let bytes = kind.data().unwrap_or_default();
                format!("{BINARY}{}", counted(bytes.len(), "byte"))
            }
        };
        let mut brief: String = text.chars().take(COLUMNS).collect();
        if brief.len() < text.len() {
            brief.push('…');
        }
        self.lines(role_of(entry.direction), entry.moment, Some(number), &brief)
    }

    fn unfiltered(&self, entry: &Entry, number: Option<u64>) -> String {
        let quiet = entry.source == Source::Automatic && self.verbosity < Verbosity::Debug;
        match &entry.kind {
            Kind::Open(_) if self.verbosity == Verbosity::Quiet => String::new(),
            Kind::Open(open) => self.open(entry.moment, open),
            Kind::Text { data, .. } => self.text_message(entry, number, data),
            Kind::Binary { data, .. } => self.binary(entry, number, data),
            Kind::Ping { .. } if quiet || self.is_peers_control(entry) => String::new(),
            Kind::Ping { data } => self.control(entry, "ping", data, None),
            Kind::Pong { round_trip, .. } if quiet || self.is_idle_pong(entry, *round_trip) => {
                String::new()
            }
            Kind::Pong { data, round_trip } => self.control(entry, "pong", data, *round_trip),
            Kind::Close(_) if quiet && entry.direction == Direction::Out => String::new(),
            Kind::Close(close) if self.verbosity == Verbosity::Quiet && is_usual(close) => {
                String::new()
            }
            Kind::Close(Close { code, reason, .. }) => {
                let what = match entry.direction {
                    Direction::Out => "Closing.",
                    Direction::In => "Connection closed.",
                };
                let text = format!("{what} Code: {code}. Reason: {reason}");
                self.status(entry.moment, text.trim_end())
            }
            Kind::Error { message, .. } => self.error(entry.moment, message),
        }
    }

    /// A line of the program's own.
    pub fn status(&self, moment: Moment, text: &str) -> String {
        self.lines(Role::Status, moment, None, &sanitize(text))
    }

    /// A line about something that went wrong.
    pub fn error(&self, moment: Moment, text: &str) -> String {
        self.lines(Role::Error, moment, None, &sanitize(text))
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
        self.lines(role, moment, None, &sanitize(head.trim_end()))
    }

    fn text_message(&self, entry: &Entry, number: Option<u64>, text: &str) -> String {
        match &entry.records {
            Some(records) if !records.is_empty() => records
                .of(text.as_bytes())
                .map(|record| self.text(entry, number, record))
                .collect(),
            _ => self.text(entry, number, text),
        }
    }

    /// Whether the filter decides what of this entry is shown.
    fn hides(&self, entry: &Entry) -> Option<&JsonPath> {
        let is_message = entry.kind.data().is_some();
        let filter = self.filter.as_ref();
        filter.filter(|_| is_message && entry.direction == Direction::In)
    }

    fn text(&self, entry: &Entry, number: Option<u64>, text: &str) -> String {
        let (role, moment) = (role_of(entry.direction), entry.moment);
        let pretty = (self.pretty && text.len() <= MAX_PRETTY_BYTES)
            .then(|| json::pretty(text))
            .flatten();
        let text = pretty.as_deref().unwrap_or(text);
        if self.raw {
            return self.lines(role, moment, number, text);
        }
        let shown = &text[..text.floor_char_boundary(self.shown_bytes)];
        let escaped = match shown.len() == text.len() {
            true => escape(text),
            false => escape_beginning(shown, text),
        };
        let mut lines = self.lines(role, moment, number, &painted(self.style, &escaped));
        if shown.len() < text.len() {
            lines.push_str(&self.left_out(number, text.len() - shown.len()));
        }
        lines
    }

    /// The length of a binary message, and its beginning as `hexdump -C` has it,
    /// in rows that fit into 80 columns.
    fn binary(&self, entry: &Entry, number: Option<u64>, bytes: &[u8]) -> String {
        let head = format!("{BINARY}{}", counted(bytes.len(), "byte"));
        let mut lines = self.lines(role_of(entry.direction), entry.moment, number, &head);
        let mark = self.style.paint(role_of(entry.direction), "| ");
        let limit = match self.shown_bytes {
            MAX_SHOWN_BYTES => MAX_HEX_BYTES,
            limit => limit,
        };
        for (row, bytes) in bytes.chunks(16).take(limit / 16).enumerate() {
            let _ = writeln!(lines, "{mark}{}", hex_row(row * 16, bytes));
        }
        if bytes.len() > limit {
            lines.push_str(&self.left_out(number, bytes.len() - limit));
        }
        lines
    }

    /// Says what of a message is not shown, and how to see it.
    fn left_out(&self, number: Option<u64>, bytes: usize) -> String {
        let way = match number {
            Some(number) if self.shown_bytes == MAX_SHOWN_BYTES => {
                format!("/show {number} shows more, /save {number} FILE keeps all")
            }
            Some(number) => format!("/save {number} FILE keeps all"),
            None => "--log keeps them".to_owned(),
        };
        let note = format!("| … and {}; {way}", counted(bytes, "more byte"));
        self.style.paint(Role::Status, &note) + "\n"
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
        self.lines(
            role_of(entry.direction),
            entry.moment,
            None,
            &sanitize(&text),
        )
    }

    fn is_peers_control(&self, entry: &Entry) -> bool {
        entry.direction == Direction::In && self.verbosity < Verbosity::Debug
    }

    /// A pong that answers nothing of the user's, when nobody asked for such.
    fn is_idle_pong(&self, entry: &Entry, round_trip: Option<Duration>) -> bool {
        self.is_peers_control(entry) && round_trip.is_none()
    }

    fn lines(&self, role: Role, moment: Moment, number: Option<u64>, text: &str) -> String {
        let time = moment
            .time
            .to_zoned(self.zone.clone())
            .strftime("%H:%M:%S%.3f");
        let mut shown = String::with_capacity(text.len() + 32);
        for (index, line) in text.split('\n').enumerate() {
            let mark = if index == 0 { role.mark() } else { "| " };
            shown.push_str(&self.style.paint(role, mark));
            if index == 0 {
                let number = number.map(|number| format!("#{number} "));
                let time = format!("{time} {}", number.unwrap_or_default());
                shown.push_str(&self.style.paint(Role::Time, &time));
            } else {
                shown.push_str("             ");
            }
            shown.push_str(line);
            shown.push('\n');
        }
        shown
    }
}

/// A Close that is worth no word to who asked for quiet.
fn is_usual(close: &Close) -> bool {
    matches!(close.code, 1000 | 1001 | 1005)
}

fn role_of(direction: Direction) -> Role {
    match direction {
        Direction::Out => Role::Sent,
        Direction::In => Role::Received,
    }
}

fn hex_row(offset: usize, bytes: &[u8]) -> String {
    let visible = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    let ascii: String = bytes.iter().map(visible).collect();
    format!("{offset:04x}  {:<47}  {ascii}", hex(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// A count and what is counted: "1 byte", "2,000 bytes".
pub fn counted(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", count(number))
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
