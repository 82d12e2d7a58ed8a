//! Saved targets: `@NAME` in `connect`, `bench` and `probe-origin`, from a
//! configuration that is the test's own.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::{Ends as _, PATIENCE, wscli};
use crate::peer::{Behaviour, Peer};

/// A configuration with the address of a peer in it.
struct Saved {
    home: TempDir,
    peer: Peer,
}

impl Saved {
    /// `URL` in the text is the peer's address.
    fn with(text: &str) -> Self {
        let (home, peer) = (
            TempDir::new().expect("a directory"),
            Peer::start(Behaviour::Echo),
        );
        fs::create_dir(home.path().join("wscli")).expect("a folder");
        let text = text.replace("URL", peer.url.trim_end_matches('/'));
        fs::write(home.path().join("wscli/config.toml"), text).expect("a file");
        Self { home, peer }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = wscli(args);
        command.env("XDG_CONFIG_HOME", self.home.path());
        command
    }

    /// Exit code, stdout and stderr.
    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        ended(self.command(args).env("TOKEN", "s3cret-token"))
    }

    fn head(&self) -> String {
        self.peer.heads.recv_timeout(PATIENCE).expect("a request")
    }
}

fn ended(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.ends();
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

const STAGING: &str = "[target.staging]\nurl = 'URL/staging?key=${TOKEN}'\n\
    headers = ['X-Env: staging', 'X-Other: 1']\nbearer = '${TOKEN}'\nsubprotocols = ['a', 'b']\n\
    [target.prod]\nurl = 'URL/${TOKEN}/prod'\n";

#[test]
fn a_saved_target_is_its_url_and_its_flags_in_every_command_that_dials() {
    let saved = Saved::with(STAGING);
    for args in [
        &["connect", "-v", "@staging", "-x", "hi", "-1"][..],
        &[
            "bench", "-v", "@staging", "-c", "1", "-n", "1", "--warmup", "0s",
        ],
        &[
            "probe-origin",
            "-v",
            "@staging",
            "--allow",
            "https://a.example",
            "--probe",
            "foreign",
        ],
    ] {
        let (code, stdout, stderr) = saved.run(args);
        let head = saved.head();
        assert!(
            head.starts_with("GET /ws/staging?key=s3cret-token HTTP/1.1\r\n"),
            "{head}"
        );
        for line in [
            "X-Env: staging",
            "X-Other: 1",
            "Authorization: Bearer s3cret-token",
        ] {
            assert!(head.contains(line), "{args:?} {head}");
        }
        assert!(head.contains("Sec-WebSocket-Protocol: a, b"), "{head}");
        let file = saved.home.path().join("wscli/config.toml");
        let told = format!("@staging is a target of '{}'", file.display());
        assert!(stderr.contains(&told), "{code:?} {stderr}");
        assert!(!(stdout + &stderr).contains("s3cret"), "{args:?} {stderr}");
        while saved.peer.heads.try_recv().is_ok() {}
    }
}

#[test]
fn flags_of_the_command_line_win_over_those_of_a_saved_target() {
    let saved = Saved::with(STAGING);
    let send = |flags: &[&str]| {
        let (code, _, stderr) =
            saved.run(&[&["connect", "@staging", "-x", "hi", "-1"], flags].concat());
        assert_eq!(code, Some(0), "{stderr}");
        saved.head()
    };
    let head = send(&["-H", "x-env: mine", "-s", "c", "-u", "me:pw"]);
    assert!(
        head.contains("x-env: mine") && !head.contains("staging\r\n"),
        "{head}"
    );
    assert!(
        head.contains("X-Other: 1") && head.contains("Sec-WebSocket-Protocol: c\r\n"),
        "{head}"
    );
    assert!(head.contains("Authorization: Basic bWU6cHc="), "{head}");
    assert_eq!(head.matches("Authorization").count(), 1, "{head}");
    let head = send(&["-H", "Authorization: mine"]);
    assert!(
        head.contains("Authorization: mine") && !head.contains("s3cret-token\r\n"),
        "{head}"
    );
}

#[test]
fn a_secret_variable_of_a_saved_target_is_shown_nowhere() {
    let saved = Saved::with(STAGING);
    let log = saved.home.path().join("log");
    let log = log.to_str().expect("a path");
    for args in [
        &[
            "connect", "-vv", "-i", "@prod", "-x", "hi", "-1", "--log", log, "--json", "-",
        ][..],
        &[
            "bench", "-v", "@prod", "-c", "1", "-n", "1", "--warmup", "0s",
        ],
        &[
            "bench", "@prod", "-c", "1", "-n", "1", "--warmup", "0s", "--json", "-",
        ],
    ] {
        let (code, stdout, stderr) = saved.run(args);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(saved.head().starts_with("GET /ws/s3cret-token/prod "));
        let told = stdout + &stderr + &fs::read_to_string(log).expect("a log");
        assert!(!told.contains("s3cret"), "{args:?} {told}");
        assert!(told.contains("[redacted]/prod"), "{args:?} {told}");
    }
}

#[test]
fn a_target_that_cannot_be_used_is_exit_2_and_says_why() {
    let saved = Saved::with(&format!(
        "{STAGING}[target.literal]\nurl = 'URL'\nbearer = 's3cret'\n"
    ));
    for (args, part) in [
        (
            &["connect", "@stagin"][..],
            "there are @literal, @prod, @staging",
        ),
        (&["bench", "@stagin"], "there is no target '@stagin' in it"),
        (
            &["probe-origin", "@", "--allow", "none"],
            "there is no target '@' in it",
        ),
        (&["connect", "@literal"], "line 10: bearer holds a secret"),
        (&["bench", "@staging", "@prod"], "has to stand alone"),
        (
            &["probe-origin", "ws://h/", "@prod", "--allow", "none"],
            "has to stand alone",
        ),
        (
            &[
                "probe-origin",
                "@prod",
                "--targets",
                "/no",
                "--allow",
                "none",
            ],
            "has to stand alone",
        ),
    ] {
        let (code, stdout, stderr) = saved.run(args);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?} {stderr}");
        assert!(
            stderr.contains(part) && !stderr.contains("s3cret"),
            "{args:?} {stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    let (code, _, stderr) = ended(&mut saved.command(&["connect", "@staging", "-x", "hi"]));
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("the environment variable 'TOKEN' is not set"),
        "{stderr}"
    );
    let (code, _, stderr) = ended(&mut wscli(&["connect", "@staging", "-x", "hi"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("set XDG_CONFIG_HOME or HOME"), "{stderr}");
    let (code, _, stderr) = ended(wscli(&["connect", "@x"]).env("HOME", saved.home.path()));
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains(".config/wscli/config.toml'; write [target.x]"),
        "{stderr}"
    );
}

#[test]
fn a_broken_configuration_matters_only_where_a_target_of_it_is_used() {
    let saved = Saved::with("[target");
    let (code, stdout, stderr) = saved.run(&["connect", "--demo", "-x", "hi", "-1"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "hi\n"), "{stderr}");
    assert_eq!(stderr, "");
    let (code, _, stderr) = saved.run(&["connect", "@a", "-x", "hi"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("config.toml', line 1: "), "{stderr}");
}

#[test]
fn defaults_of_the_configuration_change_nothing_in_a_pipe() {
    let saved = Saved::with("[defaults]\npretty = true\ninclude = true\n[target.a]\nurl = 'URL'\n");
    let (code, stdout, stderr) = saved.run(&["connect", "@a", "-x", "{\"a\":1}", "-1"]);
    assert_eq!(
        (code, stdout.as_str()),
        (Some(0), "{\"a\":1}\n"),
        "{stderr}"
    );
}
