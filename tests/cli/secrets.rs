//! One secret word in every place that may hold one, over every output of
//! every command: none of them shows it, unless the user asks for it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::harness::{Server, wscli};

const WORD: &str = "SESAME-0pen";
/// The word as `Basic` carries it, behind `u:`.
const BASIC: &str = "dTpTRVNBTUUtMHBlbg==";

/// A server that repeats what it is told, and sets a cookie; the lines of its
/// answers end by LF alone. `/refuse` is answered with 403.
fn peer() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(stream));
        }
    });
    port
}

fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let extra = format!(
        "Set-Cookie: sid={WORD}\nX-Seen: {}\nLocation: /?ticket={WORD}\n",
        value("Authorization: ").unwrap_or_default()
    );
    if head.starts_with("GET /refuse") {
        let body = format!("no token={WORD}");
        let length = body.len();
        let text = format!("HTTP/1.1 403 not {WORD}\n{extra}Content-Length: {length}\n\n{body}");
        let _ = stream.write_all(text.as_bytes());
        return;
    }
    // A head that is not whole, and one that is none.
    if head.starts_with("GET /cut") {
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\n{extra}").as_bytes());
        return;
    }
    if head.starts_with("GET /broken") {
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\n{extra}\x01 {WORD}\n\n").as_bytes());
        return;
    }
    if head.starts_with("GET /away") {
        let to = format!("HTTP/1.1 302 away\nLocation: /cut?ticket={WORD}\n\n");
        let _ = stream.write_all(to.as_bytes());
        return;
    }
    let accept = derive_accept_key(value("Sec-WebSocket-Key: ").unwrap_or_default().as_bytes());
    let chosen = value("Sec-WebSocket-Protocol: ").and_then(|list| list.split(", ").last());
    let chosen = chosen.map_or(String::new(), |name| {
        format!("Sec-WebSocket-Protocol: {name}\n")
    });
    let text = format!(
        "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: {accept}\n{chosen}{extra}\n"
    );
    let _ = stream.write_all(text.as_bytes());
    // One message, and a Close with a reason.
    let reason = format!("bad token {WORD}");
    let length = 2 + u8::try_from(reason.len()).expect("a short reason");
    let _ = stream.write_all(b"\x81\x02hi\x88");
    let _ = stream.write_all(&[&[length, 0x03, 0xe8], reason.as_bytes()].concat());
    let _ = stream.read(&mut [0; 1 << 10]);
}

/// The flags that hold the word, but for the URL.
fn flags() -> Vec<String> {
    [
        &["-H", "X-Api-Key: %"][..],
        &["-H", "X-CSRF: %"],
        &["-H", "Sec-WebSocket-Protocol: bearer, %"],
        &["-H", "Cookie: a=%"],
        &["--bearer", "%"],
    ]
    .concat()
    .iter()
    .map(|flag| flag.replace('%', WORD))
    .collect()
}

fn url(port: u16, path: &str) -> String {
    let query: Vec<_> = [
        "token",
        "ticket",
        "pass",
        "pwd",
        "otp",
        "sig",
        "X-Amz-Signature",
    ]
    .iter()
    .map(|name| format!("{name}={WORD}"))
    .collect();
    format!("ws://u:{WORD}@127.0.0.1:{port}{path}?{}", query.join("&"))
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program runs")
}

fn all(output: &Output) -> String {
    let streams = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&streams).into_owned()
}

#[track_caller]
fn assert_hidden(what: &str, text: &str) {
    for secret in [WORD, BASIC] {
        assert!(!text.contains(secret), "{what} shows a secret:\n{text}");
    }
    assert!(text.contains("[redacted]"), "{what} tells nothing:\n{text}");
}

#[track_caller]
fn assert_files_hidden(directory: &Path) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a file of text");
        let is_empty_har = text.contains("\"entries\":[]");
        if !is_empty_har {
            assert_hidden(&path.display().to_string(), &text);
        }
    }
}

