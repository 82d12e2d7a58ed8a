//! `--color`: one decision for every stream, by the real command line.

use std::process::Output;

use crate::harness::{Server, wscli};

/// Which of stdout and stderr are in colour.
fn colored(output: &Output) -> (bool, bool) {
    let has = |stream: &[u8]| stream.contains(&0x1b);
    (has(&output.stdout), has(&output.stderr))
}

#[test]
fn color_always_is_always_and_never_and_no_color_are_never() {
    let server = Server::start(&["--lab"]);
    let url = server.url("/ws");
    let refused = server.url("/status/403");
    let connect = |url, more: &[&'static str]| {
        let words = ["connect", url, "-m", "20"].map(str::to_owned).into_iter();
        words
            .chain(more.iter().map(|&word| word.to_owned()))
            .collect::<Vec<_>>()
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    // (the command line, whether there are colours on stdout and on stderr)
    for (line, expected) in [
        (connect(&refused, &[]), (false, true)),
        (
            connect(&url, &["-x", r#"{"a":1}"#, "-1", "--pretty"]),
            (true, false),
        ),
        (connect(&url, &["-x", r#"{"a":1}"#, "-1"]), (false, false)),
        (
            connect(&url, &["-x", "\u{1b}[1m", "-1", "--jsonl"]),
            (false, false),
        ),
        (connect(&url, &["-x", "a", "-1", "-vv"]), (false, true)),
        (words("connect --help"), (true, false)),
        (words("--help"), (true, false)),
        (words("bench --nonsense"), (false, true)),
        (words("bench ws://h -c 0"), (false, true)),
        (words("connect --from-curl nonsense"), (false, true)),
    ] {
        let run = |color: &[&str], env: &[(&str, &str)]| {
            let mut command = wscli(&[]);
            command.args(&line).args(color).envs(env.iter().copied());
            command.output().expect("the program runs")
        };
        let always = run(&["--color", "always"], &[("NO_COLOR", "1")]);
        assert_eq!(colored(&always), expected, "always: {line:?} {always:?}");
        let forced = run(&[], &[("CLICOLOR_FORCE", "1")]);
        assert_eq!(colored(&forced), expected, "forced: {line:?} {forced:?}");
        for (color, env) in [
            (&["--color", "never"][..], &[("CLICOLOR_FORCE", "1")][..]),
            (&[], &[("NO_COLOR", "1")]),
            (&[], &[]),
        ] {
            let plain = run(color, env);
            assert_eq!(
                colored(&plain),
                (false, false),
                "{color:?} {env:?}: {line:?}"
            );
        }
    }
}

#[test]
fn only_marks_of_ours_are_coloured_and_a_url_with_a_password_stays_hidden() {
    let server = Server::start(&["--lab"]);
    let refused = server.url("/status/403");
    let output = wscli(&["connect", &refused, "--color=always"]).output();
    let errors = String::from_utf8(output.expect("the program runs").stderr).expect("text");
    for mark in [
        "\u{1b}[1;36m<\u{1b}[0m HTTP/1.1 403",
        "\u{1b}[1;31mwscli:\u{1b}[0m the server answered",
        "\u{1b}[33m* hint:\u{1b}[0m ",
    ] {
        assert!(errors.contains(mark), "{mark:?}: {errors:?}");
    }
    let wrong = [
        "bench",
        "ws://u:SESAME@h/",
        "--mode",
        "ws://u:SESAME@h/",
        "--color=always",
    ];
    let output = wscli(&wrong).output().expect("the program runs");
    assert!(
        !String::from_utf8_lossy(&output.stderr).contains("SESAME"),
        "{output:?}"
    );
}
