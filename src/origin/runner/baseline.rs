//! The baseline: what the allowed origin gets, whether the server takes
//! several connections side by side, and the wait for a server to recover.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::job::{Given, Job};
use super::{Baseline, Ending, Progress, Runner};
use crate::connection::{OpenError, OpenFailure};
use crate::origin::catalogue::{Group, Request};
use crate::origin::observe::{Dialer, Observation, Outcome};
use crate::origin::profile::{Comparison, Profile};

/// A server that was asked too often, or is not up yet, is asked again after
/// these times, unless it names one.
pub(super) const BACK_OFF: [u64; 6] = [1, 2, 4, 8, 16, 30];
/// The longest Retry-After that is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
/// A server that wants to be left alone for longer than this before the first
/// probe is not probed.
const MAX_FIRST_WAIT: Duration = Duration::from_secs(30);
/// How long a server may be gone before it counts as dead.
const GONE: Duration = Duration::from_secs(6);
/// How often it is tried meanwhile.
const GONE_RETRY: Duration = Duration::from_millis(400);
/// Handshakes of probes get at least this long.
const MIN_HANDSHAKE: Duration = Duration::from_secs(3);

impl<D: Dialer> Runner<'_, D> {
    /// Learns what every allowed origin gets.
    pub(super) async fn establish(&mut self) -> Result<(), Ending> {
        for allowed in 0..self.requests.len() {
            let request = self.allowed_request(allowed);
            (self.progress)(Progress::Baseline(request.shown()));
            let seen = self.first_sample(allowed).await;
            let origin = request.shown();
            let profile = self.judge_baseline(&origin, &seen, Profile::new(&seen, &request));
            self.baselines.push(Baseline {
                origin,
                seen: seen.clone(),
            });
            self.profiles.push(profile?);
        }
        let slowest = self.profiles.iter().map(|profile| profile.handshake).max();
        self.handshake = (slowest.unwrap_or_default() * 4)
            .max(MIN_HANDSHAKE)
            .min(self.config.handshake);
        self.look_quickly().await?;
        self.side_by_side().await?;
        self.without_credentials().await;
        self.note_doubts();
        Ok(())
    }

    /// What a quick run begins with: the first probe of a web page, which tells
    /// most servers without a check. What is not the allowed origin's answer is
    /// asked for again in its turn.
    async fn look_quickly(&mut self) -> Result<(), Ending> {
        let policy = &self.config.policy;
        let mut probes = self.config.plan.probes.iter().enumerate();
        let first = probes.find(|(_, probe)| {
            let excepted = policy.exception(probe.rule.id, &probe.request.shown(), probe.severity);
            probe.group == Group::Web && !probe.is_delicate() && excepted.is_none()
        });
        let Some((index, probe)) = first.filter(|_| self.config.quick) else {
            return Ok(());
        };
        let window = Some(self.config.window);
        let seen = self.shoot(&probe.request, Given::All, window).await;
        let profile = self.profile(probe.allowed, Given::All);
        let same = profile.is_some_and(|profile| {
            profile.turned_away.is_none()
                && profile.compare(&seen, &probe.request) == Comparison::Same
        });
        if !same {
            return Ok(());
        }
        let mut more = VecDeque::new();
        let job = Job {
            attempts: 1,
            ..Job::new(index, Given::All)
        };
        self.accept(job, seen, &mut more);
        self.may_go_on(&more)?;
        self.early.extend(more);
        Ok(())
    }

    /// The first answer that is not "later".
    async fn first_sample(&self, allowed: usize) -> Observation {
        let request = self.allowed_request(allowed);
        let mut pauses = BACK_OFF.iter().take(4);
        let mut first = allowed == 0;
        loop {
            let seen = if std::mem::take(&mut first) {
                self.first_shot(&request).await
            } else {
                self.shoot(&request, Given::All, Some(self.config.window))
                    .await
            };
            if seen
                .error
                .as_ref()
                .is_some_and(|failure| failure.waited.is_some())
            {
                return seen;
            }
            let later = matches!(seen.outcome, Outcome::Status(429 | 500..=599));
            let Some(pause) = pauses.next().filter(|_| later && !self.is_out_of_time()) else {
                return seen;
            };
            let time = asked_wait(&seen).unwrap_or(Duration::from_secs(*pause));
            if time > MAX_FIRST_WAIT {
                return seen;
            }
            self.wait(
                time,
                format!("{} for the allowed origin", seen.outcome.told()),
            )
            .await;
        }
    }

    fn judge_baseline(
        &self,
        origin: &str,
        seen: &Observation,
        profile: Option<Profile>,
    ) -> Result<Profile, Ending> {
        let hint = || {
            let error = seen.error.as_deref()?;
            let hint = self.dialer.hint(error, &self.config.open)?;
            Some(self.config.redactor.text(&hint))
        };
        let unreachable = |error: &OpenFailure| {
            seen.outcome == Outcome::NoConnection || matches!(*error.cause, OpenError::Dial(_))
        };
        if let Some(error) = seen.error.as_ref().filter(|error| unreachable(error)) {
            let mut why = self.config.redactor.text(&error.to_string());
            if let Some(hint) = hint() {
                why = format!("{why}; {hint}");
            }
            return Err(Ending::Unreachable {
                error: error.clone(),
                why,
            });
        }
        let Some(profile) = profile else {
            return Err(Ending::NoBaseline(diagnosis(origin, seen, hint())));
        };
        if let Some(text) = &seen.rejected {
            return Err(Ending::NoBaseline(format!(
                "the allowed origin {origin} is answered with the text of a refusal: {text}"
            )));
        }
        if self.config.talk.expect.is_some() && !seen.expected {
            return Err(Ending::NoBaseline(format!(
                "the expected message did not come for the allowed origin {origin} within {:?}; \
                 see --message, --window and -v",
                self.config.window
            )));
        }
        Ok(profile)
    }

    /// A second sample of the first allowed origin: several at a time, if that
    /// is wanted and the server gives each what it gives to one alone.
    async fn side_by_side(&mut self) -> Result<(), Ending> {
        let wanted = self.config.concurrency;
        if wanted < 2 {
            return self.second_sample().await;
        }
        let request = self.allowed_request(0);
        let mut samples = self.samples(&request, wanted).await;
        let same = |profile: &Profile, samples: &[Observation]| {
            let mut samples = samples.iter();
            samples.all(|sample| profile.compare(sample, &request) == Comparison::Same)
        };
        let Some(profile) = self.profiles.first() else {
            return Ok(());
        };
        let mut fits = same(profile, &samples);
        if !fits {
            // Either the server treats several in another way than one, or its
            // messages change from one time to the next: the latter shows in
            // a second sample of one alone.
            sleep(GONE_RETRY).await;
            self.second_sample().await?;
            fits = self.profiles.first().is_some_and(|p| same(p, &samples));
        }
        let mut width = wanted;
        if !fits {
            // Two may be fine, which is enough to have the allowed origin beside
            // a probe.
            width = if wanted > 2 { 2 } else { 1 };
            if width == 2 {
                samples = self.samples(&request, width).await;
                let profile = self.profiles.first();
                width = if profile.is_some_and(|p| same(p, &samples)) {
                    2
                } else {
                    1
                };
            }
            let how = if width == 2 {
                "two at a time"
            } else {
                "one by one"
            };
            self.note(format!(
                "the server does not treat {wanted} connections at a time like one; probes were sent {how}"
            ));
        }
        if width > 1
            && let Some(profile) = self.profiles.first_mut()
        {
            for sample in &samples {
                profile.learn(sample, &request);
            }
        }
        self.width = width;
        Ok(())
    }

    /// The allowed origin, so many times side by side.
    async fn samples(&self, request: &Request, count: usize) -> Vec<Observation> {
        let shots = (0u32..).take(count).map(|place| async move {
            sleep(self.config.pace * place).await;
            let window = Some(self.config.window);
            self.shoot(request, Given::All, window).await
        });
        join_all(shots).await
    }

    /// A second sample that differs gets a third, later: a server may need a
    /// moment to let go of the connections before.
    async fn second_sample(&mut self) -> Result<(), Ending> {
        let request = self.allowed_request(0);
        let mut last = Outcome::Open;
        for pause in [0, 1, 3, 10] {
            if pause > 0 {
                let why = "the allowed origin got another answer than before";
                self.wait(Duration::from_secs(pause), why.into()).await;
            }
            let sample = self
                .shoot(&request, Given::All, Some(self.config.window))
                .await;
            last = sample.outcome;
            let Some(profile) = self.profiles.first_mut() else {
                return Ok(());
            };
            if profile.learn(&sample, &request) {
                return Ok(());
            }
        }
        let first = self
            .profiles
            .first()
            .map(|p| p.outcome.told())
            .unwrap_or_default();
        Err(Ending::NoBaseline(format!(
            "the server treats the allowed origin differently from one time to the next: {first}; then {}",
            last.told()
        )))
    }

    /// Whether the server takes the allowed origin without credentials too.
    async fn without_credentials(&mut self) {
        if self.config.anonymous.is_none() {
            return;
        }
        let request = self.allowed_request(0);
        let window = Some(self.config.window);
        let sample = self.shoot(&request, Given::NoCredentials, window).await;
        let profile = self.profiles.first();
        let same =
            profile.is_some_and(|profile| profile.compare(&sample, &request) == Comparison::Same);
        if same {
            self.anonymous = Profile::new(&sample, &request);
        } else {
            self.note("without the credentials the server does not answer the allowed origin as it does with them; what it lets in with them was sent again without, and what it refuses was not");
        }
    }

    fn note_doubts(&mut self) {
        let Some(profile) = self.profiles.first() else {
            return;
        };
        let said_nothing = profile.outcome == Outcome::Open && profile.is_silent();
        if let Some(what) = profile.turned_away.clone() {
            let what = self.config.redactor.text(&what);
            self.note(format!(
                "the allowed origin itself gets {what}: is a token or a cookie missing (--header), or a first message (--message)?"
            ));
        } else if said_nothing && self.config.talk.message.is_some() {
            self.note(
                "the server did not answer the message from the allowed origin within the window",
            );
        } else if said_nothing {
            self.note("the server says nothing by itself; a refusal that shows only in its answers is seen with --message alone");
        }
    }

    /// Asks with the allowed origin whether all is as it was.
    pub(super) async fn check(
        &self,
        allowed: usize,
        given: Given,
        window: Option<Duration>,
    ) -> (Observation, bool) {
        let request = self.allowed_request(allowed);
        let given = self.given_to_allowed(given);
        let seen = self.shoot(&request, given, window).await;
        let profile = self.profile(allowed, given);
        let healthy = match (window, profile) {
            // The 101 alone.
            (None, _) | (_, None) => seen.outcome.is_upgraded(),
            (Some(_), Some(profile)) => {
                seen.outcome == profile.outcome && !profile.is_turned_away(&seen)
            }
        };
        (seen, healthy)
    }

    /// What the allowed origin is sent with beside an attempt: without what it
    /// gets in without.
    pub(super) fn given_to_allowed(&self, given: Given) -> Given {
        match given {
            Given::NoCredentials if self.anonymous.is_some() => Given::NoCredentials,
            _ => Given::All,
        }
    }

    /// What an answer to such an attempt is compared with.
    pub(super) fn profile(&self, allowed: usize, given: Given) -> Option<&Profile> {
        let anonymous = self.anonymous.as_ref();
        anonymous
            .filter(|_| given == Given::NoCredentials)
            .or(self.profiles.get(allowed))
    }

    pub(super) fn profile_mut(&mut self, allowed: usize, given: Given) -> Option<&mut Profile> {
        match (&mut self.anonymous, given) {
            (Some(anonymous), Given::NoCredentials) => Some(anonymous),
            _ => self.profiles.get_mut(allowed),
        }
    }

    /// Waits until the allowed origin is accepted again.
    ///
    /// # Errors
    /// How the run ends, where that does not come about. `suspects` are the
    /// probes that were under way, and whether one of them saw the connection
    /// end.
    pub(super) async fn recover(
        &mut self,
        mut seen: Observation,
        allowed: usize,
        given: Given,
        window: Option<Duration>,
        suspects: &Suspects,
    ) -> Result<(), Ending> {
        let mut pauses = BACK_OFF.iter();
        let since = Instant::now();
        loop {
            let gone = seen.outcome == Outcome::NoConnection;
            let limited = matches!(seen.outcome, Outcome::Status(429 | 503));
            let asked = asked_wait(&seen);
            let pause = match (pauses.next(), limited) {
                _ if gone => (since.elapsed() < GONE).then_some(GONE_RETRY),
                _ if asked.is_some() => asked,
                (Some(seconds), _) => Some(Duration::from_secs(*seconds)),
                (None, true) => Some(MAX_RETRY_AFTER / 4),
                (None, false) => None,
            };
            let patient = |pause: &Duration| self.waited + *pause <= self.config.patience;
            let Some(pause) = pause.filter(patient).filter(|_| !self.is_out_of_time()) else {
                return Err(lost(&seen, suspects));
            };
            self.waited += pause;
            self.wait(
                pause,
                format!("the allowed origin gets {}", seen.outcome.told()),
            )
            .await;
            let healthy;
            (seen, healthy) = self.check(allowed, given, window).await;
            if healthy {
                return Ok(());
            }
        }
    }

    pub(super) async fn wait(&self, time: Duration, why: String) {
        (self.progress)(Progress::Waiting { time, why });
        sleep(time).await;
    }
}

