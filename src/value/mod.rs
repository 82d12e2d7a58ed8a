//! The values that users write and read: durations, sizes, shares, rates and patterns,
//! each parsed and printed in one place, for flags, files, the fault lab and reports
//! alike; and the time of day. A leaf: it knows nothing of what the values are for.
//!
//! The grammars are documented in `docs/units.md`.

pub(crate) mod clock;
mod duration;
mod pattern;
mod rate;
mod share;
mod size;

pub(crate) use self::duration::{Bare, duration, duration_with, time};
pub(crate) use self::pattern::{Pattern, PatternError};
pub(crate) use self::rate::rate;
pub(crate) use self::share::{percent, share};
pub(crate) use self::size::{bytes, size};

/// A decimal number without sign or exponent, and what stands behind it.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}
