//! The final report of `wscli connect --json`. Its schema is told in
//! `docs/connect-json.md`; a test holds the two together.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use crate::connection::client::dial::Timings;
use crate::connection::net::tls::TlsInfo;
use crate::connection::{Closed, Opened};

/// The version of the schema. Fields are only added within a version.
pub const SCHEMA: u32 = 1;

/// One run of `wscli connect`, from its arguments to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConnectReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The program's exit code.
    pub exit_code: u8,
    /// What went wrong, as stderr tells it.
    pub error: Option<String>,
    /// What to try next, as stderr tells it.
    pub hint: Option<String>,
    /// What was asked for, without credentials.
    pub url: String,
    /// The connection; `None` when there was none.
    pub connection: Option<Connection>,
    /// The phases, as far as they took place.
    pub timings: Times,
    /// Data messages sent.
    pub sent: u64,
    /// Data messages received.
    pub received: u64,
    /// The end of the connection; `None` when there was none.
    pub close: Option<Close>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No connection could be opened.
    NotOpened,
    /// The closing handshake was started by us.
    Closed,
    /// The closing handshake was started by the peer.
    ClosedByPeer,
    /// The connection ended without a closing handshake, or by an error.
    Failed,
    /// What was expected did not come.
    Unexpected,
    /// A signal ended the run.
    Interrupted,
}

/// The connection that was opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Connection {
    /// What was connected to, after all redirects.
    pub url: String,
    /// The redirects on the way.
    pub redirects: Vec<Redirect>,
    /// The peer's address: the proxy's, where there is one.
    pub peer: Option<String>,
    /// The proxy, without its credentials.
    pub proxy: Option<String>,
    /// The status of the server's answer.
    pub status: u16,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The extensions that the server chose, as it wrote them.
    pub extensions: Vec<String>,
    /// What TLS has agreed on; `None` without TLS.
    pub tls: Option<TlsInfo>,
}

/// A redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redirect {
    /// The status.
    pub status: u16,
    /// What redirected.
    pub from: String,
    /// Where to.
    pub to: String,
}

/// The phases in microseconds; `None` for what did not take place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// All that came before the last redirect.
    pub redirects_us: Option<u64>,
    /// Name resolution.
    pub dns_us: Option<u64>,
    /// The TCP or Unix socket connection.
    pub tcp_us: Option<u64>,
    /// What the proxy took.
    pub proxy_us: Option<u64>,
    /// The TLS handshake.
    pub tls_us: Option<u64>,
    /// The opening handshake.
    pub upgrade_us: Option<u64>,
    /// From the end of the opening handshake to the first message received.
    pub first_message_us: Option<u64>,
    /// From the end of the opening handshake to the end of the connection.
    pub open_us: Option<u64>,
}

/// The end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Close {
    /// The code, as the WebSocket API of browsers shows it: the peer's, 1005
    /// for a Close without one, 1006 when none came.
    pub code: u16,
    /// The peer's reason.
    pub reason: String,
    /// Whether the peer's Close came before ours.
    pub by_peer: bool,
    /// The code that we sent.
    pub sent_code: Option<u16>,
    /// Whether the closing handshake was complete.
    pub clean: bool,
}

impl ConnectReport {
    /// The report of a run that has not connected yet.
    pub fn new(url: String) -> Self {
        Self {
            schema: SCHEMA,
            outcome: Outcome::NotOpened,
            exit_code: 0,
            error: None,
            hint: None,
            url,
            connection: None,
            timings: Times::default(),
            sent: 0,
            received: 0,
            close: None,
        }
    }

    /// Takes over what is known of an opened connection.
    pub fn opened(&mut self, opened: &Opened) {
        self.outcome = Outcome::Failed;
        self.timings = Times::from(&opened.timings);
        self.connection = Some(Connection {
            url: opened.target.to_string(),
            redirects: opened
                .redirects
                .iter()
                .map(|hop| Redirect {
                    status: hop.status,
                    from: hop.from.clone(),
                    to: hop.to.clone(),
                })
                .collect(),
            peer: opened.peer.map(|peer| peer.to_string()),
            proxy: opened.proxy.clone(),
            status: opened.response.status,
            subprotocol: opened.subprotocol.clone(),
            extensions: opened
                .response
                .header("sec-websocket-extensions")
                .map(Cow::into_owned)
                .collect(),
            tls: opened.tls.clone(),
        });
    }

