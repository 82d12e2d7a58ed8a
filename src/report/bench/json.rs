//! The JSON report of `wscli bench`, schema 2. `docs/bench-json.md` and
//! `docs/bench-report.schema.json` describe it; a member is only ever added.

mod config;
mod parts;
mod times;

use std::collections::BTreeMap;

use serde::Serialize;

use self::config::Config;
use self::parts::{Counts, Handshake, Stage, Url, errors, handshake, stages, url};
use self::times::{Times, times, us};
use super::{Host, Run};
use crate::bench::bottleneck::Bottleneck;
use crate::bench::stats::Stats;
use crate::bench::summary::{End, Second};
use crate::bench::threshold::{Measured, Verdict};
use crate::bench::{BenchConfig, Summary};
use crate::terminal::sanitize::sanitize_json;

/// The schema's version.
pub(crate) const SCHEMA: u32 = 2;

/// The whole report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    version: &'static str,
    command_line: Vec<String>,
    started_at: String,
    host: Host,
    config: Config,
    mode: &'static str,
    target: String,
    targets: Vec<String>,
    demo: bool,
    connections: usize,
    connections_open: usize,
    connections_left: usize,
    interrupted: bool,
    ended: &'static str,
    ended_after_s: Option<f64>,
    duration_s: f64,
    #[serde(flatten)]
    counts: Counts,
    warmup: Counts,
    errors: BTreeMap<String, u64>,
    messages_per_second: f64,
    bytes_per_second: f64,
    order_shifted: bool,
    latency: Latency,
    handshake: Handshake,
    client: Client,
    bottleneck: Option<&'static str>,
    bottlenecks: Vec<&'static str>,
    thresholds: Vec<Threshold>,
    stages: Vec<Stage>,
    urls: Vec<Url>,
    series: Vec<SeriesSecond>,
}

#[derive(Debug, Serialize)]
struct Latency {
    from_intended: Times,
    from_send: Times,
    slip: Times,
}

#[derive(Debug, Serialize)]
struct Client {
    threads: usize,
    cpu_us_per_message: Option<f64>,
    cpu_utilisation: f64,
    waited_for_processor: Option<f64>,
    max_rss_bytes: Option<u64>,
    rss_bytes_per_connection: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Threshold {
    expr: String,
    value: Option<f64>,
    shown: String,
    ok: bool,
}

#[derive(Debug, Serialize)]
struct SeriesSecond {
    second: u64,
    span_s: f64,
    sent: u64,
    received: u64,
    lost: u64,
    unsent: u64,
    errors: u64,
    open: usize,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
    max_us: Option<f64>,
}

/// The report of a run.
pub(crate) fn report(run: &mut Run<'_>) -> Report {
    let (made, verdicts) = (run.made, run.verdicts);
    let found = Bottleneck::all_of(run.summary, run.config);
    let found: Vec<_> = found.iter().map(name_of_bottleneck).collect();
    let config = Config::of(run.config);
    let summary = &mut *run.summary;
    let (ended, after) = match summary.end {
        End::Finished => ("finished", None),
        End::Interrupted => ("interrupted", None),
        End::ConnectionsGone { after } => ("connections_gone", after),
    };
    let (mode, stats, handshakes) = (summary.mode, &summary.stats, &summary.handshakes);
    Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        command_line: made.command_line.clone(),
        started_at: made.started_at.clone(),
        host: made.host.clone(),
        config,
        mode: summary.mode.name(),
        target: summary.targets.first().cloned().unwrap_or_default(),
        targets: summary.targets.clone(),
        demo: made.demo,
        connections: summary.connections,
        connections_open: summary.connections_open,
        connections_left: summary.connections_left,
        interrupted: summary.end == End::Interrupted,
        ended,
        ended_after_s: after.map(|time| time.as_secs_f64()),
        duration_s: summary.duration.as_secs_f64(),
        counts: Counts::of_mode(mode, &stats.counters, &handshakes.counters),
        warmup: Counts::of_mode(mode, &stats.warmup, &handshakes.warmup),
        errors: errors(&summary.stats.errors),
        messages_per_second: summary.rate(),
        bytes_per_second: summary.bytes_per_second(),
        order_shifted: summary.is_order_shifted(),
        client: client(summary),
        latency: latency(&mut summary.stats),
        handshake: handshake(&mut summary.handshakes, summary.duration),
        bottleneck: found.first().copied(),
        bottlenecks: found,
        thresholds: verdicts.iter().map(threshold).collect(),
        stages: stages(summary),
        urls: urls(summary, run.config),
        series: summary.series.iter().map(second).collect(),
    }
}

