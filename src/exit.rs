//! The exit codes: the whole table, and which error means which code.

use std::fmt;
use std::process::ExitCode;

use crate::connection::client::dial::DialError;
use crate::connection::http::HandshakeError;
use crate::connection::{OpenError, SocketError};

/// How the program ends. The discriminant is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// All went well.
    Success = 0,
    /// `probe-origin` has findings that count, or `bench` missed a threshold.
    Findings = 1,
    /// A usage error, or a configuration that cannot work.
    Usage = 2,
    /// The host name could not be resolved.
    Resolve = 3,
    /// No TCP or Unix socket connection.
    Connect = 4,
    /// The TLS handshake failed.
    Tls = 5,
    /// The proxy did not lead to the target.
    Proxy = 6,
    /// The server answered the opening handshake with a refusal, or with an
    /// answer that is not valid.
    Rejected = 7,
    /// The peer broke the protocol.
    Protocol = 8,
    /// A time limit has passed.
    Timeout = 9,
    /// What was expected did not come.
    Expectation = 10,
    /// The peer closed with a code other than 1000, 1001 or none, or without
    /// a Close frame.
    PeerClosed = 11,
    /// Reading or writing locally failed.
    LocalIo = 12,
    /// `probe-origin` could not tell.
    Inconclusive = 13,
    /// The target of `probe-origin` died.
    TargetDied = 14,
    /// Interrupted (Ctrl-C).
    Interrupted = 130,
    /// Terminated (SIGTERM).
    Terminated = 143,
}

/// The table, for the man page and for its test.
pub const TABLE: &[(ExitStatus, &str)] = &[
    (ExitStatus::Success, "success"),
    (
        ExitStatus::Findings,
        "findings of the severity that counts (probe-origin), or a missed threshold (bench)",
    ),
    (
        ExitStatus::Usage,
        "usage error, or a configuration that cannot work",
    ),
    (ExitStatus::Resolve, "the host name could not be resolved"),
    (ExitStatus::Connect, "no TCP or unix socket connection"),
    (ExitStatus::Tls, "the TLS handshake failed"),
    (ExitStatus::Proxy, "the proxy did not lead to the server"),
    (
        ExitStatus::Rejected,
        "the server rejected the upgrade, or its answer is not a valid one",
    ),
    (ExitStatus::Protocol, "the peer broke the protocol"),
    (ExitStatus::Timeout, "a time limit has passed"),
    (ExitStatus::Expectation, "what was expected did not come"),
    (
        ExitStatus::PeerClosed,
        "the peer closed with a code other than 1000, 1001 or none, or without a Close frame",
    ),
    (ExitStatus::LocalIo, "local input or output failed"),
    (
        ExitStatus::Inconclusive,
        "inconclusive: connected, and no answer that can be judged (probe-origin)",
    ),
    (ExitStatus::TargetDied, "the target died (probe-origin)"),
    (ExitStatus::Interrupted, "interrupted (SIGINT)"),
    (ExitStatus::Terminated, "terminated (SIGTERM)"),
];

impl ExitStatus {
    /// The code's number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// An error that a command has given an exit status of its own, because its
/// type alone does not tell it.
#[derive(Debug)]
pub struct Failure {
    /// The status to exit with.
    pub status: ExitStatus,
    /// One sentence: what failed, with what value, what to do next.
    pub message: String,
    /// What usually lies behind it, and what to try next.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with this status.
    pub fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            hint: None,
        }
    }

    /// The same failure with a hint.
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// A usage error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The hint that comes with an error, if one does.
pub fn hint_of(error: &anyhow::Error) -> Option<&str> {
    let failure = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>());
    failure.and_then(|failure| failure.hint.as_deref())
}

/// The status that an error of any command stands for.
pub fn status_of(error: &anyhow::Error) -> ExitStatus {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.status;
        }
        if let Some(error) = cause.downcast_ref::<OpenError>() {
            return status_of_open(error);
        }
        if let Some(error) = cause.downcast_ref::<SocketError>() {
            return status_of_socket(error);
        }
        if cause.downcast_ref::<std::io::Error>().is_some() {
            return ExitStatus::LocalIo;
        }
    }
    ExitStatus::Usage
}

/// The status that a connection which could not be opened stands for.
pub fn status_of_open(error: &OpenError) -> ExitStatus {
    match error {
        OpenError::Dial(DialError::Resolve { .. }) => ExitStatus::Resolve,
        OpenError::Dial(
            DialError::Connect { .. } | DialError::ConnectUnix { .. } | DialError::Interface { .. },
        ) => ExitStatus::Connect,
        OpenError::Dial(DialError::Tls(error)) if error.is_local() => ExitStatus::Usage,
        OpenError::Dial(DialError::Tls(_)) => ExitStatus::Tls,
        OpenError::Dial(DialError::Proxy(_)) => ExitStatus::Proxy,
        OpenError::Handshake(HandshakeError::Rejected(_)) => ExitStatus::Rejected,
        // Not an HTTP answer at all, or none: the peer does not speak HTTP.
        OpenError::Handshake(_) => ExitStatus::Protocol,
        OpenError::Redirect { .. } => ExitStatus::Rejected,
        OpenError::Redirected { source, .. } => status_of_open(source),
        OpenError::Timeout { .. } | OpenError::NotUp { .. } => ExitStatus::Timeout,
    }
}

fn status_of_socket(error: &SocketError) -> ExitStatus {
    match error {
        SocketError::Protocol(_)
        | SocketError::CloseCode(_)
        | SocketError::Utf8(_)
        | SocketError::Deflate(_) => ExitStatus::Protocol,
        // The peer kept the protocol; what it sent is over a local limit.
        SocketError::TooLarge { .. } => ExitStatus::Protocol,
        SocketError::KeepAliveTimeout(_)
        | SocketError::CloseTimeout(_)
        | SocketError::WriteTimeout(_) => ExitStatus::Timeout,
        SocketError::Lost | SocketError::Io(_) => ExitStatus::PeerClosed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_code_once_in_order() {
        let codes: Vec<_> = TABLE.iter().map(|(status, _)| status.code()).collect();
        assert_eq!(
            codes,
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 130, 143]
        );
    }

    #[test]
    fn the_cause_decides_even_under_context() {
        let error = anyhow::Error::from(SocketError::Lost).context("while waiting");
        assert_eq!(status_of(&error), ExitStatus::PeerClosed);
        let error = anyhow::Error::from(Failure::usage("no")).context("outer");
        assert_eq!(status_of(&error), ExitStatus::Usage);
    }
}
