//! The answers to the requests of one connection: what `request` decides,
//! carried out.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::body::{Body, file_response, response};
use super::page;
use super::request::{Answer, Refusal, decide, offered_subprotocols, requested, secrets};
use super::summary::RequestSummary;
use super::{forwarded, header_case};
use crate::connection::Secrets;
use crate::connection::http::server::Accepted;
use crate::connection::net::tls::AcceptedTls;
use crate::connection::ws::deflate::Params;
use crate::server::behaviour::Feed;
use crate::server::context::{
    ConnectionId, Context, Counted, Front, Opened, Peer, Refused, Served, Slot,
};
use crate::server::faults::{
    After, Failure, LabError, LinePlan, Opening, RawAnswer, Sends, catalogue,
};
use crate::server::files;
use crate::server::routes::Route;

/// What `Server` says in every answer.
const SERVER: &str = concat!("wscli/", env!("CARGO_PKG_VERSION"));

type Answered = Result<Response<Body>, Infallible>;

/// The requests of one connection; a clone is another handle on them.
#[derive(Clone)]
pub(super) struct Requests(Arc<State>);

struct State {
    context: Arc<Context>,
    connection: ConnectionId,
    tls: Option<Box<AcceptedTls>>,
    /// Whether a request has been answered otherwise than by an upgrade.
    answered: AtomicBool,
    upgrade: OnceLock<Upgrade>,
    /// An answer that hyper does not give.
    raw: OnceLock<RawAnswer>,
    is_raw: Notify,
}

/// The behaviour that a route has chosen.
pub(super) enum Chosen {
    Echo,
    /// Something else, without a fault.
    Feed(Box<Feed>),
    /// With a plan of faults around it.
    Faulty(Box<Feed>, Box<LinePlan>),
}

/// An accepted opening handshake, on its way from the request to the socket.
pub(super) struct Upgrade {
    /// The connection, with the client that its request has named.
    pub(super) id: ConnectionId,
    pub(super) behaviour: Chosen,
    pub(super) deflate: Option<Params>,
    pub(super) opened: Opened,
    /// What the request has proved itself by, which a Close may repeat.
    pub(super) secrets: Secrets,
    /// What the WebSocket is counted for until it ends.
    pub(super) place: (Slot, Counted),
}

