//! Steps and rules over memory streams.

use super::*;
use crate::decode::Decode;
use crate::script::{Action, Expressions, Pattern, Payload, Rule, RunConfig, Step, Template, Then};

/// What the peer does, so many milliseconds after the opening.
#[derive(Clone, Copy)]
enum Does {
    Say(&'static str),
    Close(u16),
}

use Does::{Close, Say};

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text, None).unwrap()
}

/// A step, as the flag of the command line, the value and the time it has.
fn step((flag, value, within): (&str, &str, u64)) -> Step {
    let action = match flag {
        "x" => Action::Send(Payload::Whole(Message::text(value))),
        "expect" => Action::Expect(pattern(value)),
        "next" => Action::ExpectNext(pattern(value)),
        "none" => Action::ExpectNone(pattern(value)),
        _ => Action::ExpectClose(value.parse().unwrap()),
    };
    Step {
        label: format!("{flag} {value}"),
        action,
        within: Duration::from_millis(within),
        captures: Vec::new(),
    }
}

fn rule(text: &str) -> Rule {
    let (taken, then) = match text.split_once(" => ") {
        Some((taken, answer)) => {
            let text = Template::parse(answer, &Expressions::default()).unwrap();
            let is_binary = false;
            (taken, Then::Send(Payload::Template { text, is_binary }))
        }
        None => (text, Then::Fail),
    };
    Rule {
        label: format!("rule {text}"),
        pattern: pattern(taken),
        then,
    }
}

fn script(steps: &[(&str, &str, u64)], rules: &[&str]) -> PipeConfig {
    PipeConfig {
        script: Some(RunConfig {
            steps: steps.iter().copied().map(step).collect(),
            rules: rules.iter().copied().map(rule).collect(),
            vars: Vec::new(),
            expressions: Expressions::default(),
            decode: Decode::Auto,
            inbox_bytes: 1 << 20,
        }),
        ..PipeConfig::default()
    }
}

/// Does what is said when it is time, and gives back what came meanwhile.
async fn act(mut socket: Socket, plan: Vec<(u64, Does)>) -> Vec<String> {
    let start = Instant::now();
    let mut got = Vec::new();
    for (millis, does) in plan {
        let at = start + Duration::from_millis(millis);
        while let Ok(Some(event)) = tokio::time::timeout_at(at, socket.next()).await {
            got.extend(text_of(event));
        }
        match does {
            Say(text) => socket.send(Message::text(text)).await.unwrap_or_default(),
            Close(code) => {
                socket.start_close(close(code));
                let _ = socket.flush().await;
            }
        }
    }
    while let Some(event) = socket.next().await {
        got.extend(text_of(event));
    }
    got
}

fn text_of(event: Event) -> Option<String> {
    match event {
        Event::Message { message, .. } => {
            Some(String::from_utf8_lossy(message.as_bytes()).into_owned())
        }
        _ => None,
    }
}

async fn play(config: PipeConfig, plan: &[(u64, Does)]) -> (Outcome, Vec<String>) {
    let (client, server) = pair(64 << 10).await;
    let peer = tokio::spawn(act(server, plan.to_vec()));
    let outcome = run(client, stream::empty(), config, pending()).await;
    (outcome, peer.await.unwrap())
}

/// The sentence of a run that failed; nothing for one that is done.
fn verdict(summary: &Summary) -> String {
    match &summary.end {
        End::Done { .. } => String::new(),
        End::Unmet(unmet) => unmet.to_string(),
        end => format!("{end:?}"),
    }
}

type Row<'a> = (
    &'a str,
    &'a [(&'a str, &'a str, u64)],
    &'a [&'a str],
    &'a [(u64, Does)],
    &'a str,
    u64,
);

