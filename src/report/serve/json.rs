//! The events of a server as JSON Lines, as `docs/jsonl.md` tells them.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Serialize;

use super::ended::{close, error, turned_away};
use super::{Ready, Reload, Report};
use crate::connection::micros;
use crate::connection::net::tls::{AcceptedTls, CertificateInfo};
use crate::server::{ConnectionId, Ended, Event, Opened, Requested};
use crate::talk::{Close, rfc3339};

/// One line of JSON.
pub(crate) fn json(at: SystemTime, report: &Report) -> String {
    let line = Line {
        // A clock before the year -9999 tells no time worth writing.
        time: Timestamp::try_from(at).unwrap_or_default(),
        body: body(report),
    };
    serde_json::to_string(&line).expect("strings and numbers are JSON")
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(with = "rfc3339")]
    time: Timestamp,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Body<'a> {
    Ready(&'a Ready),
    Open(Box<Open<'a>>),
    Refused {
        #[serde(flatten)]
        connection: Connection,
        status: u16,
        reason: &'a str,
        #[serde(flatten)]
        request: Request<'a>,
    },
    Request {
        #[serde(flatten)]
        connection: Connection,
        status: u16,
        #[serde(flatten)]
        request: Request<'a>,
        body_bytes: u64,
    },
    TurnedAway {
        #[serde(flatten)]
        connection: Connection,
        reason: &'static str,
    },
    HandshakeFailed(Failed),
    TlsFailed(Failed),
    Close(Box<Closed>),
    AcceptPaused {
        message: String,
    },
    DrainDelayed {
        #[serde(rename = "delay_us", with = "micros")]
        delay: Duration,
    },
    Draining {
        connections: u64,
        #[serde(rename = "grace_us", with = "micros")]
        grace: Duration,
    },
    LeftOut {
        events: u64,
    },
    Reloaded {
        what: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        certificate: Option<&'a CertificateInfo>,
    },
    ReloadFailed {
        what: &'static str,
        message: &'a str,
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
    connection: u64,
    peer: String,
    /// The proxy that has brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<String>,
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

#[derive(Serialize)]
struct Open<'a> {
    #[serde(flatten)]
    connection: Connection,
    url: String,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subprotocol: Option<&'a str>,
    /// What was offered, where none of it was chosen.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    offered_subprotocols: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    ignored: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a AcceptedTls>,
}

#[derive(Serialize)]
struct Failed {
    #[serde(flatten)]
    connection: Connection,
    message: String,
}

#[derive(Serialize)]
struct Closed {
    #[serde(flatten)]
    connection: Connection,
    #[serde(flatten)]
    close: Close,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    received_messages: u64,
    received_bytes: u64,
    sent_messages: u64,
    sent_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    missed_messages: u64,
    #[serde(rename = "open_us", with = "micros")]
    open: Duration,
}

fn body(report: &Report) -> Body<'_> {
    match report {
        Report::Ready(ready) => Body::Ready(ready),
        Report::Event(event) => event_body(event),
        Report::LeftOut(events) => Body::LeftOut { events: *events },
        Report::Reload(reload) => reload_body(reload),
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

fn reload_body(reload: &Reload) -> Body<'_> {
    let done = |what, certificate| Body::Reloaded { what, certificate };
    match reload {
        Reload::AccessLog => done("access-log", None),
        Reload::Certificate(certificate) => done("certificate", Some(certificate.as_ref())),
        Reload::Nothing => done("nothing", None),
        Reload::AccessLogFailed(message) => Body::ReloadFailed {
            what: "access-log",
            message,
        },
        Reload::CertificateFailed(message) => Body::ReloadFailed {
            what: "certificate",
            message,
        },
    }
}

fn event_body(event: &Event) -> Body<'_> {
    match event {
        Event::Opened { connection, opened } => Body::Open(Box::new(open(*connection, opened))),
        Event::Refused {
            connection,
            refused,
        } => Body::Refused {
            connection: connection.into(),
            status: refused.status,
            reason: &refused.reason,
            request: (&refused.requested).into(),
        },
        Event::Served { connection, served } => Body::Request {
            connection: connection.into(),
            status: served.status,
            request: (&served.requested).into(),
            body_bytes: served.body_bytes,
        },
        Event::TurnedAway {
            connection,
            shortage,
        } => Body::TurnedAway {
            connection: connection.into(),
            reason: turned_away(*shortage),
        },
        Event::DrainDelayed { delay } => Body::DrainDelayed { delay: *delay },
        Event::HandshakeFailed { connection, error } => Body::HandshakeFailed(Failed {
            connection: connection.into(),
            message: error.to_string(),
        }),
        Event::TlsFailed { connection, error } => Body::TlsFailed(Failed {
            connection: connection.into(),
            message: error.to_string(),
        }),
        Event::Ended { connection, ended } => Body::Close(Box::new(closed(*connection, ended))),
        Event::AcceptPaused(error) => Body::AcceptPaused {
            message: error.to_string(),
        },
        Event::Draining { connections, grace } => Body::Draining {
            connections: *connections,
            grace: *grace,
        },
    }
}

fn open(connection: ConnectionId, opened: &Opened) -> Open<'_> {
    let requested = &opened.requested;
    let scheme = if opened.tls.is_some() { "wss" } else { "ws" };
    let host = requested.host.as_deref().unwrap_or_default();
    Open {
        connection: (&connection).into(),
        url: format!("{scheme}://{host}{}", requested.resource),
        status: 101,
        origin: requested.origin.as_deref(),
        user_agent: requested.user_agent.as_deref(),
        subprotocol: opened.subprotocol.as_deref(),
        offered_subprotocols: &opened.offered_subprotocols,
        extensions: opened.extensions.as_deref(),
        ignored: &opened.ignored,
        tls: opened.tls.as_deref(),
    }
}

