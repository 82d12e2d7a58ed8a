//! The server's side of the opening handshake (RFC 6455 §4.2): pure judgement
//! of a request's head, in two steps, so that a server can look at the origin
//! and the path between them.
//!
//! 1. [`check`]: is this a valid opening handshake? If not, what is answered?
//! 2. [`Offer::accept`]: what the answer agrees to.
//!
//! HTTP itself is the caller's: reading the head, and writing the answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode, Version};
use thiserror::Error;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::connection::ws::deflate::{Params, Policy, negotiate};

/// The protocol version of RFC 6455, the only one there is.
const VERSION: &str = "13";

/// Why a request is no valid opening handshake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RequestError {
    /// RFC 9112 §3.2: a request of HTTP/1.1 has exactly one `Host`.
    #[error("the request has {0} Host headers instead of one")]
    Host(usize),
    /// RFC 9112 §3.2: so is a `Host` that cannot be one. It may hold a password.
    #[error("the Host header is not a host with or without a port")]
    HostInvalid,
    /// RFC 6455 §4.2.1: "an HTTP/1.1 or higher GET request".
    #[error("a WebSocket handshake needs HTTP/1.1 or later, not {0:?}")]
    HttpVersion(Version),
    /// A method other than GET.
    #[error("a WebSocket handshake is a GET request, not {0}")]
    Method(Method),
    /// `Upgrade` does not list `websocket`.
    #[error("no 'Upgrade: websocket' header; this path speaks WebSocket only")]
    Upgrade,
    /// `Connection` does not list `Upgrade`.
    #[error("no 'Connection: Upgrade' header; a proxy may have removed it")]
    Connection,
    /// The request announces a body.
    #[error("a WebSocket handshake has no body")]
    Body,
    /// A version other than 13, or none.
    #[error("Sec-WebSocket-Version is {}; this server speaks 13", match .0 {
        Some(version) => format!("'{version}'"),
        None => "missing".to_owned(),
    })]
    Version(Option<String>),
    /// No `Sec-WebSocket-Key`.
    #[error("no Sec-WebSocket-Key header")]
    KeyMissing,
    /// More than one `Sec-WebSocket-Key`.
    #[error("the request has {0} Sec-WebSocket-Key headers instead of one")]
    KeyRepeated(usize),
    /// A key that is not the base64 of 16 bytes.
    #[error("Sec-WebSocket-Key is not the base64 encoding of 16 bytes")]
    KeyMalformed,
}

impl RequestError {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Version(_) => StatusCode::UPGRADE_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The headers of the answer, besides those of its body.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            // RFC 6455 §4.4: the server "MUST respond with [...] a
            // |Sec-WebSocket-Version| header field indicating the version(s)
            // the server is capable of understanding". RFC 9110 §15.5.22
            // wants an Upgrade header with every 426.
            Self::Version(_) => vec![
                (header::CONNECTION, HeaderValue::from_static("Upgrade")),
                (header::UPGRADE, HeaderValue::from_static("websocket")),
                (
                    header::SEC_WEBSOCKET_VERSION,
                    HeaderValue::from_static(VERSION),
                ),
            ],
            // Whoever sent this does not agree with us on where requests end.
            Self::Host(_) | Self::HostInvalid => {
                vec![(header::CONNECTION, HeaderValue::from_static("close"))]
            }
            _ => Vec::new(),
        }
    }
}

/// What a valid opening handshake asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    key: String,
    subprotocols: Vec<String>,
    extensions: Vec<HeaderValue>,
}

/// What a server agrees to.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept_key: String,
    /// The chosen subprotocol.
    pub subprotocol: Option<String>,
    /// The agreed parameters of permessage-deflate.
    pub deflate: Option<Params>,
    /// The value of `Sec-WebSocket-Extensions`.
    pub extensions: Option<String>,
}

/// Checks the one `Host` that every request of HTTP/1.1 has to have, whatever
/// it asks for.
///
/// # Errors
/// [`RequestError::Host`] and [`RequestError::HostInvalid`].
pub(crate) fn check_host(request: &Parts) -> Result<(), RequestError> {
    let count = request.headers.get_all(header::HOST).iter().count();
    match count {
        1 => match request.headers.get(header::HOST) {
            Some(host) if !is_host(host) => Err(RequestError::HostInvalid),
            _ => Ok(()),
        },
        0 if request.version != Version::HTTP_11 => Ok(()),
        _ => Err(RequestError::Host(count)),
    }
}

