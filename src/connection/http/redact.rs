//! Secrets, kept out of what is shown: one function over a head, through
//! which every request and response passes on its way to a person or a file.

use std::borrow::Cow;

/// The headers whose values prove who somebody is.
pub const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
];

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

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

/// Whether the value of the header called `name` is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.trim();
    SECRET_HEADERS
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// A head as text, without the values of [`SECRET_HEADERS`]. The scheme of an
/// authorization ("Basic", "Bearer") stays: it tells what was tried.
pub fn head(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let mut shown = String::with_capacity(text.len());
    let mut secret = false;
    for line in text.split_inclusive('\n') {
        // A line that starts with a blank goes on with the header above it
        // (obs-fold, RFC 9112 §5.2).
        if line.starts_with([' ', '\t']) {
            if !secret {
                shown.push_str(line);
            }
            continue;
        }
        match line.split_once(':') {
            Some((name, value)) if is_secret(name) => {
                secret = true;
                let end = &value[value.trim_end_matches(['\r', '\n']).len()..];
                shown.push_str(name);
                shown.push_str(": ");
                shown.push_str(&self::value(name, value));
                shown.push_str(end);
            }
            _ => {
                secret = false;
                shown.push_str(line);
            }
        }
    }
    shown
}

/// A header's value as it may be shown.
pub fn value<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if !is_secret(name) {
        return Cow::Borrowed(value);
    }
    let scheme = value.trim().split_once(' ').map(|(scheme, _)| scheme);
    let authorization = name.to_ascii_lowercase().ends_with("authorization");
    match scheme {
        Some(scheme)
            if authorization && KNOWN_SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) =>
        {
            Cow::Owned(format!("{scheme} {REDACTED}"))
        }
        _ => Cow::Borrowed(REDACTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let given = "GET / HTTP/1.1\r\nHost: h\r\nAUTHORIZATION: Basic dTpw\r\n\
            Cookie: a=1; b=2\r\nX-A: b:c\r\nproxy-authorization:tok\r\n dTpw\r\n\tmore\r\n\
            X-B: c\r\n folded\r\nSet-Cookie: s=1; Path=/\r\n\r\n";
        let shown = "GET / HTTP/1.1\r\nHost: h\r\nAUTHORIZATION: Basic [redacted]\r\n\
            Cookie: [redacted]\r\nX-A: b:c\r\nproxy-authorization: [redacted]\r\n\
            X-B: c\r\n folded\r\nSet-Cookie: [redacted]\r\n\r\n";
        assert_eq!(head(given.as_bytes()), shown);
    }

    #[test]
    fn a_secret_that_looks_like_a_scheme_is_not_shown() {
        assert_eq!(value("Cookie", "secret value"), REDACTED);
        assert_eq!(value("Authorization", "secret"), REDACTED);
        assert_eq!(value("Authorization", "secret word"), REDACTED);
        assert_eq!(value("Authorization", "Bearer abc"), "Bearer [redacted]");
        assert_eq!(value("X-Other", "abc"), "abc");
    }
}
