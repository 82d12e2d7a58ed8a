//! TLS with other people's servers: nginx, haproxy and OpenSSL.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use wscli::connection::OpenError;
use wscli::connection::dial::tls::{
    ClientAuth, FileError, Identity, IdentityFiles, TlsError, TlsInfo, TlsSettings, TlsVersion,
    Versions,
};
use wscli::connection::dial::{DialConfig, DialError, dial};
use wscli::connection::handshake::HandshakeError;

use crate::certs::{Authority, Files, Leaf, Validity};
use crate::peers::{LIMIT, echo, insecure, open_port, open_url, refusal, serve, talk, trust};

/// What haproxy and OpenSSL do with plain HTTP on a port for TLS.
const CLOSED_IN_PLAIN: &str =
    "the server closed the connection without an answer to the opening handshake";

/// A program that is ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago: these programs take no port 0.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Program {
    /// Starts a program and waits until it listens.
    async fn start(command: &mut Command, port: u16) -> Self {
        let child = command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut program = Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let listening = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                let ended = program.0.try_wait().unwrap();
                assert!(ended.is_none(), "{command:?} ended with {ended:?}");
                // There is no event to wait for: the programs tell nobody.
                sleep(Duration::from_millis(10)).await;
            }
        };
        let listens = timeout(LIMIT, listening).await;
        listens.unwrap_or_else(|_| panic!("{command:?} does not listen"));
        program
    }
}

/// What both proxies are tried with.
struct Setup {
    authority: Authority,
    files: Files,
    backend: u16,
}

impl Setup {
    async fn new() -> Self {
        let authority = Authority::new("ca");
        let files = Files::new();
        let leaf = authority.issue(&["localhost"]);
        files.write("ca.pem", authority.pem());
        files.write("server.crt", &leaf.certificate);
        files.write("server.key", &leaf.key);
        files.write("server.pem", leaf.certificate.clone() + &leaf.key);
        Self {
            authority,
            files,
            backend: serve(|stream: TcpStream| echo(stream.into())).await,
        }
    }

    fn directory(&self) -> String {
        let path = self.files.path("");
        path.display().to_string().trim_end_matches('/').to_owned()
    }

    fn trusting(&self) -> TlsSettings {
        trust(&self.authority.pem())
    }

    /// With a client certificate signed by `issuer`.
    fn showing(&self, issuer: &Authority) -> TlsSettings {
        let client = issuer.issue(&[]);
        let path = self.files.write("client.p12", client.pkcs12("secret"));
        let identity = Identity::load(IdentityFiles {
            certificate: &path,
            key: None,
            passphrase: Some("secret"),
        });
        TlsSettings {
            identity: Some(identity.unwrap()),
            ..self.trusting()
        }
    }
}

