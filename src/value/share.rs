//! Shares: `1%`, `0.01`.

use thiserror::Error;

use super::number_and_unit;

/// A text that is not a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write a share as 1% or 0.01")]
pub(crate) struct ShareError;

/// Parses a share, of which 1 is all: `1%` or `0.01`.
///
/// # Errors
/// A [`ShareError`] that says which forms are understood.
pub(crate) fn share(text: &str) -> Result<f64, ShareError> {
    match number_and_unit(text) {
        Some((percent, "%")) => Ok(percent / 100.0),
        Some((share, "")) => Ok(share),
        _ => Err(ShareError),
    }
}

/// A measured share as a percentage: `0.500%`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percentages_or_fractions() {
        for (text, expected) in [
            ("1%", 0.01),
            ("0.1 %", 0.001),
            ("100%", 1.0),
            ("0.01", 0.01),
            ("0", 0.0),
            ("250%", 2.5),
        ] {
            let parsed = share(text).unwrap();
            assert!((parsed - expected).abs() < 1e-12, "{text}: {parsed}");
        }
        for text in ["", "%", "-1", "nan", "inf", "1e-3", "1%%", "1 percent"] {
            assert_eq!(share(text), Err(ShareError), "{text}");
        }
        assert_eq!(percent(0.005), "0.500%");
    }
}
