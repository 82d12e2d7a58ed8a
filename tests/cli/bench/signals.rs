//! Signals end a run in each of its parts, with its report. Whatever a part waits
//! for here would take an hour.

use std::net::UdpSocket;
use std::process::Child;
use std::thread::sleep;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::*;

const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

fn started(url: &str, args: &[&str]) -> Child {
    bench(&[url])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Sends each of the signals to a run of its own, when `is_there` says that it has
/// come to the part that is meant; what the report has to tell.
fn reports(
    peer: fn() -> (SocketAddr, Receiver<Seen>),
    args: &[&str],
    is_there: impl Fn(&Receiver<Seen>),
    told: &str,
) {
    for (signal, code) in SIGNALS {
        let (address, seen) = peer();
        let child = started(&format!("ws://{address}/"), args);
        is_there(&seen);
        send(&child, signal);
        let output = child.ends();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
        assert!(stdout.contains("(interrupted)"), "{args:?}: {stdout}");
        assert!(stdout.contains(told), "{args:?}: {stdout}");
    }
}

/// Accepts connections, and answers no request for an upgrade.
fn never() -> (SocketAddr, Receiver<Seen>) {
    serve(|mut stream, tell| {
        let _ = tell.send(Seen::Head(String::new()));
        while stream.read(&mut [0; 1 << 10]).ok()? > 0 {}
        None
    })
}

fn head(seen: &Receiver<Seen>) {
    while !matches!(seen.recv_timeout(LIMIT).unwrap(), Seen::Head(_)) {}
}

fn message(seen: &Receiver<Seen>) {
    while !matches!(seen.recv_timeout(LIMIT).unwrap(), Seen::Message) {}
}

#[test]
fn interrupted_in_the_opening_it_reports() {
    for mode in ["echo", "handshake"] {
        let args = ["--mode", mode, "-c", "1", "--connect-timeout", "1h"];
        reports(never, &args, head, mode);
    }
}

#[test]
fn interrupted_in_the_ramp_up_it_reports() {
    let args = ["-c", "2", "--ramp-up", "1h"];
    reports(server, &args, head, "of 2 connections open");
}

#[test]
fn interrupted_in_the_warm_up_it_reports() {
    let args = ["-c", "1", "--warmup", "1h"];
    reports(server, &args, message, "1 connections, measured for 0.00 s");
    let args = ["--mode", "handshake", "-c", "1", "--warmup", "1h"];
    reports(server, &args, head, "1 at a time");
}

#[test]
fn interrupted_in_the_run_it_reports_what_was_measured() {
    let ten = |seen: &Receiver<Seen>| (0..10).for_each(|_| message(seen));
    let run = ["-c", "2", "-d", "1h", "--warmup", "0"];
    for more in [&[][..], &["-r", "100"], &["--mode", "flood"]] {
        let args = [&run[..], more].concat();
        reports(server, &args, ten, "2 connections, measured for");
    }
}

#[test]
fn interrupted_while_replies_are_waited_for_it_reports() {
    // The one message is sent, and its reply never comes.
    let args = [
        "-c",
        "1",
        "-n",
        "1",
        "--warmup",
        "0",
        "--reply-timeout",
        "1h",
    ];
    reports(silent, &args, message, "in flight");
}

/// The look-up of a name is the system's, and nothing can end it: here it takes two
/// minutes and more.
#[test]
#[ignore = "needs root and unshare, for a resolver of its own"]
fn interrupted_while_a_name_is_looked_up_it_reports() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("resolv.conf");
    let text = "nameserver 127.0.0.9\noptions timeout:30 attempts:5\n";
    std::fs::write(&settings, text).unwrap();
    for threads in ["1", "2"] {
        // A new one each time: what the run before still asked is not this one's question.
        let resolver = UdpSocket::bind("127.0.0.9:53").unwrap();
        resolver.set_read_timeout(Some(LIMIT)).unwrap();
        let mut command = Command::new("unshare");
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["--mount", "sh", "-c"])
            .arg("mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\"")
            .arg("sh")
            .arg(&settings)
            .args([env!("CARGO_BIN_EXE_wscli"), "bench", "ws://slow.example/"])
            .args(["-c", "2", "--connect-timeout", "1h", "--threads", threads])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        resolver.recv(&mut [0; 512]).unwrap();
        let begun = Instant::now();
        send(&child, Signal::INT);
        let output = child.ends();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130), "{stdout}");
        assert!(stdout.contains("(interrupted)"), "{stdout}");
        assert!(begun.elapsed() < Duration::from_mins(1), "it has waited");
    }
}

/// The first signal waits for replies and closing handshakes, which never come.
#[test]
fn signals_that_go_on_end_it_at_once() {
    let (address, seen) = silent();
    let mut child = started(
        &format!("ws://{address}/"),
        &["-d", "1h", "--warmup", "0", "-c", "1"],
    );
    message(&seen);
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < LIMIT);
        send(&child, Signal::INT);
        sleep(Duration::from_millis(20));
    }
    let output = child.ends();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stdout}");
    assert_eq!(stdout, "", "nothing is waited for");
}
