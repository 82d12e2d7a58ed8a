//! The report of `wscli bench` for people, as wide as there is room.

pub(crate) mod asked;
mod histogram;
mod look;
mod notes;
pub(crate) mod numbers;
mod page;
mod parts;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::look::Look;

use self::histogram::bars;
use self::numbers::{grouped, percentile, rate, time};
use self::page::Page;
use self::table::{Column, Table, pad, width};
use super::Run;
use crate::bench::stats::Recorder;
use crate::bench::summary::Summary;
use crate::bench::threshold::Verdict;
use crate::bench::{BenchConfig, Load, Mode};
use crate::terminal::sanitize::sanitize_report;
use crate::terminal::style::Role;
use crate::value;

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
    parts::urls(&mut page, summary);
    parts::stages(&mut page, summary);
    handshakes(&mut page, summary);
    client(&mut page, summary, run.made.demo);
    for sentence in notes::sentences(summary, run.config) {
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
        let value = verdict.measured;
        text.push_str(&format!("{word}  {expression}  {value}\n"));
    }
    text
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
            if counters.received() > 0 {
                page.count(None, answered, counters.received(), "");
            }
        }
        _ => {
            page.count(None, sent, summary.sent(), &wire);
            page.count(None, answered, summary.answered(), &rate);
        }
    }
    for (name, count, meaning) in parts::failures(summary) {
        if count > 0 {
            let share = value::percent(summary.share_of_due(count));
            let role = match name {
                "in flight" => None,
                _ => Some(Role::Error),
            };
            page.count(role, name, count, &format!("{share}: {meaning}"));
        }
    }
    if page.look.control_frames {
        page.count(None, "pings in", counters.pings, "received");
        page.count(None, "pongs in", counters.pongs, "received");
    }
}

/// The errors by cause, the most frequent first.
fn errors(page: &mut Page, summary: &Summary) {
    let (causes, (kinds, others)) = summary.stats.errors.most_frequent(CAUSES);
    if causes.is_empty() {
        return;
    }
    page.line("");
    page.title("errors");
    let role = Some(Role::Error);
    for (cause, count) in &causes {
        // The server's words may be among them.
        page.count(role, "", *count, &sanitize_report(cause));
    }
    if kinds > 0 {
        let what = format!("of {kinds} more causes; --json tells more of them apart");
        page.count(role, "", others, &what);
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
    let count = handshakes.counters.opened;
    if count == 0 {
        return;
    }
    let plural = if count == 1 { "" } else { "s" };
    let title = format!("{} handshake{plural}", grouped(count));
    let mut table = times_table(title);
    times_row(&mut table, "in all", &mut handshakes.total);
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
