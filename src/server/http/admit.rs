//! From an accepted connection to its requests: the limit of its address, and
//! TLS.
//!
//! A connection that is refused for its address gets an answer in what the port
//! speaks: a client of TLS can read no other. That costs a TLS handshake, as much as
//! it costs to let a connection in; how many get an answer at a time is limited, and
//! the others are closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::{self, Connection};
use crate::connection::Transport;
use crate::connection::net::tls::AcceptedTls;
use crate::connection::net::tls::server::{AcceptError, ServerTls};
use crate::server::context::{Admission, Context, Event, Stop};

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
        let id = connection.id;
        let _place = match admission {
            Admission::Admitted(place) => place,
            Admission::TurnedAway(answered) => {
                context.turned_away(id);
                if answered.is_some() {
                    Box::pin(turn_away(connection.stream, &context, &stop)).await;
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
        let connection = match Box::pin(secure(tls, connection.stream.into(), limit, &stop)).await {
            Some(Ok((stream, tls))) => Connection {
                stream,
                id,
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

/// Tells a client that its address has too many connections.
async fn turn_away<S>(stream: S, context: &Context, stop: &Stop)
where
    S: AsyncRead + AsyncWrite + Into<Transport> + Unpin + Send + 'static,
{
    let Some(tls) = &context.config.tls else {
        return connection::turn_away(stream).await;
    };
    // A client that gets no TLS now is refused all the same.
    let limit = REFUSAL_TIMEOUT.min(context.config.handshake_timeout);
    if let Some(Ok((stream, _))) = secure(tls, stream.into(), limit, stop).await {
        connection::turn_away(stream).await;
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
