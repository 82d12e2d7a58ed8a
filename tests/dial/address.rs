//! curl's addressing, and waiting for a server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use wscli::connection::{OpenConfig, OpenError, Phase};
use wscli::internal::net::diagnose;
use wscli::internal::net::{AddressConfig, Family};
use wscli::internal::{ExitStatus, status_of_open};

use crate::harness::{
    PATIENCE, Requests, accept, answer, config, connect, echo, listen, serve, talk,
};

#[tokio::test]
async fn names_are_given_addresses_and_destinations_others() {
    let server = echo().await;
    let port = server.port();
    let mut given = config();
    given.dial.address.resolve = vec![format!("*:{port}:127.0.0.1").parse().unwrap()];
    let opened = talk(&format!("ws://made-up.invalid:{port}/ws"), &given).await;
    assert_eq!(opened.reached.peer, Some(server));
    let head = String::from_utf8_lossy(opened.reached.exchange.request_head.wire()).into_owned();
    assert!(
        head.contains(&format!("\r\nHost: made-up.invalid:{port}\r\n")),
        "{head}"
    );

    let mut other = config();
    other.dial.address.connect_to = vec![
        format!("made-up.invalid:80:127.0.0.1:{port}")
            .parse()
            .unwrap(),
    ];
    assert_eq!(
        talk("ws://made-up.invalid/ws", &other).await.reached.peer,
        Some(server)
    );
}

#[tokio::test]
async fn an_address_family_may_be_all_there_is() {
    let mut config = config();
    config.dial.address = AddressConfig {
        family: Family::V6,
        ..AddressConfig::default()
    };
    let error = connect("ws://127.0.0.1:9/", &config).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not resolve '127.0.0.1': it has no IPv6 address"
    );
    assert_eq!(status_of_open(&error), ExitStatus::Resolve);
}

#[tokio::test]
async fn a_server_is_waited_for_until_it_is_up() {
    let (server, requests) = accepting_after(2).await;
    let mut config = config();
    config.wait_up = Some(PATIENCE);
    connect(&format!("ws://{server}/"), &config).await.unwrap();
    assert_eq!(requests.all().len(), 3);
}

/// A server that is not up for so many requests.
async fn accepting_after(count: usize) -> (SocketAddr, Requests) {
    let asked = AtomicUsize::new(0);
    serve(move |head| match asked.fetch_add(1, Ordering::Relaxed) {
        // A gateway in its place, and one that has nothing to say.
        0 => b"HTTP/1.1 503 Not yet\r\n\r\n".to_vec(),
        index if index < count => Vec::new(),
        _ => accept(head, ""),
    })
    .await
}

#[tokio::test]
async fn the_wait_ends_with_the_last_failure() {
    let (server, requests) = answer("HTTP/1.1 503 Not yet\r\n\r\n").await;
    let mut config = config();
    config.wait_up = Some(Duration::from_secs(3));
    let error = connect(&format!("ws://{server}/"), &config)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server was not up within 3s: the server answered HTTP/1.1 503 Not yet"
    );
    assert_eq!(status_of_open(&error), ExitStatus::Timeout);
    assert!(requests.all().len() > 1);
    // A refusal that time does not mend is told at once.
    let (server, requests) = answer("HTTP/1.1 401 Who\r\n\r\n").await;
    config.wait_up = Some(PATIENCE);
    let error = connect(&format!("ws://{server}/"), &config)
        .await
        .unwrap_err();
    assert!(matches!(*error.cause, OpenError::Handshake(_)));
    assert_eq!(requests.all().len(), 1);
}

#[tokio::test]
async fn a_server_that_takes_connections_and_is_silent_is_a_timeout() {
    let (_listener, address) = listen().await;
    let mut config = config();
    config.timeout = Some(Duration::from_millis(100));
    let error = connect(&format!("ws://{address}/"), &config)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no answer to the opening handshake within 100ms"
    );
    // Vite says nothing to who does not offer its subprotocol.
    let hint = |config: &OpenConfig| diagnose::hint(&error, &"ws://h/".parse().unwrap(), config);
    assert!(hint(&config).unwrap().contains("-s vite-hmr"));
    config.request.subprotocols.push("chat".into());
    assert!(!hint(&config).unwrap().contains("-s "));
}

#[tokio::test]
async fn a_server_that_drips_its_head_is_not_called_silent() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 2").await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut config = config();
    config.timeout = Some(Duration::from_secs(1));
    let error = connect(&format!("ws://{address}/x"), &config)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no whole answer to the opening handshake within 1s; 10 bytes of it came: \"HTTP/1.1 2\""
    );
    let reached = &error.reached;
    assert_eq!(
        (reached.phase, reached.peer),
        (Phase::Upgrade, Some(address))
    );
    assert!(reached.timings.tcp.is_some() && reached.timings.upgrade.is_some());
    let head = reached.exchange.request_head.wire();
    assert!(head.starts_with(b"GET /x HTTP/1.1\r\n"));
    assert_eq!(reached.exchange.heard.unfinished(), b"HTTP/1.1 2");
}
