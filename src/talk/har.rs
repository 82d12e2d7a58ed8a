//! The communication log as HAR 1.2 with `_webSocketMessages`, as Chrome
//! writes it: for browsers' developer tools and other HAR viewers.
//!
//! The file is whole after every event. Each write puts the new message and
//! the brackets that close the document in the place of the brackets before,
//! so that neither a crash nor a long talk needs all of it in memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Add;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::entry::{Direction, Entry, Kind};
use super::fifo;
use super::file::{is_open_to_others, open_to_others, owner_only};
use super::opening::Opening;
use super::payload::rfc3339;

const HEAD: &str = concat!(
    r#"{"log":{"version":"1.2","creator":{"name":"wscli","version":""#,
    env!("CARGO_PKG_VERSION"),
    "\"},\"entries\":["
);
const TAIL: &str = "]}}\n";
/// Ends an entry's messages, and the entry.
const ENTRY_TAIL: &str = "]}";

/// A HAR file that is being written.
#[derive(Debug)]
pub struct HarFile {
    file: File,
    path: PathBuf,
    /// Where the brackets that close the document begin.
    end: u64,
    /// Those brackets.
    tail: String,
    state: State,
    /// Events that could not be written since the last that could, and in all.
    lost: u64,
    missing: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No connection yet.
    Empty,
    /// Within an entry without messages.
    Opened,
    /// Within an entry that has some.
    Talking,
    /// Within a connection whose entry could not be written.
    Missing,
}

impl HarFile {
    /// Makes the file, or empties the one that is there.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: &Path) -> io::Result<Self> {
        if fifo::is_fifo(path) {
            return Err(io::Error::other(
                "a HAR file is written in place, which a pipe cannot be; --log can be one",
            ));
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        owner_only(&mut options);
        let mut har = Self {
            file: options.open(path)?,
            path: path.to_owned(),
            end: 0,
            tail: String::new(),
            state: State::Empty,
            lost: 0,
            missing: 0,
        };
        har.put(HEAD, TAIL)?;
        Ok(har)
    }

    /// Adds an event. Returns what the user must be told: the first of a row of
    /// failures, and their end.
    pub fn write(&mut self, entry: &Entry) -> Option<String> {
        let result = match &entry.kind {
            Kind::Open(open) => self.open_entry(entry, open, ""),
            Kind::Error {
                message,
                opening: Some(opening),
                ..
            } => self.open_entry(entry, opening, message),
            _ => match message(entry) {
                Some(_) if self.state == State::Missing => {
                    self.lost += 1;
                    self.missing += 1;
                    return None;
                }
                Some(message) if self.state != State::Empty => self.add_message(&message),
                _ => return None,
            },
        };
        let path = self.path.display();
        match result {
            Ok(()) => {
                let lost = std::mem::take(&mut self.lost);
                (lost > 0).then(|| {
                    format!(
                        "the HAR file '{path}' is being written again; {lost} events are missing from it"
                    )
                })
            }
            Err(error) => {
                self.lost += 1;
                self.missing += 1;
                (self.lost == 1).then(|| {
                    format!(
                        "could not write the HAR file '{path}': {error}; events are missing from it until that works again"
                    )
                })
            }
        }
    }

    /// A warning, where the file was there before and others than its owner may
    /// read it.
    pub fn warning(&self) -> Option<String> {
        is_open_to_others(&self.file).then(|| open_to_others("HAR file", &self.path))
    }

    /// What is missing from it, as a sentence.
    pub fn missing(&self) -> Option<String> {
        let path = self.path.display();
        match self.missing {
            0 => None,
            1 => Some(format!("1 event is missing from the HAR file '{path}'")),
            count => Some(format!(
                "{count} events are missing from the HAR file '{path}'"
            )),
        }
    }

    fn open_entry(&mut self, entry: &Entry, open: &Opening, error: &str) -> io::Result<()> {
        let head = entry_object(entry, open, error).to_string();
        // The messages go inside, before the closing brace.
        let head = head.strip_suffix('}').unwrap_or(&head);
        let before = match self.has_entry() {
            false => "",
            true => "]},",
        };
        let written = self.put(
            &format!("{before}\n{head},\"_webSocketMessages\":["),
            &format!("{ENTRY_TAIL}{TAIL}"),
        );
        self.state = match &written {
            Ok(()) => State::Opened,
            Err(_) => State::Missing,
        };
        written
    }

    /// Whether the document has an entry, which the tail closes.
    fn has_entry(&self) -> bool {
        self.tail.starts_with(ENTRY_TAIL) && self.tail.len() > TAIL.len()
    }

    fn add_message(&mut self, message: &Value) -> io::Result<()> {
        let comma = match self.state {
            State::Talking => ",",
            State::Empty | State::Opened | State::Missing => "",
        };
        self.put(
            &format!("{comma}\n{message}"),
            &format!("{ENTRY_TAIL}{TAIL}"),
        )?;
        self.state = State::Talking;
        Ok(())
    }

