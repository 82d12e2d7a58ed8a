//! `wscli bench` through its command line.

mod judged;
mod lab;
mod report;
#[cfg(target_os = "linux")]
mod signals;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::harness::{Ends as _, Server};

/// Long enough for the slowest machine; only a failure waits for it.
const LIMIT: Duration = Duration::from_mins(3);

fn bench(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wscli"));
    command.env_clear().arg("bench").args(args);
    command
}

fn output(args: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = bench(args).stdin(Stdio::null()).ends();
    (
        status.code().unwrap(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

fn number(json: &Value, pointer: &str) -> f64 {
    let value = json.pointer(pointer).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no number at {pointer} in {json}"))
}

/// What a server tells of its connections.
enum Seen {
    Head(String),
    Message,
}

/// An echo server in threads; a client frame of at most 125 bytes is all that
/// it understands.
fn server() -> (SocketAddr, Receiver<Seen>) {
    serve(echo)
}

/// The same, but nothing is ever answered, the Close neither.
fn silent() -> (SocketAddr, Receiver<Seen>) {
    serve(hold)
}

fn serve(answer: fn(TcpStream, &Sender<Seen>) -> Option<()>) -> (SocketAddr, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, seen) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || answer(stream, &tell));
        }
    });
    (address, seen)
}

fn shake(stream: &mut TcpStream, tell: &Sender<Seen>) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let _ = tell.send(Seen::Head(head));
    stream.write_all(answer.as_bytes()).ok()
}

fn hold(mut stream: TcpStream, tell: &Sender<Seen>) -> Option<()> {
    shake(&mut stream, tell)?;
    while stream.read(&mut [0; 1 << 10]).ok()? > 0 {
        let _ = tell.send(Seen::Message);
    }
    None
}

fn echo(stream: TcpStream, tell: &Sender<Seen>) -> Option<()> {
    echo_changed(stream, tell, |_| {})
}

/// An echo of small frames, but for what `change` makes of the payload of a message.
fn echo_changed(
    mut stream: TcpStream,
    tell: &Sender<Seen>,
    change: impl Fn(&mut [u8]),
) -> Option<()> {
    shake(&mut stream, tell)?;
    loop {
        let mut start = [0; 6];
        stream.read_exact(&mut start).ok()?;
        let mut payload = vec![0; usize::from(start[1] & 0x7f)];
        stream.read_exact(&mut payload).ok()?;
        for (byte, key) in payload.iter_mut().zip(start[2..].iter().cycle()) {
            *byte ^= key;
        }
        let _ = tell.send(Seen::Message);
        let is_close = start[0] == 0x88;
        if !is_close {
            change(&mut payload);
        }
        let frame = [&[start[0], start[1] & 0x7f], &payload[..]].concat();
        stream.write_all(&frame).ok()?;
        if is_close {
            return None;
        }
    }
}

#[test]
fn the_demo_is_measured_and_says_that_it_is_embedded() {
    let args = ["--demo", "-n", "50", "-c", "5", "--warmup", "0"];
    let (code, stdout, stderr) = output(&args);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("echo: ws://127.0.0.1:"), "{stdout}");
    assert!(
        stdout.contains("(embedded server in this process"),
        "{stdout}"
    );
    assert!(stdout.contains("\nsent                  50  "), "{stdout}");
    assert!(stdout.contains("\nanswered              50  "), "{stdout}");
    // Of fifty, one alone is beyond the 99th percentile.
    assert!(
        stdout.contains("p90") && !stdout.contains("p99"),
        "{stdout}"
    );
    assert!(
        stderr.starts_with("* measuring an embedded echo server at "),
        "{stderr}"
    );
}

