//! What `bench` makes of every fault: the exit code, and what the report counts.

use serde_json::{Value, json};

use super::{number, output};
use crate::harness::Server;

/// Two connections and ten messages.
const SHORT: [&str; 6] = ["-c", "2", "-n", "10", "--warmup", "0"];
/// For what is never answered; elsewhere nothing may depend on the time.
const IMPATIENT: [&str; 2] = ["--reply-timeout", "200ms"];

/// The report of a run on this route, which must come to its end: with 11 where all
/// connections were gone, else with 10 where nothing was answered.
fn report(server: &Server, resource: &str, flags: &[&str]) -> Value {
    let url = server.url(resource);
    let args = [&[url.as_str(), "--json", "-"], &SHORT[..], flags].concat();
    let (code, stdout, stderr) = output(&args);
    let json: Value = serde_json::from_str(&stdout).expect("the report is JSON");
    let (expected, told) = match number(&json, "/received") {
        _ if json["ended"] == "connections_gone" => (11, "wscli: all 2 connections were gone "),
        0.0 => (10, "wscli: no message of the load was answered, so nothing"),
        _ => (0, ""),
    };
    assert_eq!(code, expected, "{resource} {flags:?}: {stderr}");
    assert!(stderr.contains(told), "{resource} {flags:?}: {stderr}");
    json
}

#[test]
fn connections_that_cannot_be_opened() {
    let server = Server::start(&["--lab"]);
    for (resource, flags, code, sentence, hint) in [
        (
            "/status/503",
            &[][..],
            7,
            "the server answered HTTP/1.1 503 Service Unavailable",
            "--wait-up 30",
        ),
        (
            "/redirect",
            &[],
            7,
            "the server answered HTTP/1.1 302 Found",
            "-L follows",
        ),
        (
            "/auth/basic/u/p",
            &["-u", "u:q"],
            7,
            "the server answered HTTP/1.1 401 Unauthorized",
            "does not accept the credentials",
        ),
        (
            "/auth/bearer/t",
            &[],
            7,
            "the server answered HTTP/1.1 401 Unauthorized",
            "--bearer TOKEN",
        ),
        (
            "/bad-accept",
            &[],
            7,
            "the server's 101 has the Sec-WebSocket-Accept 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='",
            "made for another request",
        ),
        (
            "/slow-handshake/60000",
            &["--connect-timeout", "500ms"],
            9,
            "no answer to the opening handshake within 500ms",
            "is silent",
        ),
    ] {
        let url = server.url(resource);
        let args = [&[url.as_str()], &SHORT[..], flags].concat();
        let (found, stdout, stderr) = output(&args);
        assert_eq!((found, stdout.as_str()), (code, ""), "{resource}: {stderr}");
        let start = format!("wscli: none of 2 connections could be opened: {sentence}");
        assert!(stderr.starts_with(&start), "{resource}: {stderr}");
        let (_, told) = stderr.split_once("\n* hint: ").expect("a hint");
        assert!(told.contains(hint), "{resource}: {stderr}");
    }
}

#[test]
fn obstacles_that_are_overcome() {
    let server = Server::start(&["--lab"]);
    for (resource, flags) in [
        ("/auth/basic/u/p", &["-u", "u:p"][..]),
        ("/auth/bearer/t", &["--bearer", "t"]),
        ("/redirect", &["-L"]),
        ("/slow-handshake/20", &[]),
        ("/delay/20", &[]),
        ("/fragment/3", &["--verify"]),
        ("/ping/1", &[]),
        ("/no-pong", &[]),
        ("/echo", &["--size", "100000", "--verify"]),
        // Said unasked, and no answer to anything.
        ("/big/1000", &["--verify"]),
        ("/json", &["--verify"]),
        ("/stream/1000", &[]),
    ] {
        let json = report(&server, resource, flags);
        let counts = ["/sent", "/received", "/lost", "/mismatched"];
        let counts = counts.map(|name| number(&json, name));
        assert_eq!(counts, [10.0, 10.0, 0.0, 0.0], "{resource}: {json}");
        assert_eq!(json["errors"], json!({}), "{resource}");
    }
}

#[test]
fn connections_that_end_are_errors_by_cause() {
    let server = Server::start(&["--lab"]);
    for (end, cause) in [
        ("close/1000", "closed by the server with 1000"),
        ("close/4000", "closed by the server with 4000"),
        ("close/1006", "protocol error: close code 1006"),
        ("drop", "ended by the server without a close frame"),
        ("half-close", "ended by the server without a close frame"),
        ("bad-length", "ended by the server without a close frame"),
        ("reset", "connection reset"),
        ("bad-rsv", "protocol error: reserved bits set"),
        ("bad-mask", "protocol error: masked frame"),
    ] {
        // Before the load begins, and in the middle of it.
        for (resource, replies) in [(format!("/{end}"), 0.0), (format!("/{end}?after=2"), 4.0)] {
            let json = report(&server, &resource, &[]);
            assert_eq!(json["errors"], json!({ cause: 2 }), "{resource}: {json}");
            assert_eq!(number(&json, "/received"), replies, "{resource}: {json}");
        }
    }
}

#[test]
fn what_is_not_answered_is_lost() {
    let server = Server::start(&["--lab"]);
    for flags in [&[][..], &["--in-flight", "5"]] {
        let json = report(&server, "/delay/60000", &[&IMPATIENT, flags].concat());
        let counts = ["/sent", "/received", "/lost"];
        let counts = counts.map(|name| number(&json, name));
        assert_eq!(counts, [10.0, 0.0, 10.0], "{flags:?}: {json}");
        assert_eq!(json["errors"], json!({}), "{flags:?}");
    }
    let idle = ["--mode", "idle", "--ping-interval", "20ms", "-d", "1s"];
    let url = server.url("/no-pong");
    let args = [&[url.as_str(), "-c", "2", "--warmup", "0"], &idle[..]].concat();
    let (code, stdout, stderr) = output(&[&args[..], &IMPATIENT, &["--json", "-"]].concat());
    assert_eq!(code, 10, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).expect("the report is JSON");
    assert!(number(&json, "/sent") > 0.0, "{json}");
    assert_eq!(number(&json, "/lost"), number(&json, "/sent"), "{json}");
    assert_eq!(number(&json, "/received"), 0.0, "{json}");
}

#[test]
fn chaos_is_counted() {
    for (chaos, received, cause) in [
        ("delay=1ms..5ms", 10.0, None),
        (
            "drop=100%",
            0.0,
            Some("ended by the server without a close frame"),
        ),
        ("reset=100%", 0.0, Some("connection reset")),
        (
            "close=100%",
            0.0,
            Some("closed by the server with 1012 (chaos)"),
        ),
    ] {
        let server = Server::start(&["--chaos", chaos]);
        let json = report(&server, "/ws", &[]);
        assert_eq!(number(&json, "/received"), received, "{chaos}: {json}");
        let errors = cause.map_or_else(|| json!({}), |cause| json!({ cause: 2 }));
        assert_eq!(json["errors"], errors, "{chaos}: {json}");
    }
    let server = Server::start(&["--chaos", "lose=100%"]);
    let json = report(&server, "/ws", &IMPATIENT);
    assert_eq!(number(&json, "/lost"), 10.0, "{json}");
}