fn client(summary: &Summary) -> Client {
    Client {
        threads: summary.client.threads,
        cpu_us_per_message: summary.cpu_per_message().map(|d| d.as_secs_f64() * 1e6),
        cpu_utilisation: summary.cpu_utilisation(),
        waited_for_processor: waited(summary),
        max_rss_bytes: summary.client.max_rss_bytes,
        rss_bytes_per_connection: summary.client.rss_bytes_per_connection,
    }
}

fn latency(stats: &mut Stats) -> Latency {
    Latency {
        from_intended: times(&mut stats.from_intended),
        from_send: times(&mut stats.from_send),
        slip: times(&mut stats.slip),
    }
}

fn urls(summary: &mut Summary, config: &BenchConfig) -> Vec<Url> {
    let (mode, duration) = (summary.mode, summary.duration);
    let urls = summary.urls.iter_mut();
    urls.map(|result| url(result, mode, duration, config))
        .collect()
}

fn name_of_bottleneck(found: &Bottleneck) -> &'static str {
    match found {
        Bottleneck::Cpu(_) => "client_cpu",
        Bottleneck::Starved(_) => "client_starved",
        Bottleneck::Slip(_) => "slip",
        Bottleneck::ServerBehind { .. } => "server_behind",
        Bottleneck::Compressed(_) => "compressed_to_nothing",
    }
}

/// The share of the time in which the threads could have run and had no processor.
fn waited(summary: &Summary) -> Option<f64> {
    let available = summary.client.wall.as_secs_f64() * summary.client.threads as f64;
    let waited = summary.client.waited.filter(|_| available > 0.0)?;
    Some(waited.as_secs_f64() / available)
}

/// The report as a document with a line feed at its end.
pub(crate) fn render(run: &mut Run<'_>) -> Vec<u8> {
    let report = report(run);
    let document =
        serde_json::to_string_pretty(&report).expect("a report has string keys and finite numbers");
    sanitize_json(&(document + "\n")).into_bytes()
}

fn threshold(verdict: &Verdict) -> Threshold {
    Threshold {
        expr: verdict.expression.clone(),
        value: match verdict.measured {
            Measured::Time(ns) => Some(ns / 1e3),
            other => other.number(),
        },
        shown: verdict.measured.to_string(),
        ok: verdict.ok,
    }
}

