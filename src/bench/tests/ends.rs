//! How connections and runs end.

use super::*;

#[tokio::test]
async fn each_way_of_ending_has_its_cause() {
    let close: Behaviour = |number, opcode, payload| match number {
        0..5 => echo(number, opcode, payload),
        _ => Answer::Finish(frame(0x88, &[0x03, 0xe9])),
    };
    let reset: Behaviour = |number, opcode, payload| match number {
        0..5 => echo(number, opcode, payload),
        _ => Answer::Reset,
    };
    let vanish: Behaviour = |number, opcode, payload| match number {
        0..5 => echo(number, opcode, payload),
        _ => Answer::Finish(Vec::new()),
    };
    let masked: Behaviour = |_, _, _| Answer::Send(vec![0x81, 0x80, 0, 0, 0, 0]);
    let fragments: Behaviour = |_, _, _| Answer::Send(frame(0x80, b"x"));
    let not_utf8: Behaviour = |_, _, _| Answer::Send(frame(0x81, b"a\xff"));
    // 2^63 - 1 bytes, of which none comes.
    let endless: Behaviour = |_, _, _| Answer::Send([&[0x82, 127, 0x7f][..], &[0xff; 7]].concat());
    for (behaviour, cause) in [
        (close, "closed by the server with 1001"),
        (reset, "connection reset"),
        (vanish, "ended by the server without a close frame"),
        (masked, "protocol error: masked frame"),
        (fragments, "protocol error: fragments out of order"),
        (not_utf8, "protocol error: text that is not UTF-8"),
        (endless, "protocol error: message over --max-message-size"),
    ] {
        // It ends because no connection is left, not because its time is over.
        let summary = measure(behaviour, |config| {
            config.duration = Some(Duration::from_hours(1));
        })
        .await;
        let errors = &summary.stats.errors;
        assert_eq!(errors.count_of(cause), 4, "{cause}: {errors:?}");
        assert_eq!(summary.stats.counters.lost.total(), 4, "{cause}");
    }
}

#[tokio::test]
async fn an_end_right_behind_a_reply_hides_neither() {
    let last_words: Behaviour = |number, opcode, payload| match echo(number, opcode, payload) {
        Answer::Send(bytes) => Answer::Finish(bytes),
        other => other,
    };
    let summary = measure(last_words, |config| {
        config.duration = Some(Duration::from_hours(1));
        // The end is there long before the next message.
        config.load = Load::Closed {
            in_flight: 1,
            think_time: Duration::from_mins(30),
        };
    })
    .await;
    let counters = summary.stats.counters;
    assert_eq!((counters.sent, counters.answered), (4, 4), "{counters:?}");
    let errors = &summary.stats.errors;
    let cause = "ended by the server without a close frame";
    assert_eq!(errors.count_of(cause), 4, "{errors:?}");
}

#[tokio::test]
async fn a_server_that_stalls_loses_and_the_run_goes_on_to_its_end() {
    let stall: Behaviour = |number, opcode, payload| match (number, opcode) {
        (0..5, _) | (_, OpCode::Control(_)) => echo(number, opcode, payload),
        _ => Answer::Send(Vec::new()),
    };
    let summary = measure(stall, |config| {
        messages(24)(config);
        config.reply_timeout = Duration::from_secs(2);
    })
    .await;
    let counters = summary.stats.counters;
    // A closed loop goes on with the next message when one is given up.
    assert_eq!(
        (counters.sent, counters.answered, counters.lost.total()),
        (24, 16, 8)
    );
}

#[tokio::test]
async fn no_connection_at_all_is_an_error() {
    let refused = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let mut config = config(3);
    config.targets = vec![format!("ws://{refused}/").parse().unwrap()];
    let error = run(config, pending(), |_| {}).await.unwrap_err();
    assert!(
        matches!(error, BenchError::NoConnection { connections: 3, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn an_interruption_keeps_what_was_measured() {
    let is_second = |live: &Live| live.measured >= Duration::from_secs(1);
    let summary = interrupted_when(echo, is_second, |_| {}).await;
    assert_eq!(summary.end, crate::bench::summary::End::Interrupted);
    assert!(summary.duration >= Duration::from_secs(1));
    assert!(summary.stats.counters.answered > 10);
    assert_eq!(summary.stats.counters.lost.total(), 0);
    assert!(!summary.series.is_empty());
}
