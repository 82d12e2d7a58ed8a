//! The report of `wscli bench` for people, as wide as there is room.

mod asked;
mod histogram;
mod table;

use std::time::Duration;

use hdrhistogram::Histogram;

use self::histogram::bars;
use self::table::{Column, Table, pad, right, width};
use super::Run;
use crate::bench::stats::Recorder;
use crate::bench::summary::{Bottleneck, End, Summary};
use crate::bench::threshold::Verdict;
use crate::bench::{BenchConfig, Load, Mode};
use crate::report::probe::text::wrapped;
use crate::terminal::Style;
use crate::terminal::sanitize::sanitize_report;
use crate::terminal::style::Role;
use crate::value;

/// How the text is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Whether it is coloured.
    pub style: Style,
    /// How many columns there are.
    pub width: usize,
}

/// Prose is not wider than this, however wide the terminal is.
const PROSE: usize = 100;

/// How many causes of errors are listed.
const CAUSES: usize = 10;

/// The report of a run.
pub(crate) fn render(run: &mut Run<'_>, look: Look) -> String {
    let mut page = Page {
        look,
        text: String::new(),
    };
    asked::head(&mut page, run);
    let summary = &mut *run.summary;
    counts(&mut page, summary, run.config);
    errors(&mut page, summary);
    if summary.mode != Mode::Flood {
        latency(&mut page, summary, &run.config.load);
    }
    handshakes(&mut page, summary);
    client(&mut page, summary, run.made.demo);
    if let Some(sentence) = bottleneck(summary) {
        page.prose(&page.look.style.paint(Role::Status, "note: "), &sentence);
    }
    page.text.push_str(&verdicts(run.verdicts, look));
    page.text
}

/// The verdicts on the thresholds, a line each.
pub(crate) fn verdicts(verdicts: &[Verdict], look: Look) -> String {
    let expressions = verdicts.iter().map(|verdict| width(&verdict.expression));
    let widest = expressions.max().unwrap_or(0);
    let mut text = String::new();
    for verdict in verdicts {
        let word = match verdict.ok {
            true => look.style.paint(Role::Sent, "reached"),
            false => look.style.paint(Role::Error, "missed "),
        };
        let expression = pad(&verdict.expression, widest);
        let value = verdict
            .value
            .map_or_else(|| "nothing was measured".to_owned(), |v| v.to_string());
        text.push_str(&format!("{word}  {expression}  {value}\n"));
    }
    text
}

/// The text as it grows.
struct Page {
    look: Look,
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// Sentences, broken between words. The mark in front may be coloured.
    fn prose(&mut self, mark: &str, text: &str) {
        let width = self.look.width.min(PROSE);
        let plain = strip(mark);
        let lines = wrapped(&format!("{plain}{text}"), Some(width), 2);
        let all = lines.join("\n");
        let rest = all.strip_prefix(plain.as_str()).unwrap_or(&all).to_owned();
        self.line(&format!("{mark}{rest}"));
    }

    fn table(&mut self, table: &Table) {
        table.render(self.look, &mut self.text);
    }

    fn title(&mut self, text: &str) {
        let title = self.look.style.paint(Role::Prompt, text);
        self.line(&title);
    }

    /// A figure with its name in front, and what there is to say of it behind.
    fn count(&mut self, role: Option<Role>, name: &str, count: u64, what: &str) {
        let count = right(&grouped(count), 12);
        let count = role.map_or(count.clone(), |role| self.look.style.paint(role, &count));
        let start = format!("{}{count}", pad(name, 12));
        let room = self.look.width.min(PROSE).saturating_sub(26).max(20);
        for (index, part) in wrapped(what, Some(room), 0).iter().enumerate() {
            match index {
                0 => self.line(&format!("{start}  {part}")),
                _ => self.line(&format!("{}{part}", " ".repeat(26))),
            }
        }
    }
}

/// A text without its colours, which are all ours.
fn strip(text: &str) -> String {
    let mut plain = String::new();
    let mut is_escape = false;
    for c in text.chars() {
        match (is_escape, c) {
            (false, '\u{1b}') => is_escape = true,
            (false, c) => plain.push(c),
            (true, 'm') => is_escape = false,
            (true, _) => {}
        }
    }
    plain
}

