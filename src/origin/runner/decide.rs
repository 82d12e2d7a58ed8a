//! What was decided of a probe, and what that asks for: attempts without
//! credentials and without secrets, or an early end.

use std::collections::VecDeque;

use super::job::{Given, Job, requeue};
use super::{Judged, Progress, Runner};
use crate::origin::catalogue::{Group, Severity};
use crate::origin::observe::{Dialer, Observation};
use crate::origin::plan::Probe;
use crate::origin::rating::{Answers, SameSite, rate};
use crate::origin::secret::Secret;

impl<D: Dialer> Runner<'_, D> {
    pub(super) fn accept(&mut self, job: Job, seen: Observation, queue: &mut VecDeque<Job>) {
        let turned_away = self
            .profile(self.config.plan.probes[job.index].allowed, job.given)
            .and_then(|profile| profile.turned_away.clone());
        if let Some(what) = turned_away {
            let what = self.config.redactor.text(&what);
            let why = format!("the same as the allowed origin, which itself gets {what}");
            return self.undecided(job, seen, why);
        }
        let why = match seen.outcome {
            _ if seen.expected => "101, then the expected message".to_owned(),
            outcome => format!("{}, like the allowed origin", outcome.told()),
        };
        self.decide(job, seen, Some(true), why, queue);
    }

    pub(super) fn refuse(
        &mut self,
        job: Job,
        seen: Observation,
        why: String,
        queue: &mut VecDeque<Job>,
    ) {
        self.decide(job, seen, Some(false), why, queue);
    }

    pub(super) fn undecided(&mut self, job: Job, seen: Observation, why: String) {
        self.decide(job, seen, None, why, &mut VecDeque::new());
    }

    fn decide(
        &mut self,
        job: Job,
        seen: Observation,
        accepted: Option<bool>,
        why: String,
        queue: &mut VecDeque<Job>,
    ) {
        let cross_site = !self.config.plan.probes[job.index].same_site;
        let rated_by_cookies = self.config.policy.samesite != SameSite::None;
        let Some(slot) = self.judged.get_mut(job.index) else {
            return;
        };
        match (job.given, slot.as_mut()) {
            (Given::All, _) => {
                *slot = Some(Judged {
                    accepted,
                    why,
                    seen: Some(seen),
                    attempts: job.attempts,
                    anonymous: None,
                    without_secrets: None,
                });
                (self.progress)(Progress::Judged {
                    index: job.index,
                    accepted,
                });
                self.follow_up(&job, accepted, queue);
            }
            (_, None) => {}
            // What an attack takes decides how bad it is; where that cannot be
            // told, nothing can.
            (Given::NoSecrets | Given::WrongSecrets, Some(judged)) if accepted.is_none() => {
                judged.accepted = None;
                let how = match job.given {
                    Given::WrongSecrets => "with a wrong secret",
                    _ => "without the secret",
                };
                judged.why = format!("{}; {how}: {why}", judged.why);
            }
            (Given::NoCredentials, Some(judged))
                if accepted.is_none()
                    && judged.accepted == Some(true)
                    && cross_site
                    && rated_by_cookies =>
            {
                judged.accepted = None;
                judged.why = format!("{}; without the credentials: {why}", judged.why);
            }
            (Given::NoSecrets, Some(judged)) => {
                judged.without_secrets = accepted;
                // That it is asked for does not say that its value is looked at.
                if accepted == Some(false) && self.config.secrets.iter().any(Secret::is_of_pages) {
                    let job = Job::new(job.index, Given::WrongSecrets);
                    requeue(vec![job], queue);
                }
            }
            (Given::WrongSecrets, Some(judged)) => {
                if accepted == Some(true) {
                    judged.without_secrets = accepted;
                    judged.why = format!("{}, with a wrong secret too", judged.why);
                }
            }
            (Given::NoCredentials, Some(judged)) => judged.anonymous = accepted,
        }
    }

    /// The attempts without credentials and without secrets. What was refused
    /// is worth one without credentials where the allowed origin gets in so.
    fn follow_up(&self, job: &Job, accepted: Option<bool>, queue: &mut VecDeque<Job>) {
        if self.config.plan.probes[job.index].group == Group::ClientOnly {
            return;
        }
        let taken = accepted == Some(true);
        let refused = accepted == Some(false);
        let anonymous = self.config.anonymous.is_some();
        let mut jobs = Vec::new();
        if anonymous && (taken || refused && self.anonymous.is_some()) {
            jobs.push(Job::new(job.index, Given::NoCredentials));
        }
        if taken && !self.config.secrets.is_empty() {
            jobs.push(Job::new(job.index, Given::NoSecrets));
        }
        if self.config.quick && taken {
            // What it takes decides whether the run ends here.
            requeue(jobs, queue);
        } else {
            queue.extend(jobs);
        }
    }

    /// The probe that ends a quick run: any page can send it, it was let in, and
    /// that counts, whatever is still to come.
    pub(super) fn early_end(&self, queue: &VecDeque<Job>) -> Option<&'static str> {
        if !self.config.quick {
            return None;
        }
        let probes = self.config.plan.probes.iter().enumerate();
        // Whatever the answers to others say.
        let of_rule = |probe: &Probe| probe.group == Group::Web && probe.rule.group == Group::Web;
        let mut web = probes.filter(|(_, probe)| of_rule(probe));
        let found = web.find(|(index, probe)| {
            let Some(judged) = self.judged.get(*index).and_then(Option::as_ref) else {
                return false;
            };
            let answers = Answers {
                accepted: judged.accepted,
                anonymous: judged.anonymous,
                without_secrets: judged.without_secrets,
            };
            let policy = &self.config.policy;
            let rating = rate(probe, answers, policy);
            let Some(rating) = rating.filter(|_| judged.accepted == Some(true)) else {
                return false;
            };
            let shown = probe.request.shown();
            let exception = policy.exception(probe.rule.id, &shown, rating.severity);
            !rating.guarded
                && rating.severity >= Severity::High
                && exception.is_none()
                && !queue.iter().any(|job| job.index == *index)
        });
        found.map(|(_, probe)| probe.rule.id)
    }
}
