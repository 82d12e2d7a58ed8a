//! The state of a conversation, and what events do to it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::helper::Prompt;
use super::messages::Messages;
use super::paused::Paused;
use crate::connection::client::reconnect::Outlook;
use crate::connection::{CloseFrame, Message, OpenConfig, OpenFailure, Target, diagnose};
use crate::script::{Act, Run, RunConfig};
use crate::talk::player::PATIENCE;
use crate::talk::replay::Step;
use crate::talk::text::{Look, counted, duration};
use crate::talk::{
    Close, Direction, Ended, Entry, Kind, Line, LineConfig, LineEvent, Opening, Outgoing, Play,
    Player, Source, Stop, sentence,
};
use crate::terminal::printer::Printer;

/// How many messages may wait for a connection, and how many are kept for
/// `/resend`.
pub(super) const MAX_QUEUED: usize = 1_000;
const MAX_RESENDABLE: usize = 100;
const MAX_RESENDABLE_BYTES: usize = 1 << 20;

/// Makes of an address what is needed to connect to it, by the same rules as
/// for the address on the command line.
pub type Dialer = Box<dyn Fn(&str) -> Result<(Target, OpenConfig), String> + Send>;

/// What a conversation is to be like.
pub struct SessionConfig {
    /// The line; it is connected at once where it has a target.
    pub line: LineConfig,
    /// Understands other addresses.
    pub dialer: Dialer,
    /// How things are to look.
    pub look: Look,
    /// What to send again, of an earlier log.
    pub replay: Vec<Step>,
    /// The Close frame that is sent on leaving.
    pub close: CloseFrame,
    /// The prompt's text.
    pub prompt: Prompt,
    /// What answers, or ends the conversation, beside what is typed.
    pub rules: Option<RunConfig>,
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("line", &self.line)
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

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `/quit` or Ctrl-D.
    Quit,
    /// Ctrl-C on an empty line.
    Interrupted,
    /// By a rule, which told why.
    Rejected,
    /// From outside.
    Stopped(Stop),
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
    pub(super) line: Line,
    pub(super) dialer: Dialer,
    pub(super) look: Look,
    pub(super) prompt: Prompt,
    pub(super) printer: Printer,
    pub(super) state: State,
    close: CloseFrame,
    leaving: Option<End>,
    /// Whether the user has asked for the close, so that no reconnect follows.
    close_wanted: bool,
    player: Player,
    rules: Option<Run>,
    /// What waits for a connection.
    pub(super) queue: VecDeque<Outgoing>,
    /// What `/resend` can send, the last at the end.
    pub(super) resendable: VecDeque<Message>,
    /// The messages by their numbers.
    pub(super) messages: Messages,
    /// What came while the log is paused.
    pub(super) paused: Option<Paused>,
    /// Whether it was said that the filter hides what it cannot read.
    pub(super) unread_told: bool,
    /// Whether the terminal understands more than lines.
    pub(super) has_screen: bool,
    pub(super) facts: Facts,
}

