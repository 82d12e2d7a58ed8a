//! HTTP/1.1 up to the opening handshake: one connection, request by request,
//! until one of them becomes a WebSocket.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::accept::Shared;
use super::echo;
use super::events::{ConnectionId, Ended};
use super::lab;
use super::request::Route;
use super::service::{Requests, Upgrade};
use super::stop::Stop;
use crate::connection::net::tls::AcceptedTls;
use crate::connection::{Socket, Transport};

/// The largest head of a request. Hyper's own limit is six times that.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// How much of what follows a refusal is read, and for how long, before the
/// connection is closed: closing with unread data would send a reset, which
/// can destroy the answer on its way.
const LINGER_BYTES: u64 = 256 << 10;
const LINGER: Duration = Duration::from_secs(1);

/// An accepted connection.
pub(super) struct Link<S> {
    pub(super) stream: S,
    pub(super) connection: ConnectionId,
    /// What TLS has agreed on, where it is spoken.
    pub(super) tls: Option<Box<AcceptedTls>>,
}

impl<S> Link<S> {
    /// A connection without TLS.
    pub(super) fn plain(stream: S, connection: ConnectionId) -> Self {
        Self {
            stream,
            connection,
            tls: None,
        }
    }
}

/// Runs an accepted connection to its end.
pub(super) async fn serve<S>(link: Link<S>, shared: Arc<Shared>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static,
{
    let connection = link.connection;
    // Boxed, so that an open WebSocket does not keep room for it.
    let requests = Box::pin(requests(link, &shared, &stop));
    let Some((stream, leftover, upgrade)) = requests.await else {
        return;
    };
    let Upgrade {
        route,
        deflate,
        opened,
        seen,
        slot: _slot,
    } = *upgrade;
    shared.opened(connection, opened);
    let start = Instant::now();
    let (outcome, traffic) = match route {
        Route::Echo if shared.config.chaos.is_none() => {
            let config = shared.config.socket(deflate);
            let socket = Socket::new(stream.into(), leftover, &config).await;
            echo::run(socket, &shared, &stop).await
        }
        route => {
            let plan = match route {
                Route::Lab(plan) => *plan,
                Route::Echo => lab::Plan::default(),
            };
            let talk = lab::Talk::new(&shared, connection, plan.talk, seen);
            Box::pin(talk.run(stream.into(), leftover, &stop)).await
        }
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

/// Answers requests until one of them is an accepted opening handshake:
/// returns the byte stream, what came behind the request, and the handshake.
async fn requests<S>(
    link: Link<S>,
    shared: &Arc<Shared>,
    stop: &Stop,
) -> Option<(S, Bytes, Box<Upgrade>)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Link {
        stream,
        connection,
        tls,
    } = link;
    let requests = Requests::new(Arc::clone(shared), connection, tls);
    let stream = Impatient::new(stream, shared.config.write_timeout);
    let mut http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.config.handshake_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        // A client may send all it has to say, end its side, and wait.
        .half_close(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), requests.clone());
    let result = tokio::select! {
        biased;
        result = poll_fn(|cx| http.poll_without_shutdown(cx)) => result,
        // Most requests are answered as soon as they are read, and there is
        // none to wait for: only silence, or a part of one.
        () = stop.draining() => {
            if requests.is_idle() {
                linger(http.into_parts().io.into_inner().inner).await;
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
    let stream = parts.io.into_inner().inner;
    if let Err(error) = result {
        // A connection that has had its answer may be kept, and forgotten.
        let forgotten = error.is_timeout() && requests.has_answered();
        if !forgotten {
            shared.handshake_failed(connection, error);
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

/// The answer to a connection that is not even read.
const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 40\r\n\r\n\
    too many connections from this address\r\n";

/// Refuses a connection for its address: with an answer, but for no longer
/// than that takes.
pub(super) async fn turn_away<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    if let Ok(Ok(())) = timeout(LINGER, stream.write_all(TURNED_AWAY)).await {
        linger(stream).await;
    }
}

/// Closes a connection in the order that loses nothing: FIN, then drain.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let _ = timeout(LINGER, async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    })
    .await;
}

/// A stream whose writes fail when nothing is taken for too long.
struct Impatient<S> {
    inner: S,
    limit: Duration,
    /// Since when a write waits.
    blocked: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    fn new(inner: S, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            blocked: None,
        }
    }

    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.blocked = None;
            return result;
        }
        let limit = self.limit;
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(blocked.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.judge(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.judge(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
