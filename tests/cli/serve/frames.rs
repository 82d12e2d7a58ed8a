//! Frames and messages that the lab breaks, read byte by byte.

use super::lab::{open, text};
use crate::harness::Server;
use crate::wire::{Wire, close, frame, handshake};

#[test]
fn frames_that_break_a_rule() {
    let server = Server::start(&["--lab"]);
    for (resource, bytes) in [
        ("/bad-utf8-split", &b"\x01\x02a\xc3\x80\x01\x28"[..]),
        ("/bad-opcode", b"\x83\x02hi"),
        ("/bad-opcode/11", b"\x8b\x02hi"),
        ("/long-length", b"\x81\x7e\x00\x02hi"),
        ("/huge-length", b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"),
        ("/lone-continuation", b"\x80\x02hi"),
        ("/nested-message", b"\x01\x02ab\x81\x02cd"),
        ("/unfinished", b"\x01\x02aa"),
        ("/fragmented-ping", b"\x09\x01h\x80\x01i"),
        ("/short-close", b"\x88\x01\x03"),
        ("/bad-close-utf8", b"\x88\x04\x03\xe8\xff\xfe"),
        ("/data-after-close", b"\x88\x02\x03\xe8\x81\x05after"),
        ("/long-ping", b"\x89\x7e\x00\x7epppp"),
        ("/long-close", b"\x88\x7e\x00\x7e\x03\xe8cccc"),
    ] {
        let mut wire = open(&server, resource);
        assert_eq!(wire.bytes(bytes.len()), bytes, "{resource}");
        if resource.starts_with("/long-ping") || resource.starts_with("/long-close") {
            wire.bytes(126 + 4 - bytes.len());
        }
        // What a client says of it is in the log.
        wire.send(close(1002, "no"));
        wire.end();
        assert_eq!(server.event("close")["code"], 1002, "{resource}");
    }
    let mut wire = open(&server, "/unfinished/200KiB");
    for first in [1, 0, 0] {
        assert_eq!(wire.bytes(10), [first, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        wire.bytes(64 << 10);
    }
    assert_eq!(wire.bytes(4), [0, 126, 32, 0]);
    // After a message, as any end.
    let mut wire = open(&server, "/lone-continuation?after=1");
    wire.send(frame(1, b"one"));
    assert_eq!(text(&mut wire), "one");
    assert_eq!(wire.bytes(4), b"\x80\x02hi");
}

#[test]
fn messages_are_lost_repeated_swapped_and_damaged() {
    let server = Server::start(&["--lab"]);
    let answers = |resource: &str, said: &[&str], count: usize| -> Vec<String> {
        let mut wire = open(&server, resource);
        for said in said {
            wire.send(frame(1, said.as_bytes()));
        }
        (0..count).map(|_| text(&mut wire)).collect()
    };
    let abc = ["one", "two", "three"];
    for (resource, expected) in [
        ("/lose?on=two", &["one", "three"][..]),
        ("/lose?after=0&on=/^t/", &["one"]),
        ("/duplicate?after=2", &["one", "two", "three", "three"]),
        ("/reorder", &["two", "one", "three"]),
        ("/corrupt", &["o#e", "t#o", "th#ee"]),
        ("/truncate?on=three", &["one", "two", "th"]),
        ("/delay/20?reorder", &["two", "one", "three"]),
    ] {
        assert_eq!(
            answers(resource, &abc, expected.len()),
            expected,
            "{resource}"
        );
    }
    // What is sent unasked meets them too.
    let expected = ["2", "1", "4", "3"];
    assert_eq!(answers("/count/4?reorder", &[], 4), expected);
}

/// A connection for this route whose client offers permessage-deflate; the answer.
fn open_compressed(server: &Server, resource: &str) -> (Wire, String) {
    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&[
        &format!("GET {resource} HTTP/1.1"),
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12",
    ]));
    let head = wire.head().to_ascii_lowercase();
    (wire, head)
}

#[test]
fn compressed_messages_that_break_a_rule() {
    let server = Server::start(&["--lab"]);
    let (mut wire, head) = open_compressed(&server, "/unasked-deflate");
    assert!(!head.contains("permessage-deflate"), "{head}");
    assert_eq!(wire.bytes(3), b"\xc2\x0en");
    let (mut wire, head) = open_compressed(&server, "/bad-deflate");
    assert!(head.contains("permessage-deflate"), "{head}");
    assert_eq!(wire.bytes(5), b"\xc2\x03\xff\xff\xff");
    let (mut wire, head) = open_compressed(&server, "/bad-window");
    assert!(head.contains("server_max_window_bits=9\r\n"), "{head}");
    assert_eq!(wire.bytes(2), [0xc2, 126]);
    let (mut wire, _) = open_compressed(&server, "/bomb/64MiB");
    let start = wire.bytes(10);
    assert_eq!(start[..2], [0xc2, 127]);
    let length = u64::from_be_bytes(start[2..].try_into().unwrap());
    assert!((1000..200_000).contains(&length), "{length}");
    // Without compression there is nothing to break.
    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&["GET /bad-deflate HTTP/1.1"]));
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
}

#[test]
fn chaos_concerns_what_is_sent_unasked_and_handshakes() {
    let server = Server::start(&["--lab", "--chaos", "duplicate=100%"]);
    let mut wire = open(&server, "/count/2");
    for expected in ["1", "1", "2", "2"] {
        assert_eq!(text(&mut wire), expected);
    }
    assert_eq!(wire.close_code(), 1000);
    let server = Server::start(&["--chaos", "refuse=100%"]);
    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&[]));
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
}
