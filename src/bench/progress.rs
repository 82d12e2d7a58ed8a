//! How far the load of a thread is, the same for each mode: its seconds, which are
//! told one by one, and the processor time that it takes while it is measured.

use std::time::Duration;

use super::clock::Times;
use super::messages::{Control, FromWorker, Outcome};
use super::stats::Parts;
use super::usage::ThreadUse;

const SECOND_NS: u64 = 1_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The second of the measured time that is under way.
    second: u64,
    /// What the thread had used when the measuring began, and when it ended.
    used: [Option<ThreadUse>; 2],
}

impl Progress {
    /// When the measuring begins or ends, so that the processor time is taken
    /// at that moment and not at the next tick.
    pub(super) fn next_mark(&self, times: &Times) -> u64 {
        match self.used {
            [None, _] => times.measure_ns,
            [_, None] => times.end_ns,
            _ => u64::MAX,
        }
    }

    /// Takes the processor time where the measuring begins or ends.
    pub(super) fn note_usage(&mut self, now_ns: u64, times: &Times, is_over: bool) {
        let [begin, end] = &mut self.used;
        if now_ns >= times.measure_ns && begin.is_none() {
            *begin = Some(ThreadUse::now(now_ns));
        }
        if is_over && begin.is_some() && end.is_none() {
            *end = Some(ThreadUse::now(now_ns));
        }
    }

    /// Hands over what a second has measured when it is over, and begins the next.
    pub(super) fn tell_second(
        &mut self,
        now_ns: u64,
        times: &Times,
        parts: &mut Parts,
        control: &Control,
    ) {
        let ends_ns =
            (times.measure_ns).saturating_add((self.second + 1).saturating_mul(SECOND_NS));
        if now_ns < ends_ns {
            return;
        }
        control.tell(FromWorker::Second {
            second: self.second,
            parts: Box::new(parts.take()),
        });
        self.second += 1;
    }

    /// What the thread has at its end, with what it measured since the last second
    /// that it has told.
    pub(super) fn outcome(
        &self,
        parts: Parts,
        times: Times,
        last_reply_ns: u64,
        left: usize,
    ) -> Outcome {
        let (cpu, waited, cpu_wall) = match self.used {
            [Some(from), Some(to)] => from.until(&to),
            _ => (Duration::ZERO, None, Duration::ZERO),
        };
        Outcome {
            second: self.second,
            parts,
            cpu,
            waited,
            cpu_wall,
            times,
            last_reply_ns,
            left,
        }
    }
}