/// Steps, rules and a peer; a part of the verdict ("" where all is met), and when it
/// stands, in milliseconds.
const TABLE: &[Row<'static>] = &[
    (
        "what came before its step began is not lost",
        &[("expect", "a", 5000), ("x", "hi", 0), ("expect", "b", 5000)],
        &[],
        &[(0, Say("a")), (0, Say("b"))],
        "",
        0,
    ),
    (
        "a record is taken once",
        &[("expect", "a", 5000), ("expect", "a", 5000)],
        &[],
        &[(0, Say("a"))],
        "step 2 of 2, expect a: no record came within 5s",
        5000,
    ),
    (
        "expect passes over what does not match, and does not come back to it",
        &[("expect", "c", 5000), ("expect", "a", 2000)],
        &[],
        &[(0, Say("a")), (10, Say("b")), (20, Say("c"))],
        "step 2 of 2, expect a: no record came within 2s",
        2020,
    ),
    (
        "the nearest record is told",
        &[("expect", r#"{"id":1,"type":"x"}"#, 1000)],
        &[],
        &[
            (0, Say(r#"{"id":2,"type":"y"}"#)),
            (10, Say(r#"{"id":1,"type":"z"}"#)),
            (20, Say("other")),
        ],
        r#"none of 3 records within 1s matched; in the nearest, type is "z", not "x""#,
        1000,
    ),
    (
        "expect-next takes no other",
        &[("next", "b", 5000)],
        &[],
        &[(0, Say("a")), (0, Say("b"))],
        "the next record does not match",
        0,
    ),
    (
        "expect-none ends when its time is over",
        &[("none", "error", 1000)],
        &[],
        &[(500, Say("fine"))],
        "",
        1000,
    ),
    (
        "expect-none fails at once",
        &[("none", "error", 1000)],
        &[],
        &[(500, Say("an error"))],
        "a record came that matches: an error",
        500,
    ),
    (
        "expect-none sees from the cursor on",
        &[("expect", "go", 5000), ("none", "error", 1000)],
        &[],
        &[(0, Say("error")), (10, Say("go"))],
        "",
        1010,
    ),
    (
        "rules come before steps, which do not see what they take",
        &[("expect", "ping", 1000)],
        &["ping => pong"],
        &[(0, Say("ping"))],
        "no record came within 1s",
        1000,
    ),
    (
        "the answers of rules keep no deadline away",
        &[("expect", "never", 1000)],
        &["ping => pong"],
        &[
            (300, Say("ping")),
            (600, Say("ping")),
            (900, Say("ping")),
            (1200, Say("ping")),
        ],
        "no record came within 1s",
        1000,
    ),
    (
        "a rule ends the run while a step waits",
        &[("expect", "never", 9000)],
        &["error"],
        &[(300, Say("an error"))],
        "rule error: a record came that matches: an error",
        300,
    ),
    (
        "what came before the Close is matched first",
        &[("expect", "a", 5000), ("expect_close", "4403", 5000)],
        &[],
        &[(0, Say("a")), (0, Close(4403))],
        "",
        0,
    ),
    (
        "a Close that is not awaited ends a wait at once",
        &[("expect", "a", 5000)],
        &[],
        &[(100, Say("b")), (200, Close(4403))],
        "step 1 of 1, expect a: the peer closed with 4403 before it was met",
        200,
    ),
    (
        "a Close ends an expect-none as well",
        &[("none", "a", 5000)],
        &[],
        &[(200, Close(1000))],
        "the peer closed with 1000 before it was met",
        200,
    ),
    (
        "a Close with another code than the expected one",
        &[("expect_close", "4403", 5000)],
        &[],
        &[(0, Close(1000))],
        "step 1 of 1, expect_close 4403: the peer closed with 1000",
        0,
    ),
    (
        "nothing is sent over a closed connection",
        &[("expect_close", "1000", 5000), ("x", "late", 0)],
        &[],
        &[(0, Close(1000))],
        "step 2 of 2, x late: the peer closed with 1000",
        0,
    ),
    (
        "a record in the last moment is in time",
        &[("expect", "a", 5000)],
        &[],
        &[(4999, Say("a"))],
        "",
        4999,
    ),
    (
        "a record after the last moment is not",
        &[("expect", "a", 5000)],
        &[],
        &[(5001, Say("a"))],
        "no record came within 5s",
        5000,
    ),
    (
        "records of one message are taken one by one",
        &[("next", r#"{"id":1}"#, 5000), ("next", r#"{"id":2}"#, 5000)],
        &[],
        &[(0, Say("{\"id\":1}\u{1e}{\"id\":2}\u{1e}"))],
        "",
        0,
    ),
];

#[tokio::test(start_paused = true)]
async fn steps_and_rules_by_the_table() {
    for (name, steps, rules, plan, expected, millis) in TABLE {
        let start = Instant::now();
        let config = script(steps, rules);
        let (outcome, _) = play(config, plan).await;
        let told = verdict(&outcome.summary);
        match expected.is_empty() {
            true => assert_eq!(told, "", "{name}"),
            false => assert!(told.contains(expected), "{name}: {told}"),
        }
        let took = start.elapsed().as_millis();
        let most = u128::from(*millis) + 50;
        assert!(
            (u128::from(*millis)..most).contains(&took),
            "{name}: {took}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_answers_and_everything_received_is_in_the_output() {
    let config = script(
        &[("x", "hello", 0), ("expect", "done", 9000)],
        &[r#"{"type":"ping"} => {"type":"pong","id":{{msg.id}}}"#],
    );
    let plan = [
        (10, Say(r#"{"type":"ping","id":12345678901234567890123}"#)),
        (20, Say("done")),
        (20, Say("more")),
    ];
    let (outcome, got) = play(config, &plan).await;
    assert_eq!(verdict(&outcome.summary), "");
    assert_eq!(
        got,
        ["hello", r#"{"type":"pong","id":12345678901234567890123}"#]
    );
    let lines: Vec<_> = outcome.output.lines().collect();
    assert_eq!(lines[1..], ["done", "more"]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_provokes_itself_is_stopped() {
    let (client, server) = pair(64 << 10).await;
    let peer = tokio::spawn(serve(server, echo));
    let config = script(
        &[("x", "tick", 0), ("expect", "never", 60_000)],
        &["tick => tick"],
    );
    let outcome = run(client, stream::empty(), config, pending()).await;
    let told = verdict(&outcome.summary);
    assert!(
        told.starts_with("rule tick => tick: it took 1000 records"),
        "{told}"
    );
    peer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn within_counts_from_the_flush_of_what_was_sent() {
    let (client, mut server) = pair(1024).await;
    let peer = tokio::spawn(async move {
        sleep(Duration::from_secs(3)).await;
        while let Some(event) = server.next().await {
            if text_of(event).is_some() {
                sleep(Duration::from_secs(4)).await;
                server.send(Message::text("ok")).await.unwrap();
            }
        }
    });
    let mut config = script(&[("x", "", 0), ("expect", "ok", 5000)], &[]);
    if let Some(script) = &mut config.script {
        let long = Message::text("x".repeat(100_000));
        script.steps[0].action = Action::Send(Payload::Whole(long));
    }
    let outcome = run(client, stream::empty(), config, pending()).await;
    assert_eq!(verdict(&outcome.summary), "");
    assert!((6.9..7.1).contains(&outcome.seconds), "{}", outcome.seconds);
    peer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_flood_that_no_step_looks_at_fills_the_inbox_and_no_more() {
    let (client, server) = pair(1024).await;
    let (mut sink, source) = server.split();
    let peer = tokio::spawn(async move {
        let mut count = 0_u32;
        let message = Message::text("y".repeat(1000));
        // Nothing is read, so that the step cannot be done.
        while timeout(Duration::from_secs(1), sink.send(message.clone()))
            .await
            .is_ok_and(|s| s.is_ok())
        {
            count += 1;
        }
        drop(source);
        count
    });
    let mut config = script(
        &[("x", "", 0), ("x", "second", 0), ("expect", "never", 500)],
        &[],
    );
    if let Some(script) = &mut config.script {
        script.inbox_bytes = 100_000;
        let long = Message::binary(vec![0; 20 << 20]);
        script.steps[0].action = Action::Send(Payload::Whole(long));
    }
    let stop = Box::pin(async {
        sleep(Duration::from_secs(30)).await;
        Stop::MaxTime
    });
    let outcome = run(client, stream::empty(), config, stop).await;
    assert!(matches!(
        outcome.summary.end,
        End::Stopped(Stop::MaxTime) | End::Unmet(_)
    ));
    let count = peer.await.unwrap();
    assert!(count < 1000, "{count} messages of 1000 bytes were taken");
}

#[tokio::test(start_paused = true)]
async fn a_close_after_the_last_step_counts_by_its_code() {
    for (code, awaited) in [(4000, true), (1000, false)] {
        let code_text = code.to_string();
        let steps = [("expect_close", code_text.as_str(), 5000)];
        let steps = if awaited { &steps[..] } else { &[] };
        let all = [&[("expect", "a", 5000)], steps].concat();
        let (outcome, _) = play(script(&all, &[]), &[(0, Say("a")), (0, Close(code))]).await;
        assert!(
            matches!(outcome.summary.end, End::Done { is_close_met } if is_close_met == awaited),
            "{:?}",
            outcome.summary
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rules_alone_stand_beside_the_input() {
    let (client, server) = pair(64 << 10).await;
    let peer = tokio::spawn(act(server, vec![(10, Say("ping")), (20, Close(1000))]));
    let config = PipeConfig {
        linger: Some(Linger::Forever),
        ..script(&[], &["ping => pong {{msg}}"])
    };
    let input = Source::new(&b"line\n"[..], Framing::Lines);
    let outcome = run(client, input, config, pending()).await;
    assert!(matches!(outcome.summary.end, End::Peer));
    assert_eq!(outcome.output, "ping\n");
    assert_eq!(peer.await.unwrap(), ["line", "pong ping"]);
}
