//! What a server tells, as text: JSON for programs, sentences for people.
//! Pure functions.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use serde::Serialize;

use super::describe;
use crate::connection::{CloseFrame, Closed};
use crate::server::events::{ConnectionId, Ended, Event, Opened, Outcome, Refused};
use crate::server::{Bound, Front, ServerConfig, Totals};
use crate::terminal::Verbosity;

/// Something to tell.
#[derive(Debug)]
pub(super) enum Report {
    /// The server listens.
    Ready(Ready),
    /// What the engine tells.
    Event(Event),
    /// So many reports have found no room.
    LeftOut(u64),
    /// The server has ended.
    Stopped(Totals),
}

/// Where a server listens.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Ready {
    /// The first of `urls`.
    url: String,
    /// A URL for each path, to be connected to from this machine.
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// The address or the path that is listened on.
    address: String,
    pid: u32,
    /// What a client can give to --pinnedpubkey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
    /// A command that connects, where no authority vouches for the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// The page, or the folder's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// Where operators ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<String>,
    /// Repeats the chances of `--chaos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

impl Ready {
    /// What is known once a server listens.
    pub(super) fn new(
        bound: &Bound,
        config: &ServerConfig,
        admin: Option<SocketAddr>,
        self_signed: bool,
    ) -> Self {
        let pin = config.tls.as_ref().map(|tls| tls.certificate().pin);
        let scheme = if pin.is_some() { "wss" } else { "ws" };
        let (base, port, address) = match bound {
            Bound::Tcp { address, .. } => {
                let mut reachable = *address;
                if address.ip().is_unspecified() {
                    reachable.set_ip(match address {
                        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                    });
                }
                let base = format!("{scheme}://{reachable}");
                (base, Some(address.port()), address.to_string())
            }
            #[cfg(unix)]
            Bound::Unix { path, .. } => {
                let path = path.display().to_string();
                (format!("ws+unix:{path}:"), None, path)
            }
        };
        let urls: Vec<_> = config
            .routes
            .paths()
            .map(|path| format!("{base}{path}"))
            .collect();
        let url = urls.first().cloned().unwrap_or_else(|| base.clone());
        let command = pin
            .filter(|_| self_signed)
            .map(|pin| format!("wscli connect {url} -k --pinnedpubkey {pin}"));
        Self {
            url,
            urls,
            pin: pin.map(|pin| pin.to_string()),
            command,
            port,
            address,
            pid: std::process::id(),
            page: match (&config.front, bound) {
                (Front::Nothing, _) => None,
                #[cfg(unix)]
                (_, Bound::Unix { .. }) => None,
                _ => Some(base.replacen("ws", "http", 1) + "/"),
            },
            admin: admin.map(|admin| format!("http://{admin}/")),
            seed: config.chaos.as_ref().map(|chaos| chaos.seed),
        }
    }
}

/// One line of JSON.
pub(super) fn json(at: SystemTime, report: &Report) -> String {
    let time = jiff::Timestamp::try_from(at)
        .map(|time| format!("{time:.6}"))
        .unwrap_or_default();
    let line = Line {
        event: name(report),
        time,
        body: body(report),
    };
    serde_json::to_string(&line).expect("strings and numbers are JSON")
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    time: String,
    #[serde(flatten)]
    body: Body<'a>,
}

