//! Secrets of an application that a page of the attacker's does not know: a
//! token in the URL, in a header or in the place of a subprotocol. Pure.
//!
//! A server that lets a probe in with them and refuses it without is guarded
//! by them, and not by its check of the origin.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::connection::http::HeaderEdit;
use crate::connection::{OpenConfig, Resource, Target};

/// One secret, by the place where it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Secret {
    /// The query parameter of this name.
    Parameter(String),
    /// The header of this name.
    Header(String),
    /// This subprotocol among those that are offered: the value itself.
    Subprotocol(String),
}

impl Secret {
    /// Whether an opening handshake sends it.
    pub(crate) fn is_sent(&self, target: &Target, open: &OpenConfig) -> bool {
        match self {
            Self::Parameter(name) => pairs(target.resource.wire()).any(|pair| is_named(pair, name)),
            Self::Header(name) => {
                let edits = open.request.edits.iter();
                let own = edits.filter(|edit| matches!(edit, HeaderEdit::Set { .. }));
                let by_flags = open.request.auth.headers(target);
                own.map(HeaderEdit::name)
                    .chain(by_flags.iter().map(|(name, _)| *name))
                    .any(|sent| sent.eq_ignore_ascii_case(name))
            }
            Self::Subprotocol(value) => open.request.subprotocols.contains(value),
        }
    }

    /// Whether a page can send a value of its own in its place.
    pub(crate) fn is_of_pages(&self) -> bool {
        !matches!(self, Self::Header(_))
    }

    /// Its value as it is sent, and decoded, so that no report shows it.
    pub(crate) fn values(&self, target: &Target, open: &OpenConfig) -> Vec<String> {
        match self {
            Self::Parameter(name) => pairs(target.resource.wire())
                .filter(|pair| is_named(pair, name))
                .filter_map(|pair| pair.split_once('='))
                .flat_map(|(_, value)| {
                    let decoded = percent_decode_str(value).decode_utf8_lossy();
                    [value.to_owned(), decoded.into_owned()]
                })
                .collect(),
            Self::Header(name) => {
                let edits = open.request.edits.iter();
                let own = edits.filter_map(|edit| match edit {
                    HeaderEdit::Set { name, value } => Some((name.as_str(), value.clone())),
                    HeaderEdit::Remove { .. } => None,
                });
                let by_flags = open.request.auth.headers(target);
                own.chain(by_flags)
                    .filter(|(sent, _)| sent.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value)
                    .collect()
            }
            Self::Subprotocol(value) => vec![value.clone()],
        }
    }
}

impl fmt::Display for Secret {
    /// Where it is sent. The value of a subprotocol is the secret, and not
    /// shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "the parameter '{name}'"),
            Self::Header(name) => write!(f, "the header '{name}'"),
            Self::Subprotocol(_) => f.write_str("the secret subprotocol"),
        }
    }
}

/// How the secrets are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sent<'a> {
    /// As the user gave them.
    AsGiven,
    /// Without these.
    Without(&'a [Secret]),
    /// Those that a page can send with a wrong value of the same form: it can put
    /// any parameter and any subprotocol into its handshake. It can set no
    /// headers; these are left out.
    Wrong(&'a [Secret]),
}

impl Sent<'_> {
    /// The target, where secrets stand in its query.
    pub(crate) fn target(self, target: &Target) -> Target {
        let mut target = target.clone();
        let (secrets, is_wrong) = match self {
            Self::AsGiven => return target,
            Self::Without(secrets) => (secrets, false),
            Self::Wrong(secrets) => (secrets, true),
        };
        let Some((path, _)) = target.resource.wire().split_once('?') else {
            return target;
        };
        let is_secret = |pair: &str| {
            let mut secrets = secrets.iter();
            secrets.any(|secret| matches!(secret, Secret::Parameter(name) if is_named(pair, name)))
        };
        let query: Vec<String> = pairs(target.resource.wire())
            .filter(|pair| is_wrong || !is_secret(pair))
            .map(|pair| match pair.split_once('=') {
                _ if !is_secret(pair) => pair.to_owned(),
                Some((name, value)) => format!("{name}={}", wrong(value)),
                None => format!("{pair}={}", wrong("")),
            })
            .collect();
        target.resource = Resource::new(if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", query.join("&"))
        });
        target
    }

    /// The request, where secrets stand in headers and subprotocols.
    pub(crate) fn request(self, open: &mut OpenConfig) {
        match self {
            Self::AsGiven => {}
            Self::Without(secrets) => leave_out(open, secrets),
            Self::Wrong(secrets) => {
                let (offered, headers): (Vec<_>, Vec<_>) = secrets
                    .iter()
                    .cloned()
                    .partition(|secret| matches!(secret, Secret::Subprotocol(_)));
                leave_out(open, &headers);
                for name in &mut open.request.subprotocols {
                    if offered.contains(&Secret::Subprotocol(name.clone())) {
                        *name = wrong(name);
                    }
                }
            }
        }
    }
}

