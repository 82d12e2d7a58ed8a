//! Where every message and every handshake of a run has gone.
//!
//! Each is in exactly one place, whatever fails:
//!
//! ```text
//! messages    due = sent + unsent (by cause)
//!             sent = answered + lost (by cause) + in flight + untracked
//!             received = answered + late + duplicate + unsolicited
//! handshakes  due = attempted + unsent (by cause)
//!             attempted = opened + failed + in flight
//! ```
//!
//! `mismatched` is a part of answered, `foreign` a part of unsolicited. What
//! was meant to happen in the warm-up is counted apart, with the same words.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

/// Adds each field of one to another's. One that is not named does not compile.
macro_rules! add_fields {
    ($to:ident += $from:ident: $($field:ident),+ $(,)?) => {
        let Self { $($field),+ } = $from;
        $($to.$field += $field;)+
    };
}

/// Messages that were due and were not sent, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unsent {
    /// Their connection had ended.
    pub gone: u64,
    /// Their connection could not be opened.
    pub refused: u64,
    /// The user ended the run before they could leave.
    pub interrupted: u64,
    /// Their connection took no more until the end.
    pub blocked: u64,
    /// The load generator did not come to them until the end.
    pub too_slow: u64,
}

impl Unsent {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.gone + self.refused + self.interrupted + self.blocked + self.too_slow
    }
}

impl AddAssign<&Self> for Unsent {
    fn add_assign(&mut self, other: &Self) {
        add_fields!(self += other: gone, refused, interrupted, blocked, too_slow);
    }
}

/// Messages that were sent and will not be answered, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// No reply came within the reply timeout.
    pub timed_out: u64,
    /// Their connection ended first.
    pub ended: u64,
}

impl Lost {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.timed_out + self.ended
    }
}

impl AddAssign<&Self> for Lost {
    fn add_assign(&mut self, other: &Self) {
        add_fields!(self += other: timed_out, ended);
    }
}

/// Messages and bytes of the measured part of a run, or of its warm-up. In
/// mode idle the messages are pings; in mode handshake there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that were to be sent: those of the schedule, or as many as
    /// were asked for; in a closed loop without a number, those sent.
    pub due: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages due and not sent.
    pub unsent: Unsent,
    /// Messages with their reply.
    pub answered: u64,
    /// Those of them whose reply came before the measured time was over.
    pub answered_in_time: u64,
    /// Messages that were sent and given up.
    pub lost: Lost,
    /// Messages that waited for their reply when the user ended the run.
    pub in_flight: u64,
    /// Messages that no reply is waited for: those of mode flood.
    pub untracked: u64,
    /// Replies that were matched by the order of messages, a part of answered.
    pub by_order: u64,
    /// Messages whose id another one in flight had (`--match`), a part of sent.
    pub repeated_ids: u64,
    /// Replies whose payload or type is not what was sent (`--verify`), a
    /// part of answered.
    pub mismatched: u64,
    /// Replies to messages that were given up.
    pub late: u64,
    /// Replies to messages that had been answered.
    pub duplicate: u64,
    /// Messages that answer none of this connection's; in mode flood, all.
    pub unsolicited: u64,
    /// Messages of another connection of this run, or of another run, a part
    /// of unsolicited.
    pub foreign: u64,
    /// Pings received.
    pub pings: u64,
    /// Pongs received.
    pub pongs: u64,
    /// Bytes handed to the transport, frame headers included.
    pub bytes_sent: u64,
    /// Bytes received from the transport, frame headers included.
    pub bytes_received: u64,
}

impl Counters {
    /// Messages received (in mode idle, pongs).
    pub fn received(&self) -> u64 {
        self.answered + self.late + self.duplicate + self.unsolicited
    }

    /// Whether each message due and each message sent is in one counter.
    #[cfg(test)]
    pub fn is_balanced(&self) -> bool {
        self.due == self.sent + self.unsent.total()
            && self.sent == self.answered + self.lost.total() + self.in_flight + self.untracked
            && self.mismatched <= self.answered
            && self.foreign <= self.unsolicited
    }

    /// Adds another thread's, or another second's.
    pub fn merge(&mut self, other: &Self) {
        add_fields!(self += other:
            due, sent, unsent, answered, answered_in_time, lost, in_flight, untracked, by_order,
            repeated_ids, mismatched, late, duplicate, unsolicited, foreign, pings, pongs,
            bytes_sent, bytes_received);
    }
}

