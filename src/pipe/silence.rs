//! When a talk is over without anybody saying so: the rules for the time
//! after the end of the input, as a state machine without a clock.
//!
//! A WebSocket has no end of a reply, so a client that must not lose one can
//! only wait. How long is decided by the counts: a peer that has sent as many
//! messages as it got has probably said everything, one that has not owes an
//! answer and gets more time. One that sends by itself is not waited for
//! for ever: when nothing is owed, [`TALKATIVE`] is enough.
//!
//! ```text
//! end of input, 2 owed      reply    reply, settled     2 s without news? no:
//!     │ ← at most 10 s → │ ← 10 s → │ ← 1 s of silence, at most 10 s in all → │
//! ```

use std::time::Duration;

use tokio::time::Instant;

/// The silence that ends a talk in which no reply is owed.
pub const SETTLED: Duration = Duration::from_secs(1);

/// The silence that ends a talk in which replies are still owed, or in which
/// nothing was said: who only listens waits for the first message.
pub const OWED: Duration = Duration::from_secs(10);

/// How long a peer that owes nothing may go on sending after the end of the
/// input.
pub const TALKATIVE: Duration = Duration::from_secs(10);

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

/// What is known of the two sides when the input has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Debt {
    /// Fewer messages came in than went out.
    Owed,
    /// At least as many did.
    Settled,
    /// The input was empty from its start.
    NothingSaid,
}

/// Why the wait after the end of the input is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing was owed, and nothing more came.
    Settled,
    /// Replies are still owed.
    Owed,
    /// The input was empty, and nothing more came.
    NothingSaid,
    /// The peer goes on sending.
    Talkative,
    /// As long as the user said.
    Stayed,
    /// The input failed.
    Failed,
}

/// Knows when the silence has lasted long enough.
#[derive(Debug)]
pub struct Silence {
    rule: Rule,
    /// When the input had ended and its last byte had left.
    ended: Option<Instant>,
    /// Since when nothing has been owed after that.
    settled: Option<Instant>,
    quiet_since: Instant,
}

impl Silence {
    /// A talk that begins at `now`.
    pub fn new(rule: Rule, now: Instant) -> Self {
        Self {
            rule,
            ended: None,
            settled: None,
            quiet_since: now,
        }
    }

    /// What decides.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Since when nothing has come.
    pub fn quiet_since(&self) -> Instant {
        self.quiet_since
    }

    /// Another rule takes over.
    pub fn set_rule(&mut self, rule: Rule) {
        self.rule = rule;
    }

    /// A message was received.
    pub fn broken(&mut self, now: Instant) {
        self.quiet_since = now;
    }

    /// Nothing could be read from `since` until now because the output was
    /// full: that was our silence, not the peer's.
    pub fn excused(&mut self, since: Instant, now: Instant) {
        self.quiet_since = now;
        self.settled = self.settled.map(|at| at + (now - since));
    }

    /// Another connection begins. A stay that the user asked for goes on.
    pub fn restart(&mut self, now: Instant) {
        if !matches!(self.rule, Rule::Linger(_)) {
            self.ended = None;
        }
        self.settled = None;
        self.quiet_since = now;
    }

    /// The input has ended, and all of it has left.
    pub fn end_of_input(&mut self, now: Instant) {
        if self.ended.is_none() {
            self.ended = Some(now);
            self.quiet_since = now;
        }
    }

    /// When the talk is over if nothing else happens, and what that will
    /// mean; `None` while only an event can end it.
    pub fn deadline(&mut self, debt: Debt) -> Option<(Instant, Quiet)> {
        let ended = self.ended?;
        self.settled = match debt {
            Debt::Owed => None,
            // What settled it is the last thing that came.
            _ => self.settled.or(Some(self.quiet_since)),
        };
        match self.rule {
            Rule::Never | Rule::Linger(Linger::Forever) => None,
            // Too far for the clock is for ever.
            Rule::Linger(Linger::For(time)) => {
                ended.checked_add(time).map(|at| (at, Quiet::Stayed))
            }
            Rule::Failed if debt == Debt::Owed => Some((self.quiet_since + SETTLED, Quiet::Failed)),
            Rule::Failed => Some((ended, Quiet::Failed)),
            Rule::Replies => Some(self.replies(debt)),
        }
    }

    fn replies(&self, debt: Debt) -> (Instant, Quiet) {
        let silence = match debt {
            Debt::Owed => return (self.quiet_since + OWED, Quiet::Owed),
            Debt::Settled => (self.quiet_since + SETTLED, Quiet::Settled),
            Debt::NothingSaid => (self.quiet_since + OWED, Quiet::NothingSaid),
        };
        match self.settled.map(|at| at + TALKATIVE) {
            Some(limit) if limit < silence.0 => (limit, Quiet::Talkative),
            _ => silence,
        }
    }

