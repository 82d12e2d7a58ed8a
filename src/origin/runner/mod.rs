//! The runner: the baseline, then the probes, each held against it.
//!
//! It sends what the plan says and never more: in waves of as many probes as
//! the server has shown to take side by side, with a baseline after refusals.
//! It slows down when the server asks for it, and notices when it has died.
//! Its time is bounded by its limits, its memory by what an attempt keeps.

mod baseline;
mod decide;
mod forecast;
mod job;
mod late;
mod later;
mod settle;
mod waves;

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::job::{Answer, Given, Job, Kind, Signature};
use super::catalogue::Request;
use super::observe::{
    Conversation, Dialer, MAX_MESSAGE_BYTES, Observation, Outcome, Shot, observe,
};
use super::plan::{Allowed, Plan};
use super::profile::Profile;
use super::rating::Policy;
use super::secret::{Secret, Sent};
use crate::connection::{OpenConfig, OpenFailure, Secrets};

/// How a run is made.
#[derive(Debug, Clone)]
pub(crate) struct RunConfig {
    /// How connections are opened; the origin in it is not used.
    pub open: OpenConfig,
    /// For how long the first connection is tried again while the server is not
    /// up. Later a server that is not up is a dead one.
    pub wait_up: Option<Duration>,
    /// The same without credentials, where credentials are given.
    pub anonymous: Option<OpenConfig>,
    /// What an attacker's page does not know: a probe that is let in is sent
    /// again without all of it. Each must be sent otherwise ([`Secret::is_sent`]).
    pub secrets: Vec<Secret>,
    /// Who must be let in: the plan's.
    pub allowed: Allowed,
    /// What to send.
    pub plan: Plan,
    /// How long to listen after a 101.
    pub window: Duration,
    /// The limit of the first handshake; later ones are held to what it took.
    pub handshake: Duration,
    /// What is said on an open connection, and what is expected there.
    pub talk: Conversation,
    /// How many probes may be under way at a time.
    pub concurrency: usize,
    /// The time between the starts of two probes of a wave.
    pub pace: Duration,
    /// How long a server may be waited for, in all, when it asks for it.
    pub patience: Duration,
    /// The limit of the whole run.
    pub max_time: Option<Duration>,
    /// Whether the run ends with the first probe of a web page that is let in and
    /// counts; the first of the plan is then sent before anything else.
    pub quick: bool,
    /// The largest message that is read, and the largest frame.
    pub max_message_bytes: usize,
    pub max_frame_bytes: usize,
    /// What the answers are rated by, for what an attempt more would change.
    pub policy: Policy,
    /// Knows the secrets.
    pub redactor: Secrets,
}

impl RunConfig {
    /// The defaults of the command, for this policy and its plan.
    pub(crate) fn new(allowed: impl Into<Allowed>, plan: Plan) -> Self {
        Self {
            secrets: Vec::new(),
            open: OpenConfig::default(),
            wait_up: None,
            anonymous: None,
            allowed: allowed.into(),
            plan,
            window: Duration::from_millis(1500),
            handshake: Duration::from_secs(30),
            talk: Conversation::default(),
            concurrency: 8,
            pace: Duration::from_millis(20),
            patience: Duration::from_secs(300),
            max_time: None,
            quick: false,
            max_message_bytes: MAX_MESSAGE_BYTES,
            max_frame_bytes: MAX_MESSAGE_BYTES,
            policy: Policy::default(),
            redactor: Secrets::default(),
        }
    }
}

/// What a run is doing, for a progress display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The allowed origin is sent.
    Baseline(String),
    /// A probe is sent.
    Probe {
        /// Its name.
        id: &'static str,
        /// How many probes are judged.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// A probe is judged, with everything that it needs.
    Judged {
        /// Its place in the plan.
        index: usize,
        /// Whether the server took it; `None` when that cannot be told.
        accepted: Option<bool>,
    },
    /// The server is given time.
    Waiting {
        /// How long.
        time: Duration,
        why: String,
    },
}

/// The answer to one probe, judged.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// Whether the server took it; `None` when that cannot be told.
    pub accepted: Option<bool>,
    /// Why it is held to be so.
    pub why: String,
    /// The last answer.
    pub seen: Option<Observation>,
    /// How many times it was sent.
    pub attempts: u32,
    /// Whether it was taken without credentials, where that was tried.
    pub anonymous: Option<bool>,
    /// Whether it was taken without the secrets, where that was tried. Where
    /// that could not be told, `accepted` cannot be either.
    pub without_secrets: Option<bool>,
}

