//! From a path and a query to a [`Plan`]. Pure.
//!
//! A route is one fault with its argument, such as `/delay/100`. The same
//! names work in the query, which is how faults are combined:
//! `/delay/100?close=4000&after=3`.

use std::time::Duration;

use http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;

use super::opening::{Credentials, LabError};
use super::plan::{Ending, InvalidFrame, Plan, Sends};
use crate::connection::CloseFrame;
use crate::value::{Bare, duration_with, size};

/// The longest wait that can be asked for.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// The largest message, in bytes.
const MAX_BIG_BYTES: usize = 64 << 20;
/// The most messages a second.
const MAX_RATE: u32 = 10_000;
/// The most messages.
const MAX_COUNT: u64 = 1_000_000;
/// The most fragments of a message.
const MAX_FRAGMENTS: usize = 1_000;
/// The longest name of a room, in bytes.
const MAX_ROOM_BYTES: usize = 64;

/// What a request for `uri` asks of the lab; `None` when the path is not one of its routes.
///
/// # Errors
/// A route whose argument, or a query that, makes no sense or asks for too
/// much.
pub(crate) fn parse(uri: &Uri) -> Result<Option<Plan>, LabError> {
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let (name, argument) = match path.split_once('/') {
        Some((name, argument)) => (name, Some(argument)),
        None => (path, None),
    };
    let name = name.to_ascii_lowercase();
    if !NAMES.contains(&name.as_str()) {
        return Ok(None);
    }
    let mut builder = Builder::default();
    if name != "echo" {
        builder.set(&name, &argument.map(decode).unwrap_or_default())?;
    } else if argument.is_some() {
        return Err(malformed("an argument of /echo"));
    }
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !name.is_empty() {
            builder.set(&decode(name), &decode(&value.replace('+', " ")))?;
        }
    }
    Ok(Some(builder.build()))
}

/// The routes.
const NAMES: &[&str] = &[
    "echo",
    "delay",
    "close",
    "drop",
    "reset",
    "status",
    "redirect",
    "slow-handshake",
    "big",
    "stream",
    "count",
    "fragment",
    "no-pong",
    "ping",
    "bad-utf8",
    "bad-rsv",
    "bad-mask",
    "bad-length",
    "bad-accept",
    "half-close",
    "broadcast",
    "json",
    "auth",
];

/// A plan in the making: what belongs together can come in any order.
#[derive(Default)]
struct Builder {
    plan: Plan,
    end: Option<Ending>,
    after: Option<u64>,
    reason: String,
}

impl Builder {
    fn set(&mut self, name: &str, value: &str) -> Result<(), LabError> {
        let session = &mut self.plan.session;
        let opening = &mut self.plan.opening;
        match name {
            "delay" => session.delay = wait(name, value)?,
            "slow-handshake" => opening.wait = wait(name, value)?,
            "ping" => {
                let interval = wait(name, value)?;
                session.ping = Some(interval.max(Duration::from_millis(1)));
            }
            "no-pong" => session.pongs = no_value(name, value, false)?,
            "fragment" => session.fragments = number(name, value, MAX_FRAGMENTS)?.max(1),
            "big" => session.sends = Sends::Big(message_size(value)?),
            "stream" => session.sends = Sends::Stream(number(name, value, MAX_RATE)?.max(1)),
            "count" => session.sends = Sends::Count(number(name, value, MAX_COUNT)?),
            "broadcast" => session.sends = Sends::Broadcast(room(value)?),
            "json" => session.sends = no_value(name, value, Sends::Request)?,
            "after" => self.after = Some(number(name, value, MAX_COUNT)?),
            "reason" => self.reason = reason(value)?,
            "status" => opening.refusal = Some(LabError::Status(status(value)?)),
            "redirect" | "to" => opening.refusal = Some(LabError::Redirect(redirect(value)?)),
            "auth" => opening.credentials = Some(credentials(value)?),
            "bad-accept" => opening.bad_accept = no_value(name, value, true)?,
            _ => self.end = Some(end(name, value)?),
        }
        Ok(())
    }

    fn build(self) -> Plan {
        let mut plan = self.plan;
        plan.session.end = self.end.map(|end| {
            let end = match end {
                Ending::Close(code, _) => Ending::Close(code, self.reason),
                end => end,
            };
            (end, self.after.unwrap_or(0))
        });
        plan
    }
}

