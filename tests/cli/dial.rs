//! The flags of dialling as users write them: who is shown what, reports, and
//! curl command lines.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Ends as _, Server, wscli};
use crate::peer::{Behaviour, Peer};

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.ends();
    Run {
        code: status.code(),
        stdout: String::from_utf8(stdout).expect("stdout is text"),
        stderr: String::from_utf8(stderr).expect("stderr is text"),
    }
}

fn head(peer: &Peer) -> String {
    let head = peer.heads.recv_timeout(crate::harness::PATIENCE);
    head.expect("a request")
}

#[test]
fn secrets_are_sent_but_neither_told_nor_reported() {
    let directory = TempDir::new().expect("a directory");
    let at = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    let headers = at(
        "headers",
        "Authorization: Bearer s3cret\nCookie: a=s3cret\n",
    );
    let jar = at("jar", "127.0.0.1\tFALSE\t/\tFALSE\t0\ta\ts3cret\n");
    at(".netrc", "machine 127.0.0.1 login n password s3cret\n");
    let at_headers = format!("@{headers}");
    for behaviour in [Behaviour::Echo, Behaviour::Refuse] {
        for flags in [
            &["-u", "me:s3cret"][..],
            &["--bearer", "s3cret"],
            &["-b", "a=s3cret"],
            &["-b", &jar],
            &["-H", &at_headers],
            &["-H", "Proxy-Authorization: Basic s3cret"],
            &["--netrc"],
        ] {
            let peer = Peer::start(behaviour);
            let more = ["-vv", "-i", "-x", "hi", "-1", "--json", "-"];
            let mut command = wscli(&[&["connect", &peer.url], flags, &more].concat());
            let found = run(command.env("HOME", directory.path()));
            let sent = head(&peer);
            let secret = ["s3cret", "bWU6czNjcmV0", "bjpzM2NyZXQ="];
            assert!(secret.iter().any(|s| sent.contains(s)), "{flags:?} {sent}");
            let told = found.stdout + &found.stderr;
            assert!(!secret.iter().any(|s| told.contains(s)), "{flags:?} {told}");
            assert!(told.contains("[redacted]"), "{flags:?} {told}");
        }
    }
}

#[test]
fn a_password_is_not_asked_for_without_a_terminal() {
    // `setsid` leaves the program without a controlling terminal.
    let mut command = Command::new("setsid");
    command
        .args([
            "-w",
            env!("CARGO_BIN_EXE_wscli"),
            "connect",
            "ws://127.0.0.1:9",
            "-u",
            "me",
        ])
        .env_clear()
        .stdin(std::process::Stdio::null());
    let found = run(&mut command);
    assert_eq!(found.code, Some(2));
    assert_eq!(
        found.stderr,
        "wscli: -u me has no password, and there is no terminal to ask for it on; use --netrc-file FILE, or -u 'me:' for an empty one\n"
    );
}

fn report(command: &mut Command) -> (Run, Value) {
    let found = run(command);
    let start = found.stdout.find("{\n").expect("a report");
    let json = serde_json::from_str(&found.stdout[start..]).expect("the report is JSON");
    (found, json)
}

#[test]
fn the_report_tells_how_it_went() {
    let server = Server::start(&["--lab"]);
    let url = server.url("/count/2?close=4000&reason=go%20away");
    let (found, json) = report(&mut wscli(&["connect", &url, "-w", "inf", "--json", "-"]));
    assert_eq!(found.code, Some(11));
    assert_eq!(json["outcome"], "closed-by-peer");
    assert_eq!(json["exit_code"], 11);
    assert_eq!(json["received"], 2);
    assert_eq!(json["close"]["code"], 4000);
    assert_eq!(json["close"]["reason"], "go away");
    assert_eq!(json["connection"]["status"], 101);
    let timings = &json["connection"]["timings"];
    for time in ["tcp_us", "upgrade_us"] {
        assert!(timings[time].is_u64(), "{time}: {json}");
    }
    assert!(timings["tls_us"].is_null() && timings["proxy_us"].is_null());
    for time in ["first_message_us", "open_us"] {
        assert!(json[time].is_u64(), "{time}: {json}");
    }

    let url = server.url("/status/403");
    let (found, json) = report(&mut wscli(&["connect", &url, "--json", "-"]));
    assert_eq!(found.code, Some(7));
    assert_eq!(json["outcome"], "not-opened");
    assert_eq!(json["error"], "the server answered HTTP/1.1 403 Forbidden");
    let hint = json["hint"].as_str().expect("a hint");
    assert!(
        found.stderr.ends_with(&format!("* hint: {hint}\n")),
        "{}",
        found.stderr
    );
    assert!(json["connection"].is_null() && json["close"].is_null());

    let url = server.url("/count/2");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("report.json");
    let path = path.to_str().expect("a path");
    let found = run(&mut wscli(&["connect", &url, "-n", "5", "--json", path]));
    assert_eq!((found.code, found.stdout.as_str()), (Some(10), "1\n2\n"));
    let json: Value = serde_json::from_str(&fs::read_to_string(path).expect("a report")).unwrap();
    assert_eq!(json["outcome"], "unexpected");
    let found = run(&mut wscli(&["connect", &url, "--json", "/no/such/file"]));
    assert_eq!(found.code, Some(12));
}

