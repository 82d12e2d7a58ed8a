//! `wscli serve`.

mod faults;
mod frames;
mod handshake;
#[cfg(target_os = "linux")]
mod inherited;
mod lab;
#[cfg(unix)]
mod lifetime;
mod opening;
mod operation;
#[cfg(target_os = "linux")]
mod peers;
mod tls;

use serde_json::json;

use crate::harness::{Ends as _, Running, Server, wscli};
use crate::wire::{Wire, close, frame, handshake, masked};

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
            (&event["code"], &event["reason"], &event["by_peer"]),
            (&json!(code), &json!(reason), &json!(true))
        );
        assert_eq!(event["message"], json!(null));
    }
}

#[test]
fn a_client_that_breaks_the_rules_is_told_and_not_reset() {
    let server = Server::start(&["--max-message-size", "1KiB"]);
    let unmasked = b"\x81\x02hi".to_vec();
    let two_fragments = [masked(0x02, &[0; 600]), masked(0x80, &[0; 600])].concat();
    for (sent, code) in [
        (unmasked, 1002),
        (close(1016, ""), 1002),
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
    assert_eq!(
        (&event["code"], &event["by_peer"]),
        (&json!(1006), &json!(false))
    );
    assert!(event["message"].is_string());
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
            &["--port", "abc"],
            "error: invalid value 'abc' for '--port <PORT>': write a port from 1 to 65535, or 0 for a free one",
        ),
        (
            &["--port", "-1"],
            "error: invalid value '-1' for '--port <PORT>': write a port from 1 to 65535, or 0 for a free one",
        ),
        (
            &["--max-connections", "x"],
            "error: invalid value 'x' for '--max-connections <N>': write a number, such as 100",
        ),
        (
            &["--max-connections-per-ip", "0"],
            "error: invalid value '0' for '--max-connections-per-ip <N>': nobody could connect; give 1 or more, or leave it out",
        ),
        (
            &["--max-message-size", "0"],
            "error: invalid value '0' for '--max-message-size <BYTES>': no message would be small enough; give 1 or more",
        ),
        (
            &["--keep-alive-interval", "0", "--keep-alive-timeout", "5s"],
            "wscli: --keep-alive-interval 0 sends no ping that --keep-alive-timeout could wait for; leave one of them out",
        ),
        (
            &["--subprotocol", "a b"],
            "error: invalid value 'a b' for '--subprotocol <NAME>': 'a b' is no name of a subprotocol; use letters, digits and !#$%&'*+-.^_`|~",
        ),
    ] {
        let output = wscli(&[&["serve"], args].concat()).ends();
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
    assert_eq!(
        running.error_line(),
        Some(format!("* page at http://127.0.0.1:{port}/"))
    );
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
