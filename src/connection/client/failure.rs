//! Why a connection could not be opened. A leaf of its room.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::connection::client::dial::DialError;
use crate::connection::client::reached::{Phase, Reached, Stuck};
use crate::connection::http::head::beginning;
use crate::connection::http::redirect::{Hop, RedirectError};
use crate::connection::http::{HandshakeError, Rejection, Response};
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
    /// The redirects that were followed.
    pub redirects: Vec<Hop>,
    /// How far the attempt had come.
    pub reached: Box<Reached>,
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
    #[error("{}", timed_out(*after, stuck))]
    Timeout {
        /// The limit.
        after: Duration,
        /// Where it was by then.
        stuck: Box<Stuck>,
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

    /// The answer that came in place of a connection, the server's or the
    /// proxy's.
    pub fn answer(&self) -> Option<&Response> {
        match (self.rejection(), &*self.cause) {
            (Some(rejection), _) => Some(&rejection.response),
            (None, OpenError::Dial(DialError::Proxy(error))) => error.response(),
            (None, _) => None,
        }
    }
}

/// What did not come in time, and what did of it.
fn timed_out(after: Duration, stuck: &Stuck) -> String {
    let proxy = stuck.proxy.as_deref();
    let begun = stuck.received_bytes;
    match stuck.phase {
        Phase::Dns => format!("the name was not resolved within {after:?}"),
        Phase::Tcp => match proxy {
            None => format!("no connection to the server within {after:?}"),
            Some(proxy) => format!("no connection to the proxy {proxy} within {after:?}"),
        },
        Phase::Proxy => {
            let proxy = proxy.unwrap_or("in between");
            format!("the proxy {proxy} did not connect through within {after:?}")
        }
        Phase::Tls if begun == 0 => format!("no answer to the TLS handshake within {after:?}"),
        Phase::Tls => format!(
            "the TLS handshake was not done within {after:?}; {} of the server's part came",
            bytes(begun)
        ),
        Phase::Upgrade if begun > 0 => format!(
            "no whole answer to the opening handshake within {after:?}; {} of it came: {}",
            bytes(begun),
            beginning(&stuck.received)
        ),
        Phase::Upgrade if stuck.interim > 0 => format!(
            "no final answer to the opening handshake within {after:?}, but {} interim (1xx)",
            stuck.interim
        ),
        Phase::Upgrade => format!("no answer to the opening handshake within {after:?}"),
    }
}

fn bytes(count: usize) -> String {
    match count {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    }
}

impl<E: Into<OpenError>> From<E> for OpenFailure {
    fn from(cause: E) -> Self {
        Self {
            cause: Box::new(cause.into()),
            redirected_to: None,
            waited: None,
            redirects: Vec::new(),
            reached: Box::default(),
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
