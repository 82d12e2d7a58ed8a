//! The report as one HTML page: no script, nothing loaded, light and dark.

mod style;

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use self::style::STYLE;
use super::{Run, Standing, TargetReport, evidence_lines, xml};
use crate::origin::catalogue::{Group, Severity};
use crate::origin::observe::Evidence;
use crate::origin::verdict::{Finding, ProbeReport};

/// One document.
pub(crate) fn render(run: &Run) -> String {
    let mut out =
        String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // Whatever a server sent: nothing here runs, and nothing is fetched.
    out.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>WebSocket origin enforcement</title>\n",
    );
    let _ = writeln!(out, "<style>\n{STYLE}</style>\n</head>\n<body>\n<main>");
    out.push_str("<h1>WebSocket origin enforcement</h1>\n");
    if run.targets.len() > 1 {
        overview(&mut out, run);
    }
    for (index, target) in run.targets.iter().enumerate() {
        section(&mut out, index, target);
    }
    let ended = run.ended.to_zoned(TimeZone::UTC);
    let _ = writeln!(
        out,
        "<footer>wscli {} probe-origin, {} UTC</footer>\n</main>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION"),
        ended.strftime("%Y-%m-%d %H:%M:%S")
    );
    out
}

fn overview(out: &mut String, run: &Run) {
    let _ = writeln!(out, "<p>{}</p>", xml(&run.summary()));
    out.push_str("<table>\n<thead><tr><th>target</th><th>verdict</th><th>findings that count</th></tr></thead>\n<tbody>\n");
    for (index, target) in run.targets.iter().enumerate() {
        let counting = target.report.findings.iter().filter(|f| target.counts(f));
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#target-{index}\"><code>{}</code></a></td><td>{}</td><td>{}</td></tr>",
            xml(&target.report.target),
            badge(class(target), target.report.verdict.name()),
            counting.count()
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

fn section(out: &mut String, index: usize, target: &TargetReport) {
    let report = &target.report;
    let class = class(target);
    let _ = writeln!(
        out,
        "<section id=\"target-{index}\">\n<h2><code>{}</code></h2>\n<p class=\"verdict {class}\">{}</p>",
        xml(&report.target),
        xml(&target.verdict_line())
    );
    out.push_str("<dl>\n");
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    };
    let allowed: Vec<_> = report
        .allowed
        .iter()
        .map(|origin| format!("<code>{}</code>", xml(origin)))
        .collect();
    fact("allowed", &allowed.join(", "));
    if let Some(server) = report.server {
        fact("server", &xml(server.name()));
    }
    fact("fails from", target.fail_on.name());
    fact("took", &format!("{:.1} s", report.took.as_secs_f64()));
    out.push_str("</dl>\n");
    for note in &report.notes {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", xml(note));
    }
    findings(out, &report.findings);
    for group in Group::ALL {
        probes(out, &report.probes, group);
    }
    if !report.skipped.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>{} probes that were not sent</summary>\n<ul>",
            report.skipped.len()
        );
        for skipped in &report.skipped {
            let _ = writeln!(
                out,
                "<li><code>{}</code>: {}</li>",
                skipped.id,
                xml(&skipped.reason)
            );
        }
        out.push_str("</ul>\n</details>\n");
    }
    out.push_str("</section>\n");
}

fn findings(out: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    out.push_str("<h3>Findings</h3>\n");
    for finding in findings {
        let _ = writeln!(
            out,
            "<article class=\"finding\">\n<h4>{} <code>{}</code> <span class=\"sent\">sent <code>{}</code></span></h4>\n<p>{}</p>",
            badge(severity_class(finding.severity), finding.severity.name()),
            finding.probe,
            xml(&finding.origin),
            xml(&finding.message)
        );
        if let Some(reason) = &finding.excepted {
            let _ = writeln!(
                out,
                "<p class=\"note\">accepted: {}</p>",
                xml(&reason.to_string())
            );
        }
        let _ = writeln!(
            out,
            "<p class=\"fix\"><b>Fix:</b> {}</p>\n</article>",
            xml(&finding.remediation)
        );
    }
}

fn probes(out: &mut String, probes: &[ProbeReport], group: Group) {
    let sent: Vec<_> = probes
        .iter()
        .filter(|probe| probe.group == group && probe.judged.attempts > 0)
        .collect();
    if sent.is_empty() {
        return;
    }
    let taken = sent
        .iter()
        .filter(|p| p.judged.accepted == Some(true))
        .count();
    let _ = writeln!(
        out,
        "<h3>Probes: {} ({taken} of {} accepted)</h3>",
        group.title(),
        sent.len()
    );
    for probe in sent {
        let (class, word) = match probe.judged.accepted {
            Some(true) => (severity_class(probe.severity), "accepted"),
            Some(false) => ("good", "refused"),
            None => ("unclear", "undecided"),
        };
        let _ = writeln!(
            out,
            "<details class=\"probe\"><summary>{} <code>{}</code> <code class=\"origin\">{}</code> <span>{}</span></summary>",
            badge(class, word),
            probe.rule.id,
            xml(&probe.origin),
            xml(&probe.judged.why)
        );
        let _ = writeln!(
            out,
            "<p>{}: {}.</p>",
            xml(probe.rule.reveals),
            xml(probe.rule.exploit)
        );
        if let Some(seen) = probe.evidence() {
            evidence(out, seen);
        }
        out.push_str("</details>\n");
    }
}

fn evidence(out: &mut String, seen: &Evidence) {
    let lines: Vec<_> = evidence_lines(seen).iter().map(|line| xml(line)).collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "<pre>{}</pre>", lines.join("\n"));
    }
}

fn badge(class: &str, word: &str) -> String {
    format!("<span class=\"badge {class}\">{}</span>", xml(word))
}

fn class(target: &TargetReport) -> &'static str {
    match target.standing() {
        Standing::Met => "good",
        Standing::Findings | Standing::Died => "bad",
        Standing::Inconclusive | Standing::Unreachable => "unclear",
    }
}

fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "bad",
        Severity::Medium => "unclear",
        Severity::Low | Severity::Info => "minor",
    }
}