#[test]
fn json_on_stdout_is_the_report_and_nothing_else() {
    let args = [
        "--demo",
        "-n",
        "40",
        "-c",
        "4",
        "--warmup",
        "0",
        "--json",
        "-",
        "--threshold",
        "rate>=1",
        "--verify",
        "--size",
        "16..2000",
        "--binary",
    ];
    let (code, stdout, stderr) = output(&args);
    assert_eq!(code, 0, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(number(&json, "/schema"), 2.0);
    assert_eq!(number(&json, "/sent"), 40.0);
    assert_eq!(number(&json, "/latency/from_intended/count"), 40.0);
    assert_eq!(number(&json, "/handshake/upgrade/count"), 4.0);
    assert_eq!(json["demo"], true);
    assert_eq!(json["thresholds"][0]["ok"], true);
}

#[test]
fn every_mode_runs() {
    for more in [
        &["--mode", "idle", "--ping-interval", "50ms", "-d", "1s"][..],
        // Ends by the clock alone, and a busy machine may take a while.
        &["--mode", "flood", "-d", "3s"],
        &["--mode", "handshake", "-n", "20"],
        &["--mode", "handshake", "--connect-rate", "50", "-n", "10"],
        &["--rate", "200", "--precise", "-n", "20"],
        &["--rate-per-connection", "100", "-n", "20"],
        &[
            "-n",
            "50",
            "--in-flight",
            "8",
            "--message",
            "{\"id\":{{n}}}",
            "--match",
            "$.id",
        ],
    ] {
        let args = [
            &["--demo", "-c", "2", "--warmup", "50ms", "--json", "-"],
            more,
        ]
        .concat();
        let (code, stdout, stderr) = output(&args);
        assert_eq!(code, 0, "{more:?}: {stderr}");
        let json: Value = serde_json::from_str(&stdout).unwrap();
        assert!(number(&json, "/received") > 0.0, "{more:?}: {stdout}");
        assert_eq!(json["errors"], serde_json::json!({}), "{more:?}");
        assert_eq!(number(&json, "/lost"), 0.0, "{more:?}");
    }
}

#[test]
fn stages_send_what_they_say() {
    let args = [
        "--demo",
        "-c",
        "2",
        "--stages",
        "200ms:100,200ms:0,100ms:300",
        "--warmup",
        "100ms",
        "--json",
        "-",
    ];
    let (code, stdout, stderr) = output(&args);
    assert_eq!(code, 0, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(number(&json, "/sent"), 50.0);
    assert_eq!(number(&json, "/duration_s"), 0.5);
}

#[test]
fn a_missed_threshold_exits_with_1_and_each_is_shown() {
    let args = [
        "--demo",
        "-n",
        "20",
        "--warmup",
        "0",
        "--threshold",
        "p99<1ns",
        "--threshold",
        "lost<=0%",
    ];
    let (code, stdout, _) = output(&args);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("missed   p99<1ns   "), "{stdout}");
    assert!(stdout.contains("reached  lost<=0%  0.000%"), "{stdout}");
}

#[test]
fn mistakes_are_said_before_anything_is_measured() {
    for (args, message) in [
        (
            &["--demo", "--mode", "flood", "--verify"][..],
            "wscli: --verify: of no effect in this mode; use --mode echo\n",
        ),
        (
            &["--demo", "--precise"],
            "wscli: --precise needs a schedule; give --rate or --stages\n",
        ),
        (
            &["--demo", "--match", "$.id"],
            "wscli: --match finds no id in the messages that are sent; give messages that hold one (--message '{\"id\": {{n}}}' --match '$.id')\n",
        ),
        (
            &["--demo", "--size", "8", "--verify"],
            "wscli: --verify needs messages of 16 bytes or more, which say whose they are; give a larger --size, or a --message\n",
        ),
        (
            &["--demo", "--message", "{{what}}"],
            "wscli: '{{what}}' is no placeholder; use {{n}}, {{conn}}, {{uuid}}, {{now}} or {{random 16}}\n",
        ),
        (
            &["ws://h/ws?user={{conn}}"],
            "wscli: the URL has {{conn}} in it, and placeholders are filled in in messages alone; give several URLs, or --headers-csv with a row for each connection\n",
        ),
    ] {
        let (code, stdout, stderr) = output(args);
        assert_eq!(
            (code, stdout.as_str(), stderr.as_str()),
            (2, "", message),
            "{args:?}"
        );
    }
    let (code, _, stderr) = output(&["--demo", "-c", "100000000"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("100000000 connections need 2000000"),
        "{stderr}"
    );
    assert!(stderr.contains("ulimit -n"), "{stderr}");
}

#[test]
fn nobody_there_is_the_exit_code_of_the_connection() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (code, stdout, stderr) = output(&[&format!("ws://{unused}/")]);
    assert_eq!((code, stdout.as_str()), (4, ""), "{stderr}");
    assert!(
        stderr.contains("none of 10 connections could be opened: could not connect to"),
        "{stderr}"
    );
}

/// The report as JSON of a short run with these arguments, which must succeed.
fn report(args: &[&str]) -> Value {
    let args = [&["--warmup", "0", "--json", "-"], args].concat();
    let (code, stdout, stderr) = output(&args);
    assert_eq!(code, 0, "{args:?}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn compressed_messages_are_fewer_bytes_and_whole() {
    let server = Server::start(&["--compress"]);
    let url = format!("ws://127.0.0.1:{}/ws", server.port());
    let message = format!("{{{{n}}}} {}", "compressible ".repeat(300));
    for offer in [
        "--compress",
        "--compress=server_no_context_takeover; client_no_context_takeover",
    ] {
        let json = report(&[
            &url,
            "-c",
            "2",
            "-n",
            "60",
            "--in-flight",
            "4",
            "--verify",
            "--message",
            &message,
            offer,
        ]);
        assert_eq!(number(&json, "/received"), 60.0);
        assert_eq!(number(&json, "/mismatched"), 0.0);
        assert_eq!(json["errors"], serde_json::json!({}));
        for direction in ["/bytes_sent", "/bytes_received"] {
            let bytes = number(&json, direction);
            assert!(bytes > 0.0 && bytes < 60.0 * 1000.0, "{direction}: {bytes}");
        }
    }
}

#[test]
fn tls_is_measured_and_has_its_own_time() {
    let server = Server::start(&["--tls-self-signed", "--compress"]);
    let url = format!("wss://127.0.0.1:{}/ws", server.port());
    for more in [
        &[][..],
        &["--compress"],
        &["--size", "300000", "--binary"],
        &["--source-ip", "127.0.0.1", "--source-ip", "127.0.0.1"],
    ] {
        let args = [&[&url, "-k", "-c", "3", "-n", "30", "--verify"], more].concat();
        let json = report(&args);
        assert_eq!(number(&json, "/received"), 30.0, "{more:?}");
        assert_eq!(number(&json, "/mismatched"), 0.0, "{more:?}");
        assert_eq!(json["errors"], serde_json::json!({}), "{more:?}");
        for phase in ["tcp", "tls", "upgrade"] {
            let pointer = format!("/handshake/{phase}/count");
            assert_eq!(number(&json, &pointer), 3.0, "{more:?}");
        }
        assert!(number(&json, "/handshake/tls/min_us") > 0.0);
    }
    let json = report(&[&url, "-k", "-c", "2", "-n", "10", "--mode", "handshake"]);
    assert_eq!(number(&json, "/received"), 10.0);
    assert_eq!(number(&json, "/handshake/tls/count"), 10.0);
}

#[test]
fn plain_and_tls_targets_share_a_run() {
    let (plain, tls) = (Server::start(&[]), Server::start(&["--tls-self-signed"]));
    let urls = [("ws", plain), ("wss", tls)]
        .map(|(scheme, server)| (format!("{scheme}://127.0.0.1:{}/ws", server.port()), server));
    for more in [&["-r", "500"][..], &["--in-flight", "8"]] {
        let args = [&[urls[0].0.as_str(), &urls[1].0, "-k", "-c", "4"][..], more].concat();
        let json = report(&[&args[..], &["-n", "200", "--verify"]].concat());
        assert_eq!(number(&json, "/received"), 200.0, "{more:?}");
        assert_eq!(number(&json, "/lost"), 0.0, "{more:?}");
        assert_eq!(number(&json, "/handshake/tls/count"), 2.0, "{more:?}");
        assert_eq!(json["errors"], serde_json::json!({}), "{more:?}");
    }
}

#[test]
fn a_server_that_is_not_trusted_is_told_with_a_hint() {
    let server = Server::start(&["--tls-self-signed"]);
    let url = format!("wss://127.0.0.1:{}/ws", server.port());
    for (mode, count) in [("echo", "none of 2 "), ("handshake", "no")] {
        let args = [&url, "-c", "2", "-n", "4", "--warmup", "0", "--mode", mode];
        let (code, stdout, stderr) = output(&args);
        assert_eq!((code, stdout.as_str()), (5, ""), "{stderr}");
        let (error, hint) = stderr.split_once('\n').unwrap();
        assert!(error.starts_with(&format!("wscli: {count}")), "{stderr}");
        let cause = " could be opened: the server's certificate is self-signed, and not trusted";
        assert!(error.ends_with(cause), "{stderr}");
        assert!(
            hint.starts_with("* hint: ") && hint.contains("--cacert"),
            "{stderr}"
        );
    }
}

#[test]
fn attempts_without_an_answer_have_failed() {
    // Connections are accepted by the system, and nobody reads them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let (code, stdout, stderr) = output(&[
        &url,
        "--mode",
        "handshake",
        "-c",
        "2",
        "-d",
        "2s",
        "--reply-timeout",
        "200ms",
        "--warmup",
        "0",
        "--json",
        "-",
    ]);
    // Nothing came of the load.
    assert_eq!(code, 10, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(number(&json, "/sent"), 2.0);
    assert_eq!(number(&json, "/received"), 0.0);
    let errors = serde_json::json!({"no outcome within the reply timeout": 2});
    assert_eq!(json["errors"], errors);
}

#[test]
fn source_addresses_are_taken_in_turn() {
    let server = Server::start(&[]);
    let url = server.url("/ws");
    let json = report(&[&url, "-c", "4", "-n", "4", "--source-ip", "127.0.0.1"]);
    assert_eq!(number(&json, "/received"), 4.0);
    // An address that is not of this machine.
    let (code, _, stderr) = output(&[&url, "--source-ip", "192.0.2.1"]);
    assert_eq!(code, 4, "{stderr}");
    let (code, _, stderr) = output(&[&url, "--source-ip", "127.0.0.1", "--interface", "lo"]);
    assert_eq!(code, 2, "{stderr}");
}

#[test]
fn the_proxy_of_the_environment_leads_to_all_but_the_demo() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = format!("http://{unused}");
    let run = |args: &[&str]| {
        let mut command = bench(args);
        let output = command
            .env("http_proxy", &proxy)
            .stdin(Stdio::null())
            .ends();
        output.status.code().unwrap()
    };
    assert_eq!(run(&["ws://bench.test/", "-n", "1"]), 6);
    assert_eq!(run(&["--demo", "-n", "1", "--warmup", "0"]), 0);
}

