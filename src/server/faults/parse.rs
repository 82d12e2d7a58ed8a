//! From a path and a query to a [`Plan`]. Pure.
//!
//! A route is one fault with its argument, such as `/delay/100`. The same
//! names work in the query, which is how faults are combined:
//! `/delay/100?close=4000&after=3`. Names that are not the lab's are let through:
//! clients have queries of their own, such as `?access_token=`. What cannot hold
//! together is refused, so that a test does not pass for want of its fault.

use http::Uri;
use percent_encoding::percent_decode_str;

use super::catalogue;
use super::opening::LabError;
use super::plan::{Ending, InvalidFrame, On, Plan, Sends, When};
use super::values::{
    credentials, interval, malformed, message_size, no_value, number, path, reason, room, status,
    wait,
};

/// The most messages a second.
const MAX_RATE: u32 = 10_000;
/// The most messages.
const MAX_COUNT: u64 = 1_000_000;
/// The most fragments of a message.
const MAX_FRAGMENTS: usize = 1_000;

/// What a request for `uri` asks of the lab; `None` when the path is not one of its routes.
///
/// # Errors
/// A route whose argument, or a query that, makes no sense, asks for too much, or
/// contradicts itself.
pub(crate) fn parse(uri: &Uri) -> Result<Option<Plan>, LabError> {
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let (name, argument) = match path.split_once('/') {
        Some((name, argument)) => (name, Some(argument)),
        None => (path, None),
    };
    let name = name.to_ascii_lowercase();
    if !catalogue::find(&name).is_some_and(catalogue::Fault::is_route) {
        return Ok(None);
    }
    let mut builder = Builder::default();
    if name != "echo" {
        builder.set(&name, &decode(&name, argument.unwrap_or_default())?)?;
    } else if argument.is_some() {
        return Err(malformed("an argument of /echo"));
    }
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        if catalogue::find(&name).is_some() {
            builder.set(&name, &decode(&name, &value.replace('+', " "))?)?;
        } else if !name.is_empty() {
            builder.plan.ignored.push(name.into_owned());
        }
    }
    builder.build().map(Some)
}

fn decode(name: &str, value: &str) -> Result<String, LabError> {
    let decoded = percent_decode_str(value).decode_utf8();
    let decoded = decoded.map_err(|_| malformed(&format!("a {name} that is not UTF-8")))?;
    Ok(decoded.into_owned())
}

/// A plan in the making: what belongs together can come in any order.
#[derive(Default)]
struct Builder {
    plan: Plan,
    /// The names that have been set.
    names: Vec<String>,
    reason: Option<String>,
}

