//! How bad an answer is: the policy of the user, and what an attacker's page
//! can really do with what was let in. Pure.
//!
//! The order is: accepted findings are dropped, the rest is rated, and only
//! what is left is judged.

use std::fmt;

use super::catalogue::{Group, Severity};
use super::plan::{AbsentPolicy, Probe};

/// The `SameSite` attribute of the application's cookies. In the handshakes of
/// a page on another site browsers send only those with `None`; a page on the
/// same site, such as a subdomain's, has all of them sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SameSite {
    /// `None`, or not known: cookies go along everywhere.
    #[default]
    None,
    /// `Lax`: no cookies from other sites.
    Lax,
    /// `Strict`: no cookies from other sites.
    Strict,
}

/// A finding that the user has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    pub probe: String,
    /// The origin as it was sent, where this one alone is accepted.
    pub origin: Option<String>,
    /// How bad it may be, where anything worse is not accepted.
    pub at_most: Option<Severity>,
    /// Why that is fine.
    pub excepted: Excepted,
}

/// Why a finding is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Excepted {
    /// The configuration says so, with this reason.
    Reason(String),
    /// It is in the baseline: known, and not new.
    Known,
}

impl fmt::Display for Excepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reason(reason) => f.write_str(reason),
            Self::Known => f.write_str("it is in the baseline"),
        }
    }
}

/// What answers are rated by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// Accepted findings: those of the configuration, and of a baseline file.
    pub exceptions: Vec<Exception>,
    /// How requests without an origin are to be treated.
    pub absent: AbsentPolicy,
    /// The `SameSite` attribute of the application's cookies.
    pub samesite: SameSite,
    /// Whether the credentials that are left out in the attempts without
    /// credentials are cookies, which a browser sends by itself.
    pub cookies: bool,
}

impl Policy {
    /// Why the user accepts that this probe is let in.
    pub(crate) fn exception(
        &self,
        probe: &str,
        origin: &str,
        severity: Severity,
    ) -> Option<&Exception> {
        self.exceptions.iter().find(|exception| {
            let of_origin = exception.origin.as_deref();
            exception.probe == probe
                && of_origin.is_none_or(|only| only == origin)
                && exception.at_most.is_none_or(|most| severity <= most)
        })
    }
}

/// The answers to one probe: whether it was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Answers {
    /// With everything that the user gave.
    pub accepted: Option<bool>,
    /// Without the credentials, where that was tried.
    pub anonymous: Option<bool>,
    /// Without the secrets, where that was tried.
    pub without_secrets: Option<bool>,
}

/// What an attacker's page needs besides a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// It is not known: no credentials were given.
    Unknown,
    /// No cookies.
    Nothing,
    /// Cookies with `SameSite=None`.
    CrossSiteCookies,
    /// Cookies of any kind, which go along on the same site.
    SameSiteCookies,
    /// Cookies, which the browser keeps for the real name and does not send to
    /// one that was rebound.
    CookiesOfTheRealName,
    /// Credentials that are no cookies.
    Credentials,
    /// A visitor without the credentials: with them it is refused.
    NoCredentials,
    /// A secret that it does not know.
    Secret,
}

impl Needs {
    /// The words of a finding; empty where there is nothing to say.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Nothing => "works without cookies",
            Self::CrossSiteCookies => "needs SameSite=None cookies",
            Self::SameSiteCookies => "Lax and Strict cookies go along",
            Self::CookiesOfTheRealName => "needs cookies, which a rebound name is not sent",
            Self::Credentials => "needs the credentials, which are no cookies",
            Self::NoCredentials => "when the request carries no credentials",
            Self::Secret => "guarded by a secret, not by Origin",
        }
    }
}

/// A weakness, rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rating {
    /// How bad it is.
    pub severity: Severity,
    /// What it takes.
    pub needs: Needs,
    /// Whether something else than the check of the origin keeps pages of other
    /// sites out: a secret, or the cookies' attribute.
    pub guarded: bool,
}

/// Rates what was let in; `None` where nothing was.
pub(crate) fn rate(probe: &Probe, answers: Answers, policy: &Policy) -> Option<Rating> {
    let rating = |severity, needs, guarded| {
        Some(Rating {
            severity,
            needs,
            guarded,
        })
    };
    let severity = probe.severity;
    match answers.accepted {
        Some(true) => {}
        Some(false) if answers.anonymous == Some(true) => {
            return rating(severity.lowered(), Needs::NoCredentials, false);
        }
        _ => return None,
    }
    // What only programs send goes without the visitor's cookies anyway.
    if probe.group == Group::ClientOnly {
        return rating(severity, Needs::Unknown, false);
    }
    if answers.without_secrets == Some(false) {
        return rating(Severity::Info, Needs::Secret, true);
    }
    let strict = policy.samesite != SameSite::None;
    match answers.anonymous {
        None => rating(severity, Needs::Unknown, false),
        Some(true) => rating(severity, Needs::Nothing, false),
        Some(false) if !policy.cookies => rating(severity, Needs::Credentials, false),
        Some(false) if probe.request.host.is_some() => rating(
            severity.min(Severity::Low),
            Needs::CookiesOfTheRealName,
            false,
        ),
        Some(false) if probe.same_site => {
            let raised = strict && is_other_name(probe);
            let severity = if raised {
                severity.max(Severity::High)
            } else {
                severity
            };
            rating(severity, Needs::SameSiteCookies, false)
        }
        Some(false) if strict => rating(
            severity.min(Severity::Medium),
            Needs::CrossSiteCookies,
            true,
        ),
        Some(false) => rating(severity, Needs::CrossSiteCookies, false),
    }
}

