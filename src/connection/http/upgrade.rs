//! The client's opening handshake: our own writer, so that names keep their
//! spelling and both heads are kept as they went over the wire, and our own
//! validator, since an answer must be judged and not merely taken.

use std::borrow::Cow;
use std::io;

use bytes::Bytes;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::connection::http::auth::Auth;
use crate::connection::http::head::{Head, HeadError, Heard};
use crate::connection::http::header::HeaderEdit;
use crate::connection::http::response::Response;
use crate::connection::net::target::Target;
use crate::connection::net::tls::TlsInfo;
use crate::connection::secrets::{self, RawHead, Secrets};
use crate::connection::ws::deflate::{NegotiationError, Offer, Params, parse_extensions};

/// The usual request fits.
const USUAL_HEAD_BYTES: usize = 480;

/// What a client asks for, besides the target.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The `Origin` header.
    pub origin: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The subprotocols offered, the most wanted first.
    pub subprotocols: Vec<String>,
    /// The offer of permessage-deflate.
    pub deflate: Option<Offer>,
    /// What proves who the user is.
    pub auth: Auth,
    /// Changes to the headers, applied last.
    pub edits: Vec<HeaderEdit>,
    /// What must not be shown either, wherever it stands in the request.
    pub secrets: Vec<String>,
}

impl Request {
    /// What a connection to `target` by this request must not show.
    pub fn secrets(&self, target: &Target) -> Secrets {
        let mut known = self.secrets.clone();
        known.extend(secrets::in_resource(target.resource.wire()));
        for edit in &self.edits {
            if let HeaderEdit::Set { name, value } = edit {
                known.extend(secrets::in_header(name, value));
            }
        }
        // Flags, the URL, netrc and the cookie jar.
        for (name, value) in self.auth.headers(target) {
            known.extend(secrets::in_header(name, &value));
        }
        let offered = self.subprotocols.join(", ");
        known.extend(secrets::in_header("Sec-WebSocket-Protocol", &offered));
        Secrets::default().and_known(known)
    }
}

/// What has gone over the wire of an opening handshake, also while it is not
/// complete.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// The request as sent; empty before it is.
    pub request_head: RawHead,
    /// What has come of an answer.
    pub heard: Heard,
    /// When the opening is over, whatever has come by then.
    pub end: Option<Instant>,
}

/// A completed opening handshake.
#[derive(Debug)]
pub(crate) struct Upgraded {
    /// The answer as received.
    pub response: Response,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The agreed parameters of permessage-deflate.
    pub deflate: Option<Params>,
    /// What arrived behind the answer.
    pub leftover: Bytes,
}

/// An HTTP answer that opens no WebSocket.
#[derive(Debug)]
pub struct Rejection {
    /// The request as sent.
    pub request_head: RawHead,
    /// The answer, with the beginning of its body.
    pub response: Response,
    /// What is wrong with it.
    pub cause: RejectionCause,
    /// What TLS had agreed on, where it is in use.
    pub tls: Option<TlsInfo>,
}

/// Why an answer opens no WebSocket (RFC 6455 §4.1).
#[derive(Debug, Error)]
pub enum RejectionCause {
    /// Another status than 101.
    #[error("the server answered {status_line}")]
    Status { status_line: String },
    /// A 101 in HTTP/1.0, which has no Upgrade (RFC 9110 §7.8).
    #[error("the server's 101 is in HTTP/1.0, which cannot upgrade; HTTP/1.1 is needed")]
    Version,
    /// "If the response lacks an Upgrade header field …"
    #[error("the server's 101 has no 'Upgrade: websocket' header")]
    NoUpgrade,
    /// "If the response lacks a Connection header field …"
    #[error("the server's 101 has no 'Connection: Upgrade' header")]
    NoConnection,
    /// No `Sec-WebSocket-Accept`.
    #[error("the server's 101 has no Sec-WebSocket-Accept header")]
    NoAccept,
    /// A `Sec-WebSocket-Accept` that does not fit the key.
    #[error(
        "the server's 101 has the Sec-WebSocket-Accept '{received}' where '{expected}' answers the key"
    )]
    WrongAccept {
        /// The value that fits.
        expected: String,
        /// The value received.
        received: String,
    },
    /// A subprotocol that was not offered, or more than one.
    #[error("the server chose the subprotocol '{chosen}', which was not offered")]
    Subprotocol {
        /// The choice.
        chosen: String,
    },
    /// Extensions that were not offered, or not like that.
    #[error("the server's 101 has unacceptable extensions: {0}")]
    Extensions(#[from] NegotiationError),
}

