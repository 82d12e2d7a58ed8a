//! What a message is taken apart by, and where its records lie.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::json;

/// Ends a record of SignalR's JSON protocol, and begins one of RFC 7464. JSON has no
/// such character, within strings either (RFC 8259 §7), so it can only be a border.
const RECORD_SEPARATOR: char = '\u{1e}';

/// What some programs write before their JSON. RFC 8259 §8.1: parsers "MAY ignore
/// the presence of a byte order mark rather than treating it as an error".
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What messages are taken apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decode {
    /// By nothing: a message is shown as it came.
    #[default]
    Off,
    /// By what their bytes show.
    Auto,
    /// By this codec.
    By(Codec),
}

/// How records lie in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// A message is one JSON text.
    Json,
    /// A line is a record.
    Lines,
    /// A record is ended by U+001E.
    RecordSeparator,
}

impl Codec {
    /// All, with their names.
    const NAMES: [(&'static str, Self); 3] = [
        ("json", Self::Json),
        ("lines", Self::Lines),
        ("record-separator", Self::RecordSeparator),
    ];
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, codec)| codec == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl fmt::Display for Decode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Auto => f.write_str("auto"),
            Self::By(codec) => codec.fmt(f),
        }
    }
}

impl FromStr for Decode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => return Ok(Self::Off),
            "auto" => return Ok(Self::Auto),
            _ => {}
        }
        let codec = Codec::NAMES.iter().find(|(name, _)| *name == text);
        codec.map(|(_, codec)| Self::By(*codec)).ok_or_else(|| {
            format!("'{text}' is not a codec; write auto, json, lines, record-separator or off")
        })
    }
}

/// The records of a message: slices of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// What it was taken apart by.
    pub codec: Codec,
    places: Vec<Range<usize>>,
}

impl Records {
    fn new(codec: Codec, text: &str, parts: &[&str]) -> Self {
        let begin = text.as_ptr().addr();
        let place = |part: &&str| {
            let start = part.as_ptr().addr().saturating_sub(begin);
            start..start + part.len()
        };
        Self {
            codec,
            places: parts.iter().map(place).collect(),
        }
    }

    /// The records of the message that they were found in, as they are written.
    pub fn of<'a>(&self, message: &'a [u8]) -> impl Iterator<Item = &'a str> {
        let slice = |place: &Range<usize>| message.get(place.clone());
        let texts = self.places.iter().filter_map(slice);
        texts.filter_map(|text| std::str::from_utf8(text).ok())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

impl Decode {
    /// The records of a message; `None` where it is shown as it came: nothing is to
    /// be taken apart, it is not UTF-8, or its bytes show no records.
    pub fn records(self, message: &[u8]) -> Option<Records> {
        if self == Self::Off {
            return None;
        }
        let whole = std::str::from_utf8(message).ok()?;
        let text = whole.trim_start_matches(BYTE_ORDER_MARK);
        let by = |codec, parts: &[&str]| Some(Records::new(codec, whole, parts));
        match self {
            Self::Off => None,
            Self::By(codec @ Codec::Json) => by(codec, &[text.trim()]),
            Self::By(codec @ Codec::Lines) => by(codec, &lines(text)),
            Self::By(codec @ Codec::RecordSeparator) => by(codec, &separated(text)),
            Self::Auto if text.contains(RECORD_SEPARATOR) => {
                let parts = separated(text);
                let all = parts.iter().all(|part| json::is_json(part));
                by(Codec::RecordSeparator, &parts).filter(|_| all)
            }
            Self::Auto if text.len() < whole.len() && json::is_json(text) => {
                by(Codec::Json, &[text.trim()])
            }
            Self::Auto => {
                let parts = lines(text);
                // "1" and "2" on two lines may be anything.
                let is_record = |part: &&str| part.starts_with(['{', '[']) && json::is_json(part);
                let all = parts.len() > 1 && parts.iter().all(is_record);
                by(Codec::Lines, &parts).filter(|_| all)
            }
        }
    }
}

/// What a query looks at: each JSON text of the message, and what is none.
pub(super) fn queried(message: &str) -> Vec<&str> {
    let text = message.trim_start_matches(BYTE_ORDER_MARK);
    let mut parts = Vec::new();
    for part in separated(text) {
        // One text may be written over several lines.
        match json::is_json(part) {
            true => parts.push(part),
            false => parts.extend(lines(part)),
        }
    }
    parts
}

fn separated(text: &str) -> Vec<&str> {
    let parts = text.split(RECORD_SEPARATOR).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

fn lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(decode: &str, message: &str) -> Option<Vec<String>> {
        let decode: Decode = decode.parse().unwrap();
        let records = decode.records(message.as_bytes())?;
        Some(records.of(message.as_bytes()).map(str::to_owned).collect())
    }

    #[test]
    fn records_are_found_by_the_codec_or_by_the_bytes_alone() {
        for (decode, message, expected) in [
            ("off", "{}\u{1e}", None),
            (
                "auto",
                "{\"a\":1}\u{1e}{}\u{1e}",
                Some(&["{\"a\":1}", "{}"][..]),
            ),
            (
                "auto",
                "\u{feff}{\"a\":1}\n{\"a\":2}\r\n",
                Some(&["{\"a\":1}", "{\"a\":2}"]),
            ),
            ("auto", "{\"a\":1}", None),
            ("auto", "\u{feff}{}", Some(&["{}"])),
            ("auto", "{\"a\":\n1}", None),
            ("auto", "not\u{1e}JSON", None),
            ("auto", "two\nlines", None),
            ("auto", "1\n2", None),
            ("json", "\u{feff}{\"a\":\n1}", Some(&["{\"a\":\n1}"])),
            ("lines", "a\r\n\nb", Some(&["a", "b"])),
            ("record-separator", "a\u{1e}\u{1e}b", Some(&["a", "b"])),
            ("record-separator", "", Some(&[])),
        ] {
            let expected = expected.map(|e| e.iter().map(ToString::to_string).collect());
            assert_eq!(
                records(decode, message),
                expected,
                "{decode} of {message:?}"
            );
        }
        assert_eq!(Decode::Auto.records(b"\xff\x1e"), None);
        assert!(
            "yaml"
                .parse::<Decode>()
                .unwrap_err()
                .contains("record-separator")
        );
    }

    #[test]
    fn names_are_printed_as_they_are_written() {
        for name in ["off", "auto", "json", "lines", "record-separator"] {
            assert_eq!(name.parse::<Decode>().unwrap().to_string(), name);
        }
    }
}
