//! Which server it is, and how the check is written there. Pure.
//!
//! A snippet is given where it cures the weakness found, with the values of the
//! run, and none otherwise: a wrong one costs more than it helps.

mod rows;
mod servers;
mod values;

pub(crate) use servers::Server;

use self::rows::ROWS;
use self::servers::{Compares, Row, Sign};
use self::values::{Values, authority, host};
use super::catalogue::Fix;
use super::observe::Evidence;

/// A weakness, as far as its remedy goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weakness<'a> {
    /// The repair that it asks for.
    pub fix: Fix,
    /// The origin that was let in.
    pub origin: &'a str,
    /// The allowed origins; none where no page is allowed.
    pub allowed: &'a [String],
    /// The target's URL.
    pub target: &'a str,
    /// The server, where it was recognised.
    pub server: Option<Server>,
}

impl Server {
    /// The name for people.
    pub(crate) fn name(self) -> &'static str {
        self.row().map_or("a server", |row| row.name)
    }

    /// How the allowed origins are enforced there, where that is known.
    pub(crate) fn snippet(self, allowed: &[String]) -> Option<String> {
        let write = self.row()?.snippet?;
        (!allowed.is_empty()).then(|| write(&Values::new(allowed)))
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.server == self)
    }
}

/// Recognises the server by everything that it has answered. A library behind
/// a proxy says more than the proxy.
pub(crate) fn recognise<'a>(
    path: &str,
    answers: impl Iterator<Item = &'a Evidence>,
) -> Option<Server> {
    let answers: Vec<_> = answers.map(Answer::new).collect();
    let shown = |sign: &Sign| match sign {
        Sign::Path(part) => path.contains(part),
        sign => answers.iter().any(|answer| answer.shows(*sign)),
    };
    let row = ROWS
        .iter()
        .find(|row| row.signs.iter().any(|signs| signs.iter().all(shown)))?;
    Some(row.server)
}

/// What the signs are looked for in.
struct Answer<'a> {
    /// In lower case: the status line and the headers.
    head: String,
    /// In lower case: the status line and the body.
    text: String,
    message: &'a str,
    is_of_ws: bool,
}

impl<'a> Answer<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let head = evidence.response_head.as_deref().unwrap_or_default();
        let body = evidence.response_body.as_deref().unwrap_or_default();
        let status_line = head.lines().next().unwrap_or_default();
        let received = evidence.frames.iter().find(|frame| !frame.sent);
        Self {
            head: head.to_lowercase(),
            text: format!("{status_line}\n{body}").to_lowercase(),
            message: received.map_or("", |frame| frame.data.as_str()),
            is_of_ws: is_refusal_of_ws(head, body),
        }
    }

    fn shows(&self, sign: Sign) -> bool {
        match sign {
            Sign::Path(_) => false,
            Sign::Header(name, value) => self.head.lines().skip(1).any(|line| {
                let header = line.split_once(':');
                header.is_some_and(|(found, text)| found.trim() == name && text.contains(value))
            }),
            Sign::Text(part) => self.text.contains(&part.to_lowercase()),
            Sign::Message(pattern) => begins_like(self.message, pattern),
            Sign::RefusalOfWs => self.is_of_ws,
        }
    }
}

/// Whether a text begins like this; `*` stands for anything.
fn begins_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

/// Node's package ws refuses with these three headers, in this order, and the
/// words of the status as the body.
fn is_refusal_of_ws(head: &str, body: &str) -> bool {
    let mut lines = head.trim_end().split("\r\n");
    let words = lines.next().and_then(|line| line.splitn(3, ' ').nth(2));
    let names: Vec<_> = lines
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    names == ["Connection", "Content-Type", "Content-Length"]
        && head.contains("Content-Type: text/html\r\n")
        && words.is_some_and(|words| !words.is_empty() && words == body)
}

