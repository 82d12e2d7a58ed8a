//! Answers after a 101 that are not the allowed origin's: which of them are
//! refusals.
//!
//! A Close, an end, and a message that is known for a refusal are, once their
//! signature was seen with no other probe under way. A connection that stays open
//! without any of them is none:
//!
//! ```text
//! stays open, not like the allowed origin
//!   first of its kind -> once more, alone, and watched for longer
//!     like the allowed origin by now ............. let in; all are watched so long
//!     silent, where a message is to be answered .. refused
//!     other words, or nothing to answer .......... undecided
//! ```

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::Runner;
use super::job::{Answer, Job, Manner, requeue};
use super::settle::{MAX_ATTEMPTS, group_of};
use crate::origin::observe::{Dialer, Observation, Outcome};
use crate::origin::profile::Comparison;

/// How long one probe of a kind is watched that stays open without a word of
/// refusal.
pub(super) const WATCH: Duration = Duration::from_secs(8);

const STILL_OPEN: &str = "101, and it stays open, not like the allowed origin and without a word that is known for a \
     refusal; give it something to answer (--message), say what a refusal looks like (--reject-text), or listen longer (--window)";

/// How late answers came.
struct Trial {
    /// With no other probe under way.
    alone: bool,
    /// Beside the allowed origin.
    beside: bool,
}

impl<D: Dialer> Runner<'_, D> {
    /// Judges answers after a 101, with a good baseline behind them. `alone`:
    /// no other probe was under way.
    pub(super) fn judge_late(&mut self, late: Vec<Answer>, alone: bool, queue: &mut VecDeque<Job>) {
        if late.is_empty() {
            return;
        }
        // From here on the allowed origin stands beside.
        let beside = self.stands_beside();
        self.late_refusals = true;
        let trial = Trial { alone, beside };
        let mut again = Vec::new();
        let mut tried = HashSet::new();
        let held = if alone {
            std::mem::take(&mut self.held)
        } else {
            Vec::new()
        };
        let last = late.len();
        for (place, mut answer) in late.into_iter().chain(held).enumerate() {
            let in_trial = alone && place < last;
            if in_trial {
                // The profile may have learnt what this answer is.
                self.compare_again(&mut answer);
            }
            let Some(answer) = self.settle_late(answer, in_trial, &trial, &mut again, queue) else {
                continue;
            };
            let fresh = tried.insert(answer.signature.clone());
            // One of a kind is tried alone, and speaks for the others where
            // they were seen beside the allowed origin too.
            if beside && !fresh {
                self.held.push(answer);
                continue;
            }
            again.push(Job {
                manner: if fresh {
                    Manner::Alone
                } else {
                    Manner::Together
                },
                prior: in_trial.then_some(answer.signature),
                ..answer.job
            });
        }
        again.sort_by_key(|job| job.manner == Manner::Together);
        requeue(again, queue);
    }

    /// Judges one of them, or gives it back to be tried.
    fn settle_late(
        &mut self,
        answer: Answer,
        in_trial: bool,
        trial: &Trial,
        again: &mut Vec<Job>,
        queue: &mut VecDeque<Job>,
    ) -> Option<Answer> {
        let outcome = answer.seen.outcome;
        let prior = answer.job.prior.as_ref().map(|(outcome, _)| *outcome);
        let repeated = prior == Some(outcome);
        let known = self.refusals.contains(&answer.signature);
        let Trial { alone, beside } = *trial;
        let decided = in_trial && (beside || repeated) || known && (beside || alone);
        let spent = answer.job.attempts >= MAX_ATTEMPTS;
        match &answer.comparison {
            Comparison::Same => self.accept(answer.job, answer.seen, queue),
            _ if outcome.asks_for_time() => self.come_back(answer.job, answer.seen),
            Comparison::Unclear(why) => {
                let why = why.clone();
                if !(repeated || spent || self.unclear.contains(&outcome)) {
                    return Some(answer);
                }
                // What nothing can be told of twice will tell no more of others.
                self.unclear.insert(outcome);
                self.undecided(answer.job, answer.seen, why);
            }
            Comparison::Differs(why) | Comparison::Seems(why) => {
                let why = why.clone();
                let kind = group_of(self, &answer.job);
                if answer.stays_open() {
                    if answer.job.manner == Manner::Watched && decided || spent {
                        self.watched.insert(kind);
                    }
                    if !self.watched.contains(&kind) {
                        self.watch(answer, in_trial, again);
                        return None;
                    }
                    if !self.is_due(&answer) {
                        self.undecided(answer.job, answer.seen, STILL_OPEN.into());
                        return None;
                    }
                }
                if !decided && !spent {
                    return Some(answer);
                }
                if decided {
                    self.refusals.insert(answer.signature);
                    self.refuse(answer.job, answer.seen, why, queue);
                } else {
                    self.undecided(answer.job, answer.seen, why);
                }
            }
        }
        None
    }

    /// One of a kind is watched for longer; the others wait for it.
    fn watch(&mut self, answer: Answer, in_trial: bool, again: &mut Vec<Job>) {
        if !self.watching.insert(group_of(self, &answer.job)) {
            self.held.push(answer);
            return;
        }
        again.push(Job {
            manner: Manner::Watched,
            prior: in_trial.then_some(answer.signature),
            ..answer.job
        });
    }

    /// What was watched turned out to be let in: the others of its kind are
    /// listened to as long.
    pub(super) fn watch_longer(
        &mut self,
        job: &Job,
        seen: &Observation,
        queue: &mut VecDeque<Job>,
    ) {
        let enough = 2 * seen.settled_after + Duration::from_secs(1);
        self.window = self.window.max(enough.min(WATCH));
        let kind = group_of(self, job);
        let held = std::mem::take(&mut self.held);
        let (same, others) = held
            .into_iter()
            .partition(|answer| group_of(self, &answer.job) == kind);
        self.held = others;
        requeue(
            same.into_iter().map(|answer: Answer| answer.job).collect(),
            queue,
        );
    }

    /// Whether silence, or the want of an expected message, is an answer: the
    /// allowed origin gets one to what was said.
    fn is_due(&self, answer: &Answer) -> bool {
        let probe = &self.config.plan.probes[answer.job.index];
        let profile = self.profile(probe.allowed, answer.job.given);
        profile.is_some_and(|profile| {
            let is_silent = answer.signature.1.is_empty();
            let answers = self.config.talk.message.is_some() && !profile.is_silent();
            answers && is_silent || profile.expected && !answer.seen.expected
        })
    }

    fn compare_again(&self, answer: &mut Answer) {
        if self.width > 1 {
            return;
        }
        let probe = &self.config.plan.probes[answer.job.index];
        if let Some(profile) = self.profile(probe.allowed, answer.job.given) {
            answer.comparison = profile.compare(&answer.seen, &probe.request);
        }
    }
}

impl Answer {
    /// Whether the connection stays open, and nothing is said that refuses.
    fn stays_open(&self) -> bool {
        self.seen.outcome == Outcome::Open && !self.refused_in_words
    }
}
