//! Rates: `100`, `10k`, `1.5M/s`, `600/m`.

use thiserror::Error;

use super::number_and_unit;

/// A text that is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write a number a second, such as 100, 2.5, 10k or 1.5M; or with its time, as 600/m")]
pub(crate) struct RateError;

/// Parses how often something happens, in times a second: `k` and `M` are thousands
/// and millions, and `/s`, `/m` or `/h` may follow.
///
/// # Errors
/// A [`RateError`] that says which forms are understood.
pub(crate) fn rate(text: &str) -> Result<f64, RateError> {
    let (count, seconds) = match text.split_once('/') {
        None => (text, 1.0),
        Some((count, "s")) => (count, 1.0),
        Some((count, "m")) => (count, 60.0),
        Some((count, "h")) => (count, 3600.0),
        Some(_) => return Err(RateError),
    };
    if let Some(number) = with_exponent(count) {
        return Ok(number / seconds);
    }
    let (number, unit) = number_and_unit(count.trim_end()).ok_or(RateError)?;
    let factor = match unit {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        _ => return Err(RateError),
    };
    Ok(number * factor / seconds)
}

/// `1e6`, in digits alone around the `e`.
fn with_exponent(text: &str) -> Option<f64> {
    let (number, exponent) = text.split_once('e')?;
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_plain = plain(number) && plain(exponent);
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_thousands_and_times() {
        for (text, expected) in [
            ("100", 100.0),
            ("2.5", 2.5),
            ("10k", 10_000.0),
            ("10 k", 10_000.0),
            ("1.5M", 1_500_000.0),
            ("100/s", 100.0),
            ("10k/s", 10_000.0),
            ("600/m", 10.0),
            ("36k/h", 10.0),
            ("1e3", 1000.0),
            ("0", 0.0),
        ] {
            assert_eq!(rate(text), Ok(expected), "{text}");
        }
        for text in [
            "", "-1", "+1", "k", "1m", "1/x", "1/", "/s", "inf", "nan", "1e", "e3", "1e-3", "1G",
        ] {
            assert_eq!(rate(text), Err(RateError), "{text}");
        }
    }
}
