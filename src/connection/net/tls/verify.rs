//! Whom to trust: the certificate verifier, the pins, and what is noted on
//! the way for the diagnosis.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::identity::Identity;
use super::info::{CertificateInfo, ClientAuth};
use super::pin::Pins;

/// What a handshake has shown so far, whether or not it succeeds.
#[derive(Debug, Default)]
pub(in crate::connection) struct Seen {
    received_bytes: Arc<AtomicUsize>,
    certificate: OnceLock<CertificateDer<'static>>,
    has_intermediates: AtomicBool,
    asked: AtomicBool,
    answered: AtomicBool,
}

impl Seen {
    /// How much of the server's part has come, in bytes.
    pub(in crate::connection) fn received_bytes(&self) -> usize {
        self.received_bytes.load(Ordering::Relaxed)
    }

    /// What counts it.
    pub(super) fn received(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.received_bytes)
    }

    /// What the server's certificate says, once it has come.
    pub(in crate::connection) fn certificate(&self) -> Option<CertificateInfo> {
        CertificateInfo::parse(self.certificate.get()?)
    }

    /// Whether the server has sent more than its own certificate.
    pub(super) fn has_intermediates(&self) -> bool {
        self.has_intermediates.load(Ordering::Relaxed)
    }

    pub(super) fn client_auth(&self) -> ClientAuth {
        match (
            self.asked.load(Ordering::Relaxed),
            self.answered.load(Ordering::Relaxed),
        ) {
            (false, _) => ClientAuth::NotRequested,
            (true, false) => ClientAuth::Missing,
            (true, true) => ClientAuth::Sent,
        }
    }
}

/// Judges one server: by the verifier of the trust store, if there is one,
/// and then by the pins.
#[derive(Debug)]
pub(super) struct Judge {
    /// `None` trusts anyone who fits the pins.
    pub(super) chain: Option<Arc<dyn ServerCertVerifier>>,
    pub(super) pins: Pins,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) seen: Arc<Seen>,
}

impl Judge {
    /// Whether the signature of the handshake proves nothing: where no key is
    /// expected, any would do. Certificates that rustls cannot read, and keys
    /// too short for it, are thus no obstacle.
    fn takes_any_key(&self) -> bool {
        self.chain.is_none() && self.pins.is_empty()
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let _ = self.seen.certificate.set(end_entity.clone().into_owned());
        let has_intermediates = !intermediates.is_empty();
        self.seen
            .has_intermediates
            .store(has_intermediates, Ordering::Relaxed);
        if let Some(chain) = &self.chain {
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        }
        if self.pins.is_empty() {
            return Ok(ServerCertVerified::assertion());
        }
        match self.seen.certificate() {
            Some(certificate) if self.pins.allow(&certificate.pin) => {
                Ok(ServerCertVerified::assertion())
            }
            Some(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
            None => Err(CertificateError::BadEncoding.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.takes_any_key() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.takes_any_key() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Trusts the given certificates: those that they have signed, as any
/// verifier does, and a server that shows one of them itself.
///
/// The latter is what OpenSSL does too, and what self-signed certificates
/// need: `openssl req -x509` marks them as a CA's, which webpki refuses in a
/// server's place.
#[derive(Debug)]
pub(super) struct GivenRoots {
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) chain: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for GivenRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.roots.contains(end_entity) {
            return self.chain.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
        }
        let info = CertificateInfo::parse(end_entity).ok_or(CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs())
            .ok()
            .and_then(|now| Timestamp::from_second(now).ok())
            .ok_or(Error::FailedToGetCurrentTime)?;
        if now < info.not_before {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > info.not_after {
            return Err(CertificateError::Expired.into());
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Shows the client's certificate, if there is one, to a server that asks;
/// like curl, without regard to the issuers that the server names.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) identity: Option<Identity>,
    pub(super) seen: Arc<Seen>,
}

impl ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.seen.asked.store(true, Ordering::Relaxed);
        let certified = &self.identity.as_ref()?.0;
        certified.key.choose_scheme(schemes)?;
        self.seen.answered.store(true, Ordering::Relaxed);
        Some(Arc::clone(certified))
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
