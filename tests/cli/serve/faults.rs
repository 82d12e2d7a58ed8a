//! Faults are around whatever is said: what holds without them holds with them too.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lab::{open, text};
use crate::harness::Server;
use crate::wire::{Wire, close, frame, handshake, masked};

/// The next frame with its first byte, whatever it is.
fn any_frame(wire: &mut Wire) -> (u8, Vec<u8>) {
    let start = wire.bytes(2);
    assert!(start[1] < 126, "a short frame");
    (start[0], wire.bytes(start[1].into()))
}

const ROUTES: [(&[&str], &str); 5] = [
    (&["--lab"], "/echo"),
    (&["--lab"], "/delay/0?fragment=1"),
    (&["--lab"], "/echo?ping=60s"),
    (&["--lab"], "/broadcast/a"),
    (&["--chaos", "drop=0%"], "/ws"),
];

#[test]
fn keep_alive_holds_under_lab_and_chaos() {
    for (args, resource) in ROUTES {
        let times = [
            "--keep-alive-interval",
            "200ms",
            "--keep-alive-timeout",
            "200ms",
        ];
        let server = Server::start(&[&times, args].concat());
        // A client that answers no ping is closed with 1011.
        let mut wire = open(&server, resource);
        assert_eq!(wire.frame().0, 9, "{resource}");
        let (opcode, payload) = wire.frame();
        assert_eq!((opcode, &payload[..2]), (8, &b"\x03\xf3"[..]), "{resource}");
        drop(wire);
        let event = server.event("close");
        let told = event["message"].as_str().unwrap();
        assert!(told.contains("no pong answered"), "{resource}: {event}");
    }
    // `--keep-alive pong` sends pongs of its own.
    let server = Server::start(&[
        "--lab",
        "--keep-alive",
        "pong",
        "--keep-alive-interval",
        "50ms",
    ]);
    let mut wire = open(&server, "/echo?no-pong");
    assert_eq!(wire.frame(), (10, Vec::new()));
}

/// "hello hello hello hello", compressed by zlib, without the tail of its flush.
const HELLO: &[u8] = b"\xca\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01\x00";

/// 100,000 zeros in 114 bytes.
fn bomb() -> Vec<u8> {
    let start = b"\xec\xc1\x31\x01\x00\x00\x00\xc2\xa0\xf5\x4f\x6d\x0d\x0f\xa0";
    [&start[..], &[0; 96], b"\x80\x57\x03"].concat()
}

#[test]
fn compression_and_limits_hold_under_lab_and_chaos() {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; \
        server_no_context_takeover; client_no_context_takeover";
    for (args, resource) in ROUTES {
        let common = ["--compress", "--max-message-size", "1KiB"];
        let server = Server::start(&[&common, args].concat());
        let open = || {
            let mut wire = Wire::connect(server.port());
            wire.send(handshake(&[&format!("GET {resource} HTTP/1.1"), offer]));
            let head = wire.head().to_ascii_lowercase();
            assert!(head.contains("permessage-deflate"), "{resource}: {head}");
            wire
        };
        let mut wire = open();
        wire.send(masked(0xc1, HELLO));
        assert_eq!(any_frame(&mut wire), (0xc1, HELLO.to_vec()), "{resource}");
        // In two fragments, and one that is not compressed.
        wire.send(masked(0x41, &HELLO[..4]));
        wire.send(masked(0x80, &HELLO[4..]));
        assert_eq!(any_frame(&mut wire), (0xc1, HELLO.to_vec()), "{resource}");
        wire.send(frame(1, b"plain"));
        assert_eq!(
            any_frame(&mut wire),
            (0x81, b"plain".to_vec()),
            "{resource}"
        );
        for (sent, code) in [
            (masked(0xc2, &bomb()), 1009),
            (masked(0xc2, b"\xff\xff\xff"), 1007),
            (masked(0xa2, b""), 1002),
        ] {
            let mut wire = open();
            wire.send(sent);
            assert_eq!(wire.close_code(), code, "{resource}");
        }
    }
    // Fragments share one compressed payload.
    let server = Server::start(&["--lab", "--compress"]);
    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&["GET /fragment/2 HTTP/1.1", offer]));
    wire.head();
    wire.send(masked(0xc1, HELLO));
    assert_eq!(any_frame(&mut wire), (0x41, HELLO[..6].to_vec()));
    assert_eq!(any_frame(&mut wire), (0x80, HELLO[6..].to_vec()));
}

