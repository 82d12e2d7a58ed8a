//! TLS with nginx and haproxy in front of an echo server.

use std::process::Command;

use tokio::net::TcpStream;
use wscli::connection::HandshakeError;
use wscli::connection::OpenError;
use wscli::internal::tls::{
    ClientAuth, Identity, IdentityFiles, TlsError, TlsSettings, TlsVersion, Versions,
};

use crate::certs::{Authority, Files};
use crate::peers::{echo, insecure, open_port, open_url, refusal, serve, talk, trust};
use crate::program::{CLOSED_IN_PLAIN, Program, free_port};

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
    let info = opened.reached.tls.clone().unwrap();
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
        match open_port(tls, settings).await.map_err(|error| *error.cause) {
            Err(OpenError::Handshake(HandshakeError::Rejected(rejection))) => {
                assert_eq!(rejection.response.status(), 400);
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
    match open_url(&format!("ws://localhost:{tls}/"), insecure())
        .await
        .map_err(|error| *error.cause)
    {
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
    let info = opened.reached.tls.clone().unwrap();
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
