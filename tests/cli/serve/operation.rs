//! What an operator relies on: limits, deadlines, files, metrics, logs.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::Server;
#[cfg(unix)]
use crate::harness::ignores_hangups;
use crate::wire::{Wire, close, frame, handshake};

#[test]
fn more_websockets_than_allowed_are_answered_with_503() {
    let server = Server::start(&["--max-connections", "2"]);
    let mut first = Wire::open(server.port());
    let _second = Wire::open(server.port());
    let mut third = Wire::connect(server.port());
    third.send(handshake(&[]));
    let head = third.head().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(server.event("refused")["status"], 503);
    // The page is not a WebSocket.
    let mut page = Wire::connect(server.port());
    page.send(handshake(&["GET / HTTP/1.1", "-Upgrade"]));
    assert!(page.head().starts_with("HTTP/1.1 200 "));
    // A place that is given back is given again.
    first.send(close(1000, ""));
    first.close_code();
    first.end();
    server.event("close");
    Wire::open(server.port());
}

#[test]
fn one_address_has_its_share() {
    let server = Server::start(&["--max-connections-per-ip", "2"]);
    let _first = Wire::open(server.port());
    // Whatever it does, or does not do.
    let _silent = Wire::connect(server.port());
    let mut third = Wire::connect(server.port());
    let head = third.head();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(
        third.bytes(40),
        b"too many connections from this address\r\n"
    );
    third.end();
    server.event("turned-away");
}

#[test]
fn quiet_connections_are_kept_alive_and_dead_ones_ended() {
    let server = Server::start(&[
        "--keep-alive-interval",
        "30ms",
        "--keep-alive-timeout",
        "2s",
    ]);
    let mut wire = Wire::open(server.port());
    let start = Instant::now();
    // Answered, pings go on; the last is not.
    for _ in 0..3 {
        let (opcode, payload) = wire.frame();
        assert_eq!(opcode, 9);
        wire.send(frame(10, &payload));
    }
    assert!(start.elapsed() >= Duration::from_millis(90));
    assert_eq!(wire.frame().0, 9);
    assert_eq!(wire.frame(), (8, b"\x03\xf3ping timeout".to_vec()));
    wire.finish();
    wire.end();
    assert_eq!(server.event("close")["sent_code"], 1011);

    let server = Server::start(&["--keep-alive", "pong", "--keep-alive-interval", "30ms"]);
    let mut wire = Wire::open(server.port());
    assert_eq!(wire.frame(), (10, Vec::new()));
    assert_eq!(wire.frame(), (10, Vec::new()));
}

#[test]
fn silence_ends_by_the_idle_timeout() {
    let args = ["--idle-timeout", "1s", "--lab"];
    let server = Server::start(&args);
    for resource in ["/ws", "/echo"] {
        let mut wire = Wire::connect(server.port());
        wire.send(handshake(&[&format!("GET {resource} HTTP/1.1")]));
        wire.head();
        wire.send(frame(1, b"hi"));
        wire.frame();
        assert_eq!(wire.frame(), (8, b"\x03\xe9idle timeout".to_vec()));
        wire.send(close(1001, ""));
        wire.end();
    }
    // A pong is a sign of life.
    let server = Server::start(&["--idle-timeout", "2s", "--keep-alive-interval", "400ms"]);
    let mut wire = Wire::open(server.port());
    // For longer than the timeout.
    for _ in 0..6 {
        let (opcode, payload) = wire.frame();
        assert_eq!(opcode, 9);
        wire.send(frame(10, &payload));
    }
}

#[test]
fn who_reads_nothing_is_dropped_by_its_deadline() {
    let server = Server::start(&["--write-timeout", "300ms", "--lab"]);
    for resource in ["/ws", "/echo", "/big/64MiB"] {
        let mut wire = Wire::connect(server.port());
        wire.send(handshake(&[&format!("GET {resource} HTTP/1.1")]));
        if resource != "/big/64MiB" {
            wire.flood(&frame(2, &vec![7; 1 << 20]));
        }
        let event = server.event("close");
        assert_eq!(event["code"], 1006, "{event}");
        let error = event["message"].as_str().unwrap();
        assert!(error.contains("took nothing of what was sent"), "{error}");
    }
}

