//! The report as Markdown: for job summaries and merge requests.

use std::fmt::Write as _;

use super::{Run, Standing, TargetReport};
use crate::origin::catalogue::Group;
use crate::origin::verdict::{ProbeReport, Report};
use crate::terminal::sanitize::sanitize_report;

/// One document.
pub(crate) fn render(run: &Run) -> String {
    let mut out = String::from("## WebSocket origin enforcement\n");
    if run.targets.len() > 1 {
        let _ = writeln!(out, "\n{}", plain(&run.summary()));
    }
    for target in &run.targets {
        section(&mut out, target);
    }
    out
}

fn section(out: &mut String, target: &TargetReport) {
    let report = &target.report;
    let mark = match target.standing() {
        Standing::Met => "✅",
        Standing::Findings | Standing::Died => "❌",
        Standing::Inconclusive | Standing::Unreachable => "⚠️",
    };
    let _ = writeln!(out, "\n### {mark} {}\n", code(&report.target));
    let _ = writeln!(out, "**{}**\n", plain(&target.verdict_line()));
    let allowed: Vec<_> = report.allowed.iter().map(|origin| code(origin)).collect();
    let _ = writeln!(out, "Allowed: {}", allowed.join(", "));
    if !report.findings.is_empty() {
        out.push_str(
            "\n| severity | probe | sent | what it means | fix |\n|---|---|---|---|---|\n",
        );
    }
    for finding in &report.findings {
        let severity = match &finding.excepted {
            Some(reason) => format!(
                "{} (accepted: {})",
                finding.severity,
                plain(&reason.to_string())
            ),
            None => finding.severity.to_string(),
        };
        let _ = writeln!(
            out,
            "| {severity} | {} | {} | {} | {} |",
            code(finding.probe),
            code(&finding.origin),
            plain(&finding.message),
            plain(&finding.remediation)
        );
    }
    for note in &report.notes {
        let _ = writeln!(out, "\n> {}", plain(note));
    }
    table(out, report);
}

fn table(out: &mut String, report: &Report) {
    let sent: Vec<_> = report
        .probes
        .iter()
        .filter(|probe| probe.judged.attempts > 0)
        .collect();
    if sent.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n<details><summary>{} probes</summary>\n", sent.len());
    out.push_str("| probe | who can send it | sent | answer |\n|---|---|---|---|\n");
    for group in Group::ALL {
        for probe in sent.iter().filter(|probe| probe.group == group) {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {}: {} |",
                code(probe.rule.id),
                group.title(),
                code(&probe.origin),
                word(probe),
                plain(&probe.judged.why)
            );
        }
    }
    out.push_str("\n</details>\n");
}

fn word(probe: &ProbeReport) -> &'static str {
    match probe.judged.accepted {
        Some(true) => "**accepted**",
        Some(false) => "refused",
        None => "undecided",
    }
}

/// A text in a table cell, without what Markdown or HTML would act on.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in sanitize_report(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '!' | '~' | '@' => {
                // A backslash escapes any punctuation (CommonMark §2.4).
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

/// A code span that holds for any text.
fn code(text: &str) -> String {
    let safe = sanitize_report(text).replace('|', "\\|");
    // The delimiter is a row of backticks that is not in the text (CommonMark §6.1).
    let mut longest = 0;
    for row in safe.split(|c| c != '`') {
        longest = longest.max(row.len());
    }
    if longest == 0 {
        return format!("`{safe}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {safe} {fence}")
}
