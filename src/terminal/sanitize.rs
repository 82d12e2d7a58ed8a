//! Text from strangers, made safe for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes every character that could do more than show itself: C0 and C1
/// controls, DEL, and the controls that reorder or hide text. A line feed and
/// a tab stay.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_active) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\r' => safe.push_str("\\r"),
            c if is_active(c) && u32::from(c) < 0x100 => {
                let _ = write!(safe, "\\x{:02x}", u32::from(c));
            }
            c if is_active(c) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// The same for bytes, of which those that are no UTF-8 are shown as `\xff`.
pub fn sanitize_bytes(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        safe.push_str(&sanitize(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    safe
}

/// The same for a text that is to stay on its line: line feeds are escaped
/// too, so that no stranger can write a line that looks like ours.
pub fn sanitize_line(text: &str) -> Cow<'_, str> {
    match sanitize(text) {
        safe if safe.contains('\n') => Cow::Owned(safe.replace('\n', "\\n")),
        safe => safe,
    }
}

/// The same for a line of a report, which a CI service may read: there, `##[error]`
/// is a command wherever it stands in a line (GitHub's runner; `##vso[` and
/// `##teamcity[` are those of others). `::error::` is one only where a line begins, so
/// a report begins none of its lines with a stranger's text.
pub fn sanitize_report(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut before = ' ';
    for c in sanitize_line(text).chars() {
        match c {
            '\t' => safe.push(' '),
            '#' if before == '#' => {
                safe.push_str("\\x23");
                before = ' ';
                continue;
            }
            c => safe.push(c),
        }
        before = c;
    }
    safe
}

/// A JSON document in which nothing acts: what [`sanitize_report`] would show as text
/// is written as `\u` escapes (RFC 8259 §7), so that a parser reads what was there.
/// Outside of strings JSON has none of these characters.
pub fn sanitize_json(document: &str) -> String {
    let mut safe = String::with_capacity(document.len());
    let mut before = ' ';
    for c in document.chars() {
        if (is_active(c) && c != '\r') || (c == '#' && before == '#') {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
            before = ' ';
            continue;
        }
        safe.push(c);
        before = c;
    }
    safe
}

/// Whether a character acts on the terminal or on the text around it.
fn is_active(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        // Bidirectional controls (Unicode UAX #9), which can show a text in
        // another order than it is in ("Trojan Source").
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        // Line and paragraph separators, invisible formatting, tag characters.
        '\u{2028}'
        | '\u{2029}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_active_is_left_and_the_rest_stays() {
        for (text, safe) in [
            ("plain ünïcode\n\tit is 👍", "plain ünïcode\n\tit is 👍"),
            ("\x1b]52;c;QQ==\x07", "\\x1b]52;c;QQ==\\x07"),
            ("\u{9b}31m", "\\x9b31m"),
            ("a\rb\x7f\0", "a\\rb\\x7f\\x00"),
            ("\u{202e}evil\u{2069}", "\\u{202e}evil\\u{2069}"),
        ] {
            assert_eq!(sanitize(text), safe);
        }
        assert_eq!(sanitize_line("a\n* b\r"), "a\\n* b\\r");
    }

    #[test]
    fn a_report_has_no_commands_of_ci_services() {
        for (text, safe) in [
            ("a ##[error]b", "a #\\x23[error]b"),
            ("####vso[x]", "#\\x23#\\x23vso[x]"),
            ("a\tb\n::error::c", "a b\\n::error::c"),
            ("# one", "# one"),
        ] {
            assert_eq!(sanitize_report(text), safe);
        }
    }

    #[test]
    fn json_says_the_same_without_active_characters() {
        let text = "\x1b##[error]###\u{9b}\u{7f}\u{202e}\u{e0041}ü👍\r\n";
        let document = serde_json::json!({ "a": [text] });
        for printed in [document.to_string(), format!("{document:#}")] {
            let safe = sanitize_json(&printed);
            assert!(!safe.contains("##") && !safe.chars().any(is_active));
            let read: serde_json::Value = serde_json::from_str(&safe).unwrap();
            assert_eq!(read, document);
        }
    }
}