    /// Writes `text` in the place of the last tail, and `tail` behind it, in
    /// one write. Where that fails, the document is what it was before.
    fn put(&mut self, text: &str, tail: &str) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        let written = self.file.write_all(format!("{text}{tail}").as_bytes());
        if written.is_err() {
            // The old tail has its place on the disk, so that it fits again.
            let length = self.end + self.tail.len() as u64;
            let _ = self.file.set_len(length);
            let _ = self.file.seek(SeekFrom::Start(self.end));
            let _ = self.file.write_all(self.tail.as_bytes());
            return written;
        }
        self.end += text.len() as u64;
        tail.clone_into(&mut self.tail);
        Ok(())
    }
}

/// A message as Chrome has it; pings and pongs have no form there.
fn message(entry: &Entry) -> Option<Value> {
    let kind = match entry.direction {
        Direction::Out => "send",
        Direction::In => "receive",
    };
    let time = seconds(entry);
    Some(match &entry.kind {
        Kind::Text { data, .. } => {
            json!({"type": kind, "time": time, "opcode": 1, "data": data.as_str()})
        }
        Kind::Binary { data, .. } => {
            json!({"type": kind, "time": time, "opcode": 2, "data": BASE64.encode(data)})
        }
        Kind::Error { message, .. } => {
            json!({"type": "error", "time": time, "opcode": -1, "data": message})
        }
        _ => return None,
    })
}

fn seconds(entry: &Entry) -> f64 {
    entry.moment.time.as_duration().as_secs_f64()
}

/// The entry of a connection, or of an attempt that failed by this error.
fn entry_object(entry: &Entry, open: &Opening, error: &str) -> Value {
    let timings = &open.timings;
    let total: f64 = open
        .phases()
        .map(|(_, time)| time.as_secs_f64() * 1e3)
        .sum();
    let age: Duration = open.phases().map(|(_, time)| time).sum();
    let (method, _, request_version) = first_line(&open.request);
    let (response_version, _, status_text) = first_line(&open.response);
    let mut object = json!({
        "startedDateTime": rfc3339::text(entry.moment.before(age).time),
        "time": total,
        "_resourceType": "websocket",
        "serverIPAddress": open.peer.as_deref().map(ip).unwrap_or_default(),
        "connection": entry.connection.to_string(),
        "request": {
            "method": method,
            "url": open.url,
            "httpVersion": request_version,
            "cookies": [],
            "headers": headers(&open.request),
            "queryString": query(&open.url),
            "headersSize": open.request.len(),
            "bodySize": 0,
        },
        "response": {
            "status": open.status,
            "statusText": status_text,
            "httpVersion": response_version,
            "cookies": [],
            "headers": headers(&open.response),
            "content": content(open),
            "redirectURL": value_of(&open.response, "location"),
            "headersSize": open.response.len(),
            "bodySize": 0,
        },
        "cache": {},
        "timings": {
            "blocked": millis([timings.redirects]).unwrap_or(-1.0),
            "dns": millis([timings.dns]).unwrap_or(-1.0),
            // By the specification, the time of TLS is part of `connect`.
            "connect": millis([timings.tcp, timings.proxy, timings.tls]).unwrap_or(-1.0),
            "ssl": millis([timings.tls]).unwrap_or(-1.0),
            "send": 0,
            "wait": millis([timings.upgrade]).unwrap_or(0.0),
            "receive": 0,
        },
    });
    if open.failed.is_some() {
        // As Chrome has it, where a request came to no answer.
        object["response"]["_error"] = error.into();
    }
    object
}

/// The body of a refusal, as far as it is known.
fn content(open: &Opening) -> Value {
    let mime = match value_of(&open.response, "content-type") {
        "" => "x-unknown",
        mime => mime,
    };
    let mut content = json!({"size": open.body.len(), "mimeType": mime});
    if !open.body.is_empty() {
        content["text"] = open.body.as_str().into();
    }
    content
}

/// The value of the first header of this name; empty where there is none.
fn value_of<'h>(head: &'h str, name: &str) -> &'h str {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut named = fields.filter(|field| field.0.eq_ignore_ascii_case(name));
    named.next().map_or("", |field| field.1.trim())
}

/// The sum of what took place, in milliseconds; `None` when nothing did.
fn millis<const N: usize>(phases: [Option<Duration>; N]) -> Option<f64> {
    let taken = phases.into_iter().flatten();
    taken.map(|time| time.as_secs_f64() * 1e3).reduce(f64::add)
}

/// The three parts of a request line or a status line.
fn first_line(head: &str) -> (&str, &str, &str) {
    let line = head.lines().next().unwrap_or_default();
    let mut parts = line.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

fn headers(head: &str) -> Value {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| json!({"name": name, "value": value.trim()}))
        .collect()
}

fn query(url: &str) -> Value {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            json!({"name": name, "value": value})
        })
        .collect()
}

/// The address without its port.
fn ip(peer: &str) -> String {
    peer.parse::<std::net::SocketAddr>()
        .map(|peer| peer.ip().to_string())
        .unwrap_or_default()
}
