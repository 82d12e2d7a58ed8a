//! Where messages went that were not answered, and the rows of URLs and stages.

use super::numbers::{grouped, percentile, rate};
use super::page::Page;
use super::table::{Column, Table};
use crate::bench::Mode;
use crate::bench::counters::{Counters, HandshakeCounters};
use crate::bench::stats::Stats;
use crate::bench::summary::Summary;
use crate::terminal::sanitize::sanitize_report;

/// A number with its name and its meaning.
type Failure = (&'static str, u64, &'static str);

/// What did not end as it should.
pub(super) fn failures(summary: &Summary) -> Vec<Failure> {
    let counters = &summary.stats.counters;
    match summary.mode {
        Mode::Handshake => of_handshakes(&summary.handshakes.counters).to_vec(),
        mode => {
            let (sent, received) = (of_sent(counters), of_received(mode, counters));
            sent.into_iter().chain(received).collect()
        }
    }
}

fn of_handshakes(counters: &HandshakeCounters) -> [Failure; 4] {
    let busy = "as many as --connections were under way";
    [
        ("failed", counters.failed, "no connection was opened"),
        ("in flight", counters.in_flight, "at the end"),
        ("not begun", counters.busy, busy),
        ("not begun", counters.interrupted, "the run was interrupted"),
    ]
}

fn of_sent(counters: &Counters) -> [Failure; 8] {
    let (unsent, lost) = (&counters.unsent, &counters.lost);
    let not_sent = |count, why| ("not sent", count, why);
    [
        ("lost", lost.timed_out, "no reply in time"),
        ("lost", lost.ended, "the connection ended before the reply"),
        not_sent(unsent.gone, "the connection was gone"),
        not_sent(unsent.refused, "the connection could not be opened"),
        not_sent(unsent.blocked, "the connection took no more"),
        not_sent(unsent.too_slow, "the load generator did not come to it"),
        not_sent(unsent.interrupted, "the run was interrupted"),
        ("in flight", counters.in_flight, "at the interruption"),
    ]
}

fn of_received(mode: Mode, counters: &Counters) -> [Failure; 5] {
    let Counters {
        mismatched,
        late,
        duplicate,
        foreign,
        ..
    } = *counters;
    let unsolicited = match mode {
        // All that comes in is.
        Mode::Flood => 0,
        _ => counters.unsolicited.saturating_sub(foreign),
    };
    let differ = "replies that differ from what was sent";
    let others = "messages of other connections, as of a broadcast";
    [
        ("mismatched", mismatched, differ),
        ("late", late, "replies to messages given up as lost"),
        (
            "duplicate",
            duplicate,
            "replies to messages already answered",
        ),
        (
            "unsolicited",
            unsolicited,
            "messages that answer none of ours",
        ),
        ("foreign", foreign, others),
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
