//! Patterns of messages: the words that stay the same when the numbers, the
//! identifiers and the origin in them change.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::connection::Message;
use crate::origin::catalogue::Request;
use crate::origin::observe::{Observation, Outcome};

const MAX_TOKENS: usize = 512;
const MAX_WORD_CHARS: usize = 24;
const MAX_DEPTH: usize = 8;

/// The texts that a server may repeat from the request, which say nothing
/// about its answer: the origin, its host and port, in lower case.
pub(crate) fn erased(request: &Request) -> Vec<String> {
    let mut texts = BTreeSet::new();
    let values = request.headers.iter().map(|(_, value)| value.as_str());
    for value in values.chain(request.host.as_deref()) {
        let value = value.to_lowercase();
        let authority = value
            .split_once("://")
            .map_or(value.as_str(), |(_, rest)| rest);
        let host = authority
            .split(['/', '?', '#', '\\'])
            .next()
            .unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
        for text in [
            value.as_str(),
            authority,
            host,
            bare,
            bare.trim_end_matches('.'),
        ] {
            if text.len() >= 4 {
                texts.insert(text.to_owned());
            }
        }
    }
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts
}

/// The pattern of everything that was received after the 101.
pub(crate) fn tokens(seen: &Observation, erased: &[String]) -> BTreeSet<String> {
    let mut tokens = BTreeSet::new();
    for message in &seen.messages {
        add_tokens(message, erased, &mut tokens);
    }
    if !seen.close_reason.is_empty() {
        words("reason:", &seen.close_reason, erased, &mut tokens);
    }
    tokens
}

/// The pattern of one message.
pub(super) fn tokens_of(message: &Message, erased: &[String]) -> BTreeSet<String> {
    let mut tokens = BTreeSet::new();
    add_tokens(message, erased, &mut tokens);
    tokens
}

fn add_tokens(message: &Message, erased: &[String], tokens: &mut BTreeSet<String>) {
    match message {
        Message::Text(text) => message_tokens(text, erased, tokens),
        Message::Binary(bytes) => {
            tokens.insert("binary".into());
            if let Ok(text) = std::str::from_utf8(bytes) {
                words("", text, erased, tokens);
            }
        }
    }
}

fn message_tokens(text: &str, erased: &[String], tokens: &mut BTreeSet<String>) {
    tokens.insert("text".into());
    // `0{"sid":...}`, `42["event",{...}]`, `a["..."]`: a short prefix names
    // the kind of packet in socket.io, SockJS and others.
    let at = text.find(['{', '[']).filter(|at| *at <= 4);
    let json = at.and_then(|at| {
        let value: Value = serde_json::from_str(text.get(at..)?).ok()?;
        Some((text.get(..at)?, value))
    });
    match json {
        Some((prefix, value)) => {
            tokens.insert(format!("prefix={prefix}"));
            flatten("", &value, erased, tokens, 0);
        }
        None => words("", text, erased, tokens),
    }
}

fn flatten(
    path: &str,
    value: &Value,
    erased: &[String],
    tokens: &mut BTreeSet<String>,
    depth: usize,
) {
    if tokens.len() >= MAX_TOKENS || depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                // A member that is named by an identifier says as little as it.
                let name = if is_word(name) { name.as_str() } else { "*" };
                let path = format!("{path}.{name}");
                tokens.insert(path.clone());
                flatten(&path, value, erased, tokens, depth + 1);
            }
        }
        Value::Array(items) => {
            for item in items.iter().take(8) {
                flatten(&format!("{path}[]"), item, erased, tokens, depth + 1);
            }
        }
        Value::String(text) => words(&format!("{path}="), text, erased, tokens),
        Value::Bool(value) => {
            tokens.insert(format!("{path}={value}"));
        }
        Value::Number(number) if is_code(path) => {
            tokens.insert(format!("{path}={number}"));
        }
        Value::Number(_) | Value::Null => {}
    }
}

/// Whether the numbers of a member are codes, and not counts.
fn is_code(path: &str) -> bool {
    let name = path
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    matches!(
        name.as_str(),
        "code" | "status" | "statuscode" | "error" | "op" | "errno"
    )
}

