//! The events of a server as JSON Lines.

use std::time::SystemTime;

use serde::Serialize;

use super::ended::{End, with_causes};
use super::{Ready, Report};
use crate::server::{ConnectionId, Ended, Event};

/// One line of JSON.
pub fn json(at: SystemTime, report: &Report) -> String {
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
        resource: String,
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
        resource: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        origin: Option<&'a str>,
    },
    Served {
        #[serde(flatten)]
        connection: Connection,
        status: u16,
        method: &'a str,
        resource: String,
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

#[derive(Serialize)]
struct Close<'a> {
    #[serde(flatten)]
    connection: Connection,
    code: u16,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_code: Option<u16>,
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
            resource: opened.resource.to_string(),
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
            resource: refused.resource.to_string(),
            origin: refused.origin.as_deref(),
        },
        Event::Served { connection, served } => Body::Served {
            connection: connection.into(),
            status: served.status,
            method: &served.method,
            resource: served.resource.to_string(),
            body_bytes: served.body_bytes,
        },
        Event::TurnedAway { connection } => Body::TurnedAway(connection.into()),
        Event::HandshakeFailed { connection, error } => Body::Failed {
            connection: connection.into(),
            error: with_causes(error),
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
    let end = End::of(ended);
    Close {
        connection: (&connection).into(),
        code: end.code,
        reason: end.reason,
        sent_code: end.sent_code,
        by: end.by,
        error: end.error,
        received_messages: ended.traffic.received_messages,
        received_bytes: ended.traffic.received_bytes,
        sent_messages: ended.traffic.sent_messages,
        sent_bytes: ended.traffic.sent_bytes,
        duration_ms: ended.lasted.as_millis(),
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