#[test]
fn half_a_handshake_and_a_slow_one_are_ended() {
    let server = Server::start(&["--handshake-timeout", "300ms"]);
    let mut half = Wire::connect(server.port());
    half.send(&handshake(&[])[..40]);
    let mut slow = Wire::connect(server.port());
    // A byte at a time is no progress: the deadline is for the whole head.
    for _ in std::iter::once(()).cycle() {
        if !slow.takes(b"G") {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    half.end_of_stream();
    server.event("handshake-failed");
    server.event("handshake-failed");
}

#[test]
fn a_small_buffer_carries_large_messages() {
    let server = Server::start(&["--receive-buffer-size", "256"]);
    let mut wire = Wire::open(server.port());
    let payload: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    wire.send(frame(2, &payload));
    assert_eq!(wire.frame(), (2, payload));
}

#[test]
fn the_page_can_be_left_out() {
    let server = Server::start(&["--no-page"]);
    let mut wire = Wire::connect(server.port());
    wire.send(handshake(&["GET / HTTP/1.1", "-Upgrade"]));
    assert!(wire.head().starts_with("HTTP/1.1 404 "));
}

/// The head and the body of an answer to a plain request.
fn fetch(port: u16, line: &str) -> (String, Vec<u8>) {
    let mut wire = Wire::connect(port);
    wire.send(format!(
        "{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    ));
    let head = wire.head().to_ascii_lowercase();
    (head, wire.rest())
}

#[cfg(unix)]
#[test]
fn a_folder_is_served_and_nothing_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    std::fs::create_dir_all(root.join("sub")).unwrap();
    std::fs::create_dir_all(root.join(".git")).unwrap();
    std::fs::create_dir(directory.path().join("root2")).unwrap();
    let big = vec![b'x'; 300_000];
    for (name, content) in [
        ("root/index.html", &b"<p>hi"[..]),
        ("root/sub/index.html", b"sub"),
        ("root/a b.js", b"1"),
        ("root/big.bin", &big),
        ("root/.git/config", b"secret"),
        ("secret", b"secret"),
        ("root2/secret", b"secret"),
    ] {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    std::os::unix::fs::symlink("../secret", root.join("link")).unwrap();
    std::os::unix::fs::symlink("../root2", root.join("dir")).unwrap();
    std::os::unix::fs::symlink("a b.js", root.join("inside.js")).unwrap();
    std::os::unix::fs::symlink(".git/config", root.join("shown.txt")).unwrap();
    let server = Server::start(&["--static", root.to_str().unwrap()]);
    for (line, status, content_type, body) in [
        ("GET /", 200, "text/html; charset=utf-8", &b"<p>hi"[..]),
        ("HEAD /", 200, "text/html; charset=utf-8", b""),
        ("GET /index.html?x", 200, "text/html", b"<p>hi"),
        ("GET /a%20b.js", 200, "text/javascript", b"1"),
        ("GET /inside.js", 200, "text/javascript", b"1"),
        ("GET /sub/", 200, "text/html", b"sub"),
        ("GET /big.bin", 200, "application/octet-stream", &big),
    ] {
        let (head, found) = fetch(server.port(), line);
        assert!(
            head.starts_with(&format!("http/1.1 {status} ")),
            "{line} {head}"
        );
        assert!(
            head.contains(&format!("content-type: {content_type}")),
            "{line} {head}"
        );
        assert!(
            head.contains("x-content-type-options: nosniff"),
            "{line} {head}"
        );
        assert!(found == body, "{line}");
    }
    let (head, _) = fetch(server.port(), "HEAD /");
    assert!(head.contains("content-length: 5\r\n"), "{head}");
    let (head, _) = fetch(server.port(), "GET /sub?a=b");
    assert!(
        head.starts_with("http/1.1 301 ") && head.contains("location: /sub/?a=b\r\n"),
        "{head}"
    );
    for line in [
        "GET /none",
        "GET /link",
        "GET /dir/secret",
        "GET /dir",
        "GET /../secret",
        "GET /%2e%2e/secret",
        "GET /..%2fsecret",
        "GET /sub/..%2f..%2fsecret",
        "GET /.git/config",
        // A link of another name does not show what is hidden.
        "GET /shown.txt",
        "GET /index.html/",
        "GET /sub%2findex.html",
        "GET /%00",
    ] {
        let (head, body) = fetch(server.port(), line);
        assert!(head.starts_with("http/1.1 404 "), "{line} {head}");
        assert!(!body.windows(6).any(|part| part == b"secret"), "{line}");
    }
    // The echo is where it was.
    Wire::open(server.port());
}

#[test]
fn operators_have_an_address_of_their_own() {
    let server = Server::start(&["--admin", "127.0.0.1:0"]);
    let admin = server.ready["admin"].as_str().unwrap();
    let port = admin.trim_end_matches('/').rsplit(':').next().unwrap();
    let port = port.parse().unwrap();
    let (head, body) = fetch(port, "GET /healthz");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, b"ok\n");
    let mut wire = Wire::open(server.port());
    wire.send(frame(1, b"four"));
    wire.frame();
    server.event("open");
    // Counted after the answer has left.
    let metrics = loop {
        let metrics = String::from_utf8(fetch(port, "GET /metrics").1).unwrap();
        if metrics.contains("wscli_messages_total{direction=\"in\"} 1") {
            break metrics;
        }
    };
    for line in [
        "wscli_websockets_open 1",
        "wscli_message_bytes_total{direction=\"out\"} 4",
        "wscli_http_responses_total{status=\"101\"} 1",
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{line}\n{metrics}");
    }
    // Neither is found where the clients are.
    assert!(
        fetch(server.port(), "GET /metrics")
            .0
            .starts_with("http/1.1 404 ")
    );
    assert!(fetch(port, "POST /metrics").0.starts_with("http/1.1 405 "));
}

fn admin_port(server: &Server) -> u16 {
    let admin = server.ready["admin"].as_str().unwrap();
    let port = admin.trim_end_matches('/').rsplit(':').next().unwrap();
    port.parse().unwrap()
}

#[test]
fn operators_get_an_answer_when_all_their_places_are_held() {
    let server = Server::start(&["--admin", "localhost:0", "--auth", "bearer:x"]);
    let port = admin_port(&server);
    let mut held: Vec<_> = (0..100).map(|_| Wire::connect(port)).collect();
    let (head, body) = fetch(port, "GET /healthz");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, b"ok\n");
    // The oldest was closed for it.
    held[0].end_of_stream();
    let (head, _) = fetch(port, "GET /metrics");
    assert!(head.starts_with("http/1.1 401 "), "{head}");
    let (head, _) = fetch_with(port, "GET /metrics", &["Authorization: Bearer x"]);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[cfg(target_os = "linux")]
#[test]
fn operators_and_the_refused_get_an_answer_when_descriptors_are_used_up() {
    use std::process::{Command, Stdio};
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_wscli"))
        .args([
            "serve",
            "-p",
            "0",
            "--jsonl",
            "--admin",
            "127.0.0.1:0",
            "--workers",
            "2",
        ])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let running = crate::harness::Running::start(&mut command);
    let ready = serde_json::from_str(&running.line().unwrap()).unwrap();
    let server = Server { running, ready };
    // Silent ones count too.
    let mut clients: Vec<_> = (0..64).map(|_| Wire::connect(server.port())).collect();
    let event = server.event("turned-away");
    assert_eq!(
        event["reason"],
        "the server has as many connections as file descriptors allow"
    );
    let refused = event["connection"].as_u64().unwrap();
    let refused = usize::try_from(refused).unwrap() - 1;
    let head = clients[refused].head();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let (head, body) = fetch(admin_port(&server), "GET /healthz");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, b"ok\n");
    let metrics = String::from_utf8(fetch(admin_port(&server), "GET /metrics").1).unwrap();
    assert!(metrics.contains("\nprocess_max_fds 64\n"), "{metrics}");
}

#[cfg(unix)]
#[test]
fn drain_delay_tells_the_health_first_and_closes_the_port_later() {
    use rustix::process::Signal;
    let mut server = Server::start(&["--drain-delay", "1h", "--admin", "127.0.0.1:0"]);
    server.running.signal(Signal::TERM);
    server.event("drain-delayed");
    let (head, body) = fetch(admin_port(&server), "GET /healthz");
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, b"draining\n");
    let mut wire = Wire::open(server.port());
    wire.send(frame(1, b"hi"));
    assert_eq!(wire.frame(), (1, b"hi".to_vec()));
    server.running.signal(Signal::TERM);
    assert_eq!(server.running.wait().code(), Some(143));
    let mut server = Server::start(&["--drain-delay", "10ms"]);
    server.running.signal(Signal::TERM);
    server.event("drain-delayed");
    server.event("draining");
    assert_eq!(server.running.wait().code(), Some(0));
}

#[test]
fn workers_share_the_connections() {
    for workers in ["1", "3"] {
        let server = Server::start(&["--workers", workers]);
        let mut clients: Vec<_> = (0..12).map(|_| Wire::open(server.port())).collect();
        for (n, wire) in clients.iter_mut().enumerate() {
            wire.send(frame(1, n.to_string().as_bytes()));
            assert_eq!(wire.frame(), (1, n.to_string().into_bytes()));
        }
    }
}

#[test]
fn the_access_log_has_every_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.jsonl");
    let text = path.to_str().unwrap();
    let server = Server::start(&["--access-log", text]);
    fetch(server.port(), "GET /");
    fetch(server.port(), "GET /none");
    let mut wire = Wire::open(server.port());
    wire.send(close(1000, ""));
    wire.close_code();
    wire.end();
    // The file is written before stdout.
    server.event("close");
    let log = std::fs::read_to_string(&path).unwrap();
    let events: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["type"].as_str().unwrap(),
                &event["status"],
                event.get("resource").unwrap_or(&event["url"]),
            )
        })
        .collect();
    let (root, ok) = (json!("/"), json!(200));
    let url = json!("ws://localhost/ws");
    assert_eq!(found[0].0, "ready");
    assert_eq!(found[1], ("request", &ok, &root));
    assert_eq!(found[2], ("refused", &json!(404), &json!("/none")));
    assert_eq!(found[3], ("open", &json!(101), &url));
    assert_eq!(found[4].0, "close");
}

