//! Tokens in a path: the address of a webhook is its key, and some servers take
//! one behind `/token/`.
//!
//! A segment has no name of its own that promises a secret, so its shape or the
//! segment in front of it has to tell. What rooms, commits and files are called
//! stays: a UUID, a number, a digest in hex, a slug, words in camel case.

use std::borrow::Cow;

use super::name::is_secret_member;
use super::word::REDACTED;

/// Shorter segments are taken for names.
const MIN_TOKEN_BYTES: usize = 24;

/// Announce a token, beside what is named like a secret anywhere.
const ANNOUNCERS: &[&str] = &["hook", "hooks", "webhook", "webhooks", "key", "keys"];

/// A text without the segments of its paths that are tokens.
pub(super) fn without_tokens(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut kept_from = 0;
    for (at, token) in tokens(text) {
        shown.push_str(&text[kept_from..at]);
        shown.push_str(REDACTED);
        kept_from = at + token.len();
    }
    match kept_from {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(shown + &text[kept_from..]),
    }
}

/// The segments that are tokens, and where each begins.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('/').filter_map(|(slash, _)| {
        let (front, rest) = (&text[..slash], &text[slash + 1..]);
        let segment = &rest[..rest.find(ends_segment).unwrap_or(rest.len())];
        let before = &front[front.rfind(ends_segment).map_or(0, |at| at + 1)..];
        let is_token = segment.len() >= MIN_TOKEN_BYTES
            && (is_jwt(segment)
                || (is_word(segment) && (segment.split(':').any(is_random) || announces(before))));
        is_token.then_some((slash + 1, segment))
    })
}

fn announces(segment: &str) -> bool {
    is_secret_member(segment)
        || ANNOUNCERS
            .iter()
            .any(|one| segment.eq_ignore_ascii_case(one))
}

/// All of them are ASCII: what is behind one begins at the next byte.
fn ends_segment(c: char) -> bool {
    c.is_ascii_whitespace() || "/?#\"'`<>,;()".contains(c)
}

/// A JSON Web Token, or a part of one: it begins with `{"`.
fn is_jwt(segment: &str) -> bool {
    segment.starts_with("eyJ") && segment.bytes().all(|b| is_word_byte(b) || b == b'.')
}

/// Letters and digits, as tokens are written. What has a dot is a file, and what
/// ends with an equals sign is a digest in base64, as in `sha256/…=`.
fn is_word(segment: &str) -> bool {
    segment.bytes().all(is_word_byte) && segment.bytes().any(|b| b.is_ascii_digit())
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_:~".contains(&byte)
}

/// Whether the kind of the letters changes as often as it does by chance: at 45 of
/// 100 places, when the beginnings of words in camel case are left out; there it
/// changes once a word. Of `bot1:TOKEN`, each part is judged by itself.
fn is_random(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => Some(0),
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        _ => None,
    };
    let has = |wanted| bytes.iter().any(|byte| kind(*byte) == Some(wanted));
    let changes = bytes.windows(2).filter(|pair| match pair {
        [one, next] => match (kind(*one), kind(*next)) {
            (Some(2), Some(1)) | (None, _) | (_, None) => false,
            (one, next) => one != next,
        },
        _ => false,
    });
    bytes.len() >= MIN_TOKEN_BYTES
        && has(0)
        && has(1)
        && has(2)
        && changes.count() * 4 >= bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_path_goes() {
        for (text, shown) in [
            (
                "ws://h/hook/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
                "ws://h/hook/[redacted]",
            ),
            (
                "/hook/eyJhbGciOiJIUzI1NiIsInR5cCI6?a=1",
                "/hook/[redacted]?a=1",
            ),
            (
                "https://h/services/T024BE7LD/B19H/x7Kq9ZtR2mWc4LpV8sYb3NdF/ws#a",
                "https://h/services/T024BE7LD/B19H/[redacted]/ws#a",
            ),
            (
                "GET /bot4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcQ/x HTTP/1.1",
                "GET /[redacted]/x HTTP/1.1",
            ),
            (
                "to '/a/q8Zr-T5nB_v2XkL9wYc4HsJ7'; é",
                "to '/a/[redacted]'; é",
            ),
            // A digest, behind a name.
            (
                "/Token/da39a3ee5e6b4b0d3255bfef95601890afd80709",
                "/Token/[redacted]",
            ),
            (
                "/webhooks/6fa459ea-ee8a-3ca4-894e-db77e160355e/x",
                "/webhooks/[redacted]/x",
            ),
        ] {
            assert_eq!(without_tokens(text), shown);
        }
    }

    #[test]
    fn what_a_path_names_stays() {
        for text in [
            "",
            "/",
            "/room/6fa459ea-ee8a-3ca4-894e-db77e160355e",
            "/room/6FA459EAEE8A3CA4894EDB77E160355E",
            "/commit/da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "/topics/Weekly-Meeting-2026-11-25-Room-7",
            "/hubs/MyCompanyNotificationHubVersion2",
            "/api/subscribeToOrderBookUpdatesL2",
            "/token/refresh-all-expired-tokens",
            "/hooks/2026/11/25",
            "/assets/x7Kq9ZtR2mWc4LpV8sYb3NdF.js",
            "sha256/x7Kq9ZtR2mWc4LpV8sYb3NdFx7Kq9ZtR2mWc4LpV8sY=",
            "Sec-WebSocket-Accept: s/pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "x7Kq9ZtR2mWc4LpV8sYb3NdF is in no path",
            "/1234567890123456789012345",
        ] {
            assert_eq!(without_tokens(text), text);
        }
    }
}
