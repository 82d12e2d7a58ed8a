//! What the server does for the allowed origin, and whether an answer is the
//! same. Pure.
//!
//! A refusal is a difference from this profile, and nothing else: some servers
//! close everyone, some greet everyone with an error. Messages are compared by
//! their pattern: numbers, identifiers, times and the origin itself may differ.

use std::collections::BTreeSet;
use std::time::Duration;

use super::catalogue::Request;
use super::observe::{Observation, Outcome};
use crate::connection::Message;

mod pattern;
mod refusal;

pub(crate) use pattern::{erased, tokens, turned_away};

/// What the server does for the allowed origin.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// How the window ends.
    pub outcome: Outcome,
    /// Whether the pattern of acceptance was seen.
    pub expected: bool,
    /// What every sample's messages had.
    core: BTreeSet<String>,
    /// What any sample's messages had.
    union: BTreeSet<String>,
    /// Why this looks like a refusal itself.
    pub turned_away: Option<String>,
    /// Whether the allowed origin, too, is told what passes for a refusal.
    hears_no: bool,
    /// The latest that anything happened after a 101.
    pub settled_after: Duration,
    /// How long the handshake took at most.
    pub handshake: Duration,
}

/// How an observation compares with the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The same class.
    Same,
    /// Another one, beyond doubt.
    Differs(String),
    /// Another one that chance could explain: ask again.
    Seems(String),
    /// Nothing can be told.
    Unclear(String),
}

impl Profile {
    /// The profile of a first sample; `None` where it is no valid 101, or
    /// tells nothing.
    pub(crate) fn new(sample: &Observation, request: &Request) -> Option<Self> {
        if !sample.outcome.is_upgraded()
            || matches!(sample.outcome, Outcome::Broken | Outcome::Flood)
        {
            return None;
        }
        let tokens = tokens(sample, &erased(request));
        Some(Self {
            outcome: sample.outcome,
            expected: sample.expected,
            core: tokens.clone(),
            union: tokens,
            turned_away: turned_away(sample),
            hears_no: sample.messages.iter().any(refusal::says_no),
            settled_after: sample.settled_after,
            handshake: sample.evidence.handshake,
        })
    }

    /// Takes in another sample of the allowed origin; `false` where it ends in
    /// another way.
    pub(crate) fn learn(&mut self, sample: &Observation, request: &Request) -> bool {
        if sample.outcome != self.outcome || sample.expected != self.expected {
            return false;
        }
        let tokens = tokens(sample, &erased(request));
        self.core.retain(|token| tokens.contains(token));
        self.union.extend(tokens);
        self.hears_no |= sample.messages.iter().any(refusal::says_no);
        self.settled_after = self.settled_after.max(sample.settled_after);
        self.handshake = self.handshake.max(sample.evidence.handshake);
        true
    }

    /// Whether the messages were the same each time.
    pub(crate) fn is_steady(&self) -> bool {
        self.core == self.union
    }

    /// Whether the server said anything to the allowed origin.
    pub(crate) fn is_silent(&self) -> bool {
        self.union.is_empty()
    }

    /// Whether the allowed origin is refused now, by words or by its Close, as it
    /// was not at first.
    pub(crate) fn is_turned_away(&self, seen: &Observation) -> bool {
        self.turned_away.is_none() && (turned_away(seen).is_some() || seen.rejected.is_some())
    }

    /// Whether an answer has a message that says no, which the allowed origin does
    /// not get, and did not hear beside it either.
    pub(crate) fn is_refused_in_words(
        &self,
        seen: &Observation,
        request: &Request,
        heard: Option<&Observation>,
    ) -> bool {
        let noise = heard.map(|heard| noise(heard, request)).unwrap_or_default();
        let erased = erased(request);
        let is_noise = |message: &Message| {
            pattern::tokens_of(message, &erased)
                .iter()
                .all(|token| noise.contains(token))
        };
        let mut messages = seen.messages.iter();
        seen.rejected.is_some()
            || !self.hears_no
                && messages.any(|message| refusal::says_no(message) && !is_noise(message))
    }

