//! What `connect` makes of every fault: the exit code, what is written, and the
//! sentence that says why.

use super::{Outcome, outcome, run};
use crate::harness::{Server, wscli};

/// (what is asked for, flags, exit code, stdout, the sentence)
type Case<'a> = (&'a str, &'a [&'a str], i32, &'a str, &'a str);

const A_OF_2: [&str; 4] = ["-x", "a", "-n", "2"];
const SOLVED: [&str; 3] = ["-x", "a", "-1"];
/// Until the peer ends it, or nothing comes for ever.
const STAY: [&str; 2] = ["-w", "inf"];
const A_AND_STAY: [&str; 4] = ["-x", "a", "-w", "inf"];
const STAY_CUT: &str = "the peer closed after 0.0 s of 7200 s (--linger)";
const LOST: &str = "the peer ended the connection without a close frame";

/// The outcome without the server's answer, the hint and the first bytes of a
/// faulty frame, which have tests of their own.
fn sentence(found: Outcome) -> Outcome {
    let lines = found.stderr.lines();
    let told = lines.filter_map(|line| line.strip_prefix("wscli: "));
    let told = told.map(|line| line.split("; it begins with").next().unwrap_or(line));
    let stderr = told.collect::<Vec<_>>().join("\n");
    Outcome { stderr, ..found }
}

fn check(server: &Server, cases: &[Case]) {
    for (resource, flags, code, stdout, said) in cases {
        let url = server.url(resource);
        let found = run(&mut wscli(&[&["connect", &url], *flags].concat()), b"");
        let expected = outcome(*code, stdout, said);
        assert_eq!(sentence(found), expected, "{resource} {flags:?}");
    }
}

#[test]
fn handshakes_that_come_to_nothing() {
    let status = |status| format!("the server answered HTTP/1.1 {status}");
    let (unauthorized, found) = (status("401 Unauthorized"), status("302 Found"));
    check(
        &Server::start(&["--lab"]),
        &[
            ("/status/200", &[], 7, "", &status("200 OK")),
            ("/status/403", &[], 7, "", &status("403 Forbidden")),
            ("/status/404", &[], 7, "", &status("404 Not Found")),
            ("/status/429", &[], 7, "", &status("429 Too Many Requests")),
            (
                "/status/503",
                &[],
                7,
                "",
                &status("503 Service Unavailable"),
            ),
            ("/delay/unknown", &[], 7, "", &status("400 Bad Request")),
            ("/auth/basic/u/p", &[], 7, "", &unauthorized),
            ("/auth/basic/u/p", &["-u", "u:q"], 7, "", &unauthorized),
            ("/auth/bearer/t", &["-u", "u:t"], 7, "", &unauthorized),
            ("/redirect", &[], 7, "", &found),
            (
                "/redirect?to=/redirect",
                &["-L", "--max-redirs", "1"],
                7,
                "",
                "stopped after 1 redirects, before the one to '/ws'; --max-redirs raises the limit",
            ),
            (
                "/slow-handshake/60000",
                &["--connect-timeout", "0.5"],
                9,
                "",
                "no answer to the opening handshake within 500ms",
            ),
        ],
    );
}

#[test]
fn an_answer_for_another_request_is_none() {
    let server = Server::start(&["--lab"]);
    let url = server.url("/bad-accept");
    let found = sentence(run(&mut wscli(&["connect", &url]), b""));
    let start =
        "the server's 101 has the Sec-WebSocket-Accept 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' where '";
    // The key, and what answers it, is another one each time.
    assert!(found.stderr.starts_with(start), "{found:?}");
    assert_eq!(found.code, Some(7));
}

#[test]
fn obstacles_that_are_overcome() {
    check(
        &Server::start(&["--lab"]),
        &[
            (
                "/auth/basic/u/p",
                &["-u", "u:p", "-1", "-x", "a"],
                0,
                "a\n",
                "",
            ),
            (
                "/auth/bearer/t",
                &["--bearer", "t", "-1", "-x", "a"],
                0,
                "a\n",
                "",
            ),
            ("/redirect", &["-L", "-1", "-x", "a"], 0, "a\n", ""),
            ("/slow-handshake/50", &SOLVED, 0, "a\n", ""),
            ("/delay/50", &SOLVED, 0, "a\n", ""),
            ("/fragment/3", &["-x", "abcdef", "-1"], 0, "abcdef\n", ""),
            ("/ping/1?delay=20", &SOLVED, 0, "a\n", ""),
            ("/no-pong", &SOLVED, 0, "a\n", ""),
            ("/broadcast", &SOLVED, 0, "a\n", ""),
            ("/count/3", &STAY, 0, "1\n2\n3\n", ""),
            ("/stream/1000", &["-n", "3"], 0, "1\n2\n3\n", ""),
            ("/big/3", &["-1", "--binary"], 0, "\0\0\0", ""),
            (
                "/json",
                &["-1", "--origin", "http://a.example", "--filter", "$.origin"],
                0,
                "\"http://a.example\"\n",
                "",
            ),
        ],
    );
}

