//! When a talk is over without anybody saying so: the rules for the time
//! after the end of the input, as a state machine without a clock.
//!
//! A WebSocket has no end of a reply, so a client that must not lose one can
//! only wait. How long is decided by the counts: a peer that has sent as many
//! messages as it got has probably said everything, one that has not owes an
//! answer and gets more time.

use std::time::Duration;

use tokio::time::Instant;

/// The silence that ends a talk in which no reply is owed.
pub const SETTLED: Duration = Duration::from_secs(1);

/// The silence that ends a talk in which replies are still owed.
pub const OWED: Duration = Duration::from_secs(10);

/// How long to stay after the end of the input, as the user gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linger {
    /// This long, whatever comes meanwhile.
    For(Duration),
    /// Until the peer closes.
    Forever,
}

/// What decides the time after the end of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The counts and the silence.
    Replies,
    /// The user's word.
    Linger(Linger),
    /// Something other than time: a goal, or the peer.
    Never,
    /// The input failed: wait only for replies that are owed, and not long.
    Failed,
}

/// Knows when the silence has lasted long enough.
#[derive(Debug)]
pub struct Silence {
    rule: Rule,
    /// When the input had ended and its last byte had left.
    ended: Option<Instant>,
    quiet_since: Instant,
}

impl Silence {
    /// A talk that begins at `now`.
    pub fn new(rule: Rule, now: Instant) -> Self {
        Self {
            rule,
            ended: None,
            quiet_since: now,
        }
    }

    /// Another rule takes over.
    pub fn set_rule(&mut self, rule: Rule) {
        self.rule = rule;
    }

    /// A message was received, or nothing could be read until now because
    /// the output was full: that is our silence, not the peer's.
    pub fn broken(&mut self, now: Instant) {
        self.quiet_since = now;
    }

    /// Another connection begins.
    pub fn restart(&mut self, now: Instant) {
        self.ended = None;
        self.quiet_since = now;
    }

    /// The input has ended, and all of it has left.
    pub fn end_of_input(&mut self, now: Instant) {
        if self.ended.is_none() {
            self.ended = Some(now);
            self.quiet_since = now;
        }
    }

    /// When the talk is over if nothing else happens; `None` while only an
    /// event can end it. `owed`: fewer messages came in than went out.
    pub fn deadline(&self, owed: bool) -> Option<Instant> {
        let ended = self.ended?;
        match self.rule {
            Rule::Never | Rule::Linger(Linger::Forever) => None,
            // Too far for the clock is for ever.
            Rule::Linger(Linger::For(time)) => ended.checked_add(time),
            Rule::Replies if owed => Some(self.quiet_since + OWED),
            Rule::Replies => Some(self.quiet_since + SETTLED),
            Rule::Failed if owed => Some(self.quiet_since + SETTLED),
            Rule::Failed => Some(ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds from the start.
    fn deadline(silence: &Silence, owed: bool, start: Instant) -> Option<f64> {
        silence.deadline(owed).map(|at| (at - start).as_secs_f64())
    }

    /// Two messages out by 0 s, the input ended at 3 s, replies at `replies`.
    fn ends_at(rule: Rule, replies: &[u64]) -> Option<f64> {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::new(rule, start);
        assert_eq!(silence.deadline(true), None, "the input goes on");
        let (before, after): (Vec<_>, Vec<_>) = replies.iter().partition(|s| **s < 3);
        for seconds in before {
            silence.broken(at(seconds));
        }
        silence.end_of_input(at(3));
        for seconds in after {
            silence.broken(at(seconds));
        }
        deadline(&silence, replies.len() < 2, start)
    }

    #[test]
    fn the_rules() {
        let linger = |seconds| Rule::Linger(Linger::For(Duration::from_secs(seconds)));
        for (rule, replies, expected) in [
            (Rule::Replies, &[][..], Some(13.0)),
            (Rule::Replies, &[1], Some(13.0)),
            (Rule::Replies, &[1, 2], Some(4.0)),
            (Rule::Replies, &[1, 5], Some(6.0)),
            (Rule::Replies, &[1, 5, 6, 7], Some(8.0)),
            (Rule::Replies, &[8], Some(18.0)),
            (linger(5), &[], Some(8.0)),
            (linger(5), &[1, 2, 7], Some(8.0)),
            (linger(0), &[], Some(3.0)),
            (Rule::Linger(Linger::For(Duration::MAX)), &[], None),
            (Rule::Linger(Linger::Forever), &[1, 2], None),
            (Rule::Never, &[1, 2], None),
            (Rule::Failed, &[1, 2], Some(3.0)),
            (Rule::Failed, &[1], Some(4.0)),
        ] {
            assert_eq!(ends_at(rule, replies), expected, "{rule:?} {replies:?}");
        }
    }

    #[test]
    fn a_full_output_is_no_silence_of_the_peer() {
        let start = Instant::now();
        let mut silence = Silence::new(Rule::Replies, start);
        silence.end_of_input(start);
        silence.broken(start + Duration::from_secs(30));
        assert_eq!(deadline(&silence, false, start), Some(31.0));
    }
}
