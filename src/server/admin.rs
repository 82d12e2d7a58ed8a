//! For operators: `/healthz` and `/metrics`, on an address of their own, so
//! that who may talk WebSocket need not be able to read them.

use std::convert::Infallible;
use std::fmt::Write as _;
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
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::counters::{Monitor, Snapshot};

/// How many connections of operators are served at a time.
const MAX_CONNECTIONS: usize = 64;

/// How long one of them may last: longer than any scrape.
const MAX_LIFE: Duration = Duration::from_secs(60);

/// How long an operator may take for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers operators; ends only by being dropped.
pub async fn run(listener: TcpListener, monitor: Monitor) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Descriptors come back when connections end.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let monitor = monitor.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| answer(&request, &monitor));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // Whatever ends it, the operator sees it.
            let _ = timeout(MAX_LIFE, connection).await;
        });
    }
}

fn answer(
    request: &Request<Incoming>,
    monitor: &Monitor,
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
        "/metrics" => (StatusCode::OK, metrics(&monitor.snapshot())),
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
    ready(Ok(response))
}

/// The numbers in Prometheus's text format.
pub fn metrics(now: &Snapshot) -> String {
    let mut text = String::new();
    let single = |value: u64| vec![(String::new(), value)];
    let labelled = |name: &str, counts: &std::collections::BTreeMap<u16, u64>| {
        let sample = |(key, value): (&u16, &u64)| (format!("{{{name}=\"{key}\"}}"), *value);
        counts.iter().map(sample).collect()
    };
    let directions = |received, sent| {
        vec![
            ("{direction=\"in\"}".to_owned(), received),
            ("{direction=\"out\"}".to_owned(), sent),
        ]
    };
    let families: [(&str, &str, &str, Vec<(String, u64)>); 11] = [
        (
            "connections_open",
            "gauge",
            "Connections that are open, WebSockets or not.",
            single(now.connections_open),
        ),
        (
            "connections_total",
            "counter",
            "Connections accepted.",
            single(now.totals.connections),
        ),
        (
            "connections_turned_away_total",
            "counter",
            "Connections refused for the limit of their address.",
            single(now.turned_away),
        ),
        (
            "websockets_open",
            "gauge",
            "WebSockets that are open.",
            single(now.websockets_open),
        ),
        (
            "websockets_opened_total",
            "counter",
            "WebSockets opened.",
            single(now.totals.opened),
        ),
        (
            "websockets_closed_total",
            "counter",
            "WebSockets ended, by the client's close code; 1006 for none.",
            labelled("code", &now.closes),
        ),
        (
            "http_responses_total",
            "counter",
            "Answers, by status.",
            labelled("status", &now.responses),
        ),
        (
            "handshake_failures_total",
            "counter",
            "Connections that failed before an answer.",
            single(now.handshakes_failed),
        ),
        (
            "messages_total",
            "counter",
            "Messages, by direction.",
            directions(now.traffic.received_messages, now.traffic.sent_messages),
        ),
        (
            "message_bytes_total",
            "counter",
            "Payload of messages in bytes, by direction.",
            directions(now.traffic.received_bytes, now.traffic.sent_bytes),
        ),
        (
            "draining",
            "gauge",
            "1 while the server shuts down.",
            single(now.draining.into()),
        ),
    ];
    for (name, kind, help, samples) in families {
        let _ = writeln!(
            text,
            "# HELP wscli_{name} {help}\n# TYPE wscli_{name} {kind}"
        );
        for (labels, value) in samples {
            let _ = writeln!(text, "wscli_{name}{labels} {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_samples() {
        let mut now = Snapshot {
            websockets_open: 3,
            ..Snapshot::default()
        };
        now.closes.insert(1006, 2);
        now.traffic.received_messages = 7;
        let text = metrics(&now);
        for line in [
            "# TYPE wscli_websockets_open gauge",
            "wscli_websockets_open 3",
            "wscli_websockets_closed_total{code=\"1006\"} 2",
            "wscli_messages_total{direction=\"in\"} 7",
            "wscli_draining 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
