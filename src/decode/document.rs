//! A JSON text that is queried by values and answers in its own words: what a
//! JSONPath selects is given back as it was written.
//!
//! Two passes over a text that the parser of `serde_json` has found to be JSON. The
//! first makes values of it, for the query; the second finds the places of those
//! that were selected, known by their addresses. Both keep their own stack, so that
//! brackets without end cost no stack of ours.

use std::collections::HashMap;
use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value};
use serde_json_path::JsonPath;

/// Queries, and the end of a value, recurse: what is nested deeper is not looked
/// into, but is still part of what contains it.
const MAX_DEPTH: usize = 512;

/// A JSON text, and its values.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    value: Value,
    /// Whether something is nested too deep to be looked into.
    pub(super) is_too_deep: bool,
}

/// A container that is not closed yet.
struct Open {
    value: Value,
    key: Option<String>,
}

impl<'a> Document<'a> {
    /// Reads a text; `None` for one that is no JSON.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        let mut document = Self {
            text,
            value: Value::Null,
            is_too_deep: false,
        };
        let mut tokens = Tokens::new(text);
        let mut stack: Vec<Open> = Vec::new();
        while let Some((token, at)) = tokens.next() {
            let value = match token {
                Token::Open if stack.len() == MAX_DEPTH => {
                    document.is_too_deep = true;
                    tokens.skip_to_close();
                    Value::Null
                }
                Token::Open => {
                    stack.push(Open::new(&text[at]));
                    continue;
                }
                Token::Close => match stack.pop() {
                    Some(open) => open.value,
                    None => break,
                },
                Token::String => match stack.last_mut() {
                    Some(open) if open.takes_key() => {
                        open.key = Some(string(&text[at]));
                        continue;
                    }
                    _ => Value::String(string(&text[at])),
                },
                Token::Scalar => scalar(&text[at]),
            };
            match stack.last_mut() {
                Some(open) => open.add(value),
                None => document.value = value,
            }
        }
        Some(document)
    }

    /// Whether a path selects something.
    pub(super) fn has(&self, path: &JsonPath) -> bool {
        !path.query(&self.value).is_empty()
    }

    /// What a path selects, as it is written.
    pub(super) fn select(&self, path: &JsonPath) -> Vec<&'a str> {
        let nodes: Vec<_> = path.query(&self.value).all();
        if nodes.is_empty() {
            return Vec::new();
        }
        let mut places: HashMap<usize, Range<usize>> = nodes
            .iter()
            .map(|node| (address(node), Range::default()))
            .collect();
        self.find(&mut places);
        let mut ranges: Vec<_> = nodes
            .iter()
            .filter_map(|node| places.get(&address(node)).cloned())
            .collect();
        if !says_its_order(path) {
            ranges.sort_by_key(|range| range.start);
        }
        ranges.into_iter().map(|range| &self.text[range]).collect()
    }

    /// Notes where the wanted values are written. Of members of one name the last
    /// counts, as for the parser.
    fn find(&self, wanted: &mut HashMap<usize, Range<usize>>) {
        let mut note = |value: Option<&Value>, place: Range<usize>| {
            if let Some(found) = value.and_then(|value| wanted.get_mut(&address(value))) {
                *found = place;
            }
        };
        let mut tokens = Tokens::new(self.text);
        let mut stack: Vec<Walk<'_>> = Vec::new();
        while let Some((token, at)) = tokens.next() {
            if let (Token::String, Some(Walk { key, value, .. })) = (token, stack.last_mut())
                && value.is_object()
                && key.is_none()
            {
                *key = Some(string(&self.text[at]));
                continue;
            }
            if token == Token::Close {
                if let Some(walk) = stack.pop() {
                    note(Some(walk.value), walk.start..at.end);
                }
                continue;
            }
            let value = match stack.last_mut() {
                Some(walk) => walk.next(),
                None => Some(&self.value),
            };
            match value {
                Some(value @ (Value::Array(_) | Value::Object(_))) if token == Token::Open => {
                    stack.push(Walk {
                        value,
                        key: None,
                        index: 0,
                        start: at.start,
                    });
                }
                value if token == Token::Open => note(value, at.start..tokens.skip_to_close()),
                value => note(value, at),
            }
        }
    }
}

impl Open {
    fn new(bracket: &str) -> Self {
        Self {
            value: match bracket {
                "{" => Value::Object(Map::new()),
                _ => Value::Array(Vec::new()),
            },
            key: None,
        }
    }

    fn takes_key(&self) -> bool {
        self.value.is_object() && self.key.is_none()
    }

    fn add(&mut self, value: Value) {
        match (&mut self.value, self.key.take()) {
            (Value::Array(items), _) => items.push(value),
            (Value::Object(members), Some(key)) => drop(members.insert(key, value)),
            _ => {}
        }
    }
}

/// A container whose text is walked along with its value.
struct Walk<'v> {
    value: &'v Value,
    key: Option<String>,
    index: usize,
    start: usize,
}

impl<'v> Walk<'v> {
    /// The value of the item or member whose text comes now. `None` where another
    /// member of the same name took its place.
    fn next(&mut self) -> Option<&'v Value> {
        let index = self.index;
        self.index += 1;
        match self.value {
            Value::Array(items) => items.get(index),
            Value::Object(members) => members.get(&self.key.take()?),
            _ => None,
        }
    }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

