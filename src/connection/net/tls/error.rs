//! Why there is no TLS, by cause, and what to do next.

use std::io;

use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError};
use thiserror::Error;

use super::info::{ClientAuth, Versions};
use super::pin::Pin;

/// Why there is no TLS. What to do next is told by [`TlsError::hint`].
#[derive(Debug, Error)]
pub enum TlsError {
    /// The server's certificate is no longer valid.
    #[error("the server's certificate has expired on {not_after}")]
    Expired {
        /// The last moment of its validity.
        not_after: Timestamp,
    },
    /// The server's certificate is valid, but one on the way to a trusted one
    /// is not.
    #[error("a certificate that the server's one depends on is not valid today")]
    ChainDates,
    /// The server's certificate is not valid yet.
    #[error("the server's certificate is not valid before {not_before}")]
    NotValidYet {
        /// The first moment of its validity.
        not_before: Timestamp,
    },
    /// Nobody who is trusted has signed the server's certificate.
    #[error("{}", match self_signed {
        true => "the server's certificate is self-signed, and not trusted".to_owned(),
        false => format!("the server's certificate is from an unknown issuer ({issuer})"),
    })]
    UnknownIssuer {
        /// The issuer, as the certificate names it.
        issuer: String,
        /// Whether that is the certificate's own subject.
        self_signed: bool,
        /// Whether the server has sent more than its own certificate.
        has_intermediates: bool,
        /// The server's pin.
        pin: Pin,
    },
    /// The certificate is for another name.
    #[error(
        "the server's certificate is for {}, not for '{expected}'",
        list(names)
    )]
    NameMismatch {
        /// The name asked for.
        expected: String,
        /// The names that the certificate is for.
        names: Vec<String>,
    },
    /// The certificate is not usable for another reason.
    #[error("the server's certificate is not acceptable: {}", in_words(cause))]
    BadCertificate {
        /// What is wrong with it.
        cause: CertificateError,
    },
    /// The server's key is none of those that were pinned.
    #[error("the server's public key is not the one of --pinnedpubkey but {actual}")]
    Pin {
        /// The pin of the server's key.
        actual: Pin,
    },
    /// The server wants a certificate of the client, and there is none.
    #[error("the server wants a client certificate ({cause})")]
    ClientCertificateRequired {
        /// How it said so.
        cause: String,
    },
    /// The server does not accept the client's certificate.
    #[error("the server does not accept the client certificate ({})", alert_name(*alert))]
    ClientCertificateRefused {
        /// The server's alert.
        alert: AlertDescription,
    },
    /// The server has the client's certificate, and went away without a word.
    #[error("the server closed the connection once it had the client certificate, without a word")]
    ClosedOnClientCertificate,
    /// The server speaks none of the versions offered.
    #[error("the server speaks no version of TLS that was offered ({offered})")]
    Version {
        /// What was offered.
        offered: Versions,
    },
    /// No cipher suite, group or signature scheme in common.
    #[error("the server and this client have no TLS parameters in common ({cause})")]
    Parameters {
        /// How that showed.
        cause: String,
    },
    /// The server insists on another application protocol.
    #[error(
        "the server does not take http/1.1 as the application protocol (ALPN), but probably h2 alone"
    )]
    Alpn,
    /// The server does not know the name that was sent.
    #[error("the server knows no site by the name '{name}' (unrecognized_name)")]
    UnrecognizedName {
        /// The name sent.
        name: String,
    },
    /// The server has ended TLS for another reason.
    #[error("the server ended TLS with the alert {}", alert_name(*.0))]
    Alert(AlertDescription),
    /// The server's certificates are larger than a handshake may be here.
    #[error(
        "the server's part of the TLS handshake is over 64 KiB, which only a very long chain of certificates takes"
    )]
    LargeHandshake,
    /// The server answered in plain HTTP.
    #[error("the server answered the TLS handshake in plain HTTP ('{line}')")]
    PlainHttp {
        /// The first line of its answer.
        line: String,
    },
    /// The server answered in no TLS at all.
    #[error(
        "the server's answer to the TLS handshake is no TLS (it begins with '{}')",
        start.escape_ascii()
    )]
    NotTls {
        /// The first bytes of its answer.
        start: Vec<u8>,
    },
    /// The connection ended in the middle of the handshake.
    #[error("the server closed the connection {}", match received_bytes {
        0 => "without an answer to the TLS handshake".to_owned(),
        n => format!("in the middle of the TLS handshake, after {n} bytes of its part"),
    })]
    Closed {
        /// How much had arrived.
        received_bytes: usize,
    },
    /// The server is called by what is no name.
    #[error("'{name}' is neither a host name nor an address, so no certificate can be for it")]
    InvalidName {
        /// What it is called.
        name: String,
    },
    /// The trust store is of no use.
    #[error("could not use the trust store: {0}")]
    TrustStore(String),
    /// TLS failed otherwise.
    #[error("the TLS handshake failed: {0}")]
    Protocol(#[source] rustls::Error),
    /// The transport failed.
    #[error("the connection failed during the TLS handshake: {0}")]
    Io(#[source] io::Error),
}

impl TlsError {
    /// What to do next; `None` where nothing is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Expired { .. } => {
                "renew it, or check this machine's clock; -k takes it for a test"
            }
            Self::ChainDates => "renew the server's chain, or check this machine's clock",
            Self::NotValidYet { .. } => {
                "check this machine's clock, and the clock of the one that made the certificate"
            }
            Self::UnknownIssuer {
                pin,
                issuer,
                self_signed: false,
                has_intermediates: false,
            } => {
                return Some(format!(
                    "the server does not send its intermediate certificate, unless '{issuer}' is a root: it has to send its whole chain; else trust its issuer with --cacert FILE, its key with -k --pinnedpubkey {pin}, or anyone with -k"
                ));
            }
            Self::UnknownIssuer { pin, .. } => {
                return Some(format!(
                    "trust its issuer with --cacert FILE, its key with -k --pinnedpubkey {pin}, or anyone with -k"
                ));
            }
            Self::NameMismatch { .. } => "use a name that it is for, in the URL or with --sni",
            Self::BadCertificate { .. } => {
                "make a new one (X.509 version 3, ECDSA P-256 or RSA of 2048 bits or more); -k takes it anyway"
            }
            Self::LargeHandshake => "shorten its chain: only what leads to a root belongs there",
            Self::Pin { .. } => "the key has been changed, or this is another server",
            Self::ClientCertificateRequired { .. } => "give one with --cert and --key",
            Self::ClientCertificateRefused { .. } => {
                "give another one with --cert: valid today, for clients, and signed by whom the server trusts"
            }
            Self::ClosedOnClientCertificate => {
                "it may not accept the certificate: give another one with --cert, valid today, for clients, and signed by whom the server trusts; or it takes TLS on this port but no HTTP"
            }
            Self::Version { offered } if *offered == Versions::default() => {
                "TLS 1.1 and older are not spoken here; the server has to be updated"
            }
            Self::Version { .. } => "widen the range with --tlsv1.2 or --tls-max",
            Self::Parameters { .. } => {
                "the server has to offer ECDHE with AES-GCM or ChaCha20-Poly1305"
            }
            Self::Alpn => {
                "the server has to speak HTTP/1.1 too on this port, which the upgrade to a WebSocket needs"
            }
            Self::UnrecognizedName { .. } | Self::InvalidName { .. } => {
                "give the right name with --sni NAME"
            }
            Self::PlainHttp { .. } => {
                "this port speaks no TLS; use ws:// in place of wss:// (http:// in place of https:// for a proxy)"
            }
            Self::NotTls { .. } => "something else listens there; check the port",
            Self::Closed { received_bytes: 0 } => {
                "the port may speak no TLS (try ws://), or a firewall cuts the connection"
            }
            Self::Alert(_) | Self::Closed { .. } => "its log may say why",
            Self::TrustStore(_) => "give the roots to trust with --cacert FILE",
            Self::Protocol(_) | Self::Io(_) => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether this machine's configuration is to blame, not the server.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::TrustStore(_) | Self::InvalidName { .. })
    }

    /// Finds out whether a failure after the handshake is the server's late
    /// answer to a missing or unacceptable client certificate: in TLS 1.3 the
    /// client is done before the server has looked at it.
    ///
    /// `error` is what reading or writing has failed with; `None` stands for
    /// the end of the stream.
    pub fn of_late_refusal(client_auth: ClientAuth, error: Option<&io::Error>) -> Option<Self> {
        let alert = match error {
            Some(error) => match rustls_error(error) {
                Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
                None if is_end(error) => None,
                _ => return None,
            },
            None => None,
        };
        match (client_auth, alert) {
            (ClientAuth::Missing, alert) => Some(Self::ClientCertificateRequired {
                cause: alert.map_or_else(
                    || "it asked for one, got none and closed the connection".to_owned(),
                    alert_name,
                ),
            }),
            (ClientAuth::Sent, Some(alert)) => Some(Self::ClientCertificateRefused { alert }),
            (ClientAuth::Sent, None) => Some(Self::ClosedOnClientCertificate),
            (ClientAuth::NotRequested, Some(alert)) => Some(Self::Alert(alert)),
            (ClientAuth::NotRequested, None) => None,
        }
    }
}