/// The allowed origin's own answer.
#[derive(Debug, Clone)]
pub(crate) struct Baseline {
    /// The allowed origin.
    pub origin: String,
    /// The first answer.
    pub seen: Observation,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// All was sent.
    Complete,
    /// There was no connection for the baseline.
    Unreachable {
        /// The failure.
        error: Arc<OpenFailure>,
        /// The same in words, with what to try next.
        why: String,
    },
    /// There is no baseline to compare with.
    NoBaseline(String),
    /// The target died after one of these probes.
    Died {
        /// The probes that were under way.
        after: Vec<&'static str>,
        /// What it looks like.
        what: String,
    },
    /// The run stopped before its end.
    Stopped(String),
}

/// What a run has found.
#[derive(Debug, Clone)]
pub(crate) struct RunResult {
    /// The baselines, one for each allowed origin.
    pub baselines: Vec<Baseline>,
    /// The answers, one for each probe of the plan, in its order.
    pub judged: Vec<Judged>,
    /// How it ended.
    pub ending: Ending,
    /// What a reader of the report should know.
    pub notes: Vec<String>,
    /// How many probes were under way at a time.
    pub width: usize,
    /// How many opening handshakes were made.
    pub handshakes: u32,
    /// How long it took.
    pub took: Duration,
}

/// Runs a plan against a server, to its end.
#[cfg(test)]
pub(crate) async fn run<D: Dialer>(
    dialer: &D,
    config: &RunConfig,
    progress: &dyn Fn(Progress),
) -> RunResult {
    run_until(dialer, config, progress, std::future::pending()).await
}

/// Runs a plan against a server until `stop` is ready, which says why. What was judged by then is kept;
/// what is under way is given up.
pub(crate) async fn run_until<D: Dialer>(
    dialer: &D,
    config: &RunConfig,
    progress: &dyn Fn(Progress),
    stop: impl Future<Output = String>,
) -> RunResult {
    let mut runner = Runner {
        dialer,
        config,
        progress,
        start: Instant::now(),
        baselines: Vec::new(),
        profiles: Vec::new(),
        requests: config.allowed.requests(),
        anonymous: None,
        handshake: config.handshake,
        width: 1,
        batch: config.concurrency.max(6),
        waited: Duration::ZERO,
        confirmed: false,
        judged: vec![None; config.plan.probes.len()],
        refusals: HashSet::new(),
        late_refusals: false,
        held: Vec::new(),
        window: config.window,
        watching: HashSet::new(),
        watched: HashSet::new(),
        unclear: HashSet::new(),
        slow: Vec::new(),
        hopeless: HashSet::new(),
        later: Vec::new(),
        in_vain: 0,
        lasting: HashSet::new(),
        early: Vec::new(),
        handshakes: Cell::new(0),
        notes: Vec::new(),
    };
    let ending = tokio::select! {
        biased;
        why = stop => Ending::Stopped(why),
        ending = runner.run() => ending,
    };
    runner.into_result(ending)
}

struct Runner<'a, D> {
    dialer: &'a D,
    config: &'a RunConfig,
    progress: &'a dyn Fn(Progress),
    start: Instant,
    baselines: Vec<Baseline>,
    /// One for each allowed origin.
    profiles: Vec<Profile>,
    /// What must be let in, one for each profile.
    requests: Vec<Request>,
    /// The first allowed origin's without credentials, where that works.
    anonymous: Option<Profile>,
    /// The limit of a handshake.
    handshake: Duration,
    /// How many probes are under way at a time.
    width: usize,
    /// How many refusals may wait for a baseline.
    batch: usize,
    /// How long the server has been waited for.
    waited: Duration,
    /// Whether the allowed origin was accepted after the last probe.
    confirmed: bool,
    judged: Vec<Option<Judged>>,
    /// How this server refuses after a 101: what was seen with no other probe
    /// under way. The same answer in a wave needs no trial then.
    refusals: HashSet<Signature>,
    /// Whether answers after a 101 were not the allowed origin's.
    late_refusals: bool,
    /// Answers that wait for the trial of another of their kind.
    held: Vec<Answer>,
    /// How long probes are listened to: the window, or longer where answers came
    /// late.
    window: Duration,
    /// The kinds of which one that stays open is being watched for longer, and
    /// those of which one was, in vain.
    watching: HashSet<Kind>,
    watched: HashSet<Kind>,
    /// Outcomes of which nothing could be told, twice.
    unclear: HashSet<Outcome>,
    /// Probes without an answer in time, which wait for one of their kind that
    /// is given all the time.
    slow: Vec<(Job, Observation)>,
    /// The kinds of which one got no answer with all the time.
    hopeless: HashSet<Kind>,
    /// Probes that were told to come back later, by a server that let the allowed
    /// origin in.
    later: Vec<(Job, Observation)>,
    /// How often in a row a server was given time, and said "later" again.
    in_vain: usize,
    /// Answers of "later" that no time has changed.
    lasting: HashSet<Outcome>,
    /// What a quick run has left to send before the rest.
    early: Vec<Job>,
    handshakes: Cell<u32>,
    notes: Vec<String>,
}