/// The opening handshakes of the measured part of a run, or of its warm-up;
/// in the modes that hold their connections, of the opening before both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HandshakeCounters {
    /// Handshakes that were to be made.
    pub due: u64,
    /// Those that were begun.
    pub attempted: u64,
    /// Connections opened.
    pub opened: u64,
    /// Handshakes that failed; by cause in [`HandshakeStats`].
    ///
    /// [`HandshakeStats`]: super::stats::HandshakeStats
    pub failed: u64,
    /// Handshakes under way when the user ended the run.
    pub in_flight: u64,
    /// Handshakes due and not begun, since the user ended the run.
    pub interrupted: u64,
    /// Handshakes due and not begun, since as many as `--connections` were
    /// under way until the end.
    pub busy: u64,
}

impl HandshakeCounters {
    /// Handshakes due and not begun.
    pub fn unsent(&self) -> u64 {
        self.interrupted + self.busy
    }

    /// Whether each handshake is in one counter.
    #[cfg(test)]
    pub fn is_balanced(&self) -> bool {
        self.due == self.attempted + self.unsent()
            && self.attempted == self.opened + self.failed + self.in_flight
    }

    /// Adds another thread's.
    pub fn merge(&mut self, other: &Self) {
        add_fields!(self += other: due, attempted, opened, failed, in_flight, interrupted, busy);
    }
}

/// Why a connection could not be opened, or ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It could not be opened.
    Opening(String),
    /// The server closed it.
    Closed {
        /// With this code, where it gave one.
        code: Option<u16>,
        /// With this reason, which may be empty. It is the peer's own text.
        reason: String,
    },
    /// It ended in another way.
    Ended(String),
    /// Any cause: there were more different ones than are told apart.
    Other,
}

impl fmt::Display for Cause {
    /// In one line, without control characters, whatever the peer has said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening(text) | Self::Ended(text) => harmless(f, text),
            Self::Closed { code, reason } => {
                match code {
                    Some(code) => write!(f, "closed by the server with {code}")?,
                    None => f.write_str("closed by the server without a code")?,
                }
                if reason.is_empty() {
                    return Ok(());
                }
                f.write_str(" (")?;
                harmless(f, reason)?;
                f.write_str(")")
            }
            Self::Other => f.write_str("other causes, of more kinds than are told apart"),
        }
    }
}

/// Writes a text with what is no visible character escaped.
fn harmless(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        // `escape_debug` knows what is printable, and escapes quotes too.
        match character {
            '"' | '\'' | '\\' => write!(f, "{character}")?,
            _ => write!(f, "{}", character.escape_debug())?,
        }
    }
    Ok(())
}

/// More different causes than this are one: a server can make up as many as it
/// likes. It is far more than a report tells, so that the most frequent ones are
/// known even of a server that closes each time with another code.
const MAX_CAUSES: usize = 1000;

/// How often each cause ended a connection or spoilt an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors(pub BTreeMap<Cause, u64>);

impl Errors {
    /// Counts one.
    pub fn add(&mut self, cause: Cause) {
        self.add_many(cause, 1);
    }

