//! Certificates and keys from files: PEM, DER and PKCS#12, encrypted or not.
//!
//! Nothing is asked for here: a file that needs a passphrase is an error that
//! says so, and the caller comes again with one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error as Pkcs12Error;
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use zeroize::Zeroizing;

use super::info::CertificateInfo;
use super::pem::{self, Block};
use super::pin::Pin;
use super::provider::provider;

/// Why a file is of no use.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("could not read '{}': {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("could not write the TLS key log '{}': {source}", path.display())]
    KeyLog {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// A block of it is cut off or garbled.
    #[error("'{}' is not valid PEM: its block '{label}' is cut off or not base64", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the block calls itself.
        label: String,
    },
    /// It holds no certificate.
    #[error("'{}' holds no certificate; give one as PEM, DER or PKCS#12", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in it cannot be read.
    #[error("'{}' holds a certificate that cannot be read: {cause}", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// The parser's finding.
        cause: String,
    },
    /// It holds no private key.
    #[error("'{}' holds no private key; give the file that does with --key (--tls-key for a server)", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Its private key cannot be used.
    #[error("the private key in '{}' cannot be used: {cause}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// It is encrypted, and no passphrase was given.
    #[error("'{}' needs a passphrase; give it with --pass (--tls-pass for a server), or run in a terminal to be asked for it", path.display())]
    NeedsPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open it.
    #[error("the passphrase does not open '{}'", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// It is encrypted in a way that is not supported.
    #[error(
        "'{}' is encrypted in a way that is not supported ({cause}); convert it with: openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW",
        path.display()
    )]
    Encryption {
        /// The file.
        path: PathBuf,
        /// The way.
        cause: String,
    },
    /// It is no PKCS#12 after all.
    #[error("'{}' is neither PEM nor a PKCS#12 that can be read: {cause}", path.display())]
    Pkcs12 {
        /// The file.
        path: PathBuf,
        /// The parser's finding.
        cause: String,
    },
    /// The key is not the certificate's.
    #[error(
        "the private key in '{}' does not belong to the certificate in '{}'",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

impl FileError {
    /// Whether it would help to ask for a passphrase.
    pub fn needs_passphrase(&self) -> bool {
        matches!(self, Self::NeedsPassphrase { .. })
    }
}

/// The files of an identity.
#[derive(Debug, Clone, Copy)]
pub struct IdentityFiles<'a> {
    /// A certificate and its chain: PEM, DER, or PKCS#12 with the key.
    pub certificate: &'a Path,
    /// The private key, where it is in a file of its own: PEM or DER.
    pub key: Option<&'a Path>,
    /// What the key, or the PKCS#12, is encrypted with.
    pub passphrase: Option<&'a str>,
}

/// A certificate with its chain and its private key. `Debug` shows no key.
#[derive(Debug, Clone)]
pub struct Identity(pub(in crate::connection) Arc<CertifiedKey>);

impl Identity {
    /// Reads an identity from its files.
    ///
    /// # Errors
    /// A [`FileError`] that names the file.
    pub fn load(files: IdentityFiles<'_>) -> Result<Self, FileError> {
        let (chain, key) = read(files)?;
        Self::from_der(chain, key, files)
    }

    fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        files: IdentityFiles<'_>,
    ) -> Result<Self, FileError> {
        let key_path = files.key.unwrap_or(files.certificate);
        match CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider()) {
            Ok(certified) => Ok(Self(Arc::new(certified))),
            // rustls does not read X.509 version 1. It is the server that judges
            // the certificate.
            Err(rustls::Error::InvalidCertificate(_)) if belongs(&chain, &key) => {
                let key = provider().key_provider.load_private_key(key);
                let key = key.map_err(|cause| FileError::BadKey {
                    path: key_path.into(),
                    cause: cause.to_string(),
                })?;
                Ok(Self(Arc::new(CertifiedKey::new(chain, key))))
            }
            Err(rustls::Error::InconsistentKeys(_)) => Err(FileError::Mismatch {
                certificate: files.certificate.into(),
                key: key_path.into(),
            }),
            Err(rustls::Error::InvalidCertificate(cause)) => Err(FileError::BadCertificate {
                path: files.certificate.into(),
                cause: cause.to_string(),
            }),
            Err(_) => Err(FileError::BadKey {
                path: key_path.into(),
                cause: "it is not RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, or Ed25519"
                    .into(),
            }),
        }
    }
}

/// Whether a certificate that rustls does not read is the key's.
fn belongs(chain: &[CertificateDer<'_>], key: &PrivateKeyDer<'static>) -> bool {
    let Some(certificate) = chain.first().and_then(|der| CertificateInfo::parse(der)) else {
        return false;
    };
    let key = provider().key_provider.load_private_key(key.clone_key());
    key.ok()
        .and_then(|key| Some(Pin::of_spki(key.public_key()?.as_ref())))
        .is_some_and(|pin| pin == certificate.pin)
}

/// Reads the certificates of a file: PEM with any number, or one as DER.
///
/// # Errors
/// A [`FileError`], also when there is none in it.
pub fn load_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    certificates(path, &read_file(path)?)
}

type Parts = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read(files: IdentityFiles<'_>) -> Result<Parts, FileError> {
    let path = files.certificate;
    let file = read_file(path)?;
    if is_pkcs12(&file) {
        return pkcs12(path, &file, files.passphrase);
    }
    let chain = certificates(path, &file)?;
    let key = match files.key {
        Some(path) => private_key(path, &read_file(path)?, files.passphrase)?,
        None => private_key(path, &file, files.passphrase)?,
    };
    Ok((chain, key))
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    fs::read(path)
        .map(Zeroizing::new)
        .map_err(|source| FileError::Read {
            path: path.into(),
            source,
        })
}