#[test]
fn delay_holds_for_pongs_and_the_answer_to_a_close() {
    let server = Server::start(&["--lab"]);
    let mut wire = open(&server, "/delay/500");
    let start = Instant::now();
    wire.send(frame(1, b"text"));
    wire.send(frame(9, b"ping"));
    wire.send(close(1000, "bye"));
    // In the order of what they answer, the Close last.
    assert_eq!(text(&mut wire), "text");
    assert_eq!(wire.frame(), (10, b"ping".to_vec()));
    assert_eq!(wire.frame(), (8, b"\x03\xe8bye".to_vec()));
    assert!(start.elapsed() >= Duration::from_millis(500));
    wire.end();
}

#[test]
fn ends_come_by_time_and_on_a_message() {
    let server = Server::start(&["--lab"]);
    let mut wire = open(&server, "/stream/100?drop&after=300ms");
    let start = Instant::now();
    let received = wire.rest();
    assert!(start.elapsed() >= Duration::from_millis(250));
    assert!(received.starts_with(b"\x81\x011"), "{received:?}");
    // A time does not wait for what is delayed.
    let start = Instant::now();
    let mut wire = open(&server, "/delay/60s?reset&after=100ms");
    wire.send(frame(1, b"late"));
    assert!(wire.is_reset());
    assert!(start.elapsed() < Duration::from_secs(50));

    let mut wire = open(&server, "/drop?on=bye&after=1");
    for said in ["bye", "hello", "good bye"] {
        wire.send(frame(1, said.as_bytes()));
        // The first comes too early, the last is answered before the end.
        if said == "bye" {
            continue;
        }
    }
    assert_eq!(text(&mut wire), "bye");
    wire.end();
    // Of what is sent unasked, it is the last.
    let mut wire = open(&server, "/count/1000?close=4001&on=/^3$/");
    for n in ["1", "2", "3"] {
        assert_eq!(text(&mut wire), n);
    }
    assert_eq!(wire.close_code(), 4001);
}

fn get(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server");
    let head = format!("{head}\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn lab_lists_its_routes() {
    let server = Server::start(&["--lab"]);
    let list = server.ready["lab"].as_str().expect("the list is told");
    assert!(list.ends_with("/lab"), "{list}");
    let text = get(server.port(), "GET /lab HTTP/1.1");
    assert!(
        text.contains("\r\ncontent-type: text/plain") || text.contains("Content-Type: text/plain")
    );
    let json = get(
        server.port(),
        "GET /lab HTTP/1.1\r\nAccept: application/json",
    );
    let (_, body) = json.split_once("\r\n\r\n").unwrap();
    let groups: Value = serde_json::from_str(body).unwrap();
    // Every example of the list is understood.
    for fault in groups
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["faults"].as_array().unwrap())
    {
        let example = fault["example"].as_str().unwrap();
        assert!(text.contains(example), "{example}");
        let answer = get(server.port(), &format!("GET {example} HTTP/1.1"));
        assert!(!answer.contains("does not understand"), "{answer}");
        assert!(!answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    let server = Server::start(&[]);
    assert_eq!(server.ready["lab"], Value::Null);
    let answer = get(server.port(), "GET /lab HTTP/1.1");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[test]
fn query_names_of_others_are_let_through_and_told() {
    let server = Server::start(&["--lab"]);
    let mut wire = open(&server, "/echo?token=abc&EIO=4&transport=websocket&delay=0");
    wire.send(frame(1, b"hi"));
    assert_eq!(text(&mut wire), "hi");
    assert_eq!(
        server.event("open")["ignored"],
        json!(["token", "EIO", "transport"])
    );
    open(&server, "/echo?delay=0");
    assert_eq!(server.event("open")["ignored"], Value::Null);
}

#[test]
fn broadcast_counts_what_a_slow_listener_misses() {
    let server = Server::start(&["--lab"]);
    let mut slow = open(&server, "/broadcast/a");
    slow.send(frame(1, b"here"));
    assert_eq!(text(&mut slow), "here");
    let mut speaker = open(&server, "/broadcast/a");
    // Far more than waits for one listener that reads nothing.
    let large = frame(2, &vec![0; 8 << 20]);
    for _ in 0..10 {
        speaker.send(&large);
        assert_eq!(speaker.frame().1.len(), 8 << 20);
    }
    drop(speaker);
    server.event("close");
    drop(slow);
    let missed = server.event("close")["missed_messages"].as_u64();
    assert!(missed.is_some_and(|missed| missed > 0), "{missed:?}");
}
