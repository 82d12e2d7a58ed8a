//! An opened connection, as every rendering tells it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::connection::client::reached::Timings;
use crate::connection::http::redirect::Hop;
use crate::connection::net::tls::TlsInfo;
use crate::connection::{Opened, Secrets};

/// What was learnt while a connection was opened. Secrets are redacted
/// already, unless they were asked for. What did not take place is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Opening {
    /// What was connected to, after all redirects, without credentials.
    pub url: String,
    /// The redirects on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<Hop>,
    /// The peer's socket address: the proxy's, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The proxy, without its credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The agreed subprotocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<String>,
    /// The agreed extensions, as the answer spells them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<String>,
    /// What TLS has agreed on. It is written and not read again.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub tls: Option<TlsInfo>,
    /// How long the phases took.
    pub timings: Timings,
    /// The request's head.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// The answer's head.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub response: String,
}

impl Opening {
    /// What `opened` tells, redacted.
    pub fn new(opened: &Opened, secrets: &Secrets) -> Self {
        let extensions: Vec<_> = opened.response.header("sec-websocket-extensions").collect();
        Self {
            url: secrets.url(&opened.target.wire_url()),
            redirects: opened
                .redirects
                .iter()
                .map(|hop| Hop {
                    from: secrets.url(&hop.from),
                    to: secrets.url(&hop.to),
                    ..hop.clone()
                })
                .collect(),
            peer: opened.reached.peer.map(|peer| peer.to_string()),
            proxy: opened.reached.proxy.clone(),
            status: opened.response.status(),
            subprotocol: opened
                .subprotocol
                .as_ref()
                .map(|name| secrets.subprotocols(name).into_owned()),
            extensions: (!extensions.is_empty()).then(|| extensions.join(", ")),
            tls: opened.reached.tls.clone(),
            timings: opened.reached.timings,
            request: secrets.head(&opened.reached.exchange.request_head),
            response: secrets.head(&opened.response.head.raw),
        }
    }

    /// What a report may hold, which never holds a secret: no heads, and all
    /// else redacted.
    pub fn for_report(mut self, secrets: &Secrets) -> Self {
        self.url = secrets.url(&self.url);
        for hop in &mut self.redirects {
            (hop.from, hop.to) = (secrets.url(&hop.from), secrets.url(&hop.to));
        }
        self.subprotocol = self
            .subprotocol
            .map(|name| secrets.subprotocols(&name).into_owned());
        self.request.clear();
        self.response.clear();
        self
    }

    /// The phases that took place, with their times, in their order.
    pub fn phases(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        [
            ("redirects", self.timings.redirects),
            ("dns", self.timings.dns),
            ("tcp", self.timings.tcp),
            ("proxy", self.timings.proxy),
            ("tls", self.timings.tls),
            ("upgrade", self.timings.upgrade),
        ]
        .into_iter()
        .filter_map(|(name, time)| Some((name, time?)))
    }
}
