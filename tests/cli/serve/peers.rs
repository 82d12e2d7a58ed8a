//! What an operator puts around a server: a terminal, proxies, a reader of metrics.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::harness::{Ends as _, PATIENCE, Server};
use crate::wire::{Wire, close, frame, handshake};

/// A proxy, ended with all that it has started.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let id = i32::try_from(self.0.id()).expect("a process id");
        let id = rustix::process::Pid::from_raw(id).expect("a process id is not 0");
        let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

impl Proxy {
    fn start(command: &mut Command) -> Self {
        let started = command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(started.expect("the proxy can be started"))
    }
}

/// A port that was free a moment ago: proxies take no port 0.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The answer to a handshake of this client, once the proxy listens.
fn shake_hands(client: [u8; 4], port: u16) -> (Wire, String) {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "nobody listens on {port}");
        if let Ok(mut wire) = Wire::connect_from(client, port) {
            // What a client claims must not count.
            wire.send(handshake(&["X-Forwarded-For: 203.0.113.9"]));
            let head = wire.head();
            return (wire, head);
        }
        std::thread::yield_now();
    }
}

/// Two clients behind a proxy on `port` are told apart, each with its share.
fn two_clients(server: &Server, port: u16, whole_address: bool) {
    let mut open = Vec::new();
    for last in [2, 3] {
        let (mut wire, head) = shake_hands([127, 0, 0, last], port);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let event = server.event("open");
        let peer = event["peer"].as_str().unwrap();
        match whole_address {
            true => assert!(peer.starts_with(&format!("127.0.0.{last}:")), "{event}"),
            false => assert_eq!(peer, format!("127.0.0.{last}"), "{event}"),
        }
        let proxy = event["proxy"].as_str().unwrap();
        assert!(proxy.starts_with("127.0.0.1:"), "{event}");
        wire.send(frame(1, b"hi"));
        assert_eq!(wire.frame(), (1, b"hi".to_vec()));
        open.push(wire);
    }
    let (_third, head) = shake_hands([127, 0, 0, 2], port);
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
}

fn server(flags: &[&str]) -> Server {
    let always = [
        "--trusted-proxy",
        "127.0.0.1",
        "--max-connections-per-ip",
        "1",
    ];
    Server::start(&[&always[..], flags].concat())
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).expect("a file");
    path.to_str().expect("a path of text").to_owned()
}

#[test]
#[ignore = "needs nginx"]
fn clients_behind_nginx_are_told_apart() {
    let server = server(&[]);
    let directory = tempfile::tempdir().unwrap();
    let (folder, port) = (directory.path().display(), free_port());
    let text = format!(
        "daemon off; pid {folder}/pid; error_log {folder}/error.log;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://127.0.0.1:{};
                    proxy_http_version 1.1;
                    proxy_set_header Upgrade $http_upgrade;
                    proxy_set_header Connection $http_connection;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                }}
            }}
        }}",
        server.port()
    );
    let config = write(&directory.path().join("nginx.conf"), &text);
    let errors = format!("{folder}/error.log");
    let _nginx = Proxy::start(Command::new("nginx").args(["-c", &config, "-e", &errors]));
    two_clients(&server, port, false);
}

#[test]
#[ignore = "needs haproxy"]
fn clients_behind_haproxy_are_told_apart_by_header_and_by_both_versions_of_proxy() {
    let directory = tempfile::tempdir().unwrap();
    for (mode, front, back, flags) in [
        ("http", "option forwardfor", "", &[][..]),
        ("tcp", "", "send-proxy check", &["--proxy-protocol"]),
        ("tcp", "", "send-proxy-v2 check", &["--proxy-protocol"]),
    ] {
        let server = server(flags);
        let (own, port) = (server.port(), free_port());
        let text = format!(
            "defaults
    mode {mode}
    timeout connect 60s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
listen front
    bind 127.0.0.1:{port}
    {front}
    server echo 127.0.0.1:{own} {back}
"
        );
        let config = write(&directory.path().join("haproxy.cfg"), &text);
        let _haproxy = Proxy::start(Command::new("haproxy").args(["-db", "-f", &config]));
        two_clients(&server, port, mode == "tcp");
    }
}

#[test]
#[ignore = "needs python"]
fn a_server_whose_terminal_is_closed_drains_and_ends() {
    if crate::harness::ignores_hangups() {
        return;
    }
    // A terminal of its own, closed when the client has its connection.
    const AT_A_TERMINAL: &str = r#"
import os, pty, sys, time
program, log, done = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program, [program, "serve", "-p", "0", "--access-log", log])
while not os.path.exists(done):
    time.sleep(0.01)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    let directory = tempfile::tempdir().unwrap();
    let (log, done) = (
        directory.path().join("access.jsonl"),
        directory.path().join("done"),
    );
    let child = Command::new("python3")
        .args(["-c", AT_A_TERMINAL, env!("CARGO_BIN_EXE_wscli")])
        .args([&log, &done])
        .spawn()
        .unwrap();
    let events = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str);
        lines
            .map_while(Result::ok)
            .collect::<Vec<serde_json::Value>>()
    };
    let start = Instant::now();
    let ready = loop {
        assert!(start.elapsed() < PATIENCE);
        if let Some(ready) = events().first() {
            break ready.clone();
        }
    };
    let mut wire = Wire::open(u16::try_from(ready["port"].as_u64().unwrap()).unwrap());
    std::fs::write(&done, "").unwrap();
    assert_eq!(wire.close_code(), 1001);
    wire.send(close(1001, ""));
    wire.end();
    assert_eq!(child.ends().status.code(), Some(0));
    assert_eq!(events().last().unwrap()["type"], "stopped");
}
