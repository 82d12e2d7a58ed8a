//! The whole report, at any width.

use std::time::Duration;

use super::*;
use crate::bench::counters::Cause;
use crate::bench::schedule::Schedule;
use crate::bench::testing;
use crate::report::bench::Made;
use crate::terminal::Style;

fn shown(summary: &mut Summary, config: &BenchConfig, expressions: &[&str], at: usize) -> String {
    let verdicts: Vec<Verdict> = expressions
        .iter()
        .map(|text| text.parse::<crate::bench::threshold::Threshold>().unwrap())
        .map(|threshold| threshold.judge(summary))
        .collect();
    let made = Made {
        demo: true,
        ..Made::default()
    };
    let mut run = Run {
        made: &made,
        config,
        summary,
        verdicts: &verdicts,
    };
    let look = Look {
        style: Style::plain(),
        width: at,
        control_frames: false,
    };
    render(&mut run, look)
}

#[test]
fn the_report_tells_everything_that_went_wrong() {
    let mut summary = testing::summary();
    summary.stats.counters.unsolicited = 2;
    let config = testing::config(10);
    let text = shown(&mut summary, &config, &["p99<5ms", "rate>=1"], 80);
    for part in [
        "echo: ws://127.0.0.1:9/\n(embedded server",
        "asked for 1 in flight on each connection, 64 B of generated text, for 300ms\n",
        "10 connections, measured for 10.00 s\n",
        "sent               1,000  13.3 KiB/s on the wire\n",
        "answered             990  99.0/s\n",
        "lost                   5  0.500%: no reply in time\n",
        "unsolicited            2  0.200%: messages that answer none of ours\n",
        "                       3  connection reset\n",
        "  round trip  1.00 ms",
        "  upgrade      2.00 ms",
        "client  1% of 1 thread busy, 100 µs of processor a message",
        "missed   p99<5ms  98",
        "reached  rate>=1  99.0/s\n",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    for nothing in ["  dns", "slip", "The client was busy", "p99.9", "\u{1b}"] {
        assert!(!text.contains(nothing), "{nothing:?} in:\n{text}");
    }
}

#[test]
fn the_report_fits_every_width() {
    let mut summary = testing::summary();
    summary.stats.errors.add(Cause::Closed {
        code: Some(4429),
        reason: "too many ".repeat(12),
    });
    for _ in 0..2000 {
        summary.stats.from_intended.record(3_000_000);
        summary.stats.slip.record(150_000_000);
    }
    let mut config = testing::config(10);
    config.load = Load::Open(Schedule::constant(120.0));
    for width in [40, 48, 60, 80, 120, 200] {
        let text = shown(&mut summary, &config, &["p99<5ms"], width);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}\n{text}");
        }
    }
    let wide = shown(&mut summary, &config, &[], 80);
    for part in [
        "p99.9",
        "from intended",
        "from send",
        "slip",
        "99.0% of the asked 100/s",
    ] {
        assert!(wide.contains(part), "no {part:?} in:\n{wide}");
    }
}

#[test]
fn a_busy_or_late_client_says_so() {
    let config = testing::config(10);
    let mut busy = testing::summary();
    busy.client.cpu = Duration::from_millis(9500);
    assert!(shown(&mut busy, &config, &[], 80).contains("The client was busy 95% of the time"));
    let mut late = testing::summary();
    for _ in 0..100 {
        late.stats.slip.record(150_000_000);
    }
    assert!(shown(&mut late, &config, &[], 80).contains("1% of the messages left 150"));
}

#[test]
fn words_of_the_server_cannot_act() {
    let mut summary = testing::summary();
    summary.stats.errors.add(Cause::Closed {
        code: Some(4000),
        reason: "\u{1b}[31m##[error]\u{202e}x".to_owned(),
    });
    let text = shown(&mut summary, &testing::config(1), &[], 80);
    assert!(
        !text.contains(['\u{1b}', '\u{202e}']) && !text.contains("##[error]"),
        "{text}"
    );
}

#[test]
fn numbers_and_rates() {
    for (number, text) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (1_234_567, "1,234,567"),
    ] {
        assert_eq!(grouped(number), text);
    }
    for (number, text) in [
        (0.0, "0.0/s"),
        (2.5, "2.50/s"),
        (99.04, "99.0/s"),
        (123_456.7, "123,457/s"),
    ] {
        assert_eq!(rate(number), text);
    }
}
