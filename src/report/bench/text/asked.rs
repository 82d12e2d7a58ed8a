//! The head of the report: what was asked for, and of whom.

use std::time::Duration;

use super::numbers::{grouped, rate};
use super::page::Page;
use crate::bench::payload::PayloadConfig;
use crate::bench::summary::End;
use crate::bench::{BenchConfig, Load, Mode, Summary};
use crate::report::bench::{Run, extension};
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
    let (left, all) = (summary.connections_left, summary.connections_open);
    if summary.mode != Mode::Handshake && left > 0 && left < all {
        let (left, all) = (grouped(left as u64), grouped(all as u64));
        page.prose(
            "",
            &format!("{left} of the {all} were still open at the end"),
        );
    }
    agreed(page, run);
    if let Some(why) = early_end(summary) {
        let mark = page.look.style.paint(Role::Error, "ended early: ");
        page.prose(&mark, &why);
    }
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
        Load::Open(schedule) if !schedule.stage_list().is_empty() => {
            let stages = schedule.stage_list().iter();
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
            ..
        } if min_bytes == max_bytes => format!("{} of generated {kind}", bytes(*min_bytes)),
        PayloadConfig::Generated {
            min_bytes,
            max_bytes,
            ..
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
    let due = match summary.mode {
        Mode::Handshake => summary.handshakes.counters.due,
        Mode::Echo | Mode::Flood => summary.stats.counters.due,
        Mode::Idle => return None,
    };
    let seconds = summary.duration.as_secs_f64();
    let is_open = matches!(config.load, Load::Open(_));
    (is_open && seconds > 0.0 && due > 0).then(|| due as f64 / seconds)
}

/// What the first connection to each URL has agreed on; once where it is the same.
fn agreed(page: &mut Page, run: &Run<'_>) {
    let secrets = run.config.targets.first();
    let secrets = secrets.map(|target| run.config.open.secrets(target));
    let secrets = secrets.unwrap_or_default();
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for url in &run.summary.urls {
        let Some(agreed) = &url.agreed else { continue };
        let mut parts = vec![agreed.http_version.to_owned()];
        parts.extend(agreed.tls.as_ref().map(ToString::to_string));
        if let Some(name) = &agreed.subprotocol {
            parts.push(format!("subprotocol {}", secrets.subprotocols(name)));
        }
        match &agreed.deflate {
            Some(params) => parts.push(extension(params)),
            None if run.config.open.request.deflate.is_some() => {
                parts.push("no compression, although it was offered".to_owned());
            }
            None => {}
        }
        let text = sanitize_report(&parts.join(", "));
        match told.iter_mut().find(|(known, _)| *known == text) {
            Some((_, urls)) => urls.push(url.url.clone()),
            None => told.push((text, vec![url.url.clone()])),
        }
    }
    // Plain HTTP/1.1 everywhere is what anyone expects.
    let plain = |text: &str| text == "HTTP/1.1";
    let is_one = told.len() == 1;
    for (text, urls) in told {
        match is_one {
            true if plain(&text) => {}
            true => page.prose("", &format!("agreed on {text}")),
            false => {
                let urls = sanitize_report(&urls.join(", "));
                page.prose("", &format!("agreed on {text} with {urls}"));
            }
        }
    }
}

/// That the run ended before its time, as a sentence.
pub(crate) fn early_end(summary: &Summary) -> Option<String> {
    let End::ConnectionsGone { after } = summary.end else {
        return None;
    };
    let connections = match summary.connections_open {
        1 => "the only connection was gone".to_owned(),
        all => format!("all {} connections were gone", grouped(all as u64)),
    };
    Some(match (after, summary.planned) {
        (Some(after), Some(planned)) => {
            format!(
                "{connections} after {} of {planned:?}",
                value::time(after, 3)
            )
        }
        (Some(after), None) => format!("{connections} after {}", value::time(after, 3)),
        (None, _) => format!("{connections} before the measuring began"),
    })
}

/// How the run ended, where that was not as planned.
fn ended(end: End) -> &'static str {
    match end {
        End::Finished => "",
        End::Interrupted => " (interrupted)",
        // A line of its own says more.
        End::ConnectionsGone { .. } => "",
    }
}
