//! Values of flags, parsed once at the edge.

use std::time::Duration;

use crate::connection::{CloseCode, CloseFrame};
use crate::pipe::Linger;
use crate::value::{Pattern, PatternError};
pub(crate) use crate::value::{duration, size};

/// Parses a duration that is a limit, and so more than nothing.
///
/// # Errors
/// A sentence that says which forms are understood.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text).map_err(|e| e.to_string())? {
        Duration::ZERO => Err("it leaves no time at all; give more".into()),
        duration => Ok(duration),
    }
}

/// Parses a number of things of which there has to be one.
///
/// # Errors
/// A sentence that says so.
pub(crate) fn positive_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("nobody could connect; give 1 or more, or leave it out".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("write a number, such as 100".to_owned()),
    }
}

/// Parses a size of which there has to be some.
///
/// # Errors
/// A sentence that says which forms are understood.
pub(crate) fn positive_size(text: &str) -> Result<usize, String> {
    match size(text).map_err(|error| error.to_string())? {
        0 => Err("no message would be small enough; give 1 or more".to_owned()),
        size => Ok(size),
    }
}

/// Parses a port to listen on.
///
/// # Errors
/// A sentence that says which form is understood.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| "write a port from 1 to 65535, or 0 for a free one".to_owned())
}

/// Parses the mode of a file.
///
/// # Errors
/// A sentence that says which form is understood.
#[cfg(unix)]
pub(crate) fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| "write the mode in octal digits, such as 660".to_owned())
}

/// Parses the value of `--linger`: a duration, or `inf`.
///
/// # Errors
/// A sentence that says which forms are understood.
pub(crate) fn linger(text: &str) -> Result<Linger, String> {
    match text {
        "inf" => Ok(Linger::Forever),
        _ => duration(text)
            .map(Linger::For)
            .map_err(|e| format!("{e}; inf stays until the peer closes")),
    }
}

/// Parses the value of `-n`: how many messages to wait for.
///
/// # Errors
/// A sentence that says what is.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("no message need be waited for; -w 0 ends when all is sent".to_owned()),
        Ok(count) => Ok(count),
        Err(_) if text.contains("://") => Err(
            "that is a URL, and -n takes a number of messages; wscat's -n is -k here, websocat's is -w 0".to_owned(),
        ),
        Err(_) => Err("write a number of messages".to_owned()),
    }
}

/// Parses a close code that can be sent.
///
/// # Errors
/// A sentence that says which codes those are.
pub(crate) fn close_code(text: &str) -> Result<CloseCode, String> {
    let code: u16 = text
        .parse()
        .map_err(|_| "write a number such as 1000 or 4000".to_owned())?;
    CloseCode::try_from(code).map_err(|e| e.to_string())
}

/// Parses a reason that fits into a Close frame.
///
/// # Errors
/// A sentence that tells the limit.
pub(crate) fn close_reason(text: &str) -> Result<String, String> {
    let limit = CloseFrame::MAX_REASON_BYTES;
    if text.len() > limit {
        return Err(format!(
            "it has {} bytes; a close frame holds {limit}",
            text.len()
        ));
    }
    Ok(text.to_owned())
}

/// Parses the pattern of `--until`.
///
/// # Errors
/// A [`PatternError`], with what to do instead where there is no pattern.
pub(crate) fn until(text: &str) -> Result<Pattern, String> {
    text.parse().map_err(|error| match error {
        PatternError::Empty => format!("{error}; -1 waits for any message"),
        error => error.to_string(),
    })
}

/// Parses the size of a buffer: from 256 bytes to 16 MiB.
///
/// # Errors
/// A sentence that says which forms are understood, or tells the range.
pub(crate) fn buffer_size(text: &str) -> Result<usize, String> {
    match size(text).map_err(|e| e.to_string())? {
        bytes @ 256..=0x100_0000 => Ok(bytes),
        _ => Err("a buffer has from 256 bytes to 16MiB".into()),
    }
}

/// Parses the number of redirects to follow; -1 stands for any number.
///
/// # Errors
/// A sentence that says what is understood.
pub(crate) fn max_redirects(text: &str) -> Result<u32, String> {
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
    fn limits_have_a_range() {
        assert_eq!(buffer_size("4KiB"), Ok(4096));
        assert!(buffer_size("255").is_err() && buffer_size("17MiB").is_err());
        assert!(positive_duration("0").is_err());
        assert!(until("").unwrap_err().contains("-1 waits"));
    }
}
