//! What is reached and missed.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::bench::testing::summary;

fn judged(summary: &mut Summary, expression: &str) -> (bool, String) {
    let threshold: Threshold = expression.parse().unwrap();
    let verdict = threshold.judge(summary);
    (verdict.ok, verdict.measured.to_string())
}

#[test]
fn each_metric_is_judged_by_its_own_unit() {
    // 1000 sent, 990 replies of 1 to 990 ms in 10 s, 5 lost, 3 errors.
    let mut summary = summary();
    for (expression, ok) in [
        ("p50<500ms", true),
        ("p50 < 490ms", false),
        ("p99<1s", true),
        ("min>500us", true),
        ("rate>=99", true),
        ("rate>0.1k", false),
        ("errors<0.31%", true),
        ("errors<0.003", false),
        ("lost<=0.5%", true),
        ("lost<0.5%", false),
        ("unsent<=0", true),
        ("connections>=100%", true),
        ("connections<1", false),
        ("slip.p99<21us", true),
        ("slip.max<1us", false),
        ("handshake.p50<16ms", true),
        ("handshake.max<=20ms", false),
        ("handshake.tcp.p50<6ms", true),
        ("handshake.upgrade.max<=10ms", false),
        ("handshake.failed<=0%", true),
    ] {
        let (found, measured) = judged(&mut summary, expression);
        assert_eq!(found, ok, "{expression}: {measured}");
    }
    let (ok, told) = judged(&mut summary, "handshake.tls.p50<1s");
    assert_eq!((ok, told.as_str()), (false, "nothing was measured"));
}

#[test]
fn lost_and_unsent_messages_are_slower_than_any_limit() {
    let mut summary = summary();
    // 5 of 1000 are lost: the 99.5th percentile is the first that they reach.
    for (expression, ok, told) in [
        ("p99.4<60s", true, ""),
        ("p99.5<60s", false, "unknown: 0.500% lost"),
        ("max<60s", false, "unknown: 0.500% lost"),
        ("mean<60s", false, "unknown: 0.500% lost"),
        ("p99.9>1ms", false, "unknown: 0.500% lost"),
        ("min<60s", true, ""),
    ] {
        let (found, measured) = judged(&mut summary, expression);
        assert_eq!(found, ok, "{expression}: {measured}");
        assert!(measured.contains(told), "{expression}: {measured}");
    }
    summary.stats.counters.unsent.gone = 1000;
    summary.stats.counters.due = 2000;
    let (ok, told) = judged(&mut summary, "p50<60s");
    assert_eq!(
        (ok, told.as_str()),
        (false, "unknown: 0.250% lost, 50.000% not sent")
    );
    assert!(!judged(&mut summary, "unsent<49%").0);
    assert!(!judged(&mut summary, "slip.p50<60s").0);
}

#[test]
fn a_fleet_of_which_half_is_gone_has_errors_however_much_the_rest_sends() {
    let mut summary = summary();
    summary.connections_left = 5;
    let (ok, told) = judged(&mut summary, "errors<1%");
    assert_eq!((ok, told.as_str()), (false, "50.000% of connections"));
    assert!(!judged(&mut summary, "connections>=90%").0);
    summary.stats.counters = crate::bench::stats::Stats::default().counters;
    let (ok, told) = judged(&mut summary, "errors<1%");
    assert_eq!((ok, told.as_str()), (false, "50.000% of connections"));
}

#[test]
fn what_was_not_measured_is_missed() {
    let mut summary = summary();
    summary.stats = crate::bench::stats::Stats::default();
    for expression in ["p99<60s", "errors<100%", "lost<=0%", "unsent<=0%"] {
        let (ok, told) = judged(&mut summary, expression);
        assert_eq!(
            (ok, told.as_str()),
            (false, "nothing was measured"),
            "{expression}"
        );
    }
}

