//! The probes, in waves, and the settling of what they saw.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::baseline::Suspects;
use super::{Ending, Given, Judged, Progress, Runner, Signature};
use crate::origin::catalogue::Group;
use crate::origin::observe::{Dialer, Observation, Outcome};
use crate::origin::profile::{Comparison, erased, tokens, turned_away};
use crate::origin::rating::SameSite;

/// How often a probe is sent at most.
const MAX_ATTEMPTS: u32 = 8;

/// One probe to send.
#[derive(Debug, Clone)]
struct Job {
    index: usize,
    given: Given,
    attempts: u32,
    /// What an attempt before this one saw, with a good baseline behind it.
    prior: Option<Outcome>,
    /// Whether the server went away after it once.
    outage: bool,
}

/// An answer that is not the allowed origin's, until a baseline confirms it.
struct Pending {
    job: Job,
    seen: Observation,
    comparison: Comparison,
}

impl<D: Dialer> Runner<'_, D> {
    /// Sends the whole plan.
    pub(super) async fn probe_all(&mut self) -> Result<(), Ending> {
        let probes = self.config.plan.probes.iter().enumerate();
        let mut queue: VecDeque<Job> = probes
            .filter(|(_, probe)| probe.same_as.is_none())
            .map(|(index, _)| Job {
                index,
                given: Given::All,
                attempts: 0,
                prior: None,
                outage: false,
            })
            .collect();
        let mut pending = Vec::new();
        while !queue.is_empty() {
            if self.is_out_of_time() {
                return Err(Ending::Stopped(
                    "the time limit (--max-time) has passed".into(),
                ));
            }
            let wave = self.take_wave(&mut queue);
            let alone = wave.len() == 1;
            self.confirmed = false;
            for (mut job, seen) in self.send(wave).await {
                job.attempts += 1;
                self.sort(job, seen, &mut queue, &mut pending);
            }
            let ends = queue
                .front()
                .is_none_or(|next| self.is_apart(next, &pending));
            let full = pending.len() >= self.batch || (alone && self.width > 1);
            if !pending.is_empty() && (ends || full || pending.iter().any(Pending::alarms)) {
                let settled = std::mem::take(&mut pending);
                self.settle(settled, &mut queue).await?;
            }
        }
        self.final_check().await
    }

    /// The next probes that can be under way together.
    fn take_wave(&self, queue: &mut VecDeque<Job>) -> Vec<Job> {
        let mut wave: Vec<Job> = Vec::new();
        while let Some(next) = queue.front() {
            let together = wave.first().is_none_or(|first| {
                first.given == next.given && !self.is_delicate(first) && !self.is_delicate(next)
            });
            if wave.len() >= self.width || !together {
                break;
            }
            wave.extend(queue.pop_front());
        }
        wave
    }

    fn is_delicate(&self, job: &Job) -> bool {
        self.config.plan.probes[job.index].is_delicate()
    }

    /// Whether a probe must not be sent before the pending ones are settled.
    fn is_apart(&self, next: &Job, pending: &[Pending]) -> bool {
        self.is_delicate(next) || pending.iter().any(|p| p.job.given != next.given)
    }

    async fn send(&self, wave: Vec<Job>) -> Vec<(Job, Observation)> {
        let done = self.judged.iter().flatten().count();
        let total = self
            .config
            .plan
            .probes
            .iter()
            .filter(|p| p.same_as.is_none())
            .count();
        join_all(wave.into_iter().zip(0u32..).map(|(job, place)| async move {
            sleep(self.config.pace * place).await;
            let probe = &self.config.plan.probes[job.index];
            (self.progress)(Progress::Probe {
                id: probe.rule.id,
                done,
                total,
            });
            let window = Some(self.config.window);
            let seen = self.shoot(&probe.request, job.given, window).await;
            (job, seen)
        }))
        .await
    }

    fn compare(&self, job: &Job, seen: &Observation) -> Comparison {
        let probe = &self.config.plan.probes[job.index];
        match self.profile(probe.allowed, job.given) {
            Some(profile) => profile.compare(seen, &probe.request),
            None => Comparison::Unclear("there is no baseline".into()),
        }
    }

    fn sort(
        &mut self,
        job: Job,
        seen: Observation,
        queue: &mut VecDeque<Job>,
        pending: &mut Vec<Pending>,
    ) {
        match self.compare(&job, &seen) {
            Comparison::Same => self.accept(job, seen, queue),
            comparison => pending.push(Pending {
                job,
                seen,
                comparison,
            }),
        }
    }

    /// Holds answers against a fresh baseline.
    async fn settle(
        &mut self,
        pending: Vec<Pending>,
        queue: &mut VecDeque<Job>,
    ) -> Result<(), Ending> {
        let Some(first) = pending.first() else {
            return Ok(());
        };
        let allowed = self.config.plan.probes[first.job.index].allowed;
        let given = first.job.given;
        let window = self.settling_window(&pending);
        let (seen, healthy) = self.check(allowed, given, window).await;
        if !healthy {
            return self.unsettle(pending, queue, seen, window).await;
        }
        self.confirmed = given == Given::All;
        if window == Some(self.config.window) {
            let request = self.allowed_request(allowed);
            if let Some(profile) = self.profile_mut(allowed, given) {
                profile.learn(&seen, &request);
            }
        }
        let mut again = Vec::new();
        for Pending { job, seen, .. } in pending {
            // The profile may have learnt what this answer is.
            let signature = self.signature(&job, &seen);
            let first_time = job.prior != Some(seen.outcome) && !self.refusals.contains(&signature);
            match self.compare(&job, &seen) {
                Comparison::Same => self.accept(job, seen, queue),
                Comparison::Seems(_) | Comparison::Unclear(_)
                    if first_time && job.attempts < MAX_ATTEMPTS =>
                {
                    again.push(Job {
                        prior: Some(seen.outcome),
                        ..job
                    });
                }
                Comparison::Seems(why) if seen.outcome == Outcome::NoConnection => {
                    self.undecided(job, seen, why);
                }
                Comparison::Differs(_) | Comparison::Seems(_) if is_vague(&job, &seen) => {
                    let why = "101, then other messages, of which none speaks of a refusal (--reject-text)";
                    self.undecided(job, seen, why.into());
                }
                Comparison::Differs(why) | Comparison::Seems(why) => {
                    if tells_apart(seen.outcome) {
                        self.refusals.insert(signature);
                    }
                    self.refuse(job, seen, why, queue);
                }
                Comparison::Unclear(why) => self.undecided(job, seen, why),
            }
        }
        requeue(again, queue);
        Ok(())
    }

    fn signature(&self, job: &Job, seen: &Observation) -> Signature {
        let probe = &self.config.plan.probes[job.index];
        (seen.outcome, tokens(seen, &erased(&probe.request)))
    }

    /// How long a baseline must be watched to confirm these: refusals by HTTP
    /// need the 101 alone, a Close as long as it took, messages the window.
    fn settling_window(&self, pending: &[Pending]) -> Option<Duration> {
        let after_101 = || pending.iter().filter(|p| p.seen.outcome.is_upgraded());
        let latest = after_101().map(|p| p.seen.settled_after).max()?;
        let ends = self
            .profiles
            .iter()
            .map(|profile| profile.settled_after)
            .max();
        let by_messages = |p: &Pending| !matches!(p.comparison, Comparison::Differs(_));
        if after_101().any(by_messages) {
            return Some(self.config.window);
        }
        let enough = 2 * latest.max(ends.unwrap_or_default()) + Duration::from_millis(250);
        Some(enough.min(self.config.window))
    }

    /// The baseline has changed: what came since the last good one says
    /// nothing, and is sent again when the server has recovered.
    async fn unsettle(
        &mut self,
        pending: Vec<Pending>,
        queue: &mut VecDeque<Job>,
        seen: Observation,
        window: Option<Duration>,
    ) -> Result<(), Ending> {
        self.width = 1;
        self.batch = (self.batch / 2).max(1);
        let outage = seen.outcome == Outcome::NoConnection;
        let suspects = Suspects {
            ids: pending
                .iter()
                .map(|p| self.config.plan.probes[p.job.index].rule.id)
                .collect(),
            hurt: pending.iter().any(Pending::is_hurt),
        };
        let job = pending.first().map(|p| p.job.clone());
        let given = job.as_ref().map_or(Given::All, |job| job.given);
        let allowed = job
            .as_ref()
            .map_or(0, |job| self.config.plan.probes[job.index].allowed);
        if outage {
            self.batch = 1;
        }
        let recovered = self.recover(seen, allowed, given, window, &suspects).await;
        let culprit = pending.len() == 1 && outage && job.is_some_and(|job| job.outage);
        let ending = match recovered {
            Err(ending) => Some(ending),
            Ok(()) if culprit => Some(Ending::Died {
                after: suspects.ids.clone(),
                what: "it went away each time, and came back".into(),
            }),
            Ok(()) => None,
        };
        let mut again = Vec::new();
        for p in pending {
            if ending.is_some() || p.job.attempts >= MAX_ATTEMPTS {
                let why = format!(
                    "{}; the allowed origin was not accepted after it either",
                    p.seen.outcome.told()
                );
                self.undecided(p.job, p.seen, why);
                continue;
            }
            again.push(Job {
                outage: p.job.outage || outage,
                ..p.job
            });
        }
        requeue(again, queue);
        ending.map_or(Ok(()), Err)
    }

    /// The last baseline, with the whole window.
    async fn final_check(&mut self) -> Result<(), Ending> {
        let Some(last) = self.config.plan.probes.last() else {
            return Ok(());
        };
        // A malformed probe may take effect late.
        if self.confirmed && !last.is_delicate() {
            return Ok(());
        }
        let window = Some(self.config.window);
        let (seen, healthy) = self.check(0, Given::All, window).await;
        if healthy {
            return Ok(());
        }
        let last = self.config.plan.probes.last().map(|probe| probe.rule.id);
        let told = seen.outcome.told();
        let suspects = Suspects {
            ids: last.into_iter().collect(),
            hurt: matches!(seen.outcome, Outcome::EndOfStream | Outcome::Reset),
        };
        match self.recover(seen, 0, Given::All, window, &suspects).await {
            // Every refusal has a good baseline behind it, and what was
            // accepted was accepted: they stand.
            Err(Ending::Stopped(_)) => {
                self.note(format!("at the end the allowed origin gets {told}"));
                Ok(())
            }
            result => result,
        }
    }

    fn accept(&mut self, job: Job, seen: Observation, queue: &mut VecDeque<Job>) {
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

    fn refuse(&mut self, job: Job, seen: Observation, why: String, queue: &mut VecDeque<Job>) {
        self.decide(job, seen, Some(false), why, queue);
    }

    fn undecided(&mut self, job: Job, seen: Observation, why: String) {
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
            (Given::NoSecrets, Some(judged)) if accepted.is_none() => {
                judged.accepted = None;
                judged.why = format!("{}; without the secret: {why}", judged.why);
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
            (Given::NoSecrets, Some(judged)) => judged.without_secrets = accepted,
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
        for (given, wanted) in [
            (
                Given::NoCredentials,
                anonymous && (taken || refused && self.anonymous.is_some()),
            ),
            (Given::NoSecrets, taken && !self.config.secrets.is_empty()),
        ] {
            if wanted {
                queue.push_back(Job {
                    given,
                    attempts: 0,
                    prior: None,
                    outage: false,
                    ..job.clone()
                });
            }
        }
    }
}

impl Pending {
    /// Whether this could be the sign of a server that is hurt or tired.
    fn alarms(&self) -> bool {
        self.is_hurt() || matches!(self.seen.outcome, Outcome::Status(429 | 500..=599))
    }

    fn is_hurt(&self) -> bool {
        matches!(
            self.seen.outcome,
            Outcome::NoConnection
                | Outcome::EndOfStream
                | Outcome::Reset
                | Outcome::Timeout
                | Outcome::Lost
                | Outcome::Status(502 | 504)
        )
    }
}

/// Whether an answer without the secrets could be that of a server that lets in
/// whoever has none, and greets them otherwise: that guards nothing.
fn is_vague(job: &Job, seen: &Observation) -> bool {
    job.given == Given::NoSecrets
        && seen.outcome == Outcome::Open
        && !seen.messages.is_empty()
        && seen.rejected.is_none()
        && turned_away(seen).is_none()
}

/// Whether an answer like this means a refusal each time: those of a limit, or
/// of a proxy whose server is away, do not.
fn tells_apart(outcome: Outcome) -> bool {
    outcome.is_upgraded() || matches!(outcome, Outcome::Status(500 | 501 | 505..=599))
}

/// To the front, in their order.
fn requeue(jobs: Vec<Job>, queue: &mut VecDeque<Job>) {
    for job in jobs.into_iter().rev() {
        queue.push_front(job);
    }
}
