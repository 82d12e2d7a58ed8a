//! What a run's numbers are limited by, where that can be told: the client
//! itself, the processors it shares, the server, or what is sent.

use super::config::{BenchConfig, Load, Mode};
use super::payload::PayloadConfig;
use super::summary::Summary;

/// What made the numbers what they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bottleneck {
    /// The client's threads had hardly a moment of rest: the share of the time
    /// that they used.
    Cpu(f64),
    /// They could have run, and waited for a processor: the share of the time.
    Starved(f64),
    /// Messages left later than they were meant to: slip p99 in nanoseconds.
    Slip(u64),
    /// The server did not keep up with the schedule.
    ServerBehind {
        /// What was asked for, in messages a second.
        asked: f64,
        /// What came back in time.
        reached: f64,
    },
    /// Compression shrank the messages to nothing: to this share of their
    /// size.
    Compressed(f64),
}

/// From this share of its threads' time the client may be the bottleneck.
const BUSY: f64 = 0.9;

/// Waiting for a processor for more than this share of the time shows.
const STARVED: f64 = 0.15;

/// Slip below this says nothing: a timer of the system is not more exact.
const SLIP_FLOOR_NS: u64 = 1_000_000;

/// A server that has so large a share of the messages still to answer at the
/// end is behind.
const BEHIND: f64 = 0.05;

/// Compressed to less than this share, messages are not like real ones.
const COMPRESSED: f64 = 0.15;

impl Bottleneck {
    /// Everything that can be told, the likeliest cause first.
    pub(crate) fn all_of(summary: &mut Summary, config: &BenchConfig) -> Vec<Self> {
        let mut found = Vec::new();
        let used = summary.cpu_utilisation();
        if used >= BUSY {
            found.push(Bottleneck::Cpu(used));
        }
        let available = summary.client.wall.as_secs_f64() * summary.client.threads as f64;
        if let Some(waited) = summary.client.waited
            && available > 0.0
        {
            let share = waited.as_secs_f64() / available;
            if share >= STARVED {
                found.push(Bottleneck::Starved(share.min(1.0)));
            }
        }
        let is_open = matches!(config.load, Load::Open(_)) && config.mode == Mode::Echo;
        if let Some(behind) = server_behind(summary).filter(|_| is_open) {
            found.push(behind);
        } else if found.is_empty()
            && let Some(slip) = slip(summary)
        {
            found.push(slip);
        }
        found.extend(compressed(summary, config));
        found
    }
}

fn slip(summary: &mut Summary) -> Option<Bottleneck> {
    let slip_ns = summary.stats.slip.histogram().value_at_quantile(0.99);
    let intended = summary.stats.from_intended.histogram();
    let latency_ns = intended.value_at_quantile(0.99);
    (slip_ns > SLIP_FLOOR_NS && slip_ns > latency_ns / 10).then_some(Bottleneck::Slip(slip_ns))
}

/// Messages that came back after their time, or could not be sent since the
/// server took no more, are what a server that is too slow leaves behind.
fn server_behind(summary: &Summary) -> Option<Bottleneck> {
    let counters = &summary.stats.counters;
    let seconds = summary.duration.as_secs_f64();
    if counters.due == 0 || seconds == 0.0 {
        return None;
    }
    let late = counters.answered - counters.answered_in_time.min(counters.answered);
    let behind = late + counters.unsent.blocked;
    (behind as f64 >= counters.due as f64 * BEHIND).then(|| Bottleneck::ServerBehind {
        asked: counters.due as f64 / seconds,
        reached: counters.answered_in_time as f64 / seconds,
    })
}

fn compressed(summary: &Summary, config: &BenchConfig) -> Option<Bottleneck> {
    let agreed = summary.urls.iter().filter_map(|url| url.agreed.as_ref());
    let sent = summary.stats.counters.sent;
    if sent == 0 || !agreed.clone().any(|agreed| agreed.deflate.is_some()) {
        return None;
    }
    let each = match &config.payload {
        PayloadConfig::Generated { .. } | PayloadConfig::Fixed(_) => config.payload.mean_bytes()?,
        PayloadConfig::Templates(_) => return None,
    };
    let share = summary.stats.counters.bytes_sent as f64 / (each * sent as f64);
    (share < COMPRESSED).then_some(Bottleneck::Compressed(share))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::schedule::Schedule;
    use crate::bench::testing::{config, summary};

    #[test]
    fn a_client_that_waits_for_a_processor_is_not_called_idle() {
        let mut summary = summary();
        summary.client.waited = Some(Duration::from_secs(8));
        assert_eq!(
            Bottleneck::all_of(&mut summary, &config(10)),
            [Bottleneck::Starved(0.8)]
        );
        summary.client.waited = None;
        assert_eq!(Bottleneck::all_of(&mut summary, &config(10)), []);
    }

    #[test]
    fn a_server_that_falls_behind_the_schedule_is_named_and_a_lossy_one_is_not() {
        let mut config = config(10);
        config.load = Load::Open(Schedule::constant(100.0));
        let mut slow = summary();
        slow.stats.counters.answered_in_time = 500;
        let behind = Bottleneck::ServerBehind {
            asked: 100.0,
            reached: 50.0,
        };
        assert_eq!(Bottleneck::all_of(&mut slow, &config), [behind]);
        let mut lossy = summary();
        lossy.stats.counters.lost.timed_out = 500;
        lossy.stats.counters.answered = 490;
        lossy.stats.counters.answered_in_time = 490;
        assert_eq!(Bottleneck::all_of(&mut lossy, &config), []);
    }
}