fn counts(page: &mut Page, summary: &Summary, config: &BenchConfig) {
    let counters = &summary.stats.counters;
    let (sent, answered) = match summary.mode {
        Mode::Echo => ("sent", "answered"),
        Mode::Idle => ("pings", "pongs"),
        Mode::Handshake => ("attempts", "opened"),
        Mode::Flood => ("sent", "received"),
    };
    page.line("");
    let wire = format!("{}/s on the wire", value::bytes(summary.bytes_per_second()));
    let reached = summary.rate();
    let rate = match asked::rate_of(config, summary) {
        Some(asked) if asked > 0.0 => {
            let share = reached / asked * 100.0;
            format!(
                "{}, {share:.1}% of the asked {}",
                rate(reached),
                rate(asked)
            )
        }
        _ => rate(reached),
    };
    match summary.mode {
        Mode::Flood => {
            page.count(None, sent, summary.sent(), &format!("{rate}; {wire}"));
            if summary.answered() > 0 {
                page.count(None, answered, summary.answered(), "");
            }
        }
        _ => {
            page.count(None, sent, summary.sent(), &wire);
            page.count(None, answered, summary.answered(), &rate);
        }
    }
    for (name, count, meaning) in [
        (
            "lost",
            counters.lost.total(),
            "no reply in time, or the connection ended first",
        ),
        (
            "late",
            counters.late + counters.duplicate,
            "replies after they were given up, or twice",
        ),
        (
            "unsolicited",
            counters.unsolicited,
            "messages that answer none of ours",
        ),
        (
            "mismatched",
            counters.mismatched,
            "replies that differ from what was sent",
        ),
        (
            "not sent",
            counters.unsent.total() + summary.handshakes.counters.unsent(),
            "the connection was gone or blocked",
        ),
        ("in flight", counters.in_flight, "at the interruption"),
    ] {
        if count > 0 {
            let share = value::percent(summary.share_of_sent(count));
            let role = match name {
                "in flight" => None,
                _ => Some(Role::Error),
            };
            page.count(role, name, count, &format!("{share}: {meaning}"));
        }
    }
}

/// The errors by cause, the most frequent first.
fn errors(page: &mut Page, summary: &Summary) {
    let mut causes: Vec<_> = summary.stats.errors.0.iter().collect();
    if causes.is_empty() {
        return;
    }
    causes.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    page.line("");
    page.title("errors");
    let role = Some(Role::Error);
    for (cause, count) in causes.iter().take(CAUSES) {
        // The server's words may be among them.
        page.count(role, "", **count, &sanitize_report(&cause.to_string()));
    }
    let rest = causes.get(CAUSES..).unwrap_or_default();
    if !rest.is_empty() {
        let count = rest.iter().map(|(_, count)| **count).sum();
        let what = format!("of {} more causes; --json lists all", rest.len());
        page.count(role, "", count, &what);
    }
}

fn latency(page: &mut Page, summary: &mut Summary, load: &Load) {
    let count = summary.stats.from_intended.histogram().len();
    if count == 0 {
        return;
    }
    page.line("");
    let (mut table, stats) = (times_table("latency"), &mut summary.stats);
    // In a closed loop a message is meant to leave when it leaves.
    if matches!(load, Load::Open(_)) {
        times_row(&mut table, "from intended", &mut stats.from_intended);
        times_row(&mut table, "from send", &mut stats.from_send);
        times_row(&mut table, "slip", &mut stats.slip);
    } else {
        times_row(&mut table, "round trip", &mut stats.from_intended);
    }
    page.table(&table);
    page.line("");
    bars(stats.from_intended.histogram(), page.look, &mut page.text);
}

fn handshakes(page: &mut Page, summary: &mut Summary) {
    let handshakes = &mut summary.handshakes;
    if handshakes.counters.opened == 0 {
        return;
    }
    let plural = if handshakes.counters.opened == 1 {
        ""
    } else {
        "s"
    };
    let title = format!("{} handshake{plural}", grouped(handshakes.counters.opened));
    let mut table = times_table(title);
    times_row(&mut table, "dns", &mut handshakes.dns);
    times_row(&mut table, "tcp", &mut handshakes.tcp);
    times_row(&mut table, "tls", &mut handshakes.tls);
    times_row(&mut table, "upgrade", &mut handshakes.upgrade);
    page.line("");
    page.table(&table);
}

/// The percentiles of a table, and how much each is worth where there is little room.
const PERCENTILES: [(&str, f64, u8); 5] = [
    ("p50", 0.5, 9),
    ("p90", 0.9, 3),
    ("p95", 0.95, 6),
    ("p99", 0.99, 8),
    ("p99.9", 0.999, 4),
];

