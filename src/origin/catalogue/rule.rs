//! What a probe of the catalogue is: a leaf below the probes.

use std::fmt;

use super::scene::{Request, Scene, Site, Skip};

/// The one probe whose severity depends on the target.
pub(super) const HOST_REBIND: &str = "host-rebind";

/// RFC 6455 on the check itself.
pub(super) const RFC6455: &str = "RFC 6455 §10.2, CWE-1385, OWASP ASVS V4.4.2, WSTG-CLNT-10";
/// RFC 6454 on what an origin is.
pub(super) const RFC6454: &str = "RFC 6454 §4 and §6, CWE-1385, WSTG-CLNT-10";

/// Who can send a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    /// Any web page, in the browser of whoever visits it.
    Web,
    /// A page in a privileged place: a subdomain, a loopback port, an
    /// extension, or anything a network attacker can serve.
    Foothold,
    /// No browser: only a program, which can send whatever it likes anyway.
    ClientOnly,
}

impl Group {
    /// The name in machine-readable reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Foothold => "foothold",
            Self::ClientOnly => "client-only",
        }
    }

    /// The heading in reports for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Web => "any web page can send",
            Self::Foothold => "needs a foothold",
            Self::ClientOnly => "browsers never send",
        }
    }

    /// The groups in the order of reports.
    pub(crate) const ALL: [Self; 3] = [Self::Web, Self::Foothold, Self::ClientOnly];
}

/// How bad it is when a server takes a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Severity {
    /// Worth knowing; no weakness by itself.
    Info,
    /// A weakness that needs unlikely help.
    Low,
    /// A weakness that needs a foothold.
    Medium,
    /// Any web page, or a rebound name, gets in.
    High,
    /// There is no check.
    Critical,
}

impl Severity {
    /// The name, in lower case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// One level less bad.
    pub(crate) fn lowered(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium => Self::Low,
            Self::Low | Self::Info => Self::Info,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The kind of repair that a weakness asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fix {
    /// There is no check: add one.
    AddCheck,
    /// Compare the whole origin for equality.
    ExactMatch,
    /// Take `null` off the list.
    RejectNull,
    /// Remove exemptions made for development.
    DropDevExemption,
    /// Hold the Host header to the server's own names.
    PinHost,
    /// Judge the one Origin header, as received, and nothing else.
    OneHeader,
    /// Decide on requests without an origin.
    DecideAbsent,
    /// Let no foreign page read ordinary answers.
    CloseCors,
}

/// One probe of the catalogue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The name on the command line and in reports.
    pub id: &'static str,
    /// Who can send it.
    pub group: Group,
    /// How bad it is when it is taken; the plan may lower or raise it.
    pub severity: Severity,
    /// Whether it is malformed enough to hurt a server: opt-in.
    pub exotic: bool,
    /// What is sent: A the allowed origin with host `h`, X the attacker's domain, T
    /// the target.
    pub sends: &'static str,
    /// The server bug that it reveals.
    pub reveals: &'static str,
    /// Who can send it, and how it is exploited.
    pub exploit: &'static str,
    /// What to do about it.
    pub fix: Fix,
    /// Where to read more.
    pub reference: &'static str,
    /// Makes the request.
    pub make: fn(&Scene<'_>) -> Result<Request, Skip>,
}

impl Rule {
    /// The rule's severity against this target.
    pub(crate) fn severity_at(&self, site: &Site) -> Severity {
        if self.id == HOST_REBIND {
            // A page cannot rebind its name to a server whose certificate
            // names another, nor gain by it where the server is public and
            // could be reached without a victim's browser.
            if !site.secure && site.is_private() {
                return Severity::High;
            }
            return Severity::Low;
        }
        self.severity
    }
}
