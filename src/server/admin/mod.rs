//! For operators: `/healthz` and `/metrics`, on an address of their own, so
//! that clients cannot read them.

mod metrics;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use self::metrics::{metrics, process};
use super::access::Access;
use super::context::Monitor;

/// How many connections of operators are served at a time.
const MAX_CONNECTIONS: usize = 64;

/// How long one of them may last: longer than any scrape.
const MAX_LIFE: Duration = Duration::from_secs(60);

/// How long an operator may take for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers operators; ends only by being dropped.
pub(crate) async fn run(listener: TcpListener, monitor: Monitor, access: Access) {
    let mut connections = JoinSet::new();
    // In the order of acceptance.
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => {
                open.retain(|handle| !handle.is_finished());
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            // Descriptors come back when connections end.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        // A new one may be who decides whether the server is alive; an answer takes no
        // time, so the oldest is one that is kept open for nothing.
        if open.len() >= MAX_CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let (monitor, access) = (monitor.clone(), access.clone());
        let handle = connections.spawn(async move {
            let service = service_fn(move |request| answer(&request, &monitor, &access));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // The operator sees how it ends.
            let _ = timeout(MAX_LIFE, connection).await;
        });
        open.push_back(handle);
    }
}

fn answer(
    request: &Request<Incoming>,
    monitor: &Monitor,
    access: &Access,
) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, text) = match request.uri().path() {
        _ if !is_read => (
            StatusCode::METHOD_NOT_ALLOWED,
            "this path answers GET and HEAD only\n".to_owned(),
        ),
        "/healthz" if monitor.snapshot().draining => {
            (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
        }
        "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
        // Who looks whether the server is alive has no credentials; all others do.
        _ if !access.allows(request.headers()) => (
            StatusCode::UNAUTHORIZED,
            "this server asks for credentials\n".to_owned(),
        ),
        "/metrics" => (StatusCode::OK, metrics(&monitor.snapshot(), &process())),
        _ => (
            StatusCode::NOT_FOUND,
            "nothing here; try /healthz or /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    // The version of Prometheus's text format.
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    if status == StatusCode::UNAUTHORIZED {
        let challenges = access.challenges();
        let challenges = challenges.map(|value| (header::WWW_AUTHENTICATE, value));
        response.headers_mut().extend(challenges);
    }
    ready(Ok(response))
}
