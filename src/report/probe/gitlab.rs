//! The report for GitLab's security dashboards (`artifacts:reports:sast`).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::fingerprint::fingerprint;
use super::{Run, TargetReport};
use crate::origin::catalogue::{Severity, denied, find};
use crate::origin::verdict::{Finding, Verdict};
use crate::terminal::sanitize::{sanitize_json, sanitize_report};

/// The version of GitLab's report schema that this is written to.
const SCHEMA_VERSION: &str = "15.0.4";

/// Limits of that schema, in characters.
const MAX_NAME: usize = 255;
const MAX_SOLUTION: usize = 7000;

/// One document for all targets. What the configuration accepts and what is only worth
/// knowing are left out: a dashboard asks for each to be dealt with. It knows by
/// itself what is new.
pub(crate) fn render(run: &Run) -> String {
    let vulnerabilities: Vec<Value> = run
        .findings()
        .into_iter()
        .filter(|(_, finding)| finding.excepted.is_none() || finding.is_known())
        .filter(|(_, finding)| finding.severity > Severity::Info)
        .map(|(target, finding)| vulnerability(run, target, finding))
        .collect();
    let messages: Vec<Value> = run.targets.iter().filter_map(message).collect();
    let tool = json!({
        "id": "wscli-probe-origin",
        "name": "wscli probe-origin",
        "version": env!("CARGO_PKG_VERSION"),
        "url": env!("CARGO_PKG_REPOSITORY"),
        "vendor": { "name": "wscli" },
    });
    let document = json!({
        "version": SCHEMA_VERSION,
        "scan": {
            "type": "sast",
            // Whether the scan went through, not what it found.
            "status": if messages.is_empty() { "success" } else { "failure" },
            "start_time": time(run.started),
            "end_time": time(run.ended),
            "analyzer": tool,
            "scanner": tool,
            "messages": messages,
        },
        "vulnerabilities": vulnerabilities,
    });
    sanitize_json(&format!("{document:#}\n"))
}

fn vulnerability(run: &Run, target: &TargetReport, finding: &Finding) -> Value {
    let rule = find(finding.probe).unwrap_or(denied());
    let id = fingerprint(target, finding);
    let description = format!(
        "{} accepts {}. {}.",
        target.report.target, finding.origin, finding.message
    );
    let line = target.line.unwrap_or(1);
    json!({
        "id": id,
        "name": cut(&format!("WebSocket accepts {}", rule.sends), MAX_NAME),
        "description": text(&description),
        "severity": severity(finding.severity),
        "solution": cut(&finding.remediation, MAX_SOLUTION),
        "location": { "file": run.file(), "start_line": line, "end_line": line },
        "identifiers": [
            { "type": "wscli_probe", "name": format!("wscli probe {}", rule.id), "value": rule.id },
            {
                "type": "cwe",
                "name": "CWE-1385",
                "value": "1385",
                "url": "https://cwe.mitre.org/data/definitions/1385.html",
            },
        ],
        // All targets of a file without entries share its first line.
        "tracking": {
            "type": "source",
            "items": [{
                "file": run.file(),
                "start_line": line,
                "end_line": line,
                "signatures": [{ "algorithm": "scope_offset", "value": id }],
            }],
        },
    })
}

/// What went wrong with the scan of a target.
fn message(target: &TargetReport) -> Option<Value> {
    let verdict = target.report.verdict;
    let failed = matches!(verdict, Verdict::Inconclusive | Verdict::TargetDied);
    (failed || target.interrupted.is_some()).then(|| {
        let line = format!("{}: {}", target.report.target, target.verdict_line());
        json!({ "level": "fatal", "value": text(&line) })
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::Info => "Info",
    }
}

/// In UTC and to the second, without the zone, as GitLab wants it.
fn time(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// GitLab renders these as Markdown: with a backslash in front, punctuation is itself
/// (CommonMark §2.4).
fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in sanitize_report(text).chars() {
        if matches!(
            c,
            '`' | '*' | '_' | '[' | ']' | '<' | '>' | '\\' | '@' | '!'
        ) {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

fn cut(text: &str, limit: usize) -> String {
    sanitize_report(text).chars().take(limit).collect()
}
