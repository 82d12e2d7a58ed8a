//! One attempt: an opening handshake, and what follows it for a while.
//!
//! Whatever the server does, an attempt is bounded: its handshake and its
//! window in time, what is kept of the answers in memory. Nothing is judged
//! here.

mod outcome;
mod seen;

pub(crate) use outcome::Outcome;
pub(crate) use seen::{Conversation, Evidence, Frame, Observation};

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::SinkExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::catalogue::Request as ProbeRequest;
use super::secret::Sent;
use crate::connection::http::{HeaderEdit, Response};
use crate::connection::{
    CloseCode, CloseFrame, OpenConfig, OpenFailure, RawHead, Role, Secrets, Socket, SocketConfig,
    Target, diagnose, open,
};

/// How many a connection keeps that stands beside others.
const KEPT_BESIDE: usize = 256;
/// How long a message may take to leave.
const SENDING: Duration = Duration::from_secs(5);
/// The largest message that an attempt reads, unless told otherwise.
pub(crate) const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// More than this within a window is a flood, of which nothing can be told.
const FLOOD_EVENTS: usize = 10_000;
const FLOOD_BYTES: usize = 16 << 20;

/// An open connection, as the runner needs it.
#[derive(Debug)]
pub(crate) struct Connected {
    /// The request as sent.
    pub request_head: RawHead,
    /// The answer as received.
    pub response: Response,
    /// The open socket.
    pub socket: Socket,
}

/// How connections are opened: by the connection core, or in memory in tests.
pub(crate) trait Dialer {
    /// Opens a connection. `sent` tells of the secrets in the address; in the
    /// configuration they are so already.
    fn open(
        &self,
        config: &OpenConfig,
        socket: &SocketConfig,
        sent: Sent<'_>,
    ) -> impl Future<Output = Result<Connected, OpenFailure>>;

    /// What is known to be secret, with what was learnt since: a dialler may
    /// have a fresh secret for each connection.
    fn secrets(&self, known: &Secrets) -> Secrets {
        known.clone()
    }

    /// What usually lies behind a failure, and what to try next.
    fn hint(&self, _error: &OpenFailure, _config: &OpenConfig) -> Option<String> {
        None
    }
}

/// Dials a target through the connection core.
#[derive(Debug, Clone)]
pub(crate) struct CoreDialer {
    pub target: Target,
}

impl Dialer for CoreDialer {
    async fn open(
        &self,
        config: &OpenConfig,
        socket: &SocketConfig,
        sent: Sent<'_>,
    ) -> Result<Connected, OpenFailure> {
        let target = sent.target(&self.target);
        // Boxed: the state of a whole dial is large, and many run at a time.
        let opened = Box::pin(open(&target, config)).await?;
        Ok(Connected {
            request_head: opened.reached.exchange.request_head.clone(),
            response: opened.response.clone(),
            socket: opened.into_socket(socket).await,
        })
    }

    fn hint(&self, error: &OpenFailure, config: &OpenConfig) -> Option<String> {
        diagnose::hint(error, &self.target, config)
    }
}

/// What is sent and how long is listened.
#[derive(Debug, Clone)]
pub(crate) struct Shot<'a> {
    /// The origin headers, and what else the probe changes.
    pub request: &'a ProbeRequest,
    /// How the connection is opened otherwise.
    pub open: &'a OpenConfig,
    /// How the secrets of pages are sent.
    pub sent: Sent<'a>,
    /// The limit of dialling and the handshake.
    pub handshake: Duration,
    /// For how long to try again while the server is not up.
    pub wait_up: Option<Duration>,
    /// How long to listen after the 101; `None` closes at once.
    pub window: Option<Duration>,
    /// The largest message read; a larger one ends the attempt.
    pub max_message_bytes: usize,
    /// The largest frame read; a larger one ends the attempt as well.
    pub max_frame_bytes: usize,
}

/// Sends one probe, or the allowed origin, and listens.
pub(crate) async fn observe<D: Dialer>(
    dialer: &D,
    shot: &Shot<'_>,
    talk: &Conversation,
    redactor: &Secrets,
) -> Observation {
    let connection = connect(dialer, shot, redactor).await;
    let until = shot.window.map(Until::Passed);
    connection.listen(until, talk).await
}

/// One attempt after its opening handshake.
#[derive(Debug)]
pub(crate) struct Connection {
    seen: Observation,
    /// The open connection, where there is one.
    socket: Option<Socket>,
    start: Instant,
    /// Knows the secrets, those of this connection among them.
    secrets: Secrets,
}

/// How long is listened.
#[derive(Debug)]
pub(crate) enum Until {
    /// Until this time has passed, or what decides has been seen.
    Passed(Duration),
    /// Until told, whatever is seen: for a connection that stands beside others
    /// and hears what they hear.
    Told(oneshot::Receiver<()>),
}

