//! The report for a terminal: grouped, one line a probe.

use std::fmt::Write as _;

use super::{Standing, standing, verdict_line};
use crate::origin::catalogue::{Group, Severity, find};
use crate::origin::observe::Evidence;
use crate::origin::verdict::{Finding, ProbeReport, Report, Verdict};
use crate::terminal::sanitize;

/// How the text is to look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Whether escape sequences colour it.
    pub colour: bool,
    /// Whether the evidence of every probe is shown.
    pub evidence: bool,
    /// The severity from which findings count.
    pub fail_on: Option<Severity>,
}

impl Look {
    fn fail_on(self) -> Severity {
        self.fail_on.unwrap_or(Severity::High)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// One report.
pub fn render(report: &Report, look: Look) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", look.paint("1", &safe(&report.target)));
    for baseline in &report.baselines {
        let seen = &baseline.seen;
        let took = seen.evidence.handshake.as_millis();
        let _ = writeln!(
            out,
            "  allowed  {}  {} ({took} ms)",
            safe(&baseline.origin),
            seen.outcome.told()
        );
        if look.evidence {
            evidence(&mut out, &seen.evidence);
        }
    }
    for group in Group::ALL {
        table(&mut out, report, group, look);
    }
    let sent = report.probes.iter().any(|probe| probe.judged.attempts > 0);
    if sent && !report.skipped.is_empty() {
        skipped(&mut out, report, look);
    }
    findings(&mut out, report, look);
    for note in &report.notes {
        let _ = writeln!(out, "\nnote: {}", safe(note));
    }
    let line = safe(&verdict_line(report, look.fail_on()));
    let _ = writeln!(out, "\n{}", look.paint(colour_of(report, look), &line));
    out
}

fn colour_of(report: &Report, look: Look) -> &'static str {
    match (standing(report, look.fail_on()), report.verdict) {
        (Standing::Met, Verdict::Enforced | Verdict::Guarded) => "1;32",
        (Standing::Findings | Standing::Died, _) => "1;31",
        _ => "1;33",
    }
}

fn table(out: &mut String, report: &Report, group: Group, look: Look) {
    let probes: Vec<_> = report
        .probes
        .iter()
        .filter(|probe| probe.group == group)
        .collect();
    // Without a baseline nothing was sent, and the reason says so.
    if probes.is_empty() || probes.iter().all(|probe| probe.judged.attempts == 0) {
        return;
    }
    let taken = probes
        .iter()
        .filter(|probe| probe.judged.accepted == Some(true))
        .count();
    let title = format!("{} ({taken} of {} accepted)", group.title(), probes.len());
    let _ = writeln!(out, "\n{}", look.paint("1", &title));
    let ids = report.probes.iter().map(|probe| probe.rule.id.len());
    let width = ids.max().unwrap_or_default();
    for probe in probes {
        row(out, probe, width, look);
        if look.evidence
            && let Some(seen) = probe.evidence()
        {
            evidence(out, seen);
        }
    }
}

fn row(out: &mut String, probe: &ProbeReport, width: usize, look: Look) {
    let (mark, colour, word) = match (probe.judged.accepted, probe.judged.anonymous) {
        (Some(true), _) if probe.severity <= Severity::Info => ("i", "36", "accepted"),
        (Some(true), _) if probe.severity <= Severity::Low => ("!", "33", "accepted"),
        (Some(true), _) => ("x", "31", "ACCEPTED"),
        (Some(false), Some(true)) => ("!", "33", "accepted without credentials"),
        (Some(false), _) => ("-", "32", "refused"),
        (None, _) => ("?", "35", "undecided"),
    };
    let severity = match probe.judged.accepted {
        Some(false) if probe.judged.anonymous != Some(true) => String::new(),
        _ => probe.severity.to_string(),
    };
    let verdict = look.paint(colour, &format!("{mark} {word:<9}"));
    let why = match probe.same_as {
        Some(id) => format!("the same request as {id}"),
        None => safe(&probe.judged.why),
    };
    let origin = shortened(&probe.origin, 46);
    let _ = writeln!(
        out,
        "  {verdict} {:<width$}  {severity:<8} {:<46} {why}",
        probe.rule.id,
        safe(&origin)
    );
}

