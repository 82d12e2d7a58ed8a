//! Text from a peer as it is shown: nothing in it acts on the terminal, everything
//! can be seen, and no two texts look alike. `/text` takes what is shown.
//!
//! JSON is shown as it is written, so that it can be copied; it holds no character
//! that would have to be escaped. All other text has its backslashes doubled, and
//! what cannot be seen stands as `\x1e` or `\u{200b}`.

use std::borrow::Cow;
use std::fmt::Write as _;

use thiserror::Error;

use crate::decode::json;
use crate::terminal::sanitize;

/// What an empty message is shown as.
const EMPTY: &str = "(empty)";

/// What a binary message is shown as begins with this.
pub const BINARY: &str = "binary, ";

/// A text as it is shown.
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.is_empty() {
        return EMPTY.into();
    }
    if is_plain(text) {
        return text.into();
    }
    // Space around it would not be seen.
    if text.trim() == text && is_safe_json(text, text) {
        return text.into();
    }
    let shown = escaped(text, "\\\\");
    match json::is_json(&shown) {
        // Not to be taken for the JSON that it looks like: with escapes JSON has not.
        true => escaped(text, "\\x5c").replace("\\r", "\\x0d").into(),
        false => shown.into(),
    }
}

/// The beginning of a longer text as it is shown.
pub fn escape_beginning<'a>(beginning: &'a str, text: &str) -> Cow<'a, str> {
    match is_plain(beginning) || is_safe_json(beginning, text) {
        true => beginning.into(),
        false => escaped(beginning, "\\\\").into(),
    }
}

/// Whether this is a part, or all, of a text that is JSON, and nothing in it acts on
/// the terminal.
fn is_safe_json(part: &str, text: &str) -> bool {
    matches!(sanitize(part), Cow::Borrowed(_)) && json::is_json(text)
}

/// Whether a text is shown as it is, whatever it says.
fn is_plain(text: &str) -> bool {
    let ends_visibly = !text.ends_with(|c: char| c.is_whitespace());
    let acts = |c: char| c == '\\' || c == '\r' || (!c.is_ascii() && !c.is_alphanumeric());
    ends_visibly
        && !text.contains(acts)
        && !text.contains(|c: char| c.is_ascii_control() && c != '\n' && c != '\t')
        && !looks_like_ours(text)
}

/// Whether it could be taken for what is shown of another message.
fn looks_like_ours(text: &str) -> bool {
    text == EMPTY || text.starts_with(BINARY)
}

fn escaped(text: &str, backslash: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 16);
    let has_something = text.chars().any(|c| !is_blank(c));
    let body = text.trim_end_matches(|c: char| c.is_whitespace() && c != '\n');
    for (index, c) in text.char_indices() {
        match c {
            '\\' => shown.push_str(backslash),
            _ if index == 0 && looks_like_ours(text) => push(&mut shown, c),
            // A line end or a space at the end would not be seen.
            '\n' if index + 1 == text.len() => shown.push_str("\\n"),
            c if index >= body.len() => push(&mut shown, c),
            '\n' | '\t' | ' ' => shown.push(c),
            c if is_blank(c) && !has_something => push(&mut shown, c),
            c => shown.push_str(&sanitize(c.encode_utf8(&mut [0; 4]))),
        }
    }
    shown
}

/// Whether a character shows nothing. Some of them change what stands beside them,
/// and are left alone there.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{ad}' | '\u{34f}' |
            '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' |
            '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' |
            '\u{e0000}'..='\u{e0fff}')
}

fn push(shown: &mut String, c: char) {
    let code = u32::from(c);
    let _ = match code {
        0x0a => write!(shown, "\\n"),
        0x0d => write!(shown, "\\r"),
        0x09 => write!(shown, "\\t"),
        0..0x100 => write!(shown, "\\x{code:02x}"),
        _ => write!(shown, "\\u{{{code:x}}}"),
    };
}