/// Whether the order of what is selected is in the path: several selectors in one
/// pair of brackets, or a slice that goes backwards. Everything else is given in
/// the order of the text, which the values do not keep for members.
fn says_its_order(path: &JsonPath) -> bool {
    let path = path.to_string();
    path.contains(',') || path.contains(":-")
}

/// A string; one that is no Unicode (half of a surrogate pair) as it is written.
fn string(text: &str) -> String {
    serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())
}

fn scalar(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        number => Value::Number(number.parse().unwrap_or_else(|_| beyond(number))),
    }
}

/// A number that is larger than any that the parser takes.
fn beyond(number: &str) -> Number {
    let largest = match number.starts_with('-') {
        true => f64::MIN,
        false => f64::MAX,
    };
    Number::from_f64(largest).unwrap_or_else(|| Number::from(0))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// `{` or `[`.
    Open,
    /// `}` or `]`.
    Close,
    String,
    Scalar,
}

/// The tokens of a text that is JSON, but for commas and colons.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    /// The end of the bracket that was opened last.
    fn skip_to_close(&mut self) -> usize {
        let mut depth = 1;
        for (token, _) in self.by_ref() {
            match token {
                Token::Open => depth += 1,
                Token::Close => depth -= 1,
                Token::String | Token::Scalar => {}
            }
            if depth == 0 {
                break;
            }
        }
        self.at
    }

    /// The end of the string that begins before this place.
    fn end_of_string(&self, mut at: usize) -> usize {
        while let Some(byte) = self.bytes.get(at) {
            at += match byte {
                b'\\' => 2,
                b'"' => return at + 1,
                _ => 1,
            };
        }
        self.bytes.len()
    }
}

impl Iterator for Tokens<'_> {
    type Item = (Token, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':');
        let rest = self.bytes.get(self.at..)?;
        let start = self.at + rest.iter().position(|byte| !is_between(byte))?;
        let (token, end) = match self.bytes[start] {
            b'{' | b'[' => (Token::Open, start + 1),
            b'}' | b']' => (Token::Close, start + 1),
            b'"' => (Token::String, self.end_of_string(start + 1)),
            _ => {
                let is_end = |byte: &u8| is_between(byte) || matches!(byte, b']' | b'}');
                let length = self.bytes[start..].iter().position(is_end);
                let end = length.map_or(self.bytes.len(), |length| start + length);
                (Token::Scalar, end)
            }
        };
        self.at = end;
        Some((token, start..end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn selected<'a>(path: &str, text: &'a str) -> Vec<&'a str> {
        let document = Document::parse(text).unwrap();
        document.select(&JsonPath::parse(path).unwrap())
    }

    #[test]
    fn a_filter_gives_the_original_bytes_in_their_order() {
        for (path, text, expected) in [
            ("$.a", r#"{"a":{"z":1,"b":2}}"#, &[r#"{"z":1,"b":2}"#][..]),
            (
                "$.*",
                r#"{"z": 12345678901234567890123, "b": 1.10, "a" :1e400}"#,
                &["12345678901234567890123", "1.10", "1e400"],
            ),
            (
                "$[?@.n > 5]",
                r#"[{"n":-1e400},{"n":1e999}]"#,
                &[r#"{"n":1e999}"#],
            ),
            ("$['b','a']", r#"{"a":1,"b":2}"#, &["2", "1"]),
            ("$[::-1]", "[1, 2]", &["2", "1"]),
            ("$..x", r#"{"x":{"x":1}}"#, &[r#"{"x":1}"#, "1"]),
            (
                "$.a",
                r#"{"a":{"b":[1]},"a":[{"c" : 2}]}"#,
                &[r#"[{"c" : 2}]"#],
            ),
            ("$.a[1]", r#"{"a":[1,2],"a":[3]}"#, &[]),
            ("$['q\"']", r#"{"q\"":"\"]}"}"#, &[r#""\"]}""#]),
            ("$.é", r#"{"\u00e9":"\ud800"}"#, &[r#""\ud800""#]),
            ("$", " \n7 ", &["7"]),
        ] {
            assert_eq!(selected(path, text), expected, "{path} of {text}");
        }
        assert!(Document::parse("{").is_none());
        assert!(Document::parse("1 2").is_none());
    }

    #[test]
    fn brackets_without_end_are_read_and_not_looked_into() {
        let deep = format!(
            r#"{{"deep":{}1{},"id":7}}"#,
            r#"{"a":["#.repeat(100_000),
            "]}".repeat(100_000)
        );
        assert_eq!(selected("$.id", &deep), ["7"]);
        let document = Document::parse(&deep).unwrap();
        assert!(document.is_too_deep);
        let all = document.select(&JsonPath::parse("$..a").unwrap());
        assert!(all.len() > 200 && all[0].len() > 700_000);
        let nested = format!("{}5{}", "[".repeat(400), "]".repeat(400));
        let found = selected(&format!("${}", "[0]".repeat(400)), &nested);
        assert_eq!(found, ["5"]);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a\"\\\\\\[\\]{}:, é]{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ab\"]{0,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_selected_is_what_the_values_are(value in json(), pretty: bool) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let document = Document::parse(&text).unwrap();
            prop_assert_eq!(&document.value, &value);
            let path = JsonPath::parse("$..*").unwrap();
            let read = |text: &str| serde_json::from_str::<Value>(text).unwrap().to_string();
            let mut found: Vec<_> = document.select(&path).into_iter().map(read).collect();
            let mut expected: Vec<_> = path.query(&value).iter().map(ToString::to_string).collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