/// The types of the events in an access log.
#[cfg(unix)]
fn logged(path: &std::path::Path) -> Vec<String> {
    let log = std::fs::read_to_string(path).unwrap_or_default();
    let events = log.lines().map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).expect("whole lines");
        event["type"].as_str().unwrap().to_owned()
    });
    events.collect()
}

#[cfg(unix)]
#[test]
fn sighup_opens_the_access_log_anew_for_logrotate() {
    if ignores_hangups() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (path, old) = (
        directory.path().join("access.jsonl"),
        directory.path().join("access.jsonl.1"),
    );
    let server = Server::start(&["--access-log", path.to_str().unwrap()]);
    let mut wire = Wire::open(server.port());
    server.event("open");
    std::fs::rename(&path, &old).unwrap();
    server.running.signal(rustix::process::Signal::HUP);
    assert_eq!(server.event("reloaded")["what"], "access-log");
    fetch(server.port(), "GET /");
    server.event("request");
    assert_eq!(logged(&old), ["ready", "open"]);
    assert_eq!(logged(&path), ["reloaded", "request"]);
    // Where it cannot be opened, the old one is written on.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    server.running.signal(rustix::process::Signal::HUP);
    assert_eq!(server.event("reload-failed")["what"], "access-log");
    wire.send(frame(1, b"the client has noticed nothing"));
    wire.frame();
}

