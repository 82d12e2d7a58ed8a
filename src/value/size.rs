//! Sizes in bytes: `4096`, `64KiB`.

use thiserror::Error;

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SizeError {
    /// Not a whole number, or an unknown unit.
    #[error("write bytes as 4096, or with a unit: 64KiB, 16MiB, 1GiB")]
    Form,
    /// More than fits into the address space.
    #[error("'{0}' is more than this machine can count")]
    TooLarge(String),
}

/// Parses a size in bytes: `4096`, or with `KiB`, `MiB`, `GiB` (`k`, `M` and `G`
/// mean the same; `KB`, `MB` and `GB` are powers of 1000), whatever the case.
///
/// # Errors
/// A [`SizeError`] that says which forms are understood.
pub(crate) fn size(text: &str) -> Result<usize, SizeError> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: usize = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "ki" | "kib" => 1 << 10,
        "m" | "mi" | "mib" => 1 << 20,
        "g" | "gi" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(SizeError::Form),
    };
    let digits = digits.trim_end();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SizeError::Form);
    }
    let number: usize = match digits.parse() {
        Ok(number) => number,
        Err(_) if digits.is_empty() => return Err(SizeError::Form),
        Err(_) => return Err(SizeError::TooLarge(text.to_owned())),
    };
    number
        .checked_mul(unit)
        .ok_or_else(|| SizeError::TooLarge(text.to_owned()))
}

/// A measured size: `13.3 KiB`.
pub(crate) fn bytes(count: f64) -> String {
    let mut value = count;
    for unit in ["B", "KiB", "MiB"] {
        if value < 1024.0 {
            return format!("{value:.1} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, expected) in [
            ("0", 0),
            ("4096", 4096),
            ("64KiB", 65536),
            ("64 KiB", 65536),
            ("64k", 65536),
            ("1MB", 1_000_000),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        for text in ["", "KiB", "-1", "+1", "1.5M", " 4KiB", "4x"] {
            assert_eq!(size(text), Err(SizeError::Form), "{text}");
        }
        for text in ["99999999999GiB", "99999999999999999999"] {
            assert_eq!(size(text), Err(SizeError::TooLarge(text.into())));
        }
    }

    #[test]
    fn measured_sizes_have_a_unit() {
        for (count, text) in [
            (0.0, "0.0 B"),
            (1023.0, "1023.0 B"),
            (13_619.2, "13.3 KiB"),
            (3.0 * 1024.0 * 1024.0, "3.0 MiB"),
            (5e12, "4656.6 GiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
