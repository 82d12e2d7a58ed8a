//! What the answers of a wave mean: which of them count, and which are asked for
//! again.
//!
//! A refusal by HTTP counts with a good baseline behind it; `late` judges those
//! after a 101. What came late, or not at all, is no refusal, and neither is "come
//! back later".

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::baseline::Suspects;
use super::job::{Answer, Given, Job, Kind, Manner, Sent, requeue};
use super::{Ending, Runner};
use crate::origin::observe::{Dialer, Observation, Outcome};
use crate::origin::profile::{Comparison, erased, noise, tokens};

/// How often a probe is sent at most.
pub(super) const MAX_ATTEMPTS: u32 = 8;

impl<D: Dialer> Runner<'_, D> {
    /// Takes what a wave brought: acceptance at once, refusals by HTTP to the
    /// pending ones, refusals after a 101 where they can be told.
    pub(super) async fn sort(
        &mut self,
        sent: Sent,
        queue: &mut VecDeque<Job>,
        pending: &mut Vec<Answer>,
    ) -> Result<(), Ending> {
        let Sent {
            answers,
            front,
            rear,
        } = sent;
        let first = answers.first().map(|(job, _)| job.clone());
        let Some(first) = first else {
            return Ok(());
        };
        let alone = answers.len() == 1;
        if let Some(front) = &front
            && !self.stood(front, &first)
        {
            return self.without_front(answers, front, queue).await;
        }
        let mut late = Vec::new();
        for (mut job, seen) in answers {
            job.attempts += 1;
            if !seen.outcome.asks_for_time() {
                self.in_vain = 0;
            }
            if job.manner == Manner::Patient {
                self.be_patient(&job, &seen, queue);
            }
            if job.manner == Manner::Watched {
                self.watching.remove(&group_of(self, &job));
            }
            let answer = self.answer(job, seen, front.as_ref());
            match answer.comparison {
                Comparison::Same => {
                    if answer.job.manner == Manner::Watched {
                        self.watch_longer(&answer.job, &answer.seen, queue);
                    }
                    self.accept(answer.job, answer.seen, queue);
                }
                _ if answer.seen.outcome.is_upgraded() => late.push(answer),
                _ => pending.push(answer),
            }
        }
        if let Some(rear) = rear {
            // What all hear of others' refusals is no refusal of its own.
            let given = self.given_to_allowed(first.given);
            let allowed = self.config.plan.probes[first.index].allowed;
            let profile = self.profile(allowed, given);
            let turned_away = profile.is_some_and(|profile| {
                let heard = front
                    .as_ref()
                    .is_some_and(|front| profile.is_turned_away(front));
                profile.is_turned_away(&rear) && !heard
            });
            if turned_away || !self.stood(&rear, &first) {
                pending.append(&mut late);
                let all = std::mem::take(pending);
                let window = Some(self.config.window);
                return self.unsettle(all, queue, rear, window).await;
            }
            self.confirmed = first.given == Given::All;
            let settled = std::mem::take(pending);
            self.judge_pending(settled, queue);
        } else if !late.is_empty() && (self.width < 2 || alone && front.is_some()) {
            late.append(pending);
            return self.settle(late, queue).await;
        }
        self.judge_late(late, alone && front.is_some(), queue);
        Ok(())
    }

    fn answer(&self, job: Job, mut seen: Observation, front: Option<&Observation>) -> Answer {
        let probe = &self.config.plan.probes[job.index];
        let profile = self.profile(probe.allowed, job.given);
        seen.read_before = profile.is_some_and(|profile| profile.was_told(&seen, &probe.request));
        let refused_in_words = profile
            .is_some_and(|profile| profile.is_refused_in_words(&seen, &probe.request, front));
        let comparison = match (self.profile(probe.allowed, job.given), front) {
            (Some(profile), Some(front)) => profile.compare_beside(&seen, &probe.request, front),
            (Some(profile), None) => profile.compare(&seen, &probe.request),
            (None, _) => Comparison::Unclear("there is no baseline".into()),
        };
        let mut words: BTreeSet<String> = tokens(&seen, &erased(&probe.request));
        if let Some(front) = front {
            let heard = noise(front, &probe.request);
            words.retain(|word| !heard.contains(word));
        }
        let signature = (seen.outcome, words);
        Answer {
            job,
            seen,
            comparison,
            signature,
            refused_in_words,
        }
    }

    /// Whether the allowed origin was served as ever, as far as it was watched.
    fn stood(&self, seen: &Observation, beside: &Job) -> bool {
        let allowed = self.config.plan.probes[beside.index].allowed;
        let given = self.given_to_allowed(beside.given);
        let profile = self.profile(allowed, given);
        // Where it was not watched to its end, it is open.
        seen.outcome == Outcome::Open || profile.is_some_and(|p| p.outcome == seen.outcome)
    }

    /// The allowed origin was not served beside the wave. Either that is so by
    /// itself too, or the server does not take what the baseline showed.
    async fn without_front(
        &mut self,
        answers: Vec<(Job, Observation)>,
        front: &Observation,
        queue: &mut VecDeque<Job>,
    ) -> Result<(), Ending> {
        let mut answers: Vec<_> = answers
            .into_iter()
            .map(|(mut job, seen)| {
                job.attempts += u32::from(seen.outcome != Outcome::Timeout);
                self.answer(job, seen, None)
            })
            .collect();
        for same in answers.extract_if(.., |answer| answer.comparison == Comparison::Same) {
            self.accept(same.job, same.seen, queue);
        }
        let Some(first) = answers.first() else {
            return Ok(());
        };
        let allowed = self.config.plan.probes[first.job.index].allowed;
        let (given, window) = (first.job.given, Some(self.config.window));
        let (seen, healthy) = self.check(allowed, given, window).await;
        if !healthy {
            return self.unsettle(answers, queue, seen, window).await;
        }
        self.width = 1;
        self.note(format!(
            "the allowed origin got {} beside the probes; they were sent one by one since",
            front.outcome.told()
        ));
        let mut again = Vec::new();
        for answer in answers {
            if answer.job.attempts >= MAX_ATTEMPTS {
                let why = "the allowed origin was not served beside it";
                self.undecided(answer.job, answer.seen, why.into());
            } else {
                again.push(answer.job);
            }
        }
        requeue(again, queue);
        Ok(())
    }

    /// Holds answers against a fresh baseline.
    pub(super) async fn settle(
        &mut self,
        pending: Vec<Answer>,
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
        if self.width < 2 && window == Some(self.config.window) {
            let request = self.allowed_request(allowed);
            if let Some(profile) = self.profile_mut(allowed, given) {
                profile.learn(&seen, &request);
            }
        }
        let (late, by_http) = pending
            .into_iter()
            .partition(|answer| answer.seen.outcome.is_upgraded());
        self.judge_pending(by_http, queue);
        self.judge_late(late, true, queue);
        Ok(())
    }

    /// Judges answers that came by HTTP, or instead of it, with a good baseline
    /// behind them.
    fn judge_pending(&mut self, pending: Vec<Answer>, queue: &mut VecDeque<Job>) {
        let mut again = Vec::new();
        for answer in pending {
            let Answer {
                job,
                seen,
                comparison,
                signature,
                ..
            } = answer;
            let before = job.prior.as_ref().map(|(outcome, _)| *outcome);
            let first_time = before != Some(seen.outcome) && job.attempts < MAX_ATTEMPTS;
            match comparison {
                Comparison::Same => self.accept(job, seen, queue),
                _ if seen.outcome == Outcome::Timeout => self.wait_for(job, seen, &mut again),
                _ if seen.outcome.asks_for_time() => self.come_back(job, seen),
                Comparison::Seems(_) if first_time => again.push(Job {
                    prior: Some(signature),
                    ..job
                }),
                Comparison::Seems(why) if seen.outcome == Outcome::NoConnection => {
                    self.undecided(job, seen, why);
                }
                Comparison::Differs(why) | Comparison::Seems(why) => {
                    self.refuse(job, seen, why, queue);
                }
                Comparison::Unclear(why) => self.undecided(job, seen, why),
            }
        }
        requeue(again, queue);
    }

    /// A probe got no answer in time, which says nothing. One of its group is
    /// sent again with all the time that there is; the others wait for that.
    fn wait_for(&mut self, job: Job, seen: Observation, again: &mut Vec<Job>) {
        let group = (self.config.plan.probes[job.index].group, job.given);
        let waits = self
            .slow
            .iter()
            .any(|(slow, _)| group_of(self, slow) == group);
        if job.manner == Manner::Patient || self.hopeless.contains(&group) {
            self.hopeless.insert(group);
            let told = self.config.handshake;
            let slow: Vec<_> = self
                .slow
                .extract_if(.., |(slow, _)| {
                    let probe = &self.config.plan.probes[slow.index];
                    (probe.group, slow.given) == group
                })
                .collect();
            for (job, seen) in slow.into_iter().chain([(job, seen)]) {
                let why = format!(
                    "no answer in time; one of the kind got none within {told:?} either (--connect-timeout)"
                );
                self.undecided(job, seen, why);
            }
        } else if waits || again.iter().any(|next| group_of(self, next) == group) {
            self.slow.push((job, seen));
        } else {
            again.push(Job {
                manner: Manner::Patient,
                ..job
            });
        }
    }

    /// A probe that was given all the time has got its answer: so will the
    /// others of its group.
    fn be_patient(&mut self, job: &Job, seen: &Observation, queue: &mut VecDeque<Job>) {
        if seen.outcome == Outcome::Timeout {
            return;
        }
        let enough = 2 * seen.evidence.handshake + Duration::from_secs(1);
        self.handshake = self.handshake.max(enough).min(self.config.handshake);
        let group = group_of(self, job);
        let slow: Vec<_> = self
            .slow
            .extract_if(.., |(slow, _)| {
                let probe = &self.config.plan.probes[slow.index];
                (probe.group, slow.given) == group
            })
            .map(|(job, _)| job)
            .collect();
        requeue(slow, queue);
    }

    /// How long a baseline must be watched to confirm these: refusals by HTTP
    /// need the 101 alone, a Close as long as it took, messages the window.
    fn settling_window(&self, pending: &[Answer]) -> Option<Duration> {
        let after_101 = || pending.iter().filter(|p| p.seen.outcome.is_upgraded());
        let latest = after_101().map(|p| p.seen.settled_after).max()?;
        let by_messages = |p: &Answer| !matches!(p.comparison, Comparison::Differs(_));
        if after_101().any(by_messages) {
            return Some(self.config.window);
        }
        Some(self.time_to_settle(latest))
    }

    /// The baseline has changed: what came since the last good one says
    /// nothing, and is sent again when the server has recovered.
    async fn unsettle(
        &mut self,
        pending: Vec<Answer>,
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
            hurt: pending.iter().any(Answer::is_hurt),
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
        // What waits for a trial beside the allowed origin will have none.
        let held = std::mem::take(&mut self.held);
        let mut again = Vec::new();
        for p in pending.into_iter().chain(held) {
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
    pub(super) async fn final_check(&mut self) -> Result<(), Ending> {
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
}

pub(super) fn group_of<D>(runner: &Runner<'_, D>, job: &Job) -> Kind {
    (runner.config.plan.probes[job.index].group, job.given)
}