#[test]
fn each_connection_has_the_headers_of_its_row() {
    let (address, seen) = server();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("headers.csv");
    std::fs::write(&path, "X-User,X-Key\nann,\"a,1\"\nbob,b2\n").unwrap();
    let url = format!("ws://{address}/");
    let (code, _, stderr) = output(&[
        &url,
        "-c",
        "4",
        "-n",
        "4",
        "--warmup",
        "0",
        "--headers-csv",
        path.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{stderr}");
    let mut users: Vec<String> = seen
        .try_iter()
        .filter_map(|seen| match seen {
            Seen::Head(head) => Some(head),
            Seen::Message => None,
        })
        .map(|head| {
            let lines = head.lines().filter(|line| line.starts_with("X-"));
            lines.collect::<Vec<_>>().join("; ")
        })
        .collect();
    users.sort();
    let (ann, bob) = ("X-User: ann; X-Key: a,1", "X-User: bob; X-Key: b2");
    assert_eq!(users, [ann, ann, bob, bob]);
}

#[test]
fn max_time_ends_the_run_with_a_report() {
    let args = ["--demo", "-d", "1h", "--warmup", "0", "-m", "500ms"];
    let (code, stdout, stderr) = output(&args);
    assert_eq!(code, 9, "{stderr}");
    assert!(stdout.contains("(interrupted)"), "{stdout}");
}

/// Run with a Python that has `hdrhistogram` (pip install hdrhistogram):
/// `PYTHON=venv/bin/python cargo test --test cli hdrhistogram -- --ignored`.
#[test]
#[ignore = "needs python hdrhistogram"]
fn another_hdrhistogram_reads_the_log() {
    const READ: &str = r"
import json, sys
from hdrh.histogram import HdrHistogram
report = json.load(sys.stdin)
for name in ['from_intended', 'from_send', 'slip']:
    told = report['latency'][name]
    read = HdrHistogram.decode(told['hdr'])
    assert read.get_total_count() == told['count'], name
    for percentile, key in [(50, 'p50_us'), (90, 'p90_us'), (99, 'p99_us'), (99.9, 'p999_us'), (100, 'max_us')]:
        value = read.get_value_at_percentile(percentile) / 1000
        assert abs(value - told[key]) <= told[key] * 0.001, (name, key, value, told[key])
print('read')
";
    let (code, report, stderr) = output(&["--demo", "-n", "2000", "--warmup", "0", "--json", "-"]);
    assert_eq!(code, 0, "{stderr}");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python)
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(report.as_bytes())
        .unwrap();
    let output = child.ends();
    assert_eq!(output.stdout, b"read\n");
    assert!(output.status.success());
}
