//! Patterns of messages: a literal, `/regex/`, or a JSONPath such as `$.id`.

use std::str::FromStr;

use memchr::memmem;
use regex::bytes::Regex;
use serde_json_path::JsonPath;
use thiserror::Error;

use crate::decode;

/// What a message is tested against, text and binary alike.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// The message holds these bytes.
    Literal(Vec<u8>),
    /// The regular expression (of the `regex` crate) finds something.
    Regex(Regex),
    /// The query (RFC 9535) selects something in the message's JSON, or in one of the
    /// records that it holds.
    JsonPath(JsonPath),
}

/// Why a string is not a pattern.
#[derive(Debug, Error)]
pub(crate) enum PatternError {
    /// It would match every message.
    #[error("the pattern is empty, and every message would match it")]
    Empty,
    /// Not a regular expression.
    #[error("{}", reason(.0))]
    Regex(#[from] regex::Error),
    /// Begins with `$`, but is not a JSONPath.
    #[error(
        "{0}; a pattern that begins with '$' is a JSONPath, write /\\$…/ to find a dollar sign"
    )]
    JsonPath(#[from] serde_json_path::ParseError),
}

/// The error of a regular expression draws the place on lines of its own, and says
/// the reason on the last.
fn reason(error: &regex::Error) -> String {
    let error = error.to_string();
    let reason = error.lines().last().unwrap_or_default();
    reason.trim().trim_start_matches("error: ").to_owned()
}

impl FromStr for Pattern {
    type Err = PatternError;

    /// `/…/` is a regular expression, `$…` a JSONPath, all else a literal.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.starts_with('$') {
            return Ok(Self::JsonPath(JsonPath::parse(text)?));
        }
        match between_slashes(text) {
            Some(regex) => Ok(Self::Regex(Regex::new(regex)?)),
            None => Ok(Self::Literal(text.as_bytes().to_owned())),
        }
    }
}

fn between_slashes(text: &str) -> Option<&str> {
    let between = text.strip_prefix('/')?.strip_suffix('/')?;
    Some(between).filter(|regex| !regex.is_empty())
}

impl Pattern {
    /// Parses a pattern that captures: like any other, except that a regular
    /// expression may stand without its slashes, since a literal captures nothing.
    ///
    /// # Errors
    /// A [`PatternError`].
    pub(crate) fn capturing(text: &str) -> Result<Self, PatternError> {
        match text.parse()? {
            Self::Literal(_) => Ok(Self::Regex(Regex::new(text)?)),
            pattern => Ok(pattern),
        }
    }

    /// Whether a message with this payload is the one.
    pub(crate) fn matches(&self, payload: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => memmem::find(payload, literal).is_some(),
            Self::Regex(regex) => regex.is_match(payload),
            Self::JsonPath(path) => decode::matches(path, payload),
        }
    }

    /// What it finds in a payload: the first group of a regular expression, or all
    /// that it matches; the first node of a JSONPath, as JSON; a literal itself.
    pub(crate) fn capture(&self, payload: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Literal(literal) => self.matches(payload).then(|| literal.clone()),
            Self::Regex(regex) => {
                let captures = regex.captures(payload)?;
                let found = captures.get(1).or_else(|| captures.get(0))?;
                Some(found.as_bytes().to_vec())
            }
            Self::JsonPath(path) => {
                let json = serde_json::from_slice(payload).ok()?;
                let nodes = path.query(&json);
                nodes.first().map(|node| node.to_string().into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds() {
        for (pattern, payload, expected) in [
            ("done", "all done.", true),
            ("done", "Done", false),
            ("/", "a/b", true),
            ("//", "http://x", true),
            ("/usr/bin", "in /usr/bin", true),
            ("/^d.ne$/", "done", true),
            ("/^d.ne$/", "is done", false),
            ("/(?i)DONE/", "done", true),
            ("$.status", r#"{"status":null}"#, true),
            ("$.status", r#"{"state":1}"#, false),
            ("$.status", "status", false),
            ("$.id", "{}\u{1e}{\"id\":1e400}\u{1e}", true),
            ("$[?@.id == 7]", r#"[{"id":6},{"id":7}]"#, true),
            ("$[?@ == 'done']", r#"{"status":"done"}"#, true),
            ("$[?@ == 'done']", r#"{"status":"busy"}"#, false),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(payload.as_bytes()), expected, "{pattern}");
        }
        let bytes: Pattern = r"/(?-u:\xff)/".parse().unwrap();
        assert!(bytes.matches(b"\0\xff"));
    }

    #[test]
    fn what_is_no_pattern_says_so() {
        for (pattern, part) in [
            ("", "every message would match it"),
            ("/(/", "unclosed group"),
            ("$5", "write /\\$…/ to find a dollar sign"),
        ] {
            let error = pattern.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_capture_is_the_first_group_or_node() {
        let capture = |pattern: &str, payload: &[u8]| {
            let found = Pattern::capturing(pattern).unwrap().capture(payload);
            found.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        for (pattern, payload, expected) in [
            ("id=([0-9]+)", "x id=42;", Some("42")),
            ("/id=([0-9]+)/", "x id=42;", Some("42")),
            ("id=[0-9]+", "x id=42;", Some("id=42")),
            ("id=([0-9]+)", "none", None),
            ("$.a.id", r#"{"a":{"id":"x"}}"#, Some("\"x\"")),
            ("$.a.id", "not json", None),
        ] {
            assert_eq!(capture(pattern, payload.as_bytes()).as_deref(), expected);
        }
        assert!(Pattern::capturing("(").is_err());
    }
}
