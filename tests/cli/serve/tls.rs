//! What a server does over TLS that it does otherwise in plain, or not at all.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Ends as _, PATIENCE, Server, wscli};
use crate::wire::{Wire, handshake};

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
    let output = wscli(&[&["connect", &url, "-1"], flags].concat()).ends();
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

/// A client of TLS that trusts this authority, on its way to the server.
fn client(authority: &Authority, port: u16) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let root = authority.issuer.der().clone();
    roots.add(root).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    StreamOwned::new(tls, stream)
}

/// Sends a handshake; what is answered, up to the end that TLS tells of.
fn answer(mut client: StreamOwned<ClientConnection, TcpStream>) -> io::Result<String> {
    client.write_all(handshake(&[]).as_bytes())?;
    let mut answer = String::new();
    // Without a close_notify this fails: the answer could have been cut off.
    client.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_client_of_tls_can_read_why_it_is_refused() {
    let authority = Authority::new();
    let certificate = authority.issue("server", &["localhost"]);
    for (limit, reason) in [
        (
            "--max-connections-per-ip",
            "too many connections from this address\r\n",
        ),
        (
            "--max-connections",
            "the server has as many connections as it takes; try again later\n",
        ),
    ] {
        let server = Server::start(&["--tls-cert", &certificate, limit, "1"]);
        let mut first = client(&authority, server.port());
        first.write_all(handshake(&[]).as_bytes()).expect("TLS");
        assert_eq!(server.event("open")["connection"], 1);
        let answer = answer(client(&authority, server.port())).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{limit}: {answer}");
        assert!(answer.ends_with(reason), "{limit}: {answer}");

        let url = format!("wss://localhost:{}/ws", server.port());
        let args = ["connect", &url, "--cacert", &authority.file()];
        let output = wscli(&args).ends();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{limit}: {stderr}");
        assert!(stderr.contains(reason.trim_end()), "{limit}: {stderr}");
    }
}

#[test]
fn who_is_refused_cannot_have_any_number_of_tls_handshakes() {
    /// As many as are told at a time.
    const TOLD: usize = 64;
    let authority = Authority::new();
    let certificate = authority.issue("server", &["localhost"]);
    let limits = ["--max-connections-per-ip", "1", "--handshake-timeout", "1h"];
    let server = Server::start(&[&["--tls-cert", &certificate], &limits[..]].concat());
    // None of them says anything.
    let _first = Wire::connect(server.port());
    let mut refused: Vec<_> = (0..TOLD).map(|_| Wire::connect(server.port())).collect();
    Wire::connect(server.port()).end_of_stream();
    // What is given back is given again, once the server has seen it.
    refused.pop();
    let start = Instant::now();
    let answer = loop {
        assert!(start.elapsed() < PATIENCE, "nobody is told any more");
        if let Ok(answer) = answer(client(&authority, server.port())) {
            break answer;
        }
    };
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

/// The certificate that the server shows.
#[cfg(unix)]
fn shown(authority: &Authority, port: u16) -> Vec<u8> {
    let mut client = client(authority, port);
    client.write_all(handshake(&[]).as_bytes()).expect("TLS");
    let shown = client.conn.peer_certificates().expect("a certificate");
    shown[0].to_vec()
}

#[cfg(unix)]
#[test]
fn sighup_takes_a_renewed_certificate_and_keeps_the_old_one_where_that_is_broken() {
    use rustix::process::Signal;
    if crate::harness::ignores_hangups() {
        return;
    }
    let authority = Authority::new();
    let path = authority.issue("first", &["localhost"]);
    let server = Server::start(&["--tls-cert", &path]);
    let mut before = client(&authority, server.port());
    before.write_all(handshake(&[]).as_bytes()).expect("TLS");
    server.event("open");
    let first = shown(&authority, server.port());

    std::fs::copy(authority.issue("second", &["localhost"]), &path).unwrap();
    server.running.signal(Signal::HUP);
    let event = server.event("reloaded");
    assert_eq!(event["certificate"]["subject"], "CN=second", "{event}");
    let second = shown(&authority, server.port());
    assert!(first != second);

    std::fs::write(&path, "broken").unwrap();
    server.running.signal(Signal::HUP);
    let event = server.event("reload-failed");
    let why = event["message"].as_str().unwrap();
    assert!(why.starts_with("kept the old certificate: "), "{why}");
    assert!(shown(&authority, server.port()) == second);
    // Who was there has noticed nothing.
    before
        .write_all(&crate::wire::frame(1, b"hi"))
        .expect("it is open");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x02hi") {
        let mut byte = [0];
        before.read_exact(&mut byte).expect("an echo");
        answer.push(byte[0]);
    }
}
