//! HTTP CONNECT and SOCKS5, and each way in which a proxy fails.

use wscli::connection::DialError;
use wscli::connection::{OpenConfig, OpenError};
use wscli::internal::net::AddressConfig;
use wscli::internal::net::diagnose;
use wscli::internal::net::{Bypass, ProxyRules, SocksError};
use wscli::internal::net::{ProxyCause, ProxyError};
use wscli::internal::tls::{Roots, TlsSettings, Trust};
use wscli::internal::{ExitStatus, status_of_open};

use crate::harness::{
    ProxyConfig, answer, config, connect, echo, free_port, http_proxy, https_proxy, listen,
    socks_proxy, talk,
};

/// A trust store of one root, which has issued nothing: a bare machine has none.
fn nobody_trusted() -> TlsSettings {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let root = rcgen::generate_simple_self_signed(vec!["nobody.test".into()]).unwrap();
    std::fs::write(&file, root.cert.pem()).unwrap();
    TlsSettings {
        trust: Trust::Roots(Roots::load(&file).unwrap()),
        ..TlsSettings::default()
    }
}

/// A configuration with this proxy for everything.
fn through(proxy: &str) -> OpenConfig {
    let mut config = config();
    config.dial.proxies = ProxyRules::all(proxy.parse().unwrap());
    config
}

#[tokio::test]
async fn an_http_proxy_connects_to_a_name_that_it_alone_knows() {
    let server = echo().await;
    let knows = ProxyConfig::knows("inside.invalid", server);
    let (proxy, requests) = http_proxy(knows).await;
    let opened = talk(
        "ws://inside.invalid/ws",
        &through(&format!("http://{proxy}")),
    )
    .await;
    assert_eq!(
        opened.reached.proxy.as_deref(),
        Some(&*format!("http://{proxy}"))
    );
    assert_eq!(opened.reached.peer, Some(proxy));
    let timings = opened.reached.timings;
    assert!(timings.tcp.is_some() && timings.proxy.is_some() && timings.dns.is_none());
    let head = requests.last();
    assert_eq!(
        head,
        "CONNECT inside.invalid:80 HTTP/1.1\r\nHost: inside.invalid:80\r\n\r\n"
    );
}

#[tokio::test]
async fn an_https_proxy_is_judged_by_flags_of_its_own() {
    let server = echo().await;
    let (proxy, requests) = https_proxy(ProxyConfig::knows("inside.invalid", server)).await;
    let url = "ws://inside.invalid/ws";
    let mut config = through(&format!("https://{proxy}"));
    config.dial.tls = TlsSettings {
        trust: Trust::Anyone,
        ..TlsSettings::default()
    }
    .into();
    config.dial.proxies.tls = nobody_trusted().into();
    let error = connect(url, &config).await.unwrap_err();
    let start = format!("no TLS with the proxy https://{proxy}: ");
    assert!(error.to_string().starts_with(&start), "{error}");
    assert_eq!(status_of_open(&error), ExitStatus::Proxy);
    let hint = diagnose::hint(&error, &url.parse().unwrap(), &config).unwrap();
    assert!(hint.contains("--proxy-cacert FILE"), "{hint}");
    assert!(requests.all().is_empty());

    config.dial.proxies.tls = config.dial.tls.clone();
    talk(url, &config).await;
    assert!(requests.last().starts_with("CONNECT inside.invalid:80 "));
}

#[tokio::test]
async fn credentials_are_for_the_proxy_and_not_for_the_server() {
    let (server, seen) = answer("HTTP/1.1 418 No\r\n\r\n").await;
    let (proxy, _) = http_proxy(ProxyConfig {
        credentials: Some(("me", "p:w@")),
        ..ProxyConfig::default()
    })
    .await;
    let url = format!("ws://{server}/");
    let config = through(&format!("http://me:p%3Aw%40@{proxy}"));
    let error = connect(&url, &config).await.unwrap_err();
    assert_eq!(status_of_open(&error), ExitStatus::Rejected);
    assert!(!seen.last().contains("Authorization"), "{}", seen.last());

    let wrong = connect(&url, &through(&format!("http://me:no@{proxy}"))).await;
    assert_eq!(
        wrong.unwrap_err().to_string(),
        format!("the proxy http://{proxy} did not accept the user name and password")
    );
    let none = connect(&url, &through(&format!("http://{proxy}"))).await;
    assert_eq!(
        none.unwrap_err().to_string(),
        format!(
            "the proxy http://{proxy} asks for a user name and password (Basic realm=\"x\"); write them into its URL: http://USER:PASSWORD@{proxy}"
        )
    );
}

