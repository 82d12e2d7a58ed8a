//! Sockets that are handed over as systemd does it: they begin at descriptor 3,
//! and the environment says how many they are.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use crate::harness::{Ends as _, Running, wscli};
use crate::wire::{Wire, frame};

/// `wscli serve --jsonl` and `flags` with so many copies of this socket.
fn serve(socket: impl Into<OwnedFd>, count: u32, flags: &[&str]) -> Running {
    // As standard input it reaches this child and no other.
    let copies: String = (3..3 + count).map(|n| format!(" {n}<&0")).collect();
    let script = format!(
        "exec{copies} 0</dev/null; LISTEN_FDS={count} LISTEN_PID=$$ exec \"$0\" serve --jsonl \"$@\""
    );
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &script])
        .arg(wscli(&[]).get_program())
        .args(flags)
        .env_clear()
        .stdin(socket.into())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running::start(&mut command)
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

#[test]
fn a_socket_is_served() {
    let listener = listener();
    let port = listener.local_addr().expect("an address").port();
    let running = serve(listener, 1, &[]);
    let ready = running.line().expect("the ready line");
    let ready: serde_json::Value = serde_json::from_str(&ready).expect("JSON");
    assert_eq!(ready["port"], port);
    let mut wire = Wire::open(port);
    wire.send(frame(1, b"hi"));
    assert_eq!(wire.frame(), (1, b"hi".to_vec()));
}

#[test]
fn a_unix_domain_socket_is_served_and_its_file_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("socket");
    let mut running = serve(UnixListener::bind(&path).expect("a socket"), 1, &[]);
    running.line().expect("the ready line");
    let url = format!("ws+unix:{}:/ws", path.display());
    let output = wscli(&["connect", &url, "-x", "hi", "-1"]).ends();
    assert_eq!(output.stdout, b"hi\n");
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.wait().code(), Some(0));
    assert!(path.exists());
}

#[test]
fn all_sockets_that_are_handed_over_are_served() {
    let listener = listener();
    let port = listener.local_addr().expect("an address").port();
    let running = serve(listener, 2, &[]);
    let ready = running.line().expect("the ready line");
    let ready: serde_json::Value = serde_json::from_str(&ready).expect("JSON");
    let address = format!("127.0.0.1:{port}");
    assert_eq!(ready["addresses"], serde_json::json!([address, address]));
    for _ in 0..4 {
        Wire::open(port);
    }
}

#[test]
fn what_nobody_would_be_served_on_is_refused() {
    let listener = listener();
    let address = listener.local_addr().expect("an address");
    let connection = TcpStream::connect(address).expect("a connection");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let directory = tempfile::tempdir().expect("a directory");
    let local = UnixListener::bind(directory.path().join("socket")).expect("a socket");
    for (mut running, sentence) in [
        (
            serve(connection, 1, &[]),
            "wscli: the socket that was handed over is a connection, not a listener; write Accept=no into its unit",
        ),
        (
            serve(datagrams, 1, &[]),
            "wscli: the socket that was handed over is not a stream socket; name it with ListenStream= in its unit",
        ),
        (
            serve(local, 1, &["--tls-self-signed"]),
            "wscli: the socket that was handed over is a Unix domain socket, which speaks no TLS; leave out the flags of TLS",
        ),
    ] {
        assert_eq!(running.error_line().as_deref(), Some(sentence));
        assert_eq!(running.line(), None);
        assert_eq!(running.wait().code(), Some(2));
    }
}

#[test]
#[ignore = "needs systemd-socket-activate"]
fn systemd_hands_its_socket_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("socket");
    let mut command = Command::new("/usr/bin/systemd-socket-activate");
    command
        .arg("-l")
        .arg(&path)
        .arg(wscli(&[]).get_program())
        .args(["serve", "--jsonl"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let running = Running::start(&mut command);
    let listening = running.error_line().expect("it listens");
    assert!(listening.starts_with("Listening on "), "{listening}");
    // The connection is what starts the program.
    let url = format!("ws+unix:{}:/ws", path.display());
    let output = wscli(&["connect", &url, "-x", "hi", "-1"]).ends();
    assert_eq!(output.stdout, b"hi\n");
    assert!(running.line().expect("the ready line").contains("ready"));
}
