//! What the lab does to the opening handshake, read byte by byte.

use std::time::{Duration, Instant};

use super::lab::{open, text};
use crate::harness::Server;
use crate::wire::{Wire, close, frame, handshake};

/// The answer to a handshake for this route, up to its empty line.
fn head(server: &Server, resource: &str) -> (Wire, String) {
    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&[
        &format!("GET {resource} HTTP/1.1"),
        "Sec-WebSocket-Protocol: chat",
    ]));
    let head = wire.head();
    (wire, head)
}

const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

#[test]
fn answers_101_that_break_a_rule() {
    let server = Server::start(&["--lab", "--subprotocol", "chat"]);
    for (resource, has, lacks) in [
        ("/bad-accept", "Sec-WebSocket-Accept: AAAAAAAAA", ACCEPT),
        ("/no-accept", "Upgrade: websocket\r\n", "Accept"),
        ("/bad-upgrade", "Upgrade: h2c\r\n", "websocket\r\n"),
        (
            "/no-upgrade",
            "Connection: Upgrade\r\n",
            "Upgrade: websocket",
        ),
        (
            "/bad-connection",
            "Connection: keep-alive\r\n",
            "Connection: Upgrade",
        ),
        ("/no-connection", "Upgrade: websocket\r\n", "Connection:"),
        (
            "/unasked-protocol",
            "Sec-WebSocket-Protocol: lab-unasked\r\n",
            "chat",
        ),
        ("/no-protocol", ACCEPT, "Sec-WebSocket-Protocol"),
        (
            "/unasked-extension",
            "Sec-WebSocket-Extensions: x-lab-unasked\r\n",
            "deflate",
        ),
        (
            "/echo?no-accept&no-upgrade",
            "Connection: Upgrade",
            "Accept",
        ),
        ("/echo?set-cookie=a%3D1", "Set-Cookie: a=1\r\n", "none"),
    ] {
        let (mut wire, head) = head(&server, resource);
        let start = "HTTP/1.1 101 Switching Protocols\r\n";
        assert!(head.starts_with(start), "{resource}: {head}");
        let head = head.replace("set-cookie", "Set-Cookie");
        assert!(head.contains(has), "{resource}: {head}");
        assert!(!head.contains(lacks), "{resource}: {head}");
        // The WebSocket is there, for clients that do not mind.
        wire.send(frame(1, b"hi"));
        assert_eq!(text(&mut wire), "hi", "{resource}");
    }
    let (_, http10) = head(&server, "/http10");
    assert!(http10.starts_with("HTTP/1.0 101 "), "{http10}");
    let (mut wire, first) = head(&server, "/interim/2");
    assert!(first.starts_with("HTTP/1.1 103 "), "{first}");
    assert!(wire.head().starts_with("HTTP/1.1 103 "));
    assert!(wire.head().contains(ACCEPT));
}

#[test]
fn answers_that_are_none() {
    let server = Server::start(&["--lab"]);
    let ask = |resource: &str| {
        let mut wire = Wire::connect(server.port());
        wire.send(handshake(&[&format!("GET {resource} HTTP/1.1")]));
        wire
    };
    assert_eq!(
        ask("/garbage").rest(),
        b"\x16\x03\x01 this is not HTTP\r\n\r\n"
    );
    assert_eq!(server.event("refused")["status"], 0);
    let mut wire = ask("/half-head");
    let half = wire.bytes(40);
    assert!(half.starts_with(b"HTTP/1.1 101 Switching"));
    // It waits for the client to leave.
    wire.finish();
    assert!(!wire.rest().ends_with(b"\r\n\r\n"));
    assert!(ask("/flaky/1?as=drop").rest().is_empty());
    assert!(ask("/flaky/1?as=reset&id=r").is_reset());
    let mut wire = ask("/flaky/1?as=silent&id=s");
    wire.finish();
    assert!(wire.rest().is_empty());
}

