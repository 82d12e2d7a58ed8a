//! Outputs that are the same file, or one that is read; streams that cannot be used.

use std::fs::{self, File};
use std::process::Stdio;

use tempfile::tempdir;

use crate::harness::{Ends as _, wscli};

/// A command that must end with 2, and leave its files as they were.
fn refused(args: &[&str], input: Option<&str>, output: Option<&str>) {
    let dir = tempdir().expect("a folder");
    let log = "{\"seq\":1}\n";
    fs::write(dir.path().join("in"), log).expect("a file");
    let mut command = wscli(args);
    command.current_dir(dir.path());
    if let Some(input) = input {
        command.stdin(File::open(dir.path().join(input)).expect("a file"));
    }
    if let Some(output) = output {
        command.stdout(File::create(dir.path().join(output)).expect("a file"));
    }
    let ended = command.spawn().expect("a program").ends();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{args:?}: {stderr}");
    assert!(stderr.contains("are the same file"), "{args:?}: {stderr}");
    let left = fs::read_to_string(dir.path().join("in")).expect("a file");
    assert_eq!(left, log, "{args:?}");
    if output.is_none() {
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1);
    }
}

#[test]
fn two_outputs_on_one_file_are_exit_2_for_every_command() {
    // Nothing listens there: it is refused before that is found out.
    const URL: &str = "ws://127.0.0.1:1";
    let connect = ["connect", URL, "-x", "a", "-1"];
    for more in [
        &["--log", "x", "--har", "./x"][..],
        &["--log", "x", "--json", "x"],
        &["--har", "x", "--json", "x"],
        &["-x", "@in", "--log", "in"],
        &["--setup", "@in", "--har", "in"],
    ] {
        refused(&[&connect, more].concat(), None, None);
    }
    refused(
        &["connect", URL, "--replay", "in", "--log", "in"],
        None,
        None,
    );
    refused(&["connect", URL, "--json", "in"], Some("in"), None);
    refused(&[&connect[..], &["--log", "x"]].concat(), None, Some("x"));
    refused(
        &["bench", URL, "--json", "in", "--payload", "in"],
        None,
        None,
    );
    refused(&["bench", URL, "--json", "x"], None, Some("x"));
    let probe = ["probe-origin", URL, "--allow", "https://a.example"];
    for more in [
        &["--json", "x", "--junit", "x"],
        &["--html", "x", "--poc", "./x"],
        &["--sarif", "x", "--write-baseline", "x"],
        &["--targets", "in", "--json", "in"],
    ] {
        refused(&[&probe[..], more].concat(), None, None);
    }
    refused(
        &["serve", "--port", "0", "--access-log", "x"],
        None,
        Some("x"),
    );
}

#[cfg(unix)]
#[test]
fn a_stdout_that_cannot_be_written_and_a_stdin_that_cannot_be_read_are_exit_12() {
    let null = || File::open("/dev/null").expect("a device");
    for args in [
        &["connect", "--demo", "-x", "a", "-1"][..],
        &["connect", "--demo", "-x", "a", "-1", "--json", "-"],
        &["bench", "--demo", "--json", "-"],
        &["serve", "--port", "0"],
        &["--version"],
    ] {
        let ended = wscli(args)
            .stdout(null())
            .spawn()
            .expect("a program")
            .ends();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(12), "{args:?}: {stderr}");
        assert!(stderr.contains("could not write to stdout"), "{stderr}");
    }
    for more in [
        &["--linger", "0"][..],
        &["-x", "@-"],
        &["-x", "@-", "--expect", "a"],
    ] {
        let mut command = wscli(&[&["connect", "--demo"], more].concat());
        let write_only = fs::OpenOptions::new().write(true).open("/dev/null");
        command.stdin(Stdio::from(write_only.expect("a device")));
        let ended = command.spawn().expect("a program").ends();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(12), "{more:?}: {stderr}");
        assert!(stderr.contains("could not read the input"), "{stderr}");
    }
}