    /// How long the user has asked to stay, and for how long that has been done
    /// until `now`.
    pub fn stay(&self, now: Instant) -> Option<Stay> {
        let Rule::Linger(Linger::For(asked)) = self.rule else {
            return None;
        };
        let stayed = self.ended.map_or(Duration::ZERO, |ended| now - ended);
        Some(Stay { asked, stayed })
    }
}

/// A stay of a given length after the end of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// How long it was to be.
    pub asked: Duration,
    /// How long it was.
    pub stayed: Duration,
}

impl Stay {
    /// Whether it was shorter than it was to be.
    pub fn is_cut_short(self) -> bool {
        self.stayed < self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two messages out by 0 s, the input ended at 3 s, replies at `replies`:
    /// in seconds, when it would end, and why.
    fn ends_at(rule: Rule, replies: &[u64]) -> Option<(f64, Quiet)> {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::new(rule, start);
        assert_eq!(silence.deadline(Debt::Owed), None, "it goes on");
        let (before, after): (Vec<u64>, Vec<_>) = replies.iter().partition(|s| **s < 3);
        let mut received = 0;
        let mut debt = |count: usize| {
            received += count;
            match received {
                0 | 1 => Debt::Owed,
                _ => Debt::Settled,
            }
        };
        for seconds in &before {
            silence.broken(at(*seconds));
        }
        silence.end_of_input(at(3));
        let mut found = silence.deadline(debt(before.len()));
        for seconds in after {
            if found.is_some_and(|(end, _)| end < at(seconds)) {
                break;
            }
            silence.broken(at(seconds));
            found = silence.deadline(debt(1));
        }
        found.map(|(end, why)| ((end - start).as_secs_f64(), why))
    }

    #[test]
    fn the_rules() {
        let linger = |seconds| Rule::Linger(Linger::For(Duration::from_secs(seconds)));
        for (rule, replies, expected) in [
            (Rule::Replies, &[][..], Some((13.0, Quiet::Owed))),
            (Rule::Replies, &[1], Some((13.0, Quiet::Owed))),
            (Rule::Replies, &[1, 2], Some((4.0, Quiet::Settled))),
            (Rule::Replies, &[1, 5], Some((6.0, Quiet::Settled))),
            (Rule::Replies, &[1, 5, 6, 7], Some((8.0, Quiet::Settled))),
            (Rule::Replies, &[8], Some((18.0, Quiet::Owed))),
            // Late replies that are owed have all the time between them.
            (Rule::Replies, &[12, 21], Some((22.0, Quiet::Settled))),
            (linger(5), &[], Some((8.0, Quiet::Stayed))),
            (linger(5), &[1, 2, 7], Some((8.0, Quiet::Stayed))),
            (linger(0), &[], Some((3.0, Quiet::Stayed))),
            (Rule::Linger(Linger::For(Duration::MAX)), &[], None),
            (Rule::Linger(Linger::Forever), &[1, 2], None),
            (Rule::Never, &[1, 2], None),
            (Rule::Failed, &[1, 2], Some((3.0, Quiet::Failed))),
            (Rule::Failed, &[1], Some((4.0, Quiet::Failed))),
        ] {
            assert_eq!(ends_at(rule, replies), expected, "{rule:?} {replies:?}");
        }
    }

    #[test]
    fn a_peer_that_keeps_talking_is_not_waited_for_for_ever() {
        let talks: Vec<u64> = (1..60).collect();
        let found = ends_at(Rule::Replies, &talks);
        assert_eq!(found, Some((13.0, Quiet::Talkative)));
        // What is owed comes late, and then it goes on.
        let talks: Vec<u64> = (11..60).collect();
        let found = ends_at(Rule::Replies, &talks);
        assert_eq!(found, Some((22.0, Quiet::Talkative)));
    }

    #[test]
    fn an_empty_input_is_a_listener_with_ten_seconds() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::new(Rule::Replies, start);
        silence.end_of_input(start);
        let found = silence.deadline(Debt::NothingSaid);
        assert_eq!(found, Some((after(10), Quiet::NothingSaid)));
        silence.broken(after(3));
        let found = silence.deadline(Debt::NothingSaid);
        assert_eq!(found, Some((after(10), Quiet::Talkative)));
    }

    #[test]
    fn a_full_output_is_no_silence_of_the_peer() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::new(Rule::Replies, start);
        silence.end_of_input(start);
        silence.deadline(Debt::Settled);
        silence.excused(start, after(30));
        let found = silence.deadline(Debt::Settled);
        assert_eq!(found, Some((after(31), Quiet::Settled)));
    }

    #[test]
    fn a_stay_goes_on_over_another_connection() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let linger = Rule::Linger(Linger::For(Duration::from_secs(20)));
        let mut silence = Silence::new(linger, start);
        silence.end_of_input(start);
        silence.restart(after(8));
        silence.end_of_input(after(9));
        let found = silence.deadline(Debt::Settled);
        assert_eq!(found, Some((after(20), Quiet::Stayed)));
        let stay = silence.stay(after(8)).unwrap();
        assert!(stay.is_cut_short());
        assert!(!silence.stay(after(20)).unwrap().is_cut_short());
    }
}
