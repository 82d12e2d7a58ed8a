//! The opening of a connection, as every rendering tells it, whether it
//! succeeded or not.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::connection::client::reached::{Phase, Reached, Timings};
use crate::connection::http::redirect::Hop;
use crate::connection::net::tls::{CertificateInfo, TlsInfo};
use crate::connection::{OpenFailure, Opened, RawHead, Response, Secrets, Target};

/// What was learnt while a connection was opened, or could not be. Secrets are
/// redacted already, unless they were asked for. What did not take place is left
/// out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Opening {
    /// What was connected to, after all redirects, without credentials.
    pub url: String,
    /// The phase that failed, where one did. All else is then what was known by
    /// that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Phase>,
    /// The addresses that were tried, where none led to a connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// The redirects on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<Hop>,
    /// The peer's socket address: the proxy's, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The proxy, without its credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The status of the answer; 0 where none came.
    #[serde(skip_serializing_if = "is_zero")]
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
    /// The server's certificate, where TLS has come to no agreement.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub certificate: Option<CertificateInfo>,
    /// How long the phases took.
    pub timings: Timings,
    /// The request's head.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// The answer's head.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub response: String,
    /// The beginning of a refusal's body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Whether the body went on.
    #[serde(skip_serializing_if = "is_false")]
    pub body_truncated: bool,
    /// What came in the place of a whole head.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub received: String,
}

/// How much is told of what came in the place of a head.
const RECEIVED_BYTES: usize = 4 << 10;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(status: &u16) -> bool {
    *status == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Opening {
    /// What `opened` tells, redacted.
    pub fn new(opened: &Opened, secrets: &Secrets) -> Self {
        let extensions: Vec<_> = opened.response.header("sec-websocket-extensions").collect();
        Self {
            status: opened.response.status(),
            subprotocol: opened
                .subprotocol
                .as_ref()
                .map(|name| secrets.subprotocols(name).into_owned()),
            extensions: (!extensions.is_empty()).then(|| extensions.join(", ")),
            response: secrets.head(&opened.response.head.raw),
            ..Self::of(&opened.target, &opened.redirects, &opened.reached, secrets)
        }
    }

    /// What a failed attempt to connect to `target` tells, redacted.
    pub fn of_failure(failure: &OpenFailure, target: &Target, secrets: &Secrets) -> Self {
        let reached = &failure.reached;
        let target = failure.redirected_to.as_deref().unwrap_or(target);
        let answer = failure.answer();
        let received = RawHead::new(Bytes::copy_from_slice(reached.exchange.heard.unfinished()));
        let tried: &[_] = match reached.peer {
            Some(_) => &[],
            None => &reached.tried,
        };
        Self {
            failed: Some(reached.phase),
            tried: tried.iter().map(ToString::to_string).collect(),
            status: answer.map_or(0, Response::status),
            certificate: match reached.tls {
                Some(_) => None,
                None => reached.certificate(),
            },
            response: answer.map_or_else(String::new, |answer| secrets.head(&answer.head.raw)),
            body: answer.map_or_else(String::new, |answer| answer.body_text(secrets)),
            body_truncated: answer.is_some_and(|answer| answer.body_truncated),
            received: secrets.head(&received.cut(RECEIVED_BYTES)),
            ..Self::of(target, &failure.redirects, reached, secrets)
        }
    }

    fn of(target: &Target, redirects: &[Hop], reached: &Reached, secrets: &Secrets) -> Self {
        Self {
            url: secrets.url(&target.wire_url()),
            redirects: redirects
                .iter()
                .map(|hop| shown_hop(hop, secrets))
                .collect(),
            peer: reached.peer.map(|peer| peer.to_string()),
            proxy: reached.proxy.clone(),
            tls: reached.tls.clone(),
            timings: reached.timings,
            request: secrets.head(&reached.exchange.request_head),
            ..Self::default()
        }
    }

    /// What a report may hold, which never holds a secret: all is redacted, and
    /// heads are for what failed.
    pub fn for_report(mut self, secrets: &Secrets) -> Self {
        self.url = secrets.url(&self.url);
        for hop in &mut self.redirects {
            *hop = shown_hop(hop, secrets);
        }
        self.subprotocol = self
            .subprotocol
            .map(|name| secrets.subprotocols(&name).into_owned());
        if self.failed.is_none() {
            self.request.clear();
            self.response.clear();
        }
        for head in [&mut self.request, &mut self.response, &mut self.received] {
            *head = secrets.head(&RawHead::new(std::mem::take(head).into()));
        }
        self.body = secrets.cut_text(&self.body);
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

fn shown_hop(hop: &Hop, secrets: &Secrets) -> Hop {
    Hop {
        from: secrets.url(&hop.from),
        to: secrets.url(&hop.to),
        ..hop.clone()
    }
}