fn second(second: &Second) -> SeriesSecond {
    // A second without a reply has no latency.
    let counts = second.counts;
    let some = |ns| (second.max_ns > 0).then(|| us(ns));
    SeriesSecond {
        second: second.second,
        span_s: second.span.as_secs_f64(),
        sent: counts.sent,
        received: counts.received,
        lost: counts.lost,
        unsent: counts.unsent,
        errors: counts.errors,
        open: second.open,
        p50_us: some(second.p50_ns),
        p99_us: some(second.p99_ns),
        max_us: some(second.max_ns),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;

    use super::*;
    use crate::bench::summary::SecondCounts;
    use crate::bench::testing::{config, summary};
    use crate::report::bench::Made;

    #[test]
    fn the_stable_part_is_there_and_the_histogram_reads_back() {
        let mut summary = summary();
        let verdicts = [
            "p99<2s"
                .parse::<crate::bench::threshold::Threshold>()
                .unwrap(),
            "rate>1000".parse().unwrap(),
        ]
        .map(|threshold| threshold.judge(&mut summary));
        let made = Made {
            command_line: vec!["wscli".to_owned(), "bench".to_owned()],
            ..Made::default()
        };
        let document = render(&mut Run {
            made: &made,
            config: &config(10),
            summary: &mut summary,
            verdicts: &verdicts,
        });
        let json: serde_json::Value = serde_json::from_slice(&document).unwrap();
        for (pointer, expected) in [
            ("/schema", serde_json::json!(2)),
            ("/command_line/1", "bench".into()),
            ("/config/load/kind", "closed".into()),
            ("/config/load/in_flight", 1.into()),
            ("/config/payload/max_bytes", 64.into()),
            ("/config/duration_s", 0.3.into()),
            ("/handshake/dns/p50_us", serde_json::Value::Null),
            ("/mode", "echo".into()),
            ("/target", "ws://127.0.0.1:9/".into()),
            ("/connections", 10.into()),
            ("/duration_s", 10.0.into()),
            ("/sent", 1000.into()),
            ("/received", 990.into()),
            ("/lost", 5.into()),
            ("/lost_by/timed_out", 5.into()),
            ("/unsent_by/gone", 0.into()),
            ("/ended", "finished".into()),
            ("/errors", serde_json::json!({"connection reset": 3})),
            ("/messages_per_second", 99.0.into()),
            ("/bytes_per_second", 13600.0.into()),
            ("/latency/slip/p50_us", 20.015.into()),
            ("/handshake/count", 10.into()),
            ("/handshake/per_second", 1.0.into()),
            ("/handshake/total/count", 10.into()),
            ("/handshake/dns/count", 0.into()),
            ("/client/cpu_us_per_message", 100.0.into()),
            ("/client/cpu_utilisation", 0.01.into()),
            ("/client/max_rss_bytes", (5 << 20).into()),
            ("/thresholds/0/expr", "p99<2s".into()),
            ("/thresholds/0/ok", true.into()),
            ("/thresholds/1/value", 99.0.into()),
            ("/thresholds/1/ok", false.into()),
        ] {
            assert_eq!(json.pointer(pointer), Some(&expected), "{pointer}");
        }
        let hdr = json.pointer("/latency/from_intended/hdr").unwrap();
        let bytes = STANDARD.decode(hdr.as_str().unwrap()).unwrap();
        let back: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        assert_eq!(&back, summary.stats.from_intended.histogram());
    }

    #[test]
    fn the_seconds_and_the_end_of_a_run_are_reported_each_number_in_its_place() {
        let mut summary = Summary {
            connections: 12,
            connections_open: 11,
            connections_left: 7,
            end: End::ConnectionsGone {
                after: Some(Duration::from_millis(2500)),
            },
            series: vec![Second {
                second: 3,
                span: Duration::from_millis(500),
                counts: SecondCounts {
                    sent: 101,
                    received: 102,
                    lost: 103,
                    unsent: 104,
                    errors: 105,
                },
                open: 9,
                p50_ns: 1_000,
                p99_ns: 2_000,
                max_ns: 4_000,
            }],
            ..summary()
        };
        let report = report(&mut Run {
            made: &Made::default(),
            config: &config(12),
            summary: &mut summary,
            verdicts: &[],
        });
        let json = serde_json::to_value(report).unwrap();
        for (member, expected) in [
            ("connections", serde_json::json!(12)),
            ("connections_open", 11.into()),
            ("connections_left", 7.into()),
            ("ended", "connections_gone".into()),
            ("ended_after_s", 2.5.into()),
        ] {
            assert_eq!(json[member], expected, "{member}");
        }
        let second = serde_json::json!({
            "second": 3, "span_s": 0.5, "sent": 101, "received": 102, "lost": 103, "unsent": 104,
            "errors": 105, "open": 9, "p50_us": 1.0, "p99_us": 2.0, "max_us": 4.0,
        });
        assert_eq!(json["series"], serde_json::json!([second]));
    }
}
