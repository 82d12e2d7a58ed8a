//! `wscli serve`.

use std::net::TcpListener;

use serde_json::json;

use crate::harness::{Running, Server, wscli};
use crate::wire::{Wire, close, frame, handshake, masked};

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
    (&["GET / HTTP/1.1"], 404, &[]),
    (&["GET / HTTP/1.1", "-Upgrade"], 404, &[]),
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
        if *status != 101 {
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
fn the_ready_line_leads_to_the_server() {
    let server = Server::start(&["--path", "/a", "--path", "/b"]);
    let port = server.port();
    let urls = json!([
        format!("ws://127.0.0.1:{port}/a"),
        format!("ws://127.0.0.1:{port}/b")
    ]);
    assert_eq!(server.ready["url"], urls[0]);
    assert_eq!(server.ready["urls"], urls);
    assert_eq!(server.ready["address"], format!("127.0.0.1:{port}"));
    let mut wire = Wire::connect(port);
    wire.send(handshake(&["GET /B HTTP/1.1"]));
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
}

#[test]
fn what_comes_with_the_handshake_is_echoed() {
    let server = Server::start(&[]);
    let mut wire = Wire::connect(server.port());
    let mut bytes = handshake(&[]).into_bytes();
    bytes.extend(frame(1, b"early"));
    bytes.extend(&frame(2, b"later")[..4]);
    wire.send(bytes);
    wire.head();
    assert_eq!(wire.frame(), (1, b"early".to_vec()));
    wire.send(&frame(2, b"later")[4..]);
    assert_eq!(wire.frame(), (2, b"later".to_vec()));
}

#[test]
fn messages_come_back_whole_with_their_type() {
    let server = Server::start(&[]);
    let mut wire = Wire::open(server.port());
    for (opcode, payload) in [
        (1, Vec::new()),
        (2, Vec::new()),
        (1, "häló".into()),
        (2, vec![0xff; 100_000]),
    ] {
        wire.send(frame(opcode, &payload));
        assert_eq!(wire.frame(), (opcode, payload));
    }
    // Fragments are joined; a ping between them is answered first.
    wire.send(masked(0x01, b"one "));
    wire.send(frame(9, b"ping"));
    assert_eq!(wire.frame(), (10, b"ping".to_vec()));
    wire.send(masked(0x80, b"message"));
    assert_eq!(wire.frame(), (1, b"one message".to_vec()));
}

#[test]
fn replies_to_pipelined_messages_precede_the_answer_to_a_close() {
    let server = Server::start(&[]);
    let mut wire = Wire::open(server.port());
    let mut bytes: Vec<u8> = (0..1000_u32)
        .flat_map(|n| frame(2, &n.to_be_bytes()))
        .collect();
    bytes.extend(close(1000, "done"));
    wire.send(bytes);
    for n in 0..1000_u32 {
        assert_eq!(wire.frame(), (2, n.to_be_bytes().to_vec()));
    }
    assert_eq!(wire.close_code(), 1000);
    wire.end();
    let event = server.event("close");
    assert_eq!(
        (
            &event["received_messages"],
            &event["sent_messages"],
            &event["sent_bytes"]
        ),
        (&json!(1000), &json!(1000), &json!(4000))
    );
}

#[test]
fn a_close_is_answered_and_told() {
    let server = Server::start(&[]);
    for (sent, answered, code, reason) in [
        (close(1000, "bye"), b"\x03\xe8bye".to_vec(), 1000, "bye"),
        (close(4999, ""), b"\x13\x87".to_vec(), 4999, ""),
        (frame(8, b""), Vec::new(), 1005, ""),
    ] {
        let mut wire = Wire::open(server.port());
        wire.send(sent);
        assert_eq!(wire.frame(), (8, answered));
        wire.end();
        let event = server.event("close");
        assert_eq!(
            (&event["code"], &event["reason"], &event["by"]),
            (&json!(code), &json!(reason), &json!("client"))
        );
        assert_eq!(event["error"], json!(null));
    }
}

#[test]
fn a_client_that_breaks_the_rules_is_told_and_not_reset() {
    let server = Server::start(&["--max-message-size", "1KiB"]);
    let unmasked = b"\x81\x02hi".to_vec();
    let two_fragments = [masked(0x02, &[0; 600]), masked(0x80, &[0; 600])].concat();
    for (sent, code) in [
        (unmasked, 1002),
        (close(1014, ""), 1002),
        (close(1005, ""), 1002),
        (close(999, ""), 1002),
        (frame(3, b""), 1002),
        (masked(0xc1, b"rsv1"), 1002),
        (frame(1, b"\xff\xfe"), 1007),
        (frame(2, &[0; 1025]), 1009),
        (two_fragments, 1009),
    ] {
        let mut wire = Wire::open(server.port());
        wire.send(&sent);
        // What a reset would destroy: data that the server will never use.
        wire.send(vec![0; 100_000]);
        assert_eq!(wire.close_code(), code, "{:?}", &sent[..sent.len().min(8)]);
        wire.finish();
        wire.end();
        let event = server.event("close");
        assert_eq!(event["sent_code"], code);
    }
}

#[test]
fn a_lost_client_is_told_as_1006() {
    let server = Server::start(&[]);
    let wire = Wire::open(server.port());
    wire.finish();
    let event = server.event("close");
    assert_eq!((&event["code"], &event["by"]), (&json!(1006), &json!(null)));
    assert!(event["error"].is_string());
}

#[test]
fn one_that_reads_nothing_stops_nobody() {
    let server = Server::start(&[]);
    let port = server.port();
    let mut silent = Wire::open(port);
    // Fills the buffers of both sockets, until the server reads no more.
    let flood = std::thread::spawn(move || {
        for _ in 0..8 {
            silent.send(frame(2, &[7; 1 << 20]));
        }
        silent
    });
    let mut other = Wire::open(port);
    other.send(frame(1, b"hello"));
    assert_eq!(other.frame(), (1, b"hello".to_vec()));
    // The echoes make room for the rest.
    drop(flood);
}

#[test]
fn a_port_that_is_taken_is_refused_when_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = wscli(&["serve", "-p", &port]).output().unwrap();
    let expected = format!(
        "wscli: port {port} of 127.0.0.1 is in use; choose another with --port, or a free one with --port 0\n"
    );
    assert_eq!(output.status.code(), Some(12));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
}

