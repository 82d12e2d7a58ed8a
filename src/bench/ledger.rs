//! Which messages of a schedule belong to which connection, and to which part
//! of the run: in closed form, so that what was never sent is counted in no
//! time, however much it is.

use std::ops::Range;

use super::clock::{Times, to_ns};
use super::config::{BenchConfig, Load};
use super::schedule::Schedule;

/// The numbers of a schedule's messages, cut where the counters change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ledger {
    lanes: u64,
    /// Where each part begins, in order; the first is the warm-up.
    begins: Vec<u64>,
    /// The first number that is not to be sent.
    end: u64,
}

/// A part of the run, by intended time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Warmup,
    Stage(usize),
}

impl Ledger {
    /// Of a schedule that so many take turns at: all connections, or in mode
    /// handshake all threads.
    fn new(config: &BenchConfig, schedule: &Schedule, times: &Times, lanes: usize) -> Self {
        let since_start = |time_ns: u64| time_ns.saturating_sub(times.start_ns);
        let measured = schedule.first_at(to_ns(config.warmup));
        let mut end = u64::MAX;
        if times.end_ns != u64::MAX {
            end = schedule.first_at(since_start(times.end_ns));
        }
        if let Some(count) = config.messages {
            end = end.min(measured.saturating_add(count));
        }
        if let Some(total) = schedule.total() {
            end = end.min(total);
        }
        let mut begins = vec![0, measured];
        begins.extend(schedule.begins_ns().skip(1).map(|ns| schedule.first_at(ns)));
        Self {
            lanes: lanes.max(1) as u64,
            begins,
            end,
        }
    }

    /// Of the load that a run is asked for; `None` in a closed loop.
    pub(super) fn of(config: &BenchConfig, times: &Times, lanes: usize) -> Option<Self> {
        match &config.load {
            Load::Open(schedule) => Some(Self::new(config, schedule, times, lanes)),
            Load::Closed { .. } => None,
        }
    }

    /// The first number that is not to be sent.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// How many messages the lane `index` has in all.
    pub(super) fn rounds_of(&self, index: usize) -> u64 {
        self.rounds_before(index, self.end)
    }

    /// Tells how many of a lane's messages, given by their places in its
    /// own order, belong to which part.
    pub(super) fn each_part(
        &self,
        index: usize,
        rounds: Range<u64>,
        mut on: impl FnMut(Part, u64),
    ) {
        for (place, begin) in self.begins.iter().enumerate() {
            let next = self.begins.get(place + 1).copied().unwrap_or(u64::MAX);
            let from = self.rounds_before(index, *begin).max(rounds.start);
            let to = self.rounds_before(index, next).min(rounds.end);
            let part = match place.checked_sub(1) {
                None => Part::Warmup,
                Some(stage) => Part::Stage(stage),
            };
            if to > from {
                on(part, to - from);
            }
        }
    }

    /// How many of a lane's messages have a number below this.
    fn rounds_before(&self, index: usize, number: u64) -> u64 {
        number.saturating_sub(index as u64).div_ceil(self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::bench::schedule::Stage;
    use crate::bench::testing::config;

    proptest! {
        #[test]
        fn every_message_of_the_schedule_is_in_one_part(
            connections in 1_usize..8,
            rates in proptest::collection::vec(1_u32..300, 1..4),
            messages in proptest::option::of(1_u64..400),
            warmup_ms in 0_u64..1500,
        ) {
            let mut config = config(connections);
            config.warmup = Duration::from_millis(warmup_ms);
            config.messages = messages;
            let second = Duration::from_secs(1);
            let stages: Vec<_> = rates
                .iter()
                .map(|rate| Stage { duration: second, rate: f64::from(*rate) })
                .collect();
            let schedule = Schedule::stages(config.warmup, &stages);
            let measure_ns = 1_000_000 + to_ns(config.warmup);
            let times = Times {
                start_ns: 1_000_000,
                measure_ns,
                end_ns: measure_ns + rates.len() as u64 * 1_000_000_000,
            };
            let ledger = Ledger::new(&config, &schedule, &times, connections);
            let mut found = vec![0; rates.len() + 1];
            for index in 0..connections {
                ledger.each_part(index, 0..ledger.rounds_of(index), |part, count| match part {
                    Part::Warmup => found[0] += count,
                    Part::Stage(stage) => found[stage + 1] += count,
                });
            }
            // One by one.
            let mut expected = vec![0; rates.len() + 1];
            let mut measured = 0;
            for number in 0.. {
                let Some(time) = schedule.time_of(number) else { break };
                let Some(since) = time.checked_sub(to_ns(config.warmup)) else {
                    expected[0] += 1;
                    continue;
                };
                if messages.is_some_and(|messages| measured == messages)
                    || time + times.start_ns >= times.end_ns
                {
                    break;
                }
                measured += 1;
                expected[1 + usize::try_from(since / 1_000_000_000).unwrap()] += 1;
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_absurd_rate_is_counted_at_once() {
        let mut config = config(2);
        config.warmup = Duration::from_secs(1);
        let times = Times {
            start_ns: 5,
            measure_ns: 1_000_000_005,
            end_ns: 3_600_000_000_005,
        };
        let ledger = Ledger::new(&config, &Schedule::constant(1e9), &times, 2);
        let mut all = 0;
        ledger.each_part(1, 10..ledger.rounds_of(1), |_, count| all += count);
        assert_eq!(all, 3_600_000_000_000 / 2 - 10);
    }
}
