//! The modes, and the shapes of load.

use super::*;

#[tokio::test]
async fn an_open_loop_sends_all_that_is_due() {
    let mut summary = measure(echo, |config| {
        open_loop(config, 2000.0);
        config.warmup = Duration::from_millis(100);
        config.duration = Some(Duration::from_millis(500));
    })
    .await;
    assert_eq!(summary.stats.counters.sent, 1000);
    assert_eq!(summary.stats.counters.answered, 1000);
    assert_eq!(summary.stats.slip.histogram().len(), 1000);
    assert_eq!(summary.duration, Duration::from_millis(500));
}

#[tokio::test]
async fn think_time_holds_the_rate_down() {
    let summary = measure(echo, |config| {
        config.duration = Some(Duration::from_secs(1));
        config.load = Load::Closed {
            in_flight: 1,
            think_time: Duration::from_millis(100),
        };
    })
    .await;
    // Ten pauses fit, and each of four connections sends once more at most.
    let sent = summary.stats.counters.sent;
    assert!((4..=44).contains(&sent), "{sent}");
}

#[tokio::test]
async fn idle_connections_are_pinged_and_held() {
    let summary = measure(echo, |config| {
        config.mode = Mode::Idle;
        config.payload = PayloadConfig::Generated {
            min_bytes: 8,
            max_bytes: 8,
            fill: Fill::default(),
        };
        open_loop(config, 100.0);
        config.duration = Some(Duration::from_millis(500));
    })
    .await;
    let counters = summary.stats.counters;
    assert_eq!(
        (counters.sent, counters.answered, counters.lost.total()),
        (50, 50, 0)
    );
}

#[tokio::test]
async fn a_flood_waits_for_nobody() {
    let summary = interrupted_when(
        echo,
        |live| live.rate > 0.0,
        |config| {
            config.mode = Mode::Flood;
        },
    )
    .await;
    let counters = summary.stats.counters;
    assert!(counters.sent > 1000, "{counters:?}");
    assert!(counters.unsolicited > 0, "{counters:?}");
    assert_eq!((counters.answered, counters.lost.total()), (0, 0));
    assert_eq!(counters.untracked, counters.sent);
}

#[tokio::test]
async fn handshakes_come_and_go() {
    let summary = measure(echo, |config| {
        hundred_messages(config);
        config.mode = Mode::Handshake;
    })
    .await;
    assert_eq!(summary.handshakes.counters.opened, 100);
    assert_eq!((summary.connections_open, summary.connections_left), (0, 0));
    assert_eq!((summary.sent(), summary.answered()), (100, 100));
    assert_eq!(summary.stats.errors.total(), 0);
}

#[tokio::test]
async fn several_targets_and_sources_share_the_connections_and_refusals_are_counted() {
    let address = server(echo).await;
    let summary = measure(echo, |config| {
        hundred_messages(config);
        config.connections = 6;
        config
            .targets
            .push(format!("ws://{address}/refuse").parse().unwrap());
        config.source_ips = vec![[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
        config.ramp_up = Duration::from_millis(60);
    })
    .await;
    assert_eq!(summary.connections_open, 3);
    let cause = "the server answered HTTP/1.1 403 Forbidden";
    assert_eq!(summary.stats.errors.count_of(cause), 3);
}
