//! Texts that fit into a number of columns. A character counts as one.

/// What stands for what was left out.
const MORE: &str = "...";

/// Breaks a text between words into lines of at most `width` columns, those after the
/// first indented. A word that is longer has a line of its own.
pub(crate) fn wrapped(text: &str, width: Option<usize>, indent: usize) -> Vec<String> {
    let Some(width) = width else {
        return vec![text.to_owned()];
    };
    let mut lines = Vec::new();
    // The indentation of the first line is part of the text.
    let start = text.len() - text.trim_start().len();
    let mut line = text[..start].to_owned();
    let mut length = start;
    let mut is_empty = true;
    for word in text[start..].split(' ') {
        let word_length = word.chars().count();
        if !is_empty && length + 1 + word_length > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            length = indent;
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word_length;
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// The beginning of a text that is too long.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let shown: String = text
        .chars()
        .take(width.saturating_sub(MORE.len()))
        .collect();
    let mut shown = shown + MORE;
    shown.truncate(
        shown
            .char_indices()
            .nth(width)
            .map_or(shown.len(), |(at, _)| at),
    );
    shown
}

/// The two ends of a text that is too long: an origin tells by both.
pub(super) fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let Some(kept) = width.checked_sub(MORE.len()).filter(|kept| *kept >= 8) else {
        return cut(text, width);
    };
    let tail = kept / 2;
    let head: String = text.chars().take(kept - tail).collect();
    let tail: String = text.chars().skip(length - tail).collect();
    format!("{head}{MORE}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_fit() {
        let text = "  enforced: all 29 probes that a web page can send are refused";
        for width in [20, 30, 60, 80, 200] {
            let lines = wrapped(text, Some(width), 4);
            assert!(lines.iter().all(|line| line.chars().count() <= width));
            let words: Vec<_> = lines.iter().flat_map(|l| l.split_whitespace()).collect();
            assert_eq!(words.join(" "), text.trim());
        }
        assert_eq!(
            wrapped("a verylongword b", Some(6), 2),
            ["a", "  verylongword", "  b"]
        );
        assert_eq!(wrapped(text, None, 4), [text]);
    }

    #[test]
    fn a_long_text_is_cut_to_its_width() {
        for width in 0..40 {
            for text in ["https://client.com.attacker.example", "ünïcode ünïcode", ""] {
                assert!(cut(text, width).chars().count() <= width);
                assert!(shortened(text, width).chars().count() <= width);
            }
        }
        assert_eq!(
            shortened("https://client.com.attacker.example", 23),
            "https://cl...er.example"
        );
    }
}
