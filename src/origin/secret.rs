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

/// The target without those secrets that stand in its query.
pub(crate) fn target_without(target: &Target, secrets: &[Secret]) -> Target {
    let mut target = target.clone();
    let Some((path, _)) = target.resource.wire().split_once('?') else {
        return target;
    };
    let names: Vec<&str> = secrets
        .iter()
        .filter_map(|secret| match secret {
            Secret::Parameter(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let kept: Vec<&str> = pairs(target.resource.wire())
        .filter(|pair| !names.iter().any(|name| is_named(pair, name)))
        .collect();
    target.resource = Resource::new(if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    });
    target
}

/// Takes those secrets out that stand in headers and subprotocols.
pub(crate) fn leave_out(open: &mut OpenConfig, secrets: &[Secret]) {
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
            let without = target_without(&target, &secrets);
            assert_eq!(without.resource.wire(), expected, "{resource}");
            let sent = secrets[0].is_sent(&target, &OpenConfig::default());
            assert_eq!(sent, resource != expected, "{resource}");
        }
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
        leave_out(&mut open, &secrets);
        assert_eq!(open.request.edits.len(), 1);
        assert_eq!(open.request.subprotocols, ["chat"]);
        assert!(!secrets.iter().any(|secret| secret.is_sent(&target, &open)));
        // The value is the secret.
        assert!(!secrets[1].to_string().contains("s3cret"));
    }
}
