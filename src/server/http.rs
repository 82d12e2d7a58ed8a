//! HTTP/1.1 up to the opening handshake: one connection, request by request,
//! until one of them becomes a WebSocket.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::accept::Shared;
use super::echo;
use super::events::{ConnectionId, Ended, Event, Opened, Refused};
use super::request::{Refusal, Route, decide};
use super::stop::Stop;
use crate::connection::deflate::Params;
use crate::connection::{Socket, Transport};

/// What `Server` says in every answer.
const SERVER: &str = concat!("wscli/", env!("CARGO_PKG_VERSION"));

/// The largest head of a request. Hyper's own limit is six times that.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// How much of what follows a refusal is read, and for how long, before the
/// connection is closed: closing with unread data would send a reset, which
/// can destroy the answer on its way.
const LINGER_BYTES: u64 = 256 << 10;
const LINGER: Duration = Duration::from_secs(1);

/// Runs an accepted connection to its end.
pub(super) async fn serve<S>(stream: S, connection: ConnectionId, shared: Arc<Shared>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static,
{
    // Boxed, so that an open WebSocket does not keep room for it.
    let requests = Box::pin(requests(stream, connection, &shared, &stop));
    let Some((stream, leftover, upgrade)) = requests.await else {
        return;
    };
    let config = shared.config.socket(upgrade.deflate);
    let socket = Socket::new(stream.into(), leftover, &config).await;
    shared.opened(connection, upgrade.opened);
    let start = Instant::now();
    let (outcome, traffic) = match upgrade.route {
        Route::Echo => echo::run(socket, &stop).await,
    };
    shared.ended(
        connection,
        Ended {
            outcome,
            traffic,
            lasted: start.elapsed(),
        },
    );
}

/// An accepted opening handshake, on its way from the request to the socket.
#[derive(Debug)]
struct Upgrade {
    route: Route,
    deflate: Option<Params>,
    opened: Opened,
}

/// Answers requests until one of them is an accepted opening handshake:
/// returns the byte stream, what came behind the request, and the handshake.
async fn requests<S>(
    stream: S,
    connection: ConnectionId,
    shared: &Arc<Shared>,
    stop: &Stop,
) -> Option<(S, Bytes, Upgrade)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = Requests {
        shared: Arc::clone(shared),
        connection,
        refused: AtomicBool::new(false),
        upgrade: OnceLock::new(),
    };
    let mut http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.config.handshake_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        // A client may send all it has to say, end its side, and wait.
        .half_close(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    let result = tokio::select! {
        biased;
        result = poll_fn(|cx| http.poll_without_shutdown(cx)) => result,
        // Requests are answered as soon as they are read, so there is none to
        // wait for: only silence, or a part of one.
        () = stop.draining() => return None,
    };
    let parts = http.into_parts();
    let stream = parts.io.into_inner();
    if let Err(error) = result {
        // A connection that has had its answer may be kept, and forgotten.
        let forgotten = error.is_timeout() && parts.service.refused.load(Relaxed);
        if !forgotten {
            shared.observe(Event::HandshakeFailed { connection, error });
        }
    }
    let Some(upgrade) = parts.service.upgrade.into_inner() else {
        linger(stream).await;
        return None;
    };
    // A copy, since the few bytes would keep hyper's whole buffer.
    let leftover = Bytes::copy_from_slice(&parts.read_buf);
    Some((stream, leftover, upgrade))
}

/// Closes a connection in the order that loses nothing: FIN, then drain.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let _ = timeout(LINGER, async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    })
    .await;
}

/// The requests of one connection.
struct Requests {
    shared: Arc<Shared>,
    connection: ConnectionId,
    /// Whether a request has been answered with a refusal.
    refused: AtomicBool,
    upgrade: OnceLock<Upgrade>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (parts, _body) = request.into_parts();
        let response = match decide(&parts, &self.shared.config) {
            Ok((route, accepted)) => {
                let headers = accepted.headers();
                let upgrade = Upgrade {
                    route,
                    deflate: accepted.deflate,
                    opened: Opened {
                        resource: resource(&parts),
                        origin: origin(&parts),
                        subprotocol: accepted.subprotocol,
                        extensions: accepted.extensions,
                    },
                };
                // Hyper reads no request behind one that it has upgraded.
                let _ = self.upgrade.set(upgrade);
                response(StatusCode::SWITCHING_PROTOCOLS, headers, Bytes::new())
            }
            Err(refusal) => self.refuse(&parts, &refusal),
        };
        ready(Ok(response))
    }
}

impl Requests {
    fn refuse(&self, request: &Parts, refusal: &Refusal) -> Response<Full<Bytes>> {
        let reason = refusal.to_string();
        let mut headers = refusal.headers();
        headers.push((
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ));
        let body = Bytes::from(format!("{reason}\n"));
        self.refused.store(true, Relaxed);
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
        response(refusal.status(), headers, body)
    }
}

fn response(
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
        .headers_mut()
        .insert(header::SERVER, HeaderValue::from_static(SERVER));
    response
}

fn resource(request: &Parts) -> String {
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