async fn nginx(setup: &Setup) -> (Program, u16, u16) {
    let (tls, plain) = (free_port(), free_port());
    let (directory, backend) = (setup.directory(), setup.backend);
    let location = format!(
        "location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
        }}"
    );
    let configuration = setup.files.write(
        "nginx.conf",
        format!(
            "daemon off;
            pid {directory}/nginx.pid;
            error_log {directory}/error.log;
            events {{}}
            http {{
                access_log off;
                client_body_temp_path {directory}/body;
                proxy_temp_path {directory}/proxy;
                fastcgi_temp_path {directory}/fastcgi;
                uwsgi_temp_path {directory}/uwsgi;
                scgi_temp_path {directory}/scgi;
                server {{
                    listen 127.0.0.1:{tls} ssl;
                    ssl_certificate {directory}/server.crt;
                    ssl_certificate_key {directory}/server.key;
                    ssl_protocols TLSv1.2;
                    ssl_client_certificate {directory}/ca.pem;
                    ssl_verify_client on;
                    {location}
                }}
                server {{
                    listen 127.0.0.1:{plain};
                    {location}
                }}
            }}"
        ),
    );
    let mut command = Command::new("nginx");
    command
        .arg("-c")
        .arg(configuration)
        .arg("-e")
        .arg(format!("{directory}/error.log"));
    let program = Program::start(&mut command, plain).await;
    (program, tls, plain)
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn nginx_with_a_client_certificate_required() {
    let setup = Setup::new().await;
    let (_nginx, tls, plain) = nginx(&setup).await;
    let opened = open_port(tls, setup.showing(&setup.authority))
        .await
        .unwrap();
    let info = opened.tls.clone().unwrap();
    assert_eq!(
        (info.version, info.client_auth, info.alpn.as_deref()),
        (TlsVersion::Tls12, ClientAuth::Sent, Some("http/1.1"))
    );
    assert!(talk(opened).await.error.is_none());
    // nginx refuses in HTTP, inside TLS.
    for (settings, auth, body) in [
        (
            setup.trusting(),
            ClientAuth::Missing,
            "No required SSL certificate was sent",
        ),
        (
            setup.showing(&Authority::new("foreign")),
            ClientAuth::Sent,
            "The SSL certificate error",
        ),
    ] {
        match open_port(tls, settings).await {
            Err(OpenError::Handshake(HandshakeError::Rejected(rejection))) => {
                assert_eq!(rejection.response.status, 400);
                assert_eq!(rejection.tls.unwrap().client_auth, auth);
                let text = String::from_utf8_lossy(&rejection.response.body).into_owned();
                assert!(text.contains(body), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    let newer = TlsSettings {
        versions: Versions {
            min: TlsVersion::Tls13,
            max: TlsVersion::Tls13,
        },
        ..setup.trusting()
    };
    let error = refusal(tls, newer).await;
    assert!(matches!(error, TlsError::Version { .. }), "{error:?}");
    // TLS on the plain port, and the reverse.
    let error = refusal(plain, setup.trusting()).await;
    assert!(matches!(error, TlsError::PlainHttp { .. }), "{error:?}");
    match open_url(&format!("ws://localhost:{tls}/"), insecure()).await {
        Err(OpenError::Handshake(HandshakeError::Rejected(rejection))) => {
            let text = String::from_utf8_lossy(&rejection.response.body).into_owned();
            assert!(
                text.contains("The plain HTTP request was sent to HTTPS port"),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }
}

async fn haproxy(setup: &Setup) -> (Program, u16, u16) {
    let (tls, plain) = (free_port(), free_port());
    let (directory, backend) = (setup.directory(), setup.backend);
    let configuration = setup.files.write(
        "haproxy.cfg",
        format!(
            "defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    timeout tunnel 10s
frontend front
    bind 127.0.0.1:{tls} ssl crt {directory}/server.pem ca-file {directory}/ca.pem verify required alpn h2,http/1.1
    bind 127.0.0.1:{plain}
    default_backend back
backend back
    server echo 127.0.0.1:{backend}
"
        ),
    );
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(configuration);
    let program = Program::start(&mut command, plain).await;
    (program, tls, plain)
}

#[tokio::test]
#[ignore = "needs haproxy"]
async fn haproxy_with_a_client_certificate_required() {
    let setup = Setup::new().await;
    let (_haproxy, tls, plain) = haproxy(&setup).await;
    let opened = open_port(tls, setup.showing(&setup.authority))
        .await
        .unwrap();
    let info = opened.tls.clone().unwrap();
    assert_eq!(
        (info.version, info.client_auth, info.alpn.as_deref()),
        (TlsVersion::Tls13, ClientAuth::Sent, Some("http/1.1"))
    );
    assert!(talk(opened).await.error.is_none());
    let error = refusal(tls, setup.trusting()).await;
    assert!(
        matches!(error, TlsError::ClientCertificateRequired { .. }),
        "{error:?}"
    );
    let error = refusal(tls, setup.showing(&Authority::new("foreign"))).await;
    assert!(
        matches!(error, TlsError::ClientCertificateRefused { .. }),
        "{error:?}"
    );
    let error = refusal(plain, setup.trusting()).await;
    assert!(matches!(error, TlsError::PlainHttp { .. }), "{error:?}");
    let error = open_url(&format!("ws://localhost:{tls}/"), insecure())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), CLOSED_IN_PLAIN);
}

/// Starts `openssl s_server` with a certificate and more arguments.
async fn s_server(files: &Files, leaf: &Leaf, more: &[&str]) -> (Program, u16) {
    let certificate = files.write("server.crt", &leaf.certificate);
    let key = files.write("server.key", &leaf.key);
    s_server_of(&certificate, &key, more).await
}

async fn s_server_of(certificate: &Path, key: &Path, more: &[&str]) -> (Program, u16) {
    let port = free_port();
    let mut command = Command::new("openssl");
    command
        .args([
            "s_server",
            "-quiet",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
        ])
        .arg(certificate)
        .arg("-key")
        .arg(key)
        .args(more);
    (Program::start(&mut command, port).await, port)
}

/// Runs an `openssl` command to its end.
fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Dials without an opening handshake, which `s_server` does not answer.
async fn dial_port(port: u16, settings: TlsSettings) -> Result<TlsInfo, TlsError> {
    let config = DialConfig {
        tls: settings.into(),
        ..DialConfig::default()
    };
    let target = format!("wss://localhost:{port}/").parse().unwrap();
    match timeout(LIMIT, dial(&target, &config)).await.unwrap() {
        Ok(dialed) => Ok(dialed.tls.unwrap()),
        Err(DialError::Tls(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs openssl"]
async fn openssl_servers_that_are_set_up_wrong() {
    let authority = Authority::new("ca");
    let files = Files::new();
    let ca = files.write("ca.pem", authority.pem()).display().to_string();
    let good = authority.issue(&["localhost"]);
    let expired = authority.issue_valid(&["localhost"], Validity::Past);
    let other = authority.issue(&["other.test"]);
    let unknown = Authority::new("unknown").issue(&["localhost"]);
    let trusting = || trust(&authority.pem());
    for (leaf, arguments, expected) in [
        (
            &good,
            &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
            "speaks no version of TLS that was offered (TLS 1.2 to TLS 1.3)",
        ),
        (&expired, &[], "has expired on 2020-02-03T00:00:00Z"),
        (&other, &[], "is for 'other.test', not for 'localhost'"),
        (&unknown, &[], "from an unknown issuer (CN=unknown)"),
        (
            &good,
            &[
                "-tls1_2",
                "-Verify",
                "1",
                "-verify_return_error",
                "-CAfile",
                &ca,
            ],
            "the server wants a client certificate (handshake_failure)",
        ),
        (
            &good,
            &["-tls1_2", "-cipher", "AES128-SHA"],
            "no TLS parameters in common (handshake_failure)",
        ),
        (
            &good,
            &["-groups", "P-521"],
            "no TLS parameters in common (handshake_failure)",
        ),
    ] {
        let (_server, port) = s_server(&files, leaf, arguments).await;
        let error = dial_port(port, trusting()).await.unwrap_err();
        assert!(
            error.to_string().contains(expected),
            "{arguments:?}: {error}"
        );
    }
    let (_server, port) = s_server(&files, &good, &["-tls1_2"]).await;
    let info = dial_port(port, trusting()).await.unwrap();
    assert_eq!(info.version, TlsVersion::Tls12);
    assert!(info.cipher.starts_with("TLS_ECDHE_ECDSA_WITH_"), "{info:?}");
    // Spoken to in plain HTTP.
    let error = open_url(&format!("ws://localhost:{port}/"), insecure())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), CLOSED_IN_PLAIN);
}

#[tokio::test]
#[ignore = "needs openssl"]
async fn certificates_as_openssl_makes_them() {
    let files = Files::new();
    let path = |name: &str| files.path(name).display().to_string();
    let (certificate, key) = (path("self.pem"), path("self.key"));
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=dev",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-days",
        "2",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]);
    let pem = std::fs::read_to_string(&certificate).unwrap();
    let (_server, port) = s_server_of(certificate.as_ref(), key.as_ref(), &[]).await;
    let error = dial_port(port, TlsSettings::default()).await.unwrap_err();
    assert!(
        matches!(
            error,
            TlsError::UnknownIssuer {
                self_signed: true,
                ..
            }
        ),
        "{error:?}"
    );
    let info = dial_port(port, trust(&pem)).await.unwrap();
    // The pin is what the usual recipe gives.
    let public = path("public.pem");
    std::fs::write(
        &public,
        openssl(&["x509", "-in", &certificate, "-noout", "-pubkey"]),
    )
    .unwrap();
    let der = path("public.der");
    openssl(&[
        "pkey", "-pubin", "-in", &public, "-outform", "der", "-out", &der,
    ]);
    let digest = path("digest");
    openssl(&["dgst", "-sha256", "-binary", "-out", &digest, &der]);
    let base64 = String::from_utf8(openssl(&["base64", "-in", &digest])).unwrap();
    let pin = info.certificate.unwrap().pin;
    assert_eq!(pin.to_string(), format!("sha256//{}", base64.trim()));
    // A key that is too short, which only those who trust anyone take.
    let (weak, weak_key) = (path("weak.pem"), path("weak.key"));
    openssl(&[
        "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak", "-keyout", &weak_key,
        "-out", &weak,
    ]);
    let more = ["-cipher", "ALL:@SECLEVEL=0"];
    let (_server, port) = s_server_of(weak.as_ref(), weak_key.as_ref(), &more).await;
    let info = dial_port(port, insecure()).await.unwrap();
    assert_eq!(info.certificate.unwrap().subject, "CN=weak");
}

#[test]
#[ignore = "needs openssl"]
fn keys_as_openssl_encrypts_them() {
    let client = Authority::new("ca").issue(&[]);
    let files = Files::new();
    let certificate = files.write("c.pem", &client.certificate);
    let pem = certificate.display().to_string();
    let key = files.write("c.key", &client.key).display().to_string();
    let load = |certificate: &Path, key: Option<&Path>| {
        Identity::load(IdentityFiles {
            certificate,
            key,
            passphrase: Some("secret"),
        })
    };
    for cipher in [
        &["-v2", "aes128"][..],
        &["-v2", "aes256"],
        &["-v2", "des3"],
        &["-v2", "aes256", "-v2prf", "hmacWithSHA1"],
        &["-scrypt"],
    ] {
        let out = files.path("enc.key");
        let path = out.display().to_string();
        let base = [
            "pkcs8",
            "-topk8",
            "-in",
            &key,
            "-passout",
            "pass:secret",
            "-out",
            &path,
        ];
        openssl(&[&base[..], cipher].concat());
        let loaded = load(&certificate, Some(&out));
        assert!(loaded.is_ok(), "{cipher:?}: {loaded:?}");
    }
    let old = files.path("old.key");
    let path = old.display().to_string();
    for arguments in [
        &["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"][..],
        &["ec", "-aes256"],
    ] {
        let rest = ["-in", &key, "-passout", "pass:secret", "-out", &path];
        openssl(&[arguments, &rest].concat());
        let error = load(&certificate, Some(&old)).unwrap_err();
        assert!(
            matches!(error, FileError::Encryption { .. }),
            "{arguments:?}: {error}"
        );
        // The way out that the message gives.
        let new = files.path("new.key");
        let to = new.display().to_string();
        openssl(&[
            "pkcs8",
            "-topk8",
            "-v2",
            "aes256",
            "-in",
            &path,
            "-passin",
            "pass:secret",
            "-out",
            &to,
            "-passout",
            "pass:secret",
        ]);
        assert!(load(&certificate, Some(&new)).is_ok());
    }
    for more in [
        &[][..],
        &["-legacy"],
        &["-keypbe", "NONE", "-certpbe", "NONE"],
    ] {
        let out = files.path("c.p12");
        let path = out.display().to_string();
        let base = [
            "pkcs12",
            "-export",
            "-in",
            &pem,
            "-inkey",
            &key,
            "-passout",
            "pass:secret",
            "-out",
            &path,
        ];
        openssl(&[&base[..], more].concat());
        let loaded = load(&out, None);
        assert!(loaded.is_ok(), "{more:?}: {loaded:?}");
    }
}