/// What a plan has one of, and the names for it.
type Choice = (&'static str, &'static [&'static str]);

const ENDS: Choice = (
    "ends",
    &[
        "close",
        "drop",
        "reset",
        "half-close",
        "bad-utf8",
        "bad-rsv",
        "bad-mask",
        "bad-length",
    ],
);
const SOURCES: Choice = (
    "sources of messages",
    &["big", "stream", "count", "broadcast", "json"],
);
const ANSWERS: Choice = ("answers to the handshake", &["status", "redirect"]);

impl Builder {
    fn set(&mut self, name: &str, value: &str) -> Result<(), LabError> {
        if self.names.iter().any(|known| known == name) {
            return Err(malformed(&format!("two values of {name}")));
        }
        self.names.push(name.to_owned());
        let line = &mut self.plan.line;
        let opening = &mut self.plan.opening;
        let sends = &mut self.plan.sends;
        match name {
            "echo" => no_value(name, value, ())?,
            "delay" => line.delay = wait(name, value)?,
            "slow-handshake" => opening.wait = wait(name, value)?,
            "ping" => line.ping = Some(interval(name, value)?),
            "no-pong" => line.pongs = no_value(name, value, false)?,
            "fragment" => line.fragments = number(name, value, 1, MAX_FRAGMENTS)?,
            "big" => *sends = Sends::Big(message_size(value)?),
            "stream" => *sends = Sends::Stream(number(name, value, 1, MAX_RATE)?),
            "count" => *sends = Sends::Count(number(name, value, 0, MAX_COUNT)?),
            "broadcast" => *sends = Sends::Broadcast(room(value)?),
            "json" => *sends = no_value(name, value, Sends::Request)?,
            "after" => after(value, &mut line.when)?,
            "on" => line.when.on = Some(on(value)?),
            "reason" => self.reason = Some(reason(value)?),
            "status" => opening.refusal = Some(LabError::Status(status(value)?)),
            "redirect" | "to" => self.redirect(name, value)?,
            "auth" => opening.credentials = Some(credentials(value)?),
            "bad-accept" => opening.bad_accept = no_value(name, value, true)?,
            _ => line.end = Some(end(name, value)?),
        }
        Ok(())
    }

    fn redirect(&mut self, name: &str, value: &str) -> Result<(), LabError> {
        let refusal = &mut self.plan.opening.refusal;
        match refusal {
            // The path may be in either.
            Some(LabError::Redirect(_)) if value.is_empty() => {}
            Some(LabError::Redirect(to)) if to != "/ws" => {
                return Err(malformed("two paths of a redirect"));
            }
            _ => *refusal = Some(LabError::Redirect(path(name, value)?)),
        }
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    fn build(mut self) -> Result<Plan, LabError> {
        for (what, choices) in [ENDS, SOURCES, ANSWERS] {
            let mut chosen = choices.iter().filter(|name| self.has(name));
            if let (Some(one), Some(other)) = (chosen.next(), chosen.next()) {
                return Err(malformed(&format!("two {what}, {one} and {other}")));
            }
        }
        let line = &self.plan.line;
        for (name, wants, holds) in [
            ("after", "an end", line.end.is_some()),
            ("on", "an end", line.end.is_some()),
            ("reason", "close", self.has("close")),
            ("to", "redirect", self.has("redirect")),
        ] {
            if self.has(name) && !holds {
                return Err(malformed(&format!("{name} without {wants}")));
            }
        }
        let chosen = |(_, names): Choice| names.iter().find(|name| self.has(name));
        if let (Some(answer), Some(end)) = (chosen(ANSWERS), chosen(ENDS)) {
            return Err(malformed(&format!(
                "{end} beside {answer}, where no WebSocket is opened"
            )));
        }
        if let (Some(Ending::Close(_, reason)), Some(given)) =
            (&mut self.plan.line.end, self.reason)
        {
            *reason = given;
        }
        Ok(self.plan)
    }
}

/// A number is one of messages; a time has a unit.
fn after(value: &str, when: &mut When) -> Result<(), LabError> {
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        when.messages = number("after", value, 0, MAX_COUNT)?;
    } else {
        when.time = wait("after", value)?;
    }
    Ok(())
}

fn on(text: &str) -> Result<On, LabError> {
    let pattern = text
        .parse()
        .map_err(|error| malformed(&format!("on '{}': {error}", text.escape_default())))?;
    Ok(On {
        text: text.to_owned(),
        pattern,
    })
}

fn end(name: &str, value: &str) -> Result<Ending, LabError> {
    let end = match name {
        "close" => {
            let code = if value.is_empty() { "1000" } else { value };
            let code = number(name, code, 0, u16::MAX)?;
            return Ok(Ending::Close(code, String::new()));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::super::opening::Credentials;
    use super::super::plan::LinePlan;
    use super::*;

    fn plan(uri: &str) -> Result<Option<Plan>, String> {
        parse(&uri.parse().unwrap()).map_err(|error| error.to_string())
    }

    fn lines() -> Vec<(&'static str, LinePlan)> {
        let ms = Duration::from_millis;
        let none = LinePlan::default;
        let ends = |end, messages| LinePlan {
            end: Some(end),
            when: When {
                messages,
                ..When::default()
            },
            ..none()
        };
        let close = |code, reason: &str| Ending::Close(code, reason.to_owned());
        let delayed = LinePlan {
            delay: ms(100),
            ..none()
        };
        let silent = LinePlan {
            pongs: false,
            ping: Some(ms(5)),
            ..none()
        };
        let fragmented = LinePlan {
            fragments: 3,
            ..none()
        };
        let mut late = ends(Ending::Drop, 0);
        late.when.time = ms(1500);
        let mut matched = ends(Ending::Drop, 0);
        matched.when.on = Some(on("/a+b/").unwrap());
        vec![
            ("/echo", none()),
            ("/ECHO?", none()),
            ("/delay/100", delayed.clone()),
            ("/echo?delay=100ms", delayed),
            ("/no-pong?ping=5", silent),
            ("/fragment/3", fragmented),
            ("/count/3?drop", ends(Ending::Drop, 0)),
            (
                "/close/4000?after=2&reason=so+long",
                ends(close(4000, "so long"), 2),
            ),
            ("/drop?after=1.5s", late),
            ("/drop?on=/a%2Bb/", matched),
            ("/close", ends(close(1000, ""), 0)),
            ("/reset", ends(Ending::Reset, 0)),
            ("/half-close", ends(Ending::HalfClose, 0)),
            ("/bad-rsv", ends(Ending::Frame(InvalidFrame::Rsv), 0)),
        ]
    }

    #[test]
    fn lab_routes_become_plans_of_lines() {
        for (uri, expected) in lines() {
            let found = plan(uri).map(|plan| plan.map(|plan| plan.line));
            assert_eq!(found, Ok(Some(expected)), "{uri}");
        }
    }

    #[test]
    fn lab_routes_say_what_is_sent() {
        for (uri, expected) in [
            ("/echo", Sends::Echo),
            ("/big/64KiB", Sends::Big(64 << 10)),
            ("/stream/50", Sends::Stream(50)),
            ("/count/3?drop", Sends::Count(3)),
            ("/broadcast", Sends::Broadcast(String::new())),
            ("/broadcast/a%20b", Sends::Broadcast("a b".into())),
            ("/echo?broadcast=a", Sends::Broadcast("a".into())),
            ("/json", Sends::Request),
        ] {
            let found = plan(uri).map(|plan| plan.map(|plan| plan.sends));
            assert_eq!(found, Ok(Some(expected)), "{uri}");
        }
    }

    #[test]
    fn lab_lets_the_names_of_others_through_and_tells_them() {
        let query = "/echo?token=a%FF&EIO=4&delay=5&transport=websocket&&=x";
        let plan = plan(query).unwrap().unwrap();
        assert_eq!(plan.ignored, ["token", "EIO", "transport"]);
        assert_eq!(plan.line.delay, Duration::from_millis(5));
    }

    #[test]
    fn lab_refuses_what_cannot_hold_together() {
        for (uri, reason) in [
            ("/bad-utf8?close=1000", "two ends, close and bad-utf8"),
            ("/echo?drop&reset", "two ends, drop and reset"),
            (
                "/count/2?stream=5",
                "two sources of messages, stream and count",
            ),
            (
                "/status/503?redirect=/ws",
                "two answers to the handshake, status and redirect",
            ),
            ("/count/3?after=1", "after without an end"),
            ("/count/3?after=1s", "after without an end"),
            ("/echo?on=x", "on without an end"),
            ("/echo?reason=x", "reason without close"),
            ("/drop?reason=x", "reason without close"),
            ("/echo?to=/ws", "to without redirect"),
            ("/delay/5?delay=6", "two values of delay"),
            ("/redirect/a?to=/b", "two paths of a redirect"),
            (
                "/status/503?drop",
                "drop beside status, where no WebSocket is opened",
            ),
        ] {
            let error = plan(uri).unwrap_err();
            assert!(error.contains(reason), "{uri}: {error}");
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
            "/echo?close=%FF",
            "/stream/0",
            "/fragment/0",
            "/ping/0",
            "/ping/999us",
            "/echo?close=x",
            "/redirect?to=//evil.example",
            "/redirect?to=/%5Cevil.example",
            "/redirect?to=/a%0d%0ab",
            "/auth",
            "/auth/basic/u",
            "/auth/digest/a/b",
            "/ping/x",
            "/drop?after=61s",
            "/drop?after=",
            "/drop?after=x",
            "/drop?on=",
            "/drop?on=/(/",
        ] {
            assert!(plan(uri).is_err(), "{uri}");
        }
        for uri in ["/", "/ws", "/echoes", "/close2/1000"] {
            assert_eq!(plan(uri), Ok(None), "{uri}");
        }
    }
}
