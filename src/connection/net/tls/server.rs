//! The server's side of TLS: a certificate of its own, and the handshake with
//! each client.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription, CertificateError, ServerConfig};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::connection::net::tls::error::{alert_name, is_end, rustls_error};
use crate::connection::net::tls::in_order::InOrder;
use crate::connection::net::tls::provider::{ALPN, provider};
use crate::connection::net::tls::tap::Tap;
use crate::connection::net::tls::{AcceptedTls, CertificateInfo, Identity, KeyLogFile, Roots};
use crate::connection::net::transport::Transport;

/// The first byte of a client's TLS: a handshake record (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 0x16;

/// How long a certificate of our own making is valid, in days. Some clients
/// take none that is valid for longer than 398.
const SELF_SIGNED_DAYS: i64 = 90;

/// How much of a plain HTTP request is read away behind the answer to it.
const DRAIN_BYTES: u64 = 64 << 10;

/// What there is to set of a server's TLS.
#[derive(Debug, Clone)]
pub struct ServerTlsSettings {
    /// The server's certificate and key.
    pub identity: Identity,
    /// Who must have signed the certificate that every client then has to
    /// show; `None` asks for none.
    pub clients: Option<Roots>,
    /// Where the secrets of every session go.
    pub key_log: Option<KeyLogFile>,
}

/// A server's TLS: cheap to clone, shared by all connections. All clones are one:
/// what replaces one replaces all.
#[derive(Debug, Clone)]
pub struct ServerTls(Arc<RwLock<Current>>);

/// What new connections get.
#[derive(Debug, Clone)]
struct Current {
    config: Arc<ServerConfig>,
    certificate: Arc<CertificateInfo>,
}

