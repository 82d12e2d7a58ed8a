//! A log that cannot take everything: what is left of it, and what is told.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::tempdir;

use super::{run, text};
use crate::harness::Ends as _;
use crate::peer::{Behaviour, Peer};

/// The program in a shell that has run this first, with `$F` for the log.
fn after(script: &str, file: &str, url: &str, args: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("F", file)
        .args(["-c", &format!("{script}; exec \"$@\""), "sh"])
        .arg(env!("CARGO_BIN_EXE_wscli"))
        .args(["connect", url])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn a_full_disk_is_exit_12_and_leaves_whole_json() {
    // Files are full at 20 KiB, as a disk is: the write fails, in part.
    let full = "trap '' XFSZ; ulimit -f 40";
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a folder");
    let input = format!("{}\n", "x".repeat(999)).repeat(50);
    for flag in ["--log", "--har"] {
        let path = dir.path().join(flag);
        let args = ["-n", "50", flag, text(&path)];
        let mut command = after(full, "", &peer.url, &args);
        let (code, stdout, stderr) = run(&mut command, input.as_bytes());
        assert_eq!(code, Some(12), "{stderr}");
        assert_eq!(stdout, input);
        assert!(stderr.contains("* could not write the "), "{stderr}");
        let said = "events are missing from the ";
        assert!(
            stderr.lines().last().is_some_and(|l| l.contains(said)),
            "{stderr}"
        );
        let written = fs::read_to_string(&path).expect("a file");
        assert!(written.len() > 15_000);
        let documents = match flag {
            "--log" => written.lines().collect(),
            _ => vec![written.as_str()],
        };
        for document in documents {
            serde_json::from_str::<Value>(document).expect("whole JSON");
        }
    }
}

#[test]
fn a_log_that_takes_nothing_does_not_stop_the_talk() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a folder");
    let path = dir.path().join("fifo");
    // Open at its other end, and never read.
    let fifo = "mkfifo \"$F\"; exec 9<>\"$F\"";
    let input = format!("{}\n", "x".repeat(999)).repeat(5000);
    let args = ["-n", "5000", "--log", text(&path)];
    let mut command = after(fifo, text(&path), &peer.url, &args);
    let (code, stdout, stderr) = run(&mut command, input.as_bytes());
    assert_eq!(code, Some(12), "{stderr}");
    assert!(stdout == input);
    assert!(
        stderr.contains("what reads it has stopped reading"),
        "{stderr}"
    );
}

#[cfg(unix)]
#[test]
fn a_fifo_that_no_program_reads_is_exit_12_and_says_so() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a folder");
    for (flag, said) in [
        ("--log", "is a FIFO that no program reads"),
        ("--har", "which a pipe cannot be"),
        ("--json", "it is a FIFO that no program reads"),
    ] {
        let path = dir.path().join(flag);
        // Somebody had it open, and has gone.
        let gone = "mkfifo \"$F\"; exec 9<>\"$F\"; exec 9<&-";
        let args = ["-x", "a", "-1", flag, text(&path)];
        let mut command = after(gone, text(&path), &peer.url, &args);
        let (code, _, stderr) = run(&mut command, b"");
        assert_eq!(code, Some(12), "{flag}: {stderr}");
        assert!(stderr.contains(said), "{flag}: {stderr}");
    }
}

#[cfg(unix)]
#[test]
fn a_fifo_whose_reader_comes_late_gets_the_whole_log() {
    let peer = Peer::start(Behaviour::Echo);
    let dir = tempdir().expect("a folder");
    let path = dir.path().join("fifo");
    let args = ["-n", "2", "--log", text(&path)];
    let mut command = after("mkfifo \"$F\"", text(&path), &peer.url, &args);
    let mut child = command.spawn().expect("a program");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    stdin.write_all(b"a\n").expect("it reads");
    out.read_line(&mut line).expect("a reply");
    // It has said something, all of which waits.
    let reader = std::thread::spawn({
        let path = path.clone();
        move || fs::read_to_string(path).expect("a log")
    });
    stdin.write_all(b"b\n").expect("it reads");
    assert_eq!(child.ends().status.code(), Some(0));
    let log = reader.join().expect("a reader");
    assert!(
        log.starts_with("{\"seq\":1,") && log.contains("\"b\""),
        "{log}"
    );
}

#[test]
fn a_log_to_stdout_is_refused() {
    let peer = Peer::start(Behaviour::Echo);
    for flag in ["--log", "--har"] {
        let mut command = after(":", "", &peer.url, &[flag, "-", "-x", "a"]);
        let (code, stdout, stderr) = run(&mut command, b"");
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert!(stderr.contains("--jsonl for events on stdout"), "{stderr}");
    }
}
