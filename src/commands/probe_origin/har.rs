//! `--from-har`: the WebSockets that a browser has opened, as its developer
//! tools export them (HTTP Archive 1.2).

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::exit::Failure;

/// One WebSocket of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its address.
    pub(super) url: String,
    /// The headers of its opening handshake.
    headers: Vec<(String, String)>,
}

/// What is sent again of a request, besides its address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Headers, as `Name: value`.
    pub(super) headers: Vec<String>,
    /// The subprotocols that were offered.
    pub(super) subprotocols: Vec<String>,
    /// Whether there were credentials that are left out.
    pub(super) left_out: bool,
}

#[derive(Deserialize)]
struct Archive {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
    #[serde(default)]
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    url: String,
    #[serde(default)]
    headers: Vec<Named>,
    #[serde(default)]
    cookies: Vec<Named>,
}

#[derive(Deserialize, Default)]
struct Response {
    #[serde(default)]
    status: i64,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    value: String,
}

/// Reads an archive.
///
/// # Errors
/// Exit 2 for a file that cannot be read, that is not an archive, or that has
/// no WebSocket in it.
pub(super) fn read(path: &Path) -> Result<Vec<Found>> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("could not read '{shown}': {error}")))?;
    let found = parse(&text).map_err(|error| {
        Failure::usage(format!("'{shown}' is not an HTTP archive (HAR): {error}"))
    })?;
    if found.is_empty() {
        let message = format!(
            "'{shown}' has no WebSocket in it; open the developer tools before the page, and export with its connections open"
        );
        return Err(Failure::usage(message).into());
    }
    Ok(found)
}

/// The WebSockets, each address once: the last time that it was opened tells
/// the freshest credentials.
fn parse(text: &str) -> serde_json::Result<Vec<Found>> {
    // Some tools write a byte order mark.
    let archive: Archive = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    let mut found: Vec<Found> = Vec::new();
    for entry in archive.log.entries.into_iter().filter(is_websocket) {
        let mut headers: Vec<_> = pairs(entry.request.headers).collect();
        let has_cookie = headers.iter().any(|(name, _)| is(name, "cookie"));
        if !has_cookie && !entry.request.cookies.is_empty() {
            let cookies: Vec<_> = pairs(entry.request.cookies)
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            headers.push(("Cookie".into(), cookies.join("; ")));
        }
        let this = Found {
            url: entry.request.url,
            headers,
        };
        match found.iter_mut().find(|earlier| earlier.url == this.url) {
            Some(earlier) => *earlier = this,
            None => found.push(this),
        }
    }
    Ok(found)
}

fn pairs(list: Vec<Named>) -> impl Iterator<Item = (String, String)> {
    list.into_iter().map(|named| (named.name, named.value))
}

fn is(name: &str, wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted)
}

fn is_websocket(entry: &Entry) -> bool {
    let url = entry.request.url.as_str();
    let headers = entry.request.headers.iter();
    let upgrades = || {
        headers
            .clone()
            .any(|header| is(&header.name, "upgrade") && is(&header.value, "websocket"))
    };
    url.starts_with("ws://")
        || url.starts_with("wss://")
        || entry.response.status == 101
        || upgrades()
}

/// What the handshake makes itself, and what a page has no hand in.
const OF_THE_HANDSHAKE: [&str; 13] = [
    "host",
    "connection",
    "upgrade",
    "origin",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "cache-control",
    "pragma",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
];

impl Found {
    /// The headers to send again: with the credentials, or without.
    pub(super) fn taken(
        &self,
        credentials: bool,
        is_secret: impl Fn(&str) -> bool,
        is_secret_subprotocol: impl Fn(&str) -> bool,
    ) -> Taken {
        let mut taken = Taken::default();
        for (name, value) in &self.headers {
            if is(name, "sec-websocket-protocol") {
                for offered in value.split(',').map(str::trim) {
                    if credentials || !is_secret_subprotocol(offered) {
                        taken.subprotocols.push(offered.to_owned());
                    } else {
                        taken.left_out = true;
                    }
                }
                continue;
            }
            // HTTP/2 writes the request line as headers.
            let own = name.starts_with(':')
                || OF_THE_HANDSHAKE.iter().any(|known| is(name, known))
                || name.to_ascii_lowercase().starts_with("sec-fetch-");
            if own || value.is_empty() {
                continue;
            }
            if is_secret(name) && !credentials {
                taken.left_out = true;
                continue;
            }
            taken.headers.push(format!("{name}: {value}"));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = r#"{"log":{"version":"1.2","entries":[
        {"request":{"url":"https://h.example/","headers":[]},"response":{"status":200}},
        {"_resourceType":"websocket","request":{"url":"wss://h.example/live?x=1","headers":[
            {"name":"Cookie","value":"sid=old"},{"name":"Origin","value":"https://h.example"}]},"response":{"status":101}},
        {"request":{"url":"wss://h.example/live?x=1","headers":[
            {"name":"Host","value":"h.example"},{"name":"Cookie","value":"sid=s3cret"},
            {"name":"User-Agent","value":"Mozilla/5.0"},{"name":"Sec-WebSocket-Protocol","value":"chat, tok.s3cret"},
            {"name":"Sec-WebSocket-Key","value":"abc"}]},"response":{"status":101}},
        {"request":{"url":"https://h.example/other","headers":[{"name":"upgrade","value":"WebSocket"}],
            "cookies":[{"name":"a","value":"1"},{"name":"b","value":"2"}]}}]}}"#;

    #[test]
    fn the_websockets_of_an_archive_are_found_each_once() {
        let found = parse(CHROME).unwrap();
        let urls: Vec<_> = found.iter().map(|found| found.url.as_str()).collect();
        assert_eq!(
            urls,
            ["wss://h.example/live?x=1", "https://h.example/other"]
        );
        assert!(parse(&format!("\u{feff}{CHROME}")).is_ok());
        for broken in ["", "{}", "[]", "{\"log\":{\"entries\":[{}]}}"] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn credentials_are_taken_when_asked_for_alone() {
        let found = parse(CHROME).unwrap();
        let secret = |name: &str| is(name, "cookie");
        let token = |name: &str| name.contains("s3cret");
        let with = found[0].taken(true, secret, token);
        assert_eq!(
            with.headers,
            ["Cookie: sid=s3cret", "User-Agent: Mozilla/5.0"]
        );
        assert_eq!(with.subprotocols, ["chat", "tok.s3cret"]);
        assert!(!with.left_out);
        let without = found[0].taken(false, secret, token);
        assert_eq!(without.headers, ["User-Agent: Mozilla/5.0"]);
        assert_eq!(without.subprotocols, ["chat"]);
        assert!(without.left_out);
        // Some tools write cookies apart from the headers.
        assert_eq!(
            found[1].taken(true, secret, token).headers,
            ["Cookie: a=1; b=2"]
        );
    }
}
