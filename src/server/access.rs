//! Who is let in: credentials that requests have to show. Of the secrets themselves
//! nothing is kept.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use ring::digest::{Digest, SHA256, digest};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Credentials that let a request in.
#[derive(Clone)]
pub struct Credential {
    scheme: Scheme,
    /// Of `user:password`, or of the token.
    digest: Digest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Basic,
    Bearer,
}

/// Why a string names no credentials. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CredentialError {
    /// It begins with neither scheme.
    #[error("write basic:USER:PASSWORD, bearer:TOKEN, or @FILE with a line of that")]
    Scheme,
    /// There is nothing to be kept secret.
    #[error("the password or token is empty; nobody would be kept out by it")]
    Empty,
}

impl FromStr for Credential {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let (scheme, secret) = match text.split_once(':') {
            Some(("basic", pair)) => (Scheme::Basic, pair),
            Some(("bearer", token)) => (Scheme::Bearer, token),
            _ => return Err(CredentialError::Scheme),
        };
        let kept_secret = match scheme {
            Scheme::Basic => secret.split_once(':').ok_or(CredentialError::Scheme)?.1,
            Scheme::Bearer => secret,
        };
        if kept_secret.is_empty() {
            return Err(CredentialError::Empty);
        }
        Ok(Self::new(scheme, secret.as_bytes()))
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Credential").field(&self.scheme).finish()
    }
}

impl Credential {
    /// A token alone.
    pub(crate) fn bearer(token: &str) -> Self {
        Self::new(Scheme::Bearer, token.as_bytes())
    }

    fn new(scheme: Scheme, secret: &[u8]) -> Self {
        Self {
            scheme,
            digest: digest(&SHA256, secret),
        }
    }

    /// What the value of an `Authorization` shows; `None` for another scheme.
    fn shown(value: &HeaderValue) -> Option<Self> {
        let value = value.to_str().ok()?;
        let (scheme, secret) = value.trim().split_once(' ')?;
        let secret = secret.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::bearer(secret));
        }
        let pair = STANDARD.decode(secret).ok()?;
        scheme
            .eq_ignore_ascii_case("basic")
            .then(|| Self::new(Scheme::Basic, &pair))
    }

    /// In a time that tells nothing of where they differ.
    fn is(&self, other: &Self) -> bool {
        let same: bool = self.digest.as_ref().ct_eq(other.digest.as_ref()).into();
        same && self.scheme == other.scheme
    }
}

/// The credentials of which a request has to show one; by default none.
#[derive(Debug, Clone, Default)]
pub struct Access(Vec<Credential>);

impl FromIterator<Credential> for Access {
    fn from_iter<T: IntoIterator<Item = Credential>>(credentials: T) -> Self {
        Self(credentials.into_iter().collect())
    }
}

impl Access {
    /// Whether requests with these headers are let in.
    pub(crate) fn allows(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(Credential::shown);
        self.0.is_empty() || shown.is_some_and(|shown| self.0.iter().any(|known| known.is(&shown)))
    }

    /// What a refusal asks for, in `WWW-Authenticate`.
    pub(crate) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let has = |scheme| self.0.iter().any(|known| known.scheme == scheme);
        let basic = has(Scheme::Basic).then_some("Basic realm=\"wscli\", charset=\"UTF-8\"");
        let bearer = has(Scheme::Bearer).then_some("Bearer realm=\"wscli\"");
        [basic, bearer]
            .into_iter()
            .flatten()
            .map(HeaderValue::from_static)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_lets_in_who_shows_one_of_the_credentials() {
        let access: Access = ["basic:me:pass:word", "bearer:token"]
            .map(|text| text.parse().unwrap())
            .into_iter()
            .collect();
        for (value, expected) in [
            (None, false),
            (Some("Bearer token"), true),
            (Some("bearer  token"), true),
            (Some("Bearer token2"), false),
            (Some("Bearer me:pass:word"), false),
            // me:pass:word, and the same with another end
            (Some("Basic bWU6cGFzczp3b3Jk"), true),
            (Some("Basic bWU6cGFzczp3b3Jr"), false),
            (Some("Basic dG9rZW4="), false),
            (Some("Basic %"), false),
            (Some("token"), false),
            (Some("Digest token"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(AUTHORIZATION, value.parse().unwrap());
            }
            assert_eq!(access.allows(&headers), expected, "{value:?}");
            assert!(Access::default().allows(&headers));
        }
        assert_eq!(
            format!("{access:?}"),
            "Access([Credential(Basic), Credential(Bearer)])"
        );
    }

    #[test]
    fn auth_that_keeps_nobody_out_is_refused_and_never_repeated() {
        for (text, expected) in [
            ("token", CredentialError::Scheme),
            ("digest:a:b", CredentialError::Scheme),
            ("basic:me", CredentialError::Scheme),
            ("basic:me:", CredentialError::Empty),
            ("bearer:", CredentialError::Empty),
        ] {
            let error = text.parse::<Credential>().unwrap_err();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("digest"));
        }
    }
}
