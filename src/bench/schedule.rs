//! The schedule of an open loop: when each message is meant to leave.
//!
//! A schedule is a pure function from a message's number to a time, so that
//! nothing which happens during a run can move it. Message `i` of `C`
//! connections belongs to connection `i % C`.

use std::time::Duration;

/// A part of a run with a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How long it lasts.
    pub duration: Duration,
    /// Messages a second, over all connections together.
    pub rate: f64,
}

/// When each message of an open loop is meant to leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    segments: Vec<Segment>,
    stages: Vec<Stage>,
    /// The number of messages in all; `None` when the last rate goes on.
    total: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Segment {
    /// The number of the first message of this segment.
    first: f64,
    start_ns: f64,
    rate: f64,
}

impl Schedule {
    /// The same rate, in messages a second, for ever.
    pub fn constant(rate: f64) -> Self {
        Self {
            segments: vec![Segment {
                first: 0.0,
                start_ns: 0.0,
                rate,
            }],
            stages: Vec::new(),
            total: None,
        }
    }

    /// One stage after the other; the warm-up before them has the first one's
    /// rate. A rate of 0 is a pause.
    pub fn stages(warmup: Duration, stages: &[Stage]) -> Self {
        let mut segments = Vec::with_capacity(stages.len());
        let (mut first, mut start_ns) = (0.0, 0.0);
        for (index, stage) in stages.iter().enumerate() {
            let lead = if index == 0 { warmup } else { Duration::ZERO };
            let length = stage.duration + lead;
            segments.push(Segment {
                first,
                start_ns,
                rate: stage.rate,
            });
            first += stage.rate * length.as_secs_f64();
            start_ns += length.as_secs_f64() * 1e9;
        }
        Self {
            segments,
            stages: stages.to_vec(),
            total: Some(whole(first)),
        }
    }

    /// The stages it was made of; none where the rate is constant.
    pub fn stage_list(&self) -> &[Stage] {
        &self.stages
    }

    /// How many messages there are; `None` for a schedule without an end.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// When each stage begins, in nanoseconds after the start.
    pub(super) fn begins_ns(&self) -> impl Iterator<Item = u64> + '_ {
        self.segments.iter().map(|segment| whole(segment.start_ns))
    }

    /// When message `number` (from 0) is meant to leave, in nanoseconds after
    /// the start; `None` behind the last message.
    pub fn time_of(&self, number: u64) -> Option<u64> {
        if self.total.is_some_and(|total| number >= total) {
            return None;
        }
        let number = number as f64;
        // The last segment that begins at or before this message and sends
        // anything at all.
        let segment = self
            .segments
            .iter()
            .rev()
            .find(|s| s.rate > 0.0 && s.first <= number)?;
        Some(whole(
            segment.start_ns + (number - segment.first) / segment.rate * 1e9,
        ))
    }

    /// The rate that is asked for at a time after the start, in messages a second.
    pub fn rate_at(&self, time_ns: u64) -> f64 {
        let segments = self.segments.iter().rev();
        let mut begun = segments.skip_while(|s| s.start_ns > time_ns as f64);
        begun.next().map_or(0.0, |segment| segment.rate)
    }

    /// The number of the first message at or after `time_ns`.
    pub fn first_at(&self, time_ns: u64) -> u64 {
        let before = |number| self.time_of(number).is_some_and(|time| time < time_ns);
        let mut high = 1;
        while before(high) && high < u64::MAX {
            high = high.saturating_mul(2);
        }
        let mut low = 0;
        while low < high {
            let middle = low + (high - low) / 2;
            if before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The nearest whole number, for values that are not negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_constant_rate_does_not_drift() {
        let schedule = Schedule::constant(3.0);
        let times: Vec<_> = (0..4).filter_map(|i| schedule.time_of(i)).collect();
        assert_eq!(times, [0, 333_333_333, 666_666_667, 1_000_000_000]);
        assert_eq!(schedule.time_of(3_000_000), Some(1_000_000 * 1_000_000_000));
    }

    #[test]
    fn stages_follow_each_other_and_end() {
        let stage = |secs, rate| Stage {
            duration: Duration::from_secs(secs),
            rate,
        };
        let schedule = Schedule::stages(
            Duration::from_secs(1),
            &[stage(1, 2.0), stage(5, 0.0), stage(1, 4.0)],
        );
        let times: Vec<_> = (0..9).map_while(|i| schedule.time_of(i)).collect();
        let ms: Vec<_> = times.iter().map(|t| t / 1_000_000).collect();
        assert_eq!(ms, [0, 500, 1000, 1500, 7000, 7250, 7500, 7750]);
        assert_eq!(schedule.first_at(1_000_000_000), 2);
        let rates = [0, 1, 3, 7].map(|s| schedule.rate_at(s * 1_000_000_000));
        assert_eq!(rates, [2.0, 2.0, 0.0, 4.0]);
    }

    proptest! {
        #[test]
        fn times_never_go_back_and_first_at_finds_them(
            rates in proptest::collection::vec((1_u64..5, 0_u32..2000), 1..5),
            number in 0_u64..2000,
        ) {
            let stages: Vec<_> = rates
                .iter()
                .map(|(secs, rate)| Stage {
                    duration: Duration::from_secs(*secs),
                    rate: f64::from(*rate),
                })
                .collect();
            let schedule = Schedule::stages(Duration::ZERO, &stages);
            if let (Some(a), Some(b)) = (schedule.time_of(number), schedule.time_of(number + 1)) {
                prop_assert!(a <= b);
                prop_assert!(schedule.first_at(b) <= number + 1);
                prop_assert!(schedule.first_at(a) <= number);
            }
        }
    }
}