/// What `/status` and `/headers` tell besides the line.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) opening: Option<Opening>,
    pub(super) heads: Option<(String, String)>,
    pub(super) round_trip: Option<Duration>,
    pub(super) last_close: Option<Close>,
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
    pub fn new(config: SessionConfig, printer: Printer) -> Self {
        Self {
            line: Line::new(config.line),
            dialer: config.dialer,
            look: config.look,
            prompt: config.prompt,
            printer,
            state: State::Ready,
            close: config.close,
            leaving: None,
            close_wanted: false,
            player: Player::new(config.replay),
            rules: config.rules.map(|rules| Run::new(rules, Instant::now())),
            queue: VecDeque::new(),
            resendable: VecDeque::new(),
            messages: Messages::default(),
            paused: None,
            unread_told: false,
            has_screen: false,
            facts: Facts::default(),
        }
    }

    /// Connects, where there is an address, and says so.
    pub(super) fn begin(&mut self, trouble: Option<String>) {
        if let Some(trouble) = trouble {
            self.error(&trouble);
        }
        if self.line.target().is_some() {
            self.connect();
        } else {
            self.set_state(State::Ready);
            self.tell("Ready to connect... (/connect URL; /help shows what else there is)");
        }
    }

    /// Opens a connection to the target there is.
    fn connect(&mut self) {
        self.line.connect();
        self.set_state(State::Connecting);
    }

    /// The same for the user: earlier attempts do not count.
    pub(super) fn connect_afresh(&mut self) {
        self.line.connect_afresh();
        self.set_state(State::Connecting);
    }

    /// Something happened on the line.
    pub(super) fn on_line_event(&mut self, event: LineEvent) -> Leave {
        match event {
            LineEvent::Connecting(url) => {
                self.set_state(State::Connecting);
                self.tell(&format!("Connecting to {url}"));
            }
            LineEvent::Entry(entry) => {
                self.on_entry(&entry);
                return self.answer(&entry);
            }
            LineEvent::Flushed => {}
            LineEvent::NotOpened(error) => self.on_not_opened(&error),
            LineEvent::Closed(ended) => return self.on_close(&ended),
        }
        Leave::NotYet
    }

    fn on_entry(&mut self, entry: &Entry) {
        match &entry.kind {
            Kind::Open(opening) => {
                self.facts.heads = Some((opening.request.clone(), opening.response.clone()));
                self.facts.opening = Some((**opening).clone());
                self.facts.round_trip = None;
                self.close_wanted = false;
                self.set_state(State::Open);
                self.show(entry);
                for outgoing in std::mem::take(&mut self.queue) {
                    self.hand_over(outgoing);
                }
                self.player.go_on();
                return;
            }
            Kind::Pong { round_trip, .. } if entry.direction == Direction::In => {
                self.facts.round_trip = round_trip.or(self.facts.round_trip);
                self.set_state(self.state);
            }
            Kind::Close(close) if entry.direction == Direction::In => {
                self.facts.last_close = Some(close.clone());
                self.set_state(State::Closed);
            }
            // Why no connection could be opened is told with what to do next.
            Kind::Error { .. } if self.line.is_connecting() => return,
            _ => {}
        }
        self.show(entry);
    }

    /// Lets the rules see what came.
    fn answer(&mut self, entry: &Entry) -> Leave {
        let Some(rules) = &mut self.rules else {
            return Leave::NotYet;
        };
        let now = Instant::now();
        match (entry.direction, &entry.kind) {
            (_, Kind::Open(_)) => rules.opened(now),
            (Direction::In, message) => {
                if let Some(message) = message.clone().into_message() {
                    rules.arrived(&message.into_bytes(), now, now);
                }
            }
            (Direction::Out, _) => return Leave::NotYet,
        }
        let unmet = loop {
            match rules.next(now, true) {
                Act::Send { message, .. } => {
                    // One that the Close was faster than is of no use.
                    let _ = self
                        .line
                        .send(Outgoing::Message(message), Source::Automatic);
                }
                Act::Failed(unmet) => break unmet,
                Act::Wait(_) | Act::Done => return Leave::NotYet,
            }
        };
        self.rules = None;
        self.error(&unmet.to_string());
        self.leave(End::Rejected)
    }

    fn on_not_opened(&mut self, error: &OpenFailure) {
        self.set_state(State::Closed);
        let secrets = self.line.secrets();
        let mut text = secrets.text(&sentence(error));
        if let Some(rejection) = error.rejection() {
            self.facts.heads = Some((
                secrets.head(&rejection.request_head),
                secrets.head(&rejection.response.head.raw),
            ));
            text.push_str(" (/headers shows its answer)");
        }
        self.error(&text);
        if let Some((target, config)) = self.line.target() {
            let hint = diagnose::hint(error, target, config);
            if let Some(hint) = hint {
                self.tell(&format!("hint: {hint}"));
            }
        }
        self.connect_later(Outlook::after_failure(error));
        self.player.go_on();
    }

    fn on_close(&mut self, ended: &Ended) -> Leave {
        // How it was closed is known by the entry before.
        let unsent = self.line.unsent();
        if unsent > 0 {
            let was = if unsent == 1 { "was" } else { "were" };
            let unsent = counted(usize::try_from(unsent).unwrap_or(usize::MAX), "message");
            self.error(&format!("{unsent} {was} not sent"));
        }
        if let Some(end) = self.leaving {
            return Leave::Now(end);
        }
        if !std::mem::take(&mut self.close_wanted) {
            self.connect_later(Outlook::after_close(&ended.closed));
        }
        self.player.go_on();
        Leave::NotYet
    }

    /// The next time at which a step of the replay is due.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.player.wake()
    }

    /// Plays the step that is due.
    pub(super) fn play(&mut self) {
        match self.player.next(&self.line) {
            None => return,
            Some(Play::Connect) => self.connect(),
            Some(Play::Send(outgoing)) => {
                self.hand_over(outgoing);
            }
            Some(Play::NotClosed) => self.error(&format!(
                "the peer closed here in the recording, and has not closed within {}; the replay goes on over this connection",
                duration(PATIENCE)
            )),
            Some(Play::Stopped(left)) => {
                return self.error(&format!(
                    "the replay stopped with {} left: the connection is closed",
                    counted(left, "step")
                ));
            }
        }
        if self.player.is_at_its_end() {
            let steps = counted(self.player.done(), "step");
            self.tell(&format!("The replay is done: {steps}"));
        } else if self.line.is_open() {
            self.player.go_on();
        }
    }

    /// Plans the next attempt, where the user wants one.
    fn connect_later(&mut self, outlook: Outlook) {
        if self.leaving.is_some() || !self.line.reconnects() {
            return;
        }
        if !self.line.reconnects_after(outlook) {
            if let Some(note) = outlook.note() {
                self.tell(&note);
            }
            return;
        }
        match self.line.connect_later() {
            Some((wait, attempt)) => self.tell(&format!(
                "Connecting again in {} (attempt {attempt})",
                duration(wait)
            )),
            None => {
                self.error("no attempt to connect is left (--reconnect); /connect tries again");
            }
        }
    }

    /// Begins to leave: closes first what is open. The second time, and where
    /// nothing is open, it is over at once.
    pub(super) fn leave(&mut self, end: End) -> Leave {
        let again = self.leaving.replace(end).is_some();
        self.line.stop_connecting();
        if again || !self.line.has_connection() {
            return Leave::Now(end);
        }
        self.close(self.close.clone());
        Leave::NotYet
    }

    /// Somebody ends the conversation from outside.
    pub(super) fn stopped(&mut self, stop: Stop) -> Leave {
        if stop == Stop::MaxTime {
            if self.leaving.is_some() {
                return Leave::NotYet;
            }
            self.error("the time limit (--max-time) has passed");
        }
        self.leave(End::Stopped(stop))
    }

    /// Starts the closing handshake.
    pub(super) fn close(&mut self, frame: CloseFrame) {
        self.close_wanted = true;
        // One that is closing already goes on with that.
        let _ = self.line.close(frame, Source::User);
        self.set_state(State::Closing);
    }

    /// Hands something of the user's to the open connection; whether it took
    /// it.
    pub(super) fn hand_over(&mut self, outgoing: Outgoing) -> bool {
        match outgoing {
            Outgoing::Close(frame) => {
                self.close(frame);
                true
            }
            outgoing => {
                // A payload is shared, not copied.
                let taken = self.line.send(outgoing.clone(), Source::User).is_ok();
                if let (Outgoing::Message(message), true) = (outgoing, taken) {
                    self.remember(message);
                }
                taken
            }
        }
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
}