fn times_table(title: impl Into<String>) -> Table {
    let column = |head, weight| Column { head, weight };
    let percentiles = PERCENTILES.map(|(head, _, weight)| column(head, weight));
    let around = [column("min", 2), column("mean", 5)].into_iter();
    Table::new(title, around.chain(percentiles).chain([column("max", 7)]))
}

/// A row of percentiles, when there is anything to tell. A percentile that would be
/// the maximum, since there are too few values, is left out.
fn times_row(table: &mut Table, name: &str, recorder: &mut Recorder) {
    let histogram = recorder.histogram();
    if histogram.is_empty() {
        return;
    }
    let mut cells = vec![time(histogram.min() as f64), time(histogram.mean())];
    cells.extend(PERCENTILES.map(|(_, quantile, _)| percentile(histogram, quantile)));
    cells.push(time(histogram.max() as f64));
    table.row(name, cells);
}

fn percentile(histogram: &Histogram<u64>, quantile: f64) -> String {
    // One value beyond it at least; the sum may be a little off a whole number.
    if histogram.len() as f64 * (1.0 - quantile) < 0.999 {
        return String::new();
    }
    time(histogram.value_at_quantile(quantile) as f64)
}

fn client(page: &mut Page, summary: &Summary, demo: bool) {
    let client = &summary.client;
    let busy = summary.cpu_utilisation() * 100.0;
    let plural = if client.threads == 1 { "" } else { "s" };
    let mut text = format!("{busy:.0}% of {} thread{plural} busy", client.threads);
    if let Some(each) = summary.cpu_per_message() {
        text.push_str(&format!(
            ", {} of processor a message",
            time(each.as_nanos() as f64)
        ));
    }
    if let Some(rss) = client.max_rss_bytes {
        text.push_str(&format!(", {} of memory", value::bytes(rss as f64)));
        if demo {
            text.push_str(" with the embedded server");
        }
    }
    if summary.mode == Mode::Idle
        && let Some(each) = client.rss_bytes_per_connection
    {
        text.push_str(&format!(", {} a connection", value::bytes(each as f64)));
        if demo {
            text.push_str(" on both ends together");
        }
    }
    page.line("");
    let mark = page.look.style.paint(Role::Prompt, "client  ");
    page.prose(&mark, &text);
}

fn bottleneck(summary: &mut Summary) -> Option<String> {
    Some(match summary.bottleneck()? {
        Bottleneck::Cpu(used) => format!(
            "The client was busy {:.0}% of the time: these numbers may be its limit and not the server's. Use more --threads or another machine, or a lower --rate.",
            used * 100.0
        ),
        Bottleneck::Slip(ns) => format!(
            "1% of the messages left {} or more after they were meant to: the client, or a connection that took no more, was behind its schedule. Latency from intended send includes that; latency from send does not.",
            time(ns as f64)
        ),
    })
}

/// A time in nanoseconds, in three digits.
pub(super) fn time(ns: f64) -> String {
    value::time(Duration::from_secs_f64(ns / 1e9), 3)
}

/// A rate, in as many digits as matter.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 100.0 => format!("{}/s", grouped(rounded(rate))),
        rate if rate >= 10.0 || rate == 0.0 => format!("{rate:.1}/s"),
        rate => format!("{rate:.2}/s"),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rounded(value: f64) -> u64 {
    value.round() as u64
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How the run ended, where that was not as planned.
fn ended(end: End) -> &'static str {
    match end {
        End::Finished => "",
        End::Interrupted => " (interrupted)",
        End::ConnectionsGone { .. } => " (ended early: all connections were gone)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::counters::Cause;
    use crate::bench::schedule::Schedule;
    use crate::bench::testing;
    use crate::report::bench::Made;

    fn shown(
        summary: &mut Summary,
        config: &BenchConfig,
        expressions: &[&str],
        at: usize,
    ) -> String {
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
            "lost                   5  0.500%: no reply in time",
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
        summary.stats.errors.add(Cause::Ended(format!(
            "closed by the server with 4429: {}",
            "too many ".repeat(12)
        )));
        for _ in 0..2000 {
            summary.stats.from_intended.record(3_000_000);
            summary.stats.slip.record(150_000_000);
        }
        let mut config = testing::config(10);
        config.load = Load::Open(Schedule::constant(120.0));
        for width in [48, 60, 80, 120, 200] {
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
            "82.5% of the asked 120/s",
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
        summary.stats.errors.add(Cause::Ended(
            "closed by the server with 4000: \u{1b}[31m##[error]\u{202e}x".to_owned(),
        ));
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
}
