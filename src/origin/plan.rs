//! The plan: which probes a run will send, and which it leaves out and why.
//!
//! Pure: the catalogue applied to the allowed origins and the target.

use std::collections::HashMap;

use thiserror::Error;
use url::Url;

use super::WebOrigin;
use super::catalogue::{self, Group, Request, Rule, Scene, Severity, Site, registrable_at};

/// What a plan is made for.
#[derive(Debug, Clone)]
pub(crate) struct PlanConfig {
    /// Who must be let in.
    pub allowed: Allowed,
    /// Origins that must be refused, besides the catalogue's.
    pub denied: Vec<WebOrigin>,
    /// The target.
    pub site: Site,
    /// The attacker's domain.
    pub attacker: String,
    /// Whether malformed probes are sent too.
    pub exotic: bool,
    /// The probes to send; empty for all. A probe that is named here is sent
    /// even when it is exotic.
    pub only: Vec<String>,
    /// The probes to leave out.
    pub skip: Vec<String>,
    /// How requests without an origin are to be treated.
    pub absent: AbsentPolicy,
}

/// Who must be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Pages of these origins: at least one.
    Origins(Vec<WebOrigin>),
    /// No page at all, as with the debugging socket of a browser or the agent
    /// of a desktop application: a request without an origin must be let in,
    /// and every origin refused.
    Nobody,
}

impl Allowed {
    /// The allowed origins.
    pub(crate) fn origins(&self) -> &[WebOrigin] {
        match self {
            Self::Origins(origins) => origins,
            Self::Nobody => &[],
        }
    }

    /// What must be let in, one request each. There is always at least one.
    pub(crate) fn requests(&self) -> Vec<Request> {
        if self.origins().is_empty() {
            return vec![Request::default()];
        }
        let origins = self.origins().iter();
        origins
            .map(|origin| Request::origin(origin.to_string()))
            .collect()
    }
}

impl From<Vec<WebOrigin>> for Allowed {
    fn from(origins: Vec<WebOrigin>) -> Self {
        Self::Origins(origins)
    }
}

/// What the policy says of requests without an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AbsentPolicy {
    /// Nothing: both are fine.
    #[default]
    Any,
    /// They must be let in.
    Allow,
    /// They must be refused.
    Deny,
}

/// One probe to send.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    /// The rule it is made by.
    pub rule: &'static Rule,
    /// Who can send it; the rule's group unless no browser would serialise it
    /// like this.
    pub group: Group,
    /// How bad it is when it is taken.
    pub severity: Severity,
    /// Which of the allowed origins it is made from.
    pub allowed: usize,
    /// What it sends.
    pub request: Request,
    /// Whether a browser counts its origin to the site of the allowed origin or
    /// of the target, by the registrable domain or the whole host: then cookies
    /// go along whatever their SameSite attribute.
    pub same_site: bool,
    /// An earlier probe of the plan that sends the same: this one is judged by
    /// its answer, and not sent.
    pub same_as: Option<usize>,
}

impl Probe {
    /// Whether it must be sent alone: a value that is no URL may end a server
    /// that parses it as one, and then it must be known which one it was.
    pub(crate) fn is_delicate(&self) -> bool {
        let mut origins = self
            .request
            .headers
            .iter()
            .filter(|(name, _)| *name == "Origin");
        self.rule.exotic
            || self.request.headers.is_empty()
            || origins.any(|(_, value)| Url::parse(value).is_err())
    }
}

/// A probe that is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// The probe's name.
    pub id: &'static str,
    /// Why.
    pub reason: String,
}

/// The probes of a run, in the order in which they are sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Those to send.
    pub probes: Vec<Probe>,
    /// Those left out.
    pub skipped: Vec<Skipped>,
}

/// Applies the catalogue.
pub(crate) fn plan(config: &PlanConfig) -> Plan {
    let mut builder = Builder {
        config,
        plan: Plan::default(),
        seen: HashMap::new(),
    };
    for origin in &config.denied {
        builder.add_denied(origin);
    }
    let bases = config.bases();
    // Malformed ones last: they may end the server.
    for exotic in [false, true] {
        for rule in catalogue::rules().filter(|rule| rule.exotic == exotic) {
            for (index, allowed) in bases.iter().enumerate() {
                builder.add(rule, index, allowed);
            }
        }
    }
    builder.plan
}

