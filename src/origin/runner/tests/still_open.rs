//! Strangers whose connection stays open, is ended late, or breaks: what of that is a
//! refusal.

use super::*;

const HELLO: &str = "{\"type\":\"hello\",\"n\":1}";

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A run in which strangers get this, and the allowed origin a greeting and an echo.
async fn strangers(message: Option<&str>, reply: Reply) -> Report {
    let mut config = config(&[CLIENT], &[]);
    config.talk.message = message.map(Message::text);
    let server = Server::new(move |ask| match is_client(ask) {
        true => open().says(HELLO).echoes(),
        false => reply.clone(),
    });
    probe_with(&config, server).await
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_comes_late_lets_in_all_the_same() {
    for late in [2.5, 3.0, 6.0] {
        let reply = open().says(HELLO).late(seconds(late)).echoes();
        for message in [None, Some("hi")] {
            let report = strangers(message, reply.clone()).await;
            assert_eq!(report.verdict, Verdict::NotEnforced, "{}", report.reason);
            assert!(report.took < seconds(300.0), "{:?}", report.took);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_words_on_an_open_connection_are_no_refusal() {
    for (index, reply) in [
        open().says("{\"type\":\"hello\",\"tenant\":\"default\"}"),
        open()
            .says(HELLO)
            .says("{\"type\":\"notice\",\"text\":\"new device seen\"}"),
        open().says("hello guest"),
        open(),
    ]
    .into_iter()
    .enumerate()
    {
        for reply in [reply.clone().echoes(), reply] {
            let report = strangers(None, reply).await;
            assert_eq!(
                report.verdict,
                Verdict::Inconclusive,
                "{index}: {}",
                report.reason
            );
            for option in ["--reject-text", "--message", "--window"] {
                assert!(report.reason.contains(option), "{}", report.reason);
            }
            assert!(report.took < seconds(120.0), "{:?}", report.took);
        }
    }
    // Not even to a message: whoever hears other words may be a guest.
    let report = strangers(Some("hi"), open().says("hello guest").echoes()).await;
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_says_no_is_a_refusal_and_silence_to_a_message_too() {
    for text in [
        "{\"error\":\"origin\"}",
        "{\"type\":\"connection_error\",\"payload\":{}}",
        "44{\"message\":\"x\"}",
        "access denied",
    ] {
        for reply in [open().says(text), open().says(text).late(seconds(1.0))] {
            let report = strangers(None, reply).await;
            assert_eq!(
                report.verdict,
                Verdict::Enforced,
                "{text}: {}",
                report.reason
            );
            assert!(report.findings.is_empty(), "{:?}", report.findings);
            assert!(report.took < seconds(60.0), "{:?}", report.took);
        }
    }
    let report = strangers(Some("hi"), open()).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_the_refusal_is_a_finding() {
    for reply in [
        open().says(HELLO).ends(seconds(1.0)),
        open().says(HELLO).closes(1008),
        open().says(HELLO).breaks(),
        open().says(HELLO).says("{\"error\":\"origin\"}"),
    ] {
        let report = strangers(None, reply).await;
        assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
        let finding = report.findings.first().unwrap();
        assert_eq!(
            (finding.probe, finding.severity.name()),
            ("foreign", "medium")
        );
        assert!(
            finding.message.contains("has read it"),
            "{}",
            finding.message
        );
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    }
    // The handshake of a transport is nothing to read.
    let config = config(&[CLIENT], &[]);
    let server = Server::new(|ask| {
        let opened = open().says("0{\"sid\":\"Ab1\",\"pingInterval\":25000}");
        match is_client(ask) {
            true => opened,
            false => opened.says("44{\"message\":\"no\"}"),
        }
    });
    let report = probe_with(&config, server).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test(start_paused = true)]
async fn frames_that_a_browser_fails_are_a_refusal() {
    let report = strangers(None, open().breaks()).await;
    assert_eq!(report.verdict, Verdict::Enforced, "{}", report.reason);
    assert!(report.took < seconds(60.0), "{:?}", report.took);
}
