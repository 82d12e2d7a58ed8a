//! The opening handshake, row by row.

use serde_json::json;

use crate::harness::Server;
use crate::wire::{Wire, close, frame, handshake};

const ACCEPT: &str = "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=";

/// What is changed in a valid handshake, the status, and what the head of the
/// answer has to hold (`!` in front: must not hold), in lower case.
type Row = (&'static [&'static str], u16, &'static [&'static str]);

/// Against `serve --allow-origin http://Good.example --subprotocol b
/// --subprotocol a`.
const HANDSHAKES: &[Row] = &[
    (
        &[],
        101,
        &[ACCEPT, "connection: upgrade\r\n", "upgrade: websocket\r\n"],
    ),
    (
        &[],
        101,
        &[
            "\r\ndate: ",
            "\r\nserver: wscli/",
            "!content-length",
            "!sec-websocket-protocol",
        ],
    ),
    // Lists and case.
    (&["-Upgrade", "upgrade: h2c , WebSocket"], 101, &[ACCEPT]),
    (
        &["-Connection", "connection: keep-alive, UPGRADE"],
        101,
        &[ACCEPT],
    ),
    // Requests that are no valid handshake.
    (
        &["-Sec-WebSocket-Key"],
        400,
        &["content-type: text/plain", "!connection: close"],
    ),
    (
        &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
        400,
        &["!connection: close"],
    ),
    (
        &["-Sec-WebSocket-Key", "Sec-WebSocket-Key: short"],
        400,
        &["!connection: close"],
    ),
    (&["-Upgrade"], 400, &["!connection: close"]),
    (&["-Connection"], 400, &["!connection: close"]),
    (
        &["POST /ws HTTP/1.1", "Content-Length: 0"],
        400,
        &["!connection: close"],
    ),
    (&["Content-Length: 1"], 400, &[]),
    (&["GET /ws HTTP/1.0"], 400, &[]),
    (
        &["-Sec-WebSocket-Version"],
        426,
        &["sec-websocket-version: 13\r\n", "upgrade: websocket"],
    ),
    (
        &["-Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"],
        426,
        &["sec-websocket-version: 13"],
    ),
    (&["-Host"], 400, &["connection: close"]),
    (&["Host: localhost"], 400, &["connection: close"]),
    (
        &["GET /other HTTP/1.1", "-Host"],
        400,
        &["connection: close"],
    ),
    // Paths.
    (&["GET /WS?a=b HTTP/1.1"], 101, &[ACCEPT]),
    (
        &["GET /ws/ HTTP/1.1"],
        404,
        &["content-type: text/plain", "server: wscli/"],
    ),
    // The page, also to a handshake, as the sample does.
    (&["GET / HTTP/1.1"], 200, &["content-type: text/html"]),
    (
        &["GET /?a=b HTTP/1.1", "-Upgrade"],
        200,
        &[
            "content-security-policy: default-src 'none'; script-src 'sha256-",
            "x-content-type-options: nosniff",
        ],
    ),
    (&["GET / HTTP/1.1", "Origin: http://evil.example"], 403, &[]),
    (&["POST / HTTP/1.1", "-Upgrade"], 405, &["allow: get, head"]),
    (
        &["GET /other HTTP/1.1", "-Sec-WebSocket-Version"],
        404,
        &["!sec-websocket-version"],
    ),
    // Origins: on valid handshakes only, and before the path.
    (&["Origin: http://good.example"], 101, &[ACCEPT]),
    (&["Origin: HTTP://GOOD.example:80"], 101, &[ACCEPT]),
    (&["Origin:"], 101, &[ACCEPT]),
    (
        &["Origin: http://evil.example"],
        403,
        &["content-type: text/plain"],
    ),
    (&["Origin: https://good.example"], 403, &[]),
    (&["Origin: http://sub.good.example"], 403, &[]),
    (&["Origin: http://good.example/"], 403, &[]),
    (&["Origin: null"], 403, &[]),
    (
        &["Origin: http://good.example", "Origin: http://good.example"],
        403,
        &[],
    ),
    (
        &["GET /other HTTP/1.1", "Origin: http://evil.example"],
        403,
        &[],
    ),
    (
        &["GET /other HTTP/1.1", "Origin: http://good.example"],
        404,
        &[],
    ),
    (&["-Upgrade", "Origin: http://evil.example"], 400, &[]),
    // Subprotocols: the server's preference among what is offered.
    (
        &["Sec-WebSocket-Protocol: a, c,b"],
        101,
        &["sec-websocket-protocol: b\r\n"],
    ),
    (
        &["Sec-WebSocket-Protocol: c", "Sec-WebSocket-Protocol: a"],
        101,
        &["sec-websocket-protocol: a\r\n"],
    ),
    (
        &["Sec-WebSocket-Protocol: c"],
        101,
        &["!sec-websocket-protocol"],
    ),
    // Compression is off unless asked for.
    (
        &["Sec-WebSocket-Extensions: permessage-deflate"],
        101,
        &["!sec-websocket-extensions"],
    ),
];

