//! The numbers in Prometheus's text format. Pure, but for [`process`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::server::context::{BOUNDS_US, Durations, Snapshot};

/// Close codes that have a label of their own: those that mean something to all.
const KNOWN_CODES: std::ops::RangeInclusive<u16> = 1000..=1015;

/// All families, each with its samples.
pub(crate) fn metrics(now: &Snapshot, process: &[Single]) -> String {
    let mut text = String::new();
    for (name, help, value) in gauges(now) {
        family(
            &mut text,
            &format!("wscli_{name}"),
            "gauge",
            help,
            [one(value)],
        );
    }
    for (name, help, value) in counters(now) {
        family(
            &mut text,
            &format!("wscli_{name}"),
            "counter",
            help,
            [one(value)],
        );
    }
    let closes = by_label("code", closes(&now.closes));
    let help = "WebSockets ended, by the client's close code; 1006 for none, and 3xxx, 4xxx and other for those without a meaning that all know.";
    family(
        &mut text,
        "wscli_websockets_closed_total",
        "counter",
        help,
        closes,
    );
    let responses = now.responses.iter();
    let responses = by_label(
        "status",
        responses.map(|(status, n)| (status.to_string(), *n)),
    );
    let help = "Answers, by status.";
    family(
        &mut text,
        "wscli_http_responses_total",
        "counter",
        help,
        responses,
    );
    let traffic = &now.traffic;
    for (name, help, received, sent) in [
        (
            "wscli_messages_total",
            "Messages, by direction.",
            traffic.received_messages,
            traffic.sent_messages,
        ),
        (
            "wscli_message_bytes_total",
            "Payload of messages in bytes, by direction.",
            traffic.received_bytes,
            traffic.sent_bytes,
        ),
    ] {
        let samples = by_label("direction", [("in", received), ("out", sent)]);
        family(&mut text, name, "counter", help, samples);
    }
    let help =
        "From the acceptance of a connection to the answer that opens its WebSocket, TLS included.";
    histogram(
        &mut text,
        "wscli_handshake_duration_seconds",
        help,
        &now.handshakes,
    );
    let help = "How long WebSockets were open that have ended.";
    histogram(
        &mut text,
        "wscli_websocket_duration_seconds",
        help,
        &now.lifetimes,
    );
    let version = env!("CARGO_PKG_VERSION");
    let build = (format!("{{version=\"{version}\"}}"), "1".to_owned());
    let help = "The version that runs.";
    family(&mut text, "wscli_build_info", "gauge", help, [build]);
    for single in process {
        let sample = (String::new(), single.value.clone());
        family(&mut text, single.name, single.kind, single.help, [sample]);
    }
    text
}

/// A family with one sample and no labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Single {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: String,
}