    /// Takes over how the socket came to its end.
    pub fn closed(&mut self, closed: &Closed) {
        self.outcome = match (&closed.error, closed.by_peer) {
            (Some(_), _) => Outcome::Failed,
            (None, true) => Outcome::ClosedByPeer,
            (None, false) => Outcome::Closed,
        };
        self.close = Some(Close {
            code: closed.code(),
            reason: closed.reason().to_owned(),
            by_peer: closed.by_peer,
            sent_code: closed.sent.as_ref().and_then(|frame| frame.code),
            clean: closed.error.is_none() && closed.received.is_some(),
        });
    }

    /// The report as a JSON document with a line feed at its end.
    pub fn to_json(&self) -> String {
        // Strings, numbers and options: nothing that could not be written.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }
}

impl Times {
    /// Adds the time to the first message.
    pub fn set_first_message(&mut self, time: Duration) {
        self.first_message_us = Some(microseconds(time));
    }

    /// Adds the time that the connection was open.
    pub fn set_open(&mut self, time: Duration) {
        self.open_us = Some(microseconds(time));
    }
}

impl From<&Timings> for Times {
    fn from(timings: &Timings) -> Self {
        let us = |time: Option<Duration>| time.map(microseconds);
        Self {
            redirects_us: us(timings.redirects),
            dns_us: us(timings.dns),
            tcp_us: us(timings.tcp),
            proxy_us: us(timings.proxy),
            tls_us: us(timings.tls),
            upgrade_us: us(timings.upgrade),
            first_message_us: None,
            open_us: None,
        }
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::connection::net::tls::{CertificateInfo, ClientAuth, Pin, TlsVersion};
    use crate::connection::{CloseCode, CloseFrame};

    /// A report with everything in it.
    fn full() -> ConnectReport {
        let mut report = ConnectReport::new("wss://h/".into());
        report.connection = Some(Connection {
            url: "wss://other/".into(),
            redirects: vec![Redirect {
                status: 302,
                from: "wss://h/".into(),
                to: "wss://other/".into(),
            }],
            peer: Some("127.0.0.1:443".into()),
            proxy: None,
            status: 101,
            subprotocol: None,
            extensions: vec!["permessage-deflate".into()],
            tls: Some(TlsInfo {
                version: TlsVersion::Tls13,
                cipher: String::new(),
                key_exchange: None,
                alpn: None,
                client_auth: ClientAuth::NotRequested,
                certificate: Some(CertificateInfo {
                    subject: String::new(),
                    issuer: String::new(),
                    names: Vec::new(),
                    not_before: jiff::Timestamp::UNIX_EPOCH,
                    not_after: jiff::Timestamp::UNIX_EPOCH,
                    pin: Pin::of_spki(b""),
                }),
            }),
        });
        report.timings = Times::from(&Timings {
            tcp: Some(Duration::from_micros(1500)),
            ..Timings::default()
        });
        report.timings.set_first_message(Duration::from_millis(2));
        report.received = 5;
        report.closed(&Closed {
            received: Some(CloseFrame::default()),
            sent: Some(CloseFrame::new(CloseCode::NORMAL, "")),
            by_peer: false,
            error: None,
        });
        report
    }

    #[test]
    fn the_report_is_what_it_says() {
        let json: Value = serde_json::from_str(&full().to_json()).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["outcome"], "closed");
        assert_eq!(json["timings"]["tcp_us"], 1500);
        assert_eq!(json["timings"]["first_message_us"], 2000);
        assert_eq!(json["timings"]["dns_us"], Value::Null);
        assert_eq!(json["received"], 5);
        assert_eq!(json["close"]["code"], 1005);
        assert_eq!(json["close"]["sent_code"], 1000);
        assert_eq!(json["close"]["clean"], true);
        assert_eq!(json["connection"]["redirects"][0]["status"], 302);
    }

    #[test]
    fn every_field_and_outcome_is_documented() {
        let page = include_str!("../../docs/connect-json.md");
        let json: Value = serde_json::from_str(&full().to_json()).unwrap();
        let mut names = Vec::new();
        collect("", &json, &mut names);
        for name in names {
            assert!(page.contains(&format!("| `{name}` |")), "{name}");
        }
        for outcome in [
            Outcome::NotOpened,
            Outcome::Closed,
            Outcome::ClosedByPeer,
            Outcome::Failed,
            Outcome::Unexpected,
            Outcome::Interrupted,
        ] {
            let name = serde_json::to_value(outcome).unwrap();
            let name = name.as_str().unwrap();
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    fn collect(prefix: &str, value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name = format!("{prefix}{name}");
                    collect(&format!("{name}."), value, names);
                    names.push(name);
                }
            }
            Value::Array(items) => {
                let prefix = prefix.trim_end_matches('.');
                for item in items.iter().filter(|item| item.is_object()) {
                    collect(&format!("{prefix}[]."), item, names);
                }
            }
            _ => {}
        }
    }
}
