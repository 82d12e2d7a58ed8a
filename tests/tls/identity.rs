//! Client certificates: every form that they come in, and what is wrong with
//! those that do not work.

use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;
use wscli::internal::tls::{ClientAuth, FileError, Identity, IdentityFiles, TlsSettings};
use wscli::internal::{ExitStatus, status_of_open};

use crate::certs::{Authority, Files};
use crate::peers::{ServerSetup, open_port, refusal, serve, talk, trust};

/// With a client certificate.
fn showing(identity: Identity, settings: TlsSettings) -> TlsSettings {
    TlsSettings {
        identity: Some(identity),
        ..settings
    }
}

#[tokio::test]
async fn client_certificates_in_every_form() {
    let authority = Authority::new("ca");
    let (leaf, client) = (authority.issue(&["localhost"]), authority.issue(&[]));
    let port = ServerSetup {
        clients: Some(&authority),
        ..ServerSetup::new(&leaf)
    }
    .start()
    .await;
    let files = Files::new();
    let pem = files.write("c.pem", &client.certificate);
    let key = files.write("c.key", &client.key);
    let both = files.write("both.pem", client.key.clone() + &client.certificate);
    let encrypted = files.write("enc.key", client.encrypted_key("secret"));
    let p12 = files.write("c.p12", client.pkcs12("secret"));
    let open_p12 = files.write("open.p12", client.pkcs12(""));
    for (certificate, key, passphrase) in [
        (&pem, Some(&key), None),
        (&both, None, None),
        (&pem, Some(&encrypted), Some("secret")),
        (&p12, None, Some("secret")),
        (&open_p12, None, None),
    ] {
        let identity = Identity::load(IdentityFiles {
            certificate,
            key: key.map(std::path::PathBuf::as_path),
            passphrase,
        });
        let settings = showing(identity.unwrap(), trust(&authority.pem()));
        let opened = open_port(port, settings).await.unwrap();
        assert_eq!(
            opened.reached.tls.as_ref().unwrap().client_auth,
            ClientAuth::Sent
        );
        talk(opened).await;
    }
}

#[tokio::test]
async fn a_missing_or_foreign_client_certificate_is_told_in_both_versions() {
    let (authority, foreign) = (Authority::new("ca"), Authority::new("foreign"));
    let leaf = authority.issue(&["localhost"]);
    let client = foreign.issue(&[]);
    let files = Files::new();
    let both = files.write("both.pem", client.key.clone() + &client.certificate);
    let identity = Identity::load(IdentityFiles {
        certificate: &both,
        key: None,
        passphrase: None,
    })
    .unwrap();
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let port = ServerSetup {
            clients: Some(&authority),
            versions,
            ..ServerSetup::new(&leaf)
        }
        .start()
        .await;
        let error = refusal(port, trust(&authority.pem())).await;
        assert_eq!(
            error.to_string(),
            "the server wants a client certificate (certificate_required)"
        );
        let error = refusal(port, showing(identity.clone(), trust(&authority.pem()))).await;
        assert_eq!(
            error.to_string(),
            "the server does not accept the client certificate (unknown_ca)"
        );
    }
}

#[tokio::test]
async fn a_server_that_closes_on_the_client_certificate_without_an_alert_is_told() {
    let authority = Authority::new("ca");
    let (leaf, client) = (authority.issue(&["localhost"]), authority.issue(&[]));
    let files = Files::new();
    let both = files.write("both.pem", client.key.clone() + &client.certificate);
    let identity = Identity::load(IdentityFiles {
        certificate: &both,
        key: None,
        passphrase: None,
    })
    .unwrap();
    for resets in [false, true] {
        let setup = ServerSetup {
            clients: Some(&authority),
            ..ServerSetup::new(&leaf)
        };
        let acceptor = TlsAcceptor::from(setup.config());
        let port = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut tls = acceptor.accept(stream).await.unwrap();
                // Unread data makes the end a reset.
                if !resets {
                    let _ = tls.read(&mut [0; 1 << 14]).await;
                }
                drop(tls.into_inner());
            }
        })
        .await;
        let settings = showing(identity.clone(), trust(&authority.pem()));
        let failure = open_port(port, settings).await.unwrap_err();
        assert_eq!(status_of_open(&failure), ExitStatus::Tls, "{failure:?}");
        assert_eq!(
            failure.to_string(),
            "the server closed the connection once it had the client certificate, without a word"
        );
    }
}

#[test]
fn files_of_no_use_are_named() {
    let authority = Authority::new("ca");
    let (client, other) = (authority.issue(&[]), authority.issue(&[]));
    let files = Files::new();
    let pem = files.write("c.pem", &client.certificate);
    let other = files.write("other.key", &other.key);
    let encrypted = files.write("enc.key", client.encrypted_key("secret"));
    let p12 = files.write("c.p12", client.pkcs12("secret"));
    let text = files.write("text", "hello");
    let cut = files.write("cut.pem", &client.certificate[..200]);
    let legacy = files.write(
        "legacy.key",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAEC\n-----END RSA PRIVATE KEY-----\n",
    );
    let junk = files.write("junk.p12", b"\x30\x05\x02\x01\x03\x00\x00");
    let missing = files.path("missing");
    for (certificate, key, passphrase, message) in [
        (&missing, None, None, "could not read '{missing}': "),
        (&text, None, None, "'{text}' holds no certificate; give one"),
        (
            &cut,
            None,
            None,
            "'{cut.pem}' is not valid PEM: its block 'CERTIFICATE' is cut off",
        ),
        (
            &pem,
            None,
            None,
            "'{c.pem}' holds no private key; give the file that does with --key",
        ),
        (&pem, Some(&text), None, "'{text}' holds no private key"),
        (
            &pem,
            Some(&other),
            None,
            "the private key in '{other.key}' does not belong to the certificate in '{c.pem}'",
        ),
        (
            &pem,
            Some(&encrypted),
            None,
            "'{enc.key}' needs a passphrase; give it with --pass",
        ),
        (
            &pem,
            Some(&encrypted),
            Some("wrong"),
            "the passphrase does not open '{enc.key}'",
        ),
        (
            &p12,
            None,
            None,
            "'{c.p12}' needs a passphrase; give it with --pass",
        ),
        (
            &p12,
            None,
            Some("wrong"),
            "the passphrase does not open '{c.p12}'",
        ),
        (
            &pem,
            Some(&legacy),
            Some("x"),
            "'{legacy.key}' is encrypted in a way that is not supported (OpenSSL's traditional format); convert it with: openssl pkcs8",
        ),
        (
            &junk,
            None,
            Some("x"),
            "'{junk.p12}' is neither PEM nor a PKCS#12 that can be read",
        ),
    ] {
        let error = Identity::load(IdentityFiles {
            certificate,
            key: key.map(std::path::PathBuf::as_path),
            passphrase,
        })
        .unwrap_err();
        let directory = files.path("");
        let shown = error
            .to_string()
            .replace(&directory.display().to_string(), "");
        let message = message.replace(['{', '}'], "");
        assert!(shown.starts_with(&message), "{shown}\n{message}");
        assert_eq!(
            error.needs_passphrase(),
            matches!(error, FileError::NeedsPassphrase { .. })
        );
    }
}