impl Requests {
    pub(super) fn new(
        context: Arc<Context>,
        connection: ConnectionId,
        tls: Option<Box<AcceptedTls>>,
    ) -> Self {
        Self(Arc::new(State {
            context,
            connection,
            tls,
            answered: AtomicBool::new(false),
            upgrade: OnceLock::new(),
            raw: OnceLock::new(),
            is_raw: Notify::new(),
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

    /// Waits until the answer is one that hyper does not give.
    pub(super) async fn raw(&self) -> RawAnswer {
        loop {
            self.0.is_raw.notified().await;
            if let Some(raw) = self.0.raw.get() {
                return raw.clone();
            }
        }
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
        let config = &self.context.config;
        let response = match decide(request, config) {
            Ok(Answer::Upgrade(route, accepted)) => self.upgrade(request, route, accepted).await,
            Ok(Answer::Page) => Ok(page::response(config.routes.paths().next(), config.lab)),
            Ok(Answer::LabList { json }) => Ok(lab_list(json)),
            Ok(Answer::File(path)) => self.file(request, &path).await,
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
        if let Some(chaos) = &self.context.config.chaos
            && chaos.refuses(self.connection.id)
        {
            return Err(LabError::Chance.into());
        }
        if let Route::Lab(plan) = &route {
            // A client that leaves meanwhile keeps no place.
            sleep(plan.opening.wait).await;
            self.try_opening(request, &plan.opening).await?;
        }
        let limits = &self.context.limits;
        let id = self.client(request);
        let slot = limits.take_slot().ok_or(Refusal::Full)?;
        let counted = match id.peer {
            Peer::Forwarded(_) => limits.count(id.peer).ok_or(Refusal::AddressFull)?,
            // It was counted when it was accepted.
            Peer::Tcp(_) | Peer::Unix => Counted::for_nobody(),
        };
        let mut headers = accepted.headers();
        let (behaviour, ignored, raw) = match route {
            Route::Echo => (Chosen::Echo, Vec::new(), None),
            Route::Lab(plan) => {
                let feed = self.feed(plan.sends, request, &accepted);
                headers.extend(plan.opening.headers.clone());
                headers.push((header::SERVER, HeaderValue::from_static(SERVER)));
                let raw = plan.opening.raw(&headers, plan.line.pace());
                (self.around(feed, plan.line), plan.ignored, raw)
            }
        };
        if let Some(raw) = raw.clone().filter(|raw| raw.then != After::Open) {
            return self.without_answer(request, raw).await;
        }
        let upgrade = Upgrade {
            id,
            behaviour,
            deflate: accepted.deflate,
            opened: Opened {
                requested: requested(request),
                offered_subprotocols: match accepted.subprotocol {
                    Some(_) => Vec::new(),
                    None => offered_subprotocols(request),
                },
                tls: self.tls.clone(),
                subprotocol: accepted
                    .subprotocol
                    .map(|name| Secrets::default().subprotocols(&name).into_owned()),
                extensions: accepted.extensions,
                ignored,
            },
            secrets: secrets(request),
            place: (slot, counted),
        };
        // Hyper reads no request behind one that it has upgraded.
        let _ = self.upgrade.set(upgrade);
        if let Some(raw) = raw {
            return self.answer_raw(raw).await;
        }
        Ok(response(
            StatusCode::SWITCHING_PROTOCOLS,
            headers,
            Bytes::new(),
        ))
    }

    /// The connection, with the client that a proxy sends the request for.
    fn client(&self, request: &Parts) -> ConnectionId {
        let connection = self.connection;
        let trusted = &self.context.config.trusted_proxies;
        if !trusted.trusts(connection.peer) {
            return connection;
        }
        forwarded::client(&request.headers, trusted).map_or(connection, |peer| ConnectionId {
            peer,
            proxy: Some(connection.proxy.unwrap_or(connection.peer)),
            ..connection
        })
    }

    /// Whether this opening is one of those that are to fail.
    async fn try_opening(&self, request: &Parts, opening: &Opening) -> Result<(), Refusal> {
        let Some(flaky) = &opening.flaky else {
            return Ok(());
        };
        let attempt = self
            .context
            .attempts
            .count(self.client(request).peer, &flaky.id);
        if attempt > flaky.failures {
            return Ok(());
        }
        match &flaky.how {
            Failure::Answer(error) => Err(error.clone().into()),
            Failure::Silence(then) => {
                let raw = RawAnswer {
                    bytes: Vec::new(),
                    pace: None,
                    then: *then,
                };
                self.without_answer(request, raw).await
            }
        }
    }

    /// Tells that a handshake gets no answer of HTTP, and gives none.
    async fn without_answer<T>(&self, request: &Parts, raw: RawAnswer) -> T {
        let refused = Refused {
            requested: requested(request),
            status: 0,
            reason: "the fault lab gives no answer, as asked for".to_owned(),
        };
        self.context.refused(self.client(request), refused);
        self.answer_raw(raw).await
    }

    /// Hands an answer to who has the connection, which is the end of this request.
    async fn answer_raw<T>(&self, raw: RawAnswer) -> T {
        let _ = self.raw.set(raw);
        self.is_raw.notify_one();
        std::future::pending().await
    }

    fn feed(&self, sends: Sends, request: &Parts, accepted: &Accepted) -> Box<Feed> {
        let request_json = (sends == Sends::Request).then(|| {
            let tls = self.tls.as_deref();
            RequestSummary::new(request, self.client(request).peer, tls, accepted).to_json()
        });
        Box::new(Feed {
            sends,
            request_json,
        })
    }

    /// The behaviour, with faults around it where there are any. Large messages,
    /// and those of which many clients get the same, go the same way, which copies
    /// none.
    fn around(&self, feed: Box<Feed>, plan: LinePlan) -> Chosen {
        let is_shared = matches!(feed.sends, Sends::Big(_) | Sends::Broadcast(_));
        let has_chaos = self.context.config.chaos.is_some();
        match feed.sends {
            _ if is_shared || has_chaos || plan != LinePlan::default() => {
                Chosen::Faulty(feed, Box::new(plan))
            }
            Sends::Echo => Chosen::Echo,
            _ => Chosen::Feed(feed),
        }
    }

    async fn file(
        self: &Arc<Self>,
        request: &Parts,
        path: &str,
    ) -> Result<Response<Body>, Refusal> {
        let Front::Files(folder) = &self.context.config.front else {
            return Err(Refusal::NotFound(Vec::new()));
        };
        let Some(found) = files::find(folder, path).await else {
            let known = self.context.config.routes.paths();
            return Err(Refusal::NoFile(known.map(str::to_owned).collect()));
        };
        Ok(file_response(found, request, Arc::clone(self) as _).await)
    }

    /// What all answers have in common. Hyper leaves the body of an answer to
    /// HEAD out by itself.
    fn finish(&self, request: &Parts, mut response: Response<Body>) -> Response<Body> {
        header_case::set(&mut response);
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
                requested: requested(request),
                status: response.status().as_u16(),
                body_bytes: hyper::body::Body::size_hint(response.body()).lower(),
            };
            self.context.served(self.client(request), served);
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
        if let Refusal::Unauthorized = refusal {
            let challenges = self.context.config.access.challenges();
            headers.extend(challenges.map(|value| (header::WWW_AUTHENTICATE, value)));
        }
        let body = match refusal.body() {
            Some(body) => Bytes::copy_from_slice(body.as_bytes()),
            None => Bytes::from(format!("{reason}\n")),
        };
        let reason = secrets(request).text(&reason);
        self.context.refused(
            self.client(request),
            Refused {
                requested: requested(request),
                status: refusal.status().as_u16(),
                reason,
            },
        );
        let mut response = response(refusal.status(), headers, body);
        response.extensions_mut().insert(WasRefused);
        response
    }
}

/// The list of the fault lab's routes.
fn lab_list(json: bool) -> Response<Body> {
    let (content_type, list) = match json {
        true => ("application/json", catalogue::json()),
        false => ("text/plain; charset=utf-8", catalogue::text()),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    response(StatusCode::OK, headers, list.into())
}

/// Marks an answer that was observed as a refusal.
#[derive(Clone)]
struct WasRefused;
