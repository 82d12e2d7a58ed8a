//! Secrets, kept out of the evidence: what a report does not hold, no
//! renderer can leak.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use regex::{Captures, Regex};

use crate::connection::http::HeaderEdit;
use crate::connection::http::redact;
use crate::connection::{OpenConfig, Target};

pub use crate::connection::http::redact::REDACTED;

/// Shorter values are no secrets, and their removal would riddle the text.
const MIN_SECRET_BYTES: usize = 4;

/// Knows the secrets of a run.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// The values to remove wherever they turn up, the longest first.
    secrets: Vec<String>,
}

impl Redactor {
    /// The secrets in a target's URL, in the headers that are sent, and in the
    /// message.
    pub fn new(target: &Target, open: &OpenConfig, message: Option<&str>) -> Self {
        let mut secrets = Vec::new();
        for edit in &open.request.edits {
            if let HeaderEdit::Set { name, value } = edit
                && is_secret_header(name)
            {
                secrets.extend(secrets_of(value));
            }
        }
        // Flags, the URL, netrc and the cookie jar.
        for (_, value) in open.request.auth.headers(target) {
            secrets.extend(secrets_of(&value));
        }
        for protocol in &open.request.subprotocols {
            // A token in the place of a subprotocol, as browsers must send it.
            if protocol.len() >= 20 && protocol.bytes().any(|b| b.is_ascii_digit()) {
                secrets.push(protocol.clone());
            }
        }
        for pair in query_pairs(&target.resource) {
            if let (name, Some(value)) = pair
                && is_secret_name(name)
            {
                secrets.push(value.to_owned());
                secrets.push(percent_decode_str(value).decode_utf8_lossy().into_owned());
            }
        }
        for found in message
            .into_iter()
            .flat_map(|m| SECRET_MEMBER.captures_iter(m))
        {
            secrets.extend(found.get(2).map(|value| value.as_str().to_owned()));
        }
        Self::of(secrets)
    }

    fn of(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| {
            secret.len() >= MIN_SECRET_BYTES
                && !secret.eq_ignore_ascii_case("bearer")
                && !secret.eq_ignore_ascii_case("basic")
        });
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// A text from the wire, without its secrets.
    pub fn text(&self, text: &str) -> String {
        let mut safe = text.to_owned();
        for secret in &self.secrets {
            if safe.contains(secret.as_str()) {
                safe = safe.replace(secret.as_str(), REDACTED);
            }
        }
        SECRET_MEMBER
            .replace_all(&safe, |found: &Captures<'_>| {
                format!("{}{REDACTED}", found.get(1).map_or("", |m| m.as_str()))
            })
            .into_owned()
    }

    /// The head of a request or an answer, without the values of the headers
    /// that hold secrets.
    pub fn head(&self, head: &str) -> String {
        let safe = self.text(head);
        let mut lines = Vec::new();
        for line in safe.split("\r\n") {
            match line.split_once(':') {
                Some((name, _)) if is_secret_header(name) => {
                    lines.push(format!("{name}: {REDACTED}"));
                }
                _ => lines.push(line.to_owned()),
            }
        }
        lines.join("\r\n")
    }

    /// A URL without the secrets in its query.
    pub fn url(&self, url: &str) -> String {
        self.text(url)
    }
}

/// A header's value, and the secrets that it is made of.
fn secrets_of(value: &str) -> Vec<String> {
    let mut secrets = vec![value.to_owned()];
    // `Bearer TOKEN`, `a=1; b=2`
    for part in value.split([' ', ';', ',']).map(str::trim) {
        let secret = part
            .split_once('=')
            .filter(|(_, value)| !value.trim_matches('=').is_empty())
            .map_or(part, |(_, value)| value);
        secrets.push(secret.to_owned());
    }
    if let Some(password) = basic_password(value) {
        secrets.push(password);
    }
    secrets
}

/// The password in `Basic BASE64` (RFC 7617).
fn basic_password(value: &str) -> Option<String> {
    let (scheme, pair) = value.trim().split_once(' ')?;
    let pair = STANDARD.decode(pair.trim()).ok()?;
    let pair = String::from_utf8_lossy(&pair).into_owned();
    let (_, password) = pair.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| password.to_owned())
}

/// `"token": "value"` in JSON, `token=value` in a query or a form.
static SECRET_MEMBER: LazyLock<Regex> = LazyLock::new(|| {
    let names = "(?:access_?|refresh_?|id_?|auth_?|csrf_?|xsrf_?|session_?)?(?:token|secret|password|passwd|api_?key|jwt)";
    let member = format!(r#"(?i)("{names}"\s*:\s*"|\b{names}=)([^"&\s;,]{{4,}})"#);
    #[expect(clippy::expect_used, reason = "a constant pattern, held by a test")]
    Regex::new(&member).expect("the pattern is valid")
});

/// Whether a header's value is a secret by its name.
pub fn is_secret_header(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    if name.starts_with("sec-websocket-") {
        return false;
    }
    redact::is_secret(&name) || is_secret_name(&name)
}

/// Whether a header carries credentials, for the attempt without them.
pub fn is_credential(name: &str) -> bool {
    is_secret_header(name)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "token",
        "secret",
        "passw",
        "api-key",
        "api_key",
        "apikey",
        "jwt",
        "auth",
        "session",
        "signature",
    ]
    .iter()
    .any(|part| name.contains(part))
        || matches!(name.as_str(), "key" | "sig" | "sid" | "code")
}

fn query_pairs(resource: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let query = resource.split_once('?').map_or("", |(_, query)| query);
    query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(url: &str, headers: &[&str]) -> Redactor {
        let target: Target = url.parse().unwrap();
        let mut open = OpenConfig::default();
        open.request.edits = headers.iter().map(|text| text.parse().unwrap()).collect();
        Redactor::new(&target, &open, Some(r#"{"token":"m3ssage-t0ken"}"#))
    }

    #[test]
    fn a_secret_is_removed_wherever_it_turns_up() {
        let redactor = redactor(
            "ws://u:urlp4ss@h/ws?room=1&access_token=qu%65ry-secret",
            &[
                "Cookie: a=1; sid=c00kie-value",
                "Authorization: Bearer b3arer",
                "X-Api-Key: k3y-value",
            ],
        );
        for text in [
            "you sent c00kie-value",
            "hello b3arer",
            "{\"echo\":\"k3y-value\"}",
            "urlp4ss",
            "GET /ws?access_token=qu%65ry-secret HTTP/1.1",
            "decoded query-secret",
            "m3ssage-t0ken",
            "{\"access_token\": \"fresh-from-the-server\"}",
        ] {
            let safe = redactor.text(text);
            assert!(safe.contains(REDACTED), "{text} -> {safe}");
        }
        assert_eq!(redactor.text("room=1 is no secret"), "room=1 is no secret");
    }

    #[test]
    fn heads_lose_the_values_of_secret_headers() {
        let head = "HTTP/1.1 101 OK\r\nSet-Cookie: sid=xyz\r\nSec-WebSocket-Key: abc\r\nX-Auth-Token: q\r\n\r\n";
        assert_eq!(
            redactor("ws://h", &[]).head(head),
            "HTTP/1.1 101 OK\r\nSet-Cookie: [redacted]\r\nSec-WebSocket-Key: abc\r\nX-Auth-Token: [redacted]\r\n\r\n"
        );
    }
}
