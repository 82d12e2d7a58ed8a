//! The one way to open a connection: dial, then shake hands, within a limit.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::deflate::Params;
use super::dial::tls::{TlsError, TlsInfo};
use super::dial::{DialConfig, DialError, Timings, dial};
use super::handshake::{HandshakeError, Request, Response, upgrade};
use super::socket::{Socket, SocketConfig};
use super::target::Target;
use super::transport::Transport;

/// How to open a connection.
#[derive(Debug, Clone, Default)]
pub struct OpenConfig {
    /// How to reach the server.
    pub dial: DialConfig,
    /// What the opening handshake asks for.
    pub request: Request,
    /// The limit for all phases together; `None` waits for ever.
    pub timeout: Option<Duration>,
}

/// An open connection, with everything that was learnt on the way.
#[derive(Debug)]
pub struct Opened {
    /// The byte stream, at the first byte behind the handshake and `leftover`.
    pub transport: Transport,
    /// What arrived behind the handshake, to be read before the transport.
    pub leftover: Bytes,
    /// The peer's address, where it has one.
    pub peer: Option<SocketAddr>,
    /// The request as sent.
    pub request_head: Bytes,
    /// The answer as received.
    pub response: Response,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The agreed parameters of permessage-deflate.
    pub deflate: Option<Params>,
    /// What TLS has agreed on, where it is in use.
    pub tls: Option<TlsInfo>,
    /// How long the phases took.
    pub timings: Timings,
}

impl Opened {
    /// A [`Socket`] over this connection. The agreed compression takes the
    /// place of what `config` says of it.
    pub async fn into_socket(self, config: &SocketConfig) -> Socket {
        let config = SocketConfig {
            deflate: self.deflate,
            ..config.clone()
        };
        Socket::new(self.transport, self.leftover, &config).await
    }
}

/// Why a connection could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No transport could be had.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The opening handshake failed.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The limit for all phases together has passed.
    #[error("{} within {after:?}", match connected {
        false => "no connection to the server",
        true => "no answer to the opening handshake",
    })]
    Timeout {
        /// The limit.
        after: Duration,
        /// Whether the transport was connected by then.
        connected: bool,
    },
}

/// Opens a WebSocket connection to `target`.
///
/// # Errors
/// An [`OpenError`] of the phase that failed.
///
/// # Example
/// ```no_run
/// use wscli::connection::{Event, Message, OpenConfig, Role, SocketConfig, open};
/// use futures_util::SinkExt;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let target = "ws://localhost:5000/ws".parse()?;
/// let opened = open(&target, &OpenConfig::default()).await?;
/// let mut socket = opened.into_socket(&SocketConfig::new(Role::Client)).await;
/// socket.send(Message::text("hello")).await?;
/// while let Some(event) = socket.next().await {
///     if let Event::Message { message, .. } = event {
///         println!("{} bytes", message.len());
///         break;
///     }
/// }
/// # Ok(()) }
/// ```
pub async fn open(target: &Target, config: &OpenConfig) -> Result<Opened, OpenError> {
    let deadline = config.timeout.map(|after| (Instant::now() + after, after));
    let mut dialed = within(deadline, false, dial(target, &config.dial)).await??;
    let start = Instant::now();
    let handshake = upgrade(&mut dialed.transport, target, &config.request);
    let upgraded = within(deadline, true, handshake)
        .await?
        .map_err(|error| explain(error, dialed.tls.as_ref()))?;
    dialed.timings.upgrade = Some(start.elapsed());
    Ok(Opened {
        transport: dialed.transport,
        leftover: upgraded.leftover,
        peer: dialed.peer,
        request_head: upgraded.request_head,
        response: upgraded.response,
        subprotocol: upgraded.subprotocol,
        deflate: upgraded.deflate,
        tls: dialed.tls,
        timings: dialed.timings,
    })
}

/// Adds what TLS knows of a failed opening handshake: a server that speaks TLS
/// 1.3 refuses the client's certificate, or the lack of it, only now.
fn explain(mut error: HandshakeError, tls: Option<&TlsInfo>) -> OpenError {
    let Some(info) = tls else {
        return error.into();
    };
    let refusal = match &mut error {
        HandshakeError::Rejected(rejection) => {
            rejection.tls = Some(info.clone());
            None
        }
        HandshakeError::Io(error) => TlsError::of_late_refusal(info.client_auth, Some(error)),
        HandshakeError::Closed { received } if received.is_empty() => {
            TlsError::of_late_refusal(info.client_auth, None)
        }
        _ => None,
    };
    match refusal {
        Some(refusal) => DialError::Tls(refusal).into(),
        None => error.into(),
    }
}

async fn within<T>(
    deadline: Option<(Instant, Duration)>,
    connected: bool,
    phase: impl Future<Output = T>,
) -> Result<T, OpenError> {
    let Some((deadline, after)) = deadline else {
        return Ok(phase.await);
    };
    timeout_at(deadline, phase)
        .await
        .map_err(|_| OpenError::Timeout { after, connected })
}
