//! Why a connection could not be opened. A leaf of its room.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::connection::client::dial::DialError;
use crate::connection::http::redirect::RedirectError;
use crate::connection::http::{HandshakeError, Rejection};
use crate::connection::net::target::Target;

/// A connection that could not be opened: why, and what came before that.
#[derive(Debug)]
pub struct OpenFailure {
    /// The failure itself; the last one, where the server was waited for.
    pub cause: Box<OpenError>,
    /// Where the last redirect that was followed led to.
    pub redirected_to: Option<Box<Target>>,
    /// How long the server was waited for, if that time is over.
    pub waited: Option<Duration>,
}

/// What failed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No transport could be had.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The opening handshake failed.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The limit for all phases together has passed.
    #[error("{} within {after:?}", match connected {
        false => "no connection to the server",
        true => "no answer to the opening handshake",
    })]
    Timeout {
        /// The limit.
        after: Duration,
        /// Whether the transport was connected by then.
        connected: bool,
    },
    /// A redirect that is not followed although redirects are.
    #[error("{cause}")]
    Redirect {
        /// Why it is not.
        cause: RedirectError,
        /// The answer.
        rejection: Box<Rejection>,
    },
}

impl OpenFailure {
    /// Whether this side is to blame, so that another attempt fails as well.
    pub fn is_local(&self) -> bool {
        matches!(&*self.cause, OpenError::Dial(DialError::Tls(error)) if error.is_local())
    }

    /// The answer that opened no WebSocket, where there was one.
    pub fn rejection(&self) -> Option<&Rejection> {
        match &*self.cause {
            OpenError::Handshake(HandshakeError::Rejected(rejection))
            | OpenError::Redirect { rejection, .. } => Some(rejection),
            _ => None,
        }
    }
}

impl<E: Into<OpenError>> From<E> for OpenFailure {
    fn from(cause: E) -> Self {
        Self {
            cause: Box::new(cause.into()),
            redirected_to: None,
            waited: None,
        }
    }
}

impl fmt::Display for OpenFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(after) = self.waited {
            write!(f, "the server was not up within {after:?}: ")?;
        }
        // A redirect tells where it leads by itself.
        match (&self.redirected_to, &*self.cause) {
            (Some(to), cause) if !matches!(cause, OpenError::Redirect { .. }) => {
                write!(f, "after the redirect to {to}: {cause}")
            }
            (_, cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for OpenFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}
