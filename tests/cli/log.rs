//! The communication log of `wscli connect` away from a terminal, and what
//! goes with it: `--filter`, `--replay`, `--reconnect`.

mod loss;
mod page;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::tempdir;

use crate::harness::{Ends as _, Running, Server, wscli};
use crate::peer::{Behaviour, Peer};

/// Runs the program with this input; its exit code, stdout and stderr.
fn run(command: &mut Command, input: &[u8]) -> (Option<i32>, String, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A program that reads no input is no failure of the test.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.ends();
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("stdout is text"),
        String::from_utf8(output.stderr).expect("stderr is text"),
    )
}

fn connect(url: &str, args: &[&str]) -> Command {
    wscli(&[&["connect", url], args].concat())
}

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// The events of a log; every line is one.
fn events(path: &Path) -> Vec<Value> {
    let log = fs::read_to_string(path).expect("a log");
    assert!(log.ends_with('\n'), "the last line is whole");
    log.lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect()
}

/// Type, direction, source and data of each event, shortly.
fn told(events: &[Value]) -> Vec<String> {
    let word = |event: &Value, name| event[name].as_str().unwrap_or_default().to_owned();
    let line = |event| ["type", "direction", "source", "data"].map(|name| word(event, name));
    let lines = events.iter().map(|event| line(event).join(" "));
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// The messages that were sent on the user's account.
fn sent(path: &Path) -> Vec<String> {
    let mut sent = told(&events(path));
    sent.retain(|event| event.starts_with("text out user"));
    sent
}

fn time_between_first_and_last_sent(path: &Path) -> Duration {
    let mut sent = events(path);
    sent.retain(|e| e["type"] == "text" && e["source"] == "user");
    let offset = |event: Option<&Value>| event.and_then(|e| e["offset_us"].as_u64());
    let (first, last) = (offset(sent.first()), offset(sent.last()));
    Duration::from_micros(last.expect("a last") - first.expect("a first"))
}

#[test]
fn a_talk_is_logged_as_it_was() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a directory");
    let (log, har) = (dir.path().join("log"), dir.path().join("har"));
    let args = ["--setup", "s", "--log", text(&log), "--har", text(&har)];
    let (code, stdout, stderr) = run(&mut connect(&peer.url, &args), b"a\nb\n");
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (Some(0), "s\na\nb\n", "")
    );
    let events = events(&log);
    let mut told = told(&events);
    // Replies can come before the last line was read.
    told[1..7].sort();
    assert_eq!(
        told,
        [
            "open out automatic",
            "text in peer a",
            "text in peer b",
            "text in peer s",
            "text out automatic s",
            "text out user a",
            "text out user b",
            "close out automatic",
            "close in peer",
        ]
    );
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], index + 1);
        assert_eq!(event["connection"], 1);
    }
    assert_eq!(events[0]["url"], peer.url);
    assert!(events[0]["timings"]["tcp_us"].is_u64());
    let har: Value = serde_json::from_slice(&fs::read(&har).expect("a HAR file")).expect("JSON");
    let messages = &har["log"]["entries"][0]["_webSocketMessages"];
    assert_eq!(messages.as_array().map(Vec::len), Some(6));
}

#[test]
fn a_log_that_others_can_read_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a directory");
    let paths = ["log", "har"].map(|name| dir.path().join(name));
    let flags = ["--log", text(&paths[0]), "--har", text(&paths[1]), "-1"];
    let told = || run(&mut connect(&peer.url, &flags), b"x\n").2;
    // They are made for their owner alone.
    assert_eq!(told(), "");
    for path in &paths {
        let open = fs::Permissions::from_mode(0o644);
        fs::set_permissions(path, open).expect("the file is ours");
    }
    let told = told();
    for (what, path) in [("log", &paths[0]), ("HAR file", &paths[1])] {
        let warning = format!("* others can read the {what} '{}'", text(path));
        assert_eq!(told.matches(&warning).count(), 1, "{told}");
    }
}

#[test]
fn a_har_file_is_replayed() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a directory");
    let (har, log) = (dir.path().join("har"), dir.path().join("log"));
    let args = ["--har", text(&har), "-n2"];
    let (code, ..) = run(&mut connect(&peer.url, &args), b"one\ntwo\n");
    assert_eq!(code, Some(0));
    let args = [
        "--replay",
        text(&har),
        "--no-delay",
        "-n2",
        "--log",
        text(&log),
    ];
    let (code, stdout, stderr) = run(&mut connect(&peer.url, &args), b"");
    assert_eq!((code, stdout.as_str()), (Some(0), "one\ntwo\n"), "{stderr}");
    assert_eq!(sent(&log), ["text out user one", "text out user two"]);
    fs::write(&har, r#"{"log":{"entries":[]}}"#).expect("a file");
    let (code, _, stderr) = run(&mut connect(&peer.url, &args), b"");
    assert_eq!(code, Some(2));
    assert!(stderr.contains("the HAR file has no WebSocket"), "{stderr}");
}

