//! When to try again: one policy of growing pauses, for whoever waits for a
//! server ([`RetryPolicy::WAIT_UP`]) or comes back to one
//! ([`RetryPolicy::RECONNECT`]).

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// How long to wait between attempts, and how often to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// The first pause; each one is twice the one before it.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// By how much of itself a pause may be shortened at random, from 0 to 1.
    pub spread: f64,
    /// How many attempts in a row may fail; `None` goes on for ever.
    pub max_attempts: Option<u32>,
}

impl RetryPolicy {
    /// For a server that is just starting, and for one that takes its time.
    pub const WAIT_UP: Self = Self {
        first: Duration::from_millis(50),
        longest: Duration::from_secs(1),
        spread: 0.0,
        max_attempts: None,
    };

    /// 0.5 s, 1 s, 2 s … 30 s, each shortened at random by up to a half, so that
    /// the clients of a server that went down do not all come back at the same
    /// time.
    pub const RECONNECT: Self = Self {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
        spread: 0.5,
        max_attempts: None,
    };

    /// The same with so many attempts in a row.
    #[must_use]
    pub const fn with_max_attempts(self, max_attempts: Option<u32>) -> Self {
        Self {
            max_attempts,
            ..self
        }
    }
}

/// Counts attempts and spaces them by a policy.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: RetryPolicy,
    attempts: u32,
}

impl Retries {
    /// A count from zero.
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            attempts: 0,
        }
    }

    /// The wait before the next attempt, and the attempt's number from 1;
    /// `None` when there have been enough. `random` is from 0 up to 1.
    pub(crate) fn next(&mut self, random: f64) -> Option<(Duration, u32)> {
        let policy = &self.policy;
        if policy.max_attempts.is_some_and(|max| self.attempts >= max) {
            return None;
        }
        let doublings = self.attempts.min(16);
        let full = (policy.first * (1 << doublings)).min(policy.longest);
        self.attempts = self.attempts.saturating_add(1);
        let kept = 1.0 - random.clamp(0.0, 1.0) * policy.spread;
        Some((full.mul_f64(kept), self.attempts))
    }

    /// A connection stood for this long. One that ended at once does not
    /// start the count anew: the next would end the same way.
    pub(crate) fn stood(&mut self, time: Duration) {
        if time >= self.policy.longest / 6 {
            self.attempts = 0;
        }
    }

    /// The user has connected: what was before does not count.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// A random number from 0 up to 1, good enough to spread clients in time.
pub(crate) fn random() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnect_pauses_double_up_to_a_limit_and_end() {
        let mut retries = Retries::new(RetryPolicy::RECONNECT.with_max_attempts(Some(9)));
        let waits: Vec<_> = std::iter::from_fn(|| retries.next(0.0))
            .map(|(wait, _)| wait.as_millis())
            .collect();
        assert_eq!(
            waits,
            [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]
        );
        retries.stood(Duration::from_secs(1));
        assert_eq!(retries.next(0.0), None);
        retries.stood(Duration::from_secs(5));
        let (wait, attempt) = retries.next(1.0).unwrap();
        assert_eq!((wait.as_millis(), attempt), (250, 1));
    }

    #[test]
    fn wait_up_pauses_are_exact_and_never_end() {
        let mut retries = Retries::new(RetryPolicy::WAIT_UP);
        let waits: Vec<_> = (0..7)
            .filter_map(|_| retries.next(0.9))
            .map(|(wait, _)| wait.as_millis())
            .collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1000, 1000]);
        assert!((0..100).all(|_| retries.next(0.9).is_some()));
    }
}
