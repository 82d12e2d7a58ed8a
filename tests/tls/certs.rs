//! Certificates made for one test.

use std::fs;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use wscli::internal::tls::{CertificateInfo, Pin};

/// Which half of time a certificate is valid in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    Now,
    Past,
    Future,
}

/// An authority that signs.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

fn params(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Leaf {
        self.issue_valid(names, Validity::Now)
    }

    pub(crate) fn issue_valid(&self, names: &[&str], validity: Validity) -> Leaf {
        let mut params = params("leaf", names);
        match validity {
            Validity::Now => {}
            Validity::Past => params.not_after = date_time_ymd(2020, 2, 3),
            Validity::Future => params.not_before = date_time_ymd(2100, 2, 3),
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Leaf::new(&certificate, &key)
    }
}

impl Leaf {
    /// A certificate that nobody else has signed, marked as a CA's where
    /// `openssl req -x509` marks it so.
    pub(crate) fn self_signed(names: &[&str], ca: bool) -> Self {
        let mut params = params("self", names);
        if ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        Self::new(&params.self_signed(&key).unwrap(), &key)
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.der.clone()]
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.clone()).into()
    }

    pub(crate) fn pin(&self) -> Pin {
        CertificateInfo::parse(&self.der).unwrap().pin
    }

    /// The key, encrypted as OpenSSL does today (PBES2).
    pub(crate) fn encrypted_key(&self, passphrase: &str) -> String {
        let key = pkcs8::PrivateKeyInfoRef::try_from(&self.key_der[..]).unwrap();
        let parameters = pkcs8::pkcs5::pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(
            2048,
            b"saltsalt",
            [7; 16],
        )
        .unwrap();
        let encrypted = key.encrypt_with_params(parameters, passphrase).unwrap();
        encrypted
            .to_pem("ENCRYPTED PRIVATE KEY", Default::default())
            .unwrap()
            .to_string()
    }

    /// Certificate and key as PKCS#12.
    pub(crate) fn pkcs12(&self, passphrase: &str) -> Vec<u8> {
        use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
        let key = PrivateKey::from_der(&self.key_der).unwrap();
        let certificate = Certificate::from_der(&self.der).unwrap();
        let chain = PrivateKeyChain::new(vec![1], key, [certificate]);
        let mut store = KeyStore::new();
        store.add_entry("leaf", KeyStoreEntry::PrivateKeyChain(chain));
        store
            .writer(passphrase)
            .encryption_iterations(2048)
            .mac_iterations(2048)
            .write()
            .unwrap()
    }
}

/// Files that live as long as the test.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }
}