#[test]
fn the_proxy_of_the_environment_is_used_and_passed_by() {
    let peer = Peer::start(Behaviour::Echo);
    let args = ["connect", &peer.url, "-x", "hi", "-1"];
    // Port 9 has no proxy.
    let mut command = wscli(&args);
    let found = run(command.env("http_proxy", "http://me:s3cret@127.0.0.1:9"));
    assert_eq!(found.code, Some(6), "{}", found.stderr);
    let start = "wscli: could not connect to the proxy http://127.0.0.1:9 (127.0.0.1:9): ";
    assert!(found.stderr.starts_with(start), "{}", found.stderr);
    assert!(!found.stderr.contains("s3cret"), "{}", found.stderr);
    for (name, value) in [
        ("no_proxy", "127.0.0.0/8"),
        ("NO_PROXY", "example.com,127.0.0.1"),
        ("no_proxy", "*"),
    ] {
        let mut command = wscli(&args);
        command
            .env("ALL_PROXY", "http://127.0.0.1:9")
            .env(name, value);
        assert_eq!(run(&mut command).stdout, "hi\n", "{name}={value}");
    }
    let found =
        run(wscli(&["connect", "--demo", "-x", "hi", "-1"]).env("all_proxy", "127.0.0.1:9"));
    assert_eq!(found.stdout, "hi\n", "{}", found.stderr);
}

#[test]
fn a_copied_curl_command_opens_the_same_connection() {
    let peer = Peer::start(Behaviour::Echo);
    let url = peer.url.clone();
    let line = format!(
        "curl '{url}/chat?room=1' -H 'Upgrade: websocket' -H 'Origin: https://app.example' \\\n  \
         -H 'Connection: Upgrade' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' \
         -H 'Sec-WebSocket-Version: 13' -b $'session=a\\u0021'"
    );
    let found = run(&mut wscli(&[
        "connect",
        "--from-curl",
        &line,
        "-x",
        "hi",
        "-1",
    ]));
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (Some(0), "hi\n"),
        "{}",
        found.stderr
    );
    let sent = head(&peer);
    assert!(
        sent.starts_with("GET /ws/chat?room=1 HTTP/1.1\r\n"),
        "{sent}"
    );
    assert!(
        sent.contains("\r\nOrigin: https://app.example\r\n"),
        "{sent}"
    );
    assert!(sent.contains("\r\nCookie: session=a!\r\n"), "{sent}");
    assert!(!sent.contains("AAAAAAAAAAAAAAAAAAAAAA=="), "{sent}");

    // As the shell leaves an unquoted paste: all that follows is curl's.
    let pasted = [
        "connect",
        "-x",
        "hi",
        "-1",
        "--from-curl",
        "curl",
        &url,
        "-H",
        "X-A: b",
    ];
    let found = run(&mut wscli(&pasted));
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (Some(0), "hi\n"),
        "{}",
        found.stderr
    );
    assert!(head(&peer).contains("\r\nX-A: b\r\n"));

    let found = run(&mut wscli(&[
        "connect",
        "--from-curl",
        "curl h --frobnicate",
    ]));
    assert_eq!(found.code, Some(2));
    assert_eq!(
        found.stderr,
        "wscli: curl's flag '--frobnicate' is not known here; remove it from the curl command\n"
    );
}

#[test]
fn the_command_is_printed_and_nothing_is_dialled() {
    let found = run(&mut wscli(&[
        "connect",
        "wss://u:s3cret@no-such-host.invalid/x",
        "--print-command",
        "--wait-up",
        "5",
    ]));
    assert_eq!(found.code, Some(0));
    let start = "curl https://u:s3cret@no-such-host.invalid/x \\\n";
    assert!(found.stdout.starts_with(start), "{}", found.stdout);
    assert_eq!(found.stderr, "* curl has no --wait-up; it is left out\n");
}

#[test]
fn the_last_of_several_flags_counts() {
    let peer = Peer::start(Behaviour::Echo);
    let found = run(&mut wscli(&[
        "connect", &peer.url, "-A", "one", "-A", "two", "-x", "hi", "-1",
    ]));
    assert_eq!(found.stdout, "hi\n", "{}", found.stderr);
    assert!(head(&peer).contains("\r\nUser-Agent: two\r\n"));
}

