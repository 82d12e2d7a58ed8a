//! The exit codes: the whole table, and which error means which code.

use std::fmt;
use std::panic::{UnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::connection::client::dial::DialError;
use crate::connection::http::HandshakeError;
use crate::connection::net::tcp::TcpError;
use crate::connection::{OpenError, OpenFailure, SocketError};

/// Declares the exit codes: each with its number, the commands that can end with
/// it, and what it means, in the words of `--help`, the man pages and README.
macro_rules! exit_statuses {
    ($($name:ident = $code:literal, $commands:expr, $meaning:literal;)*) => {
        /// How the program ends. The discriminant is the exit code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum ExitStatus {
            $(#[doc = $meaning] $name = $code,)*
        }

        impl ExitStatus {
            /// Every one, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }

            /// The names of the commands that can end with it.
            pub const fn commands(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => $commands,)*
                }
            }
        }
    };
}

const ANY: &[&str] = &["connect", "serve", "probe-origin", "bench"];
const CLIENTS: &[&str] = &["connect", "probe-origin", "bench"];
const TALKERS: &[&str] = &["connect", "bench"];

exit_statuses! {
    Success = 0, ANY, "success";
    Findings = 1, &["probe-origin", "bench"],
        "findings of the severity that counts (probe-origin), or a missed threshold (bench)";
    Usage = 2, ANY, "usage error, or a configuration that cannot work";
    Resolve = 3, CLIENTS, "the host name could not be resolved";
    Connect = 4, CLIENTS, "no TCP or unix socket connection";
    Tls = 5, CLIENTS, "the TLS handshake failed";
    Proxy = 6, CLIENTS, "the proxy did not lead to the server";
    Rejected = 7, TALKERS, "the server rejected the upgrade, or its answer is not a valid one";
    Protocol = 8, TALKERS, "the peer broke the protocol";
    Timeout = 9, TALKERS, "a time limit has passed";
    Expectation = 10, TALKERS, "what was expected did not come";
    PeerClosed = 11, TALKERS,
        "closed by the peer with a code other than 1000, 1001 or none, without a Close frame, or before what was asked for was done";
    LocalIo = 12, ANY, "local input or output failed";
    Inconclusive = 13, &["probe-origin"],
        "inconclusive: no answer that can be judged (probe-origin)";
    TargetDied = 14, &["probe-origin"], "the target died (probe-origin)";
    Internal = 70, ANY, "a fault of wscli itself: please report it with the words on stderr";
    HungUp = 129, CLIENTS, "hung up (SIGHUP)";
    Interrupted = 130, ANY, "interrupted (SIGINT)";
    Terminated = 143, ANY, "terminated (SIGTERM)";
}

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
pub(crate) struct Failure {
    /// The status to exit with.
    pub status: ExitStatus,
    /// One sentence: what failed, with what value, what to do next.
    pub message: String,
    /// What usually lies behind it, and what to try next.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with this status.
    pub(crate) fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            hint: None,
        }
    }

    /// The same failure with a hint.
    pub(crate) fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// A usage error.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
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
pub(crate) fn hint_of(error: &anyhow::Error) -> Option<&str> {
    let failure = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>());
    failure.and_then(|failure| failure.hint.as_deref())
}

/// The status that an error of any command stands for. One that nothing here knows,
/// and no command has given a status, is a fault of ours, and not of who called us.
pub fn status_of(error: &anyhow::Error) -> ExitStatus {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.status;
        }
        if let Some(error) = cause.downcast_ref::<OpenFailure>() {
            return status_of_open(error);
        }
        if let Some(error) = cause.downcast_ref::<SocketError>() {
            return status_of_socket(error);
        }
        if cause.downcast_ref::<std::io::Error>().is_some() {
            return ExitStatus::LocalIo;
        }
    }
    ExitStatus::Internal
}

/// What `run` ends with; a panic in it, which the panic's hook has told of, is a fault of
/// ours like any other.
pub(crate) fn or_internal(run: impl FnOnce() -> ExitStatus + UnwindSafe) -> ExitStatus {
    catch_unwind(run).unwrap_or(ExitStatus::Internal)
}

/// The status that a connection which could not be opened stands for.
pub fn status_of_open(failure: &OpenFailure) -> ExitStatus {
    match failure.waited {
        Some(_) => ExitStatus::Timeout,
        None => status_of_cause(&failure.cause),
    }
}

/// The same, whether the server was waited for or not.
pub(crate) fn status_of_cause(error: &OpenError) -> ExitStatus {
    match error {
        OpenError::Dial(DialError::Tcp(TcpError::Resolve { .. })) => ExitStatus::Resolve,
        OpenError::Dial(DialError::Tcp(_) | DialError::ConnectUnix { .. }) => ExitStatus::Connect,
        OpenError::Dial(DialError::Tls(error)) if error.is_local() => ExitStatus::Usage,
        OpenError::Dial(DialError::Tls(_)) => ExitStatus::Tls,
        OpenError::Dial(DialError::Proxy(_)) => ExitStatus::Proxy,
        OpenError::Handshake(HandshakeError::Rejected(_)) => ExitStatus::Rejected,
        // Not an HTTP answer at all, or none: the peer does not speak HTTP.
        OpenError::Handshake(_) => ExitStatus::Protocol,
        OpenError::Redirect { .. } => ExitStatus::Rejected,
        OpenError::Timeout { .. } => ExitStatus::Timeout,
    }
}