fn closed(connection: ConnectionId, ended: &Ended) -> Closed {
    Closed {
        connection: (&connection).into(),
        close: close(ended),
        message: error(ended),
        received_messages: ended.traffic.received_messages,
        received_bytes: ended.traffic.received_bytes,
        sent_messages: ended.traffic.sent_messages,
        sent_bytes: ended.traffic.sent_bytes,
        missed_messages: ended.traffic.missed_messages,
        open: ended.lasted,
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<&ConnectionId> for Connection {
    fn from(connection: &ConnectionId) -> Self {
        Self {
            connection: connection.id,
            peer: connection.peer.to_string(),
            proxy: connection.proxy.map(|proxy| proxy.to_string()),
        }
    }
}

impl<'a> From<&'a Requested> for Request<'a> {
    fn from(requested: &'a Requested) -> Self {
        Self {
            method: &requested.method,
            resource: requested.resource.to_string(),
            origin: requested.origin.as_deref(),
            user_agent: requested.user_agent.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::connection::net::tls::{ClientAuth, TlsVersion};
    use crate::connection::{CloseCode, CloseFrame, Resource, SocketError};
    use crate::server::{Outcome, Peer, Refused, Served, Shortage, Totals, Traffic};

    /// An event of each kind, with everything in it.
    fn events() -> Vec<Event> {
        let connection = ConnectionId {
            id: 7,
            peer: Peer::Unix,
            proxy: Some(Peer::Unix),
        };
        let requested = Requested {
            method: "GET".into(),
            host: Some("h".into()),
            resource: Resource::new("/ws?token=geheim"),
            origin: Some("http://o".into()),
            user_agent: Some("agent/1".into()),
        };
        let tls = AcceptedTls {
            version: TlsVersion::Tls13,
            cipher: String::new(),
            key_exchange: None,
            server_name: None,
            alpn: None,
            client_auth: ClientAuth::NotRequested,
            client_certificate: None,
        };
        let ended = |outcome| Event::Ended {
            connection,
            ended: Ended {
                outcome,
                traffic: Traffic {
                    missed_messages: 3,
                    ..Traffic::default()
                },
                lasted: Duration::from_millis(2),
            },
        };
        vec![
            Event::Opened {
                connection,
                opened: Opened {
                    requested: requested.clone(),
                    subprotocol: Some("chat".into()),
                    offered_subprotocols: vec!["other".into()],
                    extensions: Some("permessage-deflate".into()),
                    ignored: vec!["token".into()],
                    tls: Some(Box::new(tls)),
                },
            },
            Event::Refused {
                connection,
                refused: Refused {
                    requested: requested.clone(),
                    status: 404,
                    reason: String::new(),
                },
            },
            Event::Served {
                connection,
                served: Served {
                    requested,
                    status: 200,
                    body_bytes: 1,
                },
            },
            Event::TurnedAway {
                connection,
                shortage: Shortage::OfServer,
            },
            ended(Outcome::Abandoned),
            ended(Outcome::Closed(crate::connection::Closed {
                received: Some(CloseFrame::new(CloseCode::NORMAL, "bye")),
                sent: Some(CloseFrame::new(CloseCode::NORMAL, "")),
                by_peer: true,
                error: Some(SocketError::Lost),
            })),
            Event::AcceptPaused(std::io::ErrorKind::Other.into()),
            Event::DrainDelayed {
                delay: Duration::from_secs(1),
            },
            Event::Draining {
                connections: 1,
                grace: Duration::from_secs(5),
            },
        ]
    }

    fn lines() -> Vec<Value> {
        let reports = events().into_iter().map(Report::Event);
        reports
            .chain([
                Report::LeftOut(3),
                Report::Stopped(Totals::default()),
                Report::Reload(Reload::AccessLog),
                Report::Reload(Reload::CertificateFailed("why".into())),
            ])
            .map(|report| serde_json::from_str(&json(SystemTime::UNIX_EPOCH, &report)).unwrap())
            .collect()
    }

    #[test]
    fn events_of_serve_take_the_names_of_the_log() {
        let lines = lines();
        let open = &lines[0];
        assert_eq!(open["time"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(
            (&open["type"], &open["connection"]),
            (&"open".into(), &7.into())
        );
        assert_eq!(open["url"], "wss://h/ws?token=[redacted]");
        let close = &lines[5];
        assert_eq!(
            (&close["code"], &close["reason"]),
            (&1000.into(), &"bye".into())
        );
        assert_eq!(
            (&close["by_peer"], &close["clean"]),
            (&true.into(), &false.into())
        );
        assert_eq!(
            (&close["open_us"], &close["peer"]),
            (&2000.into(), &"unix".into())
        );
    }

    #[test]
    fn every_type_and_member_of_serve_is_documented() {
        let page = include_str!("../../../docs/jsonl.md");
        let (_, page) = page.split_once("## `serve --jsonl`").unwrap();
        let mut names = BTreeSet::new();
        for line in lines() {
            names.insert(line["type"].as_str().unwrap().to_owned());
            names.extend(line.as_object().unwrap().keys().cloned());
        }
        names.retain(|name| name != "time" && name != "type");
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
