//! What a failed handshake has shown, and the cause that follows from it.

use std::io;

use rustls::{
    AlertDescription, CertificateError, InvalidMessage, PeerIncompatible, PeerMisbehaved,
};

use super::error::{TlsError, alert_name, is_end, rustls_error};
use super::info::{CertificateInfo, ClientAuth, Versions};
use crate::value::clock;

/// What is known of a handshake that has failed.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    /// The name that was sent and would have been verified.
    pub(super) server_name: &'a str,
    pub(super) offered: Versions,
    pub(super) certificate: Option<CertificateInfo>,
    /// Whether more of its chain came with it.
    pub(super) has_intermediates: bool,
    pub(super) client_auth: ClientAuth,
    /// The first bytes of the server's answer, and how long it was.
    pub(super) received: (&'a [u8], usize),
}

impl Evidence<'_> {
    /// Names the cause.
    pub(super) fn explain(self, error: io::Error) -> TlsError {
        if let Some(foreign) = self.foreign_protocol() {
            return foreign;
        }
        match rustls_error(&error).cloned() {
            Some(rustls::Error::InvalidCertificate(cause)) => self.certificate(cause),
            Some(rustls::Error::AlertReceived(alert)) => self.alert(alert),
            Some(rustls::Error::PeerIncompatible(cause)) => self.incompatible(cause),
            Some(rustls::Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion)) => {
                self.version()
            }
            Some(rustls::Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge)) => {
                TlsError::LargeHandshake
            }
            Some(rustls::Error::PeerMisbehaved(
                PeerMisbehaved::SelectedUnofferedApplicationProtocol,
            )) => TlsError::Alpn,
            Some(cause) => TlsError::Protocol(cause),
            None if is_end(&error) && self.client_auth == ClientAuth::Missing => {
                TlsError::ClientCertificateRequired {
                    cause: "it asked for one, got none and closed the connection".to_owned(),
                }
            }
            None if is_end(&error) => TlsError::Closed {
                received_bytes: self.received.1,
            },
            None => TlsError::Io(error),
        }
    }

    /// An answer whose first byte is no TLS record's (RFC 8446 §5.1).
    fn foreign_protocol(&self) -> Option<TlsError> {
        let head = self.received.0;
        if matches!(head.first(), None | Some(0x14..=0x17)) {
            return None;
        }
        let line = head.split(|byte| *byte == b'\r' || *byte == b'\n').next();
        let line = line.unwrap_or_default();
        Some(if head.starts_with(b"HTTP/") {
            TlsError::PlainHttp {
                line: String::from_utf8_lossy(line).into_owned(),
            }
        } else {
            TlsError::NotTls {
                start: line.to_vec(),
            }
        })
    }

    fn certificate(self, cause: CertificateError) -> TlsError {
        let Some(certificate) = self.certificate else {
            return TlsError::BadCertificate { cause };
        };
        let now = clock::now();
        match cause {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                if now > certificate.not_after {
                    TlsError::Expired {
                        not_after: certificate.not_after,
                    }
                } else if now < certificate.not_before {
                    TlsError::NotValidYet {
                        not_before: certificate.not_before,
                    }
                } else {
                    TlsError::ChainDates
                }
            }
            CertificateError::UnknownIssuer => {
                TlsError::unknown_issuer(certificate, self.has_intermediates)
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsError::NameMismatch {
                    expected: self.server_name.to_owned(),
                    names: certificate.names,
                }
            }
            CertificateError::ApplicationVerificationFailure => TlsError::Pin {
                actual: certificate.pin,
            },
            // webpki's word for `openssl req -x509` certificates, which are
            // marked as a CA's.
            CertificateError::Other(_) if certificate.is_self_signed() => {
                TlsError::unknown_issuer(certificate, self.has_intermediates)
            }
            cause => TlsError::BadCertificate { cause },
        }
    }

    fn alert(self, alert: AlertDescription) -> TlsError {
        use AlertDescription as A;
        match (alert, self.client_auth) {
            (A::ProtocolVersion, _) => self.version(),
            (A::NoApplicationProtocol, _) => TlsError::Alpn,
            (A::UnrecognisedName, _) => TlsError::UnrecognizedName {
                name: self.server_name.to_owned(),
            },
            (alert, ClientAuth::Missing) => TlsError::ClientCertificateRequired {
                cause: alert_name(alert),
            },
            (alert, ClientAuth::Sent) => TlsError::ClientCertificateRefused { alert },
            (A::HandshakeFailure | A::InsufficientSecurity, _) => TlsError::Parameters {
                cause: alert_name(alert),
            },
            (alert, _) => TlsError::Alert(alert),
        }
    }

    fn incompatible(self, cause: PeerIncompatible) -> TlsError {
        match cause {
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => self.version(),
            cause => TlsError::Parameters {
                cause: rustls::Error::PeerIncompatible(cause).to_string(),
            },
        }
    }

    fn version(self) -> TlsError {
        TlsError::Version {
            offered: self.offered,
        }
    }
}

