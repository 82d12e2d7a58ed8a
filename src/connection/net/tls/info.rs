//! What TLS has agreed on, and what the peer's certificate says.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use rustls::SupportedProtocolVersion;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, CommonState, ServerConnection};
use serde::{Serialize, Serializer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use super::pin::Pin;

/// A version of the TLS protocol that can be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            "1.0" | "1.1" => Err(format!(
                "TLS {text} is deprecated (RFC 8996) and not supported; write 1.2 or 1.3"
            )),
            _ => Err("write 1.2 or 1.3".to_owned()),
        }
    }
}

impl Serialize for TlsVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether the server wanted to see a certificate of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// The server did not ask.
    #[default]
    NotRequested,
    /// The server asked, and got none: there was none, or none that fits.
    /// Some servers refuse only later, with an alert or an HTTP error.
    Missing,
    /// The server asked, and got one.
    Sent,
}

/// What TLS has agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TlsInfo {
    /// The version of the protocol.
    pub version: TlsVersion,
    /// The cipher suite, in the IANA registry's spelling.
    pub cipher: String,
    /// The key exchange group, in the IANA registry's spelling.
    pub key_exchange: Option<String>,
    /// The application protocol that the server chose, if it chose any.
    pub alpn: Option<String>,
    /// Whether the client was asked for a certificate.
    pub client_auth: ClientAuth,
    /// The server's certificate; `None` when it is beyond reading, which only
    /// a configuration that trusts anyone lets through.
    pub certificate: Option<CertificateInfo>,
}

impl TlsInfo {
    /// Reads a connection whose handshake is done.
    pub(super) fn of(connection: &ClientConnection, client_auth: ClientAuth) -> Self {
        Self {
            version: version(connection),
            cipher: cipher(connection),
            key_exchange: key_exchange(connection),
            alpn: alpn(connection),
            client_auth,
            certificate: peer_certificate(connection),
        }
    }
}

/// What TLS has agreed on with a client, and what the client has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcceptedTls {
    /// The version of the protocol.
    pub version: TlsVersion,
    /// The cipher suite, in the IANA registry's spelling.
    pub cipher: String,
    /// The key exchange group, in the IANA registry's spelling.
    pub key_exchange: Option<String>,
    /// The host name that the client asked for (SNI, RFC 6066 §3); clients
    /// ask for none where they connect to an address.
    pub server_name: Option<String>,
    /// The application protocol that was chosen, where the client offered any.
    pub alpn: Option<String>,
    /// Whether the client was asked for a certificate.
    pub client_auth: ClientAuth,
    /// The client's certificate; `None` as well when it is beyond reading.
    pub client_certificate: Option<CertificateInfo>,
}

impl AcceptedTls {
    /// Reads a connection whose handshake is done. Who is asked for a
    /// certificate here has to show one.
    pub(in crate::connection) fn of(connection: &ServerConnection) -> Self {
        Self {
            version: version(connection),
            cipher: cipher(connection),
            key_exchange: key_exchange(connection),
            server_name: connection.server_name().map(str::to_owned),
            alpn: alpn(connection),
            client_auth: match connection.peer_certificates() {
                Some(_) => ClientAuth::Sent,
                None => ClientAuth::NotRequested,
            },
            client_certificate: peer_certificate(connection),
        }
    }
}

fn version(connection: &CommonState) -> TlsVersion {
    match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
        _ => TlsVersion::Tls13,
    }
}

fn cipher(connection: &CommonState) -> String {
    let suite = connection
        .negotiated_cipher_suite()
        .map(|suite| suite.suite());
    let name = suite.and_then(|suite| suite.as_str()).unwrap_or("unknown");
    // The registry has no version in its names.
    name.replacen("TLS13_", "TLS_", 1)
}

fn key_exchange(connection: &CommonState) -> Option<String> {
    let group = connection.negotiated_key_exchange_group()?;
    group.name().as_str().map(str::to_owned)
}

fn alpn(connection: &CommonState) -> Option<String> {
    let name = connection.alpn_protocol()?;
    Some(String::from_utf8_lossy(name).into_owned())
}

fn peer_certificate(connection: &CommonState) -> Option<CertificateInfo> {
    let chain = connection.peer_certificates().unwrap_or_default();
    chain.first().and_then(CertificateInfo::parse)
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateInfo {
    /// The subject, as a distinguished name.
    pub subject: String,
    /// Who has signed it, as a distinguished name.
    pub issuer: String,
    /// The DNS names and IP addresses that it is for (its `subjectAltName`;
    /// the common name counts for nothing, RFC 9525 §2).
    pub names: Vec<String>,
    /// The first moment of its validity.
    #[serde(serialize_with = "as_text")]
    pub not_before: Timestamp,
    /// The last moment of its validity.
    #[serde(serialize_with = "as_text")]
    pub not_after: Timestamp,
    /// The pin of its public key.
    pub pin: Pin,
}

impl CertificateInfo {
    /// Reads a certificate; `None` when it is none.
    pub fn parse(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = match certificate.subject_alternative_name() {
            Ok(Some(extension)) => extension
                .value
                .general_names
                .iter()
                .filter_map(host_name)
                .collect(),
            _ => Vec::new(),
        };
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names,
            not_before: timestamp(certificate.validity().not_before)?,
            not_after: timestamp(certificate.validity().not_after)?,
            pin: Pin::of_spki(certificate.public_key().raw),
        })
    }

    /// Whether it names itself as its issuer.
    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| v6()).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

fn timestamp(time: ASN1Time) -> Option<Timestamp> {
    Timestamp::from_second(time.timestamp()).ok()
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// The versions that may be spoken, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The oldest.
    pub min: TlsVersion,
    /// The newest; not older than `min`.
    pub max: TlsVersion,
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            min: TlsVersion::Tls12,
            max: TlsVersion::Tls13,
        }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            self.min.fmt(f)
        } else {
            write!(f, "{} to {}", self.min, self.max)
        }
    }
}

impl Versions {
    pub(super) fn supported(self) -> Vec<&'static SupportedProtocolVersion> {
        [
            (TlsVersion::Tls12, &rustls::version::TLS12),
            (TlsVersion::Tls13, &rustls::version::TLS13),
        ]
        .into_iter()
        .filter(|(version, _)| (self.min..=self.max).contains(version))
        .map(|(_, supported)| supported)
        .collect()
    }
}