#[test]
fn a_saved_target_is_dialled_with_its_flags_and_a_broken_file_is_exit_2() {
    let server = Server::start(&["--lab"]);
    let home = TempDir::new().expect("a directory");
    let folder = home.path().join("wscli");
    fs::create_dir(&folder).expect("a folder");
    let config = |text: &str| fs::write(folder.join("config.toml"), text).expect("a file");
    let with = |args: &[&str]| {
        let mut command = wscli(args);
        command.env("XDG_CONFIG_HOME", home.path());
        run(command.env("STAGING_TOKEN", "s3cret"))
    };
    let url = server.url("/auth/bearer/s3cret");
    config(&format!(
        "[target.staging]\nurl = '{url}'\nbearer = '${{STAGING_TOKEN}}'\n[target.other]\nurl = '{url}'\n"
    ));
    let found = with(&["connect", "@staging", "-x", "a", "-1", "-v"]);
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (Some(0), "a\n"),
        "{}",
        found.stderr
    );
    assert!(found.stderr.contains("config.toml"), "{}", found.stderr);
    assert!(!found.stderr.contains("s3cret"), "{}", found.stderr);
    // What the user writes wins.
    let found = with(&["connect", "@staging", "-x", "a", "-1", "--bearer", "wrong"]);
    assert_eq!(found.code, Some(7), "{}", found.stderr);
    let found = with(&["bench", "@staging", "-c", "1", "-d", "0.1", "--warmup", "0"]);
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let found = with(&["connect", "@none", "-x", "a"]);
    assert_eq!(found.code, Some(2));
    assert!(
        found.stderr.contains("there are @other, @staging"),
        "{}",
        found.stderr
    );
    config("[target.staging\n");
    let found = with(&["connect", "@staging", "-x", "a"]);
    assert_eq!(found.code, Some(2), "{}", found.stderr);
    let plain = server.url("/ws");
    assert_eq!(with(&["connect", &plain, "-x", "a", "-1"]).code, Some(0));
}

/// A failed attempt, as the report, the log and the HAR file tell it.
fn evidence(args: &[&str]) -> (Value, Value, Value) {
    let directory = TempDir::new().expect("a directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let (log, har) = (at("log"), at("har"));
    let mut command = wscli(&["connect", "-x", "hi", "--json", "-"]);
    command.args(["--log", &log, "--har", &har]).args(args);
    let (_, json) = report(&mut command);
    let read = |path: &str| fs::read_to_string(path).expect("a file");
    let line = serde_json::from_str(&read(&log)).expect("the only line of the log");
    let har: Value = serde_json::from_str(&read(&har)).expect("the HAR file");
    (json, line, har["log"]["entries"][0].clone())
}

#[test]
fn a_refused_opening_leaves_its_evidence_in_report_log_and_har() {
    let server = Server::start(&["--lab"]);
    let url = server.url("/status/403");
    let (json, line, entry) = evidence(&[&url]);
    let error = "the server answered HTTP/1.1 403 Forbidden";
    assert_eq!(
        (&json["error"], &line["message"]),
        (&error.into(), &error.into())
    );
    assert_eq!(line["hint"], json["hint"]);
    for opening in [&json["failed_opening"], &line["opening"]] {
        assert_eq!(opening["failed"], "upgrade");
        assert_eq!(opening["status"], 403);
        assert_eq!(opening["url"], url.as_str());
        assert!(opening["timings"]["upgrade_us"].is_u64(), "{opening}");
        let starts = |name: &str, with: &str| opening[name].as_str().unwrap().starts_with(with);
        assert!(
            starts("request", "GET /status/403 HTTP/1.1\r\n"),
            "{opening}"
        );
        assert!(
            starts("response", "HTTP/1.1 403 Forbidden\r\n"),
            "{opening}"
        );
        assert!(!opening["body"].as_str().unwrap().is_empty(), "{opening}");
    }
    assert_eq!(entry["response"]["status"], 403);
    assert_eq!(entry["response"]["_error"], error);
    assert_eq!(
        entry["response"]["content"]["text"],
        line["opening"]["body"]
    );
    assert_eq!(entry["request"]["method"], "GET");
    assert_eq!(entry["serverIPAddress"], "127.0.0.1");
}

#[test]
fn a_failed_opening_tells_what_it_had_reached() {
    // Nobody listens: the address that was tried.
    let (json, line, entry) = evidence(&["ws://127.0.0.1:9/"]);
    for opening in [&json["failed_opening"], &line["opening"]] {
        assert_eq!(opening["failed"], "tcp");
        assert_eq!(opening["tried"][0], "127.0.0.1:9");
        assert!(opening["timings"]["tcp_us"].is_u64() && opening["status"].is_null());
    }
    assert_eq!(entry["response"]["status"], 0);
    // The certificate that is not trusted.
    let server = Server::start(&["--tls-self-signed"]);
    let (json, line, _) = evidence(&[server.ready["url"].as_str().unwrap()]);
    for opening in [&json["failed_opening"], &line["opening"]] {
        assert_eq!(opening["failed"], "tls");
        assert_eq!(opening["certificate"]["pin"], server.ready["pin"]);
        assert!(opening["tls"].is_null() && opening["request"].is_null());
    }
}
