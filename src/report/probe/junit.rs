//! The report as JUnit XML: a suite a target, a case a probe.

use std::fmt::Write as _;

use super::{Run, TargetReport, xml};
use crate::origin::verdict::{Finding, ProbeReport, Verdict};

/// One document.
pub(crate) fn render(run: &Run) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"wscli probe-origin\">\n",
    );
    for target in &run.targets {
        suite(&mut out, target);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, target: &TargetReport) {
    let report = &target.report;
    let mut cases = String::new();
    let mut counts = Counts::default();
    verdict_case(&mut cases, target, &mut counts);
    for probe in &report.probes {
        let of_probe =
            |finding: &&Finding| finding.probe == probe.rule.id && finding.origin == probe.origin;
        let finding = report.findings.iter().find(of_probe);
        case(&mut cases, target, probe, finding, &mut counts);
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
fn verdict_case(out: &mut String, target: &TargetReport, counts: &mut Counts) {
    let report = &target.report;
    let line = xml(&target.verdict_line());
    let open = format!(
        "    <testcase classname=\"{}\" name=\"verdict\"",
        xml(&report.target)
    );
    let failed = matches!(report.verdict, Verdict::Inconclusive | Verdict::TargetDied);
    if failed || target.interrupted.is_some() {
        counts.errors += 1;
        let kind = match target.interrupted {
            Some(_) => "interrupted",
            None => report.verdict.name(),
        };
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
    target: &TargetReport,
    probe: &ProbeReport,
    finding: Option<&Finding>,
    counts: &mut Counts,
) {
    let time = probe
        .evidence()
        .map_or(0.0, |evidence| evidence.duration.as_secs_f64());
    let _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{time:.3}\">",
        xml(&target.report.target),
        xml(&format!("{} ({})", probe.rule.id, probe.origin))
    );
    if let Some(finding) = finding.filter(|finding| target.counts(finding)) {
        counts.failures += 1;
        let _ = write!(
            out,
            "<failure type=\"{}\" message=\"{}\">{}\n{}</failure>",
            finding.severity,
            xml(&finding.message),
            xml(&format!("sent {}; {}", probe.origin, probe.judged.why)),
            xml(&format!("fix: {}", finding.remediation))
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
