//! For operators: `/healthz` and `/metrics`, on an address of their own, so
//! that clients cannot read them.

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

use super::context::{Monitor, Snapshot};

/// How many connections of operators are served at a time.
const MAX_CONNECTIONS: usize = 64;

/// How long one of them may last: longer than any scrape.
const MAX_LIFE: Duration = Duration::from_secs(60);

/// How long an operator may take for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers operators; ends only by being dropped.
pub(crate) async fn run(listener: TcpListener, monitor: Monitor) {
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
            // The operator sees how it ends.
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
pub(crate) fn metrics(now: &Snapshot) -> String {
    let mut text = String::new();
    for (name, help, value) in gauges(now) {
        family(&mut text, name, "gauge", help, [(String::new(), value)]);
    }
    for (name, help, value) in counters(now) {
        family(&mut text, name, "counter", help, [(String::new(), value)]);
    }
    for (name, help, label, counts) in [
        (
            "websockets_closed_total",
            "WebSockets ended, by the client's close code; 1006 for none.",
            "code",
            &now.closes,
        ),
        (
            "http_responses_total",
            "Answers, by status.",
            "status",
            &now.responses,
        ),
    ] {
        let samples = counts
            .iter()
            .map(|(key, value)| (format!("{{{label}=\"{key}\"}}"), *value));
        family(&mut text, name, "counter", help, samples);
    }
    let traffic = &now.traffic;
    for (name, help, received, sent) in [
        (
            "messages_total",
            "Messages, by direction.",
            traffic.received_messages,
            traffic.sent_messages,
        ),
        (
            "message_bytes_total",
            "Payload of messages in bytes, by direction.",
            traffic.received_bytes,
            traffic.sent_bytes,
        ),
    ] {
        let samples = [("in", received), ("out", sent)]
            .map(|(direction, value)| (format!("{{direction=\"{direction}\"}}"), value));
        family(&mut text, name, "counter", help, samples);
    }
    text
}

/// Name, meaning and value.
type Single = (&'static str, &'static str, u64);

fn gauges(now: &Snapshot) -> [Single; 3] {
    [
        (
            "connections_open",
            "Connections that are open, WebSockets or not.",
            now.connections_open,
        ),
        (
            "websockets_open",
            "WebSockets that are open.",
            now.websockets_open,
        ),
        (
            "draining",
            "1 while the server shuts down.",
            now.draining.into(),
        ),
    ]
}

fn counters(now: &Snapshot) -> [Single; 4] {
    [
        (
            "connections_total",
            "Connections accepted.",
            now.totals.connections,
        ),
        (
            "connections_turned_away_total",
            "Connections refused for the limit of their address.",
            now.turned_away,
        ),
        (
            "websockets_opened_total",
            "WebSockets opened.",
            now.totals.opened,
        ),
        (
            "handshake_failures_total",
            "Connections that failed before an answer.",
            now.handshakes_failed,
        ),
    ]
}

fn family(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    samples: impl IntoIterator<Item = (String, u64)>,
) {
    let _ = writeln!(
        text,
        "# HELP wscli_{name} {help}\n# TYPE wscli_{name} {kind}"
    );
    for (labels, value) in samples {
        let _ = writeln!(text, "wscli_{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_a_sample_for_each_number() {
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
