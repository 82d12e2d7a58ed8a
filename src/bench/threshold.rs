//! Thresholds: what a run must reach, as `p99<5ms`, `errors<0.1%` or
//! `rate>=10000`.
//!
//! None can be reached by leaving out what went wrong: messages that were lost
//! or never sent count as slower than any limit, and connections that are gone
//! count as errors.

mod measured;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use hdrhistogram::Histogram;
use thiserror::Error;

pub use self::measured::{Measured, Whole};
use super::config::{Load, Mode};
use super::stats::Recorder;
use super::summary::Summary;
use crate::value::{self, Bare};

/// A condition on a summary.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As the user wrote it.
    pub expression: String,
    metric: Metric,
    comparison: Comparison,
    limit: f64,
}

/// A threshold with what a run has reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// As the user wrote it.
    pub expression: String,
    /// What was measured.
    pub measured: Measured,
    /// Whether the condition holds. It does not for what was not measured.
    pub ok: bool,
    is_on_errors: bool,
}

impl Verdict {
    /// Whether it is on `errors`, which mismatched replies are a part of.
    pub fn is_on_errors(&self) -> bool {
        self.is_on_errors
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    /// A figure of one of the histograms.
    Time(Series, Figure),
    Rate,
    Errors,
    Lost,
    Unsent,
    Connections,
    FailedHandshakes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Series {
    /// From the intended send.
    Latency,
    Slip,
    /// The whole opening.
    Handshake,
    Dns,
    Tcp,
    Tls,
    Upgrade,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Figure {
    Percentile(f64),
    Min,
    Mean,
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a text is no threshold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ThresholdError {
    /// No comparison.
    #[error(
        "threshold '{0}' compares nothing; write a metric, one of < <= > >=, and a limit, as in 'p99<5ms', 'errors<0.1%' or 'rate>=10000'"
    )]
    Comparison(String),
    /// No such metric.
    #[error(
        "threshold '{0}' is on nothing known; use p0 to p100 (p95, p99.9), min, mean or max, each also behind slip., handshake. (the whole opening) or handshake.PHASE. (dns, tcp, tls, upgrade), or rate, errors, lost, unsent, connections, handshake.failed"
    )]
    Metric(String),
    /// The run does not measure it.
    #[error("threshold '{expression}' is on what this run does not measure: {why}")]
    NotMeasured {
        /// The threshold.
        expression: String,
        /// Why, and what to use in its place.
        why: &'static str,
    },
    /// The limit is no value of that metric.
    #[error("threshold '{expression}' has the limit '{limit}'; write {form}")]
    Limit {
        /// The threshold.
        expression: String,
        /// Its limit.
        limit: String,
        /// How such a limit is written.
        form: &'static str,
    },
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let at = text
            .find(['<', '>'])
            .ok_or_else(|| ThresholdError::Comparison(text.into()))?;
        let (name, rest) = text.split_at(at);
        let (comparison, limit) = if let Some(limit) = rest.strip_prefix("<=") {
            (Comparison::LessOrEqual, limit)
        } else if let Some(limit) = rest.strip_prefix(">=") {
            (Comparison::GreaterOrEqual, limit)
        } else if let Some(limit) = rest.strip_prefix('<') {
            (Comparison::Less, limit)
        } else {
            (Comparison::Greater, rest.trim_start_matches('>'))
        };
        let metric = metric(name.trim()).ok_or_else(|| ThresholdError::Metric(text.into()))?;
        let limit = limit.trim();
        let (parsed, form) = match metric {
            Metric::Rate => (
                value::rate(limit).ok(),
                "a number a second, such as 10000 or 10k",
            ),
            // A bare number would leave the unit to guessing.
            Metric::Time(..) => (
                value::duration_with(Bare::Refused, limit)
                    .ok()
                    .map(|time| time.as_nanos() as f64),
                "a time as 5ms, 250us or 1.5s",
            ),
            _ => (value::share(limit).ok(), "a share as 0.1% or 0.001"),
        };
        Ok(Self {
            expression: text.to_owned(),
            metric,
            comparison,
            limit: parsed.ok_or_else(|| ThresholdError::Limit {
                expression: text.into(),
                limit: limit.into(),
                form,
            })?,
        })
    }
}

