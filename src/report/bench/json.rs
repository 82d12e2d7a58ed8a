//! The JSON report of `wscli bench`, schema 2. `docs/bench-json.md` and
//! `docs/bench-report.schema.json` describe it; a member is only ever added.

mod config;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use serde::Serialize;

use self::config::Config;
use super::{Host, Run};
use crate::bench::stats::Recorder;
use crate::bench::summary::{Bottleneck, End, Second};
use crate::bench::threshold::Verdict;

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
    interrupted: bool,
    duration_s: f64,
    sent: u64,
    received: u64,
    lost: u64,
    late: u64,
    unsolicited: u64,
    mismatched: u64,
    unsent: u64,
    in_flight: u64,
    errors: BTreeMap<String, u64>,
    messages_per_second: f64,
    bytes_per_second: f64,
    bytes_sent: u64,
    bytes_received: u64,
    latency: Latency,
    handshake: Handshake,
    client: Client,
    bottleneck: Option<&'static str>,
    thresholds: Vec<Threshold>,
    series: Vec<SeriesSecond>,
}

#[derive(Debug, Serialize)]
struct Latency {
    from_intended: Times,
    from_send: Times,
    slip: Times,
}

#[derive(Debug, Serialize)]
struct Handshake {
    count: u64,
    per_second: f64,
    dns: Times,
    tcp: Times,
    tls: Times,
    upgrade: Times,
}

#[derive(Debug, Serialize)]
struct Client {
    threads: usize,
    cpu_us_per_message: Option<f64>,
    cpu_utilisation: f64,
    max_rss_bytes: Option<u64>,
    rss_bytes_per_connection: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Threshold {
    expr: String,
    value: Option<f64>,
    shown: Option<String>,
    ok: bool,
}

#[derive(Debug, Serialize)]
struct SeriesSecond {
    second: u64,
    span_s: f64,
    sent: u64,
    received: u64,
    lost: u64,
    errors: u64,
    open: usize,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
    max_us: Option<f64>,
}

/// A histogram: its main figures in microseconds, null when it is empty, and all of
/// it.
#[derive(Debug, Serialize)]
struct Times {
    count: u64,
    min_us: Option<f64>,
    mean_us: Option<f64>,
    p50_us: Option<f64>,
    p90_us: Option<f64>,
    p95_us: Option<f64>,
    p99_us: Option<f64>,
    p999_us: Option<f64>,
    max_us: Option<f64>,
    hdr: String,
}

/// The report of a run.
pub(crate) fn report(run: &mut Run<'_>) -> Report {
    let (made, verdicts) = (run.made, run.verdicts);
    let config = Config::of(run.config, made);
    let summary = &mut *run.summary;
    let bottleneck = summary.bottleneck().map(|bottleneck| match bottleneck {
        Bottleneck::Cpu(_) => "client_cpu",
        Bottleneck::Slip(_) => "slip",
    });
    let counters = summary.stats.counters;
    let per_second = if summary.duration.is_zero() {
        0.0
    } else {
        summary.handshakes.counters.opened as f64 / summary.duration.as_secs_f64()
    };
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
        interrupted: summary.end == End::Interrupted,
        duration_s: summary.duration.as_secs_f64(),
        sent: summary.sent(),
        received: summary.answered(),
        lost: counters.lost.total(),
        late: counters.late + counters.duplicate,
        unsolicited: counters.unsolicited,
        mismatched: counters.mismatched,
        unsent: counters.unsent.total() + summary.handshakes.counters.unsent(),
        in_flight: counters.in_flight,
        errors: errors(summary),
        messages_per_second: summary.rate(),
        bytes_per_second: summary.bytes_per_second(),
        bytes_sent: counters.bytes_sent,
        bytes_received: counters.bytes_received,
        client: Client {
            threads: summary.client.threads,
            cpu_us_per_message: summary.cpu_per_message().map(|d| d.as_secs_f64() * 1e6),
            cpu_utilisation: summary.cpu_utilisation(),
            max_rss_bytes: summary.client.max_rss_bytes,
            rss_bytes_per_connection: summary.client.rss_bytes_per_connection,
        },
        latency: Latency {
            from_intended: times(&mut summary.stats.from_intended),
            from_send: times(&mut summary.stats.from_send),
            slip: times(&mut summary.stats.slip),
        },
        handshake: Handshake {
            count: summary.handshakes.counters.opened,
            per_second,
            dns: times(&mut summary.handshakes.dns),
            tcp: times(&mut summary.handshakes.tcp),
            tls: times(&mut summary.handshakes.tls),
            upgrade: times(&mut summary.handshakes.upgrade),
        },
        bottleneck,
        thresholds: verdicts.iter().map(threshold).collect(),
        series: summary.series.iter().map(second).collect(),
    }
}

fn errors(summary: &crate::bench::Summary) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (cause, count) in &summary.stats.errors.0 {
        *all.entry(cause.to_string()).or_default() += count;
    }
    all
}

/// The report as a document with a line feed at its end.
pub(crate) fn render(run: &mut Run<'_>) -> Vec<u8> {
    let report = report(run);
    let mut document =
        serde_json::to_vec_pretty(&report).expect("a report has string keys and finite numbers");
    document.push(b'\n');
    document
}

fn threshold(verdict: &Verdict) -> Threshold {
    Threshold {
        expr: verdict.expression.clone(),
        value: verdict.value.map(|value| match value {
            crate::bench::threshold::Value::Time(ns) => ns / 1e3,
            other => other.number(),
        }),
        shown: verdict.value.map(|value| value.to_string()),
        ok: verdict.ok,
    }
}

fn second(second: &Second) -> SeriesSecond {
    // A second without a reply has no latency.
    let some = |ns| (second.max_ns > 0).then(|| us(ns));
    SeriesSecond {
        second: second.second,
        span_s: second.span.as_secs_f64(),
        sent: second.sent,
        received: second.received,
        lost: second.lost,
        errors: second.errors,
        open: second.open,
        p50_us: some(second.p50_ns),
        p99_us: some(second.p99_ns),
        max_us: some(second.max_ns),
    }
}

fn times(recorder: &mut Recorder) -> Times {
    let histogram = recorder.histogram();
    let some = |value: f64| (!histogram.is_empty()).then_some(value / 1e3);
    let at = |quantile| some(histogram.value_at_quantile(quantile) as f64);
    Times {
        count: histogram.len(),
        min_us: some(histogram.min() as f64),
        mean_us: some(histogram.mean()),
        p50_us: at(0.5),
        p90_us: at(0.9),
        p95_us: at(0.95),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: some(histogram.max() as f64),
        hdr: encode(histogram),
    }
}

fn us(ns: u64) -> f64 {
    ns as f64 / 1e3
}

/// The histogram in HdrHistogram's interchange format: V2, compressed, in
/// base64, as its logs have it. Values are nanoseconds.
fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("writing a histogram to memory does not fail");
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;

    use super::*;
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
            ("/errors", serde_json::json!({"connection reset": 3})),
            ("/messages_per_second", 99.0.into()),
            ("/bytes_per_second", 13600.0.into()),
            ("/latency/slip/p50_us", 20.015.into()),
            ("/handshake/count", 10.into()),
            ("/handshake/per_second", 1.0.into()),
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
}
