//! The catalogue of probes, as data: what is sent, which server bug it
//! reveals, who can send it, how bad that is, and what to do about it.
//!
//! A probe is a [`Rule`]; [`plan`](super::plan) applies the rules to one
//! allowed origin, one target and one attacker domain. Nothing here dials.

mod address;
mod beside;
mod client_only;
mod foothold;
mod scene;
mod web;

use std::fmt;

pub(crate) use beside::{EVENTS, POLLING};
pub(crate) use scene::registrable_at;
pub(crate) use scene::{Request, Scene, Site, Skip};

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
        if self.id == foothold::HOST_REBIND {
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

/// Every probe, in the order of reports: the groups one after the other.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    web::RULES
        .iter()
        .chain(address::WEB)
        .chain(foothold::RULES)
        .chain(address::FOOTHOLD)
        .chain(client_only::RULES)
}

/// What is asked for beside the socket, where the server is known to have it.
pub(crate) fn beside() -> impl Iterator<Item = &'static Rule> {
    [&POLLING, &EVENTS].into_iter()
}

/// The probe of this name, or what is asked for beside the socket.
pub(crate) fn find(id: &str) -> Option<&'static Rule> {
    rules().chain(beside()).find(|rule| rule.id == id)
}

/// The probe that stands for an origin of the user's own that must be refused.
pub(crate) fn denied() -> &'static Rule {
    &web::DENIED
}

/// RFC 6455 on the check itself.
const RFC6455: &str = "RFC 6455 §10.2, CWE-1385, OWASP ASVS V4.4.2, WSTG-CLNT-10";
/// RFC 6454 on what an origin is.
const RFC6454: &str = "RFC 6454 §4 and §6, CWE-1385, WSTG-CLNT-10";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_text_says_something() {
        let mut seen = BTreeSet::new();
        for rule in rules() {
            assert!(seen.insert(rule.id), "{} twice", rule.id);
            assert!(!rule.sends.is_empty(), "{}", rule.id);
            for text in [rule.reveals, rule.exploit, rule.reference] {
                assert!(!text.is_empty(), "{}", rule.id);
                assert!(!text.ends_with('.'), "{}: {text}", rule.id);
            }
            let of_a_script = rule.group == Group::ClientOnly;
            assert!(!rule.exotic || of_a_script, "{}", rule.id);
            assert!(
                !of_a_script || rule.severity <= Severity::Low,
                "{}",
                rule.id
            );
        }
        assert_eq!(
            find("foreign").map(|rule| rule.severity),
            Some(Severity::Critical)
        );
        assert!(find("no-such-probe").is_none());
    }
}
