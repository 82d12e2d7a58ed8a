//! The fault lab, each route through the program itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Server;
use crate::wire::{Wire, close, frame, handshake, masked};

/// A connection to this route, its handshake done.
pub(super) fn open(server: &Server, resource: &str) -> Wire {
    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&[&format!("GET {resource} HTTP/1.1")]));
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{resource}: {head}");
    wire
}

pub(super) fn text(wire: &mut Wire) -> String {
    let (opcode, payload) = wire.frame();
    assert_eq!(opcode, 1, "{payload:?}");
    String::from_utf8(payload).expect("text")
}

#[test]
fn it_is_there_only_when_asked_for() {
    let server = Server::start(&[]);
    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&["GET /close/4000 HTTP/1.1"]));
    assert!(wire.head().starts_with("HTTP/1.1 404 "));
}

#[test]
fn answers_of_the_handshake() {
    let server = Server::start(&["--lab", "--allow-origin", "http://good.example"]);
    let basic = "Authorization: Basic dTpw";
    for (resource, headers, status, expected) in [
        ("/status/503", &[][..], 503, ""),
        ("/echo?status=418", &[], 418, ""),
        ("/status/401", &[], 401, "www-authenticate: basic"),
        ("/redirect", &[], 302, "location: /ws\r\n"),
        ("/redirect?to=/echo", &[], 302, "location: /echo\r\n"),
        ("/redirect?to=//evil.example", &[], 400, ""),
        (
            "/auth/basic/u/p",
            &[],
            401,
            "www-authenticate: basic realm=",
        ),
        ("/auth/basic/u/p", &[basic], 101, ""),
        ("/auth/basic/u/q", &[basic], 401, ""),
        ("/auth/bearer/t", &["Authorization: Bearer t"], 101, ""),
        (
            "/auth/bearer/t?status=500",
            &["Authorization: Bearer t"],
            500,
            "",
        ),
        (
            "/auth/bearer/t?status=500",
            &[],
            401,
            "www-authenticate: bearer",
        ),
        ("/bad-accept", &[], 101, "sec-websocket-accept: aaaaaaaaa"),
        ("/slow-handshake/50", &[], 101, ""),
        ("/delay/99999999", &[], 400, ""),
        ("/echo?what", &[], 101, ""),
        ("/bad-utf8?close=1000", &[], 400, ""),
        ("/echo?after=3", &[], 400, ""),
        ("/status/503", &["Origin: http://evil.example"], 403, ""),
        // A plain request gets what it can.
        ("/status/503", &["-Upgrade"], 503, ""),
        ("/drop", &["-Upgrade"], 400, ""),
    ] {
        let line = format!("GET {resource} HTTP/1.1");
        let edits: Vec<&str> = [line.as_str()]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        let mut wire = Wire::connect(server.port());
        let start = Instant::now();
        wire.send(handshake(&edits));
        let head = wire.head().to_ascii_lowercase();
        let status_line = format!("http/1.1 {status} ");
        assert!(
            head.starts_with(&status_line),
            "{resource} {headers:?}: {head}"
        );
        assert!(head.contains(expected), "{resource}: {head}");
        if resource == "/slow-handshake/50" {
            assert!(start.elapsed() >= Duration::from_millis(50));
        }
    }
}

#[test]
fn ends_of_all_kinds() {
    let server = Server::start(&["--lab"]);
    for resource in [
        "/close/4000?reason=so%20long",
        "/echo?close=4000&reason=so+long",
    ] {
        let mut wire = open(&server, resource);
        assert_eq!(wire.frame(), (8, b"\x0f\xa0so long".to_vec()));
        wire.send(close(4000, "so long"));
        wire.end();
        let event = server.event("close");
        assert_eq!(
            (&event["sent_code"], &event["by_peer"]),
            (&json!(4000), &json!(false))
        );
    }
    // A code that nobody may send, after two messages.
    let mut wire = open(&server, "/close/1006?after=2");
    for n in ["1", "2"] {
        wire.send(frame(1, n.as_bytes()));
        assert_eq!(text(&mut wire), n);
    }
    assert_eq!(wire.close_code(), 1006);
    drop(wire);

    open(&server, "/drop").end();
    let mut wire = open(&server, "/echo?after=1&drop");
    wire.send(frame(1, b"last"));
    assert_eq!(text(&mut wire), "last");
    wire.end();

    assert!(open(&server, "/reset").is_reset());

    let mut wire = open(&server, "/half-close");
    wire.end_of_stream();
    // It still listens.
    wire.send(vec![0; 1 << 20]);
    wire.finish();
}

#[test]
fn frames_that_break_the_rules() {
    let server = Server::start(&["--lab"]);
    for (resource, bytes, code) in [
        ("/bad-utf8", &b"\x81\x04ab\xff\xfe"[..], 1007),
        ("/bad-rsv", b"\xf1\x02hi", 1002),
        ("/bad-mask", b"\x81\x82\x01\x02\x03\x04ik", 1002),
    ] {
        let mut wire = open(&server, resource);
        assert_eq!(wire.bytes(bytes.len()), bytes, "{resource}");
        // What a client says of it is in the log.
        wire.send(close(code, "no"));
        wire.end();
        assert_eq!(server.event("close")["code"], code);
    }
    let mut wire = open(&server, "/bad-length");
    assert_eq!(wire.bytes(12), b"\x82\x640123456789");
    wire.end();
}

