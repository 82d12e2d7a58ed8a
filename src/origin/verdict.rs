//! The verdict: what the answers together mean, and what is to be done. Pure.

mod finding;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::finding::Finding;
use super::catalogue::{Fix, Group, Rule, Severity};
use super::observe::Evidence;
use super::plan::{AbsentPolicy, Plan, Probe, Skipped};
use super::rating::{Answers, Needs, Rating, rate};
pub(crate) use super::rating::{Excepted, Exception, Policy, SameSite};
use super::remedy::{Server, Weakness, recognise, remediation};
use super::runner::{Baseline, Ending, Judged, RunResult};
use crate::connection::{OpenError, OpenFailure};

/// What a run means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No page that is not allowed gets in by itself.
    Enforced,
    /// The origin does not keep such pages out; something does that they do not
    /// have: a secret, or cookies that browsers do not send for them.
    Guarded,
    /// Some page that is not allowed gets in.
    Bypassable,
    /// Any page gets in.
    NotEnforced,
    /// It cannot be told.
    Inconclusive,
    TargetDied,
}

impl Verdict {
    /// The name in machine-readable reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Guarded => "guarded",
            Self::Bypassable => "bypassable",
            Self::NotEnforced => "not-enforced",
            Self::Inconclusive => "inconclusive",
            Self::TargetDied => "target-died",
        }
    }
}

/// One probe and its answer.
#[derive(Debug, Clone)]
pub(crate) struct ProbeReport {
    pub rule: &'static Rule,
    /// Who can send it.
    pub group: Group,
    /// How bad it is: as rated where it was let in, and otherwise what it would
    /// be.
    pub severity: Severity,
    /// The rating, where it was let in.
    pub rating: Option<Rating>,
    /// Why the user accepts that it is let in.
    pub excepted: Option<Excepted>,
    /// What was sent, in one line.
    pub origin: String,
    /// The answer.
    pub judged: Judged,
    /// The probe whose request this shares.
    pub same_as: Option<&'static str>,
}

impl ProbeReport {
    /// The outcome's name in machine-readable reports.
    pub(crate) fn outcome(&self) -> String {
        match &self.judged.seen {
            Some(seen) => seen.outcome.code(),
            None => "not-sent".into(),
        }
    }

    /// Whether a page was refused after it had read what the allowed origin gets.
    fn is_refused_late(&self) -> bool {
        let seen = self.judged.seen.as_ref();
        self.group == Group::Web
            && self.judged.accepted == Some(false)
            && seen.is_some_and(|seen| seen.read_before)
    }

    /// The raw evidence, where it was sent.
    pub(crate) fn evidence(&self) -> Option<&Evidence> {
        self.judged.seen.as_ref().map(|seen| &seen.evidence)
    }
}

/// Everything that a report tells.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// The target's address, without its secrets.
    pub target: String,
    /// The allowed origins.
    pub allowed: Vec<String>,
    /// What it all means.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    /// The answers to the allowed origins.
    pub baselines: Vec<Baseline>,
    /// The probes, in the order of the groups.
    pub probes: Vec<ProbeReport>,
    /// What was not sent, and why.
    pub skipped: Vec<Skipped>,
    /// The weaknesses, the worst first.
    pub findings: Vec<Finding>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// The server, where it was recognised.
    pub server: Option<Server>,
    /// Why there was no connection for the baseline.
    pub unreachable: Option<Arc<OpenFailure>>,
    /// How many probes were under way at a time.
    pub width: usize,
    /// How many opening handshakes were made.
    #[cfg_attr(not(test), expect(dead_code, reason = "the runner's tests count them"))]
    pub handshakes: u32,
    /// How long the run took.
    pub took: Duration,
}

impl Report {
    /// The findings that count: those that were not accepted, at or above
    /// this severity.
    pub(crate) fn counting(&self, fail_on: Severity) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.excepted.is_none() && finding.severity >= fail_on)
    }

    /// Whether there was no connection at all. None within the time limit says
    /// less than that.
    pub(crate) fn is_unreachable(&self) -> bool {
        let error = self.unreachable.as_deref();
        error.is_some_and(|error| !matches!(*error.cause, OpenError::Timeout { .. }))
    }

    /// Whether a probe of at least this severity could not be judged.
    pub(crate) fn is_undecided(&self, fail_on: Severity) -> bool {
        self.probes.iter().any(|probe| {
            probe.judged.accepted.is_none() && probe.severity >= fail_on && probe.excepted.is_none()
        })
    }
}