#[test]
fn secrets_are_in_no_output_of_connect() {
    let port = peer();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    for path in ["/", "/refuse", "/cut", "/broken", "/away"] {
        let run_with = |more: &[&str]| {
            let url = url(port, path);
            let mut command = wscli(&["connect", &url, "-L"]);
            command.args(flags()).args(["-x", "hi", "-1", "-m", "10"]);
            all(&run(command.args(more)))
        };
        let (log, har, json) = (at("log"), at("har"), at("json"));
        let files = ["--log", &log, "--har", &har, "--json", &json];
        assert_hidden("-vv", &run_with(&[&["-vv"], &files[..]].concat()));
        assert_files_hidden(directory.path());
        assert_hidden("--json", &run_with(&["-i", "--json", "-"]));
        assert_hidden("--jsonl", &run_with(&["-v", "--jsonl"]));
        let log = at("log-secrets");
        let shown = run_with(&["-vv", "--log", &log, "--log-secrets", "--json", &json]);
        assert!(shown.contains(&format!("Bearer {WORD}")), "{shown}");
        assert!(shown.contains(&format!("token={WORD}")), "{shown}");
        let kept = fs::read_to_string(at("log-secrets")).expect("a log");
        assert!(kept.contains(WORD), "{kept}");
        fs::remove_file(log).expect("a log");
        assert_hidden(
            "--log-secrets --json",
            &fs::read_to_string(&json).expect("a report"),
        );
    }
    let refused = wscli(&["connect", &url(9, "/")]).args(["-v"]).output();
    assert_hidden("no connection", &all(&refused.expect("the program runs")));
}

/// With several at once, one of them could hide what another one shows.
#[test]
fn each_secret_is_hidden_by_itself() {
    let port = peer();
    let bare = format!("ws://127.0.0.1:{port}/");
    let query = format!("{bare}?token={WORD}");
    let userinfo = format!("ws://u:{WORD}@127.0.0.1:{port}/");
    let mut ways: Vec<Vec<String>> = vec![vec![query], vec![userinfo]];
    for flag in flags().chunks(2) {
        ways.push([std::slice::from_ref(&bare), flag].concat());
    }
    for name in ["bearer", "access_token", "graphql-ws, jwt"] {
        let header = format!("Sec-WebSocket-Protocol: {name}, {WORD}");
        ways.push(vec![bare.clone(), "-H".into(), header]);
        let names = name.split(", ").chain([WORD]);
        let flags = names.flat_map(|name| ["-s".to_owned(), name.to_owned()]);
        ways.push([bare.clone()].into_iter().chain(flags).collect());
    }
    for way in ways {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name).display().to_string();
        let mut command = wscli(&["connect", "-x", "hi", "-m", "10", "-vv"]);
        command
            .args(&way)
            .args(["--log", &at("log"), "--har", &at("har")]);
        let output = run(command.args(["--json", &at("json")]));
        assert_hidden(&format!("{way:?}"), &all(&output));
        assert_files_hidden(directory.path());
        let mut command = wscli(&["bench", "-c", "1", "-d", "1", "--json", "-"]);
        assert_hidden(&format!("bench {way:?}"), &all(&run(command.args(&way))));
    }
}

#[cfg(unix)]
#[test]
fn a_token_in_a_path_is_in_no_output_of_connect_and_serve() {
    const TOKEN: &str = "x7Kq9ZtR2mWc4LpV8sYb3NdF";
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let access = at("access");
    let mut server = Server::start(&["-vv", "--access-log", &access]);
    let url = format!("ws://127.0.0.1:{}/hook/{TOKEN}?a=1", server.port());
    let (log, har, json) = (at("log"), at("har"), at("json"));
    let files = ["--log", &log, "--har", &har, "--json", &json];
    let mut command = wscli(&["connect", &url, "-vv", "-x", "hi", "-m", "10"]);
    let mut told = all(&run(command.args(files)));
    server.event("refused");
    server.running.signal(rustix::process::Signal::INT);
    server.running.wait();
    told += &std::iter::from_fn(|| server.running.line()).collect::<String>();
    told += &server.running.errors().concat();
    for file in [&access, &log, &har, &json] {
        told += &fs::read_to_string(file).expect("a file");
    }
    assert!(!told.contains(TOKEN), "{told}");
    assert!(told.contains("/hook/[redacted]?a=1"), "{told}");
}

#[test]
fn secrets_are_in_no_output_of_bench() {
    let port = peer();
    let directory = tempfile::tempdir().expect("a directory");
    let json = directory.path().join("json").display().to_string();
    for (path, mode) in [("/", "handshake"), ("/", "echo"), ("/refuse", "echo")] {
        let url = url(port, path);
        let mut command = wscli(&["bench", &url, "--mode", mode, "-c", "2", "-d", "1", "-vv"]);
        command.args(flags()).args(["--json", &json]);
        assert_hidden("bench", &all(&run(&mut command)));
        if path == "/" {
            assert_files_hidden(directory.path());
        }
    }
}

#[test]
fn secrets_are_in_no_output_of_probe_origin() {
    let port = peer();
    let directory = tempfile::tempdir().expect("a directory");
    for path in ["/", "/refuse"] {
        let url = url(port, path);
        let mut command = wscli(&["probe-origin", &url, "--allow", "https://client.com"]);
        command.args(flags()).args(["-vv", "--window", "0.1"]);
        for format in ["json", "junit", "sarif", "markdown"] {
            let file = directory.path().join(format);
            command.arg(format!("--{format}")).arg(file);
        }
        assert_hidden("probe-origin", &all(&run(&mut command)));
        assert_files_hidden(directory.path());
        for entry in fs::read_dir(directory.path()).expect("a directory") {
            fs::remove_file(entry.expect("an entry").path()).expect("a file");
        }
    }
}

