//! `wscli connect` away from a terminal.

mod lab;
mod left;
mod steps;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use wait_timeout::ChildExt as _;

use crate::harness::{Ends as _, PATIENCE, Server, wscli};
use crate::peer::{Behaviour, Peer};

/// What a run came to: the exit status, stdout and stderr.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn outcome(code: i32, stdout: &str, stderr: &str) -> Outcome {
    Outcome {
        code: Some(code),
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    }
}

fn run(command: &mut Command, input: &[u8]) -> Outcome {
    let (code, stdout, stderr) = run_bytes(command, input);
    Outcome {
        code,
        stdout: String::from_utf8(stdout).expect("stdout is text"),
        stderr,
    }
}

/// What is told but for the hints, which have tests of their own.
fn without_hint(outcome: Outcome) -> Outcome {
    let lines = outcome.stderr.split_inclusive('\n');
    let stderr = lines.filter(|line| !line.starts_with("* hint: ")).collect();
    Outcome { stderr, ..outcome }
}

/// Runs the program with this input, if any, while all of its output is read.
fn run_bytes(command: &mut Command, input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().expect("the program can be started");
    let stdin = child.stdin.take();
    thread::scope(|scope| {
        // A program that reads no input is no failure of the test.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        let output = child.ends();
        let stderr = String::from_utf8(output.stderr).expect("stderr is text");
        (output.status.code(), output.stdout, stderr)
    })
}

/// `wscli connect URL` and these arguments.
fn connect(peer: &Peer, args: &[&str]) -> Command {
    wscli(&[&["connect", &peer.url], args].concat())
}

