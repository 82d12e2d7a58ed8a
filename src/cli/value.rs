//! Values of flags, parsed once at the edge.

use std::time::Duration;

use crate::connection::{CloseCode, CloseFrame};
use crate::pipe::Linger;

/// Parses a duration: seconds as `1.5` or `1.5s`, or with `us`, `ms`, `m`, `h`.
///
/// # Errors
/// A sentence that says which forms are understood.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_in_seconds = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(DURATION_FORMS.into()),
    };
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = match digits.parse() {
        Ok(number) if plain => number,
        _ => return Err(DURATION_FORMS.into()),
    };
    Duration::try_from_secs_f64(number * unit_in_seconds).map_err(|e| e.to_string())
}

/// Parses a duration that is a limit, and so more than nothing.
///
/// # Errors
/// A sentence that says which forms are understood.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it leaves no time at all; give more".into()),
        duration => Ok(duration),
    }
}

const DURATION_FORMS: &str = "write seconds as 1.5, or with a unit: 200us, 500ms, 2m, 1h";

/// Parses the value of `--linger`: a duration, or `inf`.
///
/// # Errors
/// A sentence that says which forms are understood.
pub fn linger(text: &str) -> Result<Linger, String> {
    match text {
        "inf" => Ok(Linger::Forever),
        _ => duration(text)
            .map(Linger::For)
            .map_err(|e| format!("{e}; inf stays until the peer closes")),
    }
}

/// Parses a close code that can be sent.
///
/// # Errors
/// A sentence that says which codes those are.
pub fn close_code(text: &str) -> Result<CloseCode, String> {
    let code: u16 = text
        .parse()
        .map_err(|_| "write a number such as 1000 or 4000".to_owned())?;
    CloseCode::try_from(code).map_err(|e| e.to_string())
}

/// Parses a reason that fits into a Close frame.
///
/// # Errors
/// A sentence that tells the limit.
pub fn close_reason(text: &str) -> Result<String, String> {
    let limit = CloseFrame::MAX_REASON_BYTES;
    if text.len() > limit {
        return Err(format!(
            "it has {} bytes; a close frame holds {limit}",
            text.len()
        ));
    }
    Ok(text.to_owned())
}

/// Parses a size in bytes: `4096`, or with `KiB`, `MiB`, `GiB` (`k`, `M` and
/// `G` mean the same; `KB`, `MB` and `GB` are powers of 1000).
///
/// # Errors
/// A sentence that says which forms are understood.
pub fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: usize = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "ki" | "kib" => 1 << 10,
        "m" | "mi" | "mib" => 1 << 20,
        "g" | "gi" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(SIZE_FORMS.into()),
    };
    let number: usize = digits.parse().map_err(|_| SIZE_FORMS.to_owned())?;
    number
        .checked_mul(unit)
        .ok_or_else(|| format!("'{text}' is more than this machine can count"))
}

/// Parses the size of a buffer: from 256 bytes to 16 MiB.
///
/// # Errors
/// A sentence that says which forms are understood, or tells the range.
pub fn buffer_size(text: &str) -> Result<usize, String> {
    match size(text)? {
        bytes @ 256..=0x100_0000 => Ok(bytes),
        _ => Err("a buffer has from 256 bytes to 16MiB".into()),
    }
}

const SIZE_FORMS: &str = "write bytes as 4096, or with a unit: 64KiB, 16MiB, 1GiB";

/// Parses the number of redirects to follow; -1 stands for any number.
///
/// # Errors
/// A sentence that says what is understood.
pub fn max_redirects(text: &str) -> Result<u32, String> {
    if text == "-1" {
        return Ok(u32::MAX);
    }
    text.parse()
        .map_err(|_| "write a number, or -1 for any number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("1.5", Duration::from_millis(1500)),
            ("0", Duration::ZERO),
            ("2s", Duration::from_secs(2)),
            ("500ms", Duration::from_millis(500)),
            ("250us", Duration::from_micros(250)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["", "s", "-1", "1d", "1e3", "inf", "nan", "1 s", "1.2.3"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_of_redirects() {
        for (text, expected) in [("0", 0), ("50", 50), ("-1", u32::MAX)] {
            assert_eq!(max_redirects(text), Ok(expected), "{text}");
        }
        for text in ["", "-2", "many", "1.5"] {
            assert!(max_redirects(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lingers_and_closes() {
        assert_eq!(linger("inf"), Ok(Linger::Forever));
        assert_eq!(linger("2"), Ok(Linger::For(Duration::from_secs(2))));
        assert!(linger("ever").is_err());
        assert_eq!(close_code("4000").map(CloseCode::get), Ok(4000));
        for text in ["", "x", "1005", "1006", "70000"] {
            assert!(close_code(text).is_err(), "{text}");
        }
        assert!(close_reason(&"x".repeat(123)).is_ok());
        assert!(close_reason(&"x".repeat(124)).is_err());
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", 0),
            ("4096", 4096),
            ("64KiB", 65536),
            ("64k", 65536),
            ("1MB", 1_000_000),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        assert_eq!(buffer_size("4KiB"), Ok(4096));
        assert!(buffer_size("255").is_err() && buffer_size("17MiB").is_err());
        assert!(positive_duration("0").is_err());
        for text in ["", "KiB", "-1", "1.5M", "4 KiB", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