#[test]
fn secrets_are_kept_out_unless_asked_for() {
    let peer = Peer::start(Behaviour::Echo);
    let url = peer.url.clone() + "?token=s3cret";
    let dir = tempdir().expect("a directory");
    for (flags, shown) in [(&[][..], false), (&["--log-secrets"], true)] {
        let log = dir.path().join(format!("log{shown}"));
        let args = ["-u", "me:pass", "-i", "-x", "q", "-1", "--log", text(&log)];
        let (code, _, stderr) = run(&mut connect(&url, &[&args, flags].concat()), b"");
        assert_eq!(code, Some(0), "{stderr}");
        let written = fs::read_to_string(&log).expect("a log");
        assert_eq!(written.contains("s3cret"), shown, "{written}");
        assert_eq!(written.contains("bWU6cGFzcw=="), shown, "{written}");
        assert_eq!(stderr.contains("bWU6cGFzcw=="), shown, "{stderr}");
    }
}

#[test]
fn a_connection_that_cannot_be_had_is_logged() {
    let server = Server::start(&["--lab"]);
    let url = server.url("/status/403");
    let dir = tempdir().expect("a directory");
    let log = dir.path().join("log");
    let (code, ..) = run(&mut connect(&url, &["--log", text(&log)]), b"");
    assert_eq!(code, Some(7));
    let events = events(&log);
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["type"], &events[0]["connection"]),
        (&"error".into(), &0.into())
    );
}

#[test]
fn a_full_disk_is_said_once_and_the_talk_goes_on() {
    let peer = Peer::start(Behaviour::Echo);
    let args = ["--log", "/dev/full", "-n3"];
    let (code, stdout, stderr) = run(&mut connect(&peer.url, &args), b"a\nb\nc\n");
    assert_eq!((code, stdout.as_str()), (Some(12), "a\nb\nc\n"));
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(stderr.starts_with("* could not write the log '/dev/full': "));
    let args = ["--log", "/no/such/dir/log"];
    let (code, stdout, stderr) = run(&mut connect(&peer.url, &args), b"a\n");
    assert_eq!((code, stdout.as_str()), (Some(12), ""), "{stderr}");
}

#[test]
fn a_kill_leaves_what_was_shown_and_at_most_the_last_line_torn() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a directory");
    let log = dir.path().join("log");
    // Ends by itself when nobody reads it any more.
    let yes = Command::new("yes").stdout(Stdio::piped()).spawn();
    let mut yes = yes.expect("yes can be started");
    let input = yes.stdout.take().expect("its output is piped");
    let mut command = connect(&peer.url, &["--log", text(&log)]);
    let mut running = Running::start(command.stdin(input));
    drop(command);
    for _ in 0..1000 {
        assert_eq!(running.line().as_deref(), Some("y"));
    }
    running.signal(rustix::process::Signal::KILL);
    running.wait();
    yes.wait().expect("yes is ours");
    let text = fs::read_to_string(&log).expect("the log can be read");
    // The system may end a write anywhere when the writer is killed.
    let (whole, torn) = text.rsplit_once('\n').expect("a line");
    let events = whole.lines().map(|line| {
        let event: Value = serde_json::from_str(line).expect("a whole line");
        event
    });
    let received = events.filter(|event| event["direction"] == "in");
    assert!(received.count() >= 1000, "torn: {torn}");
    // Whoever reads it passes over the torn line.
    let args = [
        "--replay",
        log.to_str().expect("a path"),
        "--no-delay",
        "-n",
        "1000",
    ];
    let (code, stdout, stderr) = run(&mut connect(&peer.url, &args), b"");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout.lines().count(), 1000);
}

/// The echo of these messages with these flags: the exit code, stdout and stderr.
fn echoed(messages: &[&str], flags: &[&str]) -> (Option<i32>, String, String) {
    let peer = Peer::start(Behaviour::Echo);
    let sends = messages.iter().flat_map(|message| ["-x", message]);
    run(
        &mut connect(&peer.url, &[&sends.collect::<Vec<_>>(), flags].concat()),
        b"",
    )
}