/// The program in a shell, which applies the redirections in `script`.
fn in_shell(script: &str, peer: &Peer, args: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .env_clear()
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_wscli"), "connect"])
        .arg(&peer.url)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn exit_codes_of_failures_before_a_connection() {
    let unused = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let closed = unused.local_addr().expect("an address").to_string();
    drop(unused);
    let refuses = Peer::start(Behaviour::Refuse);
    for (url, args, expected) in [
        (
            &closed,
            &[][..],
            outcome(
                4,
                "",
                &format!(
                    "wscli: could not connect to {closed}: Connection refused (os error 111)\n"
                ),
            ),
        ),
        (
            &closed,
            &["-s", "ws://h"],
            outcome(
                2,
                "",
                "wscli: -s offers a subprotocol, and 'ws://h' looks like a URL; give the URL without a flag: wscli connect URL\n",
            ),
        ),
        (
            &closed,
            &["-H", "@/no/such/file"],
            outcome(
                2,
                "",
                "wscli: could not read the headers in '/no/such/file': No such file or directory (os error 2)\n",
            ),
        ),
        (
            &refuses.url,
            &[],
            outcome(
                7,
                "",
                "< HTTP/1.1 403 Forbidden\n< X-Why: because\n< Content-Length: 11\n<\n< no \\x1b[1mway\nwscli: the server answered HTTP/1.1 403 Forbidden\n",
            ),
        ),
    ] {
        let mut command = wscli(&[&["connect", url], args].concat());
        let found = without_hint(run(&mut command, b""));
        assert_eq!(found, expected, "{url} {args:?}");
    }
    let mut command = wscli(&["connect", "no-such-host.invalid"]);
    let found = run(&mut command, b"");
    assert_eq!((found.code, found.stdout.as_str()), (Some(3), ""));
    let start = "wscli: could not resolve 'no-such-host.invalid': ";
    assert!(found.stderr.starts_with(start), "{}", found.stderr);
    let found = run(&mut wscli(&["connect"]), b"");
    assert_eq!((found.code, found.stdout.as_str()), (Some(2), ""));
}

#[test]
fn a_signal_closes_politely_and_what_came_is_written() {
    use rustix::process::{Pid, Signal, kill_process};
    let server = Server::start(&["--lab"]);
    for (signal, code) in [
        (Signal::INT, 130),
        (Signal::TERM, 143),
        (Signal::HUP, 129),
        (Signal::QUIT, 143),
    ] {
        let mut child = wscli(&["connect", &server.url("/json"), "-w", "inf", "-v"])
            .spawn()
            .expect("the program can be started");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        assert!(line.ends_with("}\n"), "{line}");
        let pid = Pid::from_child(&child);
        kill_process(pid, signal).expect("the program runs");
        let output = child.ends();
        assert_eq!(output.status.code(), Some(code));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.ends_with("; 0 sent, 1 received; close code 1000\n"),
            "{stderr}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    use rustix::process::{Pid, Signal, kill_process};
    let server = Server::start(&["--lab"]);
    let mut child = Command::new("/bin/sh")
        .env_clear()
        .args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_wscli"))
        .args(["connect", &server.url("/json"), "-w", "inf"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    stdout.read_line(&mut String::new()).expect("a line");
    let pid = Pid::from_child(&child);
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        kill_process(pid, signal).expect("the program runs");
    }
    assert_eq!(child.ends().status.code(), Some(143));
}

#[test]
fn replies_that_come_late_are_not_lost() {
    let server = Server::start(&["--lab"]);
    let url = server.url("/delay/700");
    let found = run(&mut wscli(&["connect", &url]), b"a\nb\n");
    assert_eq!(found, outcome(0, "a\nb\n", ""));
}

#[test]
fn a_goal_ends_at_once_though_input_goes_on() {
    let peer = Peer::start(Behaviour::Echo);
    for (args, expected) in [
        (&["-n", "2"][..], "a\nb\n"),
        (&["-1"], "a\n"),
        (&["--until", "b"], "a\nb\n"),
        (&["--until", "/^[cd]$/"], "a\nb\nc\n"),
    ] {
        // Stdin stays open until the program has ended.
        let mut child = connect(&peer, args)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(b"a\nb\nc\n").expect("stdin takes it");
        let ended = child.wait_timeout(PATIENCE).expect("the program is ours");
        let status = ended.unwrap_or_else(|| panic!("{args:?} waits for the end of the input"));
        let mut found = String::new();
        let mut stdout = child.stdout.take().expect("stdout is piped");
        stdout.read_to_string(&mut found).expect("stdout is text");
        assert_eq!((status.code(), found.as_str()), (Some(0), expected));
    }
}

#[test]
fn long_lines_and_bytes_come_back_whole() {
    let peer = Peer::start(Behaviour::Echo);
    let line = "x".repeat(5 << 20) + "\n";
    let found = run(&mut connect(&peer, &["-1"]), line.as_bytes());
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
    assert!(found.stdout == line, "{} bytes", found.stdout.len());

    let found = run_bytes(&mut connect(&peer, &["--binary"]), b"\xff\0\xfe");
    assert_eq!(found, (Some(0), b"\xff\0\xfe".to_vec(), String::new()));
    let found = run_bytes(&mut connect(&peer, &["-0", "-n2"]), b"a\nb\0c\0");
    assert_eq!(found, (Some(0), b"a\nb\0c\0".to_vec(), String::new()));
}

#[test]
fn much_goes_both_ways_at_once() {
    let peer = Peer::start(Behaviour::Echo);
    let line = "y".repeat(999) + "\n";
    let input = line.repeat(30_000);
    let found = run(&mut connect(&peer, &["-n", "30000"]), input.as_bytes());
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
    assert!(found.stdout == input, "{} bytes", found.stdout.len());
}

#[test]
fn input_that_cannot_be_sent_is_named() {
    let peer = Peer::start(Behaviour::Echo);
    let found = run(&mut connect(&peer, &[]), b"a\n\xff\n");
    let message = "wscli: line 2 of the input is not UTF-8, which a text message must be; send bytes with --binary, or as base64 with --jsonl\n";
    assert_eq!(found, outcome(2, "a\n", message));
    let found = run(&mut connect(&peer, &["--jsonl"]), b"{}\n");
    assert_eq!(found.code, Some(2));
    let message =
        "wscli: line 1 of the input is no event to send: missing field `type` (column 2)\n";
    assert_eq!(found.stderr, message);
}

#[test]
fn events_of_a_connection_as_json() {
    let peer = Peer::start(Behaviour::Echo);
    let input = b"{\"type\":\"ping\",\"data\":\"YQ==\"}\n{\"type\":\"binary\",\"data\":\"/wD+\"}\n";
    let found = run(&mut connect(&peer, &["--jsonl", "-1"]), input);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
    let events: Vec<serde_json::Value> = found
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let types: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["open", "pong", "binary", "close"]);
    assert_eq!(events[0]["url"], peer.url);
    assert!(events[1]["round_trip_us"].is_u64());
    assert_eq!(events[2]["data"], "/wD+");
    assert_eq!(
        (&events[3]["code"], &events[3]["by_peer"]),
        (&1000.into(), &false.into())
    );
}

#[test]
fn it_works_without_a_terminal_or_streams() {
    let peer = Peer::start(Behaviour::Echo);
    let hi = ["-x", "hi", "-1"];
    let nothing = "* 0 sent, 0 received; stopped after 10 s of silence (see --linger, -n)\n";
    let (full, directory) = (
        "wscli: could not write to stdout: No space left on device (os error 28)\n",
        "wscli: could not read the input: Is a directory (os error 21)\n",
    );
    for (script, args, expected) in [
        ("exec \"$@\" <&-", &hi[..], outcome(0, "hi\n", "")),
        ("exec \"$@\" <&-", &[], outcome(0, "", nothing)),
        ("exec \"$@\" >&-", &hi, outcome(0, "", "")),
        ("exec \"$@\" 2>&-", &hi, outcome(0, "hi\n", "")),
        ("exec setsid -w \"$@\"", &hi, outcome(0, "hi\n", "")),
        ("exec nohup \"$@\"", &hi, outcome(0, "hi\n", "")),
        ("exec \"$@\" >/dev/full", &hi, outcome(12, "", full)),
        ("exec \"$@\" </", &[], outcome(12, "", directory)),
    ] {
        let found = run(&mut in_shell(script, &peer, args), b"");
        assert_eq!(found, expected, "{script} {args:?}");
    }
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let peer = Peer::start(Behaviour::Echo);
    let script = "{ yes | \"$@\"; echo $? >&2; } | head -n 1";
    let found = run(&mut in_shell(script, &peer, &[]), b"");
    assert_eq!(found, outcome(0, "y\n", "0\n"));
}

#[test]
fn a_stdout_that_nobody_reads_does_not_hold_up_a_signal() {
    use rustix::process::{Pid, Signal, kill_process};
    let peer = Peer::start(Behaviour::Echo);
    let mut child = connect(&peer, &[])
        .stdin(File::open("/dev/zero").expect("zeroes"))
        .arg("--binary")
        .spawn()
        .expect("the program can be started");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    // Output has come, so it is running; nothing more is read.
    stdout.read_exact(&mut [0; 1]).expect("output");
    kill_process(Pid::from_child(&child), Signal::INT).expect("the program runs");
    let status = child.wait().expect("the program ends");
    assert_eq!(status.code(), Some(130));
}

#[test]
fn a_proxy_is_refused_unless_it_is_meant() {
    let peer = Peer::start(Behaviour::Echo);
    let found = run(
        &mut connect(&peer, &["-x", "http://u:secret@proxy:3128"]),
        b"",
    );
    assert_eq!(found.code, Some(2));
    assert!(!found.stderr.contains("secret"), "{}", found.stderr);
    let found = run(
        &mut connect(&peer, &["-x=http://u:p@proxy:3128", "-1"]),
        b"",
    );
    assert_eq!(found, outcome(0, "http://u:p@proxy:3128\n", ""));
    let found = run(
        &mut connect(&peer, &["-x", "-hello", "-x", "--", "-n2"]),
        b"",
    );
    assert_eq!(found, outcome(0, "-hello\n--\n", ""));
}

#[test]
fn the_request_is_as_asked_for() {
    let peer = Peer::start(Behaviour::Echo);
    let url = peer.url.replace("ws://", "ws://u:p@");
    let args = [
        "connect", &url, "--origin", "http://o", "-H", "X-A: b", "-x", "1", "-1",
    ];
    assert_eq!(run(&mut wscli(&args), b"").code, Some(0));
    let head = peer.heads.recv().expect("a request");
    for line in [
        "GET /ws HTTP/1.1",
        "Origin: http://o",
        concat!("User-Agent: wscli/", env!("CARGO_PKG_VERSION")),
        "X-A: b",
        "Authorization: Basic dTpw",
    ] {
        assert!(head.lines().any(|l| l == line), "{line} in {head}");
    }
}

#[test]
fn the_answer_to_setup_is_not_the_reply_that_is_waited_for() {
    let peer = Peer::start(Behaviour::Echo);
    let args = ["--setup", "S", "-x", "a", "-1"];
    let found = run(&mut connect(&peer, &args), b"");
    assert_eq!(found, outcome(0, "S\na\n", ""));
}

#[test]
fn input_left_unsent_is_exit_11_whatever_the_close() {
    let server = Server::start(&["--lab"]);
    for code in ["1000", "1001"] {
        let url = server.url(&format!("/close/{code}?after=3"));
        // Endless: some of it is left whenever the Close comes.
        let mut command = Command::new("/bin/sh");
        command
            .env_clear()
            .args(["-c", "yes | \"$@\"", "sh", env!("CARGO_BIN_EXE_wscli")])
            .args(["connect", &url])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let found = run(&mut command, b"");
        assert_eq!(found.code, Some(11), "{}", found.stderr);
        let said = "wscli: the peer closed before the end of the input; ";
        assert!(found.stderr.contains(said), "{}", found.stderr);
    }
}

#[test]
fn a_file_is_one_message_and_so_is_standard_input() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("message");
    std::fs::write(&path, "two\nlines\n").expect("a file");
    let name = format!("@{}", path.display());
    let args = ["-0", "-x", &name, "-x", "b", "-n2"];
    let found = run(&mut connect(&peer, &args), b"");
    assert_eq!(found, outcome(0, "two\nlines\n\0b\0", ""));
    let args = ["-0", "--setup", &name, "-x", "@-", "-n1"];
    let found = run(&mut connect(&peer, &args), b"all\nof it\n");
    assert_eq!(found, outcome(0, "two\nlines\n\0all\nof it\n\0", ""));
    std::fs::write(&path, b"\xff\n\xfe").expect("a file");
    let args = ["--jsonl", "-x", &name, "-1"];
    let found = run(&mut connect(&peer, &args), b"");
    let binary = "\"type\":\"binary\",\"length\":3,\"data\":\"/wr+\"";
    assert!(found.stdout.contains(binary), "{found:?}");
    let found = run(&mut connect(&peer, &["-x=@alice", "-1"]), b"");
    assert_eq!(found, outcome(0, "@alice\n", ""));
    let found = run(&mut connect(&peer, &["-x", "@/no/such", "-1"]), b"");
    assert_eq!(found.code, Some(2));
    let said = "could not read the message in '/no/such': No such file";
    assert!(found.stderr.contains(said), "{found:?}");
}

#[test]
fn escapes_in_x_setup_and_lines_of_the_input() {
    let peer = Peer::start(Behaviour::Echo);
    let args = ["--escapes", "--setup", r"s\t", "-n1", "-0"];
    let lines = br"{}\x1e\u{1f44d}";
    let found = run(&mut connect(&peer, &args), lines);
    assert_eq!(found, outcome(0, "s\t\0{}\u{1e}👍\0", ""));
    let args = ["--escapes", "-x", r"a\0\r\n\\", "-1", "-0"];
    let found = run(&mut connect(&peer, &args), b"");
    assert_eq!(
        found,
        outcome(
            0,
            "a\0\r\n\\\0",
            "* a message with a NUL in it was written as it is; --jsonl keeps messages apart\n"
        )
    );
    let found = run(&mut connect(&peer, &["--escapes"]), br"C:\dir");
    assert_eq!(found.code, Some(2));
    let said = r"line 1 of the input: '\d' is not an escape; write ";
    assert!(found.stderr.contains(said), "{found:?}");
}

#[test]
fn a_log_as_jsonl_input_says_the_users_half_again() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempfile::tempdir().expect("a folder");
    let log = dir.path().join("log");
    let log = log.to_str().expect("a path of text");
    let args = ["--log", log, "--setup", "s", "-x", "a", "-x", "b", "-n2"];
    assert_eq!(run(&mut connect(&peer, &args), b"").code, Some(0));
    let lines = std::fs::read(log).expect("a log");
    let found = run(&mut connect(&peer, &["--jsonl"]), &lines);
    assert_eq!(found.code, Some(0), "{found:?}");
    let texts = found.stdout.matches("\"type\":\"text\"").count();
    assert_eq!(texts, 2, "{found:?}");
}

