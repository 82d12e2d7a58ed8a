//! The state of a conversation, and what events do to it.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use futures_util::Sink as _;
use tokio::time::Instant;

use super::End;
use super::helper::Prompt;
use crate::connection::client::retry::{Retries, RetryPolicy, random};
use crate::connection::{
    CloseFrame, Event, Message, OpenConfig, OpenFailure, Opened, Secrets, Socket, SocketConfig,
    Target, open,
};
use crate::talk::replay::Step;
use crate::talk::text::{Look, duration};
use crate::talk::{Direction, Entry, Opening, Outgoing, Source, Transcript};
use crate::terminal::printer::Printer;

/// How many messages may wait for a connection, and how many are kept for
/// `/resend`.
pub(super) const MAX_QUEUED: usize = 1_000;
const MAX_RESENDABLE: usize = 100;
const MAX_RESENDABLE_BYTES: usize = 1 << 20;

/// An attempt to connect, under way.
pub type Connecting = Pin<Box<dyn Future<Output = Attempt> + Send>>;

/// What an attempt to connect came to.
pub type Attempt = Result<Opened, OpenFailure>;

/// Makes of an address what is needed to connect to it, by the same rules as
/// for the address on the command line.
pub type Dialer = Box<dyn Fn(&str) -> Result<(Target, OpenConfig), String> + Send>;

/// What a conversation is to be like.
pub struct SessionConfig {
    /// The address to connect to at once.
    pub target: Option<(Target, OpenConfig)>,
    /// Understands other addresses.
    pub dialer: Dialer,
    /// What the socket is to be like.
    pub socket: SocketConfig,
    /// How things are to look.
    pub look: Look,
    /// The log.
    pub transcript: Transcript,
    /// Whether secrets are shown and logged (`--log-secrets`).
    pub log_secrets: bool,
    /// Sent after every open.
    pub setup: Vec<Message>,
    /// Whether to connect again by itself.
    pub reconnect: Option<RetryPolicy>,
    /// What to send again, of an earlier log.
    pub replay: Vec<Step>,
    /// The Close frame that is sent on leaving.
    pub close: CloseFrame,
    /// The prompt's text.
    pub prompt: Prompt,
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("target", &self.target)
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

/// The states of the sample page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing was connected to yet.
    Ready,
    /// A connection is being opened.
    Connecting,
    /// A connection is open.
    Open,
    /// The closing handshake has begun here.
    Closing,
    /// The connection is closed.
    Closed,
}

/// What the network brings.
pub(super) enum News {
    /// An event of the socket; `None` after its last.
    Event(Option<Event>),
    /// The end of an attempt to connect.
    Opened(Box<Attempt>),
}

/// Whether the conversation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It goes on, be it only until the connection is closed.
    NotYet,
    /// It is over.
    Now(End),
}

/// A conversation.
pub struct Session {
    pub(super) config: SessionConfig,
    pub(super) printer: Printer,
    pub(super) state: State,
    pub(super) socket: Option<Socket>,
    connecting: Option<Connecting>,
    pub(super) leaving: Option<End>,
    /// Whether the user has asked for the close, so that no reconnect follows.
    pub(super) close_wanted: bool,
    backoff: Option<Retries>,
    reconnect_at: Option<Instant>,
    pub(super) replay: VecDeque<Step>,
    pub(super) replay_at: Option<Instant>,
    /// Until when the replay waits for a close by the peer that was recorded.
    pub(super) replay_waits_for_close_until: Option<Instant>,
    pub(super) replayed: usize,
    /// What waits for a connection.
    pub(super) queue: VecDeque<Outgoing>,
    /// What `/resend` can send, the last at the end.
    pub(super) resendable: VecDeque<Message>,
    /// Entries that were not shown while the log was paused.
    pub(super) paused: Option<u64>,
    /// Whether the terminal understands more than lines.
    pub(super) has_screen: bool,
    pub(super) facts: Facts,
}