struct Builder<'a> {
    config: &'a PlanConfig,
    plan: Plan,
    seen: HashMap<Request, usize>,
}

impl Builder<'_> {
    fn add_denied(&mut self, origin: &WebOrigin) {
        if self.deselected(catalogue::denied()).is_none() {
            self.push(catalogue::denied(), 0, Request::origin(origin.to_string()));
        }
    }

    fn add(&mut self, rule: &'static Rule, index: usize, allowed: &WebOrigin) {
        let made = match self.deselected(rule) {
            Some(reason) => Err(reason),
            None => {
                let scene = Scene::new(allowed, &self.config.site, &self.config.attacker);
                (rule.make)(&scene).and_then(|request| self.not_allowed(rule, request))
            }
        };
        match made {
            Ok(request) => self.push(rule, index, request),
            Err(reason) => {
                let skipped = Skipped {
                    id: rule.id,
                    reason,
                };
                if !self.plan.skipped.contains(&skipped) {
                    self.plan.skipped.push(skipped);
                }
            }
        }
    }

    /// Why the user does not want this probe.
    fn deselected(&self, rule: &Rule) -> Option<String> {
        let named = |list: &[String]| list.iter().any(|id| id == rule.id);
        if named(&self.config.skip) {
            return Some("left out by --skip".into());
        }
        if named(&self.config.only) {
            return None;
        }
        if !self.config.only.is_empty() {
            return Some("not named by --probe".into());
        }
        (rule.exotic && !self.config.exotic).then(|| "malformed; sent with --exotic only".into())
    }

    /// A probe of a browser's that equals an allowed origin is none.
    fn not_allowed(&self, rule: &Rule, request: Request) -> Result<Request, String> {
        let without_origin = !request.headers.iter().any(|(name, _)| *name == "Origin");
        if without_origin && self.config.allowed == Allowed::Nobody {
            return Err("a request without an origin is what must be let in".into());
        }
        if rule.group == Group::ClientOnly {
            // These differ from the allowed origin in their spelling alone.
            return Ok(request);
        }
        let parsed = request
            .single_origin()
            .and_then(|value| value.parse::<WebOrigin>().ok());
        let is_allowed =
            parsed.is_some_and(|origin| self.config.allowed.origins().contains(&origin));
        // A rebound name is the attacker's, whatever the list says.
        if is_allowed && request.host.is_none() {
            return Err("it is an allowed origin".into());
        }
        Ok(request)
    }

    fn push(&mut self, rule: &'static Rule, allowed: usize, request: Request) {
        let probes = &mut self.plan.probes;
        let same_as = self.seen.get(&request).copied();
        if let Some(first) = same_as {
            // Two allowed origins often make the same probe.
            if probes
                .iter()
                .any(|p| p.rule.id == rule.id && p.request == request)
            {
                return;
            }
            debug_assert!(first < probes.len());
        }
        self.seen.entry(request.clone()).or_insert(probes.len());
        let (group, severity) = self.config.judge(rule, &request, allowed);
        probes.push(Probe {
            rule,
            group,
            severity,
            allowed,
            same_site: self.config.is_same_site(&request),
            request,
            same_as,
        });
    }
}

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PlanError {
    /// The attacker's domain is the owner's: its pages may well be let in.
    #[error(
        "the attacker's domain '{attacker}' is that of the allowed origin '{allowed}', or one above or below it; give one that somebody else owns (--attacker-domain)"
    )]
    AttackerIsAllowed {
        /// The attacker's domain.
        attacker: String,
        /// The allowed origin.
        allowed: String,
    },
}

impl PlanConfig {
    /// Whether a plan can be made: the attacker's domain must be a stranger's.
    ///
    /// # Errors
    /// Which allowed origin it belongs to.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let attacker = self.attacker.trim_end_matches('.').to_ascii_lowercase();
        let under = |name: &str, above: &str| {
            let rest = name.strip_suffix(above);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        for origin in self.allowed.origins() {
            let WebOrigin::Tuple { host, .. } = origin else {
                continue;
            };
            let host = host.trim_end_matches('.');
            if under(host, &attacker) || under(&attacker, host) {
                return Err(PlanError::AttackerIsAllowed {
                    attacker: self.attacker.clone(),
                    allowed: origin.to_string(),
                });
            }
        }
        Ok(())
    }