/// Sums a run up. `target` is the address as it may be shown, `path` the
/// request's.
pub(crate) fn report(
    target: String,
    path: &str,
    plan: &Plan,
    result: RunResult,
    policy: &Policy,
) -> Report {
    let allowed: Vec<String> = result.baselines.iter().map(|b| b.origin.clone()).collect();
    let planned = rated_together(plan, &result.judged);
    let mut probes: Vec<ProbeReport> = planned
        .iter()
        .zip(result.judged)
        .map(|(probe, judged)| probe_report(plan, probe, judged, policy))
        .collect();
    // Exotic ones were sent last; a report has them with their group.
    probes.sort_by_key(|probe| probe.group);
    let answers = result
        .baselines
        .iter()
        .map(|baseline| &baseline.seen.evidence);
    let answers = answers.chain(probes.iter().filter_map(ProbeReport::evidence));
    let server = recognise(path, answers);
    let (verdict, reason) = judge(&result.ending, &probes);
    let mut findings = findings(&probes, policy, &allowed, &target, server);
    let refused_late = probes
        .iter()
        .filter(|probe| probe.is_refused_late())
        .map(|probe| (probe.rule.id, probe.origin.as_str()));
    findings.extend(finding::read_before(refused_late, policy));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut notes = result.notes;
    notes.extend(unused(policy, &findings, &probes));
    Report {
        target,
        allowed,
        verdict,
        reason,
        baselines: result.baselines,
        probes,
        skipped: plan.skipped.clone(),
        findings,
        notes,
        server,
        unreachable: match result.ending {
            Ending::Unreachable { error, .. } => Some(error),
            _ => None,
        },
        width: result.width,
        handshakes: result.handshakes,
        took: result.took,
    }
}

/// The probes, rated by each other's answers: where every name under the domain
/// is let in, one that is glued to the allowed name is one of those, and shows
/// nothing of its own.
fn rated_together(plan: &Plan, judged: &[Judged]) -> Vec<Probe> {
    let answers = || plan.probes.iter().zip(judged);
    let among_siblings = |probe: &Probe| {
        probe.rule.id == "prefix-glue"
            && answers().any(|(other, judged)| {
                other.rule.id == "sibling"
                    && other.allowed == probe.allowed
                    && judged.accepted == Some(true)
            })
    };
    let probes = plan.probes.iter().cloned();
    probes
        .map(|probe| match among_siblings(&probe) {
            true => Probe {
                group: probe.rule.group,
                severity: probe.rule.severity,
                ..probe
            },
            false => probe,
        })
        .collect()
}

fn probe_report(plan: &Plan, probe: &Probe, judged: Judged, policy: &Policy) -> ProbeReport {
    let answers = Answers {
        accepted: judged.accepted,
        anonymous: judged.anonymous,
        without_secrets: judged.without_secrets,
    };
    let rating = rate(probe, answers, policy);
    let origin = shortened(&probe.request.shown());
    let severity = rating.map_or(probe.severity, |rating| rating.severity);
    let exception = policy.exception(probe.rule.id, &origin, severity);
    ProbeReport {
        rule: probe.rule,
        group: probe.group,
        severity,
        rating,
        excepted: exception.map(|exception| exception.excepted.clone()),
        origin,
        judged,
        same_as: probe
            .same_as
            .and_then(|first| plan.probes.get(first))
            .map(|first| first.rule.id),
    }
}

/// The 3.7 kB probe need not fill the reports.
fn shortened(origin: &str) -> String {
    const SHOWN_CHARS: usize = 300;
    if origin.chars().count() <= SHOWN_CHARS {
        return origin.to_owned();
    }
    let shown: String = origin.chars().take(SHOWN_CHARS).collect();
    format!("{shown}... ({} bytes)", origin.len())
}

