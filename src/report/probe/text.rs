//! The report for a terminal: the verdict first, then grouped, one line a probe.

mod fit;

use std::fmt::Write as _;

pub(crate) use self::fit::wrapped;
use self::fit::{cut, shortened};
use super::{Standing, TargetReport, evidence_lines};
use crate::origin::catalogue::{Group, Severity, find};
use crate::origin::observe::Evidence;
use crate::origin::verdict::{Finding, ProbeReport, Report, Verdict};
use crate::terminal::sanitize::sanitize_report;

/// How the text is to look.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// Whether escape sequences colour it.
    pub colour: bool,
    /// Whether the evidence of every probe is shown.
    pub evidence: bool,
    /// How many columns there are; `None` for any number.
    pub width: Option<usize>,
}

/// How many lines may follow the verdict before it is said again: a terminal shows
/// the end of a long table.
const LONG_LINES: usize = 20;

/// How wide an origin is shown.
const ORIGIN_WIDTH: usize = 46;

/// What is left for the reason of an answer, for it to be worth a column.
const MIN_REASON_WIDTH: usize = 12;

impl Look {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A text of several words in lines that fit, those after the first indented.
    fn paragraph(self, out: &mut String, first: &str, text: &str, indent: usize, code: &str) {
        let text = format!("{first}{}", safe(text));
        for line in wrapped(&text, self.width, indent) {
            let _ = match code {
                "" => writeln!(out, "{line}"),
                code => writeln!(out, "{}", self.paint(code, &line)),
            };
        }
    }
}

/// One target's report.
pub(crate) fn render(target: &TargetReport, look: Look) -> String {
    let report = &target.report;
    let mut verdict = String::new();
    let colour = colour_of(target);
    look.paragraph(&mut verdict, "", &target.verdict_line(), 4, colour);
    let mut out = String::new();
    let _ = writeln!(out, "{}", look.paint("1", &safe(&report.target)));
    for baseline in &report.baselines {
        let seen = &baseline.seen;
        let took = seen.evidence.handshake.as_millis();
        let origin = safe(&baseline.origin);
        let told = seen.outcome.told();
        look.paragraph(
            &mut out,
            "  allowed  ",
            &format!("{origin}  {told} ({took} ms)"),
            11,
            "",
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
        out.push('\n');
        look.paragraph(&mut out, "note: ", note, 6, "");
    }
    if out.lines().count() > LONG_LINES {
        out.push('\n');
        out.push_str(&verdict);
    }
    verdict + &out
}

fn colour_of(target: &TargetReport) -> &'static str {
    match target.standing() {
        Standing::Met if target.report.verdict != Verdict::Bypassable => "1;32",
        Standing::Findings | Standing::Died => "1;31",
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
    let columns = Columns {
        id: ids.max().unwrap_or_default(),
        severity: probes.iter().any(|probe| !severity(probe).is_empty()),
    };
    for probe in probes {
        row(out, probe, &columns, look);
        if look.evidence
            && let Some(seen) = probe.evidence()
        {
            evidence(out, seen);
        }
    }
}

/// What the rows of a group have in common.
struct Columns {
    /// How wide the names are.
    id: usize,
    /// Whether there is a severity to show.
    severity: bool,
}

/// The severity of what was let in, or could not be judged.
fn severity(probe: &ProbeReport) -> &'static str {
    match probe.judged.accepted {
        Some(false) if probe.judged.anonymous != Some(true) => "",
        _ => probe.severity.name(),
    }
}

fn row(out: &mut String, probe: &ProbeReport, columns: &Columns, look: Look) {
    let (mark, colour, word) = match (probe.judged.accepted, probe.judged.anonymous) {
        (Some(true), _) if probe.severity <= Severity::Info => ("i", "36", "accepted"),
        (Some(true), _) if probe.severity <= Severity::Low => ("!", "33", "accepted"),
        (Some(true), _) => ("x", "31", "ACCEPTED"),
        (Some(false), Some(true)) => ("!", "33", "accepted without credentials"),
        (Some(false), _) => ("-", "32", "refused"),
        (None, _) => ("?", "35", "undecided"),
    };
    let word = format!("{mark} {word:<9}");
    let why = match probe.same_as {
        Some(id) => format!("the same request as {id}"),
        None => safe(&probe.judged.why),
    };
    let mut head = format!("{:<width$}  ", probe.rule.id, width = columns.id);
    if columns.severity {
        let _ = write!(head, "{:<8} ", severity(probe));
    }
    let origin = safe(&probe.origin);
    // The evidence is there to be read, however long its lines are.
    let room = look.width.filter(|_| !look.evidence).map(|width| {
        let taken = 2 + word.chars().count() + 1 + head.chars().count();
        width.saturating_sub(taken)
    });
    let tail = match room {
        None => format!("{:<ORIGIN_WIDTH$} {why}", shortened(&origin, ORIGIN_WIDTH)),
        Some(room) if room > ORIGIN_WIDTH + MIN_REASON_WIDTH => {
            let why = cut(&why, room - ORIGIN_WIDTH - 1);
            format!("{:<ORIGIN_WIDTH$} {why}", shortened(&origin, ORIGIN_WIDTH))
        }
        Some(room) => shortened(&origin, room),
    };
    let line = format!("  {} {head}{tail}", look.paint(colour, &word));
    let _ = writeln!(out, "{}", line.trim_end());
}

fn evidence(out: &mut String, seen: &Evidence) {
    for line in evidence_lines(seen) {
        let _ = writeln!(out, "      {}", safe(&line));
    }
}

fn skipped(out: &mut String, report: &Report, look: Look) {
    if !look.evidence {
        let _ = writeln!(out, "\n{} not sent (-v says why)", report.skipped.len());
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
        let text = format!("{}: {}", safe(reason), ids.join(", "));
        look.paragraph(out, "  ", &text, 6, "");
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
            Some(why) => format!("{}, accepted: {}", finding.severity, safe(&why.to_string())),
            None => finding.severity.to_string(),
        };
        let (bug, exploit) = parts(finding);
        let first = format!("  [{severity}] {}: ", finding.probe);
        look.paragraph(out, &first, bug, 6, "");
        if !exploit.is_empty() && next.is_none_or(|next| parts(next).1 != exploit) {
            look.paragraph(out, "      how: ", exploit, 11, "");
        }
        if next.is_none_or(|next| next.remediation != finding.remediation) {
            look.paragraph(out, "      fix: ", &finding.remediation, 11, "");
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

/// What a server sent, made safe for a terminal and a CI log, and kept on its line.
fn safe(text: &str) -> String {
    sanitize_report(text)
}