fn metric(name: &str) -> Option<Metric> {
    let (series, figure) = match name {
        "rate" => return Some(Metric::Rate),
        "errors" => return Some(Metric::Errors),
        "lost" => return Some(Metric::Lost),
        "unsent" => return Some(Metric::Unsent),
        "connections" => return Some(Metric::Connections),
        "handshake.failed" => return Some(Metric::FailedHandshakes),
        name => [
            ("slip.", Series::Slip),
            ("handshake.dns.", Series::Dns),
            ("handshake.tcp.", Series::Tcp),
            ("handshake.tls.", Series::Tls),
            ("handshake.upgrade.", Series::Upgrade),
            // Behind its phases.
            ("handshake.", Series::Handshake),
        ]
        .into_iter()
        .find_map(|(prefix, series)| Some((series, name.strip_prefix(prefix)?)))
        .unwrap_or((Series::Latency, name)),
    };
    let figure = match figure {
        "min" => Figure::Min,
        "mean" => Figure::Mean,
        "max" => Figure::Max,
        percentile => {
            let number = percentile.strip_prefix('p')?;
            let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            let number: f64 = number.parse().ok().filter(|_| plain)?;
            (number <= 100.0).then_some(Figure::Percentile(number))?
        }
    };
    Some(Metric::Time(series, figure))
}

impl Threshold {
    /// Checks that a run measures what is to be judged, so that the mistake does not
    /// cost the run.
    ///
    /// # Errors
    /// Why it does not, and what to judge in its place.
    pub fn check(&self, mode: Mode, load: &Load) -> Result<(), ThresholdError> {
        let is_scheduled = matches!(load, Load::Open(_));
        match self.metric.why_not_measured(mode, is_scheduled) {
            None => Ok(()),
            Some(why) => Err(ThresholdError::NotMeasured {
                expression: self.expression.clone(),
                why,
            }),
        }
    }

    /// The verdict where there was no run to judge.
    pub fn missed(&self) -> Verdict {
        Verdict {
            expression: self.expression.clone(),
            measured: Measured::Nothing,
            ok: false,
            is_on_errors: self.metric == Metric::Errors,
        }
    }

    /// Judges a run.
    pub fn judge(&self, summary: &mut Summary) -> Verdict {
        // Whether there was a schedule is known before the run, which is when it counts.
        let measured = match self.metric.why_not_measured(summary.mode, true) {
            None => self.measured(summary),
            Some(_) => Measured::Nothing,
        };
        let ok = measured.number().is_some_and(|value| {
            let limit = self.limit;
            match self.comparison {
                Comparison::Less => value < limit,
                Comparison::LessOrEqual => value <= limit,
                Comparison::Greater => value > limit,
                Comparison::GreaterOrEqual => value >= limit,
            }
        });
        Verdict {
            expression: self.expression.clone(),
            measured,
            ok,
            is_on_errors: self.metric == Metric::Errors,
        }
    }

    fn measured(&self, summary: &mut Summary) -> Measured {
        match self.metric {
            Metric::Time(series, figure) => time_of(series, figure, summary),
            Metric::Rate => Measured::Rate(summary.rate()),
            Metric::Errors => errors(summary),
            Metric::Lost => share(summary.stats.counters.lost.total(), summary.sent()),
            Metric::Unsent => share(unsent(summary), due(summary)),
            Metric::Connections => connections(summary),
            Metric::FailedHandshakes => {
                let counters = &summary.handshakes.counters;
                match counters.attempted {
                    0 => Measured::Nothing,
                    all => Measured::Share(counters.failed as f64 / all as f64, Whole::Handshakes),
                }
            }
        }
    }
}

impl Metric {
    /// Why a run of this mode, on a schedule or not, measures nothing of it, and what
    /// to judge in its place; `None` where it does.
    fn why_not_measured(self, mode: Mode, is_scheduled: bool) -> Option<&'static str> {
        match (self, mode) {
            (Self::Lost, Mode::Handshake) => {
                Some("mode handshake sends no messages; use handshake.failed or errors")
            }
            (Self::Lost, Mode::Flood) => {
                Some("mode flood waits for no replies; use errors, unsent or rate")
            }
            (Self::Time(Series::Latency, _), Mode::Flood) => {
                Some("mode flood waits for no replies; use rate, errors or unsent")
            }
            (Self::Time(Series::Slip, _), _) if !is_scheduled => Some(
                "without a schedule messages leave when there is room, and none is behind; give a rate, or use p99",
            ),
            _ => None,
        }
    }
}

fn due(summary: &Summary) -> u64 {
    match summary.mode {
        Mode::Handshake => summary.handshakes.counters.due,
        _ => summary.stats.counters.due,
    }
}

