//! The lab's part in the opening handshake: refusals, credentials, delays.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

/// What is done in the opening handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opening {
    /// How long the answer 101 waits.
    pub(crate) wait: Duration,
    /// Who is let in; `None` is everybody.
    pub(crate) credentials: Option<Credentials>,
    /// The answer in place of 101.
    pub(crate) refusal: Option<LabError>,
    /// Whether `Sec-WebSocket-Accept` is wrong.
    pub(crate) bad_accept: bool,
}

/// What a client has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A name and a password.
    Basic(String, String),
    /// A token.
    Bearer(String),
}

/// Why the lab answers with something else than 101.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LabError {
    /// The route or its query cannot be understood.
    #[error("the fault lab does not understand {0}; GET /lab lists what it does")]
    Malformed(String),
    /// A status was asked for.
    #[error("the fault lab answers with {0}, as asked for")]
    Status(StatusCode),
    /// A redirect was asked for.
    #[error("the fault lab redirects to {0}, as asked for")]
    Redirect(String),
    /// The credentials are missing or wrong.
    #[error("credentials are missing or wrong; this path wants {0}")]
    Unauthorized(&'static str),
}

impl LabError {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Status(status) => *status,
            Self::Redirect(_) => StatusCode::FOUND,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
        }
    }

    /// The headers of the answer, besides those of its body.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let (name, value) = match self {
            Self::Redirect(path) => (header::LOCATION, path.as_str()),
            Self::Unauthorized(scheme) => (header::WWW_AUTHENTICATE, *scheme),
            Self::Status(StatusCode::UNAUTHORIZED) => (header::WWW_AUTHENTICATE, "Basic"),
            Self::Status(_) | Self::Malformed(_) => return Vec::new(),
        };
        let value = HeaderValue::from_str(value);
        value.map(|value| vec![(name, value)]).unwrap_or_default()
    }
}

impl Opening {
    /// Whether a request with these headers gets as far as its handshake.
    ///
    /// # Errors
    /// What is answered instead.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), LabError> {
        if let Some(credentials) = &self.credentials {
            credentials.check(headers)?;
        }
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// Makes the headers of a 101 answer wrong, where that is wanted.
    pub(crate) fn corrupt_accept(&self, headers: &mut [(HeaderName, HeaderValue)]) {
        if !self.bad_accept {
            return;
        }
        for (name, value) in headers {
            if *name == header::SEC_WEBSOCKET_ACCEPT {
                *value = HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
            }
        }
    }
}

impl Credentials {
    fn check(&self, headers: &HeaderMap) -> Result<(), LabError> {
        let (scheme, challenge, secret) = match self {
            Self::Basic(user, password) => (
                "basic",
                "Basic realm=\"lab\"",
                STANDARD.encode(format!("{user}:{password}")),
            ),
            Self::Bearer(token) => ("bearer", "Bearer", token.clone()),
        };
        let sent = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '));
        match sent {
            Some((sent_scheme, sent))
                if sent_scheme.eq_ignore_ascii_case(scheme) && sent.trim() == secret =>
            {
                Ok(())
            }
            _ => Err(LabError::Unauthorized(challenge)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_credentials_are_compared() {
        let basic = Credentials::Basic("u".into(), "p:w".into());
        let bearer = Credentials::Bearer("t".into());
        for (credentials, sent, is_let_in) in [
            (&basic, "Basic dTpwOnc=", true),
            (&basic, "basic  dTpwOnc=", true),
            (&basic, "Basic dTpw", false),
            (&basic, "", false),
            (&bearer, "Bearer t", true),
            (&bearer, "Bearer T", false),
            (&bearer, "Basic t", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(sent));
            assert_eq!(credentials.check(&headers).is_ok(), is_let_in, "{sent}");
        }
    }
}
