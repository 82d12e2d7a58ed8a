//! One accepted connection: request by request, until one of them becomes a
//! WebSocket, and then to its end.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::linger::{LINGER, linger};
use super::pace::Paced;
use super::raw::write_raw;
use super::service::{Chosen, Requests, Upgrade};
use super::write_timeout::WriteTimeout;
use crate::connection::net::tls::AcceptedTls;
use crate::connection::{Socket, Transport};
use crate::server::behaviour::{Behaviour, FaultyLine, FaultyLineConfig, PlainLine, echo};
use crate::server::context::{
    ConnectionId, Context, Ended, Outcome, RequestFailure, Shortage, Stop,
};

/// The largest head of a request. Hyper's own limit is six times that.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// The first byte of a client's TLS (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// An accepted connection.
pub(crate) struct Connection<S> {
    pub(crate) stream: S,
    pub(crate) id: ConnectionId,
    /// When it was accepted.
    pub(crate) accepted: Instant,
    /// What TLS has agreed on, where it is spoken.
    pub(crate) tls: Option<Box<AcceptedTls>>,
}

impl<S> Connection<S> {
    /// A connection without TLS.
    pub(crate) fn plain(stream: S, id: ConnectionId, accepted: Instant) -> Self {
        Self {
            stream,
            id,
            accepted,
            tls: None,
        }
    }
}

/// Runs an accepted connection to its end.
pub(super) async fn serve<S>(connection: Connection<S>, context: Arc<Context>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static,
{
    let accepted = connection.accepted;
    // Boxed, so that an open WebSocket does not keep room for it.
    let requests = Box::pin(requests(connection, &context, &stop));
    let Some((stream, leftover, upgrade)) = requests.await else {
        return;
    };
    let Upgrade {
        id,
        behaviour,
        deflate,
        opened,
        secrets,
        place: _place,
    } = *upgrade;
    let start = Instant::now();
    context.opened(id, opened, start - accepted);
    let (transport, leftover) = paced(stream.into(), leftover, &context);
    let socket = async |transport, leftover| {
        let budget = Arc::clone(&context.budget);
        let config = context.config.socket(deflate, budget);
        Socket::new(transport, leftover, &config).await
    };
    let (mut outcome, traffic) = match behaviour {
        Chosen::Echo => echo(socket(transport, leftover).await, &context, &stop).await,
        // Boxed, so that an echo does not keep room for them.
        Chosen::Feed(feed) => {
            let line = PlainLine::new(socket(transport, leftover).await);
            Box::pin(feed.run(line, &context, &stop)).await
        }
        Chosen::Faulty(feed, plan) => {
            let line = FaultyLine::new(FaultyLineConfig {
                transport,
                leftover: &leftover,
                deflate,
                plan: *plan,
                number: id.id,
                server: &context.config,
                budget: &context.budget,
            });
            Box::pin(feed.run(line, &context, &stop)).await
        }
    };
    if let Outcome::Closed(closed) = &mut outcome {
        for frame in closed.received.iter_mut().chain(&mut closed.sent) {
            frame.reason = secrets.reason(&frame.reason);
        }
    }
    context.ended(
        id,
        Ended {
            outcome,
            traffic,
            lasted: start.elapsed(),
        },
    );
}

/// The transport of a WebSocket, read no faster than the configuration says.
fn paced(transport: Transport, leftover: Bytes, context: &Context) -> (Transport, Bytes) {
    match context.config.max_rate {
        None => (transport, leftover),
        Some(rate) => {
            let paced = Paced::new(transport, leftover, rate);
            (Transport::other(paced), Bytes::new())
        }
    }
}

/// Answers requests until one of them is an accepted opening handshake:
/// returns the byte stream, what came behind the request, and the handshake.
async fn requests<S>(
    connection: Connection<S>,
    context: &Arc<Context>,
    stop: &Stop,
) -> Option<(S, Bytes, Box<Upgrade>)>
where
    S: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static,
{
    let Connection {
        stream, id, tls, ..
    } = connection;
    let requests = Requests::new(Arc::clone(context), id, tls);
    let stream = WriteTimeout::new(stream, context.config.write_timeout);
    let mut http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(context.config.handshake_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        // A client may send all it has to say, end its side, and wait.
        .half_close(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), requests.clone());
    let mut raw = None;
    let result = tokio::select! {
        biased;
        result = poll_fn(|cx| http.poll_without_shutdown(cx)) => result,
        answer = requests.raw() => {
            raw = Some(answer);
            Ok(())
        }
        // Most requests are answered as soon as they are read, and there is
        // none to wait for: only silence, or a part of one.
        () = stop.draining() => {
            if requests.is_idle() {
                linger(http.into_parts().io.into_inner().into_inner()).await;
                return None;
            }
            Pin::new(&mut http).graceful_shutdown();
            tokio::select! {
                biased;
                result = poll_fn(|cx| http.poll_without_shutdown(cx)) => result,
                () = stop.aborting() => return None,
            }
        }
    };
    let parts = http.into_parts();
    let mut stream = parts.io.into_inner();
    let is_tls = stream.first_byte() == Some(TLS_HANDSHAKE);
    if let Some(raw) = raw {
        stream = write_raw(stream, &raw, stop).await?;
    }
    let stream = stream.into_inner();
    if let Err(error) = result {
        // A connection that has had its answer may be kept, and forgotten.
        let forgotten = error.is_timeout() && requests.has_answered();
        if !forgotten {
            context.handshake_failed(id, failure(error, is_tls));
        }
    }
    drop(parts.service);
    let Some(upgrade) = requests.into_upgrade() else {
        linger(stream).await;
        return None;
    };
    // A copy, since the few bytes would keep hyper's whole buffer.
    let leftover = Bytes::copy_from_slice(&parts.read_buf);
    Some((stream, leftover, Box::new(upgrade)))
}

/// What a failure is called.
fn failure(error: hyper::Error, is_tls: bool) -> RequestFailure {
    match error {
        _ if is_tls => RequestFailure::SpeaksTls,
        error if error.is_parse_too_large() => RequestFailure::HeadTooLarge(error),
        error => RequestFailure::Http(error),
    }
}

/// The answer to a connection that is not even read, up to its length.
const TURNED_AWAY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: ";

/// Refuses a connection: with an answer, but for no longer
/// than that takes.
pub(super) async fn turn_away<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    shortage: Shortage,
) {
    let reason = match shortage {
        Shortage::OfAddress => "too many connections from this address",
        Shortage::OfServer => "the server has as many connections as it takes; try again later",
    };
    let mut answer = TURNED_AWAY.to_vec();
    answer.extend(format!("{}\r\n\r\n{reason}\r\n", reason.len() + 2).bytes());
    if let Ok(Ok(())) = timeout(LINGER, stream.write_all(&answer)).await {
        linger(stream).await;
    }
}
