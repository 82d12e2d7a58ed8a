//! The report of `wscli bench` for people.

use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::bench::Mode;
use crate::bench::stats::Recorder;
use crate::bench::summary::{Bottleneck, End, Summary};
use crate::bench::threshold::Verdict;
use crate::value;

/// The width of the histogram's longest bar, in characters.
const BAR: u64 = 40;

/// How many rows the histogram has at most.
const ROWS: usize = 12;

/// The report of a run. `demo` says that the server was embedded.
pub fn render(summary: &mut Summary, verdicts: &[Verdict], demo: bool) -> String {
    let mut out = String::new();
    head(&mut out, summary, demo);
    counts(&mut out, summary);
    if summary.mode != Mode::Flood {
        latency(&mut out, summary);
    }
    handshakes(&mut out, summary);
    client(&mut out, summary, demo);
    for verdict in verdicts {
        let word = if verdict.ok { "reached" } else { "missed " };
        let value = verdict
            .value
            .map_or_else(|| "nothing was measured".to_owned(), |v| v.to_string());
        line(
            &mut out,
            &format!("{word}  {}  ({value})", verdict.expression),
        );
    }
    if let Some(sentence) = bottleneck(summary) {
        line(&mut out, "");
        line(&mut out, &sentence);
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn head(out: &mut String, summary: &Summary, demo: bool) {
    let targets = summary.targets.join(", ");
    let demo = if demo {
        " (embedded server in this process: it shares the machine with the client)"
    } else {
        ""
    };
    line(out, &format!("{}: {targets}{demo}", summary.mode.name()));
    let ended = match summary.end {
        End::Finished => "",
        End::Interrupted => " (interrupted)",
    };
    let connections = if summary.mode == Mode::Handshake {
        format!("{} at a time", summary.connections)
    } else if summary.connections_open == summary.connections {
        format!("{} connections", summary.connections)
    } else {
        format!(
            "{} of {} connections open",
            summary.connections_open, summary.connections
        )
    };
    let seconds = summary.duration.as_secs_f64();
    line(
        out,
        &format!("{connections}, measured for {seconds:.2} s{ended}"),
    );
    line(out, "");
}

fn counts(out: &mut String, summary: &Summary) {
    let counters = &summary.stats.counters;
    let (what, replies) = match summary.mode {
        Mode::Echo => ("sent", "replies"),
        Mode::Idle => ("pings", "pongs"),
        Mode::Handshake => ("attempts", "handshakes"),
        Mode::Flood => ("sent", "received"),
    };
    let rate = summary.rate();
    line(
        out,
        &format!(
            "{what} {}   {replies} {}   {rate:.1}/s   {}/s on the wire",
            counters.sent,
            counters.received,
            value::bytes(summary.bytes_per_second()),
        ),
    );
    for (count, meaning) in [
        (counters.lost, "lost: no reply in time"),
        (counters.late, "late: reply after it was given up, or twice"),
        (counters.unsolicited, "unsolicited: answers none of ours"),
        (
            counters.mismatched,
            "mismatched: payload differs from what was sent",
        ),
        (
            counters.unsent,
            "not sent: the connection was gone or blocked",
        ),
        (counters.in_flight, "in flight at the interruption"),
    ] {
        if count > 0 {
            let share = value::percent(summary.share_of_sent(count));
            line(out, &format!("  {count} {meaning} ({share})"));
        }
    }
    for (cause, count) in &summary.stats.errors.0 {
        line(out, &format!("  {count} errors: {cause}"));
    }
    line(out, "");
}

fn latency(out: &mut String, summary: &mut Summary) {
    let rows = [
        ("from intended", &mut summary.stats.from_intended),
        ("from send", &mut summary.stats.from_send),
        ("slip", &mut summary.stats.slip),
    ];
    table(out, "latency", rows);
    bars(out, summary.stats.from_intended.histogram());
    line(out, "");
}

fn handshakes(out: &mut String, summary: &mut Summary) {
    let count = summary.handshakes.count;
    if count == 0 {
        return;
    }
    let handshakes = &mut summary.handshakes;
    let rows = [
        ("dns", &mut handshakes.dns),
        ("tcp", &mut handshakes.tcp),
        ("tls", &mut handshakes.tls),
        ("upgrade", &mut handshakes.upgrade),
    ];
    table(out, &format!("{count} handshakes"), rows);
    line(out, "");
}

/// A row of percentiles for each histogram that holds anything.
fn table<const N: usize>(out: &mut String, title: &str, rows: [(&str, &mut Recorder); N]) {
    const COLUMNS: [&str; 7] = ["min", "mean", "p50", "p90", "p99", "p99.9", "max"];
    let _ = write!(out, "{title:<16}");
    for column in COLUMNS {
        let _ = write!(out, "{column:>10}");
    }
    out.push('\n');
    for (name, recorder) in rows {
        let histogram = recorder.histogram();
        if histogram.is_empty() {
            continue;
        }
        let _ = write!(out, "  {name:<14}");
        let values = [
            histogram.min() as f64,
            histogram.mean(),
            histogram.value_at_quantile(0.5) as f64,
            histogram.value_at_quantile(0.9) as f64,
            histogram.value_at_quantile(0.99) as f64,
            histogram.value_at_quantile(0.999) as f64,
            histogram.max() as f64,
        ];
        for value in values {
            let _ = write!(out, "{:>10}", time(value));
        }
        out.push('\n');
    }
}

/// The histogram as bars. Rows are steps of a scale that suits the range from
/// the minimum to the 99th percentile; the last holds the rest.
fn bars(out: &mut String, histogram: &Histogram<u64>) {
    if histogram.is_empty() {
        return;
    }
    let low = histogram.min();
    let high = histogram.value_at_quantile(0.99).max(low + 1);
    let step = round_up((high - low) as f64 / (ROWS - 1) as f64);
    let first = low / step * step;
    let mut rows: Vec<(u64, u64)> = Vec::new();
    let mut from = first;
    while from <= high && rows.len() + 1 < ROWS {
        rows.push((from, count_between(histogram, from, from + step - 1)));
        from += step;
    }
    if from <= histogram.max() {
        rows.push((from, count_between(histogram, from, u64::MAX)));
    }
    let most = rows
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    line(out, "");
    for (from, count) in rows {
        let full = usize::try_from((count * BAR).div_ceil(most)).unwrap_or(0);
        let share = count as f64 / histogram.len() as f64 * 100.0;
        line(
            out,
            &format!(
                "  {:>9}  {:<40} {share:6.2}%",
                time(from as f64),
                "#".repeat(full)
            ),
        );
    }
}

fn count_between(histogram: &Histogram<u64>, from: u64, to: u64) -> u64 {
    histogram
        .iter_recorded()
        .filter(|value| (from..=to).contains(&value.value_iterated_to()))
        .map(|value| value.count_at_value())
        .sum()
}

/// The next of 1, 2 and 5 times a power of ten.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn round_up(value: f64) -> u64 {
    let mut power = 1_u64;
    while (power * 10) as f64 <= value {
        power *= 10;
    }
    [1, 2, 5, 10]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step as f64 >= value)
        .unwrap_or(power * 10)
}