impl TlsError {
    fn unknown_issuer(certificate: CertificateInfo, has_intermediates: bool) -> Self {
        Self::UnknownIssuer {
            has_intermediates,
            self_signed: certificate.is_self_signed(),
            issuer: certificate.issuer,
            pin: certificate.pin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(head: &[u8], client_auth: ClientAuth) -> Evidence<'_> {
        Evidence {
            has_intermediates: true,
            server_name: "example.test",
            offered: Versions::default(),
            certificate: None,
            client_auth,
            received: (head, head.len()),
        }
    }

    fn alert(alert: AlertDescription) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::AlertReceived(alert),
        )
    }

    #[test]
    fn each_failure_is_named_and_says_what_to_do_next() {
        use AlertDescription as A;
        use ClientAuth::{Missing, NotRequested, Sent};
        let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let tls = b"\x15\x03\x01";
        for (error, head, auth, message, hint) in [
            (
                eof(),
                &b""[..],
                NotRequested,
                "the server closed the connection without an answer to the TLS handshake",
                "try ws://",
            ),
            (
                eof(),
                tls,
                NotRequested,
                "the server closed the connection in the middle of the TLS handshake, after 3 bytes of its part",
                "its log",
            ),
            (
                eof(),
                tls,
                Missing,
                "the server wants a client certificate (it asked for one, got none and closed the connection)",
                "--cert",
            ),
            (
                eof(),
                b"HTTP/1.1 400 Bad Request\r\nX",
                NotRequested,
                "the server answered the TLS handshake in plain HTTP ('HTTP/1.1 400 Bad Request')",
                "use ws://",
            ),
            (
                eof(),
                b"SSH-2.0-x\x1b\r\n",
                NotRequested,
                "the server's answer to the TLS handshake is no TLS (it begins with 'SSH-2.0-x\\x1b')",
                "check the port",
            ),
            (
                alert(A::ProtocolVersion),
                tls,
                NotRequested,
                "the server speaks no version of TLS that was offered (TLS 1.2 to TLS 1.3)",
                "TLS 1.1 and older are not spoken",
            ),
            (
                alert(A::HandshakeFailure),
                tls,
                NotRequested,
                "the server and this client have no TLS parameters in common (handshake_failure)",
                "ECDHE",
            ),
            (
                alert(A::HandshakeFailure),
                tls,
                Missing,
                "the server wants a client certificate (handshake_failure)",
                "--cert",
            ),
            (
                alert(A::UnknownCA),
                tls,
                Sent,
                "the server does not accept the client certificate (unknown_ca)",
                "--cert",
            ),
            (
                alert(A::NoApplicationProtocol),
                tls,
                NotRequested,
                "the server does not take http/1.1 as the application protocol (ALPN), but probably h2 alone",
                "HTTP/1.1 too",
            ),
            (
                alert(A::UnrecognisedName),
                tls,
                NotRequested,
                "the server knows no site by the name 'example.test' (unrecognized_name)",
                "--sni",
            ),
            (
                alert(A::InternalError),
                tls,
                NotRequested,
                "the server ended TLS with the alert internal_error",
                "its log",
            ),
        ] {
            let error = evidence(head, auth).explain(error);
            assert_eq!(error.to_string(), message);
            let given = error.hint().unwrap_or_default();
            assert!(given.contains(hint), "{error}: {given}");
        }
    }
}