fn end(name: &str, value: &str) -> Result<Ending, LabError> {
    let end = match name {
        "close" => {
            let code = if value.is_empty() { "1000" } else { value };
            return Ok(Ending::Close(number(name, code, u16::MAX)?, String::new()));
        }
        "drop" => Ending::Drop,
        "reset" => Ending::Reset,
        "half-close" => Ending::HalfClose,
        "bad-utf8" => Ending::Frame(InvalidFrame::Utf8),
        "bad-rsv" => Ending::Frame(InvalidFrame::Rsv),
        "bad-mask" => Ending::Frame(InvalidFrame::Mask),
        "bad-length" => Ending::Frame(InvalidFrame::Length),
        _ => return Err(malformed(&format!("'{}'", name.escape_default()))),
    };
    no_value(name, value, end)
}

fn malformed(what: &str) -> LabError {
    LabError::Malformed(format!("{what}; its table is in docs/fault-lab.md"))
}

fn bad_value(name: &str, value: &str, wanted: &str) -> LabError {
    let value = value.escape_default();
    malformed(&format!("{name} '{value}': give {wanted}"))
}

fn no_value<T>(name: &str, value: &str, result: T) -> Result<T, LabError> {
    if value.is_empty() {
        return Ok(result);
    }
    Err(bad_value(name, value, "no value"))
}

fn number<T>(name: &str, value: &str, max: T) -> Result<T, LabError>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
{
    match value.parse() {
        Ok(number) if number <= max && !value.starts_with('+') => Ok(number),
        _ => Err(bad_value(name, value, &format!("a number up to {max}"))),
    }
}

/// A time; a bare number is one in milliseconds.
fn wait(name: &str, value: &str) -> Result<Duration, LabError> {
    match duration_with(Bare::Milliseconds, value) {
        Ok(wait) if wait <= MAX_WAIT => Ok(wait),
        _ => Err(bad_value(
            name,
            value,
            "milliseconds, or a time as 1.5s, up to 60s",
        )),
    }
}

fn message_size(value: &str) -> Result<usize, LabError> {
    match size(value) {
        Ok(bytes) if bytes <= MAX_BIG_BYTES => Ok(bytes),
        _ => Err(bad_value("big", value, "a size up to 64MiB")),
    }
}

fn room(value: &str) -> Result<String, LabError> {
    if value.len() > MAX_ROOM_BYTES {
        return Err(bad_value("broadcast", value, "a room of 64 bytes at most"));
    }
    Ok(value.to_owned())
}

fn reason(value: &str) -> Result<String, LabError> {
    if value.len() > CloseFrame::MAX_REASON_BYTES {
        return Err(bad_value("reason", value, "123 bytes at most"));
    }
    Ok(value.to_owned())
}

fn status(value: &str) -> Result<StatusCode, LabError> {
    let status = StatusCode::from_bytes(value.as_bytes()).ok();
    // Without an end, an answer of class 1 is none.
    let status = status.filter(|status| (200..600).contains(&status.as_u16()));
    status.ok_or_else(|| bad_value("status", value, "a status from 200 to 599"))
}

/// To a path of this server only: no link with our name on it leads elsewhere.
fn redirect(value: &str) -> Result<String, LabError> {
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
    Err(bad_value("redirect", value, "a path of this server"))
}

