//! `wscli probe-origin` as a program: its arguments, its files, its exit codes.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const CLIENT: &str = "https://client.com";

/// A server that lets in the origins that `check` likes and refuses the others
/// with `refusal`. It serves until the test process ends.
fn serve(check: fn(&str) -> bool, refusal: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, check, refusal));
        }
    });
    url
}

fn answer(mut stream: TcpStream, check: fn(&str) -> bool, refusal: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let value = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
    };
    if !check(value("Origin: ")) {
        let _ = stream.write_all(refusal.as_bytes());
        return;
    }
    let accept = derive_accept_key(value("Sec-WebSocket-Key: ").as_bytes());
    let _ = write!(
        stream,
        "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    // Until the Close frame; an empty one answers it.
    let mut frame = [0; 64];
    if stream.read(&mut frame).is_ok_and(|count| count > 0) {
        let _ = stream.write_all(&[0x88, 0]);
    }
}

const FORBIDDEN: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";

fn wscli(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wscli"))
        .arg("probe-origin")
        .args(args)
        .env_clear()
        .env("SESSION", "s3cret-session")
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_input_is_one_clear_sentence_and_exit_code_2() {
    for (args, sentence) in [
        (
            &["ws://h/", "--allow", "https://client.com/page"][..],
            "leave out the '/'",
        ),
        (&["ws://h/", "--allow", "client.com"], "it has no scheme"),
        (
            &["ws://h/", "--allow", "*"],
            "'*' is no origin that a page has",
        ),
        (&["ws://h/"], "no allowed origin"),
        (&["ws://h:x/", "--allow", CLIENT], "is not a valid URL"),
        (&["ftp://h/", "--allow", CLIENT], "the scheme 'ftp'"),
        (&["ws://h/#x", "--allow", CLIENT], "a fragment"),
        (
            &["ws://h/", "--allow", CLIENT, "--probe", "x"],
            "there is no probe 'x'",
        ),
        (
            &["ws://h/", "--allow", CLIENT, "--deny", CLIENT],
            "both allowed and denied",
        ),
        (
            &["ws://h/", "--allow", CLIENT, "--origin", CLIENT],
            "--origin has no place here",
        ),
        (
            &["ws://h/", "--allow", CLIENT, "-H", "Origin: x"],
            "has no place here",
        ),
        (
            &["ws://h/", "--allow", CLIENT, "--expect", "/(/"],
            "is not a valid pattern",
        ),
        (
            &["ws://h/", "--allow", CLIENT, "--attacker-domain", "x"],
            "is not a domain name",
        ),
        (
            &["--config", "/no/such/file"],
            "could not read '/no/such/file'",
        ),
        (&["--explain", "x"], "there is no probe 'x'"),
    ] {
        let output = wscli(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).contains(sentence),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn without_a_baseline_the_exit_code_says_what_failed() {
    let html = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    for (url, code, sentence) in [
        (serve(|_| false, html), 13, "at another path"),
        (serve(|_| false, FORBIDDEN), 13, "HTTP/1.1 403"),
        (serve(|_| false, "SSH-2.0-x\r\n\r\n"), 13, "not HTTP"),
        (serve(|_| false, ""), 13, "without an answer"),
        ("ws://127.0.0.1:1/".into(), 4, "could not connect"),
    ] {
        let output = wscli(&[&url, "--allow", CLIENT]);
        assert_eq!(output.status.code(), Some(code), "{sentence}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            text.contains("inconclusive: ") && text.contains(sentence),
            "{text}"
        );
    }
}

#[test]
fn every_report_is_written_and_findings_decide() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let url = serve(
        |origin| origin == CLIENT || origin == "https://sub.client.com",
        FORBIDDEN,
    );
    let probes = [
        "--allow",
        CLIENT,
        "--probe",
        "foreign,subdomain,null",
        "--window",
        "0.2",
    ];
    let reports = [
        ["--json", &file("r.json")],
        ["--junit", &file("r.xml")],
        ["--sarif", &file("r.sarif")],
        ["--markdown", &file("r.md")],
    ];
    let mut args = vec![url.as_str(), "--github"];
    args.extend(probes);
    args.extend(reports.iter().flatten().copied());
    let output = wscli(&args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("enforced: all 2 probes"), "{text}");
    assert!(text.contains("1 below high let through"), "{text}");
    assert!(text.contains("::warning title="), "{text}");
    let json: Value = serde_json::from_slice(&fs::read(file("r.json")).unwrap()).unwrap();
    assert_eq!(json["findings"][0]["probe"], "subdomain");
    assert_eq!(json["probes"].as_array().unwrap().len(), 3);
    for name in ["r.xml", "r.sarif", "r.md"] {
        assert!(
            fs::read_to_string(file(name))
                .unwrap()
                .contains("subdomain"),
            "{name}"
        );
    }
    args.extend(["--fail-on", "medium"]);
    assert_eq!(wscli(&args).status.code(), Some(1));
}

#[test]
fn several_targets_stand_in_a_file_with_their_exceptions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probes.toml");
    let good = serve(|origin| origin == CLIENT, FORBIDDEN);
    let bad = serve(|_| true, FORBIDDEN);
    let config = |accept: &str| {
        format!(
            "allow = ['{CLIENT}']\nprobe = ['foreign']\nwindow = '200ms'\n\
             [[targets]]\nurl = '{good}?token=s3cret-token'\nheaders = ['Cookie: sid=${{SESSION}}']\n\
             accept = [{{ probe = 'null', reason = 'unused' }}]\n\
             [[targets]]\nurl = '{bad}'\naccept = [{accept}]\n"
        )
    };
    let args = ["--config", path.to_str().unwrap(), "--json", "-"];
    fs::write(&path, config("")).unwrap();
    let output = wscli(&args);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("the exception for null is not used"),
        "{}",
        stderr(&output)
    );
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdicts: Vec<_> = json["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["enforced", "not-enforced"]);
    let everything = format!(
        "{}{}",
        stderr(&output),
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(!everything.contains("s3cret"), "{everything}");
    fs::write(
        &path,
        config("{ probe = 'foreign', reason = 'a public echo service' }"),
    )
    .unwrap();
    assert_eq!(wscli(&args).status.code(), Some(0));
    fs::write(&path, config("{ probe = 'foreign' }")).unwrap();
    let output = wscli(&args);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("missing field `reason`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_catalogue_is_printed_without_a_target() {
    let output = wscli(&["--list"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("suffix-dot"));
    let output = wscli(&["--explain", "host-rebind"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("DNS rebinding"));
}
