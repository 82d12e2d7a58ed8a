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

/// The same for a text that is to stay on its line: line feeds are escaped
/// too, so that no stranger can write a line that looks like ours.
pub fn sanitize_line(text: &str) -> Cow<'_, str> {
    match sanitize(text) {
        safe if safe.contains('\n') => Cow::Owned(safe.replace('\n', "\\n")),
        safe => safe,
    }
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
}