#[test]
fn the_close_timeout_is_how_long_an_answer_may_take() {
    let peer = Peer::start(Behaviour::Deaf);
    let args = ["-x", "a", "-w0", "--close-timeout", "120ms"];
    let found = run(&mut connect(&peer, &args), b"");
    assert_eq!(found.code, Some(9), "{found:?}");
    let said = "the peer did not answer the close frame within 120ms";
    assert!(found.stderr.contains(said), "{found:?}");
}

#[test]
fn a_message_with_a_line_end_in_it_is_told() {
    let peer = Peer::start(Behaviour::Echo);
    let torn = ["-x", "a\nb", "-x", "c\nd", "-n2"];
    let found = run(&mut connect(&peer, &torn), b"");
    let said = "* a message with a line end in it was written as it is; -0 and --jsonl keep messages apart\n";
    assert_eq!(found, outcome(0, "a\nb\nc\nd\n", said));
    let found = run(&mut connect(&peer, &[&torn[..], &["-0"]].concat()), b"");
    assert_eq!(found, outcome(0, "a\nb\0c\nd\0", ""));
}

#[test]
fn setup_comes_first_and_the_input_follows() {
    let peer = Peer::start(Behaviour::Echo);
    let args = ["--setup", "s1", "--setup", "-s2", "-n", "3"];
    let found = run(&mut connect(&peer, &args), b"in\n");
    assert_eq!(found, outcome(0, "s1\n-s2\nin\n", ""));
}

#[test]
fn secrets_stay_out_of_the_log() {
    let peer = Peer::start(Behaviour::Echo);
    let args = [
        "-vv",
        "-x",
        "1",
        "-1",
        "-H",
        "Authorization: s3cret",
        "-H",
        "Cookie: s3cret",
    ];
    let found = run(&mut connect(&peer, &args), b"");
    assert_eq!((found.code, found.stdout.as_str()), (Some(0), "1\n"));
    for part in [
        "> GET /ws HTTP/1.1\n",
        "> Cookie: [redacted]\n",
        "< HTTP/1.1 101 ",
        "* ended: ",
    ] {
        assert!(found.stderr.contains(part), "{}", found.stderr);
    }
    assert!(!found.stderr.contains("s3cret"), "{}", found.stderr);
}