/// Why the opening handshake failed.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// A complete HTTP answer, but none that opens a WebSocket.
    #[error("{}", .0.cause)]
    Rejected(Box<Rejection>),
    /// No answer of HTTP.
    #[error(transparent)]
    Head(#[from] HeadError),
}

/// Runs the opening handshake over a connected stream; `exchange` is how far it
/// has come, also where this is dropped on the way.
///
/// # Errors
/// A [`HandshakeError`]; a refusal comes with both heads and the beginning
/// of its body. There is no time limit here: wrap the call.
pub(crate) async fn upgrade<S>(
    stream: &mut S,
    target: &Target,
    request: &Request,
    exchange: &mut Exchange,
) -> Result<Upgraded, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    let headers = request_headers(target, request, &key);
    let request_head = RawHead::new(write_head(target, &headers));
    exchange.request_head = request_head.clone();
    let sent = send(stream, request_head.wire()).await;
    let (head, leftover) = match (exchange.heard.head(stream).await, sent) {
        (Ok(answer), _) => answer,
        (Err(HeadError::Closed { received }), Err(error)) if received.is_empty() => {
            return Err(HeadError::Io(error).into());
        }
        // What the server said before it went away tells more than the
        // failure to write to it.
        (Err(error), _) => return Err(error.into()),
    };
    let mut response = Response::from(head);
    match judge(&response.head, &headers, request.deflate.as_ref()) {
        Ok((subprotocol, deflate)) => Ok(Upgraded {
            response,
            subprotocol,
            deflate,
            leftover,
        }),
        Err(cause) => {
            if response.status() != 101 {
                response.read_body(stream, leftover, exchange.end).await;
            }
            Err(HandshakeError::Rejected(Box::new(Rejection {
                request_head,
                response,
                cause,
                tls: None,
            })))
        }
    }
}

async fn send<S>(stream: &mut S, head: &[u8]) -> io::Result<()>
where
    S: AsyncWrite + Unpin,
{
    stream.write_all(head).await?;
    stream.flush().await
}

type Headers<'a> = Vec<(&'a str, Cow<'a, str>)>;

fn request_headers<'a>(target: &'a Target, request: &'a Request, key: &'a str) -> Headers<'a> {
    let mut headers: Headers<'_> = vec![
        ("Host", target.authority.as_str().into()),
        ("Connection", "Upgrade".into()),
        ("Upgrade", "websocket".into()),
        ("Sec-WebSocket-Version", "13".into()),
        ("Sec-WebSocket-Key", key.into()),
    ];
    let mut add = |name, value| headers.push((name, value));
    if let Some(origin) = &request.origin {
        add("Origin", origin.into());
    }
    if let Some(agent) = &request.user_agent {
        add("User-Agent", agent.into());
    }
    if !request.subprotocols.is_empty() {
        let names = request.subprotocols.join(", ");
        add("Sec-WebSocket-Protocol", names.into());
    }
    if let Some(offer) = &request.deflate {
        add("Sec-WebSocket-Extensions", offer.to_string().into());
    }
    for (name, value) in request.auth.headers(target) {
        add(name, value.into());
    }
    if request.edits.is_empty() {
        return headers;
    }
    apply(&request.edits, headers)
}

