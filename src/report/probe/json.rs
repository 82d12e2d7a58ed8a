//! The report as JSON; `docs/probe-origin-json.md` is its schema.

use serde_json::{Map, Value, json};

use super::{Run, TargetReport};
use crate::origin::observe::{Evidence, Frame};
use crate::origin::remedy::Server;
use crate::origin::runner::Baseline;
use crate::origin::verdict::{Finding, ProbeReport};
use crate::terminal::sanitize::sanitize_json;

/// One document: the target itself, or a list of several.
pub(crate) fn render(run: &Run) -> String {
    let document = match &run.targets[..] {
        [only] => target(only),
        targets => {
            let targets: Vec<_> = targets.iter().map(target).collect();
            json!({ "schema": 1, "targets": targets })
        }
    };
    sanitize_json(&format!("{document:#}\n"))
}

fn target(target: &TargetReport) -> Value {
    let report = &target.report;
    json!({
        "schema": 1,
        "target": report.target,
        "allowed": report.allowed,
        "verdict": report.verdict.name(),
        "reason": report.reason,
        "summary": target.verdict_line(),
        "interrupted": target.interrupted,
        "server": report.server.map(Server::name),
        "concurrency": report.width,
        "duration_ms": millis(report.took),
        "baseline": report.baselines.first().map(baseline),
        "baselines": report.baselines.iter().map(baseline).collect::<Vec<_>>(),
        "probes": report.probes.iter().map(probe).collect::<Vec<_>>(),
        "skipped": report.skipped.iter()
            .map(|skipped| json!({ "id": skipped.id, "reason": skipped.reason }))
            .collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "notes": report.notes,
    })
}

fn baseline(baseline: &Baseline) -> Value {
    json!({
        "origin": baseline.origin,
        "outcome": baseline.seen.outcome.code(),
        "evidence": evidence(&baseline.seen.evidence),
    })
}

fn probe(probe: &ProbeReport) -> Value {
    json!({
        "id": probe.rule.id,
        "group": probe.group.name(),
        "severity": probe.severity.name(),
        "origin": probe.origin,
        "accepted": probe.judged.accepted,
        "accepted_without_credentials": probe.judged.anonymous,
        "outcome": probe.outcome(),
        "reason": probe.judged.why,
        "attempts": probe.judged.attempts,
        "same_as": probe.same_as,
        "evidence": probe.evidence().map_or(Value::Object(Map::new()), evidence),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "probe": finding.probe,
        "severity": finding.severity.name(),
        "origin": finding.origin,
        "message": finding.message,
        "remediation": finding.remediation,
        "accepted_because": finding.excepted.as_ref().map(ToString::to_string),
        "known": finding.is_known(),
    })
}

fn evidence(evidence: &Evidence) -> Value {
    json!({
        "request_head": evidence.request_head,
        "response_head": evidence.response_head,
        "response_body": evidence.response_body,
        "frames": evidence.frames.iter().map(frame).collect::<Vec<_>>(),
        "close": evidence.close.as_ref()
            .map(|(code, reason)| json!({ "code": code, "reason": reason })),
        "error": evidence.error,
        "handshake_ms": millis(evidence.handshake),
        "duration_ms": millis(evidence.duration),
    })
}

fn frame(frame: &Frame) -> Value {
    json!({
        "direction": if frame.sent { "sent" } else { "received" },
        "type": if frame.text { "text" } else { "binary" },
        "data": frame.data,
        "bytes": frame.bytes,
        "at_ms": millis(frame.at),
    })
}

/// Milliseconds with three digits.
fn millis(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
