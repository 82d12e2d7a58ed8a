//! What a server does over TLS that it does otherwise in plain, or not at all.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Server, wscli};

/// An authority whose certificates are files that live as long as the test.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = params("authority", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate"),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Its own certificate.
    fn file(&self) -> String {
        self.write("ca.pem", &self.issuer.pem())
    }

    /// A certificate for these names, and its key.
    fn issue(&self, subject: &str, names: &[&str]) -> String {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(subject, names).signed_by(&key, &self.issuer);
        let certificate = certificate.expect("a certificate");
        let both = certificate.pem() + &key.serialize_pem();
        self.write(&format!("{subject}.pem"), &both)
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.to_str().expect("a path of text").to_owned()
    }
}

fn params(subject: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, subject);
    params
}

/// What `/json` tells a client that connects to this host with these flags.
fn seen(server: &Server, scheme_and_host: &str, flags: &[&str]) -> Value {
    let url = format!("{scheme_and_host}:{}/json", server.port());
    let output = wscli(&[&["connect", &url, "-1"], flags].concat()).output();
    let output = output.expect("the program can be started");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{flags:?}: {stderr}");
    serde_json::from_slice(&output.stdout).expect("a message of JSON")
}

#[test]
fn the_lab_tells_what_tls_has_agreed_on() {
    let server = Server::start(&["--lab", "--tls-self-signed"]);
    for (host, flags, version, name) in [
        ("wss://localhost", &[][..], "TLS 1.3", Some("localhost")),
        // An address is no name to ask for (RFC 6066 §3).
        ("wss://127.0.0.1", &[], "TLS 1.3", None),
        (
            "wss://127.0.0.1",
            &["--sni", "other.example", "--tls-max", "1.2"],
            "TLS 1.2",
            Some("other.example"),
        ),
    ] {
        let tls = &seen(&server, host, &[&["-k"], flags].concat())["tls"];
        assert_eq!(tls["version"], version, "{tls}");
        assert_eq!(tls["server_name"], json!(name), "{tls}");
        assert_eq!(tls["alpn"], "http/1.1", "{tls}");
        let cipher = tls["cipher"].as_str().expect("a cipher suite");
        assert!(cipher.starts_with("TLS_"), "{tls}");
        assert!(tls["key_exchange"].is_string(), "{tls}");
        assert_eq!(tls["client_auth"], "not_requested", "{tls}");
        assert_eq!(tls["client_certificate"], json!(null), "{tls}");
    }
    let plain = Server::start(&["--lab"]);
    let seen = seen(&plain, "ws://127.0.0.1", &[]);
    assert_eq!(seen.get("tls"), Some(&json!(null)), "{seen}");
    let peer = seen["peer"].as_str().expect("a peer");
    assert!(peer.starts_with("127.0.0.1:"), "{seen}");
}

#[test]
fn the_lab_tells_whose_certificate_the_client_has_shown() {
    let authority = Authority::new();
    let (ca, server, client) = (
        authority.file(),
        authority.issue("server", &["localhost"]),
        authority.issue("client", &["client.example"]),
    );
    let server = Server::start(&["--lab", "--tls-cert", &server, "--tls-client-ca", &ca]);
    let flags = ["--cacert", &ca, "--cert", &client];
    let tls = &seen(&server, "wss://localhost", &flags)["tls"];
    assert_eq!(tls["client_auth"], "sent", "{tls}");
    let certificate = &tls["client_certificate"];
    assert_eq!(certificate["subject"], "CN=client", "{tls}");
    assert_eq!(certificate["issuer"], "CN=authority", "{tls}");
    assert_eq!(certificate["names"], json!(["client.example"]), "{tls}");
}
