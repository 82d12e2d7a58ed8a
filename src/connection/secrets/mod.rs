//! What may not be shown: the one place that knows which parts of a head, of
//! a URL or of a text are secrets, and what stands in their place.
//!
//! Two rules hold together. What is *named* like a secret is one: a header, a
//! parameter of a query, a user name and password in a URL; and where there is no
//! name, as in a path, what is *shaped* like one. And what is
//! *known* to be a secret of this run, since it was given as one, is removed
//! wherever it turns up, such as in an answer that repeats it.
//!
//! What must pass through here has no `Display` of its own: a head is a
//! [`RawHead`], which gives its text to a [`Secrets`] alone. A
//! [`Target`](super::Target) and a [`Resource`](super::Resource) show
//! themselves without secrets.
//!
//! Messages are not touched: they are the data that a user asks for. A leaf:
//! it imports nothing of ours.

mod cut;
mod name;
mod path;
mod subprotocol;
mod url;
mod word;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use regex::{Captures, Regex};

pub(crate) use self::name::secret_names;
pub(crate) use self::word::REDACTED;

/// Shorter values are no secrets, and their removal would riddle the text.
const MIN_SECRET_BYTES: usize = 4;

/// A reason of a Close of so many bytes is at its limit of 123 (RFC 6455 §5.5), less a
/// character that did not fit.
const FULL_REASON_BYTES: usize = 120;

/// So much more than is shown of a text is looked into, to find what is cut.
const BEYOND_CUT_BYTES: usize = 1 << 10;

/// So many previews of what a peer sent are looked into in one sentence.
const MAX_PREVIEWS: usize = 4;

/// Schemes of authorization that may be shown. Any other first word could be
/// the secret itself.
const KNOWN_SCHEMES: &[&str] = &[
    "basic",
    "bearer",
    "digest",
    "negotiate",
    "ntlm",
    "token",
    "apikey",
];

/// The head of a request or of an answer, as it went over the wire. Neither
/// `Debug` nor `Display` shows it: [`Secrets::head`] does.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RawHead(Bytes);

impl RawHead {
    /// These bytes.
    pub fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes, to be parsed or sent, not to be shown.
    pub fn wire(&self) -> &Bytes {
        &self.0
    }

    /// Its first `limit_bytes` bytes.
    #[must_use]
    pub fn cut(&self, limit_bytes: usize) -> Self {
        Self(self.0.slice(..limit_bytes.min(self.0.len())))
    }
}

impl fmt::Debug for RawHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawHead({} bytes)", self.0.len())
    }
}

/// The secrets of a run, and whether they are shown all the same. The default
/// knows none by value, and finds those that are named like one.
#[derive(Clone, Default)]
pub struct Secrets {
    shown: bool,
    /// The values to remove wherever they turn up, the longest first.
    known: Arc<[String]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("shown", &self.shown)
            .field("known", &self.known.len())
            .finish()
    }
}

impl Secrets {
    /// Shows everything: the user has asked for it.
    pub fn shown() -> Self {
        Self {
            shown: true,
            ..Self::default()
        }
    }

    /// These values, too, are secrets.
    #[must_use]
    pub fn and_known(self, values: impl IntoIterator<Item = String>) -> Self {
        let mut known: Vec<_> = self.known.iter().cloned().chain(values).collect();
        known.retain(|secret| {
            let scheme = KNOWN_SCHEMES
                .iter()
                .any(|scheme| secret.eq_ignore_ascii_case(scheme));
            secret.len() >= MIN_SECRET_BYTES && !scheme
        });
        known.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        known.dedup();
        Self {
            known: known.into(),
            ..self
        }
    }

    /// The same, and everything is shown if `shown`.
    #[must_use]
    pub fn show_if(self, shown: bool) -> Self {
        Self { shown, ..self }
    }

    /// A head as text. One without an empty line at its end is not whole, and may
    /// end inside a secret.
    pub fn head(&self, head: &RawHead) -> String {
        let wire = head.wire();
        let text = String::from_utf8_lossy(wire);
        let is_whole = [&b"\n\n"[..], b"\n\r\n", b"\r\r"]
            .iter()
            .any(|end| wire.ends_with(end));
        match is_whole {
            true => self.head_text(&text),
            false => self.head_text(&self.without_beginning(&text)),
        }
    }