#[tokio::test]
async fn socks5h_leaves_the_name_to_the_proxy_and_socks5_does_not() {
    let server = echo().await;
    let mut knows = ProxyConfig::knows("inside.invalid", server);
    knows.credentials = Some(("me", "pw"));
    let (proxy, requests) = socks_proxy(knows).await;
    let h = through(&format!("socks5h://me:pw@{proxy}"));
    talk("ws://inside.invalid/ws", &h).await;
    assert_eq!(requests.last(), "name inside.invalid:80");

    let mut local = through(&format!("socks5://me:pw@{proxy}"));
    let error = connect("ws://inside.invalid/ws", &local).await.unwrap_err();
    assert_eq!(status_of_open(&error), ExitStatus::Resolve);
    let target = "ws://inside.invalid/ws".parse().unwrap();
    let hint = diagnose::hint(&error, &target, &local).unwrap();
    assert!(hint.contains("socks5h://"), "{hint}");

    local.dial.address = AddressConfig {
        resolve: vec![
            format!("here.invalid:{}:127.0.0.1", server.port())
                .parse()
                .unwrap(),
        ],
        ..AddressConfig::default()
    };
    talk(&format!("ws://here.invalid:{}/ws", server.port()), &local).await;
    assert_eq!(requests.last(), format!("address {server}"));

    for user in ["", "me:no@"] {
        let url = format!("socks5h://{user}{proxy}");
        let error = connect("ws://inside.invalid/", &through(&url)).await;
        let error = error.unwrap_err();
        assert!(
            matches!(
                &*error.cause,
                OpenError::Dial(DialError::Proxy(ProxyError {
                    cause: ProxyCause::Socks(SocksError::Credentials { sent }),
                    ..
                })) if *sent != user.is_empty()
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn some_hosts_are_reached_without_the_proxy() {
    let server = echo().await;
    let mut config = through(&format!("http://127.0.0.1:{}", free_port().await));
    config.dial.proxies.bypass = Bypass::parse("10.0.0.0/8,127.0.0.0/8");
    assert_eq!(
        talk(&format!("ws://{server}/ws"), &config)
            .await
            .reached
            .proxy,
        None
    );
}

/// (what the proxy answers, its scheme, the error's end, a part of the hint)
const ANSWERS: &[(&[u8], &str, &str, &str)] = &[
    (
        b"HTTP/1.1 403 Filtered\r\n\r\n<p>no</p>",
        "http",
        "refused to connect to target.invalid:8080: HTTP/1.1 403 Filtered",
        "the proxy's own: its rules forbid target.invalid:8080",
    ),
    (
        b"HTTP/1.1 503 No\r\n\r\n",
        "http",
        "refused to connect to target.invalid:8080: HTTP/1.1 503 No",
        "could not reach target.invalid:8080",
    ),
    (
        b"HTTP/1.0 501 Unsupported\r\n\r\n",
        "http",
        "refused to connect to target.invalid:8080: HTTP/1.0 501 Unsupported",
        "is a web server and no proxy",
    ),
    (
        b"",
        "http",
        "closed the connection without an answer",
        "may not allow this client",
    ),
    (
        b"HTTP/1.1 200",
        "http",
        "closed the connection after 12 bytes of its answer",
        "",
    ),
    (
        b"SSH-2.0-x\r\n",
        "http",
        "did not answer in HTTP (invalid HTTP version); is it an HTTP proxy?",
        "is no HTTP proxy",
    ),
    (
        b"\x15\x03\x03\0\x02\x02\x0a",
        "http",
        "answers in TLS; write https:// in place of http://",
        "",
    ),
    (
        b"\x05\xff",
        "http",
        "did not answer in HTTP (invalid HTTP version); is it an HTTP proxy?",
        "socks5h://",
    ),
];

#[tokio::test]
async fn every_failure_of_a_proxy_has_its_own_sentence() {
    for (bytes, scheme, end, part) in ANSWERS {
        let (proxy, _) = answer(*bytes).await;
        let config = through(&format!("{scheme}://{proxy}"));
        let url = "ws://target.invalid:8080/";
        let error = connect(url, &config).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the proxy {scheme}://{proxy} {end}")
        );
        assert_eq!(status_of_open(&error), ExitStatus::Proxy);
        let hint = diagnose::hint(&error, &url.parse().unwrap(), &config);
        assert!(hint.unwrap_or_default().contains(part), "{end}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_not_the_server() {
    let port = free_port().await;
    let proxy = format!("http://127.0.0.1:{port}");
    let error = connect("ws://h/", &through(&proxy)).await.unwrap_err();
    let start = format!("could not connect to the proxy {proxy} (127.0.0.1:{port}): ");
    assert!(error.to_string().starts_with(&start), "{error}");
    assert_eq!(status_of_open(&error), ExitStatus::Proxy);

    let error = connect(
        "ws://h/",
        &through("socks5h://u:secret@no-such-proxy.invalid:1"),
    )
    .await
    .unwrap_err();
    let start = "could not resolve the name of the proxy socks5h://no-such-proxy.invalid:1: ";
    assert!(error.to_string().starts_with(start), "{error}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert_eq!(status_of_open(&error), ExitStatus::Proxy);
}

#[tokio::test]
async fn what_answers_a_socks_client_in_http_is_named() {
    let (listener, proxy) = listen().await;
    let server = async {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").await;
        crate::harness::finish(stream).await;
    };
    let config = through(&format!("socks5://{proxy}"));
    let (result, ()) = tokio::join!(connect("ws://127.0.0.1:9/", &config), server);
    let error = result.unwrap_err().to_string();
    let start = format!("the proxy socks5://{proxy} did not answer in SOCKS5 (");
    assert!(error.starts_with(&start), "{error}");
}

#[tokio::test]
async fn a_socks_proxy_says_why_it_cannot_connect() {
    let (proxy, _) = socks_proxy(ProxyConfig::default()).await;
    let url = format!("ws://127.0.0.1:{}/", free_port().await);
    let config = through(&format!("socks5://{proxy}"));
    let error = connect(&url, &config).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with(": host unreachable, or its name is not known there"),
        "{error}"
    );
    assert_eq!(status_of_open(&error), ExitStatus::Proxy);
}