/// The probes that were under way when the server began to fail.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    pub(super) ids: Vec<&'static str>,
    /// Whether one of them saw the connection end, or no answer.
    pub(super) hurt: bool,
}

/// How a run ends whose server does not recover.
fn lost(seen: &Observation, suspects: &Suspects) -> Ending {
    let what = match seen.outcome {
        Outcome::NoConnection => "it accepts no connections any more",
        Outcome::Timeout if suspects.hurt => "it does not answer any more",
        Outcome::EndOfStream | Outcome::Reset if suspects.hurt => {
            "it ends every connection without an answer"
        }
        Outcome::Status(502 | 504) => "the proxy in front of it reaches it no more",
        outcome => {
            return Ending::Stopped(format!(
                "the allowed origin was accepted at first, and gets {} since about the probe {}",
                outcome.told(),
                suspects.ids.join(", ")
            ));
        }
    };
    Ending::Died {
        after: suspects.ids.clone(),
        what: what.into(),
    }
}

fn asked_wait(seen: &Observation) -> Option<Duration> {
    seen.retry_after
        .map(|time| time.clamp(Duration::from_millis(200), MAX_RETRY_AFTER))
}

/// Why there is no baseline, in one sentence: the failure of the handshake, and
/// what lies behind it. `hint` is what is said of any connection; where it is
/// about origins, this command has something better to say.
fn diagnosis(origin: &str, seen: &Observation, hint: Option<String>) -> String {
    let evidence = &seen.evidence;
    let error = evidence
        .error
        .clone()
        .unwrap_or_else(|| seen.outcome.told());
    // What is said of any connection names --origin, which has no place here.
    let of_origin = hint
        .as_deref()
        .is_some_and(|hint| hint.contains("--origin"));
    let own = match seen.outcome {
        Outcome::Status(400 | 403) if of_origin => Some(
            "is this origin allowed there (where no page may get in: --allow none), are credentials missing (-u, --bearer, -b, -H), or is a browser wanted (--as chrome)?",
        ),
        _ => None,
    };
    let otherwise = match seen.outcome {
        Outcome::Status(200..=299 | 404) => "is the path right?",
        Outcome::Status(401) => "credentials are missing: see -u, --bearer, -b and -H",
        Outcome::Status(500..=599) => "the server, or what is behind it, is not well",
        Outcome::Status(_) | Outcome::Invalid101 => "",
        Outcome::NotHttp | Outcome::EndOfStream | Outcome::Reset => {
            "is this a WebSocket server, and is TLS (wss://) right?"
        }
        _ => "nothing can be compared with that",
    };
    let hint = own
        .map(str::to_owned)
        .or(hint)
        .unwrap_or_else(|| otherwise.to_owned());
    let sentence = format!("the allowed origin {origin} was not accepted: {error}");
    if hint.is_empty() {
        return sentence;
    }
    format!("{sentence}; {hint}")
}
