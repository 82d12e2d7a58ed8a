//! The opening, the stages and the seconds of a run count all that it counts.

use super::*;
use crate::bench::summary::SecondCounts;

/// The seconds of a run that was measured hold all that it counts.
pub(super) fn check_seconds(summary: &Summary, told: &str) {
    if summary.series.is_empty() {
        return;
    }
    let mut all = SecondCounts::default();
    summary
        .series
        .iter()
        .for_each(|second| all.add(&second.counts));
    let expected = SecondCounts::of(summary.mode, &summary.stats);
    // Openings that fail do so before the seconds, but in mode handshake.
    let errors = all.errors;
    assert_eq!(all, SecondCounts { errors, ..expected }, "{told}");
}

#[tokio::test]
async fn a_run_interrupted_while_opening_has_attempted_only_what_was_begun() {
    for (messages, rate) in [(None, None), (Some(100), None), (Some(100), Some(50.0))] {
        let (address, _) = Peer::start(Failures::default(), 1).await;
        let mut config = config(10);
        config.threads = 2;
        config.targets = vec![format!("ws://{address}/").parse().unwrap()];
        // The second connection would be opened after an hour.
        config.ramp_up = Duration::from_hours(10);
        config.warmup = Duration::from_secs(1);
        config.messages = messages;
        if messages.is_some() {
            config.duration = None;
        }
        if let Some(rate) = rate {
            config.load = Load::Open(Schedule::constant(rate));
        }
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let mut stop = Some(stop);
        let stopped = async {
            let _ = stopped.await;
        };
        let summary = run(config, stopped, |live| {
            if live.open == 1 {
                stop.take().map(|stop| stop.send(()));
            }
        });
        let summary = tokio::time::timeout(Duration::from_mins(1), summary).await;
        let summary = summary.expect("the run must end").unwrap();
        let counters = summary.handshakes.counters;
        let found = (counters.due, counters.attempted, counters.opened);
        assert_eq!(found, (10, 1, 1), "{counters:?}");
        assert_eq!((counters.in_flight, counters.interrupted), (0, 9));
        let counters = summary.stats.counters;
        let due = messages.unwrap_or(0);
        assert_eq!((counters.due, counters.unsent.interrupted), (due, due));
        assert!(counters.is_balanced() && summary.stats.warmup.is_balanced());
    }
}

#[tokio::test]
async fn stages_and_seconds_count_handshakes_too() {
    let (address, _) = Peer::start(
        Failures {
            refuse: 2,
            ..Failures::default()
        },
        1,
    )
    .await;
    let mut config = config(2);
    config.mode = Mode::Handshake;
    config.targets = vec![format!("ws://{address}/").parse().unwrap()];
    config.load = Load::Open(Schedule::constant(40.0));
    config.duration = Some(Duration::from_millis(500));
    let summary = run(config, pending(), |_| {}).await.unwrap();
    let all = summary.handshakes.counters;
    assert_eq!(all.due, 20);
    assert_eq!(summary.stages[0].stats.handshakes, all);
    let [second] = &summary.series[..] else {
        panic!("one second");
    };
    assert_eq!(
        (second.counts.sent, second.counts.received),
        (all.attempted, all.opened)
    );
    assert!(second.counts.errors == all.failed && all.failed > 0);
}

#[tokio::test]
async fn what_is_lost_in_the_end_is_in_the_last_second_and_connections_are_open_then() {
    let (address, _) = Peer::start(
        Failures {
            drop: 3,
            ..Failures::default()
        },
        1,
    )
    .await;
    for (millis, seconds) in [(50, 1), (1000, 1), (1300, 2)] {
        let mut config = config(2);
        config.targets = vec![format!("ws://{address}/").parse().unwrap()];
        config.load = Load::Open(Schedule::constant(200.0));
        config.duration = Some(Duration::from_millis(millis));
        config.reply_timeout = Duration::from_millis(300);
        let summary = run(config, pending(), |_| {}).await.unwrap();
        assert!(summary.stats.counters.lost.total() > 0);
        assert_eq!(summary.series.len(), seconds, "{:?}", summary.series);
        assert!(summary.series.iter().all(|second| second.open == 2));
        check_seconds(&summary, "");
    }
}
