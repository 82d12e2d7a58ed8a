//! The probes, in waves: what is sent together, and beside what.
//!
//! ```text
//! allowed  |--101-----------------------------------|      hears what all hear
//! probe 1     |--403|
//! probe 2      |--101---- error message ------------|
//! probe 3       |--101------------------------------|
//! allowed         |--101----------------------------|      still let in after them
//! ```
//!
//! A refusal by HTTP needs neither of the two: it comes over a connection of its
//! own. After a 101 a probe may hear what was meant for others, such as the log
//! line of a neighbour's refusal, or be ended with them; once a server has
//! answered so, no wave goes without the allowed origin beside it.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::job::{Answer, Given, Job, Manner, Sent};
use super::late::WATCH;
use super::{Ending, Progress, Runner};
use crate::origin::observe::{Connection, Dialer, Observation, Until, connect};

impl<D: Dialer> Runner<'_, D> {
    /// Sends the whole plan.
    pub(super) async fn probe_all(&mut self) -> Result<(), Ending> {
        let probes = self.config.plan.probes.iter().enumerate();
        let rest = probes
            .filter(|(_, probe)| probe.same_as.is_none())
            .filter(|(index, _)| self.judged.get(*index).is_some_and(Option::is_none))
            .map(|(index, _)| Job::new(index, Given::All));
        let early = std::mem::take(&mut self.early);
        let mut queue: VecDeque<Job> = early.into_iter().chain(rest).collect();
        let mut pending = Vec::new();
        while !queue.is_empty() || self.refill(&mut queue) {
            self.may_go_on(&queue)?;
            let wave = self.take_wave(&mut queue);
            let alone = wave.len() == 1;
            self.confirmed = false;
            let sent = self.send(wave).await;
            self.sort(sent, &mut queue, &mut pending).await?;
            let ends = queue
                .front()
                .is_none_or(|next| self.is_apart(next, &pending));
            let full = pending.len() >= self.batch || (alone && self.width > 1);
            if !pending.is_empty() && (ends || full || pending.iter().any(Answer::alarms)) {
                let settled = std::mem::take(&mut pending);
                self.settle(settled, &mut queue).await?;
            }
            self.give_time(&mut queue).await;
        }
        self.may_go_on(&queue)?;
        self.final_check().await
    }

    /// What still waits for another of its kind when all others are judged.
    fn refill(&mut self, queue: &mut VecDeque<Job>) -> bool {
        let held = self.held.drain(..).map(|answer| Job {
            manner: Manner::Alone,
            ..answer.job
        });
        queue.extend(held);
        queue.extend(self.slow.drain(..).map(|(job, _)| job));
        !queue.is_empty()
    }

    /// Whether there is time and need for more.
    pub(super) fn may_go_on(&self, queue: &VecDeque<Job>) -> Result<(), Ending> {
        if let Some(id) = self.early_end(queue) {
            let why = format!("{id} was let in, and more was not asked for (--quick)");
            return Err(Ending::Stopped(why));
        }
        if self.is_out_of_time() && !queue.is_empty() {
            let why = "the time limit (--max-time) has passed";
            return Err(Ending::Stopped(why.into()));
        }
        Ok(())
    }

    /// The next probes that can be under way together.
    fn take_wave(&self, queue: &mut VecDeque<Job>) -> Vec<Job> {
        // Those of the allowed origin are connections too.
        let width = if self.stands_beside() {
            self.width.saturating_sub(2).max(1)
        } else {
            self.width
        };
        let mut wave: Vec<Job> = Vec::new();
        while let Some(next) = queue.front() {
            let together = wave.first().is_none_or(|first| {
                first.given == next.given && !self.is_alone(first) && !self.is_alone(next)
            });
            if wave.len() >= width || !together {
                break;
            }
            wave.extend(queue.pop_front());
        }
        wave
    }

    /// Whether waves go with the allowed origin beside them.
    pub(super) fn stands_beside(&self) -> bool {
        self.late_refusals && self.width > 1
    }

    fn is_alone(&self, job: &Job) -> bool {
        job.manner != Manner::Together || self.config.plan.probes[job.index].is_delicate()
    }

    /// Whether a probe must not be sent before the pending ones are settled.
    fn is_apart(&self, next: &Job, pending: &[Answer]) -> bool {
        self.is_alone(next) || pending.iter().any(|p| p.job.given != next.given)
    }

    async fn send(&self, wave: Vec<Job>) -> Sent {
        let first = wave.first();
        let given = first.map_or(Given::All, |job| job.given);
        let allowed = first.map_or(0, |job| self.config.plan.probes[job.index].allowed);
        if !self.stands_beside() {
            let connected = self.connect_all(wave).await;
            return Sent {
                answers: join_all(connected.into_iter().map(|c| self.listen(c))).await,
                front: None,
                rear: None,
            };
        }
        let front = self.connect_allowed(allowed, given).await;
        if !front.is_open() {
            return Sent {
                answers: wave.into_iter().map(|job| (job, not_sent())).collect(),
                front: Some(self.listen_beside(front, None).await),
                rear: None,
            };
        }
        let (tell, told) = oneshot::channel();
        let probes = async {
            let connected = self.connect_all(wave).await;
            let open = connected.iter().any(|(_, connection)| connection.is_open());
            let sent = if open && self.width > 2 {
                self.listen_before(connected, allowed, given).await
            } else {
                let listening = connected.into_iter().map(|c| self.listen(c));
                (join_all(listening).await, None)
            };
            drop(tell);
            sent
        };
        let ((answers, rear), front) = join(probes, self.listen_beside(front, Some(told))).await;
        Sent {
            answers,
            front: Some(front),
            rear,
        }
    }

    /// Listens to open probes, with a connection of the allowed origin that came
    /// after all of them: for as long as it takes to be ended like they were.
    async fn listen_before(
        &self,
        connected: Vec<(Job, Connection)>,
        allowed: usize,
        given: Given,
    ) -> (Vec<(Job, Observation)>, Option<Observation>) {
        let start = Instant::now();
        let (tell, told) = oneshot::channel();
        let probes = async {
            let answers = join_all(connected.into_iter().map(|c| self.listen(c))).await;
            let open = answers
                .iter()
                .filter(|(_, seen)| seen.outcome.is_upgraded());
            let settled = open.map(|(_, seen)| seen.settled_after).max();
            sleep_until(start + self.time_to_settle(settled.unwrap_or_default())).await;
            drop(tell);
            answers
        };
        let rear = async {
            let rear = self.connect_allowed(allowed, given).await;
            self.listen_beside(rear, Some(told)).await
        };
        let (answers, rear) = join(probes, rear).await;
        (answers, Some(rear))
    }

    /// How long the allowed origin is watched for an end that took the probes
    /// this long.
    pub(super) fn time_to_settle(&self, latest: Duration) -> Duration {
        let own = self.profiles.iter().map(|profile| profile.settled_after);
        let enough = 2 * latest.max(own.max().unwrap_or_default()) + Duration::from_millis(250);
        enough.min(self.config.window)
    }

    async fn connect_all(&self, wave: Vec<Job>) -> Vec<(Job, Connection)> {
        let done = self.judged.iter().flatten().count();
        let all = self.config.plan.probes.iter();
        let total = all.filter(|p| p.same_as.is_none()).count();
        join_all(wave.into_iter().zip(0u32..).map(|(job, place)| async move {
            sleep(self.config.pace * place).await;
            let probe = &self.config.plan.probes[job.index];
            (self.progress)(Progress::Probe {
                id: probe.rule.id,
                done,
                total,
            });
            let mut shot = self.shot(&probe.request, job.given);
            if job.manner == Manner::Patient {
                shot.handshake = self.time_left(self.config.handshake);
            }
            self.count();
            let connection = connect(self.dialer, &shot, &self.config.redactor).await;
            (job, connection)
        }))
        .await
    }

    async fn listen(&self, (job, connection): (Job, Connection)) -> (Job, Observation) {
        let window = match job.manner {
            Manner::Watched => self.window.max(self.time_left(WATCH)),
            _ => self.window,
        };
        let until = Some(Until::Passed(window));
        let seen = connection.listen(until, &self.config.talk).await;
        (job, seen)
    }

    async fn connect_allowed(&self, allowed: usize, given: Given) -> Connection {
        let request = self.allowed_request(allowed);
        let shot = self.shot(&request, self.given_to_allowed(given));
        self.count();
        connect(self.dialer, &shot, &self.config.redactor).await
    }

    async fn listen_beside(
        &self,
        connection: Connection,
        told: Option<oneshot::Receiver<()>>,
    ) -> Observation {
        let until = told.map(Until::Told);
        connection.listen(until, &self.config.talk).await
    }
}

/// What is seen of a probe that was not sent for want of a baseline beside it.
fn not_sent() -> Observation {
    Observation::new(crate::origin::observe::Outcome::Timeout)
}
