//! TLS over real sockets: what is accepted, what is refused, and what the
//! refusal says.
//!
//! Three groups are ignored unless asked for, since they need programs of the
//! system. What they need, by Debian's package names:
//!
//! - `nginx`   (tests "needs nginx")
//! - `haproxy` (tests "needs haproxy")
//! - `openssl` (tests "needs openssl")
//!
//! `cargo test --test tls -- --include-ignored` runs everything.

mod broken;
mod certs;
mod identity;
mod openssl;
mod peers;
mod program;
mod proxies;
mod server;

use std::fs;

use wscli::internal::tls::{
    ClientAuth, KeyLogFile, TlsError, TlsSettings, TlsVersion, Versions, parse_server_name,
};

use crate::certs::{Authority, Files, Leaf, Validity};
use crate::peers::{ServerSetup, insecure, open_port, open_url, refusal, talk, trust};

#[tokio::test]
async fn a_trusted_server_is_talked_to_and_described() {
    let authority = Authority::new("test authority");
    let leaf = authority.issue(&["localhost", "*.example.test", "127.0.0.1"]);
    let port = ServerSetup::new(&leaf).start().await;
    let opened = open_port(port, trust(&authority.pem())).await.unwrap();
    let info = opened.reached.tls.clone().unwrap();
    assert_eq!(info.version, TlsVersion::Tls13);
    assert!(info.cipher.starts_with("TLS_AES_"), "{}", info.cipher);
    assert_eq!(info.alpn.as_deref(), Some("http/1.1"));
    assert_eq!(info.client_auth, ClientAuth::NotRequested);
    let certificate = info.certificate.unwrap();
    assert_eq!(
        (certificate.subject.as_str(), certificate.issuer.as_str()),
        ("CN=leaf", "CN=test authority")
    );
    assert_eq!(
        certificate.names,
        ["localhost", "*.example.test", "127.0.0.1"]
    );
    assert_eq!(certificate.pin, leaf.pin());
    assert!(opened.reached.timings.tls.is_some());
    let closed = talk(opened).await;
    assert!(closed.error.is_none(), "{closed:?}");
    // An address in place of a name.
    let url = format!("wss://127.0.0.1:{port}/");
    assert!(open_url(&url, trust(&authority.pem())).await.is_ok());
}

#[tokio::test]
async fn dates_are_told() {
    let authority = Authority::new("ca");
    for (validity, message) in [
        (
            Validity::Past,
            "the server's certificate has expired on 2020-02-03T00:00:00Z",
        ),
        (
            Validity::Future,
            "the server's certificate is not valid before 2100-02-03T00:00:00Z",
        ),
    ] {
        let leaf = authority.issue_valid(&["localhost"], validity);
        let port = ServerSetup::new(&leaf).start().await;
        let error = refusal(port, trust(&authority.pem())).await;
        assert_eq!(error.to_string(), message);
        talk(open_port(port, insecure()).await.unwrap()).await;
    }
}

#[tokio::test]
async fn the_names_of_a_certificate_for_others_are_told_and_sni_helps() {
    let authority = Authority::new("ca");
    let leaf = authority.issue(&["a.test", "192.0.2.1"]);
    let port = ServerSetup::new(&leaf).start().await;
    let error = refusal(port, trust(&authority.pem())).await;
    assert_eq!(
        error.to_string(),
        "the server's certificate is for 'a.test', '192.0.2.1', not for 'localhost'"
    );
    for name in ["a.test", "192.0.2.1"] {
        let settings = TlsSettings {
            server_name: Some(parse_server_name(name).unwrap()),
            ..trust(&authority.pem())
        };
        talk(open_port(port, settings).await.unwrap()).await;
    }
}

#[tokio::test]
async fn an_unknown_issuer_is_named() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let leaf = unknown.issue(&["localhost"]);
    let port = ServerSetup::new(&leaf).start().await;
    // Not by the platform's roots: a bare machine has none.
    let error = refusal(port, trust(&known.pem())).await;
    assert_eq!(
        error.to_string(),
        "the server\'s certificate is from an unknown issuer (CN=unknown)"
    );
    assert_eq!(
        error.hint().unwrap(),
        format!(
            "the server does not send its intermediate certificate, unless 'CN=unknown' is a root: it has to send its whole chain; else trust its issuer with --cacert FILE, its key with -k --pinnedpubkey {}, or anyone with -k",
            leaf.pin()
        )
    );
}

