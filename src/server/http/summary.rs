//! What `/json` tells: the request as the server saw it, and what carried it.

use http::request::Parts;
use serde::{Serialize, Serializer};

use super::request::resource;
use crate::connection::http::server::Accepted;
use crate::connection::net::tls::AcceptedTls;
use crate::server::context::Peer;

/// A request, for its sender to read.
#[derive(Debug, Serialize)]
pub(super) struct RequestSummary<'a> {
    #[serde(serialize_with = "as_text")]
    peer: Peer,
    /// `None` in plain.
    tls: Option<&'a AcceptedTls>,
    method: String,
    resource: String,
    http_version: String,
    /// In the order of arrival for each name, names as hyper gives them: in
    /// lower case.
    headers: Vec<(String, String)>,
    origin: Option<String>,
    /// What was offered, and what was chosen.
    subprotocols: Vec<String>,
    subprotocol: Option<String>,
    extensions: Option<String>,
}

impl<'a> RequestSummary<'a> {
    pub(super) fn new(
        request: &Parts,
        peer: Peer,
        tls: Option<&'a AcceptedTls>,
        accepted: &Accepted,
    ) -> Self {
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.to_string(), value)
            })
            .collect();
        let named = |wanted: &'static str| {
            let headers = headers.iter();
            headers
                .filter(move |(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        };
        Self {
            peer,
            tls,
            method: request.method.to_string(),
            resource: resource(request),
            http_version: format!("{:?}", request.version),
            origin: named("origin").next(),
            subprotocols: named("sec-websocket-protocol")
                .flat_map(|list| {
                    let names = list.split(',').map(|name| name.trim().to_owned());
                    names.collect::<Vec<_>>()
                })
                .collect(),
            subprotocol: accepted.subprotocol.clone(),
            extensions: accepted.extensions.clone(),
            headers,
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings are JSON")
    }
}

fn as_text<S: Serializer>(peer: &Peer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(peer)
}