fn words(prefix: &str, text: &str, erased: &[String], tokens: &mut BTreeSet<String>) {
    // What a server writes for an origin that is not there, and the scheme of
    // one that is.
    let hidden = ["null", "none", "undefined", "nil", "http", "https"];
    for chunk in text.split_whitespace() {
        let mut lower = chunk.to_lowercase();
        let length = lower.len();
        for part in erased {
            if lower.contains(part.as_str()) {
                lower = lower.replace(part.as_str(), " ");
            }
        }
        if lower.len() == length && is_identifier(chunk) {
            continue;
        }
        for word in lower.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if tokens.len() >= MAX_TOKENS {
                return;
            }
            if !hidden.contains(&word) && is_word(word) {
                tokens.insert(format!("{prefix}{word}"));
            }
        }
    }
}

/// Whether a text is random: parts of it would pass for words by chance.
fn is_identifier(text: &str) -> bool {
    const MIN_BYTES: usize = 10;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-+/=.~".contains(&b);
    if text.len() < MIN_BYTES || !text.bytes().all(plain) {
        return false;
    }
    let bytes = text.as_bytes();
    // Two capitals side by side and small letters too: no camel case.
    let jumbled = bytes
        .windows(2)
        .any(|pair| pair.iter().all(u8::is_ascii_uppercase))
        && bytes.iter().any(u8::is_ascii_lowercase);
    jumbled || bytes.iter().any(u8::is_ascii_digit)
}

/// A word, as against a number, an identifier or a token.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= MAX_WORD_CHARS
        && !text.chars().any(|c| c.is_ascii_digit())
}

static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a constant pattern, used by every test")]
    Regex::new(
        r"(?i)(unauthori[sz]ed|unauthenticated|forbidden|denied|not[ _-]allowed|disallowed|not[ _-]authori[sz]ed|authentication[ _-]?(is )?(required|failed|error)|(missing|invalid|bad|expired|no)[ _-](\w+[ _-])?(token|session|credentials|origin|cookie|api[ _-]?key)|login[ _-]required|not[ _-]logged[ _-]in|blocked|rejected|refused|cross[ _-]origin)",
    )
    .expect("the pattern is valid")
});

/// Whether a text has words of refusal.
pub(super) fn speaks_of_refusal(text: &str) -> bool {
    REFUSAL.is_match(text)
}

/// Whether one token of a message speaks of a refusal.
pub(super) fn refuses(token: &str) -> bool {
    let words = ["error", "origin", "allowed", "invalid", "bye", "kick"];
    REFUSAL.is_match(token) || words.iter().any(|word| token.ends_with(word))
}

/// Why an answer to the allowed origin looks like a refusal: a close code that
/// says so, or a message that is short and speaks of it.
pub(crate) fn turned_away(seen: &Observation) -> Option<String> {
    if let Outcome::Closed(Some(code)) = seen.outcome {
        let by_code = matches!(code, 1008 | 3000 | 3003 | 4001 | 4003 | 4400..=4499);
        if by_code || REFUSAL.is_match(&seen.close_reason) {
            return Some(format!("Close {code} '{}'", cut(&seen.close_reason)));
        }
    }
    seen.messages
        .iter()
        .filter_map(|message| match message {
            Message::Text(text) => Some(text.as_str()),
            Message::Binary(_) => None,
        })
        .find(|text| text.len() <= 400 && is_error(text))
        .map(|text| format!("the message '{}'", cut(text)))
}

/// Whether a message is an error: its JSON says so, or its few words do.
fn is_error(text: &str) -> bool {
    let at = text.find('{').filter(|at| *at <= 4);
    let json = at.and_then(|at| serde_json::from_str::<Value>(text.get(at..)?).ok());
    let Some(Value::Object(members)) = json else {
        return REFUSAL.is_match(text);
    };
    members.iter().any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        match value {
            Value::String(value) => match name.as_str() {
                "error" | "err" => REFUSAL.is_match(value) || value == "auth",
                "type" | "event" | "status" | "message" | "reason" | "detail" | "code" => {
                    REFUSAL.is_match(value)
                }
                _ => false,
            },
            Value::Number(number) => {
                is_code(&name)
                    && matches!(number.as_u64(), Some(401 | 403 | 4001 | 4003 | 4401 | 4403))
            }
            Value::Object(inner) if name == "error" => inner
                .values()
                .any(|value| value.as_str().is_some_and(|text| REFUSAL.is_match(text))),
            _ => false,
        }
    })
}

fn cut(text: &str) -> String {
    match text.floor_char_boundary(120) {
        end if end < text.len() => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}