    /// The origins that the probes are made from. Where no page is allowed,
    /// that is the target's own: what a careless check would let in.
    fn bases(&self) -> Vec<WebOrigin> {
        match &self.allowed {
            Allowed::Origins(origins) => origins.clone(),
            Allowed::Nobody => vec![self.site.web_origin()],
        }
    }

    fn is_same_site(&self, request: &Request) -> bool {
        let Some(site) = request.single_origin().and_then(site_of) else {
            return false;
        };
        let allowed = self.allowed.origins().iter();
        allowed
            .map(ToString::to_string)
            .chain([self.site.web_origin().to_string()])
            .any(|origin| site_of(&origin).as_deref() == Some(&site))
    }

    /// Whether the host of an allowed origin is a name of three labels or more
    /// under a suffix that nobody can register.
    fn is_reserved_below(&self, allowed: usize) -> bool {
        let Some(WebOrigin::Tuple { host, .. }) = self.allowed.origins().get(allowed) else {
            return false;
        };
        let name = host.trim_end_matches('.');
        let is_name = Url::parse(&format!("http://{name}"))
            .is_ok_and(|url| matches!(url.host(), Some(url::Host::Domain(_))));
        is_name && name.matches('.').count() >= 2 && registrable_at(name).is_none()
    }

    /// Whether anybody can register names below the host of an allowed origin:
    /// it is a public suffix itself, such as `github.io`, or a single label that
    /// is a top-level domain too.
    fn is_shared(&self, allowed: usize) -> bool {
        let Some(WebOrigin::Tuple { host, .. }) = self.allowed.origins().get(allowed) else {
            return false;
        };
        registrable_at(host).is_none() && registrable_at(&format!("x.{host}")).is_some()
    }

    fn judge(&self, rule: &Rule, request: &Request, allowed: usize) -> (Group, Severity) {
        let severity = match (&self.allowed, rule.id) {
            // Its own pages are pages too.
            (Allowed::Nobody, "self") => Severity::Medium,
            _ => rule.severity_at(&self.site),
        };
        if self.absent == AbsentPolicy::Deny && matches!(rule.id, "absent" | "empty") {
            return (rule.group, Severity::High);
        }
        let sendable = request.single_origin().is_some_and(is_serialised);
        if rule.group != Group::ClientOnly && !sendable {
            return (Group::ClientOnly, severity.min(Severity::Low));
        }
        if matches!(rule.id, "subdomain" | "subdomain-http") && self.is_shared(allowed) {
            return (Group::Web, Severity::High);
        }
        // Where a name that nobody can register ends that somebody would own is
        // not known: the whole of it may stand for one that is registered.
        if rule.id == "prefix-glue" && self.is_reserved_below(allowed) {
            return (Group::Web, Severity::High);
        }
        (rule.group, severity)
    }
}

/// The site of an origin: its registrable domain, or its whole host. The scheme
/// is left out, since not all browsers keep schemes apart.
fn site_of(origin: &str) -> Option<String> {
    let Ok(WebOrigin::Tuple { host, .. }) = origin.parse() else {
        return None;
    };
    let at = registrable_at(&host).unwrap_or_default();
    host.get(at..).map(str::to_owned)
}

/// Whether a browser would write this origin like this. The WHATWG URL parser
/// tells for http and https; for the schemes of extensions and applications,
/// which it makes `null` of, the text stands for itself in lower case.
pub(crate) fn is_serialised(origin: &str) -> bool {
    if origin == "null" {
        return true;
    }
    let Ok(url) = Url::parse(origin) else {
        return false;
    };
    if matches!(url.scheme(), "http" | "https") {
        return url.origin().ascii_serialization() == origin;
    }
    origin
        .parse::<WebOrigin>()
        .is_ok_and(|parsed| parsed.to_string() == origin)
}

#[cfg(test)]
mod tests;
