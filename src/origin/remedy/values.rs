//! The values of a run, as they are written into snippets. Pure.

use url::Url;

/// The allowed origins of a run.
pub(super) struct Values<'a> {
    allowed: &'a [String],
}

impl<'a> Values<'a> {
    pub(super) fn new(allowed: &'a [String]) -> Self {
        Self { allowed }
    }

    pub(super) fn each<T>(&self, write: impl Fn(&str) -> T) -> Vec<T> {
        self.allowed.iter().map(|origin| write(origin)).collect()
    }

    /// One for each host, with its port where that is not the scheme's own.
    pub(super) fn each_host(&self, write: impl Fn(&str) -> String) -> Vec<String> {
        unique(self.each(|origin| write(authority(origin))))
    }

    /// The origin, where it is the only one.
    pub(super) fn only(&self) -> Option<&'a str> {
        match self.allowed {
            [one] => Some(one),
            _ => None,
        }
    }

    pub(super) fn joined(&self, by: &str) -> String {
        self.allowed.join(by)
    }

    /// The origins in quotes, with commas between.
    pub(super) fn quoted(&self, quote: &str) -> String {
        self.each(|origin| format!("{quote}{origin}{quote}"))
            .join(", ")
    }

    /// The same, each with its port.
    pub(super) fn with_ports(&self, quote: &str) -> String {
        self.each(|origin| format!("{quote}{}{quote}", with_port(origin)))
            .join(", ")
    }

    /// Hosts with their ports, in quotes.
    pub(super) fn hosts(&self, quote: &str) -> String {
        self.each_host(|host| format!("{quote}{host}{quote}"))
            .join(", ")
    }

    /// Hosts without their ports, in quotes.
    pub(super) fn hostnames(&self, quote: &str) -> String {
        unique(self.each(|origin| format!("{quote}{}{quote}", host(origin)))).join(", ")
    }
}

/// `host` or `host:port` of an origin.
pub(super) fn authority(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, rest)| rest)
}

/// The host of an origin, without brackets.
pub(super) fn host(origin: &str) -> String {
    let parsed = Url::parse(origin).ok();
    let host = parsed.as_ref().and_then(Url::host_str);
    host.unwrap_or_else(|| authority(origin))
        .trim_matches(['[', ']'])
        .to_owned()
}

/// The origin with its port, be it the scheme's own.
fn with_port(origin: &str) -> String {
    let parsed = Url::parse(origin).ok();
    match parsed.and_then(|url| Some((url.port().is_none(), url.port_or_known_default()?))) {
        Some((true, port)) => format!("{origin}:{port}"),
        _ => origin.to_owned(),
    }
}

fn unique(mut list: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    list.retain(|entry| seen.insert(entry.clone()));
    list
}
