//! What was asked for.

use serde::Serialize;

use crate::bench::matching::Matching;
use crate::bench::payload::{Fill, PayloadConfig};
use crate::bench::{BenchConfig, Load, Pacing};

/// What was asked for. Numbers that were not given are null.
#[derive(Debug, Serialize)]
pub(super) struct Config {
    connections: usize,
    threads: usize,
    load: LoadConfig,
    payload: Payload,
    matching: &'static str,
    verify: bool,
    precise: bool,
    compression_offered: bool,
    subprotocols: Vec<String>,
    ramp_up_s: f64,
    warmup_s: f64,
    duration_s: Option<f64>,
    messages: Option<u64>,
    reply_timeout_s: f64,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum LoadConfig {
    Closed { in_flight: u32, think_time_s: f64 },
    Open { rate: f64, stages: Vec<Stage> },
}

#[derive(Debug, Serialize)]
struct Stage {
    duration_s: f64,
    rate: f64,
}

#[derive(Debug, Serialize)]
struct Payload {
    kind: &'static str,
    /// What generated payloads say.
    fill: Option<&'static str>,
    text: bool,
    /// How many different ones there are, sent in turn.
    count: usize,
    min_bytes: Option<usize>,
    max_bytes: Option<usize>,
}

impl Config {
    /// The configuration of a run.
    pub(super) fn of(config: &BenchConfig) -> Self {
        Self {
            connections: config.connections,
            threads: config.threads,
            load: load(config),
            payload: payload(config),
            matching: match config.matching {
                Matching::Auto => "auto",
                Matching::Order => "order",
                Matching::Echo => "echo",
                Matching::Id(_) => "id",
            },
            verify: config.verify,
            precise: config.pacing == Pacing::Precise,
            compression_offered: config.open.request.deflate.is_some(),
            subprotocols: subprotocols(config),
            ramp_up_s: config.ramp_up.as_secs_f64(),
            warmup_s: config.warmup.as_secs_f64(),
            duration_s: config.duration.map(|time| time.as_secs_f64()),
            messages: config.messages,
            reply_timeout_s: config.reply_timeout.as_secs_f64(),
        }
    }
}

fn load(config: &BenchConfig) -> LoadConfig {
    match &config.load {
        Load::Closed {
            in_flight,
            think_time,
        } => LoadConfig::Closed {
            in_flight: *in_flight,
            think_time_s: think_time.as_secs_f64(),
        },
        Load::Open(schedule) => LoadConfig::Open {
            rate: schedule.rate_at(0),
            stages: schedule
                .stage_list()
                .iter()
                .map(|stage| Stage {
                    duration_s: stage.duration.as_secs_f64(),
                    rate: stage.rate,
                })
                .collect(),
        },
    }
}

fn payload(config: &BenchConfig) -> Payload {
    let (kind, count, sizes) = match &config.payload {
        PayloadConfig::Generated {
            min_bytes,
            max_bytes,
            ..
        } => ("generated", 1, Some((*min_bytes, *max_bytes))),
        PayloadConfig::Fixed(all) => {
            let sizes = all.iter().map(|payload| payload.len());
            let sizes = sizes.clone().min().zip(sizes.max());
            ("fixed", all.len(), sizes)
        }
        // What is filled in may be of any length.
        PayloadConfig::Templates(all) => ("template", all.len(), None),
    };
    Payload {
        kind,
        fill: match &config.payload {
            PayloadConfig::Generated { fill, .. } => Some(name_of(*fill)),
            _ => None,
        },
        text: config.text,
        count,
        min_bytes: sizes.map(|(min, _)| min),
        max_bytes: sizes.map(|(_, max)| max),
    }
}

/// The subprotocols that were offered; browsers carry tokens in their place.
fn subprotocols(config: &BenchConfig) -> Vec<String> {
    let Some(target) = config.targets.first() else {
        return Vec::new();
    };
    let secrets = config.open.secrets(target);
    let offered = config.open.request.subprotocols.iter();
    offered
        .map(|name| secrets.subprotocols(&name.to_string()).into_owned())
        .collect()
}

fn name_of(fill: Fill) -> &'static str {
    match fill {
        Fill::Random => "random",
        Fill::Text => "text",
        Fill::Zeros => "zeros",
    }
}
