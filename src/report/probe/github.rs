//! Annotations of a GitHub workflow (its "workflow commands").

use std::fmt::Write as _;

use super::{Standing, standing, verdict_line};
use crate::origin::catalogue::Severity;
use crate::origin::verdict::Report;

/// One line a finding that counts, and one a verdict. `config` is the
/// configuration file that the annotations are put on.
pub fn annotations(reports: &[Report], config: Option<&str>, fail_on: Severity) -> String {
    let mut out = String::new();
    let file = config
        .map(|path| format!("file={},line=1,", property(path)))
        .unwrap_or_default();
    for report in reports {
        for finding in &report.findings {
            let kind = match (&finding.excepted, finding.severity) {
                (None, severity) if severity >= fail_on => "error",
                (None, Severity::Medium | Severity::High | Severity::Critical) => "warning",
                _ => "notice",
            };
            let title = format!(
                "{}: {} ({})",
                report.target, finding.probe, finding.severity
            );
            let mut text = format!(
                "accepts {}: {}. Fix: {}",
                finding.origin, finding.message, finding.remediation
            );
            if let Some(reason) = &finding.excepted {
                text = format!("accepted by the configuration ({reason}): {text}");
            }
            let _ = writeln!(
                out,
                "::{kind} {file}title={}::{}",
                property(&title),
                data(&text)
            );
        }
        let kind = match standing(report, fail_on) {
            Standing::Met => "notice",
            Standing::Findings | Standing::Died => "error",
            Standing::Inconclusive | Standing::Unreachable => "warning",
        };
        let line = verdict_line(report, fail_on);
        let _ = writeln!(
            out,
            "::{kind} {file}title={}::{}",
            property(&report.target),
            data(&line)
        );
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
