use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::connection::{OpenConfig, RawHead, Target};
use crate::origin::catalogue::{Group, find};
use crate::origin::observe::{Evidence, Frame, Observation, Outcome};
use crate::origin::remedy::Server;
use crate::origin::runner::{Baseline, Judged};
use crate::origin::verdict::{Excepted, Finding, ProbeReport};
use crate::report::probe::text::Look;

const SECRET: &str = "sup3r-secret-value";
const HOSTILE: &str =
    "\x1b]0;x\x07\u{9b}31m\u{202e}\u{7f} <b>|`::error::\n::error::##[error]x%0A]]>&\"'";

/// A run over these targets.
fn run_of(reports: Vec<Report>) -> Run {
    Run {
        targets: reports
            .into_iter()
            .zip(1..)
            .map(|(report, place)| TargetReport {
                report,
                fail_on: Severity::High,
                line: Some(4 * place),
                interrupted: None,
            })
            .collect(),
        config: Some("ci/my probes.toml".into()),
        has_baseline: false,
        started: Timestamp::from_second(1_800_000_000).unwrap(),
        ended: Timestamp::from_second(1_800_000_061).unwrap(),
    }
}

/// A report of everything: accepted, refused, undecided and accepted by the
/// configuration, with a hostile server's texts in it.
fn sample() -> Report {
    let mut open = OpenConfig::default();
    open.request.edits = vec![format!("Cookie: sid={SECRET}").parse().unwrap()];
    let target: Target = format!("ws://h:1/ws?token={SECRET}").parse().unwrap();
    let redactor = open.request.secrets(&target);
    let head = |text: String| redactor.head(&RawHead::new(text.into_bytes().into()));
    let mut seen = Observation::new(Outcome::Open);
    seen.evidence = Evidence {
        request_head: Some(head(format!(
            "GET /ws?token={SECRET} HTTP/1.1\r\nCookie: sid={SECRET}\r\n\r\n"
        ))),
        response_head: Some(head(format!(
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
            excepted: excepted.map(|reason| Excepted::Reason(reason.to_owned())),
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
        handshakes: 12,
        took: Duration::from_millis(7531),
    }
}

fn every_document(run: &Run) -> Vec<(&'static str, String)> {
    let look = Look {
        colour: false,
        evidence: true,
        width: None,
    };
    vec![
        ("text", text::render(&run.targets[0], look)),
        ("json", json::render(run)),
        ("junit", junit::render(run)),
        ("sarif", sarif::render(run)),
        ("markdown", markdown::render(run)),
        ("github", github::annotations(run)),
        ("gitlab", gitlab::render(run)),
        ("html", html::render(run)),
    ]
}

#[test]
fn no_document_holds_a_secret_or_a_control_character_or_a_command_of_a_ci_service() {
    let mut hostile = sample();
    // Where a peer's text gets into a verdict.
    hostile.verdict = Verdict::Inconclusive;
    hostile.reason = format!("it redirects to {HOSTILE}");
    hostile.target = format!("ws://h/{HOSTILE}");
    for (name, document) in every_document(&run_of(vec![sample(), hostile])) {
        assert!(!document.contains(SECRET), "{name}");
        let active = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!document.contains(active), "{name}: {document:?}");
        assert!(!document.contains("##["), "{name}: {document}");
        assert!(document.contains("suffix-dot"), "{name}");
        // Ours begin with their kind and its title; a runner reads no others.
        for line in document.lines().map(str::trim_start) {
            let ours = ["::error ", "::warning ", "::notice "];
            let is_ours = name == "github" && ours.iter().any(|kind| line.starts_with(kind));
            assert!(!line.starts_with("::") || is_ours, "{name}: {line}");
        }
    }
}

#[test]
fn the_page_shows_a_strangers_markup_as_text() {
    let page = html::render(&run_of(vec![sample(), sample()]));
    assert!(
        page.contains("&lt;b&gt;") && !page.contains("<b>|"),
        "{page}"
    );
    for (what, part) in [
        ("nothing runs", "default-src 'none'"),
        (
            "it is dark where that is wished",
            "prefers-color-scheme: dark",
        ),
        ("several targets", "href=\"#target-1\""),
        ("the summary", "2 of 2 targets do not meet the policy"),
    ] {
        assert!(page.contains(part), "{what}");
    }
    assert!(!page.contains("<script") && !page.contains(" src="));
    for tag in [
        "section", "details", "table", "article", "dl", "pre", "span", "code",
    ] {
        let opened = page.matches(&format!("<{tag}")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
#[ignore = "needs check-jsonschema: its path in $CHECK_JSONSCHEMA"]
// Where the tool is, only the machine of the test knows.
#[allow(clippy::disallowed_methods)]
fn sarif_is_valid_by_the_official_schema() {
    let mut schema: Value =
        serde_json::from_str(include_str!("../../../tests/data/sarif-schema-2.1.0.json")).unwrap();
    // The schema's pattern of languages has a stray ']', which is no regular
    // expression of ECMA 262's Unicode mode; we set no language.
    for component in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{component}/properties/language"));
        language.unwrap().as_object_mut().unwrap().remove("pattern");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let check = std::env::var_os("CHECK_JSONSCHEMA").expect("the path of check-jsonschema");
    let is_valid = |documents: &[std::path::PathBuf]| {
        let output = std::process::Command::new(&check)
            .arg("--schemafile")
            .arg(file("schema.json", &schema.to_string()))
            .args(documents)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), told)
    };
    let runs = [vec![], vec![sample()], vec![sample(), sample()]];
    let documents = runs.into_iter().map(|reports| {
        let name = format!("{}.sarif.json", reports.len());
        file(&name, &sarif::render(&run_of(reports)))
    });
    let documents: Vec<_> = documents.collect();
    let (valid, told) = is_valid(&documents);
    assert!(valid, "{told}");
    let wrong = file("wrong.sarif.json", "{\"version\": \"2.1.0\"}");
    assert!(!is_valid(&[wrong]).0, "the schema lets everything pass");
}

#[test]
fn sarif_leads_to_the_entry_of_the_target() {
    let document: Value = serde_json::from_str(&sarif::render(&run_of(vec![sample()]))).unwrap();
    let result = &document["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "suffix-dot");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "ci/my%20probes.toml");
    assert_eq!(place["region"]["startLine"], 4);
    assert_eq!(
        result["partialFingerprints"]["wscliProbe/v2"],
        "ws://h:1/ws?token=[redacted]|suffix-dot|https://suffix-dot.example"
    );
    assert_eq!(
        document["runs"][0]["results"][1]["suppressions"][0]["justification"],
        "we own them all"
    );
    let driver = &document["runs"][0]["tool"]["driver"];
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(driver["rules"][index]["id"], "suffix-dot");
    assert!(driver["informationUri"].as_str().unwrap().contains("://"));
}

#[test]
fn the_fingerprint_tells_targets_probes_and_origins_apart_and_nothing_else() {
    let mut other = sample();
    other.target = "ws://other/ws".into();
    let mut twice = sample();
    let mut second = twice.findings[0].clone();
    second.origin = "https://second.example".into();
    twice.findings.push(second);
    let prints = |run: &Run| -> Vec<String> {
        let document: Value = serde_json::from_str(&sarif::render(run)).unwrap();
        let results = document["runs"][0]["results"].as_array().unwrap().clone();
        let of = |result: &Value| {
            let prints = &result["partialFingerprints"];
            prints["primaryLocationLineHash"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        results.iter().map(of).collect()
    };
    let mut all = prints(&run_of(vec![twice.clone(), other.clone()]));
    // In another order, at another time, on other lines.
    twice.findings.reverse();
    twice.took = Duration::from_secs(9);
    let mut again = prints(&run_of(vec![other, twice]));
    all.sort();
    again.sort();
    assert_eq!(all, again);
    assert_eq!(all.len(), 7);
    all.dedup();
    assert_eq!(all.len(), 7, "two findings share one");
}

#[test]
fn code_scanning_gets_no_alert_for_what_is_only_worth_knowing() {
    let mut report = sample();
    report.findings[0].severity = Severity::Info;
    let run = run_of(vec![report]);
    for (name, document) in [
        ("sarif", sarif::render(&run)),
        ("gitlab", gitlab::render(&run)),
    ] {
        let document: Value = serde_json::from_str(&document).unwrap();
        let results = [
            &document["runs"][0]["results"],
            &document["vulnerabilities"],
        ];
        let results = results.into_iter().find_map(Value::as_array).unwrap();
        let told = format!("{results:?}");
        assert!(
            !told.contains("suffix-dot") && told.contains("port-other"),
            "{name}"
        );
    }
}

#[test]
fn the_severity_of_a_rule_is_that_of_its_results() {
    let mut lowered = sample();
    lowered.findings[0].severity = Severity::Low;
    let document: Value =
        serde_json::from_str(&sarif::render(&run_of(vec![sample(), lowered]))).unwrap();
    let run = &document["runs"][0];
    let mut ids = std::collections::BTreeSet::new();
    for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
        assert!(ids.insert(rule["id"].as_str().unwrap()), "{}", rule["id"]);
        // A name that is the id tells nothing (SARIF1001 of the validator).
        assert!(
            !rule["name"]
                .as_str()
                .unwrap()
                .eq_ignore_ascii_case(rule["id"].as_str().unwrap())
        );
    }
    assert!(ids.contains("suffix-dot") && ids.contains("suffix-dot/low"));
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        let rule = &run["tool"]["driver"]["rules"][index];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
        assert_eq!(
            rule["properties"]["security-severity"],
            result["properties"]["security-severity"]
        );
    }
}

/// By the rules of GitLab's schema 15.0.4, which is not among our files.
#[test]
fn the_report_for_gitlab_has_what_its_schema_demands() {
    let mut run = run_of(vec![sample(), sample()]);
    run.targets[1].interrupted = Some("SIGTERM");
    let document: Value = serde_json::from_str(&gitlab::render(&run)).unwrap();
    let text = |value: &Value| value.as_str().map_or(0, str::len) > 0;
    let scan = &document["scan"];
    assert_eq!(
        (&scan["type"], &scan["status"]),
        (&"sast".into(), &"failure".into())
    );
    assert_eq!(scan["start_time"], "2027-01-15T08:00:00");
    assert_eq!(scan["end_time"], "2027-01-15T08:01:01");
    assert_eq!(scan["messages"][0]["level"], "fatal");
    for tool in [&scan["analyzer"], &scan["scanner"]] {
        for value in [
            &tool["id"],
            &tool["name"],
            &tool["version"],
            &tool["vendor"]["name"],
        ] {
            assert!(text(value), "{tool}");
        }
    }
    let found = document["vulnerabilities"].as_array().unwrap();
    // The exception of the configuration is not among them.
    assert_eq!(found.len(), 4, "{found:#?}");
    let known = ["Info", "Unknown", "Low", "Medium", "High", "Critical"];
    for one in found {
        assert!(text(&one["id"]) && text(&one["location"]["file"]), "{one}");
        assert!(known.contains(&one["severity"].as_str().unwrap()), "{one}");
        assert!(one["name"].as_str().unwrap().chars().count() <= 255);
        assert!(one["location"]["start_line"].as_u64().unwrap() % 4 == 0);
        for identifier in one["identifiers"].as_array().unwrap() {
            for key in ["type", "name", "value"] {
                assert!(text(&identifier[key]), "{one}");
            }
        }
    }
}

#[test]
fn json_keeps_its_stable_part() {
    let document: Value = serde_json::from_str(&json::render(&run_of(vec![sample()]))).unwrap();
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
            .contains("compare the whole origin")
    );
    let several: Value =
        serde_json::from_str(&json::render(&run_of(vec![sample(), sample()]))).unwrap();
    assert_eq!(several["targets"].as_array().unwrap().len(), 2);
}

#[test]
fn junit_has_a_case_a_probe_and_errors_for_the_undecided() {
    let document = junit::render(&run_of(vec![sample()]));
    assert!(
        document.contains("tests=\"7\" failures=\"1\" errors=\"1\" skipped=\"1\""),
        "{document}"
    );
    assert_eq!(document.matches("<testcase ").count(), 7);
    assert!(document.contains("accepted: we own them all"));
}

#[test]
fn annotations_begin_with_the_verdict_and_stay_on_their_lines() {
    let text = github::annotations(&run_of(vec![sample()]));
    let lines: Vec<_> = text.lines().collect();
    // The exception of the configuration is not among them.
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[0].starts_with("::error file=ci/my probes.toml,line=4,title=ws%3A//h%3A1"),
        "{text}"
    );
    assert!(lines[0].contains("::bypassable: any web page"), "{text}");
    assert!(lines[1].contains("suffix-dot (high)::"), "{text}");
    assert!(lines.iter().all(|line| line.starts_with("::")));
}

#[test]
fn annotations_are_never_more_than_github_keeps() {
    let mut open = sample();
    for number in 0..60 {
        let mut finding = open.findings[number % 3].clone();
        finding.origin = format!("https://{number}.example");
        open.findings.push(finding);
    }
    let counts = |reports: Vec<Report>| -> (usize, String) {
        let text = github::annotations(&run_of(reports));
        (
            text.lines().count(),
            text.lines().next().unwrap_or_default().to_owned(),
        )
    };
    let (lines, first) = counts(vec![open.clone()]);
    assert_eq!(lines, 10);
    assert!(
        first.contains("the 9 worst findings follow, the other 33 are in"),
        "{first}"
    );
    let (lines, first) = counts(vec![open.clone(); 3]);
    assert_eq!(lines, 10);
    assert!(first.contains("3 of 3 targets do not meet"), "{first}");
    assert_eq!(counts(vec![open; 30]).0, 10);
    let mut unclear = sample();
    unclear.verdict = Verdict::Inconclusive;
    unclear.findings.clear();
    let (lines, first) = counts(vec![unclear; 30]);
    assert_eq!(lines, 10);
    assert!(first.starts_with("::warning "), "{first}");
    assert_eq!(counts(vec![]).0, 0);
}

#[test]
fn the_verdict_is_the_first_line_of_the_table() {
    let target = &run_of(vec![sample()]).targets[0];
    let text = text::render(target, Look::default());
    assert!(text.starts_with("bypassable: any web page"), "{text}");
    assert!(
        text.lines().nth(1).unwrap().starts_with("ws://h:1/"),
        "{text}"
    );
}

#[test]
fn the_table_fits_the_terminal() {
    let mut report = sample();
    report.probes[1].origin = "https://a-very-long-name.of-an-origin.of.cswsh-probe.example".into();
    let target = &run_of(vec![report]).targets[0];
    for width in [60, 80, 100, 200] {
        let look = Look {
            width: Some(width),
            ..Look::default()
        };
        let text = text::render(target, look);
        for line in text.lines() {
            // What is one word cannot be broken.
            let is_word = !line.trim().contains(' ');
            assert!(is_word || line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn an_interrupted_run_says_so_in_every_report() {
    let mut run = run_of(vec![sample()]);
    run.targets[0].interrupted = Some("SIGINT");
    for (name, document) in every_document(&run) {
        let told = document.contains("interrupted by SIGINT with 5 of 5 probes judged");
        assert!(told || name == "sarif", "{name}: {document}");
    }
    assert!(sarif::render(&run).contains("\"executionSuccessful\": false"));
    run.targets[0].report.findings.clear();
    run.targets[0].report.verdict = Verdict::Enforced;
    assert_eq!(run.targets[0].standing(), Standing::Inconclusive);
    // Besides the one that is undecided.
    let document = junit::render(&run);
    assert!(document.contains(" errors=\"2\" "), "{document}");
    assert!(
        document.contains("<error type=\"interrupted\" message=\""),
        "{document}"
    );
}

#[test]
fn a_baseline_excuses_what_is_in_it_and_no_worse() {
    let mut run = run_of(vec![sample()]);
    let text = baseline::render(&run);
    // What the configuration accepts has its reason there.
    assert!(
        text.contains("suffix-dot") && !text.contains("\"subdomain\""),
        "{text}"
    );
    assert!(!text.contains(SECRET));
    let read = baseline::Baseline::parse(&text).unwrap();
    let known: Vec<_> = read.of(&run.targets[0].report.target).collect();
    let told: Vec<_> = known
        .iter()
        .map(|known| (known.probe.as_str(), known.origin.as_deref(), known.at_most))
        .collect();
    assert_eq!(
        told,
        [
            (
                "port-other",
                Some("https://port-other.example"),
                Some(Severity::Low)
            ),
            (
                "suffix-dot",
                Some("https://suffix-dot.example"),
                Some(Severity::High)
            ),
        ]
    );
    assert_eq!(read.of("ws://other/").count(), 0);
    // It can be written again, by a run that was held against it.
    run.has_baseline = true;
    let report = &mut run.targets[0].report;
    report.findings[0].excepted = Some(Excepted::Known);
    report.verdict = Verdict::Enforced;
    assert_eq!(baseline::render(&run), text);
    let told =
        "1 below high let through, 1 accepted by the configuration, 1 known from the baseline";
    assert!(run.targets[0].verdict_line().contains(told));
    let sarif: Value = serde_json::from_str(&sarif::render(&run)).unwrap();
    let state = |index: usize| &sarif["runs"][0]["results"][index]["baselineState"];
    assert_eq!((state(0), state(2)), (&"unchanged".into(), &"new".into()));
    for (text, part) in [
        ("", "EOF"),
        ("{\"schema\":2,\"findings\":[]}", "schema is 2"),
        ("{\"schema\":1}", "missing field"),
        (
            "{\"schema\":1,\"findings\":[{\"probe\":\"x\"}]}",
            "missing field",
        ),
    ] {
        let error = baseline::Baseline::parse(text).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
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