/// The opening handshake of one attempt.
pub(crate) async fn connect<D: Dialer>(
    dialer: &D,
    shot: &Shot<'_>,
    redactor: &Secrets,
) -> Connection {
    let start = Instant::now();
    let config = open_config(shot);
    let mut seen = Observation::new(Outcome::Timeout);
    let limit = shot.handshake + shot.wait_up.unwrap_or_default();
    let socket_config = socket_config(shot);
    let opening = dialer.open(&config, &socket_config, shot.sent);
    let result = timeout_at(start + limit, opening).await;
    seen.evidence.handshake = start.elapsed();
    let secrets = dialer.secrets(redactor);
    let redactor = &secrets;
    let socket = match result {
        // The core has the same limit; this one holds whatever the dialler.
        Err(_) => {
            seen.evidence.error = Some("no answer in time".into());
            None
        }
        Ok(Err(error)) => {
            seen.take_refusal(error, redactor);
            None
        }
        Ok(Ok(connected)) => {
            seen.outcome = Outcome::Open;
            seen.take_heads(Some(&connected.request_head), &connected.response, redactor);
            Some(connected.socket)
        }
    };
    Connection {
        seen,
        socket,
        start,
        secrets,
    }
}

impl Connection {
    /// Whether a valid 101 came.
    pub(crate) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Says what is to be said, and listens; `None` closes at once.
    pub(crate) async fn listen(self, until: Option<Until>, talk: &Conversation) -> Observation {
        let Self {
            mut seen,
            socket,
            start,
            secrets,
        } = self;
        if let Some(socket) = socket {
            listen(&mut seen, socket, until, talk, &secrets).await;
        }
        seen.evidence.duration = start.elapsed();
        seen
    }
}

/// The request of a probe: the user's headers, with the probe's in the place
/// of the origin.
fn open_config(shot: &Shot<'_>) -> OpenConfig {
    let mut config = shot.open.clone();
    shot.sent.request(&mut config);
    config.timeout = Some(shot.handshake);
    config.wait_up = shot.wait_up;
    let request = &mut config.request;
    request.origin = shot.request.single_origin().map(str::to_owned);
    let mut set = |name: &str, value: &str| {
        request.edits.push(HeaderEdit::Set {
            name: name.into(),
            value: value.into(),
        });
    };
    if request.origin.is_none() {
        for (name, value) in &shot.request.headers {
            set(name, value);
        }
    }
    if let Some(version) = shot.request.version {
        set("Sec-WebSocket-Version", version);
    }
    if let Some(host) = &shot.request.host {
        request
            .edits
            .retain(|edit| !edit.name().eq_ignore_ascii_case("host"));
        request.edits.push(HeaderEdit::Set {
            name: "Host".into(),
            value: host.clone(),
        });
    }
    config
}

fn socket_config(shot: &Shot<'_>) -> SocketConfig {
    SocketConfig {
        max_message_bytes: shot.max_message_bytes,
        max_frame_bytes: shot.max_frame_bytes,
        // A server that never answers a Close must not cost a window each.
        close_timeout: Duration::from_millis(300).min(shot.handshake),
        ..SocketConfig::new(Role::Client)
    }
}

async fn listen(
    seen: &mut Observation,
    mut socket: Socket,
    until: Option<Until>,
    talk: &Conversation,
    redactor: &Secrets,
) {
    let opened = Instant::now();
    if let Some(until) = until {
        let stands_by = matches!(until, Until::Told(_));
        if stands_by {
            seen.keeps = KEPT_BESIDE;
        }
        let mut end = pin!(async move {
            match until {
                Until::Passed(window) => sleep_until(opened + window).await,
                // Its end is told by dropping the other half, too.
                Until::Told(told) => drop(told.await),
            }
        });
        if let Some(message) = &talk.message {
            seen.note(message, true, opened, redactor);
            // A server that reads nothing is seen by what follows.
            let sending = timeout(SENDING, socket.send(message.clone()));
            tokio::select! { _ = sending => {}, () = &mut end => {} }
        }
        let mut load = Load::default();
        loop {
            let event = tokio::select! {
                biased;
                event = socket.next() => event,
                () = &mut end => break,
            };
            let Some(event) = event else {
                break;
            };
            seen.settled_after = opened.elapsed();
            seen.take_event(event, opened, talk, redactor);
            if load.is_flood(seen) {
                seen.outcome = Outcome::Flood;
                seen.evidence.error = Some(load.told());
                return;
            }
            let decided = seen.expected || seen.rejected.is_some();
            if seen.outcome != Outcome::Open || decided && !stands_by {
                break;
            }
        }
    }
    if seen.outcome == Outcome::Open {
        // Cleanly: some servers allow a client one connection at a time.
        socket.close(CloseFrame::new(CloseCode::NORMAL, "")).await;
    }
}

/// How much came within a window.
#[derive(Default)]
struct Load {
    events: usize,
    bytes: usize,
}

impl Load {
    fn is_flood(&mut self, seen: &Observation) -> bool {
        self.events += 1;
        self.bytes += seen.last_bytes();
        self.events > FLOOD_EVENTS || self.bytes > FLOOD_BYTES
    }

    fn told(&self) -> String {
        format!(
            "the server sent {} messages ({} bytes) within the window; no more was read",
            self.events, self.bytes
        )
    }
}
