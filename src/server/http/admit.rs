//! From an accepted connection to its requests: the limit of its address, and
//! TLS.
//!
//! A connection that is refused for its address gets an answer in what the port
//! speaks: a client of TLS can read no other. That costs a TLS handshake, as much as
//! it costs to let a connection in; how many get an answer at a time is limited, and
//! the others are closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::connection::{self, Connection};
use super::proxy_header;
use crate::connection::Transport;
use crate::connection::net::tls::AcceptedTls;
use crate::connection::net::tls::server::{AcceptError, ServerTls};
use crate::server::context::{
    Admission, ConnectionId, Context, Counted, Event, Peer, ProxyHeaderError, Shortage, Stop,
};

/// How long a client that is refused may take for the TLS handshake: it holds one
/// of the few places of those that get an answer.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs an accepted connection to its end; the future can run on any runtime.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps room for its arguments twice, for as long as the WebSocket is open"
)]
pub(crate) fn admit<S>(
    connection: Connection<S>,
    admission: Admission,
    context: Arc<Context>,
    stop: Stop,
) -> impl Future<Output = ()> + Send + use<S>
where
    S: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static,
{
    async move {
        let mut connection = connection;
        let admission = match is_of_proxy(connection.id, &context) {
            true => match Box::pin(introduced(&mut connection, &context, &stop)).await {
                Some(admission) => admission,
                None => return,
            },
            false => admission,
        };
        let id = connection.id;
        let _place = match admission {
            Admission::Admitted(place) => place,
            Admission::TurnedAway(shortage, answered) => {
                context.turned_away(id, shortage);
                if answered.is_some() {
                    Box::pin(turn_away(connection.stream, shortage, &context, &stop)).await;
                }
                return;
            }
        };
        let Some(tls) = &context.config.tls else {
            return connection::serve(connection, Arc::clone(&context), stop).await;
        };
        let limit = context.config.handshake_timeout;
        // Boxed, and over before the requests begin, so that an open WebSocket
        // keeps no room for it.
        let accepted = connection.accepted;
        let connection = match Box::pin(secure(tls, connection.stream.into(), limit, &stop)).await {
            Some(Ok((stream, tls))) => Connection {
                stream,
                id,
                accepted,
                tls: Some(Box::new(tls)),
            },
            Some(Err(error)) => {
                let connection = id;
                return context.observe(Event::TlsFailed { connection, error });
            }
            None => return,
        };
        connection::serve(connection, Arc::clone(&context), stop).await;
    }
}

/// Whether a connection begins with what a proxy says of its client.
fn is_of_proxy(id: ConnectionId, context: &Context) -> bool {
    context.config.proxy_protocol && context.config.trusted_proxies.trusts(id.peer)
}

/// Reads whose connection it is. `None` where the proxy does not say, which is told,
/// and where the server goes away.
async fn introduced<S: AsyncRead + Unpin>(
    connection: &mut Connection<S>,
    context: &Context,
    stop: &Stop,
) -> Option<Admission> {
    let limit = context.config.handshake_timeout;
    let read = timeout(limit, proxy_header::read(&mut connection.stream));
    let read = tokio::select! {
        biased;
        read = read => read.unwrap_or(Err(ProxyHeaderError::Cut)),
        () = stop.draining() => return None,
    };
    match read {
        Ok(client) => {
            if let Some(client) = client {
                let proxy = Some(connection.id.peer);
                let peer = Peer::Tcp(SocketAddr::new(client.ip().to_canonical(), client.port()));
                connection.id = ConnectionId {
                    peer,
                    proxy,
                    ..connection.id
                };
                return Some(context.limits.admit(peer));
            }
            // The proxy itself, which looks whether the server is there.
            Some(Admission::Admitted(Counted::for_nobody()))
        }
        Err(error) => {
            context.handshake_failed(connection.id, error.into());
            None
        }
    }
}

/// Tells a client that there are too many connections.
async fn turn_away<S>(stream: S, shortage: Shortage, context: &Context, stop: &Stop)
where
    S: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static,
{
    let Some(tls) = &context.config.tls else {
        return connection::turn_away(stream, shortage).await;
    };
    // A client that gets no TLS now is refused all the same.
    let limit = REFUSAL_TIMEOUT.min(context.config.handshake_timeout);
    if let Some(Ok((stream, _))) = secure(tls, stream.into(), limit, stop).await {
        connection::turn_away(stream, shortage).await;
    }
}

/// Runs the TLS handshake with a client; `None` when the server goes away.
async fn secure(
    tls: &ServerTls,
    stream: Transport,
    limit: Duration,
    stop: &Stop,
) -> Option<Result<(Transport, AcceptedTls), AcceptError>> {
    tokio::select! {
        biased;
        accepted = tls.accept(stream, limit) => Some(accepted),
        () = stop.draining() => None,
    }
}
