//! The plan: which probes a run will send, and which it leaves out and why.
//!
//! Pure: the catalogue applied to the allowed origins and the target.

use std::collections::HashMap;

use url::Url;

use super::WebOrigin;
use super::catalogue::{self, Group, Request, Rule, Scene, Severity, Site};

/// What a plan is made for.
#[derive(Debug, Clone)]
pub struct PlanConfig {
    /// The allowed origins: at least one.
    pub allowed: Vec<WebOrigin>,
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

/// What the policy says of requests without an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsentPolicy {
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
pub struct Probe {
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
    /// An earlier probe of the plan that sends the same: this one is judged by
    /// its answer, and not sent.
    pub same_as: Option<usize>,
}

impl Probe {
    /// Whether it must be sent alone: a value that is no URL may end a server
    /// that parses it as one, and then it must be known which one it was.
    pub fn is_delicate(&self) -> bool {
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
pub struct Skipped {
    /// The probe's name.
    pub id: &'static str,
    /// Why.
    pub reason: String,
}

/// The probes of a run, in the order in which they are sent.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Those to send.
    pub probes: Vec<Probe>,
    /// Those left out.
    pub skipped: Vec<Skipped>,
}

/// Applies the catalogue.
pub fn plan(config: &PlanConfig) -> Plan {
    let mut builder = Builder {
        config,
        plan: Plan::default(),
        seen: HashMap::new(),
    };
    for origin in &config.denied {
        builder.add_denied(origin);
    }
    // Malformed ones last: they may end the server.
    for exotic in [false, true] {
        for rule in catalogue::rules().filter(|rule| rule.exotic == exotic) {
            for (index, allowed) in config.allowed.iter().enumerate() {
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
        if rule.group == Group::ClientOnly {
            // These differ from the allowed origin in their spelling alone.
            return Ok(request);
        }
        let parsed = request
            .single_origin()
            .and_then(|value| value.parse::<WebOrigin>().ok());
        let is_allowed = parsed.is_some_and(|origin| self.config.allowed.contains(&origin));
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
        let (group, severity) = self.config.judge(rule, &request);
        probes.push(Probe {
            rule,
            group,
            severity,
            allowed,
            request,
            same_as,
        });
    }
}

impl PlanConfig {
    fn judge(&self, rule: &Rule, request: &Request) -> (Group, Severity) {
        let severity = rule.severity_at(&self.site);
        if self.absent == AbsentPolicy::Deny && matches!(rule.id, "absent" | "empty") {
            return (rule.group, Severity::High);
        }
        let sendable = request.single_origin().is_some_and(is_serialised);
        if rule.group != Group::ClientOnly && !sendable {
            return (Group::ClientOnly, severity.min(Severity::Low));
        }
        (rule.group, severity)
    }
}

/// Whether a browser would write this origin like this. The WHATWG URL parser
/// tells for http and https; for the schemes of extensions and applications,
/// which it makes `null` of, the text stands for itself in lower case.
pub fn is_serialised(origin: &str) -> bool {
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
