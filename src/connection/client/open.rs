//! The one way to open a connection: dial, then shake hands, within a limit;
//! follow redirects and wait for the server where that is asked for.

use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::connection::client::dial::{DialConfig, DialError, dial};
use crate::connection::client::failure::{OpenError, OpenFailure};
use crate::connection::client::reached::{Phase, Reached};
use crate::connection::client::wait_up::until_up;
use crate::connection::http::auth::basic;
use crate::connection::http::redirect::{Hop, Redirects, Trail, for_another_origin};
use crate::connection::http::upgrade::{Upgraded, upgrade};
use crate::connection::http::{HandshakeError, HeadError, Request, Response};
use crate::connection::net::target::Target;
use crate::connection::net::tls::{TlsError, TlsInfo};
use crate::connection::net::transport::Transport;
use crate::connection::secrets::Secrets;
use crate::connection::ws::deflate::Params;
use crate::connection::ws::socket::{Socket, SocketConfig};

/// How to open a connection.
#[derive(Debug, Clone, Default)]
pub struct OpenConfig {
    /// How to reach the server.
    pub dial: DialConfig,
    /// What the opening handshake asks for.
    pub request: Request,
    /// Whether redirects are followed.
    pub redirects: Redirects,
    /// The limit for all phases together; `None` waits for ever.
    pub timeout: Option<Duration>,
    /// For how long to try again while the server is not up; each attempt has
    /// the limit above.
    pub wait_up: Option<Duration>,
}

impl OpenConfig {
    /// What a connection to `target` must not show: what the request holds, and
    /// the credentials of the proxies, which a peer may repeat.
    pub fn secrets(&self, target: &Target) -> Secrets {
        let rules = &self.dial.proxies;
        let known = rules.plain.iter().chain(&rules.secure).flat_map(|proxy| {
            let credentials = proxy.credentials.iter();
            credentials.flat_map(|one| {
                let basic = basic(one);
                let encoded = basic.trim_start_matches("Basic ").to_owned();
                [one.password.clone(), encoded]
            })
        });
        self.request.secrets(target).and_known(known)
    }
}