#[test]
fn ends_of_all_kinds() {
    let closed = "the peer closed the connection with code 4000";
    let reset = "the connection failed: Connection reset by peer (os error 104)";
    let missing = |why| format!("2 messages were expected, 1 came; {why}");
    check(
        &Server::start(&["--lab"]),
        &[
            ("/close", &STAY, 0, "", ""),
            ("/close/1001", &STAY, 0, "", ""),
            // The stay is cut short.
            ("/count/3", &["-w", "2h"], 11, "1\n2\n3\n", STAY_CUT),
            ("/close/4000", &STAY, 11, "", closed),
            (
                "/close/1006",
                &STAY,
                8,
                "",
                "the peer closed the connection with code 1006, which no close frame may carry",
            ),
            (
                "/close/1011?reason=no%20luck",
                &STAY,
                11,
                "",
                "the peer closed the connection with code 1011: no luck",
            ),
            ("/close/4000?after=1", &A_AND_STAY, 11, "a\n", closed),
            // What was asked for has come; how it ends is nobody's business.
            ("/close/4000?after=1", &SOLVED, 0, "a\n", ""),
            ("/close/4000?after=1", &A_OF_2, 10, "a\n", &missing(closed)),
            (
                "/close?after=1",
                &A_OF_2,
                10,
                "a\n",
                &missing("the peer closed the connection with code 1000"),
            ),
            (
                "/count/2",
                &["-n", "3"],
                10,
                "1\n2\n",
                "3 messages were expected, 2 came; the peer closed the connection with code 1000",
            ),
            (
                "/count/1?drop",
                &["--until", "z"],
                10,
                "1\n",
                &format!("a message that matches --until was expected, 1 came; {LOST}"),
            ),
            ("/count/2?close=4000", &STAY, 11, "1\n2\n", closed),
            ("/drop", &STAY, 11, "", LOST),
            ("/drop?after=1", &A_AND_STAY, 11, "a\n", LOST),
            ("/drop?after=1", &A_OF_2, 10, "a\n", &missing(LOST)),
            ("/half-close", &STAY, 11, "", LOST),
            ("/half-close?after=1", &A_OF_2, 10, "a\n", &missing(LOST)),
            ("/bad-length", &STAY, 11, "", LOST),
            ("/reset", &STAY, 11, "", reset),
        ],
    );
}

#[test]
fn rules_that_the_peer_breaks() {
    let utf8 =
        "the peer sent text that is not UTF-8: invalid utf-8 sequence of 1 bytes from index 2";
    let rsv = "the peer broke the WebSocket protocol: a frame has reserved bits set that no agreed extension uses";
    let mask = "the peer broke the WebSocket protocol: a server's frame is masked";
    let too_large =
        "the peer sent a message of over 1000 bytes; --max-message-size raises the limit";
    let silent = "no pong answered a keep-alive ping within 100ms";
    let keep_alive = [
        "--keep-alive=ping",
        "--keep-alive-interval=20ms",
        "--keep-alive-timeout=100ms",
    ];
    check(
        &Server::start(&["--lab"]),
        &[
            ("/bad-utf8", &STAY, 8, "", utf8),
            ("/bad-utf8?after=1", &A_OF_2, 8, "a\n", utf8),
            ("/bad-rsv", &STAY, 8, "", rsv),
            ("/bad-rsv?after=1", &A_OF_2, 8, "a\n", rsv),
            ("/bad-mask", &STAY, 8, "", mask),
            ("/bad-mask?after=1", &A_OF_2, 8, "a\n", mask),
            (
                "/big/1001",
                &["-1", "--max-message-size", "1000"],
                8,
                "",
                too_large,
            ),
            (
                "/no-pong",
                &[&STAY[..], &keep_alive].concat(),
                9,
                "",
                silent,
            ),
        ],
    );
}

#[test]
fn chaos_at_every_message() {
    for (chaos, flags, code, stdout, said) in [
        (
            "lose=100%",
            &["-x", "a", "-1", "-m", "1"][..],
            9,
            "",
            "not done within 1s (--max-time); 1 sent, 0 received",
        ),
        ("delay=20ms..40ms", &SOLVED, 0, "a\n", ""),
        ("drop=100%", &A_AND_STAY, 11, "", LOST),
        (
            "reset=100%",
            &A_AND_STAY,
            11,
            "",
            "the connection failed: Connection reset by peer (os error 104)",
        ),
        (
            "close=100%",
            &A_AND_STAY,
            11,
            "",
            "the peer closed the connection with code 1012: chaos",
        ),
    ] {
        let server = Server::start(&["--chaos", chaos]);
        check(&server, &[("/ws", flags, code, stdout, said)]);
    }
}
