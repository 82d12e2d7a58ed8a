//! The values that the lab's names take, each with its limit. Pure.

use std::time::Duration;

use http::StatusCode;
use http::header::HeaderValue;

use super::error::LabError;
use super::opening::{After, Credentials};
use crate::connection::CloseFrame;
use crate::value::{Bare, duration_with, size};

/// The longest wait that can be asked for.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// The largest message, in bytes.
const MAX_BIG_BYTES: usize = 64 << 20;
/// The most of a message without an end, in bytes.
const MAX_UNFINISHED_BYTES: usize = 64 << 20;
/// The most that a bomb inflates to, in bytes.
const MAX_BOMB_BYTES: usize = 1 << 30;
/// The most bytes a second.
const MAX_BANDWIDTH: u32 = 1 << 30;
/// The longest body, and value of a header, in bytes.
const MAX_TEXT_BYTES: usize = 1024;
/// The longest name of a room, in bytes.
const MAX_ROOM_BYTES: usize = 64;

pub(super) fn malformed(what: &str) -> LabError {
    LabError::Malformed(what.to_owned())
}

pub(super) fn bad_value(name: &str, value: &str, wanted: &str) -> LabError {
    let value = value.escape_default();
    malformed(&format!("{name} '{value}': give {wanted}"))
}

pub(super) fn no_value<T>(name: &str, value: &str, result: T) -> Result<T, LabError> {
    if value.is_empty() {
        return Ok(result);
    }
    Err(bad_value(name, value, "no value"))
}

pub(super) fn number<T>(name: &str, value: &str, least: T, most: T) -> Result<T, LabError>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
{
    match value.parse() {
        Ok(number) if (least..=most).contains(&number) && !value.starts_with('+') => Ok(number),
        _ => Err(bad_value(
            name,
            value,
            &format!("a number from {least} to {most}"),
        )),
    }
}

/// A time; a bare number is one in milliseconds.
pub(super) fn wait(name: &str, value: &str) -> Result<Duration, LabError> {
    match duration_with(Bare::Milliseconds, value) {
        Ok(wait) if wait <= MAX_WAIT => Ok(wait),
        _ => Err(bad_value(
            name,
            value,
            "milliseconds, or a time as 1.5s, up to 60s",
        )),
    }
}

/// The time between two of something, which the timers can tell from none.
pub(super) fn interval(name: &str, value: &str) -> Result<Duration, LabError> {
    match wait(name, value)? {
        interval if interval >= Duration::from_millis(1) => Ok(interval),
        _ => Err(bad_value(name, value, "1ms to 60s")),
    }
}

pub(super) fn message_size(value: &str) -> Result<usize, LabError> {
    match size(value) {
        Ok(bytes) if bytes <= MAX_BIG_BYTES => Ok(bytes),
        _ => Err(bad_value("big", value, "a size up to 64MiB")),
    }
}

/// How many bytes a second.
pub(super) fn bandwidth(value: &str) -> Result<u32, LabError> {
    let rate = size(value).ok().and_then(|rate| u32::try_from(rate).ok());
    rate.filter(|rate| (1..=MAX_BANDWIDTH).contains(rate))
        .ok_or_else(|| bad_value("bandwidth", value, "1 byte to 1GiB a second"))
}

/// After how many bytes a connection is cut.
pub(super) fn cut_size(value: &str) -> Result<u64, LabError> {
    match size(value) {
        Ok(bytes) if bytes <= MAX_BIG_BYTES => Ok(bytes as u64),
        _ => Err(bad_value("cut", value, "a size up to 64MiB")),
    }
}

/// How much of a message is sent that has no end.
pub(super) fn unfinished_size(value: &str) -> Result<usize, LabError> {
    match size(if value.is_empty() { "2" } else { value }) {
        Ok(bytes) if bytes <= MAX_UNFINISHED_BYTES => Ok(bytes),
        _ => Err(bad_value("unfinished", value, "a size up to 64MiB")),
    }
}