/// Why a text with escapes means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is not an escape; write \\\\ \\n \\r \\t \\0 \\x1e \\u001e or \\u{{1f44d}}")]
pub struct InvalidEscape(String);

/// The text that was shown so. JSON stands for itself.
///
/// # Errors
/// An [`InvalidEscape`].
pub fn unescape(shown: &str) -> Result<Cow<'_, str>, InvalidEscape> {
    if !shown.contains('\\') || json::is_json(shown) {
        return Ok(match shown {
            EMPTY => "".into(),
            shown => shown.into(),
        });
    }
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (c, length) = one(&rest[at..])?;
        text.push(c);
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    Ok(text.into())
}

/// The character of the escape that a text begins with, and the length of that.
fn one(text: &str) -> Result<(char, usize), InvalidEscape> {
    let invalid = || InvalidEscape(text.chars().take(2).collect());
    let digits = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|d| !d.is_empty());
        let digits = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        code.and_then(char::from_u32).ok_or_else(invalid)
    };
    match text.as_bytes().get(1) {
        Some(b'\\') => Ok(('\\', 2)),
        Some(b'n') => Ok(('\n', 2)),
        Some(b'r') => Ok(('\r', 2)),
        Some(b't') => Ok(('\t', 2)),
        Some(b'0') => Ok(('\0', 2)),
        Some(b'x') => Ok((digits(2, 4)?, 4)),
        Some(b'u') if text[2..].starts_with('{') => {
            let end = text.find('}').ok_or_else(invalid)?;
            Ok((digits(3, end)?, end + 1))
        }
        Some(b'u') => Ok((digits(2, 6)?, 6)),
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_escape_tells_texts_apart_that_look_alike() {
        for (text, shown) in [
            ("hello", "hello"),
            ("a\u{1e}b", r"a\x1eb"),
            (r"a\x1eb", r"a\\x1eb"),
            ("", "(empty)"),
            ("(empty)", r"\x28empty)"),
            (" ", r"\x20"),
            ("a  ", r"a\x20\x20"),
            ("\u{200b}", r"\u{200b}"),
            ("\u{200d}\u{fe0f}", r"\u{200d}\u{fe0f}"),
            ("👩\u{200d}🚀", "👩\u{200d}🚀"),
            ("a\n", r"a\n"),
            ("a\nb", "a\nb"),
            ("a\r\nb", "a\\r\nb"),
            ("binary, 3 bytes", r"\x62inary, 3 bytes"),
            (r#"{"a":"x\ny\\"}"#, r#"{"a":"x\ny\\"}"#),
            ("{\"a\":\"\u{202e}\"}", r#"{"a":"\u{202e}"}"#),
            ("{}\u{1e}", r"{}\x1e"),
            (r#""\""#, r#""\x5c""#),
            ("\"\r\"", r#""\x0d""#),
        ] {
            assert_eq!(escape(text), shown, "{text:?}");
            assert_eq!(unescape(shown).unwrap(), text, "{shown}");
        }
    }

    #[test]
    fn text_with_an_unknown_escape_says_which_there_are() {
        for (shown, text) in [(r"\0", "\0"), (r"\u001e", "\u{1e}"), (r"\u{1f44d}", "👍")] {
            assert_eq!(unescape(shown).unwrap(), text);
        }
        for shown in [
            r"C:\dir", r"\", r"\x1", r"\u12", r"\ud800", r"\u{}", r"\u{1", r"\xé1",
        ] {
            let error = unescape(shown).unwrap_err().to_string();
            assert!(error.contains("is not an escape; write"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn text_takes_what_is_shown(text in "[a\\\\\"{}\\[\\] \n\r\t\u{1e}\u{200b}\u{202e}é,0-9x:un()]{0,12}|\\PC*") {
            let shown = escape(&text);
            prop_assert_eq!(unescape(&shown).unwrap(), text.as_str(), "{}", shown);
            let seen = shown.replace('\n', "");
            prop_assert!(matches!(sanitize(&seen), Cow::Borrowed(_)));
        }
    }
}