/// RFC 9110 §7.2: `uri-host [ ":" port ]`, where a URI of http has a host.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else {
        return false;
    };
    let text = authority.as_str();
    // What stands behind the host, outside of the brackets of IPv6.
    let rest = text.get(authority.host().len()..).unwrap_or_default();
    let port = rest.strip_prefix(':');
    let port_is_right =
        rest.is_empty() || port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok());
    !text.contains('@') && !authority.host().is_empty() && port_is_right
}

/// Checks an opening handshake of HTTP/1.1 against RFC 6455 §4.2.1, except for
/// its `Host` ([`check_host`]), its origin and its path.
///
/// # Errors
/// The first thing that is wrong, beginning with what shows that the request
/// was never meant for a WebSocket.
pub(crate) fn check(request: &Parts) -> Result<Offer, RequestError> {
    let headers = &request.headers;
    if request.version < Version::HTTP_11 {
        return Err(RequestError::HttpVersion(request.version));
    }
    if request.method != Method::GET {
        return Err(RequestError::Method(request.method.clone()));
    }
    if !has_token(headers, &header::UPGRADE, "websocket") {
        return Err(RequestError::Upgrade);
    }
    if !has_token(headers, &header::CONNECTION, "upgrade") {
        return Err(RequestError::Connection);
    }
    if has_body(headers) {
        return Err(RequestError::Body);
    }
    check_version(headers)?;
    Ok(Offer {
        key: key(headers)?,
        subprotocols: list(headers, &header::SEC_WEBSOCKET_PROTOCOL)
            .map(str::to_owned)
            .collect(),
        extensions: headers
            .get_all(header::SEC_WEBSOCKET_EXTENSIONS)
            .iter()
            .cloned()
            .collect(),
    })
}

impl Offer {
    /// The answer of a server that speaks `subprotocols`, the most wanted
    /// first, and compresses where `compression` says how.
    pub(crate) fn accept(&self, subprotocols: &[String], compression: Option<&Policy>) -> Accepted {
        let agreed = compression.and_then(|policy| {
            let offers = self.extensions.iter().map(HeaderValue::as_bytes);
            negotiate(offers, policy)
        });
        let (deflate, extensions) = agreed.unzip();
        Accepted {
            accept_key: derive_accept_key(self.key.as_bytes()),
            // RFC 6455 §4.2.2: "MUST be derived from the client's handshake".
            // Names are compared with regard to case (§1.9, §11.5).
            subprotocol: subprotocols
                .iter()
                .find(|name| self.subprotocols.contains(name))
                .cloned(),
            deflate,
            extensions,
        }
    }
}

impl Accepted {
    /// The headers of the 101 answer.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let optional = [
            (header::SEC_WEBSOCKET_ACCEPT, Some(&self.accept_key)),
            (header::SEC_WEBSOCKET_PROTOCOL, self.subprotocol.as_ref()),
            (header::SEC_WEBSOCKET_EXTENSIONS, self.extensions.as_ref()),
        ];
        let chosen = optional.into_iter().filter_map(|(name, value)| {
            // A subprotocol that no header can hold was never offered.
            Some((name, HeaderValue::from_str(value?).ok()?))
        });
        [
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
        ]
        .into_iter()
        .chain(chosen)
        .collect()
    }
}

/// The elements of a comma list over all headers of this name.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    list(headers, name).any(|element| element.eq_ignore_ascii_case(token))
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING)
        || length.is_some_and(|length| length.as_bytes().iter().any(|b| *b != b'0'))
}

fn check_version(headers: &HeaderMap) -> Result<(), RequestError> {
    let versions: Vec<_> = headers
        .get_all(header::SEC_WEBSOCKET_VERSION)
        .iter()
        .map(|value| value.as_bytes().escape_ascii().to_string())
        .collect();
    match versions.as_slice() {
        [version] if version == VERSION => Ok(()),
        [] => Err(RequestError::Version(None)),
        _ => Err(RequestError::Version(Some(versions.join(", ")))),
    }
}