/// The status of an open connection that ended by this.
pub(crate) fn status_of_socket(error: &SocketError) -> ExitStatus {
    match error {
        SocketError::Protocol(_)
        | SocketError::Frame(_)
        | SocketError::CloseCode(_)
        | SocketError::Utf8(_)
        | SocketError::Deflate(_) => ExitStatus::Protocol,
        // The peer kept the protocol; what it sent is over a local limit.
        SocketError::TooLarge { .. } | SocketError::NoRoom => ExitStatus::Protocol,
        SocketError::KeepAliveTimeout(_)
        | SocketError::CloseTimeout(_)
        | SocketError::MessageTimeout(_)
        | SocketError::WriteTimeout(_) => ExitStatus::Timeout,
        SocketError::CutMessage(_) | SocketError::Lost | SocketError::Io(_) => {
            ExitStatus::PeerClosed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connection::http::HeadError;
    use crate::connection::net::tls::TlsError;
    use crate::connection::ws::deflate::DeflateError;
    use crate::connection::ws::error::Limit;

    #[test]
    fn exit_codes_stand_in_order() {
        let codes: Vec<_> = ExitStatus::ALL.iter().map(|s| s.code()).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }

    fn socket(error: SocketError) -> ExitStatus {
        status_of(&error.into())
    }

    fn open(failure: OpenFailure) -> ExitStatus {
        status_of(&failure.into())
    }

    #[test]
    fn exit_code_of_each_failure_to_open() {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let interface = DialError::Tcp(TcpError::Interface {
            interface: "nope0".into(),
            source: refused(),
        });
        assert_eq!(open(interface.into()), ExitStatus::Connect);
        let local = TlsError::TrustStore("it is empty".into());
        assert_eq!(open(DialError::Tls(local).into()), ExitStatus::Usage);
        let closed = TlsError::Closed { received_bytes: 0 };
        assert_eq!(open(DialError::Tls(closed).into()), ExitStatus::Tls);
        let unknown = DialError::Tcp(TcpError::Resolve {
            host: "no.invalid".into(),
            source: std::io::Error::other("unknown"),
        });
        assert_eq!(open(unknown.into()), ExitStatus::Resolve);
        let unix = DialError::ConnectUnix {
            path: "/run/no.sock".into(),
            source: refused(),
        };
        assert_eq!(open(unix.into()), ExitStatus::Connect);
        let not_http = HandshakeError::Head(HeadError::NotHttp {
            received: "SSH-2.0".into(),
            cause: httparse::Error::Version,
        });
        assert_eq!(open(not_http.into()), ExitStatus::Protocol);
        // What came after a redirect has the code that it has without one.
        for (cause, status) in [
            (
                OpenError::from(DialError::Tcp(TcpError::Connect {
                    address: "127.0.0.1:1".into(),
                    source: refused(),
                })),
                ExitStatus::Connect,
            ),
            (
                OpenError::Timeout {
                    after: Duration::ZERO,
                    stuck: Box::default(),
                },
                ExitStatus::Timeout,
            ),
        ] {
            let redirected = OpenFailure {
                redirected_to: Some(Box::new("ws://h/".parse().unwrap())),
                ..cause.into()
            };
            assert_eq!(open(redirected), status);
            let waited = OpenFailure {
                waited: Some(Duration::from_secs(1)),
                ..OpenError::from(DialError::Tls(TlsError::Closed { received_bytes: 0 })).into()
            };
            assert_eq!(open(waited), ExitStatus::Timeout);
        }
    }

    #[test]
    fn exit_code_of_each_end_of_a_socket() {
        let second = Duration::from_secs(1);
        let limit = SocketError::TooLarge {
            limit: Limit::Frame,
            limit_bytes: 1,
        };
        for (error, status) in [
            (
                SocketError::Deflate(DeflateError::Corrupt),
                ExitStatus::Protocol,
            ),
            (limit, ExitStatus::Protocol),
            (SocketError::WriteTimeout(second), ExitStatus::Timeout),
            (SocketError::CloseTimeout(second), ExitStatus::Timeout),
            (SocketError::MessageTimeout(second), ExitStatus::Timeout),
            (SocketError::NoRoom, ExitStatus::Protocol),
            (SocketError::KeepAliveTimeout(second), ExitStatus::Timeout),
            (SocketError::Lost, ExitStatus::PeerClosed),
            (SocketError::CutMessage(1000), ExitStatus::PeerClosed),
        ] {
            let told = format!("{error:?}");
            assert_eq!(socket(error), status, "{told}");
        }
    }

    #[test]
    fn an_internal_error_is_no_usage_error() {
        let unknown = anyhow::anyhow!("what no command expected").context("outer");
        assert_eq!(status_of(&unknown), ExitStatus::Internal);
        let panics = || -> ExitStatus { panic!("on purpose, in a test") };
        assert_eq!(or_internal(panics), ExitStatus::Internal);
        assert_eq!(or_internal(|| ExitStatus::Findings), ExitStatus::Findings);
    }

    #[test]
    fn the_cause_decides_even_under_context() {
        let error = anyhow::Error::from(SocketError::Lost).context("while waiting");
        assert_eq!(status_of(&error), ExitStatus::PeerClosed);
        let error = anyhow::Error::from(Failure::usage("no")).context("outer");
        assert_eq!(status_of(&error), ExitStatus::Usage);
    }
}
