//! The answers to the requests of one connection: what `request` decides,
//! carried out.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::time::sleep;

use super::accept::Shared;
use super::config::Front;
use super::events::{ConnectionId, Opened, Refused, Served};
use super::files::{self, FileBody};
use super::lab::{Carrier, Seen};
use super::limits::Slot;
use super::page;
use super::request::{Answer, Refusal, Route, decide};
use crate::connection::http::server::Accepted;
use crate::connection::net::tls::AcceptedTls;
use crate::connection::ws::deflate::Params;

/// What `Server` says in every answer.
const SERVER: &str = concat!("wscli/", env!("CARGO_PKG_VERSION"));

/// The body of an answer.
pub(super) type Body = Either<Full<Bytes>, FileBody>;

type Answered = Result<Response<Body>, Infallible>;

/// The requests of one connection; a clone is another handle on them.
#[derive(Clone)]
pub(super) struct Requests(Arc<State>);

struct State {
    shared: Arc<Shared>,
    connection: ConnectionId,
    tls: Option<Box<AcceptedTls>>,
    /// Whether a request has been answered otherwise than by an upgrade.
    answered: AtomicBool,
    upgrade: OnceLock<Upgrade>,
}

/// An accepted opening handshake, on its way from the request to the socket.
#[derive(Debug)]
pub(super) struct Upgrade {
    pub(super) route: Route,
    pub(super) deflate: Option<Params>,
    pub(super) opened: Opened,
    /// What the fault lab tells of the request.
    pub(super) seen: Option<Box<Seen>>,
    pub(super) slot: Slot,
}

impl Requests {
    pub(super) fn new(
        shared: Arc<Shared>,
        connection: ConnectionId,
        tls: Option<Box<AcceptedTls>>,
    ) -> Self {
        Self(Arc::new(State {
            shared,
            connection,
            tls,
            answered: AtomicBool::new(false),
            upgrade: OnceLock::new(),
        }))
    }

    /// Whether a request has been answered otherwise than by an upgrade.
    pub(super) fn has_answered(&self) -> bool {
        self.0.answered.load(Relaxed)
    }

    /// Whether no answer takes its time: those that do hold the state, as
    /// hyper does and the caller.
    pub(super) fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) <= 2
    }

    /// What the connection becomes, once nothing else holds its requests.
    pub(super) fn into_upgrade(self) -> Option<Upgrade> {
        Arc::into_inner(self.0)?.upgrade.into_inner()
    }
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answered> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let state = Arc::clone(&self.0);
        Box::pin(async move {
            let (parts, _body) = request.into_parts();
            Ok(state.answer(&parts).await)
        })
    }
}

impl State {
    async fn answer(self: &Arc<Self>, request: &Parts) -> Response<Body> {
        let config = &self.shared.config;
        let response = match decide(request, config) {
            Ok(Answer::Upgrade(route, accepted)) => self.upgrade(request, route, accepted).await,
            Ok(Answer::Page) => Ok(page::response(config.routes.paths().next())),
            Ok(Answer::File(path)) => self.file(&path).await,
            Err(refusal) => Err(refusal),
        };
        let response = response.unwrap_or_else(|refusal| self.refuse(request, &refusal));
        self.finish(request, response)
    }

    async fn upgrade(
        &self,
        request: &Parts,
        route: Route,
        accepted: Accepted,
    ) -> Result<Response<Body>, Refusal> {
        let slot = self.shared.limits.take_slot().ok_or(Refusal::Full)?;
        let mut headers = accepted.headers();
        let mut seen = None;
        if let Route::Lab(plan) = &route {
            sleep(plan.opening.wait).await;
            plan.opening.spoil(&mut headers);
            let carrier = Carrier {
                peer: self.connection.peer,
                tls: self.tls.as_deref().cloned(),
            };
            seen = Some(Box::new(Seen::new(request, carrier, &accepted)));
        }
        let upgrade = Upgrade {
            route,
            deflate: accepted.deflate,
            opened: Opened {
                resource: resource(request),
                origin: origin(request),
                subprotocol: accepted.subprotocol,
                extensions: accepted.extensions,
            },
            seen,
            slot,
        };
        // Hyper reads no request behind one that it has upgraded.
        let _ = self.upgrade.set(upgrade);
        Ok(response(
            StatusCode::SWITCHING_PROTOCOLS,
            headers,
            Bytes::new(),
        ))
    }

    async fn file(self: &Arc<Self>, path: &str) -> Result<Response<Body>, Refusal> {
        let Front::Files(folder) = &self.shared.config.front else {
            return Err(Refusal::NotFound(Vec::new()));
        };
        let found = files::find(folder, path).await;
        found
            .map(|found| found.respond(Arc::clone(self) as _))
            .ok_or_else(|| {
                let known = self.shared.config.routes.paths();
                Refusal::NotFound(known.map(str::to_owned).collect())
            })
    }

    /// What all answers have in common. Hyper leaves the body of an answer to
    /// HEAD out by itself.
    fn finish(&self, request: &Parts, mut response: Response<Body>) -> Response<Body> {
        response
            .headers_mut()
            .insert(header::SERVER, HeaderValue::from_static(SERVER));
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return response;
        }
        let was_refused = response.extensions().get::<WasRefused>().is_some();
        self.answered.store(true, Relaxed);
        if !was_refused {
            let served = Served {
                method: request.method.to_string(),
                resource: resource(request),
                status: response.status().as_u16(),
                body_bytes: hyper::body::Body::size_hint(response.body()).lower(),
            };
            self.shared.served(self.connection, served);
        }
        response
    }

    fn refuse(&self, request: &Parts, refusal: &Refusal) -> Response<Body> {
        let reason = refusal.to_string();
        let mut headers = refusal.headers();
        headers.push((
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ));
        let body = Bytes::from(format!("{reason}\n"));
        self.shared.refused(
            self.connection,
            Refused {
                method: request.method.to_string(),
                resource: resource(request),
                origin: origin(request),
                status: refusal.status().as_u16(),
                reason,
            },
        );
        let mut response = response(refusal.status(), headers, body);
        response.extensions_mut().insert(WasRefused);
        response
    }
}

/// Marks an answer that has been told as a refusal.
#[derive(Clone)]
struct WasRefused;

/// An answer with a short body.
pub(super) fn response(
    status: StatusCode,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    body: Bytes,
) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

pub(super) fn resource(request: &Parts) -> String {
    let uri = &request.uri;
    uri.path_and_query()
        .map_or_else(|| uri.to_string(), ToString::to_string)
}

/// The origins as sent, several joined with commas.
fn origin(request: &Parts) -> Option<String> {
    let values: Vec<_> = request
        .headers
        .get_all(header::ORIGIN)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    Some(values.join(", ")).filter(|origin| !origin.is_empty())
}