fn evidence(out: &mut String, seen: &Evidence) {
    let mut block = |arrow: &str, text: &Option<String>| {
        for line in text
            .as_deref()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.is_empty())
        {
            let _ = writeln!(out, "      {arrow} {}", safe(line));
        }
    };
    block(">", &seen.request_head);
    block("<", &seen.response_head);
    block("|", &seen.response_body);
    for frame in &seen.frames {
        let arrow = if frame.sent { ">>" } else { "<<" };
        let at = frame.at.as_millis();
        let _ = writeln!(out, "      {arrow} {at} ms: {}", safe(&frame.data));
    }
    if let Some((code, reason)) = &seen.close {
        let code = code.map_or("none".to_owned(), |code| code.to_string());
        let _ = writeln!(out, "      << Close {code} {}", safe(reason));
    }
    if let Some(error) = &seen.error {
        let _ = writeln!(out, "      ! {}", safe(error));
    }
}

fn skipped(out: &mut String, report: &Report, look: Look) {
    if !look.evidence {
        let ids: Vec<_> = report.skipped.iter().map(|skipped| skipped.id).collect();
        let _ = writeln!(out, "\n{} not sent (-v says why)", ids.len());
        return;
    }
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for skipped in &report.skipped {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == skipped.reason)
        {
            Some((_, ids)) => ids.push(skipped.id),
            None => reasons.push((&skipped.reason, vec![skipped.id])),
        }
    }
    let _ = writeln!(out, "\n{}", look.paint("1", "not sent"));
    for (reason, ids) in reasons {
        let _ = writeln!(out, "  {}: {}", safe(reason), ids.join(", "));
    }
}

/// The weaknesses. Where there is no check at all, that says it all; what
/// several have in common, how they are exploited and repaired, is told once.
fn findings(out: &mut String, report: &Report, look: Look) {
    let tells = |finding: &&Finding| {
        let level = match report.verdict {
            Verdict::NotEnforced => Severity::Critical,
            _ => Severity::Low,
        };
        look.evidence || finding.severity >= level
    };
    let listed: Vec<_> = report.findings.iter().filter(tells).collect();
    if listed.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", look.paint("1", "findings"));
    for (index, finding) in listed.iter().enumerate() {
        let next = listed.get(index + 1);
        let severity = match &finding.excepted {
            Some(reason) => format!("{}, accepted: {}", finding.severity, safe(reason)),
            None => finding.severity.to_string(),
        };
        let (bug, exploit) = parts(finding);
        let _ = writeln!(out, "  [{severity}] {}: {}", finding.probe, safe(bug));
        if !exploit.is_empty() && next.is_none_or(|next| parts(next).1 != exploit) {
            let _ = writeln!(out, "      how: {}", safe(exploit));
        }
        if next.is_none_or(|next| next.remediation != finding.remediation) {
            let _ = writeln!(out, "      fix: {}", safe(&finding.remediation));
        }
    }
}

/// The server's bug, and how it is exploited.
fn parts(finding: &Finding) -> (&str, &str) {
    let exploit = find(finding.probe).map_or("", |rule| rule.exploit);
    let bug = finding
        .message
        .strip_suffix(exploit)
        .and_then(|message| message.strip_suffix(": "));
    match bug {
        Some(bug) if !exploit.is_empty() => (bug, exploit),
        _ => (&finding.message, ""),
    }
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let shown: String = text.chars().take(width.saturating_sub(3)).collect();
    format!("{shown}...")
}

/// What a server sent, made safe for a terminal and kept on its line.
fn safe(text: &str) -> String {
    sanitize(text).replace(['\n', '\t'], " ")
}
