//! Why the lab answers with something else than 101. A leaf.

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use thiserror::Error;

/// Why the lab answers with something else than 101.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LabError {
    /// The route or its query cannot be understood.
    #[error("the fault lab does not understand {0}; GET /lab lists what it does")]
    Malformed(String),
    /// An answer was asked for.
    #[error("the fault lab answers with {}, as asked for", .0.status)]
    Answer(Box<LabAnswer>),
    /// Chance has it so.
    #[error("chaos refuses this handshake")]
    Chance,
    /// The fault is one of compression.
    #[error("this route wants a client that offers permessage-deflate")]
    NoDeflate,
    /// The credentials are missing or wrong.
    #[error("credentials are missing or wrong; this path wants {0}")]
    Unauthorized(&'static str),
}

/// An answer of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// In the place of the sentence that says why.
    pub(crate) body: Option<String>,
}

impl LabError {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::NoDeflate => StatusCode::BAD_REQUEST,
            Self::Answer(answer) => answer.status,
            Self::Chance => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
        }
    }

    /// The headers of the answer, besides those of its body.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let challenge = |scheme| vec![(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme))];
        match self {
            Self::Answer(answer) => {
                let mut headers = answer.headers.clone();
                if answer.status == StatusCode::UNAUTHORIZED {
                    headers.extend(challenge("Basic"));
                }
                headers
            }
            Self::Unauthorized(scheme) => challenge(scheme),
            Self::Malformed(_) | Self::NoDeflate | Self::Chance => Vec::new(),
        }
    }

    /// The body of the answer, where one was asked for.
    pub(crate) fn body(&self) -> Option<&str> {
        match self {
            Self::Answer(answer) => answer.body.as_deref(),
            _ => None,
        }
    }
}