#[test]
fn a_filter_prints_the_original_bytes() {
    let message = r#"{"a":{"z":1,"b":2},"n":[12345678901234567890123,1.10,1e400]}"#;
    let print = |path| echoed(&[message], &["-1", "--filter", path]).1;
    assert_eq!(print("$.a"), "{\"z\":1,\"b\":2}\n");
    assert_eq!(print("$.n[*]"), "12345678901234567890123\n1.10\n1e400\n");
}

#[test]
fn filter_pretty_and_until_see_the_records_of_a_message() {
    let two = "{\"id\":1}\u{1e}{\"id\":2}\u{1e}";
    let deep = format!("{{\"id\":3,\"x\":{}{}}}", "[".repeat(300), "]".repeat(300));
    let marked = "\u{feff}{\"id\":4}";
    let (code, stdout, stderr) = echoed(
        &[two, &deep, marked, "5", "?", "!"],
        &["-n6", "--filter", "$.id"],
    );
    assert_eq!((code, stdout.as_str()), (Some(0), "1\n2\n3\n4\n"));
    // Once, though two messages are no JSON.
    assert_eq!(stderr, "* the filter hides what is not JSON (told once)\n");
    let (_, stdout, _) = echoed(&[two], &["-1", "--pretty"]);
    assert_eq!(stdout, "{\n  \"id\": 1\n}\n{\n  \"id\": 2\n}\n");
    for message in [two, &deep, marked, "{\"id\":1}\n{\"id\":2}\n"] {
        let (code, ..) = echoed(&[message], &["--until", "$[?@ == 2 || @ == 3 || @ == 4]"]);
        assert_eq!(code, Some(0), "{message}");
    }
}

#[test]
fn decode_decides_what_a_line_of_the_output_is() {
    let records = "{\"a\":\n 1.10}\u{1e}{}\u{1e}";
    for (flags, message, expected) in [
        (&[][..], records, "{\"a\":\n 1.10}\u{1e}{}\u{1e}\n"),
        (
            &["--decode", "off"],
            records,
            "{\"a\":\n 1.10}\u{1e}{}\u{1e}\n",
        ),
        (
            &["--decode", "record-separator"],
            records,
            "{\"a\":1.10}\n{}\n",
        ),
        (&["--decode", "auto"], records, "{\"a\":1.10}\n{}\n"),
        (&["--decode", "lines"], "a\r\n\nb", "a\nb\n"),
        (&["--decode", "json"], "[1,\n2]", "[1,2]\n"),
    ] {
        let (code, stdout, stderr) = echoed(&[message], &[flags, &["-1"]].concat());
        assert_eq!((code, stdout.as_str()), (Some(0), expected));
        // A message that is written over two lines is told.
        let is_torn = expected.contains(":\n");
        assert_eq!(stderr.contains("a line end in it"), is_torn, "{stderr}");
    }
    let (code, _, stderr) = echoed(&["x"], &["--decode", "yaml"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("write auto, json, lines, record-separator or off"),
        "{stderr}"
    );
}

#[test]
fn a_filter_decides_what_is_printed_and_nothing_else() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a directory");
    let log = dir.path().join("log");
    let input = b"{\"p\":{\"x\":1}}\nno json\n{\"q\":2}\n{\"p\":[3]}\n";
    let args = ["--filter", "$.p", "-n4", "--log", text(&log)];
    let (code, stdout, _) = run(&mut connect(&peer.url, &args), input);
    assert_eq!((code, stdout.as_str()), (Some(0), "{\"x\":1}\n[3]\n"));
    let received = told(&events(&log));
    let received = received.iter().filter(|e| e.starts_with("text in"));
    assert_eq!(received.count(), 4);
    let args = ["--filter", "$.p", "--pretty", "-0", "-n1"];
    let (code, stdout, _) = run(&mut connect(&peer.url, &args), b"{\"p\":[3]}");
    assert_eq!((code, stdout.as_str()), (Some(0), "[\n  3\n]\0"));
    let (code, stdout, _) = run(&mut connect(&peer.url, &["--pretty", "-n2"]), b"x\n[1]\n");
    assert_eq!((code, stdout.as_str()), (Some(0), "x\n[\n  1\n]\n"));
    for framing in ["--binary", "--jsonl"] {
        for flags in [&["--pretty"][..], &["--filter", "$"]] {
            let (code, ..) = run(&mut connect(&peer.url, &[flags, &[framing]].concat()), b"");
            assert_eq!(code, Some(2), "{flags:?} {framing}");
        }
    }
}