/// What a bomb inflates to.
pub(super) fn bomb_size(value: &str) -> Result<usize, LabError> {
    match size(value) {
        Ok(bytes) if (1..=MAX_BOMB_BYTES).contains(&bytes) => Ok(bytes),
        _ => Err(bad_value("bomb", value, "a size up to 1GiB")),
    }
}

/// The value of a header.
pub(super) fn header_value(name: &str, value: &str) -> Result<HeaderValue, LabError> {
    let found = HeaderValue::from_str(value).ok();
    let found = found.filter(|_| !value.is_empty() && value.len() <= MAX_TEXT_BYTES);
    found.ok_or_else(|| bad_value(name, value, "the value of a header, 1024 bytes at most"))
}

/// A text of a client's own.
pub(super) fn own_text(name: &str, value: &str) -> Result<String, LabError> {
    if value.len() > MAX_TEXT_BYTES {
        return Err(bad_value(name, value, "1024 bytes at most"));
    }
    Ok(value.to_owned())
}

/// The status of a redirect.
pub(super) fn redirect_status(value: &str) -> Result<StatusCode, LabError> {
    let status = StatusCode::from_bytes(value.as_bytes()).ok();
    let status = status.filter(|status| [301, 302, 303, 307, 308].contains(&status.as_u16()));
    status.ok_or_else(|| bad_value("code", value, "301, 302, 303, 307 or 308"))
}

/// How the openings of a flaky server fail.
pub(super) enum Fails {
    By(StatusCode),
    Without(After),
}

pub(super) fn fails(value: &str) -> Result<Fails, LabError> {
    Ok(match value {
        "drop" => Fails::Without(After::Fin),
        "reset" => Fails::Without(After::Reset),
        "silent" => Fails::Without(After::Silence),
        value => Fails::By(status(value).map_err(|_| {
            bad_value(
                "as",
                value,
                "a status from 200 to 599, drop, reset or silent",
            )
        })?),
    })
}

pub(super) fn room(value: &str) -> Result<String, LabError> {
    if value.len() > MAX_ROOM_BYTES {
        return Err(bad_value("broadcast", value, "a room of 64 bytes at most"));
    }
    Ok(value.to_owned())
}

pub(super) fn reason(value: &str) -> Result<String, LabError> {
    if value.len() > CloseFrame::MAX_REASON_BYTES {
        return Err(bad_value("reason", value, "123 bytes at most"));
    }
    Ok(value.to_owned())
}

pub(super) fn status(value: &str) -> Result<StatusCode, LabError> {
    let status = StatusCode::from_bytes(value.as_bytes()).ok();
    // Without an end, an answer of class 1 is none.
    let status = status.filter(|status| (200..600).contains(&status.as_u16()));
    status.ok_or_else(|| bad_value("status", value, "a status from 200 to 599"))
}

/// To a path of this server only: no link with our name on it leads elsewhere.
pub(super) fn path(name: &str, value: &str) -> Result<String, LabError> {
    let path = match value {
        "" => "/ws".to_owned(),
        _ if value.starts_with('/') => value.to_owned(),
        _ => format!("/{value}"),
    };
    let is_path = !path.starts_with("//")
        && !path.contains('\\')
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path {
        return Ok(path);
    }
    Err(bad_value(name, value, "a path of this server"))
}

/// `basic/USER/PASS` or `bearer/TOKEN`; in a query `basic:USER:PASS`.
pub(super) fn credentials(value: &str) -> Result<Credentials, LabError> {
    let mut parts = value.splitn(3, ['/', ':']);
    let found = match (parts.next(), parts.next(), parts.next()) {
        (Some("basic"), Some(user), Some(password)) => {
            Some(Credentials::Basic(user.to_owned(), password.to_owned()))
        }
        (Some("bearer"), Some(token), None) => Some(Credentials::Bearer(token.to_owned())),
        _ => None,
    };
    found.ok_or_else(|| bad_value("auth", value, "basic/USER/PASS or bearer/TOKEN"))
}
