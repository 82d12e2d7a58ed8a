//! The report as SARIF 2.1.0, for code scanning services.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::fingerprint::fingerprint;
use super::{Run, TargetReport};
use crate::origin::catalogue::{Rule, Severity, beside, denied, find, rules};
use crate::origin::remedy::advice;
use crate::origin::verdict::{Excepted, Finding, Verdict};
use crate::terminal::sanitize::{sanitize_json, sanitize_report};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// What a path cannot hold as the path of a URI (RFC 3986 §3.3).
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// One document, a run for all targets.
pub(crate) fn render(run: &Run) -> String {
    let rules = Rules::of(run);
    let results: Vec<Value> = findings(run)
        .map(|(target, finding)| result(run, target, finding, &rules))
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "wscli probe-origin",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.0.iter().map(|(rule, severity)| rule_of(rule, *severity)).collect::<Vec<_>>(),
                "supportedTaxonomies": [{ "name": "CWE", "index": 0 }],
            }},
            "taxonomies": [{
                "name": "CWE",
                "organization": "MITRE",
                "shortDescription": { "text": "The MITRE Common Weakness Enumeration" },
                "taxa": [{
                    "id": "1385",
                    "name": "MissingOriginValidationInWebSockets",
                    "shortDescription": { "text": "Missing Origin Validation in WebSockets" },
                    "helpUri": "https://cwe.mitre.org/data/definitions/1385.html",
                }],
            }],
            "invocations": [invocation(run)],
            "results": results,
        }],
    });
    sanitize_json(&format!("{document:#}\n"))
}

/// What is worth an alert. What is only worth knowing would leave alerts on a server
/// that is as it should be.
fn findings(run: &Run) -> impl Iterator<Item = (&TargetReport, &Finding)> {
    run.targets
        .iter()
        .flat_map(|target| target.report.findings.iter().map(move |f| (target, f)))
        .filter(|(_, finding)| finding.severity > Severity::Info)
}

/// The rules of a document. Code scanning services show the severity of the rule
/// and not that of the result, so a rule stands here once for each severity that its
/// results have.
struct Rules(Vec<(&'static Rule, Severity)>);

impl Rules {
    fn of(run: &Run) -> Self {
        let mut all: Vec<_> = every().map(|rule| (rule, rule.severity)).collect();
        let others: BTreeSet<_> = findings(run)
            .map(|(_, finding)| (finding.probe, finding.severity))
            .collect();
        for (id, severity) in others {
            let rule = every().find(|rule| rule.id == id && rule.severity != severity);
            all.extend(rule.map(|rule| (rule, severity)));
        }
        Self(all)
    }

    fn index(&self, finding: &Finding) -> Option<usize> {
        self.0
            .iter()
            .position(|(rule, severity)| rule.id == finding.probe && *severity == finding.severity)
    }
}

fn every() -> impl Iterator<Item = &'static Rule> {
    rules().chain(beside()).chain([denied()])
}

/// The probe's name; with the severity where that is not the catalogue's.
fn id(probe: &str, severity: Severity) -> String {
    let usual = find(probe).map_or(denied().severity, |rule| rule.severity);
    if severity == usual {
        probe.to_owned()
    } else {
        format!("{probe}/{severity}")
    }
}

fn rule_of(rule: &Rule, severity: Severity) -> Value {
    let id = id(rule.id, severity);
    json!({
        "id": id,
        "name": format!("Accepts{}", camel_case(&id)),
        "shortDescription": { "text": format!("Accepts {}", rule.sends) },
        "fullDescription": { "text": format!("{}: {}.", rule.reveals, rule.exploit) },
        "help": { "text": format!("{}. See {}.", advice(rule.fix), rule.reference) },
        "helpUri": "https://cwe.mitre.org/data/definitions/1385.html",
        "defaultConfiguration": { "level": level(severity) },
        "properties": {
            "tags": ["security", "websocket", "external/cwe/cwe-1385"],
            "security-severity": score(severity),
            "group": rule.group.name(),
        },
        "relationships": [{
            "target": { "id": "1385", "index": 0, "toolComponent": { "name": "CWE", "index": 0 } },
            "kinds": ["superset"],
        }],
    })
}

fn result(run: &Run, target: &TargetReport, finding: &Finding, rules: &Rules) -> Value {
    let uri = utf8_percent_encode(run.file(), NOT_IN_A_PATH).to_string();
    let name = &target.report.target;
    let mut result = json!({
        "ruleId": id(finding.probe, finding.severity),
        "level": level(finding.severity),
        "message": { "text": sanitize_report(&format!(
            "{name} accepts {}. {}. Fix: {}.",
            finding.origin, finding.message, finding.remediation
        )) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri },
                "region": { "startLine": target.line.unwrap_or(1) },
            },
            "logicalLocations": [{ "fullyQualifiedName": name, "kind": "resource" }],
        }],
        // GitHub looks at the first alone, beside the rule and the file.
        "partialFingerprints": {
            "primaryLocationLineHash": fingerprint(target, finding),
            "wscliProbe/v2": format!("{name}|{}|{}", finding.probe, finding.origin),
        },
        "properties": { "security-severity": score(finding.severity) },
    });
    if let Some(index) = rules.index(finding) {
        result["ruleIndex"] = index.into();
    }
    if run.has_baseline {
        let state = if finding.is_known() {
            "unchanged"
        } else {
            "new"
        };
        result["baselineState"] = state.into();
    }
    if let Some(Excepted::Reason(reason)) = &finding.excepted {
        result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
    }
    result
}

fn invocation(run: &Run) -> Value {
    let failed = |target: &&TargetReport| {
        let verdict = target.report.verdict;
        target.interrupted.is_some()
            || matches!(verdict, Verdict::Inconclusive | Verdict::TargetDied)
    };
    let notes: Vec<Value> = run
        .targets
        .iter()
        .filter(failed)
        .map(|target| {
            let text = format!("{}: {}", target.report.target, target.verdict_line());
            json!({ "level": "error", "message": { "text": sanitize_report(&text) } })
        })
        .collect();
    json!({
        "executionSuccessful": notes.is_empty(),
        "toolExecutionNotifications": notes,
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The score by which code scanning services sort.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.3",
        Severity::High => "8.1",
        Severity::Medium => "5.4",
        Severity::Low => "2.6",
        Severity::Info => "0.0",
    }
}

fn camel_case(id: &str) -> String {
    id.split(['-', '/'])
        .map(|part| {
            let (head, tail) = part.split_at(part.len().min(1));
            format!("{}{tail}", head.to_ascii_uppercase())
        })
        .collect()
}
