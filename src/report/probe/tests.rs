use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::connection::{OpenConfig, Target};
use crate::origin::catalogue::{Group, find};
use crate::origin::observe::{Evidence, Frame, Observation, Outcome};
use crate::origin::redact::Redactor;
use crate::origin::remedy::Server;
use crate::origin::runner::{Baseline, Judged};
use crate::origin::verdict::{Finding, ProbeReport};
use crate::report::probe::text::Look;

const SECRET: &str = "sup3r-secret-value";
const HOSTILE: &str = "\x1b]0;x\x07 <b>|`::error::\n%0A]]>&\"";

/// A report of everything: accepted, refused, undecided and accepted by the
/// configuration, with a hostile server's texts in it.
fn sample() -> Report {
    let mut open = OpenConfig::default();
    open.request.edits = vec![format!("Cookie: sid={SECRET}").parse().unwrap()];
    let target: Target = format!("ws://h:1/ws?token={SECRET}").parse().unwrap();
    let redactor = Redactor::new(&target, &open, None);
    let mut seen = Observation::new(Outcome::Open);
    seen.evidence = Evidence {
        request_head: Some(redactor.head(&format!(
            "GET /ws?token={SECRET} HTTP/1.1\r\nCookie: sid={SECRET}\r\n\r\n"
        ))),
        response_head: Some(redactor.head(&format!(
            "HTTP/1.1 101 OK\r\nSet-Cookie: a={SECRET}\r\n\r\n"
        ))),
        response_body: Some(redactor.text(HOSTILE)),
        frames: vec![Frame {
            sent: false,
            text: true,
            data: redactor.text(&format!("{HOSTILE} you are {SECRET}")),
            bytes: 40,
            at: Duration::from_millis(12),
        }],
        close: Some((Some(1008), HOSTILE.into())),
        error: Some(HOSTILE.into()),
        handshake: Duration::from_millis(3),
        duration: Duration::from_millis(1503),
    };
    let probe = |id: &str, accepted| {
        let rule = find(id).unwrap();
        ProbeReport {
            rule,
            group: rule.group,
            severity: rule.severity,
            origin: format!("https://{id}.example"),
            judged: Judged {
                accepted,
                why: format!("because {HOSTILE}"),
                seen: Some(seen.clone()),
                attempts: 1,
                anonymous: None,
                without_secrets: None,
            },
            rating: None,
            excepted: None,
            same_as: None,
        }
    };
    let finding = |id: &str, excepted: Option<&str>| {
        let rule = find(id).unwrap();
        Finding {
            probe: rule.id,
            severity: rule.severity,
            message: format!("{}: {}", rule.reveals, rule.exploit),
            remediation: crate::origin::remedy::advice(rule.fix).into(),
            origin: format!("https://{id}.example"),
            excepted: excepted.map(str::to_owned),
        }
    };
    Report {
        target: redactor.url(&target.to_string()),
        allowed: vec!["https://client.com".into()],
        verdict: Verdict::Bypassable,
        reason: "any web page can get in by suffix-dot".into(),
        baselines: vec![Baseline {
            origin: "https://client.com".into(),
            seen: seen.clone(),
        }],
        probes: vec![
            probe("suffix-dot", Some(true)),
            probe("foreign", Some(false)),
            probe("null", None),
            probe("subdomain", Some(true)),
            probe("port-other", Some(true)),
        ],
        skipped: vec![crate::origin::plan::Skipped {
            id: "long",
            reason: "malformed; sent with --exotic only".into(),
        }],
        findings: vec![
            finding("suffix-dot", None),
            finding("subdomain", Some("we own them all")),
            finding("port-other", None),
        ],
        notes: vec![format!("a note {HOSTILE}")],
        server: Some(Server::Ws),
        unreachable: None,
        width: 8,
        took: Duration::from_millis(7531),
    }
}

fn every_document() -> Vec<(&'static str, String)> {
    let reports = [sample(), sample()];
    let look = Look {
        colour: false,
        evidence: true,
        fail_on: None,
    };
    vec![
        ("text", text::render(&reports[0], look)),
        ("json", json::render(&reports, Severity::High)),
        ("junit", junit::render(&reports, Severity::High)),
        ("sarif", sarif::render(&reports, Some("ci/probes.toml"))),
        ("markdown", markdown::render(&reports, Severity::High)),
        (
            "github",
            github::annotations(&reports, None, Severity::High),
        ),
    ]
}

#[test]
fn no_document_holds_a_secret_or_a_control_character() {
    for (name, document) in every_document() {
        assert!(!document.contains(SECRET), "{name}");
        assert!(!document.contains(['\x1b', '\x07']), "{name}");
        assert!(document.contains("suffix-dot"), "{name}");
    }
}

