//! What the parts of the runner hand each other: probes to send, what a wave
//! brought, and answers to be judged.

use std::collections::{BTreeSet, VecDeque};

use crate::origin::catalogue::Group;
use crate::origin::observe::{Observation, Outcome};
use crate::origin::profile::Comparison;

/// What an attempt is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Given {
    /// Everything that the user gave.
    All,
    NoCredentials,
    NoSecrets,
    /// With wrong values for those secrets that a page can send values for.
    WrongSecrets,
}

/// Probes that are like each other in time: who sends them, and with what.
pub(super) type Kind = (Group, Given);

/// The outcome of an answer, and the pattern of its messages.
pub(super) type Signature = (Outcome, BTreeSet<String>);

/// One probe to send.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) index: usize,
    pub(super) given: Given,
    pub(super) manner: Manner,
    pub(super) attempts: u32,
    /// What an attempt before this one saw, with a good baseline behind it.
    pub(super) prior: Option<Signature>,
    /// Whether the server went away after it once.
    pub(super) outage: bool,
}

impl Job {
    pub(super) fn new(index: usize, given: Given) -> Self {
        Self {
            index,
            given,
            manner: Manner::Together,
            attempts: 0,
            prior: None,
            outage: false,
        }
    }
}

/// How a probe is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// With others.
    Together,
    /// With no other probe under way.
    Alone,
    /// Alone, and with all the time that there is for a handshake.
    Patient,
    /// Alone, and watched for longer than the window.
    Watched,
}

/// What came of a wave.
pub(super) struct Sent {
    pub(super) answers: Vec<(Job, Observation)>,
    /// What the allowed origin heard beside it, from before the first probe on.
    pub(super) front: Option<Observation>,
    /// What the allowed origin got that came after the last probe.
    pub(super) rear: Option<Observation>,
}

/// An answer that is not the allowed origin's.
pub(super) struct Answer {
    pub(super) job: Job,
    pub(super) seen: Observation,
    pub(super) comparison: Comparison,
    /// What of it the allowed origin did not hear too.
    pub(super) signature: Signature,
    /// Whether a message says no.
    pub(super) refused_in_words: bool,
}

impl Answer {
    /// Whether this could be the sign of a server that is hurt or tired.
    pub(super) fn alarms(&self) -> bool {
        self.is_hurt() || matches!(self.seen.outcome, Outcome::Status(429 | 500..=599))
    }

    pub(super) fn is_hurt(&self) -> bool {
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

/// To the front, in their order.
pub(super) fn requeue(jobs: Vec<Job>, queue: &mut VecDeque<Job>) {
    for job in jobs.into_iter().rev() {
        queue.push_front(job);
    }
}