#[test]
fn secrets_are_in_no_output_of_serve() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("access").display().to_string();
    let mut server = Server::start(&["-vv", "--access-log", &log]);
    for path in ["/ws", "/nothing"] {
        let url = url(server.port(), path);
        let mut command = wscli(&["connect", &url, "-m", "10"]);
        run(command.args(flags()));
    }
    server.event("refused");
    server.running.signal(rustix::process::Signal::INT);
    server.running.wait();
    let told: Vec<_> = std::iter::from_fn(|| server.running.line()).collect();
    let told = [told, server.running.errors()].concat().join("\n");
    for secret in [WORD, BASIC] {
        assert!(!told.contains(secret), "{told}");
    }
    assert_files_hidden(directory.path());
}

#[test]
fn serve_shows_no_secret_that_a_client_puts_elsewhere() {
    let mut server = Server::start(&["-vv", "--lab"]);
    let port = server.port();
    let ask = |path: &str, more: &str, last: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server");
        let head = format!(
            "GET {path} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a head");
        stream.write_all(last).expect("a Close");
        let _ = stream.read_to_end(&mut Vec::new());
    };
    // A masked Close 1000, the mask all zeros.
    let reason = format!("bad token {WORD}");
    let length = 0x80 | (2 + u8::try_from(reason.len()).expect("a short reason"));
    let close = [&[0x88, length, 0, 0, 0, 0, 0x03, 0xe8], reason.as_bytes()].concat();
    ask(&format!("/ws?token={WORD}"), "Host: h\r\n", &close);
    let host = format!("Host: u:{WORD}@h\r\nOrigin: http://u:{WORD}@a.example\r\n");
    ask("/ws", &host, b"\x88\x80\0\0\0\0");
    ask(
        &format!("/redirect?to=/ws%3Ftoken%3D{WORD}"),
        "Host: h\r\nConnection: close\r\n",
        b"",
    );
    server.running.signal(rustix::process::Signal::INT);
    server.running.wait();
    let told: Vec<_> = std::iter::from_fn(|| server.running.line()).collect();
    let told = [told, server.running.errors()].concat().join("\n");
    assert!(!told.contains(WORD), "{told}");
    assert!(told.contains("bad token"), "{told}");
}

#[test]
fn the_credentials_of_a_proxy_are_hidden_when_it_repeats_them() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 1 << 10];
            let count = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..count]).into_owned();
            let sent = head.lines().find(|line| line.starts_with("Proxy-Auth"));
            let text = format!(
                "HTTP/1.1 407 no {}: {WORD}\r\n\r\n",
                sent.unwrap_or_default()
            );
            let _ = stream.write_all(text.as_bytes());
        }
    });
    let proxy = format!("http://u:{WORD}@127.0.0.1:{port}");
    for command in ["connect", "bench"] {
        let mut command = wscli(&[command, "ws://h/", "--proxy", &proxy, "-v"]);
        let told = all(&run(&mut command));
        assert!(!told.contains(WORD) && !told.contains(BASIC), "{told}");
    }
}

#[test]
fn passwords_are_in_no_error_about_a_flag() {
    let url = format!("https://u:{WORD}@app.example.com");
    for flag in ["--allow", "--deny", "--also", "--alow"] {
        let args = ["probe-origin", "ws://127.0.0.1:9/", flag, &url];
        let told = all(&run(&mut wscli(&args)));
        assert!(!told.contains(WORD), "{flag}: {told}");
    }
}

#[test]
fn passwords_are_in_no_error_about_a_url() {
    for url in [
        "ws://user:SES#AME@127.0.0.1:9/",
        "user:SES#AME@127.0.0.1:9/",
        "ws://user:SES/AME@127.0.0.1:9/",
        "ws://user:SES?AME@127.0.0.1:9/",
        "user:SESAME@[::1/",
        "ws://h:99999/?token=SESAME",
        "x://user:SESAME@h/?token=SESAME",
        "ws+unix::/?token=SESAME",
    ] {
        for command in ["connect", "bench", "probe-origin"] {
            let mut command = wscli(&[command, url]);
            if command.get_args().next() == Some("probe-origin".as_ref()) {
                command.args(["--allow", "https://client.com"]);
            }
            let told = all(&run(&mut command));
            for part in ["SES", "AME"] {
                assert!(!told.contains(part), "{url}: {told}");
            }
        }
    }
}