#[test]
fn flaky_fails_for_each_client_so_many_times() {
    let server = Server::start(&["--lab"]);
    for id in ["a", "b"] {
        let resource = format!("/flaky/3?id={id}&retry-after=2&body=soon");
        for _ in 0..3 {
            let (mut wire, head) = head(&server, &resource);
            assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
            assert!(
                head.to_ascii_lowercase().contains("retry-after: 2\r\n"),
                "{head}"
            );
            assert_eq!(wire.bytes(4), b"soon");
        }
        for _ in 0..2 {
            open(&server, &resource);
        }
    }
    let (_, other) = head(&server, "/flaky/1?id=c&as=429");
    assert!(other.starts_with("HTTP/1.1 429 "), "{other}");
    open(&server, "/echo?flaky=1&id=c");
}

#[test]
fn redirects_in_chains_and_loops() {
    let server = Server::start(&["--lab"]);
    let location = |resource: &str, status: u16| {
        let (_, head) = head(&server, resource);
        let start = format!("HTTP/1.1 {status} ");
        assert!(head.starts_with(&start), "{resource}: {head}");
        let mut lines = head.lines();
        let found = lines.find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("location: ")
                .map(str::to_owned)
        });
        found.expect("a location")
    };
    let mut at = "/redirect?hops=2&code=308&to=/delay/5".to_owned();
    for _ in 0..3 {
        at = location(&at, 308);
    }
    assert_eq!(at, "/delay/5");
    open(&server, &at);
    assert_eq!(location("/loop?code=301", 301), "/loop?code=301");
    let (mut wire, head) = head(&server, "/status/500?body=sorry");
    assert!(head.starts_with("HTTP/1.1 500 "), "{head}");
    assert_eq!(wire.bytes(5), b"sorry");
}

#[test]
fn bytes_are_written_at_their_pace() {
    let server = Server::start(&["--lab"]);
    // 10 ms a piece: the head of some 170 bytes, and 200 more.
    let start = Instant::now();
    let mut wire = open(&server, "/bandwidth/1000?delay=0");
    wire.send(frame(1, &[b'a'; 200]));
    assert_eq!(text(&mut wire).len(), 200);
    assert!(start.elapsed() >= Duration::from_millis(300));
    let start = Instant::now();
    let mut wire = open(&server, "/bytewise");
    wire.send(frame(1, &[b'a'; 100]));
    assert_eq!(text(&mut wire).len(), 100);
    assert!(start.elapsed() >= Duration::from_millis(200));
    // A frame of two bytes, then three of four.
    let mut wire = open(&server, "/cut/5");
    wire.send(frame(1, b""));
    wire.send(frame(1, b"hi"));
    assert_eq!(wire.rest(), b"\x81\x00\x81\x02h");
}

#[test]
fn a_close_is_answered_late_or_never() {
    let server = Server::start(&["--lab"]);
    let mut wire = open(&server, "/late-close/300");
    let start = Instant::now();
    wire.send(close(1000, "bye"));
    assert_eq!(wire.close_code(), 1000);
    assert!(start.elapsed() >= Duration::from_millis(300));
    let mut wire = open(&server, "/no-close");
    wire.send(close(1000, "bye"));
    wire.finish();
    wire.end();
    let event = server.event("close");
    let event = match event["sent_code"].is_null() {
        true => event,
        false => server.event("close"),
    };
    assert_eq!(
        (event["code"].as_u64(), event["clean"].as_bool()),
        (Some(1000), Some(false))
    );
    // A black hole answers nothing, the Close neither.
    let mut wire = open(&server, "/black-hole?after=1");
    wire.send(frame(1, b"last"));
    assert_eq!(text(&mut wire), "last");
    wire.send(close(1000, ""));
    assert!(wire.is_silent(Duration::from_millis(500)));
}

#[test]
fn pings_are_answered_wrongly() {
    let server = Server::start(&["--lab"]);
    let mut wire = open(&server, "/wrong-pong");
    wire.send(frame(9, b"right"));
    assert_eq!(wire.frame(), (10, b"wrong".to_vec()));
}