/// Another value of the same form: as long, with letters for letters and digits
/// for digits.
fn wrong(value: &str) -> String {
    let shifted = |first: char, c: char, count: u8| {
        let place = (c as u8 - first as u8 + count / 2) % count;
        char::from(first as u8 + place)
    };
    let mut escaped = 0_i32;
    let other: String = value
        .chars()
        .map(|c| {
            // What is percent-encoded stays as it is.
            escaped = if c == '%' { 3 } else { escaped } - 1;
            match c {
                _ if c == '%' || escaped >= 0 && c.is_ascii_hexdigit() => c,
                '0'..='9' => shifted('0', c, 10),
                'a'..='z' => shifted('a', c, 26),
                'A'..='Z' => shifted('A', c, 26),
                _ => c,
            }
        })
        .collect();
    if other == value {
        format!("{other}x")
    } else {
        other
    }
}

/// Takes those secrets out that stand in headers and subprotocols.
fn leave_out(open: &mut OpenConfig, secrets: &[Secret]) {
    let request = &mut open.request;
    for secret in secrets {
        match secret {
            Secret::Parameter(_) => {}
            Secret::Header(name) => {
                request
                    .edits
                    .retain(|edit| !edit.name().eq_ignore_ascii_case(name));
                match name.to_ascii_lowercase().as_str() {
                    "authorization" => {
                        request.auth.authorization = None;
                        request.auth.netrc = None;
                    }
                    "cookie" => {
                        request.auth.cookies = None;
                        request.auth.jar = Default::default();
                    }
                    _ => {}
                }
            }
            Secret::Subprotocol(value) => request.subprotocols.retain(|offered| offered != value),
        }
    }
}

fn pairs(resource: &str) -> impl Iterator<Item = &str> {
    let query = resource.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter(|pair| !pair.is_empty())
}

fn is_named(pair: &str, name: &str) -> bool {
    let written = pair.split_once('=').map_or(pair, |(name, _)| name);
    percent_decode_str(written).decode_utf8_lossy() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_parameter_is_left_out_of_the_url_and_nothing_else() {
        for (resource, name, expected) in [
            ("/ws?token=x", "token", "/ws"),
            ("/ws?a=1&token=x&b=2", "token", "/ws?a=1&b=2"),
            ("/ws?tok%65n=x&tokens=y", "token", "/ws?tokens=y"),
            ("/ws?token", "token", "/ws"),
            ("/ws?token=x&token=y", "token", "/ws"),
            ("/token", "token", "/token"),
            ("/ws?a=token", "token", "/ws?a=token"),
        ] {
            let target: Target = format!("ws://h{resource}").parse().unwrap();
            let secrets = [Secret::Parameter(name.into())];
            let without = Sent::Without(&secrets).target(&target);
            assert_eq!(without.resource.wire(), expected, "{resource}");
            let sent = secrets[0].is_sent(&target, &OpenConfig::default());
            assert_eq!(sent, resource != expected, "{resource}");
        }
    }

    #[test]
    fn a_wrong_secret_has_the_form_of_the_right_one() {
        for (resource, expected) in [
            ("/ws?token=abc123", "/ws?token=nop678"),
            ("/ws?a=1&token=A%2Fz&b=2", "/ws?a=1&token=N%2Fm&b=2"),
            ("/ws?token=", "/ws?token=x"),
            ("/ws?token", "/ws?token=x"),
            ("/ws?token=--", "/ws?token=--x"),
            ("/ws?a=token", "/ws?a=token"),
        ] {
            let target: Target = format!("ws://h{resource}").parse().unwrap();
            let secrets = [Secret::Parameter("token".into())];
            let wrong = Sent::Wrong(&secrets).target(&target);
            assert_eq!(wrong.resource.wire(), expected, "{resource}");
        }
        let mut open = OpenConfig::default();
        open.request.edits = vec![HeaderEdit::set("X-CSRF", "abc").unwrap()];
        open.request.subprotocols = vec!["chat".into(), "s3cret".into()];
        let secrets = [
            Secret::Header("x-csrf".into()),
            Secret::Subprotocol("s3cret".into()),
        ];
        Sent::Wrong(&secrets).request(&mut open);
        assert_eq!(open.request.subprotocols, ["chat", "f8perg"]);
        // No page can send it.
        assert!(open.request.edits.is_empty());
    }

    #[test]
    fn secret_headers_and_subprotocols_are_left_out() {
        let target: Target = "ws://h/".parse().unwrap();
        let mut open = OpenConfig::default();
        open.request.edits = vec![
            HeaderEdit::set("X-CSRF", "abc").unwrap(),
            HeaderEdit::set("X-Other", "1").unwrap(),
        ];
        open.request.subprotocols = vec!["chat".into(), "s3cret".into()];
        let secrets = [
            Secret::Header("x-csrf".into()),
            Secret::Subprotocol("s3cret".into()),
        ];
        assert!(secrets.iter().all(|secret| secret.is_sent(&target, &open)));
        Sent::Without(&secrets).request(&mut open);
        assert_eq!(open.request.edits.len(), 1);
        assert_eq!(open.request.subprotocols, ["chat"]);
        assert!(!secrets.iter().any(|secret| secret.is_sent(&target, &open)));
        // The value is the secret.
        assert!(!secrets[1].to_string().contains("s3cret"));
    }
}
