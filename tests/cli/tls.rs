//! TLS between two of the program: flags, streams and exit codes.

use std::io::Write;
use std::process::{Output, Stdio};

use crate::harness::{Ends as _, Server, wscli};

/// Runs the program, which echoes "hi" where it gets that far.
fn hi(args: &[&str]) -> (Option<i32>, String, String) {
    let mut child = wscli(args).stdin(Stdio::piped()).spawn().unwrap();
    // A program that reads no input is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(b"hi\n");
    let Output {
        status,
        stdout,
        stderr,
    } = child.ends();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_command_of_the_ready_line_connects() {
    let server = Server::start(&["--tls-self-signed"]);
    let command = server.ready["command"].as_str().unwrap();
    let pin = server.ready["pin"].as_str().unwrap();
    let url = server.ready["url"].as_str().unwrap();
    assert!(url.starts_with("wss://127.0.0.1:"), "{url}");
    assert_eq!(
        command,
        format!("wscli connect {url} -k --pinnedpubkey {pin}")
    );
    let mut args: Vec<_> = command.split(' ').skip(1).collect();
    args.extend(["-n", "1", "-v"]);
    let (code, stdout, stderr) = hi(&args);
    assert_eq!((code, stdout.as_str()), (Some(0), "hi\n"), "{stderr}");
    for part in [
        "* TLS 1.3, TLS_AES_256_GCM_SHA384, X25519, ALPN http/1.1\n",
        "* certificate CN=wscli self-signed, for localhost, 127.0.0.1, ::1\n",
        &format!("* public key {pin}\n"),
    ] {
        assert!(stderr.contains(part), "{part}{stderr}");
    }
}

#[test]
fn failures_of_tls_are_exit_5_and_of_its_files_exit_2() {
    let server = Server::start(&["--tls-self-signed"]);
    let url = server.ready["url"].as_str().unwrap().to_owned();
    let plain_url = url.replacen("wss", "ws", 1);
    let wrong = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (args, code, part) in [
        (
            &[url.as_str()][..],
            5,
            "the server's certificate is self-signed, and not trusted",
        ),
        (
            &[&url, "-k", "--pinnedpubkey", wrong],
            5,
            "the server's public key is not the one of --pinnedpubkey but sha256//",
        ),
        (
            &[&url, "--cacert", "/no/such"],
            2,
            "could not read '/no/such'",
        ),
        (
            &[&url, "--tlsv1.3", "--tls-max", "1.2"],
            2,
            "leave no version of TLS",
        ),
        (
            &[&plain_url],
            7,
            "This port speaks TLS: use wss:// in place of ws://",
        ),
    ] {
        let (status, stdout, stderr) = hi(&[&["connect"], args].concat());
        assert_eq!(
            (status, stdout.as_str()),
            (Some(code), ""),
            "{args:?}: {stderr}"
        );
        assert!(stderr.contains(part), "{args:?}: {stderr}");
    }
    assert_eq!(
        server.event("tls-failed")["message"],
        "the client ended the TLS handshake with the alert unknown_ca"
    );
    let plain = Server::start(&[]);
    let url = plain.ready["url"]
        .as_str()
        .unwrap()
        .replacen("ws", "wss", 1);
    let (status, _, stderr) = hi(&["connect", &url]);
    assert_eq!(status, Some(5), "{stderr}");
    assert!(
        stderr.contains("in plain HTTP ('HTTP/1.1 400 Bad Request')"),
        "{stderr}"
    );
}

#[test]
fn serve_refuses_flags_that_cannot_work() {
    for (args, part) in [
        (&["--tls-cert", "/no/such"][..], "could not read '/no/such'"),
        (&["--tls-client-ca", "x"], "--tls-client-ca needs TLS"),
        (&["--tls-key", "x"], "--tls-cert <FILE>"),
        #[cfg(unix)]
        (
            &["--tls-self-signed", "--unix-socket", "/tmp/x"],
            "--unix-socket speaks no TLS",
        ),
    ] {
        let output = wscli(&[&["serve"], args].concat()).ends();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(part), "{args:?}: {stderr}");
    }
}

#[test]
fn the_key_log_of_the_environment_is_written() {
    let server = Server::start(&["--tls-self-signed"]);
    let url = server.ready["url"].as_str().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let output = wscli(&["connect", url, "-k", "-x", "hi", "-n", "1"])
        .env("SSLKEYLOGFILE", &path)
        .ends();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.starts_with("CLIENT_HANDSHAKE_TRAFFIC_SECRET "), "{log}");
}