#[test]
fn what_is_said() {
    let server = Server::start(&["--lab"]);
    let mut wire = open(&server, "/big/100000");
    assert_eq!(wire.frame(), (2, vec![0; 100_000]));
    wire.send(frame(1, b"and an echo"));
    assert_eq!(text(&mut wire), "and an echo");

    let mut wire = open(&server, "/count/1000");
    for n in 1..=1000 {
        assert_eq!(text(&mut wire), n.to_string());
    }
    assert_eq!(wire.close_code(), 1000);

    let mut wire = open(&server, "/stream/1000");
    for n in 1..=20 {
        assert_eq!(text(&mut wire), n.to_string());
    }

    let mut wire = open(&server, "/fragment/3");
    wire.send(frame(1, b"abcdef"));
    assert_eq!(wire.bytes(12), b"\x01\x02ab\x00\x02cd\x80\x02ef");

    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&[
        "GET /json?delay=0 HTTP/1.1",
        "Origin: http://a.example",
        "Sec-WebSocket-Protocol: p, q",
    ]));
    wire.head();
    let seen: Value = serde_json::from_str(&text(&mut wire)).unwrap();
    assert_eq!(
        (&seen["origin"], &seen["subprotocols"], &seen["resource"]),
        (
            &json!("http://a.example"),
            &json!(["p", "q"]),
            &json!("/json?delay=0")
        )
    );
    assert!(
        seen["headers"]
            .as_array()
            .unwrap()
            .contains(&json!(["host", "localhost"]))
    );
}

#[test]
fn pings_and_their_absence() {
    let server = Server::start(&["--lab"]);
    let mut wire = open(&server, "/no-pong");
    wire.send(frame(9, b"ping"));
    wire.send(frame(1, b"text"));
    assert_eq!(text(&mut wire), "text");
    let mut wire = open(&server, "/ping/1");
    assert_eq!(wire.frame(), (9, b"lab".to_vec()));
    assert_eq!(wire.frame(), (9, b"lab".to_vec()));
    let mut wire = open(&server, "/echo");
    wire.send(frame(9, b"ping"));
    assert_eq!(wire.frame(), (10, b"ping".to_vec()));
}

#[test]
fn answers_that_come_later_keep_their_order() {
    let server = Server::start(&["--lab"]);
    let mut wire = open(&server, "/delay/2000");
    let start = Instant::now();
    for n in 0..50 {
        wire.send(frame(1, n.to_string().as_bytes()));
    }
    for n in 0..50 {
        assert_eq!(text(&mut wire), n.to_string());
    }
    // All of them wait at once: one after the other would take 100 s.
    assert!((2..60).contains(&start.elapsed().as_secs()));
}

#[test]
fn a_room_hears_everything() {
    let server = Server::start(&["--lab"]);
    let mut one = open(&server, "/broadcast/a");
    let mut other = open(&server, "/broadcast/a");
    let mut elsewhere = open(&server, "/broadcast/b");
    // Both are in their room when they have heard themselves.
    for wire in [&mut one, &mut other, &mut elsewhere] {
        wire.send(frame(1, b"here"));
        while text(wire) != "here" {}
    }
    one.send(frame(2, b"x"));
    for wire in [&mut one, &mut other] {
        let mut heard = wire.frame();
        while heard.0 == 1 {
            heard = wire.frame();
        }
        assert_eq!(heard, (2, b"x".to_vec()));
    }
    elsewhere.send(frame(1, b"alone"));
    assert_eq!(text(&mut elsewhere), "alone");
}

#[test]
fn a_client_keeps_the_rules_here_too() {
    let server = Server::start(&["--lab", "--max-message-size", "1KiB"]);
    for (sent, code) in [
        (b"\x81\x02hi".to_vec(), 1002),
        (masked(0xc1, b"rsv"), 1002),
        (frame(3, b""), 1002),
        (masked(0x80, b"continued"), 1002),
        (frame(1, b"\xff"), 1007),
        (frame(2, &[0; 1025]), 1009),
        (
            [masked(2, &[0; 600]), masked(0x80, &[0; 600])].concat(),
            1009,
        ),
        (close(1005, ""), 1002),
        (close(1001, "bye"), 1001),
    ] {
        let mut wire = open(&server, "/echo");
        wire.send(&sent);
        assert_eq!(wire.close_code(), code, "{sent:?}");
    }
    // One message in fragments with a ping in between.
    let mut wire = open(&server, "/echo");
    wire.send(masked(1, b"one "));
    wire.send(frame(9, b""));
    assert_eq!(wire.frame(), (10, Vec::new()));
    wire.send(masked(0x80, b"message"));
    assert_eq!(text(&mut wire), "one message");
}

#[test]
fn chaos_repeats_itself_with_its_seed() {
    let answers = |seed: &str| -> Vec<String> {
        let spec = "lose=30%,close=5%,delay=0ms..2ms";
        let server = Server::start(&["--chaos", spec, "--seed", seed]);
        assert_eq!(server.ready["seed"], seed.parse::<u64>().unwrap());
        let mut wire = Wire::open(server.port());
        let messages: Vec<u8> = (0..100)
            .flat_map(|n: u32| frame(1, n.to_string().as_bytes()))
            .collect();
        wire.send(messages);
        let mut answers = Vec::new();
        loop {
            match wire.frame() {
                (1, payload) => answers.push(String::from_utf8(payload).unwrap()),
                (8, payload) => {
                    assert_eq!(payload, b"\x03\xf4chaos");
                    return answers;
                }
                other => panic!("{other:?}"),
            }
        }
    };
    let first = answers("7");
    assert_eq!(first, answers("7"));
    assert_ne!(first, answers("8"));
}
