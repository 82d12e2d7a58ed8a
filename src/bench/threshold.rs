//! Thresholds: what a run must reach, as `p99<5ms`, `errors<0.1%` or
//! `rate>=10000`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::config::Mode;
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
    /// What was measured; `None` when nothing was.
    pub value: Option<Value>,
    /// Whether the condition holds. It does not for what was not measured.
    pub ok: bool,
}

/// A measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A time in nanoseconds.
    Time(f64),
    /// A share, 1 being all.
    Share(f64),
    /// Something a second.
    Rate(f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    /// Latency from intended send at a percentile.
    Percentile(f64),
    Min,
    Mean,
    Max,
    Rate,
    Errors,
    Lost,
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
        "threshold '{0}' compares nothing; write it as 'p99<5ms', 'errors<0.1%' or 'rate>=10000'"
    )]
    Comparison(String),
    /// No such metric.
    #[error(
        "threshold '{0}' is on nothing known; use p50, p99, p99.9, min, mean, max, rate, errors or lost"
    )]
    Metric(String),
    /// The limit is no value of that metric.
    #[error("threshold '{expression}' has the limit '{limit}'; write {form}")]
    Limit {
        /// The threshold.
        expression: String,
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
        let parsed = match metric {
            Metric::Rate => (number(limit.trim()), "a number a second"),
            Metric::Errors | Metric::Lost => {
                (value::share(limit.trim()).ok(), "a share as 0.1% or 0.001")
            }
            // A bare number would leave the unit to guessing.
            _ => (
                value::duration_with(Bare::Refused, limit.trim())
                    .ok()
                    .map(|time| time.as_nanos() as f64),
                "a time as 5ms, 250us or 1.5s",
            ),
        };
        Ok(Self {
            expression: text.to_owned(),
            metric,
            comparison,
            limit: parsed.0.ok_or_else(|| ThresholdError::Limit {
                expression: text.into(),
                limit: limit.trim().into(),
                form: parsed.1,
            })?,
        })
    }
}

fn metric(name: &str) -> Option<Metric> {
    Some(match name {
        "min" => Metric::Min,
        "mean" => Metric::Mean,
        "max" => Metric::Max,
        "rate" => Metric::Rate,
        "errors" => Metric::Errors,
        "lost" => Metric::Lost,
        _ => {
            let percentile = number(name.strip_prefix('p')?)?;
            (percentile <= 100.0).then_some(Metric::Percentile(percentile))?
        }
    })
}

fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse().ok().filter(|_| plain)
}

impl Threshold {
    /// Judges a run.
    pub fn judge(&self, summary: &mut Summary) -> Verdict {
        let value = self.measured(summary);
        let ok = value.is_some_and(|value| {
            let (value, limit) = (value.number(), self.limit);
            match self.comparison {
                Comparison::Less => value < limit,
                Comparison::LessOrEqual => value <= limit,
                Comparison::Greater => value > limit,
                Comparison::GreaterOrEqual => value >= limit,
            }
        });
        Verdict {
            expression: self.expression.clone(),
            value,
            ok,
        }
    }

    fn measured(&self, summary: &mut Summary) -> Option<Value> {
        let (sent, lost) = (summary.sent(), summary.stats.counters.lost.total());
        // Idle connections may be held without a ping.
        let has_share = sent > 0 || summary.mode == Mode::Idle;
        let share = |count| has_share.then(|| Value::Share(summary.share_of_sent(count)));
        match self.metric {
            Metric::Rate => return Some(Value::Rate(summary.rate())),
            Metric::Errors => return share(summary.errors()),
            Metric::Lost => return share(lost),
            _ => {}
        }
        let histogram = summary.stats.from_intended.histogram();
        if histogram.is_empty() {
            return None;
        }
        Some(Value::Time(match self.metric {
            Metric::Percentile(p) => histogram.value_at_percentile(p) as f64,
            Metric::Min => histogram.min() as f64,
            Metric::Mean => histogram.mean(),
            _ => histogram.max() as f64,
        }))
    }
}

impl Value {
    /// The value in its own unit: nanoseconds, share, a second.
    pub fn number(self) -> f64 {
        match self {
            Self::Time(value) | Self::Share(value) | Self::Rate(value) => value,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(ns) if ns.is_finite() && *ns >= 0.0 => {
                f.write_str(&value::time(Duration::from_secs_f64(ns / 1e9), 4))
            }
            Self::Time(ns) => write!(f, "{ns} ns"),
            Self::Share(share) => f.write_str(&value::percent(*share)),
            Self::Rate(rate) => write!(f, "{rate:.1}/s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing::summary;

    #[test]
    fn each_metric_is_judged_by_its_own_unit() {
        // 1000 sent, 990 replies of 1 to 990 ms in 10 s, 5 lost, 3 errors.
        let mut summary = summary();
        for (expression, ok) in [
            ("p50<500ms", true),
            ("p50 < 490ms", false),
            ("p99.9<1s", true),
            ("max<=0.9s", false),
            ("min>500us", true),
            ("mean>=495ms", true),
            ("rate>=99", true),
            ("rate>99.5", false),
            ("errors<0.31%", true),
            ("errors<0.003", false),
            ("lost<=0.5%", true),
            ("lost<0.5%", false),
        ] {
            let threshold: Threshold = expression.parse().unwrap();
            let verdict = threshold.judge(&mut summary);
            assert_eq!(verdict.ok, ok, "{expression}: {:?}", verdict.value);
            assert!(verdict.value.is_some());
        }
    }

    #[test]
    fn what_was_not_measured_is_missed() {
        let mut summary = summary();
        summary.stats = crate::bench::stats::Stats::default();
        for expression in ["p99<60s", "errors<100%", "lost<=0%"] {
            let threshold: Threshold = expression.parse().unwrap();
            let verdict = threshold.judge(&mut summary);
            assert_eq!((verdict.value, verdict.ok), (None, false), "{expression}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            (
                "p99=5ms",
                "threshold 'p99=5ms' compares nothing; write it as 'p99<5ms', 'errors<0.1%' or 'rate>=10000'",
            ),
            (
                "p101<5ms",
                "threshold 'p101<5ms' is on nothing known; use p50, p99, p99.9, min, mean, max, rate, errors or lost",
            ),
            (
                "p99<5",
                "threshold 'p99<5' has the limit '5'; write a time as 5ms, 250us or 1.5s",
            ),
            (
                "errors<x",
                "threshold 'errors<x' has the limit 'x'; write a share as 0.1% or 0.001",
            ),
        ] {
            assert_eq!(text.parse::<Threshold>().unwrap_err().to_string(), message);
        }
    }
}
