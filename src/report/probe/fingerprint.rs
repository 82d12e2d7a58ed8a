//! What makes a finding the same one in the next run.

use std::fmt::Write as _;

use ring::digest::{Context, SHA256};

use super::TargetReport;
use crate::origin::verdict::Finding;

/// How much of the hash is kept: enough that two of thousands never meet.
const KEPT_BYTES: usize = 16;

/// A hash of the target, the probe and the origin. Neither times nor the order or the
/// number of targets are in it.
pub(super) fn fingerprint(target: &TargetReport, finding: &Finding) -> String {
    let mut context = Context::new(&SHA256);
    for part in [
        target.report.target.as_str(),
        finding.probe,
        &finding.origin,
    ] {
        context.update(part.as_bytes());
        // No part holds it, so no two triples read the same.
        context.update(&[0]);
    }
    let mut text = String::new();
    for byte in context.finish().as_ref().iter().take(KEPT_BYTES) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
