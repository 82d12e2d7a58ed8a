//! The library's own server side of TLS, and the flags on both sides.

use std::ffi::OsString;

use clap::Parser;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use wscli::internal::flags::ServeTlsArgs;
use wscli::internal::flags::TlsArgs;
use wscli::internal::flags::{TlsEnv, config, describe, server};
use wscli::internal::tls::{AcceptError, ServerTls, ServerTlsSettings};
use wscli::internal::tls::{Identity, TlsSettings, TlsVersion};
use wscli::internal::{ExitStatus, status_of};

use crate::certs::{Authority, Files};
use crate::peers::{LIMIT, echo, insecure, open_port, open_url, refusal, serve, talk, trust};

/// Starts an echo server; returns its port and what its handshakes fail with.
async fn start(tls: ServerTls) -> (u16, mpsc::UnboundedReceiver<AcceptError>) {
    let (failed, failures) = mpsc::unbounded_channel();
    let port = serve(move |stream: TcpStream| {
        let (tls, failed) = (tls.clone(), failed.clone());
        async move {
            match tls.accept(stream.into(), LIMIT).await {
                Ok((transport, _)) => echo(transport).await,
                Err(error) => {
                    let _ = failed.send(error);
                }
            }
        }
    })
    .await;
    (port, failures)
}

fn self_signed() -> ServerTls {
    ServerTls::new(ServerTlsSettings {
        identity: Identity::self_signed("0.0.0.0", Timestamp::now()).unwrap(),
        clients: None,
        key_log: None,
    })
    .unwrap()
}

#[tokio::test]
async fn a_self_signed_server_is_trusted_by_its_pin() {
    let tls = self_signed();
    let pin = tls.certificate().pin;
    let (port, mut failures) = start(tls).await;
    let settings = || TlsSettings {
        pins: pin.into(),
        ..insecure()
    };
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("wss://{host}:{port}/");
        talk(open_url(&url, settings()).await.unwrap()).await;
    }
    let error = refusal(port, trust(&Authority::new("other").pem())).await;
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains(&pin.to_string()), "{error}: {hint}");
    assert_eq!(
        failures.recv().await.unwrap().to_string(),
        "the client ended the TLS handshake with the alert unknown_ca"
    );
}

#[tokio::test]
async fn plain_http_is_told_to_use_tls() {
    let (port, mut failures) = start(self_signed()).await;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with(
            "This port speaks TLS: use wss:// in place of ws:// (https:// in place of http://).\n"
        ),
        "{answer}"
    );
    drop(stream);
    assert!(matches!(
        failures.recv().await.unwrap(),
        AcceptError::PlainHttp
    ));
    for (bytes, message) in [
        (
            &b"\x00\x01"[..],
            "the client speaks no TLS (it began with '\\x00\\x01')",
        ),
        (
            b"",
            "the client closed the connection during the TLS handshake",
        ),
        (
            b"\x16\x03\x01",
            "the client closed the connection during the TLS handshake",
        ),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(failures.recv().await.unwrap().to_string(), message);
    }
}

#[derive(Debug, Parser)]
struct Client {
    #[command(flatten)]
    tls: TlsArgs,
}

#[derive(Debug, Parser)]
struct Server {
    #[command(flatten)]
    tls: ServeTlsArgs,
}

fn arguments(given: &[&str]) -> Vec<OsString> {
    [&["wscli"], given]
        .concat()
        .iter()
        .map(OsString::from)
        .collect()
}