#[cfg(unix)]
#[test]
fn sighup_with_nothing_to_reload_ends_no_client() {
    if ignores_hangups() {
        return;
    }
    let server = Server::start(&[]);
    let mut wire = Wire::open(server.port());
    server.running.signal(rustix::process::Signal::HUP);
    assert_eq!(server.event("reloaded")["what"], "nothing");
    wire.send(frame(1, b"hi"));
    assert_eq!(wire.frame(), (1, b"hi".to_vec()));
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs root: mounts a small file system"]
fn the_access_log_comes_back_after_a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| {
        let mut command = std::process::Command::new(args[0]);
        let status = command.args(&args[1..]).arg(directory.path()).status();
        assert!(status.unwrap().success());
    };
    mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"]);
    let (path, other) = (
        directory.path().join("access.jsonl"),
        directory.path().join("other"),
    );
    let server = Server::start(&["--access-log", path.to_str().unwrap()]);
    std::fs::write(&other, vec![0; 64_000]).unwrap_err();
    for _ in 0..100 {
        fetch(server.port(), "GET /none");
        server.event("refused");
    }
    let full = logged(&path).len();
    assert!(full < 50, "{full}");
    std::fs::remove_file(&other).unwrap();
    fetch(server.port(), "GET /none");
    server.event("refused");
    let found = logged(&path);
    let log = std::fs::read_to_string(&path).unwrap();
    let lost = 101 - full;
    let said = server.running.error_line().unwrap();
    let again = server.running.error_line().unwrap();
    drop(server);
    mount(&["umount"]);
    assert_eq!(found[full..], ["left-out", "refused"]);
    assert!(log.contains(&format!("\"events\":{lost}}}")), "{log}");
    assert!(
        said.starts_with("wscli: could not write the access log"),
        "{said}"
    );
    assert!(
        again.contains(&format!("is being written again; {lost} events")),
        "{again}"
    );
}