fn name(report: &Report) -> &'static str {
    match report {
        Report::Ready(_) => "ready",
        Report::Event(Event::Opened { .. }) => "open",
        Report::Event(Event::Refused { .. }) => "refused",
        Report::Event(Event::TlsFailed { .. }) => "tls-failed",
        Report::Event(Event::Served { .. }) => "request",
        Report::Event(Event::TurnedAway { .. }) => "turned-away",
        Report::Event(Event::HandshakeFailed { .. }) => "handshake-failed",
        Report::Event(Event::Ended { .. }) => "close",
        Report::Event(Event::AcceptPaused(_)) => "accept-paused",
        Report::Event(Event::Draining { .. }) => "draining",
        Report::LeftOut(_) => "left-out",
        Report::Stopped(_) => "stopped",
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Ready(&'a Ready),
    Open {
        #[serde(flatten)]
        connection: Connection,
        resource: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        origin: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        subprotocol: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        extensions: Option<&'a str>,
    },
    Refused {
        #[serde(flatten)]
        connection: Connection,
        status: u16,
        reason: &'a str,
        method: &'a str,
        resource: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        origin: Option<&'a str>,
    },
    Served {
        #[serde(flatten)]
        connection: Connection,
        status: u16,
        method: &'a str,
        resource: &'a str,
        body_bytes: u64,
    },
    TurnedAway(Connection),
    Failed {
        #[serde(flatten)]
        connection: Connection,
        error: String,
    },
    Close(Box<Close<'a>>),
    Error {
        error: String,
    },
    Draining {
        connections: u64,
        grace_ms: u128,
    },
    LeftOut {
        events: u64,
    },
    Stopped {
        connections: u64,
        opened: u64,
        refused: u64,
        messages: u64,
        bytes: u64,
        abandoned: u64,
    },
}

#[derive(Serialize)]
struct Connection {
    id: u64,
    peer: String,
}

/// `code` and `reason` are the client's, as the WebSocket API of a browser
/// would show them to the server; `sent_code` is in our Close.
#[derive(Serialize)]
struct Close<'a> {
    #[serde(flatten)]
    connection: Connection,
    code: u16,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_code: Option<u16>,
    /// `client` or `server`, whose Close came first; left out without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    received_messages: u64,
    received_bytes: u64,
    sent_messages: u64,
    sent_bytes: u64,
    duration_ms: u128,
}

fn body(report: &Report) -> Body<'_> {
    match report {
        Report::Ready(ready) => Body::Ready(ready),
        Report::Event(event) => event_body(event),
        Report::LeftOut(events) => Body::LeftOut { events: *events },
        Report::Stopped(totals) => Body::Stopped {
            connections: totals.connections,
            opened: totals.opened,
            refused: totals.refused,
            messages: totals.messages,
            bytes: totals.bytes,
            abandoned: totals.abandoned,
        },
    }
}

fn event_body(event: &Event) -> Body<'_> {
    match event {
        Event::Opened { connection, opened } => Body::Open {
            connection: connection.into(),
            resource: &opened.resource,
            origin: opened.origin.as_deref(),
            subprotocol: opened.subprotocol.as_deref(),
            extensions: opened.extensions.as_deref(),
        },
        Event::Refused {
            connection,
            refused,
        } => Body::Refused {
            connection: connection.into(),
            status: refused.status,
            reason: &refused.reason,
            method: &refused.method,
            resource: &refused.resource,
            origin: refused.origin.as_deref(),
        },
        Event::Served { connection, served } => Body::Served {
            connection: connection.into(),
            status: served.status,
            method: &served.method,
            resource: &served.resource,
            body_bytes: served.body_bytes,
        },
        Event::TurnedAway { connection } => Body::TurnedAway(connection.into()),
        Event::HandshakeFailed { connection, error } => Body::Failed {
            connection: connection.into(),
            error: describe(error),
        },
        Event::TlsFailed { connection, error } => Body::Failed {
            connection: connection.into(),
            error: error.to_string(),
        },
        Event::Ended { connection, ended } => Body::Close(Box::new(close_body(*connection, ended))),
        Event::AcceptPaused(error) => Body::Error {
            error: error.to_string(),
        },
        Event::Draining { connections, grace } => Body::Draining {
            connections: *connections,
            grace_ms: grace.as_millis(),
        },
    }
}

fn close_body(connection: ConnectionId, ended: &Ended) -> Close<'_> {
    let closed = match &ended.outcome {
        Outcome::Closed(closed) => Some(closed),
        Outcome::Abandoned => None,
    };
    Close {
        connection: (&connection).into(),
        code: closed.map_or(1006, Closed::code),
        reason: closed.map_or("", Closed::reason),
        sent_code: closed
            .and_then(|closed| closed.sent.as_ref())
            .map(CloseFrame::code_or_1005),
        by: closed.and_then(closed_by),
        error: error_of(&ended.outcome),
        received_messages: ended.traffic.received_messages,
        received_bytes: ended.traffic.received_bytes,
        sent_messages: ended.traffic.sent_messages,
        sent_bytes: ended.traffic.sent_bytes,
        duration_ms: ended.lasted.as_millis(),
    }
}

fn closed_by(closed: &Closed) -> Option<&'static str> {
    match (closed.by_peer, &closed.sent) {
        (true, _) => Some("client"),
        (false, Some(_)) => Some("server"),
        (false, None) => None,
    }
}

fn error_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Closed(closed) => closed.error.as_ref().map(ToString::to_string),
        Outcome::Abandoned => Some("the client did not answer the close frame in time".into()),
    }
}

impl From<&ConnectionId> for Connection {
    fn from(connection: &ConnectionId) -> Self {
        Self {
            id: connection.id,
            peer: connection.peer.to_string(),
        }
    }
}