#[tokio::test]
async fn flags_make_a_client_and_a_server_that_know_each_other() {
    let authority = Authority::new("ca");
    let (leaf, client) = (authority.issue(&["localhost"]), authority.issue(&[]));
    let files = Files::new();
    let path = |name: &str, content: &[u8]| files.write(name, content).display().to_string();
    let ca = path("ca.pem", authority.pem().as_bytes());
    let cert = path("s.pem", leaf.certificate.as_bytes());
    let key = path("s.key", leaf.encrypted_key("server").as_bytes());
    let p12 = path("c.p12", &client.pkcs12("client"));
    let args = Server::try_parse_from(arguments(&[
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--tls-pass",
        "server",
        "--tls-client-ca",
        &ca,
    ]))
    .unwrap();
    let tls = server(&args.tls, &TlsEnv::default(), "localhost").unwrap();
    let (port, mut failures) = start(tls.unwrap()).await;
    let args = Client::try_parse_from(arguments(&[
        "--ca",
        &ca,
        "--cert",
        &p12,
        "--pass",
        "client",
        "--tlsv1.3",
        "--tls-max",
        "1.3",
        "--pinnedpubkey",
        &leaf.pin().to_string(),
        "--sni",
        "localhost",
    ]))
    .unwrap();
    assert!(!format!("{args:?}").contains("\"client\""));
    let env = TlsEnv {
        ca_bundle: None,
        key_log: Some(files.path("keys")),
    };
    let settings = config(&args.tls, &env).unwrap().settings().clone();
    let opened = open_port(port, settings).await.unwrap();
    let info = opened.reached.tls.clone().unwrap();
    assert_eq!(info.version, TlsVersion::Tls13);
    let lines = describe(&info);
    assert!(lines[0].starts_with("TLS 1.3, TLS_"), "{lines:?}");
    assert!(lines[0].ends_with(", ALPN http/1.1"), "{lines:?}");
    assert_eq!(lines[1], "certificate CN=leaf, for localhost");
    assert_eq!(lines[5], "the client certificate was sent");
    let json = serde_json::to_value(&info).unwrap();
    assert_eq!(json["version"], "TLS 1.3");
    assert_eq!(json["certificate"]["not_after"], "4096-01-01T00:00:00Z");
    talk(opened).await;
    assert!(files.path("keys").exists());
    // Without a certificate: the server knows why, too.
    refusal(port, trust(&authority.pem())).await;
    let failure = failures.recv().await.unwrap();
    assert!(
        matches!(failure, AcceptError::NoClientCertificate),
        "{failure:?}"
    );
}

#[test]
fn flags_that_cannot_work_are_usage_errors() {
    let files = Files::new();
    let text = files.write("text", "hello").display().to_string();
    for (given, message) in [
        (&["--cacert", "/no/such"][..], "could not read '/no/such': "),
        (
            &["--cacert", &text],
            "holds no certificate; give one as PEM, DER or PKCS#12",
        ),
        (
            &["--cert", "/no/such.p12:pw"],
            "; give a passphrase with --pass, not behind a colon",
        ),
        (&["--sni", "a b"], "--sni 'a b' is no host name or address"),
        (
            &["--tlsv1.3", "--tls-max", "1.2"],
            "--tlsv1.3 and --tls-max 1.2 leave no version of TLS; leave one of them out",
        ),
    ] {
        let args = Client::try_parse_from(arguments(given)).unwrap();
        let error = config(&args.tls, &TlsEnv::default()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(status_of(&error), ExitStatus::Usage, "{error}");
    }
    let env = TlsEnv {
        ca_bundle: None,
        key_log: Some("/no/such/log".into()),
    };
    let error = config(&TlsArgs::default(), &env).unwrap_err();
    assert!(
        error.to_string().contains("SSLKEYLOGFILE names it"),
        "{error}"
    );
    for (given, message) in [
        (
            &["--tls-max", "1.1"][..],
            "TLS 1.1 is deprecated (RFC 8996) and not supported",
        ),
        (&["--pinnedpubkey", "key.pem"], "write sha256//BASE64"),
        (&["--key", "k"], "--cert <FILE>"),
    ] {
        let error = Client::try_parse_from(arguments(given))
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn no_flag_is_no_tls_and_a_client_ca_alone_is_refused() {
    let none = server(&ServeTlsArgs::default(), &TlsEnv::default(), "localhost");
    assert!(none.unwrap().is_none());
    let args = Server::try_parse_from(arguments(&["--tls-client-ca", "x"])).unwrap();
    let error = server(&args.tls, &TlsEnv::default(), "localhost").unwrap_err();
    assert!(
        error.to_string().starts_with("--tls-client-ca needs TLS"),
        "{error}"
    );
}