#[test]
fn sarif_is_valid_by_the_official_schema() {
    let mut schema: Value =
        serde_json::from_str(include_str!("../../../tests/data/sarif-schema-2.1.0.json")).unwrap();
    // The schema's pattern of languages has a stray ']', which is no regular
    // expression of ECMA 262's Unicode mode; we set no language.
    for component in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{component}/properties/language"));
        language.unwrap().as_object_mut().unwrap().remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for reports in [vec![], vec![sample()], vec![sample(), sample()]] {
        let document: Value = serde_json::from_str(&sarif::render(&reports, None)).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&document)
            .map(|e| format!("{} {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let document: Value =
        serde_json::from_str(&sarif::render(&[sample()], Some("ci/probes.toml"))).unwrap();
    let result = &document["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "suffix-dot");
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "ci/probes.toml"
    );
    assert_eq!(
        result["partialFingerprints"]["wscliProbe/v1"],
        "ws://h:1/ws?token=[redacted]|suffix-dot|https://client.com"
    );
    assert_eq!(
        document["runs"][0]["results"][1]["suppressions"][0]["justification"],
        "we own them all"
    );
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(
        document["runs"][0]["tool"]["driver"]["rules"][index]["id"],
        "suffix-dot"
    );
}

#[test]
fn json_keeps_its_stable_part() {
    let document: Value = serde_json::from_str(&json::render(&[sample()], Severity::High)).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["verdict"], "bypassable");
    assert_eq!(document["allowed"][0], "https://client.com");
    let probe = &document["probes"][0];
    assert_eq!(
        (
            &probe["id"],
            &probe["group"],
            &probe["severity"],
            &probe["accepted"]
        ),
        (
            &"suffix-dot".into(),
            &"web".into(),
            &"high".into(),
            &true.into()
        )
    );
    assert_eq!(document["probes"][2]["accepted"], Value::Null);
    assert_eq!(probe["evidence"]["frames"][0]["direction"], "received");
    assert!(
        document["findings"][0]["remediation"]
            .as_str()
            .unwrap()
            .contains("ws: ")
    );
    let several: Value =
        serde_json::from_str(&json::render(&[sample(), sample()], Severity::High)).unwrap();
    assert_eq!(several["targets"].as_array().unwrap().len(), 2);
}

#[test]
fn junit_has_a_case_a_probe_and_errors_for_the_undecided() {
    let document = junit::render(&[sample()], Severity::High);
    assert!(
        document.contains("tests=\"7\" failures=\"1\" errors=\"1\" skipped=\"1\""),
        "{document}"
    );
    assert_eq!(document.matches("<testcase ").count(), 7);
    assert!(document.contains("accepted: we own them all"));
}

#[test]
fn annotations_stay_on_their_lines() {
    let text = github::annotations(&[sample()], Some("probes.toml"), Severity::High);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[0].starts_with("::error file=probes.toml,line=1,title=ws%3A//h%3A1"),
        "{text}"
    );
    assert!(lines.iter().all(|line| line.starts_with("::")));
}

#[test]
fn the_verdict_line_says_what_was_let_through() {
    assert_eq!(
        verdict_line(&sample(), Severity::High),
        "bypassable: any web page can get in by suffix-dot (findings: 1 at or above high, 1 below high let through, 1 accepted by the configuration)"
    );
}

#[test]
fn the_standing_follows_the_severity_that_counts() {
    let mut report = sample();
    assert_eq!(standing(&report, Severity::High), Standing::Findings);
    // Who is let in is let in, whatever severity counts.
    assert_eq!(standing(&report, Severity::Critical), Standing::Findings);
    // A probe that counts could not be judged.
    report.verdict = Verdict::Enforced;
    report.findings.clear();
    assert_eq!(standing(&report, Severity::Critical), Standing::Met);
    assert_eq!(standing(&report, Severity::High), Standing::Inconclusive);
    report
        .probes
        .retain(|probe| probe.judged.accepted.is_some());
    assert_eq!(standing(&report, Severity::High), Standing::Met);
    report.verdict = Verdict::TargetDied;
    assert_eq!(standing(&report, Severity::High), Standing::Died);
}

#[test]
fn the_catalogue_can_be_read() {
    let list = catalogue::list();
    assert_eq!(list.matches("(--exotic)").count(), 11, "{list}");
    for group in Group::ALL {
        assert!(list.contains(group.title()));
    }
    let told = catalogue::explain(find("null").unwrap());
    assert!(told.contains("sandboxed iframe"), "{told}");
}