    /// A header's value.
    pub fn header<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        if self.shown {
            return Cow::Borrowed(value);
        }
        if name.trim().eq_ignore_ascii_case("sec-websocket-protocol") {
            return self.subprotocols(value);
        }
        if !name::is_secret_header(name) {
            return Cow::Owned(self.text(value));
        }
        let scheme = value.trim().split_once(' ').map(|(scheme, _)| scheme);
        let authorization = name.trim().to_ascii_lowercase().ends_with("authorization");
        match scheme {
            Some(scheme)
                if authorization
                    && KNOWN_SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) =>
            {
                Cow::Owned(format!("{scheme} {REDACTED}"))
            }
            _ => Cow::Borrowed(REDACTED),
        }
    }

    /// A list of subprotocols, or the chosen one: browsers can send a token in
    /// no other place.
    pub fn subprotocols<'a>(&self, list: &'a str) -> Cow<'a, str> {
        if self.shown {
            return Cow::Borrowed(list);
        }
        let shown: Vec<_> = subprotocol::parts(list)
            .map(|(kept, secret)| match secret {
                Some(_) => format!("{kept}{REDACTED}"),
                None => self.without_known(kept).into_owned(),
            })
            .collect();
        Cow::Owned(shown.join(", "))
    }

    /// A URL, also one that is not valid: without user name and password, without
    /// the tokens in its path and the values of secret parameters.
    pub fn url(&self, url: &str) -> String {
        if self.shown {
            return url.to_owned();
        }
        let bare = url::without_userinfo(url);
        let safe = url::without_secret_parameters(&bare);
        let safe = path::without_tokens(&safe);
        self.without_known(&safe).into_owned()
    }

    /// A text without the values that are known: what is named like a secret is
    /// gone already, or is meant to be read.
    pub(crate) fn values<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.without_known(text)
    }

    /// A text that was cut, or of which no more came: it may end inside a secret.
    pub fn cut_text(&self, text: &str) -> String {
        self.text(&self.without_beginning(text))
    }

    /// The reason of a Close, into which a peer may have fitted what it could.
    pub fn reason(&self, reason: &str) -> String {
        match reason.len() >= FULL_REASON_BYTES {
            true => self.cut_text(reason),
            false => self.text(reason),
        }
    }

    /// The first `limit_bytes` bytes of what a peer sent, as text, with dots where it
    /// goes on. It is cut when the secrets are out.
    pub(crate) fn beginning(&self, bytes: &[u8], limit_bytes: usize) -> String {
        let window = bytes.get(..limit_bytes.saturating_add(BEYOND_CUT_BYTES));
        let text = String::from_utf8_lossy(window.unwrap_or(bytes));
        let mut safe = match window {
            Some(_) => self.cut_text(&text),
            None => self.text(&text),
        };
        if bytes.len() > limit_bytes {
            safe.truncate(safe.floor_char_boundary(limit_bytes));
            safe.push_str("...");
        }
        safe
    }

    /// A text that may repeat secrets: an error, a reason, evidence.
    pub fn text(&self, text: &str) -> String {
        if self.shown {
            return text.to_owned();
        }
        let safe = self.without_known(text);
        let safe = self.without_beginnings_of_previews(&safe);
        let safe = USERINFO.replace_all(&safe, format!("${{1}}{REDACTED}@"));
        let safe = url::without_secret_parameters(&safe);
        let safe = path::without_tokens(&safe);
        let safe = MEMBER.replace_all(&safe, |found: &Captures<'_>| {
            let before = found.name("before").map_or("", |m| m.as_str());
            match found.name("name") {
                Some(name) if name::is_secret_member(name.as_str()) => {
                    format!("{before}{REDACTED}")
                }
                _ => found[0].to_owned(),
            }
        });
        let safe = SCHEME.replace_all(&safe, format!("${{1}}{REDACTED}"));
        JWT.replace_all(&safe, REDACTED).into_owned()
    }

    fn head_text(&self, head: &str) -> String {
        if self.shown {
            return head.to_owned();
        }
        let mut shown = String::with_capacity(head.len());
        let mut folds_secret = false;
        // A head may end its lines by LF alone, and a hostile one by CR.
        for (content, end) in lines(head) {
            let folded = content.starts_with([' ', '\t']);
            if content.is_empty() {
                shown.push_str(end);
                continue;
            }
            match content.split_once(':') {
                Some((name, value)) if is_token(name.trim()) => {
                    if folded && folds_secret {
                        continue;
                    }
                    folds_secret = name::is_secret_header(name);
                    let safe = self.header(name, value);
                    let blank = match safe.starts_with([' ', '\t']) || safe.is_empty() {
                        true => "",
                        false => " ",
                    };
                    shown.push_str(&format!("{name}:{blank}{safe}"));
                }
                // It goes on with the header above (obs-fold, RFC 9112 §5.2).
                _ if folded && folds_secret => continue,
                _ => {
                    folds_secret &= folded;
                    shown.push_str(&self.text(content));
                }
            }
            shown.push_str(end);
        }
        shown
    }

    /// A text that ends where it was cut.
    fn without_beginning<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.shown {
            true => Cow::Borrowed(text),
            false => cut::without_beginning(text, &self.known).map_or(text.into(), Cow::Owned),
        }
    }

    /// Our sentences quote the first bytes of an answer, which end inside a secret as
    /// well: `"220 SES…"`, or `"HTTP/1.1 2"` at the end.
    fn without_beginnings_of_previews<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let (mut kept, mut after) = (text, String::new());
        let ends = text
            .rmatch_indices('…')
            .filter(|(at, dots)| text[at + dots.len()..].starts_with(['"', '\'']))
            .take(MAX_PREVIEWS);
        let last = text.strip_suffix('"').map(str::len);
        for end in last.into_iter().chain(ends.map(|(at, _)| at)) {
            // From the last one on, so that all before it is as it was.
            let Some((front, behind)) = kept.split_at_checked(end) else {
                continue;
            };
            if let Some(shown) = cut::without_beginning(front, &self.known) {
                after = format!("{REDACTED}{behind}{after}");
                kept = &text[..shown.len() - REDACTED.len()];
            }
        }
        match after.is_empty() {
            true => Cow::Borrowed(text),
            false => Cow::Owned(format!("{kept}{after}")),
        }
    }

    fn without_known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut safe = Cow::Borrowed(text);
        for secret in self.known.iter() {
            if safe.contains(secret.as_str()) {
                safe = Cow::Owned(safe.replace(secret.as_str(), REDACTED));
            }
        }
        safe
    }
}