fn key(headers: &HeaderMap) -> Result<String, RequestError> {
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let key = keys.next().ok_or(RequestError::KeyMissing)?;
    let more = keys.count();
    if more > 0 {
        return Err(RequestError::KeyRepeated(1 + more));
    }
    let decoded = STANDARD.decode(key.as_bytes());
    match (key.to_str(), decoded) {
        (Ok(key), Ok(bytes)) if bytes.len() == 16 => Ok(key.to_owned()),
        _ => Err(RequestError::KeyMalformed),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// A valid request, changed by `edits`: `Name: value` adds a header,
    /// `-Name` removes one; `method` and `version` may differ.
    fn request(edits: &[&str]) -> Parts {
        let mut lines = vec![
            "Host: h",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        for edit in edits {
            match edit.strip_prefix('-') {
                Some(name) => lines.retain(|line| !line.starts_with(name)),
                None => lines.push(edit),
            }
        }
        let mut builder = Request::get("/ws");
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header line");
            builder = builder.header(name, value);
        }
        builder.body(()).expect("a valid request").into_parts().0
    }

    #[test]
    fn every_rule_of_the_handshake() {
        use RequestError as E;
        for (edits, expected) in [
            (&[][..], None),
            (&["-Upgrade", "Upgrade: h2c, WebSocket"], None),
            (&["-Connection", "Connection: keep-alive, UPGRADE"], None),
            (
                &[
                    "-Connection",
                    "Connection: keep-alive",
                    "Connection: upgrade",
                ],
                None,
            ),
            (&["Content-Length: 0"], None),
            (&["-Upgrade"], Some(E::Upgrade)),
            (&["-Upgrade", "Upgrade: websockets"], Some(E::Upgrade)),
            (&["-Upgrade", "Upgrade: h2c"], Some(E::Upgrade)),
            (&["-Connection"], Some(E::Connection)),
            (
                &["-Connection", "Connection: keep-alive"],
                Some(E::Connection),
            ),
            (&["Content-Length: 5"], Some(E::Body)),
            (&["Transfer-Encoding: chunked"], Some(E::Body)),
            (&["-Sec-WebSocket-Version"], Some(E::Version(None))),
            (
                &["-Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"],
                Some(E::Version(Some("8".into()))),
            ),
            (
                &["Sec-WebSocket-Version: 13"],
                Some(E::Version(Some("13, 13".into()))),
            ),
            (&["-Sec-WebSocket-Key"], Some(E::KeyMissing)),
            (
                &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
                Some(E::KeyRepeated(2)),
            ),
            (
                &[
                    "-Sec-WebSocket-Key",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ",
                ],
                Some(E::KeyMalformed),
            ),
            (
                &["-Sec-WebSocket-Key", "Sec-WebSocket-Key: c2hvcnQ="],
                Some(E::KeyMalformed),
            ),
            (
                &["-Sec-WebSocket-Key", "Sec-WebSocket-Key: "],
                Some(E::KeyMalformed),
            ),
        ] {
            assert_eq!(check(&request(edits)).err(), expected, "{edits:?}");
        }
    }

    #[test]
    fn the_method_and_the_version_of_http_come_first() {
        let mut parts = request(&["-Upgrade"]);
        parts.method = Method::POST;
        assert_eq!(check(&parts), Err(RequestError::Method(Method::POST)));
        parts.version = Version::HTTP_10;
        assert_eq!(
            check(&parts).unwrap_err().to_string(),
            "a WebSocket handshake needs HTTP/1.1 or later, not HTTP/1.0"
        );
    }

    #[test]
    fn one_host_and_only_http_1_0_may_do_without() {
        for (edits, version, expected) in [
            (&[][..], Version::HTTP_11, Ok(())),
            (&["-Host"], Version::HTTP_11, Err(RequestError::Host(0))),
            (&["Host: h"], Version::HTTP_11, Err(RequestError::Host(2))),
            (&["-Host"], Version::HTTP_10, Ok(())),
            (&["Host: h"], Version::HTTP_10, Err(RequestError::Host(2))),
            (&["-Host", "Host: [::1]:80"], Version::HTTP_11, Ok(())),
            (
                &["-Host", "Host: h.example:65535"],
                Version::HTTP_11,
                Ok(()),
            ),
            (&["-Host", "Host: h:"], Version::HTTP_11, Ok(())),
        ] {
            let mut parts = request(edits);
            parts.version = version;
            assert_eq!(check_host(&parts), expected, "{edits:?} {version:?}");
        }
    }

    #[test]
    fn a_host_that_cannot_be_one_is_refused() {
        for host in [
            "",
            "a/../b@c:99999",
            "a@b",
            "h:99999",
            "h:x",
            "a b",
            ":80",
            "[::1",
        ] {
            let mut parts = request(&["-Host"]);
            let value = HeaderValue::from_str(host).unwrap();
            parts.headers.insert(header::HOST, value);
            let found = check_host(&parts);
            assert_eq!(found, Err(RequestError::HostInvalid), "{host}");
        }
    }

    #[test]
    fn a_refusal_tells_what_the_server_speaks() {
        let refused = |error: RequestError| {
            let headers: HeaderMap = error.headers().into_iter().collect();
            (error.status().as_u16(), headers)
        };
        let (status, headers) = refused(RequestError::Version(None));
        assert_eq!(
            (status, &headers["sec-websocket-version"]),
            (426, &"13".parse().unwrap())
        );
        let (status, headers) = refused(RequestError::Host(0));
        assert_eq!(
            (status, &headers["connection"]),
            (400, &"close".parse().unwrap())
        );
        let (status, headers) = refused(RequestError::KeyMalformed);
        assert_eq!((status, headers.len()), (400, 0));
    }

    #[test]
    fn the_server_prefers_and_the_client_offers() {
        let own: Vec<String> = ["b", "a"].map(String::from).into();
        for (offers, chosen) in [
            (&[][..], None),
            (&["Sec-WebSocket-Protocol: a, b"], Some("b")),
            (
                &["Sec-WebSocket-Protocol: c,,a", "Sec-WebSocket-Protocol: x"],
                Some("a"),
            ),
            (&["Sec-WebSocket-Protocol: \ta\t,\tc\t"], Some("a")),
            (&["Sec-WebSocket-Protocol: A"], None),
            (&["Sec-WebSocket-Protocol: c"], None),
        ] {
            let accepted = check(&request(offers)).unwrap().accept(&own, None);
            assert_eq!(accepted.subprotocol.as_deref(), chosen, "{offers:?}");
        }
    }

    #[test]
    fn extensions_are_taken_from_every_header_that_offers_some() {
        let offers = [
            "Sec-WebSocket-Extensions: x-unknown",
            "Sec-WebSocket-Extensions: \tpermessage-deflate\t;\tclient_max_window_bits\t",
        ];
        let offer = check(&request(&offers)).unwrap();
        let accepted = offer.accept(&[], Some(&Policy::default()));
        assert!(accepted.deflate.is_some());
        let extensions = accepted.extensions.unwrap();
        assert!(extensions.starts_with("permessage-deflate"), "{extensions}");
        let offer = check(&request(&offers[..1])).unwrap();
        assert_eq!(offer.accept(&[], Some(&Policy::default())).extensions, None);
    }

    #[test]
    fn a_hostile_version_cannot_act_on_who_reads_the_error() {
        let mut parts = request(&["-Sec-WebSocket-Version"]);
        let hostile = HeaderValue::from_bytes(b"8\t\xc2\x9b31m\xff").unwrap();
        parts.headers.insert(header::SEC_WEBSOCKET_VERSION, hostile);
        assert_eq!(
            check(&parts).unwrap_err().to_string(),
            r"Sec-WebSocket-Version is '8\t\xc2\x9b31m\xff'; this server speaks 13"
        );
    }

    #[test]
    fn the_answer_of_rfc_6455_section_1_3() {
        let offer = check(&request(&["Sec-WebSocket-Protocol: chat, superchat"])).unwrap();
        let headers = offer.accept(&["chat".to_owned()], None).headers();
        let shown: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(
            shown,
            [
                "connection: Upgrade",
                "upgrade: websocket",
                "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                "sec-websocket-protocol: chat",
            ]
        );
    }
}
