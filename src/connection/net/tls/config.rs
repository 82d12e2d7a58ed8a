//! How TLS judges the server, and what it shows of the client.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, KeyLog, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::sync::OnceCell;

use super::error::TlsError;
use super::identity::{FileError, Identity, load_certificates};
use super::info::Versions;
use super::pin::Pins;
use super::provider::{ALPN, provider};
use super::verify::{GivenRoots, Judge, Seen, Shown};

/// Whose certificates are trusted.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// The platform's trust store.
    #[default]
    Platform,
    /// These roots, and the platform's not.
    Roots(Roots),
    /// Anyone. Pins, where given, still hold.
    Anyone,
}

/// Root certificates from a file.
#[derive(Debug, Clone)]
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    store: Arc<RootCertStore>,
}

impl Roots {
    /// Reads the certificates of a PEM file, or the one of a DER file.
    ///
    /// # Errors
    /// A [`FileError`], also when one of them is not valid.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let certificates = load_certificates(path)?;
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store
                .add(certificate.clone())
                .map_err(|cause| FileError::BadCertificate {
                    path: path.into(),
                    cause: cause.to_string(),
                })?;
        }
        Ok(Self {
            certificates,
            store: store.into(),
        })
    }

    pub(in crate::connection) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }
}

/// A file that takes the secrets of every session, in the format that
/// Wireshark reads (NSS key log).
#[derive(Debug, Clone)]
pub struct KeyLogFile(Arc<Mutex<File>>);

impl KeyLogFile {
    /// Opens the file to append to it; creates it for its owner alone.
    ///
    /// # Errors
    /// [`FileError::KeyLog`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|source| FileError::KeyLog {
            path: path.into(),
            source,
        })?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        if let Ok(mut file) = self.0.lock() {
            // A full disk must not end the connection that is looked into.
            let _ = file.write_all(line.as_bytes());
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What there is to set.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// The public keys that the server may have, in addition to being
    /// trusted.
    pub pins: Pins,
    /// What is shown to a server that asks for a certificate.
    pub identity: Option<Identity>,
    /// The name that is sent (SNI) and verified in place of the URL's.
    pub server_name: Option<ServerName<'static>>,
    /// The versions that may be spoken.
    pub versions: Versions,
    /// Where the secrets of every session go.
    pub key_log: Option<KeyLogFile>,
}

/// How TLS judges the server, and what it shows of the client.
///
/// Cheap to clone and to make: the platform's trust store is read when the
/// first connection needs it, once for all clones.
#[derive(Debug, Clone, Default)]
pub struct TlsConfig(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    settings: TlsSettings,
    base: OnceCell<Base>,
}

/// What all connections have in common.
#[derive(Debug)]
struct Base {
    config: ClientConfig,
    chain: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl From<TlsSettings> for TlsConfig {
    fn from(settings: TlsSettings) -> Self {
        Self(Arc::new(Inner {
            settings,
            base: OnceCell::new(),
        }))
    }
}

impl TlsConfig {
    /// What is set.
    pub fn settings(&self) -> &TlsSettings {
        &self.0.settings
    }

    /// Whether a client certificate is shown to servers that ask.
    pub fn shows_certificate(&self) -> bool {
        self.settings().identity.is_some()
    }

    /// The configuration of one connection, which notes what it sees.
    pub(super) async fn client(&self, seen: &Arc<Seen>) -> Result<ClientConfig, TlsError> {
        let settings = self.settings();
        let base = self
            .0
            .base
            .get_or_try_init(async || {
                let settings = settings.clone();
                // Reads some hundred certificates from files.
                let built = tokio::task::spawn_blocking(move || build(&settings)).await;
                built.map_err(|cause| TlsError::TrustStore(cause.to_string()))?
            })
            .await?;
        let mut config = base.config.clone();
        config.dangerous().set_certificate_verifier(Arc::new(Judge {
            chain: base.chain.clone(),
            pins: settings.pins.clone(),
            algorithms: base.provider.signature_verification_algorithms,
            seen: Arc::clone(seen),
        }));
        config.client_auth_cert_resolver = Arc::new(Shown {
            identity: settings.identity.clone(),
            seen: Arc::clone(seen),
        });
        Ok(config)
    }
}

fn build(settings: &TlsSettings) -> Result<Base, TlsError> {
    let provider = Arc::new(provider());
    let chain = chain_verifier(&settings.trust, &provider)?;
    let seen = Arc::new(Seen::default());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&settings.versions.supported())
        .map_err(TlsError::Protocol)?
        .dangerous()
        // Stands in for the one of each connection.
        .with_custom_certificate_verifier(Arc::new(Judge {
            chain: chain.clone(),
            pins: settings.pins.clone(),
            algorithms: provider.signature_verification_algorithms,
            seen,
        }))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session shows no certificate and costs less than a new one:
    // neither is what a tool that diagnoses and measures wants.
    config.resumption = rustls::client::Resumption::disabled();
    if let Some(key_log) = &settings.key_log {
        config.key_log = Arc::new(key_log.clone());
    }
    Ok(Base {
        config,
        chain,
        provider,
    })
}

fn chain_verifier(
    trust: &Trust,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ServerCertVerifier>>, TlsError> {
    let provider = Arc::clone(provider);
    Ok(match trust {
        Trust::Anyone => None,
        Trust::Platform => {
            let verifier = Verifier::new(provider);
            Some(Arc::new(
                verifier.map_err(|cause| TlsError::TrustStore(cause.to_string()))?,
            ))
        }
        Trust::Roots(roots) => {
            let chain = WebPkiServerVerifier::builder_with_provider(roots.store(), provider)
                .build()
                .map_err(|cause| TlsError::TrustStore(cause.to_string()))?;
            Some(Arc::new(GivenRoots {
                roots: roots.certificates.clone(),
                chain,
            }))
        }
    })
}
