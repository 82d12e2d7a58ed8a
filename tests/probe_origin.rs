//! `wscli probe-origin` as a program: its arguments, its files, its exit codes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

mod ended;

use ended::Ends as _;

#[path = "probe_origin/addresses.rs"]
mod addresses;
#[path = "probe_origin/pages.rs"]
mod pages;

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

fn answer(stream: TcpStream, check: fn(&str) -> bool, refusal: &str) {
    let origin = |head: &str| {
        let value = head.lines().find_map(|line| line.strip_prefix("Origin: "));
        check(value.unwrap_or_default())
    };
    answer_head(stream, origin, refusal);
}

fn answer_head(stream: TcpStream, check: impl Fn(&str) -> bool, refusal: &str) {
    answer_each(stream, |head| (!check(head)).then(|| refusal.to_owned()));
}

/// Answers with what is given for the head of the request; with a 101 where that
/// is nothing.
fn answer_each(mut stream: TcpStream, refuse: impl Fn(&str) -> Option<String>) {
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
    if let Some(refusal) = refuse(&head) {
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
        .stdin(Stdio::null())
        .ends()
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
            &[
                "ws://h/",
                "--allow",
                CLIENT,
                "--attacker-domain",
                "client.com",
            ],
            "give one that somebody else owns",
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
    let (_server, lab) = wscli_lab(&[]);
    for (url, code, sentence) in [
        (lab("/status/200"), 13, "at another path"),
        (lab("/status/403"), 13, "HTTP/1.1 403"),
        (lab("/auth/bearer/t"), 13, "--bearer TOKEN"),
        (lab("/redirect"), 13, "-L follows"),
        (lab("/bad-accept"), 13, "made for another request"),
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

/// Starts `wscli serve` with these flags; its URL without the scheme.
fn wscli_serve(flags: &[&str]) -> (Server, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wscli"))
        .args(["serve", "--port", "0", "--jsonl"])
        .args(flags)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = ready["url"].as_str().unwrap().to_owned();
    let (_, rest) = url.split_once("://").unwrap();
    (Server(child), rest.to_owned())
}

/// Starts the fault lab with these flags; the URLs of its routes.
fn wscli_lab(flags: &[&str]) -> (Server, impl Fn(&str) -> String) {
    let (server, rest) = wscli_serve(&[&["--lab"], flags].concat());
    let authority = rest.trim_end_matches("/ws").to_owned();
    let url = move |resource: &str| format!("ws://{authority}{resource}");
    (server, url)
}

/// Ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_echo_server_of_this_program_enforces_what_it_is_told() {
    let quick = ["--allow", CLIENT, "--window", "0.2"];
    for (scheme, tls, insecure) in [
        ("ws", None, None),
        ("wss", Some("--tls-self-signed"), Some("-k")),
    ] {
        for (policy, code, verdict) in [
            (Some("--allow-origin=https://client.com"), 0, "enforced: "),
            (None, 1, "not-enforced: "),
        ] {
            let flags: Vec<_> = tls.into_iter().chain(policy).collect();
            let (_server, rest) = wscli_serve(&flags);
            let url = format!("{scheme}://{rest}");
            let args: Vec<_> = [url.as_str()]
                .into_iter()
                .chain(quick)
                .chain(insecure)
                .collect();
            let output = wscli(&args);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(code), "{flags:?}: {text}");
            assert!(text.contains(verdict), "{flags:?}: {text}");
        }
    }
}

#[test]
fn the_wrong_side_of_tls_is_told_in_one_sentence() {
    let (_tls, secure) = wscli_serve(&["--tls-self-signed"]);
    let (_plain, plain) = wscli_serve(&[]);
    for (url, flags, code, sentence) in [
        (
            format!("ws://{secure}"),
            &[][..],
            13,
            "this port wants TLS; use wss://",
        ),
        (
            format!("wss://{plain}"),
            &["-k"],
            5,
            "this port speaks no TLS; use ws://",
        ),
        (format!("wss://{secure}"), &[], 5, "self-signed"),
    ] {
        let output = wscli(&[&[url.as_str(), "--allow", CLIENT], flags].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{url}: {text}");
        let line = text.lines().find(|line| line.starts_with("inconclusive: "));
        assert!(
            line.is_some_and(|line| line.contains(sentence)),
            "{url}: {text}"
        );
    }
}

#[test]
fn a_proxy_that_leads_nowhere_is_exit_code_6() {
    let (_server, rest) = wscli_serve(&[]);
    let url = format!("ws://{rest}");
    let proxy = "http://user:s3cret@127.0.0.1:1";
    let output = wscli(&[&url, "--allow", CLIENT, "--proxy", proxy]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn a_server_is_waited_for_before_the_first_probe_only() {
    // Two answers of a proxy whose server is still starting, then the server.
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let url = serve(
        |_| ASKED.fetch_add(1, Ordering::SeqCst) >= 2,
        "HTTP/1.1 503 Starting\r\nContent-Length: 0\r\n\r\n",
    );
    let args = [
        &url, "--allow", CLIENT, "--probe", "foreign", "--window", "0.2",
    ];
    let output = wscli(&[&args[..], &["--wait-up", "30"]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("ACCEPTED  foreign"), "{text}");
    // Nobody ever listens there: over when the time is.
    let output = wscli(&["ws://127.0.0.1:1/", "--allow", CLIENT, "--wait-up", "0.5"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("was not up within 500ms"), "{text}");
}

#[test]
fn redirects_are_refusals_unless_they_are_followed() {
    let (_server, lab) = wscli_lab(&["--allow-origin", CLIENT]);
    let url = lab("/redirect");
    let args = [
        &url,
        "--allow",
        CLIENT,
        "--probe",
        "foreign,null",
        "--window",
        "0.2",
    ];
    let output = wscli(&args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(13), "{text}");
    assert!(text.contains("-L follows"), "{text}");
    let output = wscli(&[&args[..], &["-L"]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
}

/// A server that lets in whoever says who they are, and the allowed origin.
fn serve_who(head: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_head(stream, |sent| sent.contains(head), FORBIDDEN));
        }
    });
    address.to_string()
}

#[test]
fn credentials_of_every_source_are_left_out_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let netrc = folder.path().join("netrc");
    fs::write(&netrc, "machine 127.0.0.1 login u password s3cret-netrc\n").unwrap();
    let jar = folder.path().join("jar");
    fs::write(&jar, "127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\ts3cret-jar\n").unwrap();
    let (netrc, jar) = (netrc.to_str().unwrap(), jar.to_str().unwrap());
    for (userinfo, flags, head) in [
        ("", &["-u", "u:s3cret-flag"][..], "Authorization: Basic "),
        ("", &["--bearer", "s3cret-token"], "Authorization: Bearer "),
        ("", &["-b", "sid=s3cret-cookie"], "Cookie: sid="),
        ("", &["-b", jar], "Cookie: sid="),
        ("", &["--netrc-file", netrc], "Authorization: Basic "),
        ("u:s3cret-url@", &[], "Authorization: Basic "),
        ("u@", &["--netrc-file", netrc], "Authorization: Basic "),
        ("", &["-H", "X-Api-Key: s3cret-header"], "X-Api-Key: "),
    ] {
        let url = format!("ws://{userinfo}{}/", serve_who(head));
        let args = [
            &url, "--allow", CLIENT, "--probe", "foreign", "--window", "0.2",
        ];
        let args = [&args[..], &["--json", "-", "-v"], flags].concat();
        let output = wscli(&args);
        // Who is known comes in, from wherever.
        assert_eq!(
            output.status.code(),
            Some(1),
            "{flags:?}: {}",
            stderr(&output)
        );
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let notes = json["notes"].to_string();
        assert!(
            notes.contains("without the credentials"),
            "{flags:?}: {notes}"
        );
        let all = format!("{json}{}", stderr(&output));
        let encoded = ["czNjcmV0", "OnMzY3JldC", "dTpzM2NyZXQt"];
        for secret in ["s3cret"].iter().chain(&encoded) {
            assert!(!all.contains(secret), "{flags:?}: {all}");
        }
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
    assert!(text.contains("::notice title="), "{text}");
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
fn a_selection_without_a_probe_of_a_page_is_never_enforced() {
    let url = serve(|_| true, FORBIDDEN);
    let args = [
        &url, "--allow", CLIENT, "--probe", "self", "--window", "0.2",
    ];
    let output = wscli(&args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(13), "{text}");
    assert!(text.contains("inconclusive: "), "{text}");
}

#[test]
fn a_bypass_fails_whatever_severity_counts() {
    let url = serve(|origin| origin == CLIENT || origin == "null", FORBIDDEN);
    let probes = "foreign,null,suffix-dot";
    let args = [
        &url,
        "--allow",
        CLIENT,
        "--probe",
        probes,
        "--window",
        "0.2",
        "--fail-on",
        "critical",
    ];
    let output = wscli(&args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("bypassable: "), "{text}");
}

#[test]
fn a_quick_run_ends_with_the_first_page_that_is_let_in() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let open = serve(
        |_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            true
        },
        FORBIDDEN,
    );
    let output = wscli(&[&open, "--allow", CLIENT, "--quick", "--window", "0.3"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("not-enforced: "), "{text}");
    assert_eq!(ASKED.load(Ordering::SeqCst), 2, "{text}");
    // The numbers are said before.
    assert!(
        stderr(&output).contains("opening handshakes: 2 to "),
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

#[test]
fn what_happens_behind_the_handshake_is_compared() {
    // Whoever is let in meets the same; whether everybody is, is another matter.
    let (_open, open) = wscli_lab(&[]);
    let (_enforcing, enforcing) = wscli_lab(&["--allow-origin", CLIENT]);
    let (like, close) = ("ACCEPTED  foreign", "itself gets Close 1008 'no'");
    for (resource, code, sentence, enforcing_code) in [
        ("/close", 1, like, 0),
        ("/drop", 1, like, 0),
        ("/reset", 1, like, 0),
        ("/big/100?close=1000", 1, like, 0),
        // A refusal all the same, and of everybody.
        ("/close/1008?reason=no", 13, close, 0),
        ("/bad-rsv", 13, "reserved bits set", 13),
    ] {
        for (url, code, sentence) in [
            (open(resource), code, sentence),
            (enforcing(resource), enforcing_code, ""),
        ] {
            let output = wscli(&[&url, "--allow", CLIENT, "--probe", "foreign"]);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(code), "{text}");
            assert!(text.contains(sentence), "{text}");
        }
    }
}