/// `basic/USER/PASS` or `bearer/TOKEN`; in a query `basic:USER:PASS`.
fn credentials(value: &str) -> Result<Credentials, LabError> {
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

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::plan::SessionPlan;
    use super::*;

    fn plan(uri: &str) -> Result<Option<Plan>, String> {
        parse(&uri.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn lab_routes_become_sessions() {
        let ms = Duration::from_millis;
        let echo = SessionPlan::default;
        for (uri, expected) in [
            ("/echo", echo()),
            ("/ECHO?", echo()),
            (
                "/delay/100",
                SessionPlan {
                    delay: ms(100),
                    ..echo()
                },
            ),
            (
                "/echo?delay=100ms",
                SessionPlan {
                    delay: ms(100),
                    ..echo()
                },
            ),
            (
                "/ping/0",
                SessionPlan {
                    ping: Some(ms(1)),
                    ..echo()
                },
            ),
            (
                "/no-pong?ping=5",
                SessionPlan {
                    pongs: false,
                    ping: Some(ms(5)),
                    ..echo()
                },
            ),
            (
                "/fragment/3",
                SessionPlan {
                    fragments: 3,
                    ..echo()
                },
            ),
            (
                "/big/64KiB",
                SessionPlan {
                    sends: Sends::Big(64 << 10),
                    ..echo()
                },
            ),
            (
                "/stream/50",
                SessionPlan {
                    sends: Sends::Stream(50),
                    ..echo()
                },
            ),
            (
                "/count/3?drop",
                SessionPlan {
                    sends: Sends::Count(3),
                    end: Some((Ending::Drop, 0)),
                    ..echo()
                },
            ),
            (
                "/broadcast",
                SessionPlan {
                    sends: Sends::Broadcast(String::new()),
                    ..echo()
                },
            ),
            (
                "/broadcast/a%20b",
                SessionPlan {
                    sends: Sends::Broadcast("a b".into()),
                    ..echo()
                },
            ),
            (
                "/json",
                SessionPlan {
                    sends: Sends::Request,
                    ..echo()
                },
            ),
            (
                "/close/4000?after=2&reason=so+long",
                SessionPlan {
                    end: Some((Ending::Close(4000, "so long".into()), 2)),
                    ..echo()
                },
            ),
            (
                "/close",
                SessionPlan {
                    end: Some((Ending::Close(1000, String::new()), 0)),
                    ..echo()
                },
            ),
            (
                "/reset",
                SessionPlan {
                    end: Some((Ending::Reset, 0)),
                    ..echo()
                },
            ),
            (
                "/half-close",
                SessionPlan {
                    end: Some((Ending::HalfClose, 0)),
                    ..echo()
                },
            ),
            (
                "/bad-rsv",
                SessionPlan {
                    end: Some((Ending::Frame(InvalidFrame::Rsv), 0)),
                    ..echo()
                },
            ),
        ] {
            let found = plan(uri).map(|plan| plan.map(|plan| plan.session));
            assert_eq!(found, Ok(Some(expected)), "{uri}");
        }
    }

    #[test]
    fn lab_routes_change_the_opening_handshake() {
        for (uri, refusal) in [
            (
                "/status/503",
                Some(LabError::Status(StatusCode::SERVICE_UNAVAILABLE)),
            ),
            ("/redirect", Some(LabError::Redirect("/ws".into()))),
            ("/redirect?to=/a/b", Some(LabError::Redirect("/a/b".into()))),
            ("/redirect/a", Some(LabError::Redirect("/a".into()))),
            ("/bad-accept", None),
        ] {
            let opening = plan(uri).unwrap().unwrap().opening;
            assert_eq!(opening.refusal, refusal, "{uri}");
            assert_eq!(opening.bad_accept, uri == "/bad-accept");
        }
        let basic = Credentials::Basic("u".into(), "p/w".into());
        for (uri, credentials) in [
            ("/auth/basic/u/p%2Fw", basic.clone()),
            ("/echo?auth=basic:u:p/w", basic),
            ("/auth/bearer/t", Credentials::Bearer("t".into())),
        ] {
            let opening = plan(uri).unwrap().unwrap().opening;
            assert_eq!(opening.credentials, Some(credentials), "{uri}");
        }
        let wait = plan("/slow-handshake/250").unwrap().unwrap().opening.wait;
        assert_eq!(wait, Duration::from_millis(250));
    }

    /// The text of the files of a folder's tests.
    fn tests_in(folder: &str) -> String {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let files = std::fs::read_dir(folder).unwrap();
        let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()));
        texts.map(Result::unwrap).collect()
    }

    #[test]
    fn each_route_of_the_lab_is_documented_and_tested() {
        let document = include_str!("../../../docs/fault-lab.md");
        let tests = tests_in("tests/cli/serve");
        for name in NAMES {
            let row = format!("| `/{name}");
            let is_row = |line: &str| {
                let rest = line.strip_prefix(&row);
                rest.is_some_and(|rest| {
                    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-')
                })
            };
            assert!(
                document.lines().any(is_row),
                "docs/fault-lab.md has no row for /{name}"
            );
            let is_route = |end| tests.contains(&format!("\"/{name}{end}"));
            assert!(
                ["\"", "/", "?"].into_iter().any(is_route),
                "no test in tests/cli/serve asks for /{name}"
            );
        }
    }

    #[test]
    fn lab_values_without_sense_or_beyond_their_limit_are_refused() {
        for uri in [
            "/delay",
            "/delay/x",
            "/delay/60001",
            "/delay/-1",
            "/delay/+1",
            "/close/65536",
            "/status/101",
            "/status/600",
            "/status/",
            "/big/65MiB",
            "/big/x",
            "/stream/10001",
            "/count/1000001",
            "/fragment/1001",
            "/drop/x",
            "/echo/x",
            "/echo?nope",
            "/echo?close=x",
            "/redirect?to=//evil.example",
            "/redirect?to=/%5Cevil.example",
            "/redirect?to=/a%0d%0ab",
            "/auth",
            "/auth/basic/u",
            "/auth/digest/a/b",
            "/ping/x",
        ] {
            assert!(plan(uri).is_err(), "{uri}");
        }
        for uri in ["/", "/ws", "/echoes", "/close2/1000"] {
            assert_eq!(plan(uri), Ok(None), "{uri}");
        }
    }
}