/// One line for people, and how much has to be told for it to be shown.
pub(super) fn human(report: &Report) -> Option<(Verbosity, String)> {
    Some(match report {
        Report::Ready(ready) => (Verbosity::Normal, human_ready(ready)),
        Report::Event(event) => human_event(event),
        Report::LeftOut(events) => (
            Verbosity::Normal,
            format!("{events} lines left out; they came faster than they could be written"),
        ),
        Report::Stopped(totals) => (
            Verbosity::Verbose,
            format!(
                "stopped after {} connections, {} messages, {} bytes",
                totals.opened, totals.messages, totals.bytes
            ),
        ),
    })
}

/// The address alone on the first line, for those who read it by program.
fn human_ready(ready: &Ready) -> String {
    let mut text = format!("listening on {}", ready.urls.join(" and "));
    if let Some(command) = &ready.command {
        let _ = write!(text, "\nconnect with: {command}");
    } else if let Some(pin) = &ready.pin {
        let _ = write!(text, "\npublic key {pin}");
    }
    for (what, value) in [("page at", &ready.page), ("admin at", &ready.admin)] {
        if let Some(value) = value {
            let _ = write!(text, "\n{what} {value}");
        }
    }
    if let Some(seed) = ready.seed {
        let _ = write!(text, "\nchaos with --seed {seed}");
    }
    text
}

fn human_event(event: &Event) -> (Verbosity, String) {
    match event {
        Event::Opened { connection, opened } => {
            (Verbosity::Verbose, human_opened(connection, opened))
        }
        Event::Refused {
            connection,
            refused,
        } => (Verbosity::Normal, human_refused(connection, refused)),
        Event::Served { connection, served } => (
            Verbosity::Verbose,
            format!(
                "{}: answered {} {} with {}",
                shown(connection),
                served.method,
                served.resource,
                served.status
            ),
        ),
        Event::TurnedAway { connection } => (
            Verbosity::Normal,
            format!(
                "{}: refused, its address has too many connections",
                shown(connection)
            ),
        ),
        Event::HandshakeFailed { connection, error } => (
            Verbosity::Verbose,
            format!("{}: no handshake: {}", shown(connection), describe(error)),
        ),
        Event::TlsFailed { connection, error } => (
            Verbosity::Verbose,
            format!("{}: no TLS: {error}", shown(connection)),
        ),
        Event::Ended { connection, ended } => {
            // A client that breaks the protocol is news; one that just goes
            // away is not.
            let broken = matches!(&ended.outcome, Outcome::Closed(closed)
                if closed.error.as_ref().is_some_and(|error| error.close_frame().is_some()));
            let level = if broken {
                Verbosity::Normal
            } else {
                Verbosity::Verbose
            };
            (level, human_ended(connection, ended))
        }
        Event::AcceptPaused(error) => (
            Verbosity::Normal,
            format!("cannot accept connections at the moment: {error}; trying again"),
        ),
        Event::Draining { connections, grace } => (
            Verbosity::Normal,
            match connections {
                0 => "shutting down".to_owned(),
                _ => format!("shutting down: closing {connections} connections, {grace:?} at most"),
            },
        ),
    }
}

fn shown(connection: &ConnectionId) -> String {
    format!("#{} {}", connection.id, connection.peer)
}

fn human_opened(connection: &ConnectionId, opened: &Opened) -> String {
    let mut text = format!("{}: opened {}", shown(connection), opened.resource);
    for (name, value) in [
        ("origin", &opened.origin),
        ("subprotocol", &opened.subprotocol),
        ("extensions", &opened.extensions),
    ] {
        if let Some(value) = value {
            let _ = write!(text, ", {name} {value}");
        }
    }
    text
}

fn human_refused(connection: &ConnectionId, refused: &Refused) -> String {
    format!(
        "{}: refused {} {} with {}: {}",
        shown(connection),
        refused.method,
        refused.resource,
        refused.status,
        refused.reason
    )
}

fn human_ended(connection: &ConnectionId, ended: &Ended) -> String {
    let close = close_body(*connection, ended);
    let mut text = match close.by {
        Some(by) => format!(
            "{}: closed by {by}. Code: {}.",
            shown(connection),
            close.code
        ),
        None => format!("{}: lost. Code: {}.", shown(connection), close.code),
    };
    if !close.reason.is_empty() {
        let _ = write!(text, " Reason: {}.", close.reason);
    }
    if let Some(error) = close.error {
        let _ = write!(text, " Error: {error}.");
    }
    let _ = write!(
        text,
        " {} messages, {} bytes, {:.1?}",
        close.received_messages, close.received_bytes, ended.lasted
    );
    text
}