/// The error of TLS inside an error of its stream.
pub(in crate::connection) fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether the stream has ended, rather than failed locally.
pub(in crate::connection) fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

/// An alert by its name in RFC 8446 §6, which server logs and OpenSSL use.
pub(in crate::connection) fn alert_name(alert: AlertDescription) -> String {
    // British in rustls, and with the acronym in capitals.
    let name = match alert {
        AlertDescription::UnrecognisedName => "UnrecognizedName",
        AlertDescription::UnknownCA => "UnknownCa",
        alert => match alert.as_str() {
            Some(name) => name,
            None => return format!("number {}", u8::from(alert)),
        },
    };
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// What is wrong with a certificate. For some causes rustls has no words of its own,
/// and shows its types.
fn in_words(cause: &CertificateError) -> String {
    let shown = cause.to_string();
    if shown.contains("UnsupportedCertVersion") {
        return "it is of X.509 version 1 or 2, and only version 3 is taken".to_owned();
    }
    match cause {
        CertificateError::BadSignature => {
            "its signature, or that of the handshake by its key, is not accepted (RSA of less than 2048 bits, SHA-1, or a broken one)".to_owned()
        }
        CertificateError::BadEncoding => "it cannot be read".to_owned(),
        _ => shown,
    }
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("'{name}'"))
        .collect::<Vec<_>>()
        .join(", ");
    if names.is_empty() {
        text.push_str("no host at all (it has no subjectAltName)");
    } else if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(alert: AlertDescription) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::AlertReceived(alert),
        )
    }

    #[test]
    fn a_late_refusal_is_told_from_other_failures() {
        use ClientAuth::{Missing, NotRequested, Sent};
        let refused = || alert(AlertDescription::UnknownCA);
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let other = || io::Error::from(io::ErrorKind::TimedOut);
        for (auth, error, expected) in [
            (
                Missing,
                Some(refused()),
                Some("the server wants a client certificate (unknown_ca)"),
            ),
            (
                Missing,
                None,
                Some(
                    "the server wants a client certificate (it asked for one, got none and closed the connection)",
                ),
            ),
            (
                Missing,
                Some(reset()),
                Some(
                    "the server wants a client certificate (it asked for one, got none and closed the connection)",
                ),
            ),
            (Missing, Some(other()), None),
            (
                Sent,
                Some(refused()),
                Some("the server does not accept the client certificate (unknown_ca)"),
            ),
            (
                Sent,
                None,
                Some(
                    "the server closed the connection once it had the client certificate, without a word",
                ),
            ),
            (Sent, Some(other()), None),
            (
                NotRequested,
                Some(refused()),
                Some("the server ended TLS with the alert unknown_ca"),
            ),
            (NotRequested, Some(reset()), None),
        ] {
            let found = TlsError::of_late_refusal(auth, error.as_ref());
            let found = found.map(|error| error.to_string());
            assert_eq!(found.as_deref(), expected, "{auth:?} {error:?}");
        }
    }

    #[test]
    fn names_are_listed_up_to_a_limit() {
        assert_eq!(list(&[]), "no host at all (it has no subjectAltName)");
        assert_eq!(list(&["a".into(), "b".into()]), "'a', 'b'");
        assert!(list(&vec!["a".into(); 12]).ends_with("'a' and 2 more"));
    }
}
