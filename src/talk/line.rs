//! A line to a server: one connection after the other, as one conversation.
//!
//! [`Line`] owns the socket and what outlives it: how to open it, how often to
//! try again, what to say first, and the log. Whoever talks over it polls it
//! for what happens, hands it what to send, and decides when to open the next
//! connection. There is no task and no channel inside, and it prints nothing.
//!
//! ```text
//! connect ──▶ opening ──▶ open ──▶ closed ──▶ connect_later ──▶ waiting ──▶ opening
//!                │                                ▲
//!                └──────── not opened ────────────┘
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::time::{Instant, Sleep, sleep};

use super::entry::{Entry, Source};
use super::opening::Opening;
use super::outgoing::Outgoing;
use super::sentence::sentence;
use super::transcript::Transcript;
use super::under_way::UnderWay;
use crate::connection::client::reconnect::{Outlook, ReconnectOn};
use crate::connection::client::retry::{Retries, RetryPolicy, random};
use crate::connection::{
    CloseFrame, Closed, Event, Message, NotOpen, OpenConfig, OpenFailure, Secrets, Socket,
    SocketConfig, Target, diagnose, open,
};

/// How long an end by the time limit, which is one, may still take: enough for an answer
/// to the Close that is on its way already.
pub(crate) const LAST_MOMENT: Duration = Duration::from_millis(100);

/// How long what reads the log may stand still before it is given up on.
const READER_STALL: Duration = Duration::from_secs(1);

/// What a line is to be like.
#[derive(Debug)]
pub struct LineConfig {
    /// Where to connect to; `None` until `Line::set_target`.
    pub target: Option<(Target, OpenConfig)>,
    /// How to hold a connection.
    pub socket: SocketConfig,
    /// What to send first over each connection.
    pub setup: Vec<Message>,
    /// Whether, and how often, `Line::connect_later` connects again.
    pub reconnect: Option<RetryPolicy>,
    /// After which ends it does so although they will not mend by themselves.
    pub reconnect_on: ReconnectOn,
    /// Whether secrets are shown and logged.
    pub log_secrets: bool,
    /// The log.
    pub transcript: Transcript,
}

/// What happens on a line.
#[derive(Debug)]
pub enum LineEvent {
    /// An attempt to connect to this URL has begun.
    Connecting(String),
    /// An entry of the log. It is in the files already.
    Entry(Entry),
    /// All that was handed over has left.
    Flushed,
    /// The connection could not be opened. The entry of the error came before.
    NotOpened(Box<OpenFailure>),
    /// The connection has ended. Its last entry came before.
    Closed(Box<Ended>),
}

/// How a connection has ended.
#[derive(Debug)]
pub struct Ended {
    /// The closing handshake, or what took its place.
    pub closed: Closed,
    /// How long the connection was open.
    pub open: Duration,
}

/// An attempt at a connection.
pub(crate) type OpenFuture =
    Pin<Box<dyn Future<Output = Result<(Opening, Socket), OpenFailure>> + Send>>;

/// How a connection to a target is opened.
type Opener = Box<dyn FnMut((Target, OpenConfig), SocketConfig, Secrets) -> OpenFuture + Send>;

enum Link {
    /// Neither a connection nor an attempt at one.
    Down,
    /// The time before the next attempt.
    Waiting(Pin<Box<Sleep>>),
    Opening(OpenFuture),
    Open(Box<Socket>),
}

/// A line to a server.
pub struct Line {
    target: Option<(Target, OpenConfig)>,
    socket: SocketConfig,
    setup: Vec<Message>,
    log_secrets: bool,
    backoff: Option<Retries>,
    reconnect_on: ReconnectOn,
    transcript: Transcript,
    link: Link,
    /// Since when the connection is open.
    since: Instant,
    under_way: UnderWay,
    opener: Opener,
    /// What happened besides the transcript's entries, which come first.
    events: VecDeque<LineEvent>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("target", &self.target)
            .field("transcript", &self.transcript)
            .finish_non_exhaustive()
    }
}