fn judge(ending: &Ending, probes: &[ProbeReport]) -> (Verdict, String) {
    match ending {
        Ending::Unreachable { why, .. } => return (Verdict::Inconclusive, why.clone()),
        Ending::NoBaseline(why) => return (Verdict::Inconclusive, why.clone()),
        Ending::Died { after, what } => {
            let what = format!("the target died after {}: {what}", listed(after));
            return (Verdict::TargetDied, what);
        }
        Ending::Complete | Ending::Stopped(_) => {}
    }
    let all_web = probes.iter().filter(|probe| probe.group == Group::Web);
    let (excepted, web): (Vec<_>, Vec<_>) = all_web.partition(|probe| {
        // Let in, if only without credentials, or not decided: there is something
        // to except.
        let is_open = probe.rating.is_some() || probe.judged.accepted.is_none();
        probe.excepted.is_some() && is_open
    });
    if let Some(found) = open_door(&web) {
        return found;
    }
    if let Ending::Stopped(why) = ending {
        return (Verdict::Inconclusive, why.clone());
    }
    let undecided: Vec<_> = web
        .iter()
        .filter(|probe| probe.judged.accepted.is_none())
        .collect();
    if let Some(first) = undecided.first() {
        let ids: Vec<_> = undecided.iter().map(|probe| probe.rule.id).collect();
        let why = format!("{} could not be judged: {}", listed(&ids), first.judged.why);
        return (Verdict::Inconclusive, why);
    }
    if web.is_empty() && excepted.is_empty() {
        let why = "no probe that a web page can send was sent".to_owned();
        return (Verdict::Inconclusive, why);
    }
    closed_door(&web, excepted.len())
}

/// What lets pages in that are not allowed, and is guarded by nothing else.
fn open_door(web: &[&ProbeReport]) -> Option<(Verdict, String)> {
    let open = || {
        web.iter().filter(|probe| {
            let guarded = probe.rating.is_some_and(|rating| rating.guarded);
            probe.judged.accepted == Some(true) && !guarded
        })
    };
    let any = open().find(|probe| {
        matches!(
            probe.rule.id,
            "foreign" | "foreign-altscheme" | "foreign-plain"
        )
    });
    if let Some(probe) = any {
        let why = format!("{} is accepted: {}", probe.origin, probe.judged.why);
        return Some((Verdict::NotEnforced, why));
    }
    let mut ids: Vec<_> = open().map(|probe| probe.rule.id).collect();
    ids.dedup();
    if !ids.is_empty() {
        let why = format!("any web page can get in by {}", listed(&ids));
        return Some((Verdict::Bypassable, why));
    }
    // A page can leave the credentials out.
    let without = web.iter().filter(|probe| {
        let needs = probe.rating.map(|rating| rating.needs);
        needs == Some(Needs::NoCredentials)
    });
    let mut ids: Vec<_> = without.map(|probe| probe.rule.id).collect();
    ids.dedup();
    let why = format!(
        "any web page can get in without the credentials, by {}",
        listed(&ids)
    );
    (!ids.is_empty()).then_some((Verdict::Bypassable, why))
}

/// The good verdicts, where every probe of a web page was judged.
fn closed_door(web: &[&ProbeReport], excepted: usize) -> (Verdict, String) {
    let guarded: Vec<_> = web
        .iter()
        .filter(|probe| probe.judged.accepted == Some(true))
        .collect();
    if let Some(first) = guarded.first() {
        let by = match first.rating.map(|rating| rating.needs) {
            Some(Needs::Secret) => "a secret that they do not know",
            _ => "cookies that browsers do not send for them (SameSite)",
        };
        let ids: Vec<_> = guarded.iter().map(|probe| probe.rule.id).collect();
        let why = format!(
            "not the origin, but {by} keeps pages of other sites out: {} let in with it, and refused without",
            listed(&ids)
        );
        return (Verdict::Guarded, why);
    }
    let mut why = match (web.len(), excepted) {
        (0, _) => "the configuration or the baseline accepts every probe that a web page can send"
            .to_owned(),
        (1, 0) => "the one probe that a web page can send is refused".to_owned(),
        (sent, 0) => format!("all {sent} probes that a web page can send are refused"),
        (sent, excepted) => format!(
            "{sent} probes that a web page can send are refused, and the configuration or the baseline accepts {excepted}"
        ),
    };
    if excepted == 0 && !web.iter().any(|probe| probe.rule.id == "foreign") {
        why.push_str("; foreign was not sent");
    }
    (Verdict::Enforced, why)
}

