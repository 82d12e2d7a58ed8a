//! Members that stand in several places of the report.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::times::{Times, times};
use crate::bench::counters::{Cause, Counters, Errors, HandshakeCounters};
use crate::bench::stats::HandshakeStats;
use crate::bench::summary::{Agreed, StageResult, Summary, UrlResult};
use crate::bench::{BenchConfig, Mode};
use crate::report::bench::extension;

/// Where every message has gone.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    due: u64,
    sent: u64,
    received: u64,
    lost: u64,
    lost_by: LostBy,
    late: u64,
    duplicate: u64,
    unsolicited: u64,
    foreign: u64,
    mismatched: u64,
    unsent: u64,
    unsent_by: UnsentBy,
    in_flight: u64,
    by_order: u64,
    repeated_ids: u64,
    pings: u64,
    pongs: u64,
    bytes_sent: u64,
    bytes_received: u64,
}

#[derive(Debug, Serialize)]
struct LostBy {
    timed_out: u64,
    connection_ended: u64,
}

#[derive(Debug, Serialize)]
struct UnsentBy {
    gone: u64,
    refused: u64,
    interrupted: u64,
    blocked: u64,
    too_slow: u64,
}

/// What came of a stage.
#[derive(Debug, Serialize)]
pub(super) struct Stage {
    duration_s: f64,
    rate: f64,
    #[serde(flatten)]
    counts: Counts,
    latency: Times,
}

/// What came of a URL.
#[derive(Debug, Serialize)]
pub(super) struct Url {
    url: String,
    connections: usize,
    #[serde(flatten)]
    counts: Counts,
    errors: BTreeMap<String, u64>,
    latency: Times,
    handshake: Handshake,
    agreed: Option<AgreedOn>,
}

#[derive(Debug, Serialize)]
struct AgreedOn {
    http_version: &'static str,
    subprotocol: Option<String>,
    extensions: Option<String>,
    tls_version: Option<String>,
}

/// The opening handshakes.
#[derive(Debug, Serialize)]
pub(super) struct Handshake {
    count: u64,
    per_second: f64,
    due: u64,
    attempted: u64,
    failed: u64,
    in_flight: u64,
    unsent: u64,
    total: Times,
    dns: Times,
    tcp: Times,
    tls: Times,
    upgrade: Times,
}

impl Counts {
    fn of(counters: &Counters) -> Self {
        Self {
            due: counters.due,
            sent: counters.sent,
            received: counters.answered,
            lost: counters.lost.total(),
            lost_by: LostBy {
                timed_out: counters.lost.timed_out,
                connection_ended: counters.lost.ended,
            },
            late: counters.late,
            duplicate: counters.duplicate,
            unsolicited: counters.unsolicited,
            foreign: counters.foreign,
            mismatched: counters.mismatched,
            unsent: counters.unsent.total(),
            unsent_by: UnsentBy {
                gone: counters.unsent.gone,
                refused: counters.unsent.refused,
                interrupted: counters.unsent.interrupted,
                blocked: counters.unsent.blocked,
                too_slow: counters.unsent.too_slow,
            },
            in_flight: counters.in_flight,
            by_order: counters.by_order,
            repeated_ids: counters.repeated_ids,
            pings: counters.pings,
            pongs: counters.pongs,
            bytes_sent: counters.bytes_sent,
            bytes_received: counters.bytes_received,
        }
    }

    /// The counts of what a mode measures: messages, or handshakes.
    pub(super) fn of_mode(mode: Mode, messages: &Counters, handshakes: &HandshakeCounters) -> Self {
        let counts = Self::of(messages);
        match mode {
            Mode::Echo | Mode::Idle => counts,
            Mode::Flood => Self {
                received: messages.received(),
                ..counts
            },
            Mode::Handshake => Self {
                due: handshakes.due,
                sent: handshakes.attempted,
                received: handshakes.opened,
                in_flight: handshakes.in_flight,
                unsent: handshakes.unsent(),
                unsent_by: UnsentBy {
                    interrupted: handshakes.interrupted,
                    too_slow: handshakes.busy,
                    ..counts.unsent_by
                },
                ..counts
            },
        }
    }
}

/// How many causes of errors are told apart.
const CAUSES: usize = 100;

/// Errors as they are shown, with how many there were.
pub(super) fn errors(errors: &Errors) -> BTreeMap<String, u64> {
    let (told, (_, count)) = errors.most_frequent(CAUSES);
    let mut all: BTreeMap<_, _> = told.into_iter().collect();
    if count > 0 {
        *all.entry(Cause::Other.to_string()).or_default() += count;
    }
    all
}

pub(super) fn handshake(stats: &mut HandshakeStats, duration: Duration) -> Handshake {
    let counters = stats.counters;
    let seconds = duration.as_secs_f64();
    Handshake {
        count: counters.opened,
        per_second: match duration {
            Duration::ZERO => 0.0,
            _ => counters.opened as f64 / seconds,
        },
        due: counters.due,
        attempted: counters.attempted,
        failed: counters.failed,
        in_flight: counters.in_flight,
        unsent: counters.unsent(),
        total: times(&mut stats.total),
        dns: times(&mut stats.dns),
        tcp: times(&mut stats.tcp),
        tls: times(&mut stats.tls),
        upgrade: times(&mut stats.upgrade),
    }
}

pub(super) fn stages(summary: &mut Summary) -> Vec<Stage> {
    let mode = summary.mode;
    let stages = summary.stages.iter_mut();
    stages.map(|result| stage(mode, result)).collect()
}

fn stage(mode: Mode, result: &mut StageResult) -> Stage {
    Stage {
        duration_s: result.stage.duration.as_secs_f64(),
        rate: result.stage.rate,
        counts: Counts::of_mode(mode, &result.stats.counters, &result.stats.handshakes),
        latency: times(&mut result.stats.from_intended),
    }
}

pub(super) fn url(
    result: &mut UrlResult,
    mode: Mode,
    duration: Duration,
    config: &BenchConfig,
) -> Url {
    Url {
        url: result.url.clone(),
        connections: result.connections,
        counts: Counts::of_mode(mode, &result.stats.counters, &result.handshakes.counters),
        errors: errors(&result.stats.errors),
        latency: times(&mut result.stats.from_intended),
        handshake: handshake(&mut result.handshakes, duration),
        agreed: result
            .agreed
            .as_ref()
            .map(|agreed| agreed_on(agreed, config)),
    }
}

fn agreed_on(agreed: &Agreed, config: &BenchConfig) -> AgreedOn {
    let secrets = config.targets.first();
    let secrets = secrets.map(|target| config.open.secrets(target));
    AgreedOn {
        http_version: agreed.http_version,
        subprotocol: agreed.subprotocol.as_ref().map(|name| {
            let secrets = secrets.unwrap_or_default();
            secrets.subprotocols(name).into_owned()
        }),
        extensions: agreed.deflate.as_ref().map(extension),
        tls_version: agreed.tls.as_ref().map(ToString::to_string),
    }
}
