//! Values that several tests of this module share.

use std::time::Duration;

use super::config::{BenchConfig, Load, Mode};
use super::counters::{Cause, HandshakeCounters};
use super::matching::Matching;
use super::pacer::Pacing;
use super::payload::{Fill, PayloadConfig};
use super::stats::{HandshakeStats, Stats};
use super::summary::{ClientUse, End, Summary};
use crate::connection::{OpenConfig, Role, SocketConfig};

/// A closed loop of small messages, to nobody.
pub(crate) fn config(connections: usize) -> BenchConfig {
    BenchConfig {
        targets: vec!["ws://127.0.0.1:9/".parse().unwrap()],
        open: OpenConfig {
            // Only a failure waits for it.
            timeout: Some(Duration::from_mins(2)),
            ..OpenConfig::default()
        },
        socket: SocketConfig::new(Role::Client),
        header_rows: Vec::new(),
        source_ips: Vec::new(),
        mode: Mode::Echo,
        connections,
        threads: 1,
        on_callers_thread: false,
        load: Load::Closed {
            in_flight: 1,
            think_time: Duration::ZERO,
        },
        pacing: Pacing::Timer,
        payload: PayloadConfig::Generated {
            min_bytes: 64,
            max_bytes: 64,
            fill: Fill::default(),
        },
        text: true,
        matching: Matching::Auto,
        verify: false,
        ramp_up: Duration::ZERO,
        warmup: Duration::ZERO,
        duration: Some(Duration::from_millis(300)),
        messages: None,
        reply_timeout: Duration::from_mins(2),
    }
}

/// 1000 sent, 990 replies of 1 to 990 ms in 10 s, 5 lost, 3 errors.
pub(crate) fn summary() -> Summary {
    let mut stats = Stats::default();
    for ms in 1..=990 {
        stats.from_intended.record(ms * 1_000_000);
        stats.from_send.record(ms * 1_000_000);
        stats.slip.record(20_000);
    }
    stats.counters.sent = 1000;
    stats.counters.due = 1000;
    stats.counters.answered = 990;
    stats.counters.answered_in_time = 990;
    stats.counters.lost.timed_out = 5;
    stats.counters.in_flight = 5;
    stats.counters.bytes_sent = 70_000;
    stats.counters.bytes_received = 66_000;
    for _ in 0..3 {
        stats
            .errors
            .add(Cause::Ended("connection reset".to_owned()));
    }
    let mut handshakes = HandshakeStats::default();
    for ms in 1..=10 {
        handshakes
            .total
            .record_duration(Duration::from_millis(3 * ms));
        handshakes.tcp.record_duration(Duration::from_millis(ms));
        handshakes
            .upgrade
            .record_duration(Duration::from_millis(2 * ms));
    }
    handshakes.counters = HandshakeCounters {
        due: 10,
        attempted: 10,
        opened: 10,
        ..HandshakeCounters::default()
    };
    Summary {
        mode: Mode::Echo,
        targets: vec!["ws://127.0.0.1:9/".to_owned()],
        connections: 10,
        connections_open: 10,
        connections_left: 10,
        duration: Duration::from_secs(10),
        planned: Some(Duration::from_secs(10)),
        end: End::Finished,
        stats,
        handshakes,
        client: ClientUse {
            cpu: Duration::from_millis(100),
            waited: Some(Duration::ZERO),
            wall: Duration::from_secs(10),
            threads: 1,
            max_rss_bytes: Some(5 << 20),
            rss_bytes_per_connection: Some(2900),
        },
        series: Vec::new(),
        stages: Vec::new(),
        urls: Vec::new(),
    }
}