#[test]
fn mistakes_are_named() {
    for (text, part) in [
        (
            "p99=5ms",
            "compares nothing; write a metric, one of < <= > >=",
        ),
        ("lost==0", "compares nothing"),
        ("p101<5ms", "is on nothing known; use p0 to p100"),
        ("slip.rate<5", "is on nothing known"),
        ("handshake.proxy.p99<5ms", "handshake.PHASE."),
        (
            "p99<5",
            "has the limit '5'; write a time as 5ms, 250us or 1.5s",
        ),
        (
            "errors<x",
            "has the limit 'x'; write a share as 0.1% or 0.001",
        ),
        ("rate>=x", "write a number a second, such as 10000 or 10k"),
    ] {
        let error = text.parse::<Threshold>().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

proptest! {
    /// However many messages fail, a percentile is the one of all that were due.
    #[test]
    fn percentiles_are_those_of_all_that_was_due(
        times in proptest::collection::vec(1_u64..1_000_000, 1..200),
        lost in 0_u64..100,
        unsent in 0_u64..100,
        percentile in 1_u32..100,
    ) {
        let mut summary = summary();
        summary.stats = crate::bench::stats::Stats::default();
        for time in &times {
            summary.stats.from_intended.record(*time);
        }
        let answered = times.len() as u64;
        let counters = &mut summary.stats.counters;
        counters.answered = answered;
        counters.sent = answered + lost;
        counters.due = answered + lost + unsent;
        counters.lost.timed_out = lost;
        counters.unsent.gone = unsent;
        let mut all: Vec<u64> = times.clone();
        all.extend(std::iter::repeat_n(u64::MAX, usize::try_from(lost + unsent).unwrap()));
        all.sort_unstable();
        let rank = f64::from(percentile) / 100.0 * all.len() as f64;
        // Ranks at the very edge may be rounded to either side.
        prop_assume!((rank - rank.round()).abs() > 1e-6);
        let expected = all.iter().enumerate().find(|(i, _)| (i + 1) as f64 >= rank);
        let expected = *expected.unwrap().1;
        let expression = format!("p{percentile}<1h");
        let verdict = expression.parse::<Threshold>().unwrap().judge(&mut summary);
        match verdict.measured {
            Measured::Time(ns) => {
                prop_assert!((ns - expected as f64).abs() <= expected as f64 * 0.002 + 1.0);
            }
            Measured::Unknown { .. } => prop_assert!(expected == u64::MAX),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn what_the_mode_does_not_measure_is_refused_and_missed() {
    let closed = Load::Closed {
        in_flight: 1,
        think_time: Duration::ZERO,
    };
    let open = Load::Open(crate::bench::schedule::Schedule::constant(10.0));
    for (mode, load, expression, told) in [
        (
            Mode::Flood,
            &closed,
            "lost<1%",
            "mode flood waits for no replies",
        ),
        (
            Mode::Flood,
            &open,
            "p99<5ms",
            "mode flood waits for no replies",
        ),
        (Mode::Flood, &open, "slip.p99<5ms", ""),
        (Mode::Handshake, &open, "lost<1%", "sends no messages"),
        (Mode::Handshake, &open, "p99<5ms", ""),
        (Mode::Echo, &closed, "slip.p99<5ms", "without a schedule"),
        (Mode::Echo, &open, "slip.p99<5ms", ""),
        (Mode::Echo, &closed, "lost<1%", ""),
        (Mode::Idle, &open, "lost<1%", ""),
    ] {
        let threshold: Threshold = expression.parse().unwrap();
        let checked = threshold.check(mode, load);
        assert_eq!(checked.is_ok(), told.is_empty(), "{mode:?} {expression}");
        let Err(error) = checked else { continue };
        assert!(error.to_string().contains(told), "{error}");
        let mut summary = summary();
        summary.mode = mode;
        if !expression.starts_with("slip") {
            let (ok, told) = judged(&mut summary, expression);
            assert_eq!((ok, told.as_str()), (false, "nothing was measured"));
        }
    }
}

#[test]
fn in_mode_idle_pings_that_are_lost_are_errors() {
    let mut summary = summary();
    summary.mode = Mode::Idle;
    // 3 errors and 5 lost of 1000.
    let (ok, told) = judged(&mut summary, "errors<0.7%");
    assert_eq!((ok, told.as_str()), (false, "0.800%"));
    assert!(judged(&mut summary, "errors<0.9%").0);
    // Connections that are held without a ping.
    summary.stats = crate::bench::stats::Stats::default();
    assert!(judged(&mut summary, "errors<1%").0);
    assert!(!judged(&mut summary, "lost<1%").0);
}
