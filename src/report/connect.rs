//! The final report of `wscli connect --json`. Its schema is told in
//! `docs/connect-json.md`; a test holds the two together.

use std::time::Duration;

use serde::Serialize;

use crate::connection::{Closed, Secrets, micros};
use crate::talk::{Close, Opening};

/// The version of the schema. Fields are only added within a version.
pub(crate) const SCHEMA: u32 = 2;

/// One run of `wscli connect`, from its arguments to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ConnectReport {
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
    pub connection: Option<Opening>,
    /// The last opening that failed, as far as it came; `None` when none did.
    pub failed_opening: Option<Opening>,
    /// From the end of the opening handshake to the first message received.
    #[serde(rename = "first_message_us", with = "micros::option")]
    pub first_message: Option<Duration>,
    /// From the end of the opening handshake to the end of the connection.
    #[serde(rename = "open_us", with = "micros::option")]
    pub open: Option<Duration>,
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
pub(crate) enum Outcome {
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

impl ConnectReport {
    /// The report of a run that has not connected yet.
    pub(crate) fn new(url: String) -> Self {
        Self {
            schema: SCHEMA,
            outcome: Outcome::NotOpened,
            exit_code: 0,
            error: None,
            hint: None,
            url,
            connection: None,
            failed_opening: None,
            first_message: None,
            open: None,
            sent: 0,
            received: 0,
            close: None,
        }
    }

    /// Takes over what is known of an opened connection. The heads of its
    /// handshake are for the log.
    pub(crate) fn opened(&mut self, opening: Opening, secrets: &Secrets) {
        self.outcome = Outcome::Failed;
        self.connection = Some(opening.for_report(secrets));
        self.first_message = None;
        self.open = None;
    }

    /// Takes over what is known of an opening that failed.
    pub(crate) fn not_opened(&mut self, opening: Opening, secrets: &Secrets) {
        self.failed_opening = Some(opening.for_report(secrets));
    }

    /// Takes over how the socket came to its end.
    pub(crate) fn closed(&mut self, closed: &Closed) {
        self.outcome = match (&closed.error, closed.by_peer) {
            (Some(_), _) => Outcome::Failed,
            (None, true) => Outcome::ClosedByPeer,
            (None, false) => Outcome::Closed,
        };
        self.close = Some(closed.into());
    }

    /// The report as a JSON document with a line feed at its end.
    pub(crate) fn to_json(&self) -> String {
        // Strings, numbers and options: nothing that could not be written.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::connection::client::reached::{Phase, Timings};
    use crate::connection::http::redirect::Hop;
    use crate::connection::net::tls::pin::Pin;
    use crate::connection::net::tls::{CertificateInfo, ClientAuth, TlsInfo, TlsVersion};
    use crate::connection::{CloseCode, CloseFrame};

    fn certificate() -> CertificateInfo {
        CertificateInfo {
            subject: String::new(),
            issuer: String::new(),
            names: Vec::new(),
            not_before: jiff::Timestamp::UNIX_EPOCH,
            not_after: jiff::Timestamp::UNIX_EPOCH,
            pin: Pin::of_spki(b""),
        }
    }

    /// A report with everything in it.
    fn full() -> ConnectReport {
        let mut report = ConnectReport::new("wss://h/".into());
        report.opened(
            Opening {
                url: "wss://other/".into(),
                redirects: vec![Hop {
                    status: 302,
                    from: "wss://h/".into(),
                    to: "wss://other/".into(),
                    dropped_credentials: false,
                }],
                peer: Some("127.0.0.1:443".into()),
                proxy: Some("http://proxy/".into()),
                status: 101,
                subprotocol: Some("chat".into()),
                extensions: Some("permessage-deflate".into()),
                timings: Timings {
                    redirects: Some(Duration::ZERO),
                    dns: Some(Duration::ZERO),
                    tcp: Some(Duration::from_micros(1500)),
                    proxy: Some(Duration::ZERO),
                    tls: Some(Duration::ZERO),
                    upgrade: Some(Duration::ZERO),
                },
                request: "GET / HTTP/1.1".into(),
                response: "HTTP/1.1 101".into(),
                tls: Some(TlsInfo {
                    version: TlsVersion::Tls13,
                    cipher: String::new(),
                    key_exchange: None,
                    alpn: None,
                    client_auth: ClientAuth::NotRequested,
                    certificate: Some(certificate()),
                }),
                ..Opening::default()
            },
            &Secrets::default(),
        );
        report.not_opened(
            Opening {
                failed: Some(Phase::Tls),
                tried: vec!["127.0.0.1:443".into()],
                status: 403,
                certificate: Some(certificate()),
                request: "GET / HTTP/1.1".into(),
                response: "HTTP/1.1 403 No".into(),
                body: "no".into(),
                body_truncated: true,
                received: "HTTP/1".into(),
                ..Opening::default()
            },
            &Secrets::default(),
        );
        report.first_message = Some(Duration::from_millis(2));
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
        assert_eq!(json["schema"], 2);
        assert_eq!(json["outcome"], "closed");
        assert_eq!(json["connection"]["timings"]["tcp_us"], 1500);
        assert_eq!(json["connection"]["request"], Value::Null);
        assert_eq!(json["first_message_us"], 2000);
        assert_eq!(json["open_us"], Value::Null);
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
            // They have the members of that of a connection.
            let name = name.replace("failed_opening.certificate.", "connection.tls.certificate.");
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