fn client(out: &mut String, summary: &Summary, demo: bool) {
    let client = &summary.client;
    let busy = summary.cpu_utilisation() * 100.0;
    let mut text = format!("client: {busy:.0}% of {} thread(s) busy", client.threads);
    if let Some(each) = summary.cpu_per_message() {
        let _ = write!(text, ", {} of processor a message", value::time(each, 4));
    }
    if let Some(rss) = client.max_rss_bytes {
        let _ = write!(text, ", {} of memory", value::bytes(rss as f64));
        if demo {
            text.push_str(" with the embedded server");
        }
    }
    if summary.mode == Mode::Idle
        && let Some(each) = client.rss_bytes_per_connection
    {
        let _ = write!(text, ", {} a connection", value::bytes(each as f64));
        if demo {
            text.push_str(" on both ends together");
        }
    }
    line(out, &text);
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

/// A time in nanoseconds, in four digits.
fn time(ns: f64) -> String {
    value::time(Duration::from_secs_f64(ns / 1e9), 4)
}

/// One line on how a run goes.
pub fn live(live: &crate::bench::Live) -> String {
    use crate::bench::Part;
    let open = live.open;
    match live.part {
        Part::Opening => format!("opening: {open} connections open"),
        Part::Warmup => format!("warm-up: {open} connections open"),
        Part::Measuring => format!(
            "{:.0}/s  p50 {}  p99 {}  {open} open  {} errors",
            live.rate,
            time(live.p50_ns as f64),
            time(live.p99_ns as f64),
            live.errors
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing::summary;

    #[test]
    fn the_report_tells_everything_that_went_wrong() {
        let mut summary = summary();
        summary.stats.counters.unsolicited = 2;
        let verdict = "p99<5ms"
            .parse::<crate::bench::threshold::Threshold>()
            .unwrap()
            .judge(&mut summary);
        let text = render(&mut summary, &[verdict], true);
        for part in [
            "echo: ws://127.0.0.1:9/ (embedded server",
            "10 connections, measured for 10.00 s\n",
            "sent 1000   replies 990   99.0/s   13.3 KiB/s on the wire\n",
            "  5 lost: no reply in time (0.500%)\n",
            "  2 unsolicited: answers none of ours (0.200%)\n",
            "  3 errors: connection reset\n",
            "  from intended   999.9 µs",
            "  slip            20.00 µs",
            "  upgrade         2.000 ms",
            "client: 1% of 1 thread(s) busy, 100.0 µs of processor a message",
            "missed   p99<5ms  (981.",
        ] {
            assert!(text.contains(part), "no {part:?} in:\n{text}");
        }
        assert!(!text.contains("  dns"), "{text}");
        assert!(!text.contains("The client was busy"), "{text}");
    }

    #[test]
    fn a_busy_or_late_client_says_so() {
        let mut busy = summary();
        busy.client.cpu = Duration::from_millis(9500);
        assert!(render(&mut busy, &[], false).contains("The client was busy 95% of the time"));
        let mut late = summary();
        for _ in 0..100 {
            late.stats.slip.record(150_000_000);
        }
        assert!(render(&mut late, &[], false).contains("1% of the messages left 150."));
    }

    #[test]
    fn the_bars_hold_every_sample() {
        let mut summary = summary();
        let mut out = String::new();
        bars(&mut out, summary.stats.from_intended.histogram());
        let shares: f64 = out
            .lines()
            .filter_map(|line| {
                line.rsplit(' ')
                    .next()?
                    .strip_suffix('%')?
                    .parse::<f64>()
                    .ok()
            })
            .sum();
        assert!((shares - 100.0).abs() < 0.2, "{out}");
        assert!(out.lines().count() <= ROWS + 1, "{out}");
    }
}
