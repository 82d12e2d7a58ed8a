//! Annotations of a GitHub workflow (its "workflow commands").

use std::fmt::Write as _;

use super::{Run, Standing, TargetReport};
use crate::origin::catalogue::Severity;
use crate::origin::verdict::Finding;
use crate::terminal::sanitize::sanitize_report;

/// GitHub keeps ten errors and ten warnings of a step and drops the rest without a
/// word (REST API, check runs), so there are never more.
const MAX_LINES: usize = 10;

/// The verdict first, then the worst findings, a line each.
pub(crate) fn annotations(run: &Run) -> String {
    let mut verdicts: Vec<&TargetReport> = run.targets.iter().collect();
    verdicts.sort_by_key(|target| target.standing());
    let mut lines = Vec::new();
    if let (Some(worst), true) = (verdicts.first(), verdicts.len() > 1) {
        lines.push(Annotation {
            kind: kind(worst.standing()),
            place: None,
            title: "WebSocket origin enforcement".into(),
            text: run.summary(),
        });
    }
    lines.extend(verdicts.iter().map(|target| Annotation {
        kind: kind(target.standing()),
        place: Some(target),
        title: target.report.target.clone(),
        text: target.verdict_line(),
    }));
    let findings: Vec<_> = run
        .findings()
        .into_iter()
        .filter(|(_, finding)| finding.excepted.is_none() && finding.severity > Severity::Info)
        .collect();
    // Half of the room is for what was found, if that much was.
    lines.truncate(MAX_LINES - findings.len().min(MAX_LINES / 2));
    let told: Vec<_> = findings
        .iter()
        .take(MAX_LINES - lines.len())
        .map(|(target, finding)| about(target, finding))
        .collect();
    let left = findings.len() - told.len();
    if let (Some(first), true) = (lines.first_mut(), left > 0) {
        let _ = write!(
            first.text,
            "; the {} worst findings follow, the other {left} are in the job summary",
            told.len()
        );
    }
    lines.extend(told);
    let mut out = String::new();
    for line in lines {
        line.write(&mut out, run);
    }
    out
}

struct Annotation<'a> {
    kind: &'static str,
    /// The target on whose entry in the configuration it is put.
    place: Option<&'a TargetReport>,
    title: String,
    text: String,
}

impl Annotation<'_> {
    fn write(&self, out: &mut String, run: &Run) {
        let file = run.config.as_deref().map(|path| {
            let line = self.place.and_then(|target| target.line).unwrap_or(1);
            format!("file={},line={line},", property(path))
        });
        let _ = writeln!(
            out,
            "::{} {}title={}::{}",
            self.kind,
            file.unwrap_or_default(),
            property(&self.title),
            data(&self.text)
        );
    }
}

fn kind(standing: Standing) -> &'static str {
    match standing {
        Standing::Met => "notice",
        Standing::Findings | Standing::Died => "error",
        Standing::Inconclusive | Standing::Unreachable => "warning",
    }
}

fn about<'a>(target: &'a TargetReport, finding: &Finding) -> Annotation<'a> {
    let kind = match finding.severity {
        _ if target.counts(finding) => "error",
        severity if severity >= Severity::Medium => "warning",
        _ => "notice",
    };
    Annotation {
        kind,
        place: Some(target),
        title: format!(
            "{}: {} ({})",
            target.report.target, finding.probe, finding.severity
        ),
        text: format!(
            "accepts {}: {}. Fix: {}",
            finding.origin, finding.message, finding.remediation
        ),
    }
}

fn data(text: &str) -> String {
    sanitize_report(text).replace('%', "%25")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
