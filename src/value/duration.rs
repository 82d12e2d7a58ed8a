//! Durations: `30`, `1.5s`, `200ms`.

use std::time::Duration;

use thiserror::Error;

use super::number_and_unit;

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum DurationError {
    /// Not a number, or an unknown unit.
    #[error("write seconds as 1.5, or with a unit: 200us, 500ms, 2m, 1h")]
    Form,
    /// A number without a unit where none is implied.
    #[error("write it with a unit: 250us, 5ms, 1.5s")]
    NoUnit,
    /// More seconds than 64 bits hold.
    #[error("it is longer than this machine can count")]
    TooLong,
}

/// What a number without a unit means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    Seconds,
    Milliseconds,
    /// Nothing: the unit has to be written.
    Refused,
}

/// Parses a duration: seconds as `1.5`, or with `ns`, `us` or `µs`, `ms`, `s`, `m`,
/// `h`.
///
/// # Errors
/// A [`DurationError`] that says which forms are understood.
pub(crate) fn duration(text: &str) -> Result<Duration, DurationError> {
    duration_with(Bare::Seconds, text)
}

/// Parses a duration where a bare number means something else than seconds.
///
/// # Errors
/// A [`DurationError`].
pub(crate) fn duration_with(bare: Bare, text: &str) -> Result<Duration, DurationError> {
    let (number, unit) = number_and_unit(text).ok_or(DurationError::Form)?;
    let unit_in_seconds = match (unit, bare) {
        ("ns", _) => 1e-9,
        // Both code points that are written as a micro sign.
        ("us" | "µs" | "μs", _) => 1e-6,
        ("ms", _) | ("", Bare::Milliseconds) => 1e-3,
        ("s", _) | ("", Bare::Seconds) => 1.0,
        ("m", _) => 60.0,
        ("h", _) => 3600.0,
        ("", Bare::Refused) => return Err(DurationError::NoUnit),
        _ => return Err(DurationError::Form),
    };
    Duration::try_from_secs_f64(number * unit_in_seconds).map_err(|_| DurationError::TooLong)
}

/// A measured time with so many digits that matter: `12.3 ms` for three.
///
/// What was written by a user is printed by `{:?}`, as in `30s`: that is exact, and
/// can be parsed again.
pub(crate) fn time(time: Duration, digits: usize) -> String {
    let ns = time.as_nanos() as f64;
    if ns < 1e3 {
        return format!("{ns} ns");
    }
    [("µs", 1e3), ("ms", 1e6), ("s", 1e9)]
        .into_iter()
        .find_map(|(unit, size)| Some(format!("{} {unit}", significant(ns / size, digits)?)))
        .unwrap_or_else(|| format!("{:.0} s", ns / 1e9))
}

/// A value below 1000; `None` for one that is not, or is rounded up to it.
fn significant(value: f64, digits: usize) -> Option<String> {
    (1..=3).find_map(|whole_digits: usize| {
        let shown = format!("{value:.0$}", digits.saturating_sub(whole_digits));
        let whole = shown.split('.').next().unwrap_or_default();
        (whole.len() <= whole_digits).then_some(shown)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        for (text, expected) in [
            ("1.5", Duration::from_millis(1500)),
            ("0", Duration::ZERO),
            ("2s", Duration::from_secs(2)),
            ("500ms", Duration::from_millis(500)),
            ("5 ms", Duration::from_millis(5)),
            ("250us", Duration::from_micros(250)),
            ("250µs", Duration::from_micros(250)),
            ("250\u{3bc}s", Duration::from_micros(250)),
            ("40ns", Duration::from_nanos(40)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in [
            "", "s", "-1", "+1", "1d", "1e3", "inf", "nan", " 1", "1s ", "1.2.3",
        ] {
            assert_eq!(duration(text), Err(DurationError::Form), "{text}");
        }
        let long = "9".repeat(30);
        assert_eq!(duration(&long), Err(DurationError::TooLong));
    }

    #[test]
    fn a_bare_number_means_what_its_place_says() {
        let ms = Duration::from_millis;
        for (bare, text, expected) in [
            (Bare::Milliseconds, "100", Ok(ms(100))),
            (Bare::Milliseconds, "1.5s", Ok(ms(1500))),
            (Bare::Refused, "5ms", Ok(ms(5))),
            (Bare::Refused, "5", Err(DurationError::NoUnit)),
        ] {
            assert_eq!(duration_with(bare, text), expected, "{text}");
        }
    }

    #[test]
    fn measured_times_have_the_digits_asked_for() {
        for (ns, three, four) in [
            (0, "0 ns", "0 ns"),
            (640, "640 ns", "640 ns"),
            (1_234, "1.23 µs", "1.234 µs"),
            (12_345, "12.3 µs", "12.35 µs"),
            (999_940, "1.00 ms", "999.9 µs"),
            (9_996_000, "10.0 ms", "9.996 ms"),
            (150_120_000, "150 ms", "150.1 ms"),
            (61_000_000_000, "61.0 s", "61.00 s"),
            (2_000_000_000_000, "2000 s", "2000 s"),
        ] {
            let measured = Duration::from_nanos(ns);
            assert_eq!(time(measured, 3), three);
            assert_eq!(time(measured, 4), four);
        }
    }

    proptest! {
        /// So errors may print what a user gave by `{:?}`.
        #[test]
        fn what_is_printed_exactly_can_be_parsed_again(ms in 0_u64..1_000_000_000) {
            let given = Duration::from_millis(ms);
            prop_assert_eq!(duration(&format!("{given:?}")), Ok(given));
        }
    }
}
