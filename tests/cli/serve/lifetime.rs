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

/// Whether this machine speaks IPv6.
fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

#[test]
fn several_hosts_share_a_port_and_other_pairs_have_their_own() {
    let flags = ["--host", "127.0.0.1", "--host", "127.0.0.2"];
    let listen = ["--listen", "127.0.0.1:0"];
    #[cfg(not(target_os = "linux"))]
    let flags = [flags[0], flags[1], flags[0], flags[1]];
    let server = Server::start(&[flags, [listen[0], listen[1], "--path", "/a"]].concat());
    let urls = server.ready["urls"].as_array().unwrap();
    let port = server.port();
    assert_eq!(urls[0], format!("ws://127.0.0.1:{port}/a"));
    for url in urls {
        let output = wscli(&["connect", url.as_str().unwrap(), "-x", "hi", "-1"]).ends();
        assert_eq!(output.stdout, b"hi\n", "{url}");
    }
    let other = urls.last().unwrap().as_str().unwrap();
    assert!(!other.contains(&port.to_string()), "{urls:?}");
    assert_eq!(
        server.ready["addresses"].as_array().unwrap().len(),
        urls.len()
    );
    // Alone, where neither a host nor a port is asked for.
    let server = Server::run(&["serve", "--jsonl", "--listen", "localhost:0"]);
    let output = wscli(&[
        "connect",
        server.ready["url"].as_str().unwrap(),
        "-x",
        "hi",
        "-1",
    ])
    .ends();
    assert_eq!(output.stdout, b"hi\n");
}

#[test]
fn localhost_is_both_families_and_a_client_of_ipv4_is_shown_as_one() {
    if !has_ipv6() {
        return;
    }
    let server = Server::start(&["--host", "localhost"]);
    let port = server.port();
    for url in [
        format!("ws://127.0.0.1:{port}/ws"),
        format!("ws://[::1]:{port}/ws"),
    ] {
        assert!(
            server.ready["urls"]
                .as_array()
                .unwrap()
                .contains(&json!(url))
        );
        let output = wscli(&["connect", &url, "-x", "hi", "-1"]).ends();
        assert_eq!(output.stdout, b"hi\n", "{url}");
    }
    let server = Server::start(&["--host", "::"]);
    let _wire = Wire::open(server.port());
    let event = server.event("open");
    assert!(
        event["peer"].as_str().unwrap().starts_with("127.0.0.1:"),
        "{event}"
    );
    // Each family with a socket of its own, on one port.
    let server = Server::start(&["--host", "::", "--host", "0.0.0.0"]);
    Wire::open(server.port());
    assert_eq!(server.ready["addresses"].as_array().unwrap().len(), 2);
}

#[test]
fn addresses_that_cannot_be_listened_on_are_exit_2() {
    for (args, sentence) in [
        (
            &["--host", "no such host"][..],
            "cannot resolve 'no such host'",
        ),
        (
            &["--host", "192.0.2.1"],
            "choose an address of this machine with --host",
        ),
        (
            &["--unix-socket", "/nonexistent/x"],
            "cannot listen on /nonexistent/x",
        ),
        (
            &["--unix-socket", "@abs"],
            "abstract sockets are not spoken, and '@abs' would be a file",
        ),
        (
            &["--unix-socket", "x", "--unix-socket-mode", "9"],
            "write the mode in octal digits",
        ),
        (
            &["--admin", "192.0.2.1:0"],
            "choose another address with --admin",
        ),
        (
            &["--admin", "9090"],
            "'9090' is not an address and a port; write it as 127.0.0.1:9090",
        ),
        (
            &["--admin", ":9090"],
            "':9090' is not an address and a port",
        ),
        (
            &["--admin", "::1:9090"],
            "'::1:9090' is not an address and a port",
        ),
        (
            &["--access-log", "/nonexistent/x"],
            "cannot open the access log '/nonexistent/x'",
        ),
        (&["--proxy-protocol"], "--trusted-proxy"),
        (
            &["--trusted-proxy", "x"],
            "'x' is not an address or a network",
        ),
    ] {
        let output = wscli(&[&["serve"], args].concat()).ends();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(sentence), "{args:?}: {errors}");
    }
}

#[test]
fn a_unix_socket_has_the_mode_that_is_asked_for() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ws.sock");
    let args = ["--jsonl", "--unix-socket", path.to_str().unwrap()];
    let _server = Server::run(&[&["serve", "--unix-socket-mode", "660"], &args[..]].concat());
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    talk(&path);
}
