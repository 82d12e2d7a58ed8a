//! From the bound address to the last client: ports, socket files, signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Ends as _, Server, wscli};
use crate::wire::{Wire, close, frame, handshake};

#[test]
fn a_port_that_is_taken_is_refused_when_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = wscli(&["serve", "-p", &port]).ends();
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

    let output = wscli(&args).ends();
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
    let output = wscli(&["serve", "--unix-socket", text]).ends();
    assert_eq!(output.status.code(), Some(12));
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}

#[test]
fn a_reader_of_events_that_goes_away_ends_the_server() {
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
    let output = child.ends();
    assert_eq!(output.status.code(), Some(12));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("nobody reads the events any more"),
        "{errors}"
    );
}
