//! Interoperation: `wscli serve` against the clients of other implementations,
//! `wscli connect` against their servers, and the corners of permessage-deflate
//! that they never reach.
//!
//! The peers are real programs, installed by `tests/interop/peers/setup`, so
//! every test here is ignored by default:
//!
//! ```text
//! tests/interop/peers/setup && cargo test --test interop -- --ignored
//! ```
//!
//! `WSCLI_BIN` names another binary to test.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a program may take to become ready, and a single talk to end.
const TIME_LIMIT: Duration = Duration::from_mins(5);

/// The probe is hundreds of talks.
const PROBE_TIME_LIMIT: Duration = Duration::from_secs(600);

/// Another implementation of WebSocket.
#[derive(Clone, Copy)]
enum Library {
    /// Python's `websockets`.
    Websockets,
    /// Python's `aiohttp`.
    Aiohttp,
    /// Node.js's `ws`.
    Ws,
}

impl Library {
    /// Its echo server (`serve`) or the client that checks one (`check URL`).
    fn command(self) -> Command {
        match self {
            Self::Websockets => python("websockets_peer.py"),
            Self::Aiohttp => python("aiohttp_peer.py"),
            Self::Ws => node("ws_peer.cjs"),
        }
    }

    /// The flags of its client for each kind of connection that it can ask for.
    fn client_variants(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Websockets | Self::Ws => &[
                &[],
                &["--compress"],
                &["--compress", "--server-no-context-takeover"],
                &["--compress", "--client-no-context-takeover"],
                &["--compress", "--server-max-window-bits=9"],
                &[
                    "--compress",
                    "--server-no-context-takeover",
                    "--client-no-context-takeover",
                    "--server-max-window-bits=12",
                    "--client-max-window-bits=10",
                ],
            ],
            Self::Aiohttp => &[
                &[],
                &["--compress"],
                &["--compress", "--server-max-window-bits=10"],
            ],
        }
    }

    /// The flags of its server for each kind of connection that it can agree to.
    fn server_variants(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Websockets | Self::Ws => &[
                &[],
                &["--compress"],
                &["--compress", "--server-no-context-takeover"],
                &["--compress", "--client-no-context-takeover"],
                &["--compress", "--client-max-window-bits=9"],
                &[
                    "--compress",
                    "--server-no-context-takeover",
                    "--client-no-context-takeover",
                    "--server-max-window-bits=12",
                    "--client-max-window-bits=10",
                ],
            ],
            Self::Aiohttp => &[&[], &["--compress"]],
        }
    }
}

#[test]
#[ignore = "needs python websockets"]
fn serve_satisfies_the_client_of_python_websockets() {
    serve_satisfies(Library::Websockets);
}

#[test]
#[ignore = "needs python aiohttp"]
fn serve_satisfies_the_client_of_python_aiohttp() {
    serve_satisfies(Library::Aiohttp);
}

#[test]
#[ignore = "needs node"]
fn serve_satisfies_the_client_of_node_ws() {
    serve_satisfies(Library::Ws);
}

#[test]
#[ignore = "needs python websockets"]
fn connect_talks_to_the_server_of_python_websockets() {
    connect_talks_to(Library::Websockets);
}

#[test]
#[ignore = "needs python aiohttp"]
fn connect_talks_to_the_server_of_python_aiohttp() {
    connect_talks_to(Library::Aiohttp);
}

#[test]
#[ignore = "needs node"]
fn connect_talks_to_the_server_of_node_ws() {
    connect_talks_to(Library::Ws);
}

#[test]
#[ignore = "needs python websockets"]
fn serve_passes_the_deflate_probe() {
    let server = Running::start(wscli_serve(&["--compress"]));
    let mut probe = python("deflate_probe.py");
    probe
        .args(["server", &server.url, "--pid"])
        .arg(server.child.id().to_string());
    expect_success(probe, PROBE_TIME_LIMIT);
}

#[test]
#[ignore = "needs python websockets"]
fn connect_passes_the_deflate_probe() {
    let mut probe = python("deflate_probe.py");
    probe.arg("client").arg(wscli_path());
    expect_success(probe, PROBE_TIME_LIMIT);
}

fn serve_satisfies(library: Library) {
    for flags in library.client_variants() {
        let server = Running::start(wscli_serve(compress_flag(flags)));
        let mut client = library.command();
        client.args(["check", &server.url]).args(*flags);
        expect_success(client, TIME_LIMIT);
    }
}

fn connect_talks_to(library: Library) {
    for flags in library.server_variants() {
        let mut command = library.command();
        command.arg("serve").args(*flags);
        let server = Running::start(command);
        let talk = Talk {
            url: &server.url,
            compress: compress_flag(flags),
        };
        talk.echoes_lines();
        talk.echoes_records();
        talk.echoes_bytes();
        talk.reports_the_close_code_of_the_peer();
    }
}

/// `wscli connect` to an echo server, with and without `--compress`.
struct Talk<'a> {
    url: &'a str,
    compress: &'a [&'a str],
}

