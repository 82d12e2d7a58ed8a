//! What is seen while a run goes on: a bar with the time, and findings as they come.

use std::time::{Duration, Instant};

use super::job::Job;
use crate::origin::catalogue::Severity;
use crate::origin::plan::Probe;
use crate::origin::runner::Progress as Step;
use crate::terminal::sanitize::sanitize_line;
use crate::terminal::{Progress, Status, stderr_is_terminal};

/// How many findings are written above the bar. All of them are in the table.
const MAX_FINDINGS: usize = 8;

/// When the time that is left can be told from the time that has passed.
const MIN_ELAPSED: Duration = Duration::from_secs(2);

/// The display of a run over one target or several.
pub(super) struct Live<'a> {
    jobs: &'a [Job],
    status: Status,
    progress: Progress,
    started: Instant,
    total: usize,
    done: usize,
    accepted: usize,
    findings: usize,
}

impl<'a> Live<'a> {
    pub(super) fn start(jobs: &'a [Job], status: Status) -> Self {
        let probes = jobs.iter().flat_map(|job| &job.run.plan.probes);
        Self {
            jobs,
            status,
            progress: Progress::timed(status),
            started: Instant::now(),
            total: probes.filter(|probe| probe.same_as.is_none()).count(),
            done: 0,
            accepted: 0,
            findings: 0,
        }
    }

    /// Shows a step of the job at this index.
    pub(super) fn show(&mut self, job: usize, step: &Step) {
        match step {
            Step::Baseline(_) if self.done == 0 => self.draw("the allowed origin first"),
            Step::Baseline(_) => self.draw("the allowed origin again"),
            Step::Probe { id, .. } => self.draw(id),
            Step::Judged { index, accepted } => {
                self.done += 1;
                if *accepted == Some(true) {
                    self.accepted += 1;
                    self.found(job, *index);
                }
            }
            Step::Waiting { time, why } => {
                let line = format!("waiting {time:.0?}: {why}");
                if !stderr_is_terminal() && *time >= Duration::from_secs(1) {
                    self.status.note(&line);
                }
                self.draw(&line);
            }
        }
    }

    /// Takes the display away while something else is written.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.progress.suspend(write)
    }

    fn draw(&mut self, now: &str) {
        let (done, total) = (self.done.min(self.total), self.total);
        let share = done as f64 / total.max(1) as f64;
        let elapsed = self.started.elapsed();
        let accepted = self.accepted;
        self.progress.show(share, || {
            let left = left(elapsed, done, total);
            let left = left.map_or(String::new(), |left| format!(", about {left} s left"));
            let line = format!("{done}/{total} probes, {accepted} let in{left}; {now}");
            sanitize_line(&line).into_owned()
        });
    }

    /// A line for what was let in and should not have been.
    fn found(&mut self, job: usize, index: usize) {
        let job = self.jobs.get(job);
        let probe: Option<&Probe> = job.and_then(|job| job.run.plan.probes.get(index));
        let (Some(job), Some(probe)) = (job, probe) else {
            return;
        };
        if probe.severity < Severity::Medium {
            return;
        }
        self.findings += 1;
        let line = match self.findings {
            n if n <= MAX_FINDINGS => {
                let sent = probe.request.shown();
                let whose = match self.jobs.len() {
                    1 => String::new(),
                    _ => format!(" at {}", job.target),
                };
                format!(
                    "x let in{whose}: {} ({}) {sent}",
                    probe.rule.id, probe.severity
                )
            }
            n if n == MAX_FINDINGS + 1 => "x and more, all of them in the table".to_owned(),
            _ => return,
        };
        self.progress.above(&line);
    }

    pub(super) fn end(self) {
        self.progress.finish();
    }
}

/// How many seconds are left, if the rest takes as long as what is done.
fn left(elapsed: Duration, done: usize, total: usize) -> Option<u64> {
    if elapsed < MIN_ELAPSED || done * 5 < total || done >= total {
        return None;
    }
    let a_probe = elapsed.as_secs_f64() / done as f64;
    let left = Duration::from_secs_f64(a_probe * (total - done) as f64);
    Some(left.as_secs() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_when_it_is_known() {
        for (elapsed, done, total, expected) in [
            (0, 0, 0, None),
            (1, 30, 60, None),
            (10, 5, 60, None),
            (10, 20, 60, Some(21)),
            (10, 60, 60, None),
            (10, 61, 60, None),
        ] {
            assert_eq!(left(Duration::from_secs(elapsed), done, total), expected);
        }
    }
}