/// The answer to a handshake with these edits, sent behind `first`.
fn answer(port: u16, first: &str, edits: &[&str]) -> (Wire, String) {
    let mut wire = Wire::connect(port);
    wire.send(first);
    wire.send(handshake(edits));
    let head = wire.head();
    (wire, head)
}

#[test]
fn a_trusted_proxy_names_its_client_for_the_log_and_the_limits() {
    let flags = ["--trusted-proxy", "127.0.0.0/8", "--lab"];
    let server = Server::start(&[&flags[..], &["--max-connections-per-ip", "1"]].concat());
    let from = |client: &str| {
        let line = format!("X-Forwarded-For: 127.0.0.1, {client}");
        answer(server.port(), "", &[&line, "User-Agent: agent/1"])
    };
    let (_one, head) = from("192.0.2.1");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let event = server.event("open");
    assert_eq!(event["peer"], "192.0.2.1", "{event}");
    assert_eq!(event["user_agent"], "agent/1", "{event}");
    let proxy = event["proxy"].as_str().unwrap();
    assert!(proxy.starts_with("127.0.0.1:"), "{event}");
    let (_two, head) = from("192.0.2.2");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let (mut three, head) = from("192.0.2.2");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(
        head.to_ascii_lowercase().contains("retry-after: "),
        "{head}"
    );
    assert_eq!(three.bytes(39), b"too many connections from this address\n");
    assert_eq!(server.event("refused")["peer"], "192.0.2.2");
    // The lab tells the same.
    let line = "GET /json HTTP/1.1";
    let (mut wire, _) = answer(
        server.port(),
        "",
        &[line, "Forwarded: for=\"[2001:db8::1]:7\""],
    );
    let seen: serde_json::Value = serde_json::from_slice(&wire.frame().1).unwrap();
    assert_eq!(seen["peer"], "2001:db8::1");
    // Whoever is not trusted can write what he wants.
    let server = Server::start(&["--trusted-proxy", "192.0.2.0/24"]);
    let (_wire, _) = answer(server.port(), "", &["X-Forwarded-For: 198.51.100.1"]);
    let event = server.event("open");
    assert!(event["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(event.get("proxy"), None);
}

#[test]
fn the_proxy_protocol_names_the_client_and_is_demanded_of_a_trusted_proxy() {
    let flags = ["--trusted-proxy", "127.0.0.1", "--proxy-protocol"];
    let server = Server::start(&[&flags[..], &["--max-connections-per-ip", "1"]].concat());
    let header = "PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n";
    let (_one, head) = answer(server.port(), header, &[]);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(server.event("open")["peer"], "192.0.2.1:4711");
    let (_two, head) = answer(server.port(), header, &[]);
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(server.event("turned-away")["peer"], "192.0.2.1:4711");
    // A proxy that looks whether the server is there.
    let (_three, head) = answer(server.port(), "PROXY UNKNOWN\r\n", &[]);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut without = Wire::connect(server.port());
    without.send(handshake(&[]));
    let event = server.event("handshake-failed");
    let why = event["message"].as_str().unwrap();
    assert!(why.contains("sent no PROXY header"), "{why}");
    // Nobody else may send one.
    let other = ["--trusted-proxy", "192.0.2.1", "--proxy-protocol"];
    let server = Server::start(&other);
    let (_four, head) = answer(server.port(), header, &[]);
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    Wire::open(server.port());
}

#[test]
fn what_a_client_did_wrong_before_its_request_is_told_without_v() {
    let running = crate::harness::Running::start(&mut crate::harness::wscli(&[
        "serve",
        "-p",
        "0",
        "--no-page",
    ]));
    let line = running.error_line().unwrap();
    let port = line.rsplit(':').next().unwrap().trim_end_matches("/ws");
    let port = port.parse().unwrap();
    let long = format!("GET /ws?{} HTTP/1.1", "x".repeat(70_000));
    for (sent, sentence) in [
        (
            "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned(),
            "the client speaks TLS and this port does not",
        ),
        (
            handshake(&[&format!("X: {}", "x".repeat(700_000))]),
            "the head of its request is too large",
        ),
        (handshake(&[&long]), "the head of its request is too large"),
    ] {
        let mut wire = Wire::connect(port);
        wire.takes(sent.as_bytes());
        let line = running.error_line().unwrap();
        assert!(line.contains(sentence), "{line}");
    }
}

/// The answer to a plain request with these headers.
fn fetch_with(port: u16, line: &str, headers: &[&str]) -> (String, Vec<u8>) {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let mut wire = Wire::connect(port);
    wire.send(format!(
        "{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n"
    ));
    (wire.head(), wire.rest())
}

#[test]
fn a_static_file_has_ranges_and_is_sent_again_only_when_it_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.mp4"), "0123456789").unwrap();
    let server = Server::start(&["--static", directory.path().to_str().unwrap()]);
    let note = server.running.error_line().unwrap();
    assert!(note.contains("has no index.html"), "{note}");
    let get = |headers: &[&str]| fetch_with(server.port(), "GET /a.mp4", headers);
    let (head, body) = get(&[]);
    assert_eq!(body, b"0123456789");
    let value = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{head}")).to_owned()
    };
    assert_eq!(value("Content-Type: "), "video/mp4");
    assert_eq!(value("Accept-Ranges: "), "bytes");
    let known = format!("If-None-Match: {}", value("ETag: "));
    let since = format!("If-Modified-Since: {}", value("Last-Modified: "));
    for headers in [&known, &since] {
        let (head, body) = get(&[headers]);
        assert!(head.starts_with("HTTP/1.1 304 "), "{headers}: {head}");
        assert_eq!(body, b"");
    }
    let (head, body) = get(&["Range: bytes=2-4"]);
    assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
    assert!(
        head.contains("\r\nContent-Range: bytes 2-4/10\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nContent-Length: 3\r\n"), "{head}");
    assert_eq!(body, b"234");
    let (head, _) = get(&["Range: bytes=10-"]);
    assert!(head.starts_with("HTTP/1.1 416 "), "{head}");
    assert!(head.contains("\r\nContent-Range: bytes */10\r\n"), "{head}");
    let (_, body) = fetch_with(server.port(), "GET /none", &[]);
    assert_eq!(
        body,
        b"no file at this path, and no WebSocket, which are at /ws\n"
    );
}