impl Line {
    /// A line without a connection.
    pub fn new(config: LineConfig) -> Self {
        Self {
            target: config.target,
            socket: config.socket,
            setup: config.setup,
            log_secrets: config.log_secrets,
            backoff: config.reconnect.map(Retries::new),
            reconnect_on: config.reconnect_on,
            transcript: config.transcript,
            link: Link::Down,
            since: Instant::now(),
            under_way: UnderWay::new(config.reconnect.is_some()),
            opener: Box::new(dial),
            events: VecDeque::new(),
        }
    }

    /// Where the next connection leads to.
    pub fn target(&self) -> Option<&(Target, OpenConfig)> {
        self.target.as_ref()
    }

    /// The next connection leads there.
    pub fn set_target(&mut self, target: Target, config: OpenConfig) {
        self.target = Some((target, config));
    }

    /// What may not be told of the connection to the target there is.
    pub fn secrets(&self) -> Secrets {
        let target = self.target.as_ref();
        target
            .map(|(target, config)| config.secrets(target))
            .unwrap_or_default()
            .show_if(self.log_secrets)
    }

    /// The log.
    pub fn transcript(&mut self) -> &mut Transcript {
        &mut self.transcript
    }

    /// Ends the log, and says what is missing from it. What reads it has as long as it
    /// reads; where the end `is_hard`, no longer than a moment.
    pub async fn finish_log(&mut self, is_hard: bool) -> Option<String> {
        let limit = is_hard.then(|| Instant::now() + LAST_MOMENT);
        let (mut before, mut since) = (usize::MAX, Instant::now());
        loop {
            let now = Instant::now();
            let unwritten = self.transcript.unwritten();
            if unwritten != before {
                (before, since) = (unwritten, now);
            }
            let is_over = limit.is_some_and(|at| at <= now) || since + READER_STALL <= now;
            if unwritten == 0 || is_over {
                return self.transcript.finish();
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Messages that were handed over in the run: those that have left, and
    /// those that may still, or never will.
    pub fn sent(&self) -> u64 {
        self.transcript.sent().messages + self.transcript.unsent()
    }

    /// Of those, how many have not left.
    pub fn unsent(&self) -> u64 {
        self.transcript.unsent()
    }

    /// Whether all that was handed over has left.
    pub fn is_flushed(&self) -> bool {
        !self.transcript.waits()
    }

    /// With how many messages each connection begins.
    pub fn setup_len(&self) -> u64 {
        self.setup.len() as u64
    }

    /// What the user said over the connection that has ended and of which no
    /// byte was written, where another connection may follow: it can be said
    /// again. It counts as never handed over.
    pub fn take_untouched(&mut self) -> Vec<Outgoing> {
        self.under_way.take_untouched()
    }

    /// The same as [`Line::unsent`], but for the setup where it will be sent
    /// again; from here on they are not counted any more.
    pub fn take_unsent(&mut self) -> u64 {
        let setup = self.under_way.take_setup();
        self.transcript.take_unsent().saturating_sub(setup)
    }

    /// How long the connection has been open; `None` when there is none.
    pub fn open_for(&self) -> Option<Duration> {
        self.has_connection().then(|| self.since.elapsed())
    }

    /// Whether there is a connection, be it that it is closing.
    pub fn has_connection(&self) -> bool {
        matches!(self.link, Link::Open(_))
    }

    /// Whether there is a connection that takes messages.
    pub fn is_open(&self) -> bool {
        matches!(&self.link, Link::Open(socket) if socket.is_open())
    }

    /// Whether a connection is being opened.
    pub fn is_connecting(&self) -> bool {
        matches!(self.link, Link::Opening(_))
    }

    /// Whether a connection is on its way that follows a lost one.
    pub fn is_reconnecting(&self) -> bool {
        self.backoff.is_some() && matches!(self.link, Link::Opening(_) | Link::Waiting(_))
    }

    /// Opens a connection to the target, if there is one.
    pub fn connect(&mut self) {
        let Some(target) = self.target.clone() else {
            return;
        };
        let secrets = self.secrets();
        let url = secrets.url(&target.0.wire_url());
        self.events.push_back(LineEvent::Connecting(url));
        let opening = (self.opener)(target, self.socket.clone(), secrets);
        self.link = Link::Opening(opening);
    }

    /// The same line over connections that come from somewhere else.
    #[cfg(test)]
    pub(crate) fn with_opener(mut self, opener: Opener) -> Self {
        self.opener = opener;
        self
    }

    /// The same when the user asks for it: earlier attempts do not count.
    pub fn connect_afresh(&mut self) {
        if let Some(backoff) = &mut self.backoff {
            backoff.reset();
        }
        self.connect();
    }

    /// Goes on with an open connection.
    pub fn connected(&mut self, opening: Opening, socket: Socket) {
        self.transcript.opened(opening);
        self.since = Instant::now();
        self.link = Link::Open(Box::new(socket));
        self.under_way.begin(self.setup_len());
        for message in self.setup.clone() {
            // One that the peer's Close was faster than is of no use.
            let _ = self.send(Outgoing::Message(message), Source::Automatic);
        }
    }

    /// Plans the next attempt, where there is to be one: the wait before it,
    /// and its number.
    pub fn connect_later(&mut self) -> Option<(Duration, u32)> {
        let (wait, attempt) = self.backoff.as_mut()?.next(random())?;
        self.link = Link::Waiting(Box::pin(sleep(wait)));
        Some((wait, attempt))
    }

    /// Whether connections are opened again at all.
    pub fn reconnects(&self) -> bool {
        self.backoff.is_some()
    }

    /// Whether one is opened again after an end with this outlook.
    pub fn reconnects_after(&self, outlook: Outlook) -> bool {
        self.reconnects() && outlook.is_tried_again(&self.reconnect_on)
    }

    /// Stops an attempt to connect, or the wait for the next one.
    pub fn stop_connecting(&mut self) {
        if !self.has_connection() {
            self.link = Link::Down;
            self.events
                .retain(|event| !matches!(event, LineEvent::Connecting(_)));
        }
    }

    /// The next thing that happens; pending where there is neither a
    /// connection nor an attempt at one. Dropping the future loses nothing.
    pub async fn next(&mut self) -> LineEvent {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The next thing that happens. Writes out what was handed over.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<LineEvent> {
        loop {
            if let Some(event) = self.next_made() {
                return Poll::Ready(event);
            }
            match &mut self.link {
                Link::Down => return Poll::Pending,
                Link::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.connect();
                }
                Link::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok((opening, socket)) => self.connected(opening, socket),
                    Err(error) => self.not_opened(error),
                },
                Link::Open(socket) => match ready!(Pin::new(&mut **socket).poll_next(cx)) {
                    Some(Event::Closed(closed)) => self.closed(closed),
                    Some(event) => self.happened(event),
                    None => self.link = Link::Down,
                },
            }
        }
    }

    /// Only writes out what was handed over: for an owner that has no room
    /// for what comes.
    pub fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<LineEvent> {
        if let Some(event) = self.next_made() {
            return Poll::Ready(event);
        }
        let Link::Open(socket) = &mut self.link else {
            return Poll::Pending;
        };
        let flushed = Pin::new(&mut **socket).poll_flush(cx) == Poll::Ready(Ok(()));
        if flushed && self.transcript.waits() {
            self.happened(Event::Flushed);
        }
        self.next_made().map_or(Poll::Pending, Poll::Ready)
    }

    /// Whether the connection has room for another message; pending as well
    /// where there is none.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NotOpen>> {
        match &mut self.link {
            Link::Open(socket) => Pin::new(&mut **socket).poll_ready(cx),
            _ => Poll::Pending,
        }
    }

    /// Hands something to the connection. What finds no room is kept.
    ///
    /// # Errors
    /// There is no connection, or it is closing.
    pub fn send(&mut self, outgoing: Outgoing, source: Source) -> Result<(), NotOpen> {
        let Link::Open(socket) = &mut self.link else {
            return Err(NotOpen);
        };
        if let Outgoing::Close(frame) = outgoing {
            return self.close(frame, source);
        }
        self.under_way.hand_over(socket, &outgoing, source);
        // A payload is shared, not copied.
        match outgoing.clone() {
            Outgoing::Message(message) => Pin::new(&mut **socket).start_send(message)?,
            Outgoing::Ping(payload) => socket.ping(payload)?,
            Outgoing::Pong(payload) => socket.pong(payload)?,
            Outgoing::Close(_) => {}
        }
        self.transcript.queued(&outgoing, source);
        Ok(())
    }

    /// Starts the closing handshake; events go on until
    /// [`LineEvent::Closed`].
    ///
    /// # Errors
    /// There is no connection, or it is closing already.
    pub fn close(&mut self, frame: CloseFrame, source: Source) -> Result<(), NotOpen> {
        match &mut self.link {
            Link::Open(socket) if socket.is_open() => {
                socket.start_close(frame.clone());
                self.transcript.queued(&Outgoing::Close(frame), source);
                Ok(())
            }
            _ => Err(NotOpen),
        }
    }

    /// Gives the connection up where it is, and says so in the log.
    pub fn abandon(&mut self, why: &str) {
        self.link = Link::Down;
        self.transcript.error(why.to_owned());
    }

    fn next_made(&mut self) -> Option<LineEvent> {
        if let Some(entry) = self.transcript.next_entry() {
            return Some(LineEvent::Entry(entry));
        }
        let event = self.events.pop_front()?;
        // Until its end has been told, a connection is not gone.
        if matches!(event, LineEvent::Closed(_) | LineEvent::NotOpened(_)) {
            self.link = Link::Down;
        }
        Some(event)
    }

    fn happened(&mut self, event: Event) {
        if matches!(event, Event::Flushed) {
            self.under_way.flushed();
            self.events.push_back(LineEvent::Flushed);
        }
        self.transcript.event(event);
    }

    fn closed(&mut self, mut closed: Closed) {
        // Servers repeat here the token that they do not accept, and an answer
        // repeats their words.
        let secrets = self.secrets();
        for frame in closed.received.iter_mut().chain(&mut closed.sent) {
            frame.reason = secrets.reason(&frame.reason);
        }
        if let Link::Open(socket) = &self.link {
            let untouched = self.under_way.closed(socket);
            self.transcript.withdraw(untouched);
        }
        self.transcript.closed(&closed);
        let open = self.since.elapsed();
        if let Some(backoff) = &mut self.backoff {
            backoff.stood(open);
        }
        let ended = Ended { closed, open };
        self.events.push_back(LineEvent::Closed(Box::new(ended)));
    }

    fn not_opened(&mut self, error: OpenFailure) {
        let secrets = self.secrets();
        let text = secrets.text(&sentence(&error));
        let target = self.target.as_ref();
        let hint = target.and_then(|(target, config)| diagnose::hint(&error, target, config));
        let opening =
            target.map(|(target, _)| Box::new(Opening::of_failure(&error, target, &secrets)));
        self.transcript.failed(text, hint, opening);
        self.events.push_back(LineEvent::NotOpened(Box::new(error)));
    }
}

fn dial(
    (target, config): (Target, OpenConfig),
    socket: SocketConfig,
    secrets: Secrets,
) -> OpenFuture {
    Box::pin(async move {
        let opened = open(&target, &config).await?;
        let opening = Opening::new(&opened, &secrets);
        Ok((opening, opened.into_socket(&socket).await))
    })
}
