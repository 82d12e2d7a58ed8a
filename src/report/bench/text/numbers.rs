//! Times, rates and counts in words.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::value;

/// A time in nanoseconds, in three digits.
pub(crate) fn time(ns: f64) -> String {
    value::time(Duration::from_secs_f64(ns / 1e9), 3)
}

/// A rate, in as many digits as matter.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 100.0 => format!("{}/s", grouped(rounded(rate))),
        rate if rate >= 10.0 || rate == 0.0 => format!("{rate:.1}/s"),
        rate => format!("{rate:.2}/s"),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rounded(value: f64) -> u64 {
    value.round() as u64
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn percentile(histogram: &Histogram<u64>, quantile: f64) -> String {
    // One value beyond it at least; the sum may be a little off a whole number.
    if histogram.len() as f64 * (1.0 - quantile) < 0.999 {
        return String::new();
    }
    time(histogram.value_at_quantile(quantile) as f64)
}