fn unsent(summary: &Summary) -> u64 {
    match summary.mode {
        Mode::Handshake => summary.handshakes.counters.unsent(),
        _ => summary.stats.counters.unsent.total(),
    }
}

/// Of messages that were sent, those without a time.
fn lost(summary: &Summary) -> u64 {
    match summary.mode {
        Mode::Handshake => summary.handshakes.counters.failed,
        _ => summary.stats.counters.lost.total(),
    }
}

fn share(count: u64, all: u64) -> Measured {
    match all {
        0 => Measured::Nothing,
        all => Measured::Share(count as f64 / all as f64, Whole::Messages),
    }
}

/// The larger of two shares: what went wrong of the messages, and of the
/// connections. A server that turns half of its clients away is not well because
/// the other half sends much.
fn errors(summary: &Summary) -> Measured {
    let failed = match summary.mode {
        Mode::Handshake => summary.handshakes.counters.failed,
        // A ping without a pong is what this mode is there to find.
        Mode::Idle => summary.errors() + summary.stats.counters.lost.total(),
        Mode::Echo | Mode::Flood => summary.errors(),
    };
    let messages = share(failed, due(summary));
    let (Measured::Share(of_messages, _), Measured::Share(open, _)) =
        (messages, connections(summary))
    else {
        return match connections(summary) {
            // Idle connections may be held without a ping.
            Measured::Share(open, whole) if open < 1.0 || summary.mode == Mode::Idle => {
                Measured::Share(1.0 - open, whole)
            }
            _ => messages,
        };
    };
    let of_connections = 1.0 - open;
    if summary.mode != Mode::Handshake && of_connections > of_messages {
        return Measured::Share(of_connections, Whole::Connections);
    }
    messages
}

/// The share of the connections that are open at the end; in mode handshake, of
/// the attempts that opened one.
fn connections(summary: &Summary) -> Measured {
    let counters = &summary.handshakes.counters;
    let (open, all) = match summary.mode {
        Mode::Handshake => (counters.opened, counters.attempted),
        _ => (summary.connections_left as u64, summary.connections as u64),
    };
    match all {
        0 => Measured::Nothing,
        all => Measured::Share(open as f64 / all as f64, Whole::Connections),
    }
}

fn time_of(series: Series, figure: Figure, summary: &mut Summary) -> Measured {
    let (lost, unsent) = missing(series, summary);
    let histogram = recorder(series, summary).histogram();
    if histogram.is_empty() {
        return Measured::Nothing;
    }
    // What has no time is slower than all that has one.
    let is_unknown = match figure {
        Figure::Min => false,
        Figure::Mean | Figure::Max => lost + unsent > 0.0,
        // The subtraction may be a little off.
        Figure::Percentile(p) => lost + unsent > 0.0 && lost + unsent >= 1.0 - p / 100.0 - 1e-12,
    };
    if is_unknown {
        return Measured::Unknown { lost, unsent };
    }
    Measured::Time(figure_of(histogram, figure, lost + unsent))
}

/// The figure among all messages, of which `missing` have no time and are slower
/// than any that has one.
fn figure_of(histogram: &Histogram<u64>, figure: Figure, missing: f64) -> f64 {
    match figure {
        Figure::Percentile(p) => {
            let among_known = (p / (1.0 - missing)).min(100.0);
            histogram.value_at_percentile(among_known) as f64
        }
        Figure::Min => histogram.min() as f64,
        Figure::Mean => histogram.mean(),
        Figure::Max => histogram.max() as f64,
    }
}

/// The shares of what has no time in a histogram: lost, and not sent.
fn missing(series: Series, summary: &Summary) -> (f64, f64) {
    let share = |count: u64, all: u64| match all {
        0 => 0.0,
        all => count as f64 / all as f64,
    };
    let due = due(summary);
    match series {
        Series::Latency => (share(lost(summary), due), share(unsent(summary), due)),
        Series::Slip => (0.0, share(unsent(summary), due)),
        _ => {
            let counters = &summary.handshakes.counters;
            (share(counters.failed, counters.attempted), 0.0)
        }
    }
}

fn recorder(series: Series, summary: &mut Summary) -> &mut Recorder {
    match series {
        Series::Latency => &mut summary.stats.from_intended,
        Series::Slip => &mut summary.stats.slip,
        Series::Handshake => &mut summary.handshakes.total,
        Series::Dns => &mut summary.handshakes.dns,
        Series::Tcp => &mut summary.handshakes.tcp,
        Series::Tls => &mut summary.handshakes.tls,
        Series::Upgrade => &mut summary.handshakes.upgrade,
    }
}