fn listed(ids: &[&str]) -> String {
    const SHOWN: usize = 6;
    match ids.len() {
        0 => "the last probes".into(),
        count if count > SHOWN => format!("{} and {} more", ids[..SHOWN].join(", "), count - SHOWN),
        _ => ids.join(", "),
    }
}

/// The likely bug, what an attack takes, and how it goes.
fn message(rule: &Rule, reveals: &str, rating: Rating) -> String {
    let told = rating.needs.told();
    let mark = match rating.needs {
        Needs::NoCredentials => ", ",
        Needs::Unknown => "",
        _ => "; ",
    };
    format!("{reveals}{mark}{told}: {}", rule.exploit)
}

fn findings(
    probes: &[ProbeReport],
    policy: &Policy,
    allowed: &[String],
    target: &str,
    server: Option<Server>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Where there is no check, what the others look like is not what they are.
    let unchecked = probes.iter().find(|probe| {
        let is_accepted = probe.judged.accepted == Some(true);
        probe.rule.id == "foreign" && is_accepted
    });
    for probe in probes.iter().filter(|probe| probe.same_as.is_none()) {
        let rule = probe.rule;
        let bug = unchecked
            .filter(|_| probe.group == Group::Web)
            .map_or(rule, |unchecked| unchecked.rule);
        let (severity, message) = match probe.rating {
            Some(rating) => (rating.severity, message(rule, bug.reveals, rating)),
            None if wrongly_refused(probe, policy) => (
                Severity::High,
                "the server refuses requests without an origin, which the policy allows: programs \
                 that are no browsers cannot connect"
                    .into(),
            ),
            None => continue,
        };
        findings.push(Finding {
            probe: rule.id,
            severity,
            message,
            remediation: if wrongly_refused(probe, policy) {
                "let in requests that have no Origin header".into()
            } else if rule.fix == Fix::DecideAbsent && policy.absent == AbsentPolicy::Deny {
                "refuse requests without an Origin header".into()
            } else {
                remediation(&Weakness {
                    fix: bug.fix,
                    origin: &probe.origin,
                    allowed,
                    target,
                    server,
                })
            },
            origin: probe.origin.clone(),
            excepted: probe.excepted.clone(),
        });
    }
    findings
}

fn wrongly_refused(probe: &ProbeReport, policy: &Policy) -> bool {
    policy.absent == AbsentPolicy::Allow
        && probe.rule.id == "absent"
        && probe.judged.accepted == Some(false)
}

/// Exceptions that hide nothing. One whose probe could not be judged may yet.
fn unused(policy: &Policy, findings: &[Finding], probes: &[ProbeReport]) -> Vec<String> {
    let of = |exception: &Exception, id: &str, origin: &str| {
        let only = exception.origin.as_deref();
        exception.probe == id && only.is_none_or(|only| only == origin)
    };
    let used = |exception: &Exception| {
        findings
            .iter()
            .any(|finding| of(exception, finding.probe, &finding.origin))
            || probes
                .iter()
                .filter(|probe| probe.judged.accepted.is_none())
                .any(|probe| of(exception, probe.rule.id, &probe.origin))
    };
    let is_known = |exception: &&Exception| exception.excepted == Excepted::Known;
    let unused = policy.exceptions.iter().filter(|e| !used(e));
    let (gone, unused): (Vec<_>, Vec<_>) = unused.partition(is_known);
    let mut notes: Vec<_> = unused
        .iter()
        .map(|exception| {
            format!(
                "the exception for {} is not used; remove it from the configuration",
                exception.probe
            )
        })
        .collect();
    if !gone.is_empty() {
        notes.push(format!(
            "{} of the findings in the baseline are gone; write it again with --write-baseline, or they may come back unseen",
            gone.len()
        ));
    }
    notes
}