#[test]
fn every_handshake_is_answered_as_the_table_says() {
    let server = Server::start(&[
        "--allow-origin",
        "http://Good.example",
        "--subprotocol",
        "b",
        "--subprotocol",
        "a",
    ]);
    for (edits, status, expected) in HANDSHAKES {
        let mut wire = Wire::connect(server.port());
        wire.send(handshake(edits));
        let head = wire.head().to_ascii_lowercase();
        let status_line = head.lines().next().unwrap_or_default();
        assert!(
            status_line.split(' ').nth(1) == Some(&status.to_string()),
            "{edits:?} {head}"
        );
        for part in *expected {
            match part.strip_prefix('!') {
                Some(part) => assert!(!head.contains(part), "{edits:?} {part}: {head}"),
                None => assert!(head.contains(part), "{edits:?} {part}: {head}"),
            }
        }
        if *status >= 400 {
            assert_eq!(one_line(&mut wire, &head), 1, "{edits:?}");
        }
        if head.contains("connection: close") {
            wire.end();
        }
    }
}

/// Reads the body that a head announces; counts its lines.
fn one_line(wire: &mut Wire, head: &str) -> usize {
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a refusal has a body");
    let body = wire.bytes(length.parse().expect("a length"));
    assert!(body.ends_with(b"\n"));
    body.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn a_refused_connection_can_try_again() {
    let server = Server::start(&[]);
    let mut wire = Wire::connect(server.port());
    for edits in [&["-Sec-WebSocket-Key"][..], &["GET /no HTTP/1.1"]] {
        wire.send(handshake(edits));
        let head = wire.head().to_ascii_lowercase();
        one_line(&mut wire, &head);
    }
    wire.send(handshake(&[]));
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let server = Server::start(&["--require-origin", "--allow-origin", "https://a.example"]);
    for (edits, reason) in [
        (
            &[][..],
            "the request has no Origin, and this server requires one",
        ),
        (&["Origin: null"], "the origin 'null' is not allowed"),
        (
            &["Origin: a.example"],
            "the Origin 'a.example' is malformed",
        ),
    ] {
        let mut wire = Wire::connect(server.port());
        wire.send(handshake(edits));
        assert!(wire.head().starts_with("HTTP/1.1 403 "));
        let event = server.event("refused");
        assert_eq!(
            (&event["status"], &event["reason"]),
            (&json!(403), &json!(reason))
        );
        assert_eq!(event["origin"].as_str(), edits.first().map(|e| &e[8..]));
    }
}

#[test]
fn a_client_may_end_its_side_before_it_is_answered() {
    let server = Server::start(&[]);
    let mut wire = Wire::connect(server.port());
    let get = "GET /no HTTP/1.1\r\nHost: h\r\n\r\n";
    wire.send([get, get, get].concat());
    wire.finish();
    for _ in 0..3 {
        let head = wire.head().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 404 "), "{head}");
        one_line(&mut wire, &head);
    }
    wire.end();
    let mut wire = Wire::connect(server.port());
    wire.send(
        [
            handshake(&[]).as_bytes(),
            &frame(1, b"hi"),
            &close(1000, ""),
        ]
        .concat(),
    );
    wire.finish();
    wire.head();
    assert_eq!(wire.frame(), (1, b"hi".to_vec()));
    assert_eq!(wire.close_code(), 1000);
    wire.end();
}

#[test]
fn compression_is_agreed_on_where_it_is_asked_for() {
    const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
    for (flag, agreed) in [
        ("--compress", "permessage-deflate"),
        (
            "--compress=client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=10",
        ),
    ] {
        let server = Server::start(&[flag]);
        let mut wire = Wire::connect(server.port());
        wire.send(handshake(&[OFFER]));
        let head = wire.head().to_ascii_lowercase();
        let line = format!("\r\nsec-websocket-extensions: {agreed}\r\n");
        assert!(head.contains(&line), "{head}");
        assert_eq!(server.event("open")["extensions"], agreed);
    }
}
