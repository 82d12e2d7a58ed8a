//! JSON texts, reshaped without being read into values: numbers keep their
//! digits, members their order, and strings their escapes.

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

/// Whether a text begins like a JSON object or array and its brackets are
/// not all closed yet.
pub fn is_unfinished(text: &str) -> bool {
    if !text.trim_start().starts_with(['{', '[']) {
        return false;
    }
    let mut depth = 0_i64;
    for (c, within_string) in tokens(text) {
        match c {
            _ if within_string => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
    }
    depth > 0
}

fn new_line(text: &mut String, depth: usize) {
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
            ("", false),
        ] {
            assert_eq!(is_unfinished(text), unfinished, "{text}");
        }
    }
}
