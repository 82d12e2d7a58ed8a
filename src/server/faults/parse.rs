//! From a path and a query to a [`Plan`]. Pure.
//!
//! A route is one fault with its argument, such as `/delay/100`. The same
//! names work in the query, which is how faults are combined:
//! `/delay/100?close=4000&after=3`. Names that are not the lab's are let through:
//! clients have queries of their own, such as `?access_token=`. What cannot hold
//! together is refused, so that a test does not pass for want of its fault.

use http::header::{self, HeaderValue};
use http::{StatusCode, Uri};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::catalogue;
use super::deflate::InvalidDeflate;
use super::error::{LabAnswer, LabError};
use super::frames::InvalidFrame;
use super::message::MessageFault;
use super::opening::{Compression, Failure, Flaky, HeadFault};
use super::plan::{CloseAnswer, Ending, On, Plan, Pongs, Sends, When};
use super::values::{
    Fails, bandwidth, credentials, cut_size, fails, header_value, interval, malformed,
    message_size, no_value, number, own_text, path, reason, redirect_status, room, status, wait,
};
use crate::connection::Policy;

/// The most messages a second.
const MAX_RATE: u32 = 10_000;
/// The most messages.
const MAX_COUNT: u64 = 1_000_000;
/// The most fragments of a message.
const MAX_FRAGMENTS: usize = 1_000;
/// The most openings that fail.
const MAX_FAILURES: u32 = 1_000;
/// The most redirects in a row.
const MAX_HOPS: u8 = 100;
/// What stands for itself in the value of a query.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b'&').add(b'#').add(b'%').add(b'+').add(b'=');

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
    if !catalogue::find(&name).is_some_and(super::rows::Fault::is_route) {
        return Ok(None);
    }
    if name == "echo" && argument.is_some() {
        return Err(malformed("an argument of /echo"));
    }
    let mut plan = Plan::default();
    let mut values = vec![(name.clone(), decode(&name, argument.unwrap_or_default())?)];
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        if catalogue::find(&name).is_some() {
            let value = decode(&name, &value.replace('+', " "))?;
            values.push((name.into_owned(), value));
        } else if !name.is_empty() {
            plan.ignored.push(name.into_owned());
        }
    }
    Builder::new(plan, values).build().map(Some)
}

fn decode(name: &str, value: &str) -> Result<String, LabError> {
    let decoded = percent_decode_str(value).decode_utf8();
    let decoded = decoded.map_err(|_| malformed(&format!("a {name} that is not UTF-8")))?;
    Ok(decoded.into_owned())
}

/// A plan in the making: what belongs together can come in any order.
struct Builder {
    plan: Plan,
    values: Vec<(String, String)>,
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
        "black-hole",
        "cut",
        "bad-utf8",
        "bad-utf8-split",
        "bad-rsv",
        "bad-mask",
        "bad-length",
        "long-length",
        "huge-length",
        "bad-opcode",
        "lone-continuation",
        "nested-message",
        "unfinished",
        "long-ping",
        "fragmented-ping",
        "short-close",
        "long-close",
        "bad-close-utf8",
        "data-after-close",
        "unasked-deflate",
        "bad-deflate",
        "bad-window",
        "bomb",
    ],
);
const SOURCES: Choice = (
    "sources of messages",
    &["big", "stream", "count", "broadcast", "json"],
);
const ANSWERS: Choice = (
    "answers to the handshake",
    &["status", "redirect", "loop", "garbage", "half-head"],
);
const MESSAGES: Choice = (
    "faults of messages",
    &["lose", "duplicate", "reorder", "corrupt", "truncate"],
);
const PONGS: Choice = ("answers to a ping", &["no-pong", "wrong-pong"]);
const CLOSES: Choice = ("answers to a close", &["no-close", "late-close"]);
const CHOICES: [Choice; 6] = [ENDS, SOURCES, ANSWERS, MESSAGES, PONGS, CLOSES];

/// Names that say nothing without another one, and so are a client's own there.
const OPTIONS: &[(&str, &[&str])] = &[
    ("id", &["flaky"]),
    ("as", &["flaky"]),
    ("code", &["redirect", "loop"]),
    ("hops", &["redirect"]),
    ("body", &["status", "flaky"]),
    ("retry-after", &["status", "flaky", "redirect", "loop"]),
];