    /// Adds another thread's.
    pub fn merge(&mut self, other: &Self) {
        for (cause, count) in &other.0 {
            self.add_many(cause.clone(), *count);
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The most frequent causes as they are shown, so many at most, with how often each
    /// was counted; and how many others there are, with the same of them together.
    pub fn most_frequent(&self, most: usize) -> (Vec<(String, u64)>, (usize, u64)) {
        let mut shown = BTreeMap::<String, u64>::new();
        for (cause, count) in &self.0 {
            *shown.entry(cause.to_string()).or_default() += count;
        }
        let mut causes: Vec<_> = shown.into_iter().collect();
        // Those that are as frequent stay in the order of their texts.
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rest = causes.split_off(most.min(causes.len()));
        let count = rest.iter().map(|(_, count)| count).sum();
        (causes, (rest.len(), count))
    }

    /// How often a cause as it is shown was counted.
    #[cfg(test)]
    pub fn count_of(&self, shown: &str) -> u64 {
        let same = self
            .0
            .iter()
            .filter(|(cause, _)| cause.to_string() == shown);
        same.map(|(_, count)| count).sum()
    }

    pub(super) fn add_many(&mut self, cause: Cause, count: u64) {
        let cause = match self.0.contains_key(&cause) || self.0.len() < MAX_CAUSES {
            true => cause,
            false => Cause::Other,
        };
        *self.0.entry(cause).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counters of which no two are alike; of twice the numbers for `by` 2.
    fn all_different(by: u64) -> (Counters, HandshakeCounters) {
        let counters = Counters {
            due: by,
            sent: 2 * by,
            unsent: Unsent {
                gone: 3 * by,
                refused: 4 * by,
                interrupted: 5 * by,
                blocked: 6 * by,
                too_slow: 7 * by,
            },
            answered: 8 * by,
            answered_in_time: 9 * by,
            lost: Lost {
                timed_out: 10 * by,
                ended: 11 * by,
            },
            in_flight: 12 * by,
            untracked: 13 * by,
            by_order: 14 * by,
            repeated_ids: 15 * by,
            mismatched: 16 * by,
            late: 17 * by,
            duplicate: 18 * by,
            unsolicited: 19 * by,
            foreign: 20 * by,
            pings: 21 * by,
            pongs: 22 * by,
            bytes_sent: 23 * by,
            bytes_received: 24 * by,
        };
        let handshakes = HandshakeCounters {
            due: by,
            attempted: 2 * by,
            opened: 3 * by,
            failed: 4 * by,
            in_flight: 5 * by,
            interrupted: 6 * by,
            busy: 7 * by,
        };
        (counters, handshakes)
    }

    #[test]
    fn the_counters_of_threads_are_merged_each_with_its_own() {
        let (mut counters, mut handshakes) = all_different(0);
        let (one, two) = (all_different(1), all_different(2));
        for (messages, attempts) in [&one, &one] {
            counters.merge(messages);
            handshakes.merge(attempts);
        }
        assert_eq!((counters, handshakes), two);
    }

    #[test]
    fn causes_are_grouped_by_code_and_reason_and_shown_in_one_harmless_line() {
        let closed = |code, reason: &str| Cause::Closed {
            code,
            reason: reason.to_owned(),
        };
        for (cause, shown) in [
            (closed(Some(1001), ""), "closed by the server with 1001"),
            (
                closed(Some(4429), "Too many"),
                "closed by the server with 4429 (Too many)",
            ),
            (closed(None, ""), "closed by the server without a code"),
            (
                closed(Some(1000), "a\u{1b}[31m\n\u{202e}b 'c'"),
                "closed by the server with 1000 (a\\u{1b}[31m\\n\\u{202e}b 'c')",
            ),
            (Cause::Ended("connection reset".into()), "connection reset"),
        ] {
            assert_eq!(cause.to_string(), shown);
        }
        let mut errors = Errors::default();
        errors.add(closed(Some(4000), "a"));
        errors.add(closed(Some(4000), "a"));
        errors.add(closed(Some(4000), "b"));
        assert_eq!(errors.count_of("closed by the server with 4000 (a)"), 2);
        assert_eq!(errors.total(), 3);
    }

    #[test]
    fn a_server_that_makes_up_reasons_takes_no_memory_for_them() {
        let mut errors = Errors::default();
        for number in 0..10_000 {
            errors.add(Cause::Closed {
                code: Some(4000),
                reason: number.to_string(),
            });
        }
        let mut twice = errors.clone();
        twice.merge(&errors);
        assert_eq!((errors.total(), twice.total()), (10_000, 20_000));
        assert!(errors.0.len() <= MAX_CAUSES + 1 && twice.0.len() <= MAX_CAUSES + 1);
    }

    #[test]
    fn of_seven_hundred_close_codes_the_most_frequent_are_told_and_the_others_together() {
        let mut errors = Errors::default();
        for code in 3000..3700 {
            let count = if code >= 3690 { 5 } else { 1 };
            let reason = String::new();
            errors.add_many(
                Cause::Closed {
                    code: Some(code),
                    reason,
                },
                count,
            );
        }
        let (told, others) = errors.most_frequent(10);
        assert_eq!(told[0], ("closed by the server with 3690".to_owned(), 5));
        assert!(told.len() == 10 && told.iter().all(|(_, count)| *count == 5));
        assert_eq!(others, (690, 690));
        assert_eq!(errors.most_frequent(1000).1, (0, 0));
    }
}