/// What to do about a weakness, with the snippet for a recognised server where
/// that cures it.
pub(crate) fn remediation(weakness: &Weakness<'_>) -> String {
    let advice = advice(weakness.fix);
    let Some(row) = weakness.server.and_then(Server::row) else {
        return advice.to_owned();
    };
    let more = if cures(row, weakness) {
        row.server.snippet(weakness.allowed)
    } else if weakness.fix == Fix::ExactMatch {
        cannot(row.compares).map(str::to_owned)
    } else {
        None
    };
    match more {
        Some(more) => format!("{advice}. {}: {more}", row.name),
        None => advice.to_owned(),
    }
}

/// Whether the server's setting keeps out what was let in.
fn cures(row: &Row, weakness: &Weakness<'_>) -> bool {
    match (weakness.fix, row.compares) {
        (Fix::AddCheck, _) => true,
        (Fix::ExactMatch | Fix::RejectNull | Fix::OneHeader, Compares::Origin)
        | (Fix::RejectNull, Compares::Host | Compares::HostAndPort) => true,
        (Fix::RejectNull | Fix::OneHeader, Compares::OriginElsewhere) => true,
        (Fix::ExactMatch, Compares::OriginElsewhere) => !is_own(weakness),
        (Fix::ExactMatch, Compares::Host) => is_elsewhere(weakness, host),
        (Fix::ExactMatch, Compares::HostAndPort) => {
            is_elsewhere(weakness, |origin| authority(origin).to_owned())
        }
        _ => false,
    }
}

/// Whether a page was let in whose place is neither an allowed one nor the
/// server's own, as far as the server compares them.
fn is_elsewhere(weakness: &Weakness<'_>, place: impl Fn(&str) -> String) -> bool {
    let origin = weakness.origin;
    let is_web = origin.starts_with("http://") || origin.starts_with("https://");
    let known = weakness.allowed.iter().map(String::as_str);
    let own = format!("http://{}", own_authority(weakness));
    let mut known = known.chain([own.as_str()]);
    is_web && known.all(|known| place(known) != place(origin))
}

/// Whether a page of the server's own host and port was let in.
fn is_own(weakness: &Weakness<'_>) -> bool {
    authority(weakness.origin) == own_authority(weakness)
}

fn own_authority<'a>(weakness: &Weakness<'a>) -> &'a str {
    let parts = weakness.target.split(['/', '?']);
    parts.into_iter().nth(2).unwrap_or_default()
}

/// What to say of a server whose setting compares less than the weakness needs.
fn cannot(compares: Compares) -> Option<&'static str> {
    match compares {
        Compares::Host => Some(
            "its setting compares host names alone; a proxy in front of it can compare the whole origin",
        ),
        Compares::HostAndPort => Some(
            "its setting compares hosts and ports alone; a proxy in front of it can compare the whole origin",
        ),
        Compares::OriginElsewhere => Some(
            "its setting is not asked about its own host and port; a proxy in front of it can compare the whole origin",
        ),
        Compares::Origin | Compares::Token => None,
    }
}

/// What to do about a weakness, whatever the server.
pub(crate) fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::AddCheck => {
            "compare the Origin header of every opening handshake with the list of allowed origins, and answer 403 before the 101; CORS settings do not apply to WebSockets"
        }
        Fix::ExactMatch => {
            "compare the whole origin, scheme, host and port, for equality with each allowed one; no startsWith, endsWith, includes, or pattern"
        }
        Fix::RejectNull => {
            "take 'null' off the list of allowed origins: it stands for every sandboxed frame, whoever made it"
        }
        Fix::DropDevExemption => {
            "remove the exemption for local origins from what runs in production; in development list the exact origin with its port"
        }
        Fix::PinHost => {
            "answer only requests whose Host header is one of the server's own names, besides comparing it with the origin"
        }
        Fix::OneHeader => {
            "judge the one Origin header as it was received, refuse a request with several, and trust no other header in its place"
        }
        Fix::CloseCors => {
            "answer with Access-Control-Allow-Origin for the allowed origins alone, and never with '*' or with whatever was asked from"
        }
        Fix::DecideAbsent => {
            "nothing, unless only browsers are to connect: then refuse requests without an Origin"
        }
    }
}

#[cfg(test)]
mod tests;
