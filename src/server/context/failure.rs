//! Why a connection has failed, or was refused, before it had a request that could be
//! answered.

use thiserror::Error;

/// Why a connection has failed before it had a request that could be answered.
#[derive(Debug, Error)]
pub enum RequestFailure {
    /// The head of the request is too large; 431 or 414 was answered.
    #[error("the head of its request is too large: {0}")]
    HeadTooLarge(#[source] hyper::Error),
    /// The client speaks TLS, and the port does not.
    #[error(
        "the client speaks TLS and this port does not; give --tls-cert or --tls-self-signed, \
         or connect with ws://"
    )]
    SpeaksTls,
    /// A proxy that has to say who its client is does not.
    #[error(transparent)]
    Proxy(#[from] ProxyHeaderError),
    /// No HTTP, half a request, a failing transport.
    #[error("{}", with_cause(.0))]
    Http(#[source] hyper::Error),
}

/// An error of hyper with what lies behind it.
fn with_cause(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Why a proxy's connection cannot be used.
#[derive(Debug, Error)]
pub enum ProxyHeaderError {
    /// It begins with something else.
    #[error("the proxy sent no PROXY header; let it send one, or leave out --proxy-protocol")]
    Missing,
    /// It is not valid.
    #[error("the proxy's PROXY header is not valid: {0}")]
    Invalid(String),
    /// It is longer than any that would be.
    #[error("the proxy's PROXY header is longer than any that is valid")]
    TooLong,
    /// It did not come in time, or not whole.
    #[error("the proxy's PROXY header did not come")]
    Cut,
}

/// Of what there is too little for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Its address has its share.
    OfAddress,
    /// The server has all it can have.
    OfServer,
}
