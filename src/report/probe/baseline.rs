//! The baseline: the findings of a run, in a file that later runs are held against, so
//! that only new ones fail.
//!
//! A finding is the same when its target, its probe and its origin are, and it is no
//! worse than it was.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Run;
use crate::origin::catalogue::Severity;
use crate::origin::verdict::{Excepted, Exception, Finding};
use crate::terminal::sanitize::sanitize_json;

/// The schema number of the file.
const SCHEMA: u32 = 1;

/// The findings of an earlier run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    schema: u32,
    findings: BTreeSet<Known>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// The target's address, without its secrets.
    target: String,
    probe: String,
    /// What was sent.
    origin: String,
    severity: String,
}

impl Known {
    /// How bad it was. A word that is none of ours excuses nothing bad.
    fn severity(&self) -> Severity {
        let all = [
            Severity::Critical,
            Severity::High,
            Severity::Medium,
            Severity::Low,
        ];
        let named = all.into_iter().find(|level| level.name() == self.severity);
        named.unwrap_or(Severity::Info)
    }
}

impl Baseline {
    /// Reads a file's text.
    ///
    /// # Errors
    /// One sentence that says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let baseline: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if baseline.schema != SCHEMA {
            return Err(format!(
                "its schema is {}, and this program knows {SCHEMA}; write it again with --write-baseline",
                baseline.schema
            ));
        }
        Ok(baseline)
    }

    /// What is known of a target, as exceptions.
    pub(crate) fn of<'a>(&'a self, target: &'a str) -> impl Iterator<Item = Exception> {
        self.findings
            .iter()
            .filter(move |known| known.target == target)
            .map(|known| Exception {
                probe: known.probe.clone(),
                origin: Some(known.origin.clone()),
                at_most: Some(known.severity()),
                excepted: Excepted::Known,
            })
    }
}

/// The findings of this run as a baseline. Those that the configuration accepts are
/// left out: their reason stands there.
pub(crate) fn render(run: &Run) -> String {
    let findings: BTreeSet<Known> = run
        .targets
        .iter()
        .flat_map(|target| {
            let of = |finding: &Finding| Known {
                target: target.report.target.clone(),
                probe: finding.probe.into(),
                origin: finding.origin.clone(),
                severity: finding.severity.name().into(),
            };
            let findings = target.report.findings.iter();
            findings
                .filter(|finding| finding.excepted.is_none() || finding.is_known())
                .map(of)
        })
        .collect();
    let document = json!({ "schema": SCHEMA, "findings": findings });
    sanitize_json(&format!("{document:#}\n"))
}
