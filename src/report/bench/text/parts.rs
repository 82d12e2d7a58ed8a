//! Where messages went that were not answered, and the rows of URLs and stages.

use super::numbers::{grouped, percentile, rate};
use super::page::Page;
use super::table::{Column, Table};
use crate::bench::Mode;
use crate::bench::stats::Stats;
use crate::bench::summary::Summary;
use crate::terminal::sanitize::sanitize_report;

/// What did not end as it should: name, number and meaning.
pub(super) fn failures(summary: &Summary) -> Vec<(&'static str, u64, &'static str)> {
    let (counters, handshakes) = (&summary.stats.counters, &summary.handshakes.counters);
    if summary.mode == Mode::Handshake {
        return vec![
            ("failed", handshakes.failed, "no connection was opened"),
            ("in flight", handshakes.in_flight, "at the end"),
            (
                "not begun",
                handshakes.busy,
                "as many as --connections were under way",
            ),
            (
                "not begun",
                handshakes.interrupted,
                "the run was interrupted",
            ),
        ];
    }
    let (unsent, lost) = (&counters.unsent, &counters.lost);
    let unsolicited = match summary.mode {
        // All that comes in is.
        Mode::Flood => 0,
        _ => counters.unsolicited - counters.foreign.min(counters.unsolicited),
    };
    vec![
        ("lost", lost.timed_out, "no reply in time"),
        ("lost", lost.ended, "the connection ended before the reply"),
        ("not sent", unsent.gone, "the connection was gone"),
        (
            "not sent",
            unsent.refused,
            "the connection could not be opened",
        ),
        ("not sent", unsent.blocked, "the connection took no more"),
        (
            "not sent",
            unsent.too_slow,
            "the load generator did not come to it",
        ),
        ("not sent", unsent.interrupted, "the run was interrupted"),
        ("in flight", counters.in_flight, "at the interruption"),
        (
            "mismatched",
            counters.mismatched,
            "replies that differ from what was sent",
        ),
        (
            "late",
            counters.late,
            "replies to messages given up as lost",
        ),
        (
            "duplicate",
            counters.duplicate,
            "replies to messages already answered",
        ),
        (
            "unsolicited",
            unsolicited,
            "messages that answer none of ours",
        ),
        (
            "foreign",
            counters.foreign,
            "messages of other connections, as of a broadcast",
        ),
    ]
}

/// A row for each URL, where there are several.
pub(super) fn urls(page: &mut Page, summary: &mut Summary) {
    if summary.urls.len() < 2 {
        return;
    }
    let seconds = summary.duration.as_secs_f64();
    let mut table = table("URL", summary.mode);
    for url in &mut summary.urls {
        let mut cells = vec![grouped(url.connections as u64)];
        let counters = &url.handshakes.counters;
        match summary.mode {
            Mode::Handshake => {
                cells.extend(figures(counters.attempted, counters.opened, seconds));
                cells.push(some(counters.failed));
            }
            mode => cells.extend(messages(&url.stats, mode, seconds)),
        }
        cells.extend(times(&mut url.stats));
        table.row(sanitize_report(&url.url), cells);
    }
    page.line("");
    page.table(&table);
}

/// A row for each stage, where there are several.
pub(super) fn stages(page: &mut Page, summary: &mut Summary) {
    if summary.stages.len() < 2 {
        return;
    }
    let mode = summary.mode;
    let mut table = table("stage", mode);
    for (number, result) in summary.stages.iter_mut().enumerate() {
        let (asked, length) = (rate(result.stage.rate), result.stage.duration);
        let seconds = length.as_secs_f64();
        let mut cells = vec![String::new()];
        cells.extend(messages(&result.stats, mode, seconds));
        cells.extend(times(&mut result.stats));
        table.row(format!("{}: {asked} for {length:?}", number + 1), cells);
    }
    page.line("");
    page.table(&table);
}

fn table(title: &str, mode: Mode) -> Table {
    let column = |head, weight| Column { head, weight };
    let (answered, failed) = match mode {
        Mode::Handshake => ("opened", "failed"),
        Mode::Idle => ("pongs", "lost"),
        Mode::Flood => ("received", "lost"),
        Mode::Echo => ("answered", "lost"),
    };
    Table::new(
        title,
        [
            column("conns", 2),
            column("sent", 1),
            column(answered, 5),
            column("rate", 6),
            column(failed, 9),
            column("not sent", 8),
            column("p50", 4),
            column("p95", 3),
            column("p99", 7),
        ],
    )
}

fn messages(stats: &Stats, mode: Mode, seconds: f64) -> Vec<String> {
    let counters = &stats.counters;
    let mut cells = match mode {
        Mode::Flood => vec![
            grouped(counters.sent),
            some(counters.received()),
            rate(counters.sent as f64 / seconds.max(1e-9)),
        ],
        _ => figures(counters.sent, counters.answered, seconds),
    };
    cells.push(some(counters.lost.total()));
    cells.push(some(counters.unsent.total()));
    cells
}

fn figures(sent: u64, answered: u64, seconds: f64) -> Vec<String> {
    let per_second = answered as f64 / seconds.max(1e-9);
    vec![grouped(sent), grouped(answered), rate(per_second)]
}

/// A number that is only told when it is more than nothing.
fn some(count: u64) -> String {
    match count {
        0 => String::new(),
        count => grouped(count),
    }
}

fn times(stats: &mut Stats) -> Vec<String> {
    let histogram = stats.from_intended.histogram();
    [0.5, 0.95, 0.99]
        .map(|quantile| percentile(histogram, quantile))
        .to_vec()
}
