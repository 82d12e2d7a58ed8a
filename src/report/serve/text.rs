//! The events of a server as sentences.

use std::fmt::Write as _;

use super::ended::{close, error, turned_away};
use super::{Ready, Reload, Report};
use crate::server::{ConnectionId, Ended, Event, Opened, Outcome, Refused, RequestFailure};
use crate::terminal::Verbosity;
use crate::value;

/// One line for people, and the verbosity from which it is shown.
pub(crate) fn text(report: &Report) -> Option<(Verbosity, String)> {
    Some(match report {
        Report::Ready(ready) => (Verbosity::Normal, ready_text(ready)),
        Report::Event(event) => (level(event), event_text(event)),
        Report::LeftOut(events) => (
            Verbosity::Normal,
            format!(
                "{} left out: more came than could be written",
                count(*events, "line")
            ),
        ),
        Report::Reload(reload) => (Verbosity::Normal, reload_text(reload)),
        Report::Stopped(totals) if totals.abandoned > 0 => (
            Verbosity::Normal,
            format!(
                "stopped; {} did not answer the Close in time",
                count(totals.abandoned, "client")
            ),
        ),
        Report::Stopped(totals) => (
            Verbosity::Verbose,
            format!(
                "stopped after {}, {}, {}",
                count(totals.opened, "connection"),
                count(totals.messages, "message"),
                count(totals.bytes, "byte")
            ),
        ),
    })
}

/// So many of a thing.
fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn reload_text(reload: &Reload) -> String {
    match reload {
        Reload::AccessLog => "opened the access log anew".to_owned(),
        Reload::Certificate(certificate) => format!(
            "took the new certificate, public key {}, valid until {}",
            certificate.pin, certificate.not_after
        ),
        Reload::AccessLogFailed(why) | Reload::CertificateFailed(why) => why.clone(),
        Reload::Nothing => {
            "hung up: there is neither an access log nor a certificate to reload".to_owned()
        }
    }
}

/// The address alone on the first line, for those who read it by program.
fn ready_text(ready: &Ready) -> String {
    let mut text = format!("listening on {}", ready.urls.join(" and "));
    if let Some(command) = &ready.command {
        let _ = write!(text, "\nconnect with: {command}");
    } else if let Some(pin) = &ready.pin {
        let _ = write!(text, "\npublic key {pin}");
    }
    for (what, value) in [
        ("page at", &ready.page),
        ("fault lab at", &ready.lab),
        ("admin at", &ready.admin),
    ] {
        if let Some(value) = value {
            let _ = write!(text, "\n{what} {value}");
        }
    }
    if let Some(seed) = ready.seed {
        let _ = write!(text, "\nchaos with --seed {seed}");
    }
    text
}

/// The verbosity from which an event is shown.
fn level(event: &Event) -> Verbosity {
    match event {
        Event::Refused { .. }
        | Event::TurnedAway { .. }
        | Event::AcceptPaused(_)
        | Event::DrainDelayed { .. }
        | Event::Draining { .. } => Verbosity::Normal,
        // Who runs the server has to change something.
        Event::HandshakeFailed { error, .. } if !matches!(error, RequestFailure::Http(_)) => {
            Verbosity::Normal
        }
        // A client that breaks the protocol is news; one that just goes away is not.
        Event::Ended { ended, .. } if broke_the_protocol(&ended.outcome) => Verbosity::Normal,
        Event::Opened { .. }
        | Event::Served { .. }
        | Event::HandshakeFailed { .. }
        | Event::TlsFailed { .. }
        | Event::Ended { .. } => Verbosity::Verbose,
    }
}

fn broke_the_protocol(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Closed(closed)
        if closed.error.as_ref().is_some_and(|error| error.close_frame().is_some()))
}

fn event_text(event: &Event) -> String {
    match event {
        Event::Opened { connection, opened } => opened_text(connection, opened),
        Event::Refused {
            connection,
            refused,
        } => refused_text(connection, refused),
        Event::Served { connection, served } => format!(
            "{}: answered {} {} with {}",
            name_of(connection),
            served.requested.method,
            served.requested.resource,
            served.status
        ),
        Event::TurnedAway {
            connection,
            shortage,
        } => format!(
            "{}: refused: {}",
            name_of(connection),
            turned_away(*shortage)
        ),
        Event::DrainDelayed { delay } => {
            format!("shutting down: /healthz says so, and the port closes after {delay:?}")
        }
        Event::HandshakeFailed { connection, error } => {
            format!("{}: no handshake: {error}", name_of(connection))
        }
        Event::TlsFailed { connection, error } => {
            format!("{}: no TLS: {error}", name_of(connection))
        }
        Event::Ended { connection, ended } => ended_text(connection, ended),
        Event::AcceptPaused(error) => {
            format!("cannot accept connections at the moment: {error}; trying again")
        }
        Event::Draining {
            connections: 0,
            grace: _,
        } => "shutting down".to_owned(),
        Event::Draining { connections, grace } => {
            format!(
                "shutting down: closing {}, {grace:?} at most",
                count(*connections, "connection")
            )
        }
    }
}

fn name_of(connection: &ConnectionId) -> String {
    let name = format!("#{} {}", connection.id, connection.peer);
    match connection.proxy {
        Some(proxy) => format!("{name} through {proxy}"),
        None => name,
    }
}

fn opened_text(connection: &ConnectionId, opened: &Opened) -> String {
    let mut text = format!(
        "{}: opened {}",
        name_of(connection),
        opened.requested.resource
    );
    for (name, value) in [
        ("origin", &opened.requested.origin),
        ("subprotocol", &opened.subprotocol),
        ("extensions", &opened.extensions),
    ] {
        if let Some(value) = value {
            let _ = write!(text, ", {name} {value}");
        }
    }
    if !opened.ignored.is_empty() {
        let names = opened.ignored.join(", ");
        let _ = write!(text, ", not understood by the fault lab: {names}");
    }
    if !opened.offered_subprotocols.is_empty() {
        let offered = opened.offered_subprotocols.join(", ");
        let _ = write!(text, ", no subprotocol of {offered} (see --subprotocol)");
    }
    text
}

fn refused_text(connection: &ConnectionId, refused: &Refused) -> String {
    format!(
        "{}: refused {} {} with {}: {}",
        name_of(connection),
        refused.requested.method,
        refused.requested.resource,
        refused.status,
        refused.reason
    )
}

fn ended_text(connection: &ConnectionId, ended: &Ended) -> String {
    let close = close(ended);
    let name = name_of(connection);
    let code = close.code;
    let mut text = match close.end {
        Some(end) if end.by_peer => format!("{name}: closed by client. Code: {code}."),
        Some(end) if end.sent_code.is_some() => format!("{name}: closed by server. Code: {code}."),
        _ => format!("{name}: lost. Code: {code}."),
    };
    if !close.reason.is_empty() {
        let _ = write!(text, " Reason: {}.", close.reason);
    }
    if let Some(error) = error(ended) {
        let _ = write!(text, " Error: {error}.");
    }
    let _ = write!(
        text,
        " {}, {}, {}",
        count(ended.traffic.received_messages, "message"),
        count(ended.traffic.received_bytes, "byte"),
        value::time(ended.lasted, 3)
    );
    match ended.traffic.missed_messages {
        0 => {}
        1 => text += ", 1 message missed",
        missed => {
            let _ = write!(text, ", {missed} messages missed");
        }
    }
    text
}