#[test]
fn names_of_headers_are_written_as_the_rfcs_do() {
    let flags = ["--subprotocol", "chat", "--compress"];
    let server = Server::start(&flags);
    let extension = "Sec-WebSocket-Extensions: permessage-deflate";
    let (_wire, head) = answer(
        server.port(),
        "",
        &["Sec-WebSocket-Protocol: chat", extension],
    );
    for name in [
        "Connection",
        "Upgrade",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Server",
        "Date",
    ] {
        assert!(head.contains(&format!("\r\n{name}: ")), "{name}: {head}");
    }
    let (_, head) = answer(server.port(), "", &["-Sec-WebSocket-Version"]);
    assert!(head.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{head}");
}

#[test]
fn auth_is_asked_of_every_request_and_never_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("credentials");
    std::fs::write(&path, "# who may\nbasic:me:geheim\n\nbearer:token-geheim\n").unwrap();
    let server = Server::start(&["--auth", &format!("@{}", path.display())]);
    let (head, body) = fetch_with(server.port(), "GET /", &[]);
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    for scheme in [
        "Basic realm=\"wscli\", charset=\"UTF-8\"",
        "Bearer realm=\"wscli\"",
    ] {
        assert!(
            head.contains(&format!("\r\nWWW-Authenticate: {scheme}\r\n")),
            "{head}"
        );
    }
    assert_eq!(body, b"this server asks for credentials\n");
    assert_eq!(server.event("refused")["status"], 401);
    // me:geheim
    for credentials in ["Basic bWU6Z2VoZWlt", "Bearer token-geheim"] {
        let line = format!("Authorization: {credentials}");
        let (_wire, head) = answer(server.port(), "", &[&line]);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let (head, _) = fetch_with(server.port(), "GET /", &[&line]);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(!server.event("request").to_string().contains("geheim"));
    }
    let (_wire, head) = answer(server.port(), "", &["Authorization: Bearer token"]);
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    // Others can read the command line.
    let server = Server::start(&["--auth", "bearer:geheim"]);
    let note = server.running.error_line().unwrap();
    assert!(
        note.contains("--auth @FILE") && !note.contains("geheim"),
        "{note}"
    );
    for (value, sentence) in [
        (
            "geheim",
            "write basic:USER:PASSWORD, bearer:TOKEN, or @FILE",
        ),
        ("basic:geheim", "write basic:USER:PASSWORD"),
        ("bearer:", "is empty"),
        ("@/nonexistent", "cannot read '/nonexistent'"),
        ("@/dev/null", "has no line with credentials"),
    ] {
        use crate::harness::Ends as _;
        let output = crate::harness::wscli(&["serve", "--auth", value]).ends();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(sentence), "{errors}");
        assert!(!errors.contains("geheim"), "{errors}");
    }
}

#[test]
fn max_rate_makes_a_client_wait() {
    for path in ["/ws", "/delay/0"] {
        let server = Server::start(&["--max-rate", "10", "--lab"]);
        let line = format!("GET {path} HTTP/1.1");
        let (mut wire, _) = answer(server.port(), "", &[&line]);
        let start = Instant::now();
        wire.send((0..12).flat_map(|_| frame(1, b"hi")).collect::<Vec<_>>());
        for _ in 0..12 {
            assert_eq!(wire.frame(), (1, b"hi".to_vec()));
        }
        // Two may come at once, and ten more in a second.
        assert!(start.elapsed() >= Duration::from_millis(900), "{path}");
    }
}

#[test]
fn the_page_and_the_echo_can_have_one_path() {
    let server = Server::start(&["--path", "/"]);
    let (head, _) = fetch(server.port(), "GET /");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let (_wire, head) = answer(server.port(), "", &["GET / HTTP/1.1"]);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}