/// What Prometheus's own libraries tell of a process, where Linux tells it to us.
pub(crate) fn process() -> Vec<Single> {
    let single = |name, kind, help, value: Option<String>| {
        value.map(|value| Single {
            name,
            kind,
            help,
            value,
        })
    };
    let statistics = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let memory = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = |index| memory.split(' ').nth(index)?.trim().parse::<u64>().ok();
    let bytes = |index| Some((pages(index)? * page_bytes()?).to_string());
    [
        single(
            "process_cpu_seconds_total",
            "counter",
            "Time on processors, of the user and of the system.",
            cpu_seconds(),
        ),
        single(
            "process_virtual_memory_bytes",
            "gauge",
            "Virtual memory.",
            bytes(0),
        ),
        single(
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory.",
            bytes(1),
        ),
        single(
            "process_open_fds",
            "gauge",
            "Open file descriptors.",
            // The one that counts them is not counted.
            std::fs::read_dir("/proc/self/fd")
                .ok()
                .map(|found| found.count().saturating_sub(1).to_string()),
        ),
        single(
            "process_max_fds",
            "gauge",
            "The limit of open file descriptors.",
            crate::server::descriptors::limit().map(|limit| limit.to_string()),
        ),
        single(
            "process_start_time_seconds",
            "gauge",
            "When the process was started, in seconds since 1970.",
            start_seconds(&statistics),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(target_os = "linux")]
fn page_bytes() -> Option<u64> {
    u64::try_from(rustix::param::page_size()).ok()
}

#[cfg(target_os = "linux")]
fn cpu_seconds() -> Option<String> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(format!("{}.{:06}", time.tv_sec, time.tv_nsec / 1000))
}

/// The 22nd field of proc_pid_stat(5), in ticks since the machine was started.
#[cfg(target_os = "linux")]
fn start_seconds(statistics: &str) -> Option<String> {
    // The second field is a name in parentheses, which may hold anything.
    let (_, rest) = statistics.rsplit_once(") ")?;
    let ticks: u64 = rest.split(' ').nth(19)?.parse().ok()?;
    let system = std::fs::read_to_string("/proc/stat").ok()?;
    let booted = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    let booted: u64 = booted.trim().parse().ok()?;
    Some((booted + ticks / rustix::param::clock_ticks_per_second()).to_string())
}

#[cfg(not(target_os = "linux"))]
fn page_bytes() -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn cpu_seconds() -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
fn start_seconds(_statistics: &str) -> Option<String> {
    None
}

/// A client chooses its code: there are only so many labels all the same.
fn closes(counts: &BTreeMap<u16, u64>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (code, count) in counts {
        let label = match code {
            code if KNOWN_CODES.contains(code) => code.to_string(),
            3000..=3999 => "3xxx".to_owned(),
            4000..=4999 => "4xxx".to_owned(),
            _ => "other".to_owned(),
        };
        *sums.entry(label).or_default() += count;
    }
    sums
}

fn gauges(now: &Snapshot) -> [(&'static str, &'static str, u64); 3] {
    [
        (
            "connections_open",
            "Connections that are open, WebSockets or not.",
            now.connections_open,
        ),
        (
            "websockets_open",
            "WebSockets that are open.",
            now.websockets_open,
        ),
        (
            "draining",
            "1 while the server shuts down.",
            now.draining.into(),
        ),
    ]
}

fn counters(now: &Snapshot) -> [(&'static str, &'static str, u64); 5] {
    [
        (
            "messages_missed_total",
            "Messages of the fault lab's rooms that their listeners were too slow for.",
            now.traffic.missed_messages,
        ),
        (
            "connections_total",
            "Connections accepted.",
            now.totals.connections,
        ),
        (
            "connections_turned_away_total",
            "Connections refused for the limit of their address, or of the server.",
            now.turned_away,
        ),
        (
            "websockets_opened_total",
            "WebSockets opened.",
            now.totals.opened,
        ),
        (
            "handshake_failures_total",
            "Connections that failed before an answer.",
            now.handshakes_failed,
        ),
    ]
}

/// Labels, and a value.
type Sample = (String, String);

fn one(value: u64) -> Sample {
    (String::new(), value.to_string())
}

fn by_label<K: std::fmt::Display>(
    label: &str,
    counts: impl IntoIterator<Item = (K, u64)>,
) -> impl Iterator<Item = Sample> {
    counts
        .into_iter()
        .map(move |(key, value)| (format!("{{{label}=\"{key}\"}}"), value.to_string()))
}

fn family(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    samples: impl IntoIterator<Item = Sample>,
) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

fn histogram(text: &mut String, name: &str, help: &str, durations: &Durations) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
    let mut sum = 0;
    let bounds = BOUNDS_US.iter().map(|bound| seconds(*bound));
    for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(durations.counts) {
        sum += count;
        let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {sum}");
    }
    let total = seconds(durations.sum_us);
    let _ = writeln!(text, "{name}_sum {total}\n{name}_count {sum}");
}

/// Microseconds as seconds, without the zeros at the end.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_a_sample_for_each_number() {
        let mut now = Snapshot {
            websockets_open: 3,
            ..Snapshot::default()
        };
        now.closes.insert(1006, 2);
        now.traffic.received_messages = 7;
        now.handshakes.counts[1] = 2;
        now.handshakes.counts[15] = 1;
        now.handshakes.sum_us = 6_000_150;
        let text = metrics(&now, &process());
        for line in [
            "# TYPE wscli_websockets_open gauge",
            "wscli_websockets_open 3",
            "wscli_websockets_closed_total{code=\"1006\"} 2",
            "wscli_messages_total{direction=\"in\"} 7",
            "wscli_draining 0",
            "# TYPE wscli_handshake_duration_seconds histogram",
            "wscli_handshake_duration_seconds_bucket{le=\"0.00005\"} 0",
            "wscli_handshake_duration_seconds_bucket{le=\"0.0001\"} 2",
            "wscli_handshake_duration_seconds_bucket{le=\"5\"} 2",
            "wscli_handshake_duration_seconds_bucket{le=\"+Inf\"} 3",
            "wscli_handshake_duration_seconds_sum 6.00015",
            "wscli_handshake_duration_seconds_count 3",
            concat!(
                "wscli_build_info{version=\"",
                env!("CARGO_PKG_VERSION"),
                "\"} 1"
            ),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn metrics_tell_of_the_process() {
        let found = process();
        assert_eq!(found.len(), 6, "{found:?}");
        let started = found.iter().find(|one| one.name.contains("start_time"));
        let started: u64 = started.unwrap().value.parse().unwrap();
        assert!(started > 1_700_000_000, "{started}");
    }

    #[test]
    fn metrics_have_few_labels_whatever_code_a_client_chooses() {
        let counts = (0..=u16::MAX).map(|code| (code, 1)).collect();
        let labels: Vec<_> = closes(&counts).into_keys().collect();
        assert_eq!(labels.len(), 16 + 3, "{labels:?}");
        assert_eq!(closes(&counts)["3xxx"], 1000);
    }
}
