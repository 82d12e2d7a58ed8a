//! Secrets of which a text has only the beginning, since it was cut inside them.

use super::word::REDACTED;

/// Of a secret, so many bytes at the end of a text are taken for its beginning, and
/// half of a short one. Fewer tell little, and are often chance.
const MIN_BEGINNING_BYTES: usize = 6;
const LEAST_BEGINNING_BYTES: usize = 4;

/// A text of which no more came, without the beginning of a secret at its end; `None`
/// where there is none.
pub(super) fn without_beginning(text: &str, known: &[String]) -> Option<String> {
    // A character that was cut too is none.
    let end = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    if known.iter().any(|secret| end.ends_with(secret.as_str())) {
        return None;
    }
    let parts = known.iter().filter(|secret| !is_made_of(secret, known));
    let starts = parts.filter_map(|secret| {
        let least = (secret.len() / 2).clamp(LEAST_BEGINNING_BYTES, MIN_BEGINNING_BYTES);
        let longest = secret.len().saturating_sub(1).min(end.len());
        let lengths = (least..=longest).rev();
        lengths
            .filter_map(|length| secret.get(..length))
            .find(|beginning| end.ends_with(beginning))
            .map(|beginning| end.len() - beginning.len())
    });
    let start = starts.min()?;
    Some(format!("{}{REDACTED}", end.get(..start)?))
}

/// Whether a value is several, such as `Bearer TOKEN` and `a=1; b=2`, of which each
/// secret is known by itself: its beginning is no secret.
fn is_made_of(value: &str, known: &[String]) -> bool {
    value.contains([' ', '=', ';', ','])
        && known
            .iter()
            .any(|other| other != value && value.contains(other.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_a_text_goes() {
        let known = [
            "Bearer abcabcabc-123",
            "abcabcabc-123",
            "kurz12",
            "pässword",
        ];
        let known = known.map(ToOwned::to_owned);
        for (text, expected) in [
            ("x abcabcabc-12", Some("x [redacted]")),
            ("x abcabcabc", Some("x [redacted]")),
            ("x abcabc", Some("x [redacted]")),
            ("x abcab", None),
            ("abcabcabc-12 x", None),
            ("say Bearer", None),
            ("say Bearer abcabcab", Some("say Bearer [redacted]")),
            ("kurz1", Some("[redacted]")),
            ("kur", None),
            ("pässw\u{fffd}", Some("[redacted]")),
            // It is whole, and goes by its own rule.
            ("x abcabcabc-123", None),
            ("", None),
        ] {
            assert_eq!(
                without_beginning(text, &known).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
