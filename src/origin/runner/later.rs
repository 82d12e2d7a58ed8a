//! Probes that are told to come back later while the allowed origin is let in:
//! they are given time, and asked again.
//!
//! A limit for strangers, or a proxy that is not well for a moment, says nothing
//! about an origin, and what follows may be an open door. Where "later" is all
//! that there is to hear, that answer is undecided.

use std::collections::VecDeque;
use std::time::Duration;

use super::Runner;
use super::baseline::BACK_OFF;
use super::job::{Job, requeue};
use crate::origin::observe::{Dialer, Observation};

impl<D: Dialer> Runner<'_, D> {
    /// Keeps a probe that was told to come back later.
    pub(super) fn come_back(&mut self, job: Job, seen: Observation) {
        if self.lasting.contains(&seen.outcome) {
            return self.undecided_later(job, seen);
        }
        // Such an answer is none, and takes no attempt away.
        let attempts = job.attempts.saturating_sub(1);
        self.later.push((Job { attempts, ..job }, seen));
    }

    /// Waits as long as the server asks for, and at least longer each time in vain;
    /// then the probes are sent again, half as many at a time.
    pub(super) async fn give_time(&mut self, queue: &mut VecDeque<Job>) {
        let later = std::mem::take(&mut self.later);
        let Some((_, first)) = later.first() else {
            return;
        };
        let told = first.outcome.told();
        let asked = later.iter().filter_map(|(_, seen)| seen.retry_after);
        let asked = asked.max().unwrap_or_default();
        let pause = BACK_OFF
            .get(self.in_vain)
            .map(|seconds| Duration::from_secs(*seconds).max(asked));
        let bearable = |pause: &Duration| {
            self.waited + *pause <= self.config.patience && self.time_left(*pause) == *pause
        };
        let Some(pause) = pause.filter(bearable) else {
            for (job, seen) in later {
                self.lasting.insert(seen.outcome);
                self.undecided_later(job, seen);
            }
            self.in_vain = 0;
            return;
        };
        self.in_vain += 1;
        self.waited += pause;
        self.width = (self.width / 2).max(1);
        self.wait(pause, format!("a probe gets {told}")).await;
        requeue(later.into_iter().map(|(job, _)| job).collect(), queue);
    }

    fn undecided_later(&mut self, job: Job, seen: Observation) {
        let why = format!(
            "{}, which asks to come back later and refuses no origin; it did not change within the time that was given",
            seen.outcome.told()
        );
        let attempts = job.attempts.max(1);
        self.undecided(Job { attempts, ..job }, seen, why);
    }
}