/// The lines of a head, each with what ends it.
fn lines(head: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = head;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let (content, after) = rest.split_at(length);
        let end = match after {
            after if after.starts_with("\r\n") => 2,
            "" => 0,
            _ => 1,
        };
        let (end, after) = after.split_at(end);
        rest = after;
        Some((content, end))
    })
}

/// Whether the value of the header called `name` is a secret.
pub(crate) fn is_secret_header(name: &str) -> bool {
    name::is_secret_header(name)
}

/// The secrets in a header: its value, and what that is made of.
pub(crate) fn in_header(name: &str, value: &str) -> Vec<String> {
    if name.trim().eq_ignore_ascii_case("sec-websocket-protocol") {
        return subprotocol::parts(value)
            .filter_map(|(_, secret)| secret.map(ToOwned::to_owned))
            .collect();
    }
    if !is_secret_header(name) {
        return Vec::new();
    }
    let mut secrets = vec![value.to_owned()];
    // `Bearer TOKEN`, `a=1; b=2`
    for part in value.split([' ', ';', ',']).map(str::trim) {
        let secret = part
            .split_once('=')
            .filter(|(_, value)| !value.trim_matches('=').is_empty())
            .map_or(part, |(_, value)| value);
        secrets.push(secret.to_owned());
    }
    secrets.extend(basic_password(value));
    secrets
}

/// A path and a query as they may be shown.
pub(super) fn resource(resource: &str) -> Cow<'_, str> {
    let safe = url::without_secret_parameters(resource);
    match path::without_tokens(&safe) {
        Cow::Borrowed(_) => safe,
        Cow::Owned(shown) => Cow::Owned(shown),
    }
}

/// The secrets in a resource: the tokens in its path, and in its query, also in that
/// of a URL within it, as written and decoded.
pub(crate) fn in_resource(resource: &str) -> Vec<String> {
    url::secrets_in(resource)
}

/// The secrets in a message, by the names of its members.
pub(crate) fn in_text(text: &str) -> Vec<String> {
    MEMBER
        .captures_iter(text)
        .filter(|found| {
            let name = found.name("name").map_or("", |name| name.as_str());
            name::is_secret_member(name)
        })
        .filter_map(|found| found.name("value").map(|value| value.as_str().to_owned()))
        .collect()
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

/// RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// `"token": "value"` in JSON, `token="value"` in a challenge.
static MEMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        (?<before> "? \b (?<name> [\w\-.]{2,40} ) "? \s*[:=]\s* " ) (?<value> [^"]{4,} )
        "#,
    )
});

/// The scheme of an authorization, and what follows it.
static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/\-]{8,}=*"));

/// A JSON Web Token: its header begins with `{"`.
static JWT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"));

/// `scheme://user:password@`, and what browsers take for it.
static USERINFO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)((?:\b[a-z][a-z0-9+.\-]*:[/\\]{1,2}|[/\\]{2}))(?:[^\s/?#@']*:[^\s/?#']*|[^\s/?#@':]+)@",
    )
});

#[expect(clippy::expect_used, reason = "constant patterns, held by tests")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is valid")
}

#[cfg(test)]
mod tests;
