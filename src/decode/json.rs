//! JSON texts, reshaped without being read into values: numbers keep their
//! digits, members their order, and strings their escapes.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// Whether a text is one JSON value.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A JSON text without the whitespace between its tokens.
///
/// # Errors
/// The parser's finding, where the text is no JSON.
pub fn minify(text: &str) -> Result<String, serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text)?;
    let mut small = String::with_capacity(text.len());
    for (c, within_string) in tokens(text) {
        if within_string || !is_whitespace(c) {
            small.push(c);
        }
    }
    Ok(small)
}

/// A JSON text as it is written, but on one line: without its whitespace where that
/// has line ends.
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    match text.contains(['\n', '\r']) {
        true => minify(text).map_or(Cow::Borrowed(text), Cow::Owned),
        false => Cow::Borrowed(text),
    }
}

/// How deep a text is laid out. What is nested deeper stays on one line: brackets
/// without end would cost spaces without end.
const MAX_INDENTED: usize = 64;

/// A JSON text with a line for each member, indented by two spaces; `None`
/// for a text that is no JSON.
pub fn pretty(text: &str) -> Option<String> {
    let small = minify(text).ok()?;
    let mut shown = String::with_capacity(small.len() * 2);
    let mut depth = 0_usize;
    let mut chars = tokens(&small).peekable();
    while let Some((c, within_string)) = chars.next() {
        if within_string {
            shown.push(c);
            continue;
        }
        match c {
            '{' | '[' => {
                shown.push(c);
                let empty = chars
                    .peek()
                    .is_some_and(|&(next, _)| matches!(next, '}' | ']'));
                if empty {
                    shown.extend(chars.next().map(|(c, _)| c));
                } else {
                    depth += 1;
                    new_line(&mut shown, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut shown, depth);
                shown.push(c);
            }
            ',' => {
                shown.push(c);
                new_line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            c => shown.push(c),
        }
    }
    Some(shown)
}

/// Whether a text is the beginning of a JSON object or array, and not all of it.
pub fn is_unfinished(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

/// What a part of a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The name of a member, quotes included.
    Name,
    /// A string, quotes included.
    String,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
    /// Brackets, commas, colons, whitespace.
    Between,
}

/// A JSON text in parts, which are together the text; of other text, parts of some
/// kind.
pub fn parts(text: &str) -> Vec<(Part, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '"' => (
                Part::String,
                tokens(rest)
                    .take_while(|(_, within)| *within)
                    .map(|(c, _)| c.len_utf8())
                    .sum(),
            ),
            '-' | '0'..='9' => (
                Part::Number,
                length_of(rest, |c| !is_between(c) && c != '"'),
            ),
            c if is_between(c) => (Part::Between, length_of(rest, is_between)),
            _ => (Part::Word, length_of(rest, |c| !is_between(c) && c != '"')),
        };
        let (this, after) = rest.split_at(length);
        let is_name = part == Part::String && after.trim_start().starts_with(':');
        parts.push((if is_name { Part::Name } else { part }, this));
        rest = after;
    }
    parts
}

fn length_of(text: &str, is_in: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_in(c)).unwrap_or(text.len())
}

fn is_between(c: char) -> bool {
    is_whitespace(c) || matches!(c, '{' | '}' | '[' | ']' | ',' | ':')
}

fn new_line(text: &mut String, depth: usize) {
    if depth > MAX_INDENTED {
        return;
    }
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

fn is_whitespace(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The characters, each with whether it belongs to a string, its quotes
/// included.
fn tokens(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut within = false;
    let mut escaped = false;
    text.chars().map(move |c| {
        let was_within = within;
        match c {
            _ if escaped => escaped = false,
            '\\' if within => escaped = true,
            '"' => within = !within,
            _ => {}
        }
        (c, was_within || within)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_whitespace_changes() {
        let text = "{ \"b\" : [1e400, -0.10 , {}],\n\"a b\\\"}\": \"x , \\\\\" , \"c\":[ ] }";
        assert_eq!(
            minify(text).unwrap(),
            r#"{"b":[1e400,-0.10,{}],"a b\"}":"x , \\","c":[]}"#
        );
        assert_eq!(
            pretty(text).unwrap(),
            "{\n  \"b\": [\n    1e400,\n    -0.10,\n    {}\n  ],\n  \
             \"a b\\\"}\": \"x , \\\\\",\n  \"c\": []\n}"
        );
        assert_eq!(pretty("12").as_deref(), Some("12"));
        assert_eq!(pretty("{"), None);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(pretty(&deep).is_some_and(|text| text.len() < 220_000));
        assert_eq!(on_one_line("[1,\n 2]"), "[1,2]");
        assert_eq!(on_one_line("[1, 2]"), "[1, 2]");
    }

    #[test]
    fn the_parts_are_the_text() {
        let text = r#"{"a" : ["x\",", -1.5e3, true],"é":null}"#;
        let parts = parts(text);
        let all: String = parts.iter().map(|(_, text)| *text).collect();
        assert_eq!(all, text);
        let kinds: Vec<_> = parts
            .into_iter()
            .filter(|(p, _)| *p != Part::Between)
            .collect();
        assert_eq!(
            kinds,
            [
                (Part::Name, r#""a""#),
                (Part::String, r#""x\",""#),
                (Part::Number, "-1.5e3"),
                (Part::Word, "true"),
                (Part::Name, r#""é""#),
                (Part::Word, "null"),
            ]
        );
        assert_eq!(super::parts("\"").len(), 1);
    }

    #[test]
    fn unfinished() {
        for (text, unfinished) in [
            ("{", true),
            ("  [1, {\"a\": \"]\"", true),
            ("{\"a\": \"}", true),
            ("{}", false),
            ("]", false),
            ("a {", false),
            ("{ not json", false),
            ("{\"a\":\n/status", false),
            ("{\"a\": 1,", true),
            ("[1, \"a", true),
            ("", false),
        ] {
            assert_eq!(is_unfinished(text), unfinished, "{text}");
        }
    }
}
