//! The report as SARIF 2.1.0, for code scanning services.

use serde_json::{Value, json};

use crate::origin::catalogue::{Rule, Severity, denied, rules};
use crate::origin::remedy::advice;
use crate::origin::verdict::{Finding, Report, Verdict};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One document, a run for all targets. `config` is the configuration file,
/// which stands for the place of the findings.
pub fn render(reports: &[Report], config: Option<&str>) -> String {
    let results: Vec<Value> = reports
        .iter()
        .flat_map(|report| {
            report
                .findings
                .iter()
                .map(move |finding| result(report, finding, config))
        })
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "wscli probe-origin",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules().chain([denied()]).map(rule).collect::<Vec<_>>(),
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
            "invocations": [invocation(reports)],
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "name": camel_case(rule.id),
        "shortDescription": { "text": format!("Accepts {}", rule.sends) },
        "fullDescription": { "text": format!("{}: {}.", rule.reveals, rule.exploit) },
        "help": { "text": format!("{}. See {}.", advice(rule.fix), rule.reference) },
        "helpUri": "https://cwe.mitre.org/data/definitions/1385.html",
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": {
            "tags": ["security", "websocket", "external/cwe/cwe-1385"],
            "security-severity": score(rule.severity),
            "group": rule.group.name(),
        },
        "relationships": [{
            "target": { "id": "1385", "index": 0, "toolComponent": { "name": "CWE", "index": 0 } },
            "kinds": ["superset"],
        }],
    })
}

fn result(report: &Report, finding: &Finding, config: Option<&str>) -> Value {
    // Code scanning wants a file of the repository; without a configuration
    // the name says only where such a file would be.
    let uri = config.unwrap_or("probes.toml");
    let mut result = json!({
        "ruleId": finding.probe,
        "level": level(finding.severity),
        "message": { "text": format!(
            "{} accepts {}. {}. Fix: {}.",
            report.target, finding.origin, finding.message, finding.remediation
        ) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri.replace('\\', "/") },
                "region": { "startLine": 1 },
            },
            "logicalLocations": [{ "fullyQualifiedName": report.target, "kind": "resource" }],
        }],
        // Neither times nor the order of targets: the same finding keeps it.
        "partialFingerprints": {
            "wscliProbe/v1": format!("{}|{}|{}", report.target, finding.probe, report.allowed.join(",")),
        },
        "properties": { "security-severity": score(finding.severity) },
    });
    if let Some(index) = rules()
        .chain([denied()])
        .position(|rule| rule.id == finding.probe)
    {
        result["ruleIndex"] = index.into();
    }
    if let Some(reason) = &finding.excepted {
        result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
    }
    result
}

fn invocation(reports: &[Report]) -> Value {
    let failed =
        |report: &&Report| matches!(report.verdict, Verdict::Inconclusive | Verdict::TargetDied);
    let notes: Vec<Value> = reports
        .iter()
        .filter(failed)
        .map(|report| {
            let text = format!(
                "{}: {}: {}",
                report.target,
                report.verdict.name(),
                report.reason
            );
            json!({ "level": "error", "message": { "text": text } })
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
    id.split('-')
        .map(|part| {
            let (head, tail) = part.split_at(part.len().min(1));
            format!("{}{tail}", head.to_ascii_uppercase())
        })
        .collect()
}