/// Why a server can have no TLS.
#[derive(Debug, Error)]
pub enum ServerTlsError {
    /// No certificate could be made.
    #[error("could not make a self-signed certificate for '{name}': {cause}")]
    SelfSigned {
        /// The name that is not localhost.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// The certificate cannot be read.
    #[error("the server's certificate cannot be read")]
    BadCertificate,
    /// TLS refuses the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// Why a client got no TLS.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// The client spoke plain HTTP; it was told to use TLS.
    #[error("the client sent a plain HTTP request; it must use wss://")]
    PlainHttp,
    /// The client spoke neither TLS nor HTTP.
    #[error("the client speaks no TLS (it began with '{}')", start.escape_ascii())]
    NotTls {
        /// The first bytes received.
        start: Vec<u8>,
    },
    /// The client showed no certificate.
    #[error("the client showed no certificate")]
    NoClientCertificate,
    /// The client's certificate is not acceptable.
    #[error("the client's certificate is not acceptable: {0}")]
    ClientCertificate(CertificateError),
    /// The client has ended the handshake, mostly over our certificate.
    #[error("the client ended the TLS handshake with the alert {}", alert_name(*.0))]
    Alert(AlertDescription),
    /// The client went away.
    #[error("the client closed the connection during the TLS handshake")]
    Closed,
    /// The client took too long.
    #[error("the client did not finish the TLS handshake within {0:?}")]
    Timeout(Duration),
    /// TLS failed otherwise.
    #[error("the TLS handshake failed: {0}")]
    Protocol(#[source] rustls::Error),
    /// The transport failed.
    #[error("the connection failed during the TLS handshake: {0}")]
    Io(#[source] io::Error),
}

impl ServerTls {
    /// A server's TLS of these settings.
    ///
    /// # Errors
    /// Why the certificate or its key cannot be used.
    pub fn new(settings: ServerTlsSettings) -> Result<Self, ServerTlsError> {
        let certified = settings.identity.0;
        let certificate = certified
            .cert
            .first()
            .and_then(CertificateInfo::parse)
            .ok_or(ServerTlsError::BadCertificate)?;
        let provider = Arc::new(provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|cause| ServerTlsError::Setup(cause.to_string()))?;
        let builder = match settings.clients {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.store(), provider).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|cause| ServerTlsError::Setup(cause.to_string()))?,
                )
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![ALPN.to_vec()];
        if let Some(key_log) = settings.key_log {
            config.key_log = Arc::new(key_log);
        }
        Ok(Self(Arc::new(RwLock::new(Current {
            config: Arc::new(config),
            certificate: Arc::new(certificate),
        }))))
    }

    /// The server's own certificate, with the pin that a client can give.
    pub fn certificate(&self) -> Arc<CertificateInfo> {
        self.current().certificate
    }

    /// From now on connections get what `other` gives; those that are open keep what
    /// they have.
    pub(crate) fn replace(&self, other: &Self) {
        let new = other.current();
        // Nothing panics while it is held.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn current(&self) -> Current {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs the TLS handshake with a client, within `limit`. A client that
    /// speaks plain HTTP is told to use TLS, in HTTP.
    ///
    /// # Errors
    /// An [`AcceptError`] by cause.
    pub async fn accept(
        &self,
        transport: Transport,
        limit: Duration,
    ) -> Result<(Transport, AcceptedTls), AcceptError> {
        timeout(limit, self.handshake(transport))
            .await
            .unwrap_or(Err(AcceptError::Timeout(limit)))
    }

    async fn handshake(
        &self,
        transport: Transport,
    ) -> Result<(Transport, AcceptedTls), AcceptError> {
        let acceptor = TlsAcceptor::from(self.current().config);
        let handshake = acceptor.accept(Tap::expecting(transport, HANDSHAKE_RECORD));
        match Box::pin(handshake.into_fallible()).await {
            Ok(mut stream) => {
                let (tap, connection) = stream.get_mut();
                tap.stop();
                let info = AcceptedTls::of(connection);
                Ok((Transport::other(InOrder::new(stream)), info))
            }
            Err((error, mut tap)) => {
                let error = explain(error, tap.received().0);
                if matches!(error, AcceptError::PlainHttp) {
                    refuse_plain_http(&mut tap).await;
                }
                Err(error)
            }
        }
    }
}

impl Identity {
    /// Makes a key and a self-signed certificate for localhost, the loopback
    /// addresses, and `host` where it is one of its own. It is valid for 90
    /// days from `now`.
    ///
    /// # Errors
    /// When `host` is no name that a certificate can hold.
    pub fn self_signed(host: &str, now: Timestamp) -> Result<Self, ServerTlsError> {
        let failed = |cause: &dyn std::fmt::Display| ServerTlsError::SelfSigned {
            name: host.to_owned(),
            cause: cause.to_string(),
        };
        let mut params = CertificateParams::new(names(host)).map_err(|cause| failed(&cause))?;
        params
            .distinguished_name
            .push(DnType::CommonName, "wscli self-signed");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let day = |days: i64| {
            let date = now
                .to_zoned(TimeZone::UTC)
                .date()
                .saturating_add(days.days());
            // Dates of jiff have months and days that fit.
            date_time_ymd(
                date.year().into(),
                date.month().unsigned_abs(),
                date.day().unsigned_abs(),
            )
        };
        // A clock that is a little behind must not refuse it.
        params.not_before = day(-1);
        params.not_after = day(SELF_SIGNED_DAYS);
        let key = KeyPair::generate().map_err(|cause| failed(&cause))?;
        let certificate = params.self_signed(&key).map_err(|cause| failed(&cause))?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        CertifiedKey::from_der(vec![certificate.der().clone()], key, &provider())
            .map(|certified| Self(Arc::new(certified)))
            .map_err(|cause| failed(&cause))
    }
}

fn names(host: &str) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // All addresses of a machine are none that a client connects to.
    let everywhere = bare.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
    if !bare.is_empty() && !everywhere && !names.iter().any(|name| name == bare) {
        names.push(bare.to_owned());
    }
    names
}

fn explain(error: io::Error, head: &[u8]) -> AcceptError {
    match head.first() {
        None | Some(&HANDSHAKE_RECORD) => {}
        // The methods of HTTP are in capitals (RFC 9110 §9.1).
        Some(byte) if byte.is_ascii_uppercase() => return AcceptError::PlainHttp,
        Some(_) => {
            return AcceptError::NotTls {
                start: head.to_vec(),
            };
        }
    }
    match rustls_error(&error).cloned() {
        Some(rustls::Error::NoCertificatesPresented) => AcceptError::NoClientCertificate,
        Some(rustls::Error::InvalidCertificate(cause)) => AcceptError::ClientCertificate(cause),
        Some(rustls::Error::AlertReceived(alert)) => AcceptError::Alert(alert),
        Some(cause) => AcceptError::Protocol(cause),
        None if is_end(&error) => AcceptError::Closed,
        None => AcceptError::Io(error),
    }
}

/// Answers, ends our direction, and reads what is still on its way: closing
/// with unread data would send a reset, which can destroy the answer.
async fn refuse_plain_http(tap: &mut Tap) {
    const BODY: &str =
        "This port speaks TLS: use wss:// in place of ws:// (https:// in place of http://).\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    tap.stop();
    let told = async {
        tap.write_all(answer.as_bytes()).await?;
        tap.shutdown().await?;
        tokio::io::copy(&mut tap.take(DRAIN_BYTES), &mut tokio::io::sink()).await
    };
    // The client may have gone already; then there is nobody to tell.
    let _ = told.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_is_for_loopback_and_the_host() {
        let now: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        for (host, more) in [
            ("0.0.0.0", None),
            ("::", None),
            ("localhost", None),
            ("dev.example", Some("dev.example")),
            ("[fe80::1]", Some("fe80::1")),
            ("192.0.2.1", Some("192.0.2.1")),
        ] {
            let identity = Identity::self_signed(host, now).unwrap();
            let info = CertificateInfo::parse(&identity.0.cert[0]).unwrap();
            let mut names = vec!["localhost", "127.0.0.1", "::1"];
            names.extend(more);
            assert_eq!(info.names, names, "{host}");
            assert_eq!(info.not_before.to_string(), "2026-02-02T00:00:00Z");
            assert_eq!(info.not_after.to_string(), "2026-05-04T00:00:00Z");
            assert!(info.is_self_signed());
        }
        assert!(Identity::self_signed("bücher", now).is_err());
    }
}
