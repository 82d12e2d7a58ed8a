//! The head of the report: what was asked for, and of whom.

use std::time::Duration;

use super::{Page, ended, grouped, rate};
use crate::bench::payload::PayloadConfig;
use crate::bench::{BenchConfig, Load, Mode, Summary};
use crate::report::bench::Run;
use crate::terminal::sanitize::sanitize_report;
use crate::terminal::style::Role;
use crate::value;

/// Appends the head.
pub(super) fn head(page: &mut Page, run: &Run<'_>) {
    let summary = &run.summary;
    let mode = summary.mode.name();
    let name = page.look.style.paint(Role::Prompt, &format!("{mode}:"));
    let (first, more) = match summary.targets.split_first() {
        Some((first, more)) => (first.as_str(), more),
        None => ("", &[][..]),
    };
    // An address is not broken: it may be copied.
    page.line(&format!("{name} {}", sanitize_report(first)));
    for target in more {
        let indent = " ".repeat(mode.len() + 2);
        page.line(&format!("{indent}{}", sanitize_report(target)));
    }
    if run.made.demo {
        page.prose(
            "",
            "(embedded server in this process: it shares the machine with the client)",
        );
    }
    page.prose("", &sentence(run));
    let connections = if summary.mode == Mode::Handshake {
        format!("{} at a time", grouped(summary.connections as u64))
    } else if summary.connections_open == summary.connections {
        format!("{} connections", grouped(summary.connections as u64))
    } else {
        format!(
            "{} of {} connections open",
            grouped(summary.connections_open as u64),
            grouped(summary.connections as u64)
        )
    };
    let seconds = summary.duration.as_secs_f64();
    let ended = ended(summary.end);
    page.prose(
        "",
        &format!("{connections}, measured for {seconds:.2} s{ended}"),
    );
}

/// What was asked for, in one sentence.
fn sentence(run: &Run<'_>) -> String {
    let config = run.config;
    let mut parts = vec![load(run)];
    parts.extend(payload(config));
    if config.verify {
        parts.push("verified".to_owned());
    }
    match (config.duration, config.messages) {
        (Some(duration), Some(messages)) => parts.push(format!(
            "for {duration:?} or {} messages",
            grouped(messages)
        )),
        (Some(duration), None) => parts.push(format!("for {duration:?}")),
        (None, Some(messages)) => parts.push(format!("{} messages", grouped(messages))),
        (None, None) => {}
    }
    if !config.warmup.is_zero() {
        parts.push(format!("after {:?} of warm-up", config.warmup));
    }
    if !config.ramp_up.is_zero() {
        parts.push(format!("opened over {:?}", config.ramp_up));
    }
    format!("asked for {}", parts.join(", "))
}

fn load(run: &Run<'_>) -> String {
    let config = run.config;
    match &config.load {
        _ if !run.made.stages.is_empty() => {
            let stages = run.made.stages.iter();
            let stages: Vec<_> = stages
                .map(|stage| format!("{} for {:?}", rate(stage.rate), stage.duration))
                .collect();
            stages.join(", then ")
        }
        Load::Open(_) if config.mode == Mode::Idle => "pings on a schedule".to_owned(),
        Load::Open(schedule) => format!("{} on a schedule", rate(schedule.rate_at(0))),
        Load::Closed { .. } if config.mode == Mode::Flood => "as many as can be sent".to_owned(),
        Load::Closed { .. } if config.mode == Mode::Handshake => "one after the other".to_owned(),
        Load::Closed {
            in_flight,
            think_time,
        } => {
            let pause = match think_time {
                &Duration::ZERO => String::new(),
                time => format!(", {time:?} apart"),
            };
            format!(
                "{} in flight on each connection{pause}",
                grouped(u64::from(*in_flight))
            )
        }
    }
}

fn payload(config: &BenchConfig) -> Option<String> {
    if !matches!(config.mode, Mode::Echo | Mode::Flood) {
        return None;
    }
    let kind = if config.text { "text" } else { "binary" };
    Some(match &config.payload {
        PayloadConfig::Generated {
            min_bytes,
            max_bytes,
        } if min_bytes == max_bytes => format!("{} of generated {kind}", bytes(*min_bytes)),
        PayloadConfig::Generated {
            min_bytes,
            max_bytes,
        } => format!(
            "{} to {} of generated {kind}",
            bytes(*min_bytes),
            bytes(*max_bytes)
        ),
        PayloadConfig::Fixed(all) => format!("{} payload(s) of {kind}", all.len()),
        PayloadConfig::Templates(all) => format!("{} template(s) of {kind}", all.len()),
    })
}

fn bytes(count: usize) -> String {
    match count {
        0..1024 => format!("{count} B"),
        _ => value::bytes(count as f64),
    }
}

/// What was asked for in messages a second over the time that was measured; `None`
/// where the load waits for its replies.
pub(super) fn rate_of(config: &BenchConfig, summary: &Summary) -> Option<f64> {
    let Load::Open(schedule) = &config.load else {
        return None;
    };
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let seconds = summary.duration.as_secs_f64();
    let (from, to) = (config.warmup, config.warmup + summary.duration);
    let due = schedule
        .first_at(ns(to))
        .saturating_sub(schedule.first_at(ns(from)));
    (seconds > 0.0 && config.mode != Mode::Idle).then(|| due as f64 / seconds)
}
