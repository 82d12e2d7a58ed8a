//! Steps and rules on the command line.

use super::{Outcome, run};
use crate::harness::{Server, wscli};

/// Against the echo server; one that closes is asked for by its path.
fn connect(server: &Server, resource: &str, args: &[&str], input: &[u8]) -> Outcome {
    let url = server.url(resource);
    run(&mut wscli(&[&["connect", &url], args].concat()), input)
}

/// (the resource, flags, exit code, stdout, parts of stderr)
type Case<'a> = (&'a str, &'a [&'a str], i32, &'a str, &'a [&'a str]);

const CASES: &[Case] = &[
    (
        "/ws",
        &["-x", "a", "--expect", "a", "-x", "b", "--expect", "b"],
        0,
        "a\nb\n",
        &[],
    ),
    (
        "/ws",
        &["-x", "a", "-x", "b", "-x", "c", "--expect", "c", "-x", "d"],
        0,
        "a\nb\nc\nd\n",
        &[],
    ),
    (
        "/ws",
        &[
            "-x",
            r#"{"id":12345678901234567890123,"name":"x"}"#,
            "--expect",
            r#"{"name":"x"}"#,
            "--capture",
            "id=$.id",
            "-x",
            "got {{id}} {{who | upper}}",
            "--expect",
            "/^got (?P<n>[0-9]+) ME$/",
            "-x",
            "{{n}}",
            "--expect",
            "12345678901234567890123",
            "--var",
            "who=me",
        ],
        0,
        "{\"id\":12345678901234567890123,\"name\":\"x\"}\ngot 12345678901234567890123 ME\n12345678901234567890123\n",
        &[],
    ),
    (
        "/ws",
        &["-x", "{{id}}", "--expect", "{{id}}"],
        0,
        "{{id}}\n",
        &[],
    ),
    (
        "/ws",
        &[
            "-x",
            r#"{"id":1,"type":"error"}"#,
            "--expect",
            r#"{"id":1,"type":"next"}"#,
            "--within",
            "300ms",
        ],
        10,
        "{\"id\":1,\"type\":\"error\"}\n",
        &[
            "* the last record:\n  +0.",
            "< {\"id\":1,\"type\":\"error\"}  skipped\n",
            "wscli: step 2 of 2, --expect '{\"id\":1,\"type\":\"next\"}': the one record within 300ms did not match: type is \"error\", not \"next\"\n",
        ],
    ),
    (
        "/ws",
        &["-x", "a", "--expect-next", "b"],
        10,
        "a\n",
        &[
            "← here",
            "step 2 of 2, --expect-next 'b': the next record does not match",
            "* hint: --expect instead",
        ],
    ),
    (
        "/ws",
        &["-x", "ping", "--on", "ping => pong", "--expect", "pong"],
        0,
        "ping\npong\n",
        &[],
    ),
    (
        "/ws",
        &["-x", "an error", "--reject", "error", "--expect", "never"],
        10,
        "an error\n",
        &["wscli: --reject 'error': a record came that matches: an error\n"],
    ),
    (
        "/ws",
        &[
            "-x",
            "a",
            "--expect",
            "a",
            "--expect-none",
            "/^/",
            "--for",
            "100ms",
        ],
        0,
        "a\n",
        &[],
    ),
    (
        "/ws",
        &["-x", "a", "--expect", "b", "--within", "1h", "-m", "300ms"],
        9,
        "a\n",
        &["not done within 300ms (--max-time) at step 2 of 2, --expect 'b'"],
    ),
    (
        "/close/4403?after=1&reason=Forbidden",
        &["-x", "a", "--expect-close", "4403"],
        0,
        "a\n",
        &[],
    ),
    (
        "/close/4403?after=1&reason=Forbidden",
        &["-x", "a", "--expect", "b"],
        10,
        "a\n",
        &["step 2 of 2, --expect 'b': the peer closed with 4403 Forbidden before it was met"],
    ),
    ("/status/403", &["--expect", "b"], 7, "", &["403 Forbidden"]),
];

#[test]
fn steps_are_done_in_their_order_and_told_when_not_met() {
    let server = Server::start(&["--lab"]);
    for (resource, args, code, stdout, parts) in CASES {
        let found = connect(&server, resource, args, b"");
        assert_eq!(found.code, Some(*code), "{args:?}: {found:?}");
        if *code != 7 {
            assert_eq!(found.stdout, *stdout, "{args:?}: {found:?}");
        }
        for part in *parts {
            assert!(found.stderr.contains(part), "{args:?}: {}", found.stderr);
        }
        if parts.is_empty() {
            assert_eq!(found.stderr, "", "{args:?}");
        }
    }
}

#[test]
fn steps_that_cannot_work_are_refused_before_connecting() {
    for (args, part) in [
        (&["--expect", "a", "-1"][..], "cannot be used with"),
        (&["--expect", "a", "-n", "2"], "cannot be used with"),
        (
            &["--expect-close", "1000", "--until", "a"],
            "cannot be used with",
        ),
        (&["--expect", "a", "--echo"], "cannot be used with"),
        (&["--expect", "a", "--replay", "f"], "cannot be used with"),
        (&["--expect", "a", "-w", "1"], "cannot be used with"),
        (&["--expect", ""], "the pattern is empty"),
        (&["--expect", "/(/"], "--expect '/(/': unclosed group"),
        (
            &["--expect", r#"{"a":{"$gte":1}}"#],
            "'$gte' is not an operator",
        ),
        (&["--expect-close", "99"], "write a close code"),
        (
            &["--on", "ping"],
            "--on 'ping' has no answer; write --on 'PATTERN => MESSAGE'",
        ),
        (
            &["--on", "ping => {{nothing}}"],
            "nothing sets 'nothing', which --on 'ping => {{nothing}}' uses",
        ),
        (&["--on", "ping => {{ 1 + }}"], "is not an expression"),
        (
            &[
                "--expect",
                "a",
                "-x",
                "{{id}}",
                "--expect",
                "b",
                "--capture",
                "id=$.id",
            ],
            "nothing sets 'id', which -x '{{id}}' uses; write --var id=VALUE",
        ),
        (
            &["--expect", "a", "--capture", "msg=$.id"],
            "'msg' is a name of templates themselves",
        ),
        (
            &["--expect", "a", "--capture", "=x"],
            "--capture '=x' has no name",
        ),
        (
            &["--expect", "a", "--capture", "id=x"],
            "'x' selects nothing",
        ),
        (
            &["--expect", "a", "--capture", "c=close.code"],
            "--expect-close has it",
        ),
        (
            &["--expect-none", "a", "--capture", "c=text"],
            "of what must not come",
        ),
        (
            &["--expect-none", "a", "--within", "1s"],
            "write --for behind --expect-none",
        ),
        (
            &["--expect", "a", "--for", "1s"],
            "--for is the time of an --expect-none",
        ),
        (&["--within", "1s"], "there is none"),
        (&["--within", "1s", "--expect", "a"], "there is none"),
        (
            &["--var", "a=1", "--var", "a=2", "--on", "x => y"],
            "--var gives 'a' two values",
        ),
    ] {
        let found = run(
            &mut wscli(&[&["connect", "ws://127.0.0.1:9/"], args].concat()),
            b"",
        );
        assert_eq!(found.code, Some(2), "{args:?}: {found:?}");
        assert!(found.stderr.contains(part), "{args:?}: {}", found.stderr);
    }
}

#[test]
fn rules_stand_beside_the_input() {
    let server = Server::start(&[]);
    let args = ["--on", "ping => pong {{msg}}", "-n", "3"];
    let found = connect(&server, "/ws", &args, b"a\nping\n");
    assert_eq!(found.code, Some(0), "{found:?}");
    // The answer holds the word again, and is answered again.
    assert_eq!(found.stdout, "a\nping\npong ping\n");
    let args = ["--reject", "ping"];
    let found = connect(&server, "/ws", &args, b"a\nping\n");
    assert_eq!((found.code, &*found.stdout), (Some(10), "a\nping\n"));
    assert!(found.stderr.contains("--reject 'ping'"), "{}", found.stderr);
}

#[test]
fn steps_send_what_stdin_and_files_hold_and_a_gone_reader_does_not_meet_them() {
    let server = Server::start(&[]);
    let args = ["-x", "@-", "--expect", "two\nlines"];
    let found = connect(&server, "/ws", &args, b"two\nlines");
    assert_eq!(found.code, Some(0), "{found:?}");
    #[cfg(unix)]
    {
        let url = server.url("/ws");
        let script = "\"$0\" connect \"$1\" -x a -x b --expect never --within 300ms | head -n 1; exit ${PIPESTATUS:-0}";
        let mut command = std::process::Command::new("/bin/bash");
        command
            .env_clear()
            .args(["-c", script, env!("CARGO_BIN_EXE_wscli"), &url])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let found = run(&mut command, b"");
        assert_eq!((found.code, &*found.stdout), (Some(10), "a\n"), "{found:?}");
    }
}

#[test]
fn what_a_peer_sends_is_told_on_one_line_and_without_escapes() {
    let server = Server::start(&[]);
    let args = ["--escapes", "-x", r"\x1b[2Jx\ny: 1", "--expect-next", "z"];
    let found = connect(&server, "/ws", &args, b"");
    assert_eq!(found.code, Some(10));
    assert!(!found.stderr.contains('\u{1b}'), "{:?}", found.stderr);
    let told = found.stderr.lines().find(|line| line.contains("← here"));
    assert!(
        told.is_some_and(|line| line.contains(r"x\ny: 1")),
        "{}",
        found.stderr
    );
}