/// The first change of a default header takes its place in the order; all
/// others follow behind.
fn apply<'a>(edits: &'a [HeaderEdit], defaults: Headers<'a>) -> Headers<'a> {
    let mut added: Vec<_> = edits.iter().collect();
    let mut headers = Vec::with_capacity(defaults.len() + edits.len());
    for default in defaults {
        let named = |edit: &&HeaderEdit| edit.name().eq_ignore_ascii_case(default.0);
        if !edits.iter().any(|edit| named(&edit)) {
            headers.push(default);
            continue;
        }
        added.retain(|edit| !(named(edit) && matches!(edit, HeaderEdit::Remove { .. })));
        if let Some(index) = added.iter().position(named) {
            push_set(&mut headers, added.remove(index));
        }
    }
    for edit in added {
        push_set(&mut headers, edit);
    }
    headers
}

fn push_set<'a>(headers: &mut Headers<'a>, edit: &'a HeaderEdit) {
    if let HeaderEdit::Set { name, value } = edit {
        headers.push((name, value.into()));
    }
}

fn write_head(target: &Target, headers: &Headers<'_>) -> Bytes {
    let mut head = String::with_capacity(USUAL_HEAD_BYTES);
    head.push_str("GET ");
    head.push_str(target.resource.wire());
    head.push_str(" HTTP/1.1\r\n");
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(if value.is_empty() { ":" } else { ": " });
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into()
}

fn sent<'a>(headers: &'a Headers<'_>, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_ref())
}

/// Judges the answer by what was really sent, the user's changes included.
fn judge(
    answer: &Head,
    headers: &Headers<'_>,
    offer: Option<&Offer>,
) -> Result<(Option<String>, Option<Params>), RejectionCause> {
    if answer.status() != 101 {
        return Err(RejectionCause::Status {
            status_line: answer.start_line(),
        });
    }
    if answer.version == 0 {
        return Err(RejectionCause::Version);
    }
    if !answer.has_token("upgrade", "websocket") {
        return Err(RejectionCause::NoUpgrade);
    }
    if !answer.has_token("connection", "upgrade") {
        return Err(RejectionCause::NoConnection);
    }
    let key = sent(headers, "sec-websocket-key")
        .next()
        .unwrap_or_default();
    let expected = derive_accept_key(key.as_bytes());
    let accepts: Vec<_> = answer.header("sec-websocket-accept").collect();
    match accepts.as_slice() {
        [] => return Err(RejectionCause::NoAccept),
        [received] if received.trim() == expected => {}
        _ => {
            return Err(RejectionCause::WrongAccept {
                expected,
                received: accepts.join(", "),
            });
        }
    }
    let subprotocol = chosen_subprotocol(answer, headers)?;
    Ok((subprotocol, agreed_deflate(answer, offer)?))
}

fn chosen_subprotocol(answer: &Head, headers: &Headers) -> Result<Option<String>, RejectionCause> {
    let chosen: Vec<_> = answer.header("sec-websocket-protocol").collect();
    let offered = |name: &str| {
        sent(headers, "sec-websocket-protocol")
            .flat_map(|value| value.split(','))
            .any(|offer| offer.trim() == name)
    };
    match chosen.as_slice() {
        [] => Ok(None),
        [name] if offered(name.trim()) => Ok(Some(name.trim().to_owned())),
        _ => Err(RejectionCause::Subprotocol {
            chosen: Secrets::default()
                .subprotocols(&chosen.join(", "))
                .into_owned(),
        }),
    }
}

fn agreed_deflate(
    answer: &Head,
    offer: Option<&Offer>,
) -> Result<Option<Params>, NegotiationError> {
    let answer = || answer.values("sec-websocket-extensions");
    if let Some(offer) = offer {
        return offer.accept(answer());
    }
    match parse_extensions(answer())?.into_iter().next() {
        None => Ok(None),
        Some(extension) => Err(NegotiationError::NotOffered(extension.name)),
    }
}
