//! Reports of `probe-origin`, one file a format. The evidence in them has lost
//! its secrets already; what is active in a stranger's text goes here.

pub(crate) mod baseline;
pub(crate) mod catalogue;
mod fingerprint;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod poc;
pub(crate) mod sarif;
pub(crate) mod text;

use jiff::Timestamp;

use crate::origin::catalogue::Severity;
use crate::origin::observe::Evidence;
use crate::origin::verdict::{Finding, Report, Verdict};
use crate::terminal::sanitize::sanitize_report;

/// A run over one target or several, as the reports tell it.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The targets, in their order.
    pub targets: Vec<TargetReport>,
    /// The configuration file, as a path for reports.
    pub config: Option<String>,
    /// Whether it was held against a baseline.
    pub has_baseline: bool,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
}

/// What was found about one target, and how it is looked at.
#[derive(Debug, Clone)]
pub(crate) struct TargetReport {
    /// What was found.
    pub report: Report,
    /// The severity from which findings count.
    pub fail_on: Severity,
    /// The line of its entry in the configuration file.
    pub line: Option<usize>,
    /// The signal that ended its run before its end.
    pub interrupted: Option<&'static str>,
}

/// What a run's exit status says about one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// There are findings that count.
    Findings,
    /// The target died.
    Died,
    /// It cannot be told.
    Inconclusive,
    /// There was no connection.
    Unreachable,
    /// It meets the policy.
    Met,
}

impl Run {
    /// Where code scanning services show the findings: they want a file of the
    /// repository. Without a configuration the name says only where it would be.
    fn file(&self) -> &str {
        self.config.as_deref().unwrap_or("probes.toml")
    }

    /// All findings with their targets, the worst first.
    fn findings(&self) -> Vec<(&TargetReport, &Finding)> {
        let mut findings: Vec<_> = self
            .targets
            .iter()
            .flat_map(|target| target.report.findings.iter().map(move |f| (target, f)))
            .collect();
        findings.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity));
        findings
    }

    /// How many targets do not meet the policy, of how many.
    fn summary(&self) -> String {
        let met = |target: &&TargetReport| target.standing() == Standing::Met;
        let met = self.targets.iter().filter(met).count();
        let all = self.targets.len();
        match all - met {
            0 => format!("all {all} targets meet the policy"),
            1 => format!("1 of {all} targets does not meet the policy, or could not be judged"),
            n => format!("{n} of {all} targets do not meet the policy, or could not be judged"),
        }
    }
}

impl TargetReport {
    /// How the target stands to the policy.
    pub(crate) fn standing(&self) -> Standing {
        match standing(&self.report, self.fail_on) {
            Standing::Met if self.interrupted.is_some() => Standing::Inconclusive,
            standing => standing,
        }
    }

    /// The verdict and its reason in one line, with what was let through.
    pub(crate) fn verdict_line(&self) -> String {
        let line = verdict_line(&self.report, self.fail_on);
        let Some(signal) = self.interrupted else {
            return line;
        };
        let sent = || self.report.probes.iter().filter(|p| p.same_as.is_none());
        let judged = sent().filter(|probe| probe.judged.attempts > 0);
        let told = format!(
            "interrupted by {signal} with {} of {} probes judged",
            judged.count(),
            sent().count()
        );
        // Where nothing was found, that is the reason.
        match line.strip_prefix("inconclusive: interrupted by ") {
            Some(_) => format!("inconclusive: {told}"),
            None => format!("{told}; {line}"),
        }
    }

    /// Whether a finding makes the run fail.
    fn counts(&self, finding: &Finding) -> bool {
        finding.excepted.is_none() && finding.severity >= self.fail_on
    }
}

/// How a target stands to the policy, when findings count from this severity.
pub(crate) fn standing(report: &Report, fail_on: Severity) -> Standing {
    match report.verdict {
        _ if report.is_unreachable() => Standing::Unreachable,
        Verdict::TargetDied => Standing::Died,
        // Whatever counts as a finding: a page that is not allowed gets in.
        Verdict::NotEnforced | Verdict::Bypassable => Standing::Findings,
        _ if report.counting(fail_on).next().is_some() => Standing::Findings,
        Verdict::Inconclusive => Standing::Inconclusive,
        _ if report.is_undecided(fail_on) => Standing::Inconclusive,
        _ => Standing::Met,
    }
}

/// The verdict and its reason in one line, with what was let through.
pub(crate) fn verdict_line(report: &Report, fail_on: Severity) -> String {
    let mut line = format!("{}: {}", report.verdict.name(), report.reason);
    let counting = report.counting(fail_on).count();
    let excepted = report
        .findings
        .iter()
        .filter(|f| f.excepted.is_some())
        .count();
    let below = report.findings.len() - counting - excepted;
    let mut parts = Vec::new();
    if counting > 0 {
        parts.push(format!("{counting} at or above {fail_on}"));
    }
    if below > 0 {
        parts.push(format!("{below} below {fail_on} let through"));
    }
    let known = report.findings.iter().filter(|f| f.is_known()).count();
    if excepted > known {
        let configured = excepted - known;
        parts.push(format!("{configured} accepted by the configuration"));
    }
    if known > 0 {
        parts.push(format!("{known} known from the baseline"));
    }
    if !parts.is_empty() {
        line = format!("{line} (findings: {})", parts.join(", "));
    }
    line
}

/// A text for XML and HTML: on one line, with nothing active in it, and escaped.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in sanitize_report(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // These two XML cannot hold (XML 1.0 §2.2).
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// The evidence of an answer in lines, each behind a mark that tells whose it is, so
/// that none begins with a stranger's text.
fn evidence_lines(seen: &Evidence) -> Vec<String> {
    let mut lines = Vec::new();
    let heads = [
        (">", &seen.request_head),
        ("<", &seen.response_head),
        ("|", &seen.response_body),
    ];
    for (mark, text) in heads {
        let text = text.as_deref().unwrap_or_default().lines();
        lines.extend(
            text.filter(|line| !line.is_empty())
                .map(|line| format!("{mark} {line}")),
        );
    }
    for frame in &seen.frames {
        let mark = if frame.sent { ">>" } else { "<<" };
        lines.push(format!(
            "{mark} {} ms: {}",
            frame.at.as_millis(),
            frame.data
        ));
    }
    if let Some((code, reason)) = &seen.close {
        let code = code.map_or("none".to_owned(), |code| code.to_string());
        lines.push(format!("<< Close {code} {reason}"));
    }
    lines.extend(seen.error.iter().map(|error| format!("! {error}")));
    lines
}

#[cfg(test)]
mod tests;