impl<D: Dialer> Runner<'_, D> {
    async fn run(&mut self) -> Ending {
        match self.establish().await {
            Ok(()) => self.probe_all().await.err().unwrap_or(Ending::Complete),
            Err(ending) => ending,
        }
    }

    async fn shoot(
        &self,
        request: &Request,
        given: Given,
        window: Option<Duration>,
    ) -> Observation {
        let shot = Shot {
            window,
            ..self.shot(request, given)
        };
        self.count();
        observe(self.dialer, &shot, &self.config.talk, &self.config.redactor).await
    }

    fn count(&self) {
        self.handshakes.set(self.handshakes.get() + 1);
    }

    /// This long, or what is left of the whole run.
    fn time_left(&self, time: Duration) -> Duration {
        let left = self
            .config
            .max_time
            .map(|max| max.saturating_sub(self.start.elapsed()));
        left.map_or(time, |left| time.min(left))
    }

    fn shot<'a>(&'a self, request: &'a Request, given: Given) -> Shot<'a> {
        let open = match (&self.config.anonymous, given) {
            (Some(anonymous), Given::NoCredentials) => anonymous,
            _ => &self.config.open,
        };
        let sent = match given {
            Given::NoSecrets => Sent::Without(&self.config.secrets),
            Given::WrongSecrets => Sent::Wrong(&self.config.secrets),
            Given::All | Given::NoCredentials => Sent::AsGiven,
        };
        Shot {
            request,
            open,
            sent,
            handshake: self.handshake,
            wait_up: None,
            window: Some(self.config.window),
            max_message_bytes: self.config.max_message_bytes,
            max_frame_bytes: self.config.max_frame_bytes,
        }
    }

    /// The first connection of all, for which the server may be waited for.
    async fn first_shot(&self, request: &Request) -> Observation {
        let patience = self.config.wait_up;
        let shot = Shot {
            wait_up: patience.map(|time| self.config.max_time.map_or(time, |max| time.min(max))),
            ..self.shot(request, Given::All)
        };
        self.count();
        observe(self.dialer, &shot, &self.config.talk, &self.config.redactor).await
    }

    fn allowed_request(&self, allowed: usize) -> Request {
        let request = self.requests.get(allowed).or(self.requests.first());
        request.cloned().unwrap_or_default()
    }

    /// Whether the limit of the whole run has passed.
    fn is_out_of_time(&self) -> bool {
        self.config
            .max_time
            .is_some_and(|limit| self.start.elapsed() >= limit)
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn into_result(self, ending: Ending) -> RunResult {
        let why = match &ending {
            Ending::Complete => "no answer was judged".to_owned(),
            Ending::Unreachable { .. } | Ending::NoBaseline(_) => {
                "not sent: there is no baseline".into()
            }
            Ending::Died { .. } => "not sent: the target died".into(),
            Ending::Stopped(why) => format!("not sent: {why}"),
        };
        let missing = Judged {
            accepted: None,
            why,
            seen: None,
            attempts: 0,
            anonymous: None,
            without_secrets: None,
        };
        let mut judged: Vec<_> = self
            .judged
            .into_iter()
            .map(|judged| judged.unwrap_or_else(|| missing.clone()))
            .collect();
        for (index, probe) in self.config.plan.probes.iter().enumerate() {
            if let Some(first) = probe.same_as.and_then(|first| judged.get(first).cloned()) {
                judged[index] = first;
            }
        }
        RunResult {
            baselines: self.baselines,
            judged,
            ending,
            notes: self.notes,
            width: self.width,
            handshakes: self.handshakes.get(),
            took: self.start.elapsed(),
        }
    }
}

impl<D> fmt::Debug for Runner<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
