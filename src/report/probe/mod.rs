//! Reports of `probe-origin`, one file a format. The evidence in them has lost
//! its secrets already.

pub mod catalogue;
pub mod github;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sarif;
pub mod text;

use crate::origin::catalogue::Severity;
use crate::origin::verdict::{Report, Verdict};

/// What a run's exit status says about one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It meets the policy.
    Met,
    /// There are findings that count.
    Findings,
    /// The target died.
    Died,
    /// It cannot be told.
    Inconclusive,
    /// There was no connection.
    Unreachable,
}

/// How a target stands to the policy, when findings count from this severity.
pub fn standing(report: &Report, fail_on: Severity) -> Standing {
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
pub fn verdict_line(report: &Report, fail_on: Severity) -> String {
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
    if excepted > 0 {
        parts.push(format!("{excepted} accepted by the configuration"));
    }
    if !parts.is_empty() {
        line = format!("{line} (findings: {})", parts.join(", "));
    }
    line
}

/// Text for XML: escaped, and without the characters that XML cannot hold.
pub(crate) fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' | '\n' => safe.push(c),
            '\r' => {}
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