impl Talk<'_> {
    fn echoes_lines(&self) {
        let mut lines = vec![
            String::from("hello, wörld ✓"),
            String::new(),
            "grüße, 世界, 🦀 ".repeat(1 << 15),
        ];
        lines.extend((0..200).map(|number| format!(r#"{{"number":{number},"text":"again"}}"#)));
        let count = lines.len().to_string();
        let input = lines.join("\n") + "\n";
        self.expect(&["-n", &count], input.as_bytes(), 0, input.as_bytes());
    }

    fn echoes_records(&self) {
        let input = b"two\nlines\0\0one more\0";
        self.expect(&["-0", "-n", "3"], input, 0, input);
    }

    fn echoes_bytes(&self) {
        let input = noise(1 << 20);
        self.expect(&["--binary"], &input, 0, &input);
    }

    fn reports_the_close_code_of_the_peer(&self) {
        let output = self.expect(&["-x", "close 4001 going away"], b"", 11, b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("4001"), "no close code in: {said}");
    }

    /// Status and standard output have to be exactly these.
    fn expect(&self, arguments: &[&str], input: &[u8], status: i32, stdout: &[u8]) -> Output {
        let mut command = clean_command(wscli_path());
        command
            .args(["connect", "-m", "60"])
            .args(self.compress)
            .args(arguments)
            .arg(self.url);
        let shown = format!("{command:?}");
        let output = assert_cmd::Command::from_std(command)
            .write_stdin(input)
            .timeout(TIME_LIMIT)
            .output()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(
            output.status.code() == Some(status) && output.stdout == stdout,
            "{shown}\nexpected status {status} and {} bytes, got {} and {} bytes\nstdout: {}\nstderr: {}",
            stdout.len(),
            output.status,
            output.stdout.len(),
            abridged(&output.stdout),
            abridged(&output.stderr),
        );
        output
    }
}

/// A server in its own process. It is gone when this is dropped.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    /// Waits for the ready line, a JSON object with the server's `url`.
    fn start(mut command: Command) -> Self {
        let shown = format!("{command:?}");
        // The peers end when their standard input does: they cannot outlive this process
        // even if it is killed.
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        let stdout = child.stdout.take().expect("stdout is piped");
        // From here on a panic ends the child as well.
        let mut server = Self {
            child,
            url: String::new(),
        };
        let ready = first_line(stdout)
            .unwrap_or_else(|error| panic!("{shown} printed no ready line: {error}"));
        let event: serde_json::Value = serde_json::from_str(&ready)
            .unwrap_or_else(|error| panic!("{shown} began with {ready:?}: {error}"));
        event["url"]
            .as_str()
            .unwrap_or_else(|| panic!("{shown} began with {ready:?}, which has no url"))
            .clone_into(&mut server.url);
        server
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a process that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line; the rest is read and dropped, so that the writer never blocks.
fn first_line(stdout: impl Read + Send + 'static) -> Result<String, String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        let result = reader.read_line(&mut line).map(|_| line);
        // The receiver is gone when it has waited for too long.
        let _ = sender.send(result);
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
    });
    receiver
        .recv_timeout(TIME_LIMIT)
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

fn expect_success(command: Command, time_limit: Duration) {
    let shown = format!("{command:?}");
    let output = assert_cmd::Command::from_std(command)
        .timeout(time_limit)
        .output()
        .unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert!(
        output.status.success(),
        "{shown} ended with {}\nstdout: {}\nstderr: {}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

fn wscli_path() -> PathBuf {
    env::var_os("WSCLI_BIN").map_or_else(|| env!("CARGO_BIN_EXE_wscli").into(), PathBuf::from)
}

fn wscli_serve(flags: &[&str]) -> Command {
    let mut command = clean_command(wscli_path());
    command.args(["serve", "-p", "0", "--jsonl"]).args(flags);
    command
}

/// What wscli has to be told when the peer has these flags.
fn compress_flag<'a>(peer_flags: &[&str]) -> &'a [&'a str] {
    if peer_flags.contains(&"--compress") {
        &["--compress"]
    } else {
        &[]
    }
}

fn python(script: &str) -> Command {
    let interpreter = peers().join("venv/bin/python");
    assert!(
        interpreter.exists(),
        "the Python peers are not installed: run tests/interop/peers/setup"
    );
    let mut command = clean_command(interpreter);
    // -B: no caches beside the sources.
    command.arg("-B").arg(sources().join(script));
    command
}

fn node(script: &str) -> Command {
    assert!(
        peers().join("node/node_modules/ws").exists(),
        "the Node.js peers are not installed: run tests/interop/peers/setup"
    );
    let mut command = clean_command("node");
    command
        .arg(sources().join(script))
        .env("CARGO_TARGET_DIR", target());
    command
}

/// Proxies, locale and colours of the developer's shell must not matter.
fn clean_command(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command.env_clear();
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn sources() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/peers"))
}

fn peers() -> PathBuf {
    target().join("interop-peers")
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("a folder of the target folder")
        .to_owned()
}

/// Bytes that do not compress, the same in every run (xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 7692;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        })
        .collect()
}

fn abridged(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().take(400).collect()
}