/// The probes from another name of the same site: with cookies that stay on the
/// site, these are the attacks that work.
fn is_other_name(probe: &Probe) -> bool {
    matches!(probe.rule.id, "subdomain" | "sibling" | "prefix-glue")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::catalogue::{Request, find};

    fn probe(id: &str, same_site: bool) -> Probe {
        let rule = find(id).unwrap();
        Probe {
            rule,
            group: rule.group,
            severity: rule.severity,
            allowed: 0,
            request: Request::origin("https://x.example"),
            same_site,
            same_as: None,
        }
    }

    #[test]
    fn samesite_cookies_decide_what_a_page_can_do() {
        use SameSite::{Lax, None as Any, Strict};
        for (id, same_site, anonymous, samesite, severity, told) in [
            ("foreign", false, None, Any, "critical", ""),
            (
                "foreign",
                false,
                Some(true),
                Strict,
                "critical",
                "works without cookies",
            ),
            (
                "foreign",
                false,
                Some(false),
                Any,
                "critical",
                "needs SameSite=None cookies",
            ),
            (
                "foreign",
                false,
                Some(false),
                Lax,
                "medium",
                "needs SameSite=None cookies",
            ),
            (
                "suffix-dot",
                false,
                Some(false),
                Strict,
                "medium",
                "needs SameSite=None cookies",
            ),
            (
                "subdomain",
                true,
                Some(false),
                Any,
                "medium",
                "Lax and Strict cookies go along",
            ),
            (
                "subdomain",
                true,
                Some(false),
                Lax,
                "high",
                "Lax and Strict cookies go along",
            ),
            (
                "sibling",
                true,
                Some(false),
                Strict,
                "high",
                "Lax and Strict cookies go along",
            ),
            (
                "port-other",
                true,
                Some(false),
                Lax,
                "low",
                "Lax and Strict cookies go along",
            ),
            (
                "ip-private",
                false,
                Some(false),
                Lax,
                "medium",
                "needs SameSite=None cookies",
            ),
        ] {
            let policy = Policy {
                samesite,
                cookies: true,
                ..Policy::default()
            };
            let answers = Answers {
                accepted: Some(true),
                anonymous,
                without_secrets: None,
            };
            let rating = rate(&probe(id, same_site), answers, &policy).unwrap();
            assert_eq!(
                (rating.severity.name(), rating.needs.told()),
                (severity, told),
                "{id} {anonymous:?} {samesite:?}"
            );
        }
    }

    #[test]
    fn a_secret_that_is_asked_for_guards_and_one_that_is_not_does_not() {
        for (without_secrets, severity, guarded) in [
            (Some(false), Severity::Info, true),
            (Some(true), Severity::Critical, false),
            (None, Severity::Critical, false),
        ] {
            let answers = Answers {
                accepted: Some(true),
                without_secrets,
                ..Answers::default()
            };
            let rating = rate(&probe("foreign", false), answers, &Policy::default()).unwrap();
            assert_eq!((rating.severity, rating.guarded), (severity, guarded));
        }
    }

    #[test]
    fn an_exception_holds_for_its_probe_and_its_origin() {
        let exception = |origin: Option<&str>| Exception {
            probe: "foreign".into(),
            origin: origin.map(str::to_owned),
            at_most: None,
            excepted: Excepted::Reason("known".into()),
        };
        let with = |exception| Policy {
            exceptions: vec![exception],
            ..Policy::default()
        };
        let any = with(exception(None));
        let high = Severity::High;
        assert!(any.exception("foreign", "https://a", high).is_some());
        assert!(any.exception("null", "https://a", high).is_none());
        let one = with(exception(Some("https://a")));
        assert!(one.exception("foreign", "https://a", high).is_some());
        assert!(one.exception("foreign", "https://b", high).is_none());
        let known = with(Exception {
            at_most: Some(Severity::High),
            ..exception(Some("https://a"))
        });
        for (severity, accepted) in [
            (Severity::Medium, true),
            (Severity::High, true),
            (Severity::Critical, false),
        ] {
            let found = known.exception("foreign", "https://a", severity);
            assert_eq!(found.is_some(), accepted, "{severity}");
        }
    }
}
