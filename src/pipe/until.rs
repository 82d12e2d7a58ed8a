//! `--until`: the pattern of the message that ends a talk. Pure.

use std::str::FromStr;

use memchr::memmem;
use regex::bytes::Regex;
use serde_json_path::JsonPath;
use thiserror::Error;

/// What a message is tested against, text and binary alike.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// The message holds these bytes.
    Literal(Vec<u8>),
    /// The regular expression (of the `regex` crate) finds something.
    Regex(Regex),
    /// The message is JSON, and the query (RFC 9535) selects something in it.
    JsonPath(JsonPath),
}

/// Why a string is no pattern.
#[derive(Debug, Error)]
pub enum PatternError {
    /// Matches every message.
    #[error("the pattern is empty; -1 waits for any message")]
    Empty,
    /// Between slashes, but no regular expression.
    #[error("{0}")]
    Regex(#[from] regex::Error),
    /// Begins with `$`, but is no JSONPath.
    #[error(
        "{0}; a pattern that begins with '$' is a JSONPath, write /\\$…/ to find a dollar sign"
    )]
    JsonPath(#[from] serde_json_path::ParseError),
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
        let between = text.strip_prefix('/').and_then(|t| t.strip_suffix('/'));
        match between {
            Some(regex) if !regex.is_empty() => Ok(Self::Regex(Regex::new(regex)?)),
            _ => Ok(Self::Literal(text.as_bytes().to_owned())),
        }
    }
}

impl Pattern {
    /// Whether a message with this payload is the one.
    pub fn matches(&self, payload: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => memmem::find(payload, literal).is_some(),
            Self::Regex(regex) => regex.is_match(payload),
            Self::JsonPath(path) => {
                serde_json::from_slice(payload).is_ok_and(|value| !path.query(&value).is_empty())
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
            ("", "-1 waits for any message"),
            ("/(/", "unclosed group"),
            ("$5", "write /\\$…/ to find a dollar sign"),
        ] {
            let error = pattern.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