#[test]
fn the_default_port_gives_way_to_the_next() {
    // Whoever has it, this test or another program: it is taken.
    let _taken = TcpListener::bind("127.0.0.1:5000");
    let server = Server::run(&["serve", "--jsonl"]);
    let port = server.port();
    assert!(port > 5000, "{port}");
    assert_eq!(
        server.running.error_line(),
        Some(format!(
            "* port 5000 is in use; listening on port {port} instead"
        ))
    );
    Wire::open(port);
}

#[test]
fn usage_errors_are_one_sentence() {
    for (args, message) in [
        (
            &["--allow-origin", "http://a.example/x"][..],
            "error: invalid value 'http://a.example/x' for '--allow-origin <ORIGIN>': 'http://a.example/x' is not an origin: an origin ends with its host or port; leave out the '/' and what follows it",
        ),
        (
            &["--path", "ws"],
            "wscli: path 'ws' does not begin with '/'; write it as /ws",
        ),
        (
            &["--keep-alive", "pong", "--keep-alive-timeout", "5s"],
            "wscli: --keep-alive-timeout waits for the answer to a ping; use it with --keep-alive ping",
        ),
        (
            &["--subprotocol", "a b"],
            "error: invalid value 'a b' for '--subprotocol <NAME>': 'a b' is no name of a subprotocol; use letters, digits and !#$%&'*+-.^_`|~",
        ),
    ] {
        let output = wscli(&[&["serve"], args].concat()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert_eq!(errors.lines().next(), Some(message));
    }
}

#[test]
fn people_read_lines_on_stderr() {
    let running = Running::start(&mut wscli(&["serve", "-v", "-p", "0"]));
    let line = running.error_line().expect("a line that tells the URL");
    let port = line
        .strip_prefix("* listening on ws://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix("/ws"))
        .unwrap_or_else(|| panic!("{line}"));
    let port = port.parse().unwrap();
    let mut wire = Wire::open(port);
    let line = running.error_line().unwrap();
    assert!(line.starts_with("* #1 127.0.0.1:"), "{line}");
    assert!(line.ends_with(": opened /ws"), "{line}");
    wire.send(close(3000, "a\x1b[2Jb"));
    wire.close_code();
    wire.end();
    let line = running.error_line().unwrap();
    assert!(
        line.contains("closed by client. Code: 3000. Reason: a\\x1b[2Jb."),
        "{line}"
    );
}

#[cfg(unix)]
mod unix {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    use rustix::process::Signal;

    use super::*;

    #[test]
    fn sigterm_closes_every_client_with_1001() {
        let mut server = Server::start(&[]);
        let mut clients: Vec<_> = (0..10).map(|_| Wire::open(server.port())).collect();
        // Neither a request that never ends nor silence holds the end up.
        let mut half = Wire::connect(server.port());
        half.send("GET /ws HT");
        server.running.signal(Signal::TERM);
        for wire in &mut clients {
            assert_eq!(
                wire.frame(),
                (8, b"\x03\xe9the server is shutting down".to_vec())
            );
            wire.send(close(1001, ""));
            wire.end();
        }
        half.end();
        let event = server.event("stopped");
        assert_eq!(
            (&event["opened"], &event["abandoned"]),
            (&json!(10), &json!(0))
        );
        assert_eq!(server.running.wait().code(), Some(0));
        assert_eq!(server.running.errors(), Vec::<String>::new());
    }

    #[test]
    fn who_does_not_answer_the_close_is_left_after_the_grace() {
        let mut server = Server::start(&["--grace", "100ms"]);
        let mut wire = Wire::open(server.port());
        server.running.signal(Signal::INT);
        assert_eq!(wire.close_code(), 1001);
        let event = server.event("close");
        assert_eq!(event["code"], 1006);
        assert_eq!(server.event("stopped")["abandoned"], 1);
        assert_eq!(server.running.wait().code(), Some(0));
    }

    #[test]
    fn a_second_signal_ends_at_once() {
        let mut server = Server::start(&["--grace", "1h"]);
        let mut wire = Wire::open(server.port());
        server.running.signal(Signal::TERM);
        server.event("draining");
        assert_eq!(wire.close_code(), 1001);
        server.running.signal(Signal::INT);
        assert_eq!(server.running.wait().code(), Some(130));
    }

    /// A text sent and echoed over a Unix domain socket.
    fn talk(path: &std::path::Path) {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(handshake(&[]).as_bytes()).unwrap();
        stream.write_all(&frame(1, b"hi")).unwrap();
        stream.write_all(&close(1000, "")).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        assert!(
            answer.ends_with(b"\x81\x02hi\x88\x02\x03\xe8"),
            "{answer:?}"
        );
    }

    #[test]
    fn a_unix_socket_takes_the_place_of_a_dead_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ws.sock");
        let text = path.to_str().unwrap();
        let args = ["serve", "--jsonl", "--unix-socket", text];
        // Dropping a listener leaves its file.
        drop(UnixListener::bind(&path).unwrap());
        let mut server = Server::run(&args);
        assert_eq!(server.ready["url"], format!("ws+unix:{text}:/ws"));
        talk(&path);

        let output = wscli(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(12));
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            format!(
                "wscli: a server is already listening on {text}; stop it, or choose another path\n"
            )
        );
        talk(&path);

        server.running.signal(Signal::TERM);
        assert_eq!(server.running.wait().code(), Some(0));
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precious");
        std::fs::write(&path, "data").unwrap();
        let text = path.to_str().unwrap();
        let output = wscli(&["serve", "--unix-socket", text]).output().unwrap();
        assert_eq!(output.status.code(), Some(12));
        assert_eq!(std::fs::read(&path).unwrap(), b"data");
    }

    #[test]
    fn a_reader_of_events_that_goes_away_ends_the_server() {
        use std::io::{BufRead, BufReader};

        let mut child = wscli(&["serve", "-p", "0", "--jsonl"]).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        drop(stdout);
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        let port = u16::try_from(ready["port"].as_u64().unwrap()).unwrap();
        // Its event finds nobody.
        let mut wire = Wire::connect(port);
        wire.send(handshake(&[]));
        wire.head();
        assert_eq!(wire.close_code(), 1001);
        wire.send(close(1001, ""));
        wire.end();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