/// An open connection, with everything that was learnt on the way.
#[derive(Debug)]
pub struct Opened {
    /// What was connected to, after all redirects.
    pub target: Target,
    /// The redirects on the way.
    pub redirects: Vec<Hop>,
    /// The byte stream, at the first byte behind the handshake and `leftover`.
    pub transport: Transport,
    /// What arrived behind the handshake, to be read before the transport.
    pub leftover: Bytes,
    /// The answer as received.
    pub response: Response,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The agreed parameters of permessage-deflate.
    pub deflate: Option<Params>,
    /// The way there: addresses, TLS, the request as sent, times.
    pub reached: Reached,
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

/// Opens a WebSocket connection to `target`.
///
/// # Errors
/// An [`OpenFailure`] whose cause is of the phase that failed.
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
pub async fn open(target: &Target, config: &OpenConfig) -> Result<Opened, OpenFailure> {
    match config.wait_up {
        None => attempt(target, config, None).await,
        Some(limit) => until_up(limit, |end| attempt(target, config, end)).await,
    }
}

/// The moment when a limit is over, and the limit.
type Deadline = Option<(Instant, Duration)>;

/// One attempt, with all its redirects, that is over at `end`.
async fn attempt(
    target: &Target,
    config: &OpenConfig,
    end: Option<Instant>,
) -> Result<Opened, OpenFailure> {
    let start = Instant::now();
    let own = config.timeout.and_then(|after| start.checked_add(after));
    let deadline = own.into_iter().chain(end).min();
    let deadline = deadline.map(|at| (at, at - start));
    let mut trail = Trail::new(config.redirects, target);
    let mut target = Cow::Borrowed(target);
    let mut request = Cow::Borrowed(&config.request);
    loop {
        let before = (!trail.hops.is_empty()).then(|| start.elapsed());
        let mut reached = Reached::default();
        reached.timings.redirects = before;
        reached.exchange.end = deadline.map(|(at, _)| at);
        let error = match once(&target, &request, config, deadline, &mut reached).await {
            Ok(connected) => return Ok(connected.into_opened(&target, trail.hops, reached)),
            Err(error) => error,
        };
        reached.stop();
        target = match next_target(&mut trail, &target, error) {
            Ok(next) => Cow::Owned(next),
            Err(error) => {
                return Err(OpenFailure {
                    redirected_to: (!trail.hops.is_empty()).then(|| Box::new(target.into_owned())),
                    redirects: trail.hops,
                    reached: Box::new(reached),
                    ..error.into()
                });
            }
        };
        request = if trail.is_home(&target) {
            Cow::Borrowed(&config.request)
        } else {
            Cow::Owned(for_another_origin(&config.request))
        };
    }
}

fn next_target(
    trail: &mut Trail<'_>,
    from: &Target,
    error: OpenError,
) -> Result<Target, OpenError> {
    let OpenError::Handshake(error) = error else {
        return Err(error);
    };
    match (trail.next(from, &error), error) {
        (Some(Ok(target)), _) => Ok(target),
        (Some(Err(cause)), HandshakeError::Rejected(rejection)) => {
            Err(OpenError::Redirect { cause, rejection })
        }
        (_, error) => Err(error.into()),
    }
}

/// What came of an attempt that succeeded.
struct Connected {
    transport: Transport,
    upgraded: Upgraded,
}

impl Connected {
    fn into_opened(self, target: &Target, redirects: Vec<Hop>, reached: Reached) -> Opened {
        let upgraded = self.upgraded;
        Opened {
            target: target.clone(),
            redirects,
            transport: self.transport,
            leftover: upgraded.leftover,
            response: upgraded.response,
            subprotocol: upgraded.subprotocol,
            deflate: upgraded.deflate,
            reached,
        }
    }
}

async fn once(
    target: &Target,
    request: &Request,
    config: &OpenConfig,
    deadline: Deadline,
    reached: &mut Reached,
) -> Result<Connected, OpenError> {
    // Pinned where they are: they are large, and would be copied to be limited.
    let dialed = {
        let dialling = pin!(dial(target, &config.dial, reached));
        within(deadline, dialling).await
    };
    let mut transport = dialed.map_err(|after| timed_out(after, reached))??;
    reached.begin(Phase::Upgrade);
    let upgraded = {
        let exchange = &mut reached.exchange;
        let handshake = pin!(upgrade(&mut transport, target, request, exchange));
        within(deadline, handshake).await
    };
    reached.stop();
    let upgraded = upgraded.map_err(|after| timed_out(after, reached))?;
    let upgraded = upgraded.map_err(|error| explain(error, reached.tls.as_ref()))?;
    Ok(Connected {
        transport,
        upgraded,
    })
}

fn timed_out(after: Duration, reached: &Reached) -> OpenError {
    OpenError::Timeout {
        after,
        stuck: Box::new(reached.stuck()),
    }
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
        HandshakeError::Head(HeadError::Io(error)) => {
            TlsError::of_late_refusal(info.client_auth, Some(error))
        }
        HandshakeError::Head(HeadError::Closed { received }) if received.is_empty() => {
            TlsError::of_late_refusal(info.client_auth, None)
        }
        HandshakeError::Head(_) => None,
    };
    match refusal {
        Some(refusal) => DialError::Tls(refusal).into(),
        None => error.into(),
    }
}

/// Runs a phase within the limit.
///
/// # Errors
/// The limit, where it is over.
async fn within<T>(deadline: Deadline, phase: impl Future<Output = T>) -> Result<T, Duration> {
    let Some((deadline, after)) = deadline else {
        return Ok(phase.await);
    };
    timeout_at(deadline, phase).await.map_err(|_| after)
}