    /// Whether an answer has all that the allowed origin is told, so that whoever
    /// was refused after it has read it.
    pub(crate) fn was_told(&self, seen: &Observation, request: &Request) -> bool {
        let tells =
            |message: &Message| !refusal::opens_transport(message) && !refusal::says_no(message);
        let tokens = tokens(seen, &erased(request));
        !self.core.is_empty()
            && self.core.iter().all(|token| tokens.contains(token))
            && seen.messages.iter().any(tells)
    }

    /// Compares an answer to a probe.
    pub(crate) fn compare(&self, seen: &Observation, request: &Request) -> Comparison {
        self.compare_amid(seen, request, &BTreeSet::new())
    }

    /// Compares an answer to a probe beside which the allowed origin heard this
    /// too: a message that everybody gets is no answer.
    pub(crate) fn compare_beside(
        &self,
        seen: &Observation,
        request: &Request,
        heard: &Observation,
    ) -> Comparison {
        if seen.rejected.is_some() && heard.rejected.is_some() {
            let why = "the text of a refusal was sent to the allowed origin too";
            return Comparison::Unclear(why.into());
        }
        self.compare_amid(seen, request, &noise(heard, request))
    }

    fn compare_amid(
        &self,
        seen: &Observation,
        request: &Request,
        noise: &BTreeSet<String>,
    ) -> Comparison {
        if let Some(text) = &seen.rejected {
            return Comparison::Differs(format!("the server sent the text of a refusal: {text}"));
        }
        match seen.outcome {
            // Slow is not refused.
            Outcome::Flood | Outcome::Timeout => {
                return Comparison::Unclear(seen.outcome.told());
            }
            // Chance, too, ends a connection now and then.
            Outcome::NoConnection | Outcome::EndOfStream | Outcome::Reset => {
                return Comparison::Seems(seen.outcome.told());
            }
            // A limit or an upset server says these to everyone.
            Outcome::Status(429 | 500..=599) => return Comparison::Seems(seen.outcome.told()),
            outcome if !outcome.is_upgraded() => return Comparison::Differs(outcome.told()),
            _ => {}
        }
        if self.expected {
            return if seen.expected {
                Comparison::Same
            } else {
                Comparison::Seems(format!(
                    "{}, without the expected message",
                    seen.outcome.told()
                ))
            };
        }
        if seen.outcome != self.outcome {
            let why = format!(
                "{}; the allowed origin gets {}",
                seen.outcome.told(),
                self.outcome.told()
            );
            return if seen.outcome == Outcome::Open {
                Comparison::Seems(why)
            } else {
                Comparison::Differs(why)
            };
        }
        self.compare_messages(&tokens(seen, &erased(request)), noise)
    }

    fn compare_messages(&self, tokens: &BTreeSet<String>, noise: &BTreeSet<String>) -> Comparison {
        if self.core.iter().any(|token| !tokens.contains(token)) {
            return Comparison::Seems(if tokens.is_empty() {
                "101, then silence; the allowed origin gets a message".into()
            } else {
                "101, then other messages than the allowed origin gets".into()
            });
        }
        let mut extra = tokens
            .iter()
            .filter(|token| !self.union.contains(*token) && !noise.contains(*token));
        // Where the messages change from one time to the next anyway, only
        // words of refusal make a difference.
        let tells = |token: &&String| self.is_steady() || pattern::refuses(token);
        match extra.find(tells) {
            None => Comparison::Same,
            Some(_) if self.is_silent() => {
                Comparison::Seems("101, then a message that the allowed origin does not get".into())
            }
            Some(_) => {
                Comparison::Seems("101, then other messages than the allowed origin gets".into())
            }
        }
    }
}

/// The pattern of what the allowed origin heard beside a probe, as the probe
/// would have heard it.
pub(crate) fn noise(heard: &Observation, request: &Request) -> BTreeSet<String> {
    tokens(heard, &erased(request))
}

#[cfg(test)]
mod tests;