#[test]
fn a_replay_sends_what_was_sent_at_its_time() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a directory");
    let (first, again) = (dir.path().join("first"), dir.path().join("again"));
    let script = b"(echo a; sleep 1; printf 'b\\nc\\n') | \"$@\"";
    let mut command = Command::new("/bin/sh");
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .args(["-c", std::str::from_utf8(script).expect("text"), "sh"])
        .arg(env!("CARGO_BIN_EXE_wscli"))
        .args(["connect", &peer.url, "--log", text(&first)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    assert_eq!(run(&mut command, b"").0, Some(0));
    let recorded = time_between_first_and_last_sent(&first);
    for (pace, at_least) in [("--speed=2x", recorded / 2), ("--no-delay", Duration::ZERO)] {
        let _ = fs::remove_file(&again);
        let args = ["--replay", text(&first), pace, "--log", text(&again), "-n3"];
        let start = Instant::now();
        let (code, stdout, stderr) = run(&mut connect(&peer.url, &args), b"not read\n");
        assert_eq!(
            (code, stdout.as_str(), stderr.as_str()),
            (Some(0), "a\nb\nc\n", "")
        );
        assert!(start.elapsed() >= at_least, "{pace}");
        assert_eq!(sent(&again), sent(&first));
    }
    for flags in [&["-x", "a"][..], &["--echo"]] {
        let args = [&["--replay", text(&first)], flags].concat();
        assert_eq!(run(&mut connect(&peer.url, &args), b"").0, Some(2));
    }
}

#[test]
fn a_lost_connection_is_opened_again() {
    let peer = Peer::start(Behaviour::DropFirst);
    let dir = tempdir().expect("a directory");
    let log = dir.path().join("log");
    let args = ["--reconnect=3", "--setup", "s", "--log", text(&log), "-n4"];
    let mut command = connect(&peer.url, &args);
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    peer.heads.recv().expect("a connection");
    peer.heads.recv().expect("another one");
    stdin.write_all(b"a\nb\n").expect("stdin takes it");
    drop(stdin);
    let output = child.ends();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(output.stdout, b"s\ns\na\nb\n");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("; connecting again in ") && stderr.contains("(attempt 1)"));
    assert!(stderr.contains("the input waits"), "{stderr}");
    assert_eq!(sent(&log), ["text out user a", "text out user b"]);
    let events = events(&log);
    let opens = events.iter().filter(|event| event["type"] == "open");
    let connections: Vec<_> = opens.map(|event| event["connection"].clone()).collect();
    assert_eq!(connections, [1, 2]);
}

#[test]
fn attempts_come_to_an_end_with_the_last_failure() {
    // The peer refuses with 403, which is tried again only where that is asked for.
    let all_the_same = ["--reconnect=1", "--reconnect-on=403"];
    for (flags, attempts, told) in [
        (
            &["--reconnect"][..],
            1,
            "(--reconnect-on 403 tries all the same)",
        ),
        (&["--reconnect", "--reconnect-on=401"], 1, "-on 403 tries"),
        (&all_the_same, 2, "no attempt to connect is left"),
    ] {
        let peer = Peer::start(Behaviour::Refuse);
        let (code, _, stderr) = run(&mut connect(&peer.url, flags), b"a\n");
        assert_eq!(code, Some(7), "{stderr}");
        assert_eq!(peer.heads.try_iter().count(), attempts);
        assert!(stderr.contains(told), "{stderr}");
    }
    // A peer that says that it is done has no need of another connection.
    let server = Server::start(&["--lab"]);
    let url = server.url("/count/2");
    let (code, stdout, _) = run(&mut connect(&url, &["--reconnect", "-n3"]), b"");
    assert_eq!((code, stdout.as_str()), (Some(10), "1\n2\n"));
    // A time limit ends the wait as well.
    let url = server.url("/status/503");
    let args = ["--reconnect", "-m", "0.2"];
    assert_eq!(run(&mut connect(&url, &args), b"").0, Some(9));
}

#[test]
fn a_close_that_reconnect_cannot_mend_ends_it_with_the_reason() {
    let server = Server::start(&["--lab"]);
    for (resource, flags, code, told) in [
        (
            "/close/1008?reason=bad+token",
            &["--reconnect"][..],
            11,
            "code 1008: bad token\n",
        ),
        // The reason stands in the note as well.
        (
            "/close/1011?reason=oops",
            &["--reconnect=1"],
            11,
            "* the peer closed the connection with code 1011: oops; connecting again in ",
        ),
        (
            "/close/1008?reason=later",
            &["--reconnect=1", "--reconnect-on=1008"],
            11,
            "code 1008: later; connecting again in ",
        ),
    ] {
        let args = [flags, &["-w", "inf"]].concat();
        let (found, _, stderr) = run(&mut connect(&server.url(resource), &args), b"");
        assert_eq!(found, Some(code), "{stderr}");
        assert!(stderr.contains(told), "{told}: {stderr}");
    }
}
