//! The report as JUnit XML: a suite a target, a case a probe.

use std::fmt::Write as _;

use super::{verdict_line, xml};
use crate::origin::catalogue::Severity;
use crate::origin::verdict::{Finding, ProbeReport, Report, Verdict};

/// One document.
pub fn render(reports: &[Report], fail_on: Severity) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"wscli probe-origin\">\n",
    );
    for report in reports {
        suite(&mut out, report, fail_on);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, report: &Report, fail_on: Severity) {
    let mut cases = String::new();
    let mut counts = Counts::default();
    verdict_case(&mut cases, report, fail_on, &mut counts);
    for probe in &report.probes {
        let of_probe =
            |finding: &&Finding| finding.probe == probe.rule.id && finding.origin == probe.origin;
        let finding = report.findings.iter().find(of_probe);
        case(&mut cases, report, probe, finding, fail_on, &mut counts);
    }
    for skipped in &report.skipped {
        counts.skipped += 1;
        let _ = writeln!(
            cases,
            "    <testcase classname=\"{}\" name=\"{}\"><skipped message=\"{}\"/></testcase>",
            xml(&report.target),
            skipped.id,
            xml(&skipped.reason)
        );
    }
    let tests = 1 + report.probes.len() + report.skipped.len();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        xml(&report.target),
        counts.failures,
        counts.errors,
        counts.skipped,
        report.took.as_secs_f64()
    );
    out.push_str(&cases);
    out.push_str("  </testsuite>\n");
}

#[derive(Default)]
struct Counts {
    failures: usize,
    errors: usize,
    skipped: usize,
}

/// The run itself: a baseline that fails leaves no other trace.
fn verdict_case(out: &mut String, report: &Report, fail_on: Severity, counts: &mut Counts) {
    let line = xml(&verdict_line(report, fail_on));
    let open = format!(
        "    <testcase classname=\"{}\" name=\"verdict\"",
        xml(&report.target)
    );
    if matches!(report.verdict, Verdict::Inconclusive | Verdict::TargetDied) {
        counts.errors += 1;
        let kind = report.verdict.name();
        let _ = writeln!(
            out,
            "{open}><error type=\"{kind}\" message=\"{line}\"/></testcase>"
        );
    } else {
        let _ = writeln!(out, "{open}><system-out>{line}</system-out></testcase>");
    }
}

fn case(
    out: &mut String,
    report: &Report,
    probe: &ProbeReport,
    finding: Option<&Finding>,
    fail_on: Severity,
    counts: &mut Counts,
) {
    let time = probe
        .evidence()
        .map_or(0.0, |evidence| evidence.duration.as_secs_f64());
    let _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{time:.3}\">",
        xml(&report.target),
        xml(&format!("{} ({})", probe.rule.id, probe.origin))
    );
    let counts_as_failure =
        |finding: &&Finding| finding.excepted.is_none() && finding.severity >= fail_on;
    if let Some(finding) = finding.filter(counts_as_failure) {
        counts.failures += 1;
        let _ = write!(
            out,
            "<failure type=\"{}\" message=\"{}\">{}</failure>",
            finding.severity,
            xml(&finding.message),
            xml(&format!(
                "sent {}; {}\nfix: {}",
                probe.origin, probe.judged.why, finding.remediation
            ))
        );
    } else if probe.judged.accepted.is_none() {
        counts.errors += 1;
        let why = xml(&probe.judged.why);
        let _ = write!(out, "<error type=\"inconclusive\" message=\"{why}\"/>");
    } else {
        let told = match finding.and_then(|finding| finding.excepted.as_ref()) {
            Some(reason) => format!("{}; accepted: {reason}", probe.judged.why),
            None => probe.judged.why.clone(),
        };
        let _ = write!(out, "<system-out>{}</system-out>", xml(&told));
    }
    out.push_str("</testcase>\n");
}