/// PKCS#12 is a DER sequence that begins with the version 3 (RFC 7292 §4),
/// where a certificate has a sequence and a key the version 0 or 1.
fn is_pkcs12(file: &[u8]) -> bool {
    let length_bytes = match file {
        [0x30, length, ..] if *length >= 0x80 => usize::from(length & 0x7f),
        [0x30, ..] => 0,
        _ => return false,
    };
    file.get(2 + length_bytes..)
        .is_some_and(|content| content.starts_with(&[0x02, 0x01, 0x03]))
}

fn pem_blocks(path: &Path, file: &[u8]) -> Result<Vec<Block>, FileError> {
    pem::blocks(file).map_err(|label| FileError::Pem {
        path: path.into(),
        label,
    })
}

fn certificates(path: &Path, file: &[u8]) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let found: Vec<_> = if pem::is_pem(file) {
        pem_blocks(path, file)?
            .into_iter()
            .filter(|block| matches!(&block.label[..], "CERTIFICATE" | "X509 CERTIFICATE"))
            .map(|block| CertificateDer::from(block.der))
            .collect()
    } else if file.first() == Some(&0x30) {
        vec![CertificateDer::from(file.to_vec())]
    } else {
        Vec::new()
    };
    if found.is_empty() {
        return Err(FileError::NoCertificate { path: path.into() });
    }
    Ok(found)
}

fn private_key(
    path: &Path,
    file: &[u8],
    passphrase: Option<&str>,
) -> Result<PrivateKeyDer<'static>, FileError> {
    if !pem::is_pem(file) {
        return plain_key(path, file.to_vec());
    }
    for block in pem_blocks(path, file)? {
        if block.legacy_encrypted {
            return Err(FileError::Encryption {
                path: path.into(),
                cause: "OpenSSL's traditional format".into(),
            });
        }
        match &block.label[..] {
            "ENCRYPTED PRIVATE KEY" => return decrypt(path, &block.der, passphrase),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
                return plain_key(path, block.der);
            }
            _ => {}
        }
    }
    Err(FileError::NoKey { path: path.into() })
}

fn plain_key(path: &Path, der: Vec<u8>) -> Result<PrivateKeyDer<'static>, FileError> {
    PrivateKeyDer::try_from(der).map_err(|_| FileError::NoKey { path: path.into() })
}

fn decrypt(
    path: &Path,
    der: &[u8],
    passphrase: Option<&str>,
) -> Result<PrivateKeyDer<'static>, FileError> {
    let passphrase = passphrase.ok_or_else(|| FileError::NeedsPassphrase { path: path.into() })?;
    // The old PBES1 of PKCS#12 does not even parse.
    let unknown = |cause: String| FileError::Encryption {
        path: path.into(),
        cause,
    };
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| unknown("it is not PBES2, RFC 8018".into()))?;
    let decrypted = encrypted.decrypt(passphrase).map_err(|cause| match cause {
        pkcs8::Error::EncryptedPrivateKey(
            cause @ (pkcs8::pkcs5::Error::NoPbes1CryptSupport
            | pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. }),
        ) => unknown(cause.to_string()),
        // A wrong key often passes the check of the padding, and then what
        // comes out is no key.
        _ => FileError::WrongPassphrase { path: path.into() },
    })?;
    Ok(PrivatePkcs8KeyDer::from(decrypted.as_bytes().to_vec()).into())
}

fn pkcs12(path: &Path, file: &[u8], passphrase: Option<&str>) -> Result<Parts, FileError> {
    let archive = match passphrase {
        Some(passphrase) => open_pkcs12(path, file, passphrase)?,
        // An empty passphrase is common, and nobody wants to be asked for it.
        None => open_pkcs12(path, file, "").map_err(|error| match error {
            FileError::WrongPassphrase { path } => FileError::NeedsPassphrase { path },
            error => error,
        })?,
    };
    let key = archive
        .keys
        .first()
        .ok_or_else(|| FileError::NoKey { path: path.into() })?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.key.as_der().to_vec()));
    let mut rest: Vec<_> = archive.certs.into_iter().map(|bag| bag.cert).collect();
    // The key ids that should link the two are often left out.
    let leaf = rest.iter().position(|certificate| {
        CertifiedKey::from_der(vec![der_of(certificate)], key.clone_key(), &provider()).is_ok()
    });
    let mut last = match leaf {
        Some(index) => rest.remove(index),
        None if rest.is_empty() => {
            return Err(FileError::NoCertificate { path: path.into() });
        }
        None => rest.remove(0),
    };
    let mut chain = vec![der_of(&last)];
    while let Some(index) = rest
        .iter()
        .position(|certificate| certificate.subject() == last.issuer())
    {
        last = rest.remove(index);
        chain.push(der_of(&last));
    }
    Ok((chain, key))
}

fn open_pkcs12(path: &Path, file: &[u8], passphrase: &str) -> Result<Pkcs12Archive, FileError> {
    Pkcs12Archive::from_pkcs12(file, passphrase).map_err(|cause| match cause {
        Pkcs12Error::MacError(_) | Pkcs12Error::UnpadError | Pkcs12Error::Pkcs5Error(_) => {
            FileError::WrongPassphrase { path: path.into() }
        }
        cause => FileError::Pkcs12 {
            path: path.into(),
            cause: cause.to_string(),
        },
    })
}

fn der_of(certificate: &p12_keystore::Certificate) -> CertificateDer<'static> {
    CertificateDer::from(certificate.as_der().to_vec())
}
