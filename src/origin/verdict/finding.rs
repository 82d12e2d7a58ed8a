//! A weakness, as reports tell it. Pure.

use crate::origin::catalogue::Severity;
use crate::origin::rating::{Excepted, Policy};

/// One weakness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The probe that shows it.
    pub probe: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The likely bug of the server, and how it is exploited.
    pub message: String,
    /// What to do about it.
    pub remediation: String,
    /// What was sent.
    pub origin: String,
    /// Why the user has accepted it.
    pub excepted: Option<Excepted>,
}

impl Finding {
    /// Whether it was known before: it is in the baseline.
    pub(crate) fn is_known(&self) -> bool {
        self.excepted == Some(Excepted::Known)
    }
}

/// One finding for all refusals that come too late, after what the allowed origin
/// gets: the probes of pages, by name and origin.
pub(super) fn read_before<'a>(
    mut refused_late: impl Iterator<Item = (&'static str, &'a str)>,
    policy: &Policy,
) -> Option<Finding> {
    let (probe, origin) = refused_late.next()?;
    let count = 1 + refused_late.count();
    let severity = Severity::Medium;
    let exception = policy.exception(probe, origin, severity);
    Some(Finding {
        probe,
        severity,
        message: format!(
            "the server sends what the allowed origin gets, and refuses only then ({count} probes): a page that is refused has read it"
        ),
        remediation: "check the Origin in the opening handshake, before anything is sent, and answer with 403"
            .into(),
        origin: origin.to_owned(),
        excepted: exception.map(|exception| exception.excepted.clone()),
    })
}
