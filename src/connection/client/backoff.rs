//! How long to wait before the next attempt to connect.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Whether, and how often, to connect again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// How many attempts in a row may fail; `None` goes on for ever.
    pub max_attempts: Option<u32>,
}

/// Counts attempts and spaces them: 0.5 s, 1 s, 2 s … 30 s, each shortened at
/// random by up to a half, so that the clients of a server that went down do
/// not all come back at the same time.
#[derive(Debug)]
pub struct Backoff {
    config: Reconnect,
    attempts: u32,
}

impl Backoff {
    /// A count from zero.
    pub fn new(config: Reconnect) -> Self {
        Self {
            config,
            attempts: 0,
        }
    }

    /// The wait before the next attempt, and the attempt's number from 1;
    /// `None` when there have been enough. `random` is from 0 up to 1.
    pub fn next(&mut self, random: f64) -> Option<(Duration, u32)> {
        if self
            .config
            .max_attempts
            .is_some_and(|max| self.attempts >= max)
        {
            return None;
        }
        let doublings = self.attempts.min(16);
        let full = (FIRST * (1 << doublings)).min(LONGEST);
        self.attempts += 1;
        Some((
            full.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0),
            self.attempts,
        ))
    }

    /// A connection stood for this long. One that ended at once does not
    /// start the count anew: the next would end the same way.
    pub fn stood(&mut self, time: Duration) {
        if time >= LONGEST / 6 {
            self.attempts = 0;
        }
    }

    /// The user has connected: what was before does not count.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// A random number from 0 up to 1, good enough to spread clients in time.
pub fn random() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_limit_and_ends() {
        let mut backoff = Backoff::new(Reconnect {
            max_attempts: Some(9),
        });
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(0.0))
            .map(|(wait, _)| wait.as_millis())
            .collect();
        assert_eq!(
            waits,
            [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]
        );
        backoff.stood(Duration::from_secs(1));
        assert_eq!(backoff.next(0.0), None);
        backoff.stood(Duration::from_secs(5));
        let (wait, attempt) = backoff.next(1.0).unwrap();
        assert_eq!((wait.as_millis(), attempt), (250, 1));
    }
}
