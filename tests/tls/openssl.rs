//! TLS with OpenSSL's servers, certificates and keys.

use std::path::Path;
use std::process::Command;

use tokio::time::timeout;
use wscli::connection::{DialConfig, DialError, Reached};
use wscli::internal::net::dial;
use wscli::internal::tls::{
    FileError, Identity, IdentityFiles, TlsError, TlsInfo, TlsSettings, TlsVersion,
};

use crate::certs::{Authority, Files, Leaf, Validity};
use crate::peers::{LIMIT, insecure, open_url, trust};
use crate::program::{CLOSED_IN_PLAIN, Program, free_port};

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
    let mut reached = Reached::default();
    let dialling = timeout(LIMIT, dial(&target, &config, &mut reached));
    match dialling.await.unwrap() {
        Ok(_) => Ok(reached.tls.unwrap()),
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
