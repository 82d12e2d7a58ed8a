//! What a run comes to: thresholds, checks, and what wins where several speak.

use std::net::TcpStream;
use std::sync::mpsc::Sender;

use super::{Seen, echo_changed, hold, output, serve};
use crate::harness::Server;

const ONE: [&str; 4] = ["-c", "1", "--warmup", "0"];

fn run(url: &str, flags: &[&str]) -> (i32, String, String) {
    output(&[&[url][..], &ONE, flags].concat())
}

#[test]
fn idle_pings_that_are_all_lost_are_nothing_measured() {
    let (address, _seen) = serve(hold);
    let url = format!("ws://{address}/");
    let lost = [
        "--mode",
        "idle",
        "--ping-interval",
        "50ms",
        "-d",
        "300ms",
        "--reply-timeout",
        "100ms",
    ];
    let (code, stdout, stderr) = run(&url, &lost);
    assert_eq!(code, 10, "{stdout}{stderr}");
    assert!(
        stderr.contains("no ping was answered, so nothing was measured"),
        "{stderr}"
    );
    let judged = [&lost[..], &["--threshold", "errors<1%"]].concat();
    let (code, stdout, _) = run(&url, &judged);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("missed   errors<1%  100.000%"), "{stdout}");
}

#[test]
fn a_threshold_on_what_is_not_measured_is_refused_before_the_run() {
    for (flags, told) in [
        (
            &["--mode", "flood", "--threshold", "lost<1%"][..],
            "threshold 'lost<1%' is on what this run does not measure: mode flood waits for no replies; use errors, unsent or rate",
        ),
        (
            &["--mode", "handshake", "--threshold", "lost<1%"],
            "mode handshake sends no messages; use handshake.failed or errors",
        ),
        (
            &["--threshold", "slip.p99<1ms"],
            "without a schedule messages leave when there is room, and none is behind; give a rate, or use p99",
        ),
    ] {
        let (code, stdout, stderr) = output(&[&["--demo"][..], flags].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{flags:?}: {stderr}");
        assert!(stderr.contains(told), "{stderr}");
    }
}

/// An echo of small frames whose payload differs in this byte.
fn echo_damaged<const AT: usize>(stream: TcpStream, tell: &Sender<Seen>) -> Option<()> {
    echo_changed(stream, tell, |payload| {
        if let Some(byte) = payload.get_mut(AT) {
            *byte ^= 1;
        }
    })
}

#[test]
fn verify_finds_damage_wherever_it_is_and_is_no_success_then() {
    // In the number (the run reads as another message), in the run, behind the mark.
    let servers = [
        serve(echo_damaged::<0>),
        serve(echo_damaged::<7>),
        serve(echo_damaged::<9>),
        serve(echo_damaged::<40>),
    ];
    for (address, _seen) in servers {
        let url = format!("ws://{address}/");
        let (code, stdout, stderr) = run(&url, &["-n", "10", "--verify"]);
        assert_eq!(code, 10, "{stdout}{stderr}");
        let told = "10 of 10 replies differ from what was sent; --threshold 'errors<1%' says";
        assert!(stderr.contains(told), "{stdout}{stderr}");
        let (code, _, _) = run(&url, &["-n", "10", "--verify", "--threshold", "errors<1%"]);
        assert_eq!(code, 1);
        // How much may be wrong is the user's to say.
        let (code, _, _) = run(
            &url,
            &["-n", "10", "--verify", "--threshold", "errors<=100%"],
        );
        assert_eq!(code, 0);
    }
    let server = Server::start(&[]);
    let (code, stdout, stderr) = run(&server.url("/ws"), &["-n", "10", "--verify"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[test]
fn where_nothing_was_opened_thresholds_are_missed_and_the_code_is_the_openings() {
    let server = Server::start(&["--lab"]);
    let flags = ["--threshold", "errors<1%", "--threshold", "p99<5ms"];
    let (code, stdout, stderr) = run(&server.url("/status/503"), &flags);
    assert_eq!((code, stdout.as_str()), (7, ""), "{stderr}");
    for told in [
        "missed   errors<1%  nothing was measured",
        "missed   p99<5ms    nothing was measured",
    ] {
        assert!(stderr.contains(told), "{stderr}");
    }
}

#[test]
fn a_report_whose_file_was_removed_during_the_run_is_written_anew() {
    use std::process::Stdio;

    use super::{LIMIT, bench, server};
    use crate::harness::Ends as _;
    let folder = tempfile::tempdir().unwrap();
    let (address, seen) = server();
    for keep_folder in [true, false] {
        let inner = folder.path().join(keep_folder.to_string());
        std::fs::create_dir(&inner).unwrap();
        let path = inner.join("report.json");
        let url = format!("ws://{address}/");
        let child = bench(&[&url, "-d", "1s", "--json", path.to_str().unwrap()])
            .args(ONE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !matches!(seen.recv_timeout(LIMIT).unwrap(), Seen::Message) {}
        match keep_folder {
            true => std::fs::remove_file(&path).unwrap(),
            false => std::fs::remove_dir_all(&inner).unwrap(),
        }
        let output = child.ends();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let expected = if keep_folder { 0 } else { 12 };
        assert_eq!(output.status.code(), Some(expected), "{stderr}");
        assert_eq!(path.exists(), keep_folder);
        let told = format!("could not write the report to '{}'", path.display());
        assert_eq!(stderr.contains(&told), !keep_folder, "{stderr}");
        // What the first run has sent is not the second one's.
        while seen.try_recv().is_ok() {}
    }
}