/// What `/status` and `/headers` tell.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) open: Option<Opening>,
    pub(super) heads: Option<(String, String)>,
    pub(super) since: Option<Instant>,
    pub(super) sent: (u64, u64),
    pub(super) received: (u64, u64),
    pub(super) round_trip: Option<Duration>,
    pub(super) last_close: Option<(u16, String)>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A conversation that has not begun.
    pub fn new(mut config: SessionConfig, printer: Printer) -> Self {
        let replay = std::mem::take(&mut config.replay).into();
        let backoff = config.reconnect.map(Retries::new);
        Self {
            config,
            printer,
            state: State::Ready,
            socket: None,
            connecting: None,
            leaving: None,
            close_wanted: false,
            backoff,
            reconnect_at: None,
            replay,
            replay_at: None,
            replay_waits_for_close_until: None,
            replayed: 0,
            queue: VecDeque::new(),
            resendable: VecDeque::new(),
            paused: None,
            has_screen: false,
            facts: Facts::default(),
        }
    }

    /// Connects, where there is an address, and says so.
    pub(super) fn begin(&mut self, trouble: Option<String>) {
        if let Some(trouble) = trouble {
            self.complain(&trouble);
        }
        match self.config.target {
            Some(_) => self.connect(),
            None => {
                self.set_state(State::Ready);
                self.say("Ready to connect... (/connect URL; /help shows what else there is)");
            }
        }
    }

    /// The next thing that the network brings; pending where there is neither
    /// a socket nor an attempt to connect. Dropping the future loses nothing.
    pub(super) async fn news(&mut self) -> News {
        if let Some(socket) = &mut self.socket {
            return News::Event(socket.next().await);
        }
        match &mut self.connecting {
            Some(connecting) => News::Opened(Box::new(connecting.await)),
            None => std::future::pending().await,
        }
    }

    /// Deals with what the network brought.
    pub(super) async fn hear(&mut self, news: News) -> Leave {
        match news {
            News::Event(event) => self.event(event),
            News::Opened(attempt) => {
                self.connecting = None;
                match *attempt {
                    Ok(opened) => self.opened(opened).await,
                    Err(error) => self.not_opened(&error),
                }
                Leave::NotYet
            }
        }
    }

    /// The next time at which something is due.
    pub(super) fn next_wake(&self, deadline: Option<Instant>) -> Option<Instant> {
        let deadline = deadline.filter(|_| self.leaving.is_none());
        [self.reconnect_at, self.replay_at, deadline]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub(super) fn woken(&mut self, deadline: Option<Instant>) -> Leave {
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline <= now) && self.leaving.is_none() {
            self.complain("the time limit (--max-time) has passed");
            return self.leave(End::MaxTime);
        }
        if self.reconnect_at.is_some_and(|at| at <= now) {
            self.connect();
        }
        if self.replay_at.is_some_and(|at| at <= now) {
            self.replay_step();
        }
        Leave::NotYet
    }

    /// Opens a connection to the target there is.
    pub(super) fn connect(&mut self) {
        self.reconnect_at = None;
        let Some((target, config)) = self.config.target.clone() else {
            return;
        };
        self.set_state(State::Connecting);
        let shown = self.secrets().url(&target.wire_url());
        self.say(&format!("Connecting to {shown}"));
        self.connecting = Some(Box::pin(async move { open(&target, &config).await }));
    }

    async fn opened(&mut self, opened: Opened) {
        let facts = Opening::new(&opened, &self.secrets());
        self.facts.heads = Some((facts.request.clone(), facts.response.clone()));
        self.facts.open = Some(facts.clone());
        self.facts.since = Some(Instant::now());
        self.facts.round_trip = None;
        self.socket = Some(opened.into_socket(&self.config.socket).await);
        self.close_wanted = false;
        self.set_state(State::Open);
        let entry = self.config.transcript.opened(facts);
        self.show(&[entry]);
        for message in self.config.setup.clone() {
            self.hand_over(Outgoing::Message(message), Source::Automatic);
        }
        for outgoing in std::mem::take(&mut self.queue) {
            self.hand_over(outgoing, Source::User);
        }
        self.replay_on();
    }

    /// What must not be shown of the connection to the target there is.
    fn secrets(&self) -> Secrets {
        let target = self.config.target.as_ref();
        target
            .map(|(target, config)| config.request.secrets(target))
            .unwrap_or_default()
            .show_if(self.config.log_secrets)
    }

    fn not_opened(&mut self, failure: &OpenFailure) {
        let secrets = self.secrets();
        if let Some(rejection) = failure.rejection() {
            self.facts.heads = Some((
                secrets.head(&rejection.request_head),
                secrets.head(&rejection.response.head.raw),
            ));
        }
        let mut text = secrets.text(&failure.to_string());
        if failure.rejection().is_some() {
            text.push_str(" (/headers shows its answer)");
        }
        let entry = self.config.transcript.error(text);
        self.set_state(State::Closed);
        self.show(&[entry]);
        self.connect_later();
    }

    /// Something happened on the socket.
    fn event(&mut self, event: Option<Event>) -> Leave {
        let Some(event) = event else {
            self.socket = None;
            return Leave::NotYet;
        };
        let entries = self.config.transcript.event(&event);
        self.count(&entries);
        let Event::Closed(closed) = event else {
            if let Event::Pong { round_trip, .. } = event {
                self.facts.round_trip = round_trip.or(self.facts.round_trip);
                self.set_state(self.state);
            }
            self.show(&entries);
            return Leave::NotYet;
        };
        self.socket = None;
        self.facts.last_close = Some((closed.code(), closed.reason().to_owned()));
        let stood = self.facts.since.take().map(|since| since.elapsed());
        if let (Some(backoff), Some(stood)) = (&mut self.backoff, stood) {
            backoff.stood(stood);
        }
        self.set_state(State::Closed);
        self.show(&entries);
        let unsent = self.config.transcript.unsent();
        if !unsent.is_empty() {
            self.complain(&format!(
                "{} of what was to be sent did not leave",
                unsent.len()
            ));
        }
        if let Some(end) = self.leaving {
            return Leave::Now(end);
        }
        if !std::mem::take(&mut self.close_wanted) {
            self.connect_later();
        }
        self.replay_on();
        Leave::NotYet
    }

    /// Plans the next attempt, where the user wants one.
    fn connect_later(&mut self) {
        if self.leaving.is_some() {
            return;
        }
        let Some(backoff) = &mut self.backoff else {
            return;
        };
        match backoff.next(random()) {
            Some((wait, attempt)) => {
                self.reconnect_at = Some(Instant::now() + wait);
                self.say(&format!(
                    "Connecting again in {} (attempt {attempt})",
                    duration(wait)
                ));
            }
            None => {
                self.complain("no attempt to connect is left (--reconnect); /connect tries again");
            }
        }
    }

    /// The user connects: earlier attempts do not count.
    pub(super) fn connect_afresh(&mut self) {
        if let Some(backoff) = &mut self.backoff {
            backoff.reset();
        }
        self.connect();
    }

    /// Stops an attempt to connect, or the wait for the next one.
    pub(super) fn stop_connecting(&mut self) {
        self.connecting = None;
        self.reconnect_at = None;
    }

    /// Whether a reconnect is on its way, so that input can wait for it.
    pub(super) fn will_connect(&self) -> bool {
        self.backoff.is_some() && (self.connecting.is_some() || self.reconnect_at.is_some())
    }

    /// Begins to leave: closes first what is open. The second time, and where
    /// nothing is open, it is over at once.
    pub(super) fn leave(&mut self, end: End) -> Leave {
        let again = self.leaving.replace(end).is_some();
        self.stop_connecting();
        if again || self.socket.is_none() {
            return Leave::Now(end);
        }
        let close = self.config.close.clone();
        self.close(close);
        Leave::NotYet
    }

    /// Starts the closing handshake.
    pub(super) fn close(&mut self, frame: CloseFrame) {
        self.close_wanted = true;
        if let Some(socket) = &mut self.socket
            && socket.is_open()
        {
            socket.start_close(frame.clone());
            let outgoing = Outgoing::Close(frame);
            self.config.transcript.queued(outgoing, Source::User);
        }
        self.set_state(State::Closing);
    }

    /// Hands something to the open socket; whether it took it.
    pub(super) fn hand_over(&mut self, outgoing: Outgoing, source: Source) -> bool {
        let Some(socket) = &mut self.socket else {
            return false;
        };
        let result = match outgoing.clone() {
            // The socket keeps what finds no room, so that a slow peer does
            // not keep the user from typing.
            Outgoing::Message(message) => Pin::new(socket).start_send(message),
            Outgoing::Ping(payload) => socket.ping(payload),
            Outgoing::Pong(payload) => socket.pong(payload),
            Outgoing::Close(frame) => {
                self.close(frame);
                return true;
            }
        };
        if result.is_err() {
            return false;
        }
        if let (Outgoing::Message(message), Source::User) = (&outgoing, source) {
            self.remember(message.clone());
        }
        self.config.transcript.queued(outgoing, source);
        true
    }

    fn remember(&mut self, message: Message) {
        self.resendable.push_back(message);
        let size = |kept: &VecDeque<Message>| kept.iter().map(Message::len).sum::<usize>();
        while self.resendable.len() > MAX_RESENDABLE
            || (self.resendable.len() > 1 && size(&self.resendable) > MAX_RESENDABLE_BYTES)
        {
            self.resendable.pop_front();
        }
    }

    fn count(&mut self, entries: &[Entry]) {
        for entry in entries {
            if let Some(data) = entry.kind.data() {
                let (messages, bytes) = match entry.direction {
                    Direction::Out => &mut self.facts.sent,
                    Direction::In => &mut self.facts.received,
                };
                *messages += 1;
                *bytes += data.len() as u64;
            }
        }
    }
}