#[tokio::test]
async fn self_signed_certificates_can_be_trusted_in_three_ways() {
    for ca in [false, true] {
        let leaf = Leaf::self_signed(&["localhost"], ca);
        let port = ServerSetup::new(&leaf).start().await;
        let error = refusal(port, trust(&Authority::new("other").pem())).await;
        assert!(
            matches!(&error, TlsError::UnknownIssuer { self_signed: true, pin, .. } if *pin == leaf.pin()),
            "{error:?}"
        );
        let pinned = TlsSettings {
            pins: leaf.pin().into(),
            ..insecure()
        };
        for settings in [trust(&leaf.certificate), insecure(), pinned] {
            talk(open_port(port, settings).await.unwrap()).await;
        }
    }
    // Its own certificate is no licence for other names.
    let leaf = Leaf::self_signed(&["a.test"], true);
    let port = ServerSetup::new(&leaf).start().await;
    let error = refusal(port, trust(&leaf.certificate)).await;
    assert!(matches!(error, TlsError::NameMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_pin_holds_whoever_is_trusted_and_replaces_no_trust() {
    let authority = Authority::new("ca");
    let (leaf, other) = (authority.issue(&["localhost"]), authority.issue(&[]));
    let port = ServerSetup::new(&leaf).start().await;
    let with = |settings, pin: String| TlsSettings {
        pins: pin.parse().unwrap(),
        ..settings
    };
    for settings in [insecure(), trust(&authority.pem())] {
        let error = refusal(port, with(settings, other.pin().to_string())).await;
        assert_eq!(
            error.to_string(),
            format!(
                "the server's public key is not the one of --pinnedpubkey but {}",
                leaf.pin()
            )
        );
    }
    let both = format!("{};{}", other.pin(), leaf.pin());
    let opened = open_port(port, with(trust(&authority.pem()), both.clone())).await;
    talk(opened.unwrap()).await;
    let unknown = trust(&Authority::new("other").pem());
    let error = refusal(port, with(unknown, both)).await;
    assert!(matches!(error, TlsError::UnknownIssuer { .. }), "{error:?}");
}

#[tokio::test]
async fn versions_are_bounded_on_both_ends() {
    use TlsVersion::{Tls12, Tls13};
    let authority = Authority::new("ca");
    let leaf = authority.issue(&["localhost"]);
    let open = async |versions: &[&'static rustls::SupportedProtocolVersion], min, max| {
        let port = ServerSetup {
            versions,
            ..ServerSetup::new(&leaf)
        }
        .start()
        .await;
        let settings = TlsSettings {
            versions: Versions { min, max },
            ..trust(&authority.pem())
        };
        open_port(port, settings).await
    };
    let only_12: &[_] = &[&rustls::version::TLS12];
    let only_13: &[_] = &[&rustls::version::TLS13];
    for (server, min, max, agreed) in [
        (rustls::ALL_VERSIONS, Tls12, Tls13, Tls13),
        (rustls::ALL_VERSIONS, Tls12, Tls12, Tls12),
        (only_12, Tls12, Tls13, Tls12),
        (only_13, Tls13, Tls13, Tls13),
    ] {
        let opened = open(server, min, max).await.unwrap();
        assert_eq!(opened.reached.tls.as_ref().unwrap().version, agreed);
        talk(opened).await;
    }
    for (server, min, max, offered) in [
        (only_12, Tls13, Tls13, "TLS 1.3"),
        (only_13, Tls12, Tls12, "TLS 1.2"),
    ] {
        assert_eq!(
            open(server, min, max).await.unwrap_err().to_string(),
            format!("the server speaks no version of TLS that was offered ({offered})")
        );
    }
}

#[tokio::test]
async fn a_server_of_http2_alone_is_told() {
    let authority = Authority::new("ca");
    let leaf = authority.issue(&["localhost"]);
    for (alpn, message) in [(&["h2"][..], Some("probably h2 alone")), (&[], None)] {
        let port = ServerSetup {
            alpn,
            ..ServerSetup::new(&leaf)
        }
        .start()
        .await;
        match message {
            Some(message) => {
                let error = refusal(port, trust(&authority.pem())).await;
                assert!(error.to_string().contains(message), "{error}");
            }
            None => {
                let opened = open_port(port, trust(&authority.pem())).await.unwrap();
                assert_eq!(opened.reached.tls.as_ref().unwrap().alpn, None);
            }
        }
    }
}

#[tokio::test]
async fn the_key_log_has_the_secrets_of_every_session() {
    let authority = Authority::new("ca");
    let leaf = authority.issue(&["localhost"]);
    let port = ServerSetup::new(&leaf).start().await;
    let files = Files::new();
    let path = files.path("keys");
    for lines in [5, 10] {
        let settings = TlsSettings {
            key_log: Some(KeyLogFile::open(&path).unwrap()),
            ..trust(&authority.pem())
        };
        talk(open_port(port, settings).await.unwrap()).await;
        let log = fs::read_to_string(&path).unwrap();
        assert_eq!(log.lines().count(), lines, "{log}");
        assert!(log.starts_with("CLIENT_HANDSHAKE_TRAFFIC_SECRET "), "{log}");
        assert!(log.lines().all(|line| line.split(' ').count() == 3));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