impl Builder {
    /// Leaves out what is a client's own.
    fn new(mut plan: Plan, values: Vec<(String, String)>) -> Self {
        let is_there = |names: &[&str]| values.iter().any(|(name, _)| names.contains(&&name[..]));
        let is_ours = |name: &str| {
            let option = OPTIONS.iter().find(|(option, _)| *option == name);
            option.is_none_or(|(_, owners)| is_there(owners))
        };
        let foreign = values.iter().filter(|(name, _)| !is_ours(name));
        plan.ignored.extend(foreign.map(|(name, _)| name.clone()));
        let ours = values.iter().filter(|(name, _)| is_ours(name));
        let values = ours.cloned().collect();
        Self { plan, values }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.values.iter();
        let value = values.find(|(known, _)| known == name);
        value.map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn chosen(&self, (_, names): Choice) -> Option<&'static str> {
        names.iter().find(|name| self.has(name)).copied()
    }

    fn build(mut self) -> Result<Plan, LabError> {
        self.check()?;
        for (name, value) in self.values.clone() {
            self.set(&name, &value)?;
        }
        self.set_answers()?;
        Ok(self.plan)
    }

    /// Whether it holds together.
    fn check(&self) -> Result<(), LabError> {
        for (index, (name, _)) in self.values.iter().enumerate() {
            let before = self.values.iter().take(index);
            if before.into_iter().any(|(known, _)| known == name) {
                return Err(malformed(&format!("two values of {name}")));
            }
        }
        for (what, choices) in CHOICES {
            let mut chosen = choices.iter().filter(|name| self.has(name));
            if let (Some(one), Some(other)) = (chosen.next(), chosen.next()) {
                return Err(malformed(&format!("two {what}, {one} and {other}")));
            }
        }
        let ends = self.chosen(ENDS).filter(|end| *end != "cut");
        let is_timed = ends.is_some() || self.chosen(MESSAGES).is_some();
        for (name, wants, holds) in [
            ("after", "an end or a fault of messages", is_timed),
            ("on", "an end or a fault of messages", is_timed),
            ("reason", "close", self.has("close")),
            ("to", "redirect", self.has("redirect")),
        ] {
            if self.has(name) && !holds {
                return Err(malformed(&format!("{name} without {wants}")));
            }
        }
        if let Some(answer) = self.chosen(ANSWERS) {
            let names = self.values.iter().map(|(name, _)| name.as_str());
            let mut opened =
                names.filter(|name| *name != answer && catalogue::is_of_the_open(name));
            if let Some(name) = opened.next() {
                return Err(malformed(&format!(
                    "{name} beside {answer}, where no WebSocket is opened"
                )));
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), LabError> {
        let Plan {
            line,
            opening,
            sends,
            ..
        } = &mut self.plan;
        if let Some(fault) = HeadFault::parse(name) {
            opening.head.push(no_value(name, value, fault)?);
            return Ok(());
        }
        if let Some(fault) = MessageFault::parse(name) {
            line.message = Some(no_value(name, value, fault)?);
            return Ok(());
        }
        match name {
            "echo" => no_value(name, value, ())?,
            "delay" => line.delay = wait(name, value)?,
            "slow-handshake" => opening.wait = wait(name, value)?,
            "ping" => line.ping = Some(interval(name, value)?),
            "no-pong" => line.pongs = no_value(name, value, Pongs::Never)?,
            "wrong-pong" => line.pongs = no_value(name, value, Pongs::Wrong)?,
            "no-close" => line.close_answer = no_value(name, value, CloseAnswer::Never)?,
            "late-close" => line.close_answer = CloseAnswer::Late(wait(name, value)?),
            "fragment" => line.fragments = number(name, value, 1, MAX_FRAGMENTS)?,
            "bandwidth" => line.bandwidth = Some(bandwidth(value)?),
            "bytewise" => line.bytewise = no_value(name, value, true)?,
            "cut" => line.cut = Some(cut_size(value)?),
            "big" => *sends = Sends::Big(message_size(value)?),
            "stream" => *sends = Sends::Stream(number(name, value, 1, MAX_RATE)?),
            "count" => *sends = Sends::Count(number(name, value, 0, MAX_COUNT)?),
            "broadcast" => *sends = Sends::Broadcast(room(value)?),
            "json" => *sends = no_value(name, value, Sends::Request)?,
            "after" => after(value, &mut line.when)?,
            "on" => line.when.on = Some(on(value)?),
            "auth" => opening.credentials = Some(credentials(value)?),
            "interim" => opening
                .head
                .push(HeadFault::Interim(number(name, value, 1, 50)?)),
            "set-cookie" => {
                let value = header_value(name, value)?;
                opening.headers.push((header::SET_COOKIE, value));
            }
            // They are set together.
            "reason" | "status" | "redirect" | "to" | "loop" | "flaky" => {}
            name if OPTIONS.iter().any(|(option, _)| *option == name) => {}
            _ => {
                let end = self.end(name, value)?;
                self.plan.line.end = Some(end);
            }
        }
        Ok(())
    }

    fn end(&mut self, name: &str, value: &str) -> Result<Ending, LabError> {
        if let Some(frame) = InvalidFrame::parse(name, value) {
            return Ok(Ending::Frame(frame?));
        }
        if let Some(fault) = InvalidDeflate::parse(name, value) {
            let fault = fault?;
            self.plan.opening.compression = match fault {
                InvalidDeflate::Unasked => Compression::Never,
                InvalidDeflate::Window => Compression::Always(Policy {
                    server_max_window_bits: 9,
                    ..Policy::default()
                }),
                InvalidDeflate::Broken | InvalidDeflate::Bomb(_) => {
                    Compression::Always(Policy::default())
                }
            };
            return Ok(Ending::Deflate(fault));
        }
        let end = match name {
            "close" => {
                let code = if value.is_empty() { "1000" } else { value };
                let code = number(name, code, 0, u16::MAX)?;
                let text = match self.get("reason") {
                    Some(text) => reason(text)?,
                    None => String::new(),
                };
                return Ok(Ending::Close(code, text));
            }
            "drop" => Ending::Drop,
            "reset" => Ending::Reset,
            "half-close" => Ending::HalfClose,
            "black-hole" => Ending::BlackHole,
            _ => return Err(malformed(&format!("'{}'", name.escape_default()))),
        };
        no_value(name, value, end)
    }

    /// The answers of HTTP, each with what belongs to it.
    fn set_answers(&mut self) -> Result<(), LabError> {
        let mut headers = self.plan.opening.headers.clone();
        if let Some(value) = self.get("retry-after") {
            headers.push((header::RETRY_AFTER, header_value("retry-after", value)?));
        }
        let body = self.get("body").map(|body| own_text("body", body));
        let body = body.transpose()?;
        let answer = |status, headers, body| {
            LabError::Answer(Box::new(LabAnswer {
                status,
                headers,
                body,
            }))
        };
        if let Some(value) = self.get("status") {
            let status = status(value)?;
            self.plan.opening.refusal = Some(answer(status, headers.clone(), body.clone()));
        }
        if let Some((status, location)) = self.location()? {
            let mut headers = headers.clone();
            headers.push((header::LOCATION, location));
            self.plan.opening.refusal = Some(answer(status, headers, None));
        }
        if let Some(value) = self.get("flaky") {
            let how = match fails(self.get("as").unwrap_or("503"))? {
                Fails::By(status) => Failure::Answer(answer(status, headers, body)),
                Fails::Without(after) => Failure::Silence(after),
            };
            self.plan.opening.flaky = Some(Flaky {
                failures: number("flaky", value, 1, MAX_FAILURES)?,
                id: own_text("id", self.get("id").unwrap_or_default())?,
                how,
            });
        }
        Ok(())
    }

    /// Where a redirect leads, and its status.
    fn location(&self) -> Result<Option<(StatusCode, HeaderValue)>, LabError> {
        let code = self.get("code").unwrap_or("302");
        let location = match (self.get("redirect"), self.get("loop")) {
            (Some(value), _) => {
                let to = match (value, self.get("to")) {
                    ("", to) => path("to", to.unwrap_or_default())?,
                    (value, None) => path("redirect", value)?,
                    (_, Some(_)) => return Err(malformed("two paths of a redirect")),
                };
                let hops = self.get("hops").unwrap_or("0");
                match number("hops", hops, 0_u8, MAX_HOPS)? {
                    0 => to,
                    hops => {
                        let to = utf8_percent_encode(&to, IN_QUERY);
                        format!("/redirect?to={to}&code={code}&hops={}", hops - 1)
                    }
                }
            }
            (None, Some(value)) => no_value("loop", value, format!("/loop?code={code}"))?,
            (None, None) => return Ok(None),
        };
        let location = HeaderValue::from_str(&location).map_err(|_| malformed("this path"))?;
        Ok(Some((redirect_status(code)?, location)))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::opening::{After, Credentials};
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
            pongs: Pongs::Never,
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
            ("/garbage?no-accept", "no-accept beside garbage"),
            ("/loop?delay=5", "delay beside loop"),
            ("/cut/5?after=1", "after without an end"),
            ("/no-pong?wrong-pong", "two answers to a ping"),
            ("/lose?reorder", "two faults of messages"),
            ("/no-close?late-close=5", "two answers to a close"),
        ] {
            let error = plan(uri).unwrap_err();
            assert!(error.contains(reason), "{uri}: {error}");
        }
    }

    fn refusal(uri: &str) -> (u16, String) {
        let refusal = plan(uri).unwrap().unwrap().opening.refusal.unwrap();
        let headers = refusal.headers();
        let location = headers.iter().find(|(name, _)| *name == header::LOCATION);
        let location = location.map_or("", |(_, value)| value.to_str().unwrap());
        (refusal.status().as_u16(), location.to_owned())
    }

    #[test]
    fn lab_routes_refuse_and_redirect() {
        for (uri, status, location) in [
            ("/status/503", 503, ""),
            ("/redirect", 302, "/ws"),
            ("/redirect?to=/a/b", 302, "/a/b"),
            ("/redirect/a", 302, "/a"),
            ("/echo?redirect=/a", 302, "/a"),
            ("/redirect?code=308&to=/a", 308, "/a"),
            (
                "/redirect?hops=3&to=/echo?delay=5%26ping=6",
                302,
                "/redirect?to=/echo?delay%3D5%26ping%3D6&code=302&hops=2",
            ),
            ("/loop?code=307", 307, "/loop?code=307"),
        ] {
            let expected = (status, location.to_owned());
            assert_eq!(refusal(uri), expected, "{uri}");
        }
        // The end of a chain is where it was to lead.
        let mut location = "/redirect?hops=2&to=/echo?delay=5%26ping=6".to_owned();
        for _ in 0..3 {
            location = refusal(&location).1;
        }
        assert_eq!(location, "/echo?delay=5&ping=6");
    }

    #[test]
    fn lab_routes_change_the_opening_handshake() {
        let opening = |uri| plan(uri).unwrap().unwrap().opening;
        let basic = Credentials::Basic("u".into(), "p/w".into());
        for (uri, credentials) in [
            ("/auth/basic/u/p%2Fw", basic.clone()),
            ("/echo?auth=basic:u:p/w", basic),
            ("/auth/bearer/t", Credentials::Bearer("t".into())),
        ] {
            assert_eq!(opening(uri).credentials, Some(credentials), "{uri}");
        }
        assert_eq!(
            opening("/slow-handshake/250").wait,
            Duration::from_millis(250)
        );
        assert_eq!(
            opening("/http10?no-accept&interim=2").head,
            [
                HeadFault::Http10,
                HeadFault::NoAccept,
                HeadFault::Interim(2)
            ]
        );
        let flaky = opening("/flaky/3?id=a&as=silent").flaky.unwrap();
        assert_eq!(
            (flaky.failures, &flaky.id[..], flaky.how),
            (3, "a", Failure::Silence(After::Silence))
        );
    }

    #[test]
    fn lab_options_without_what_they_belong_to_are_a_clients_own() {
        let plan = plan("/echo?id=5&code=x&as=y&body=z").unwrap().unwrap();
        assert_eq!(plan.ignored, ["id", "code", "as", "body"]);
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
            "/flaky",
            "/flaky/0",
            "/flaky/1?as=x",
            "/redirect?code=304",
            "/redirect?hops=101",
            "/bandwidth/0",
            "/bomb/2GiB",
            "/bad-opcode/1",
            "/interim/51",
            "/status/500?retry-after=%0a",
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
