//! What one attempt saw, and what is kept of it as evidence.

use std::time::Duration;

use tokio::time::Instant;

use super::outcome::Outcome;
use crate::connection::client::dial::DialError;
use crate::connection::client::reached::Phase;
use crate::connection::http::{HandshakeError, HeadError, RejectionCause, Response};
use crate::connection::net::tls::TlsError;
use crate::connection::{
    Closed, Event, Message, OpenError, OpenFailure, RawHead, Secrets, SocketError,
};
use crate::value::Pattern;

/// How much of a message is kept for comparison.
const KEPT_MESSAGE_BYTES: usize = 4 << 10;
/// How many messages are kept.
const KEPT_MESSAGES: usize = 16;
/// How much of a head, and of a message, is kept as evidence.
const SHOWN_HEAD_BYTES: usize = 8 << 10;
const SHOWN_MESSAGE_BYTES: usize = 1 << 10;
/// What the user knows of the application behind the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conversation {
    /// Sent as soon as the connection is open.
    pub message: Option<Message>,
    /// A message that matches says that the connection is accepted.
    pub expect: Option<Pattern>,
    /// A message or a close reason that matches says that it is refused.
    pub reject: Option<Pattern>,
}

/// What one attempt saw.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    /// How it ended.
    pub outcome: Outcome,
    /// The messages received, cut: at most the first sixteen.
    pub messages: Vec<Message>,
    /// The reason of the Close frame.
    pub close_reason: String,
    /// Whether a message matched the pattern of acceptance.
    pub expected: bool,
    /// The text that matched the pattern of refusal.
    pub rejected: Option<String>,
    /// How long the server asks to wait (Retry-After in seconds).
    pub retry_after: Option<Duration>,
    /// The time from the 101 to the last thing that happened.
    pub settled_after: Duration,
    /// Whether what the allowed origin gets came before the refusal.
    pub read_before: bool,
    /// The raw evidence, redacted.
    pub evidence: Evidence,
    /// Why there was no connection, for the exit code.
    pub error: Option<std::sync::Arc<OpenFailure>>,
    /// How many messages are kept.
    pub(super) keeps: usize,
}

/// The raw evidence of one attempt. Secrets are redacted already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The request as sent.
    pub request_head: Option<String>,
    /// The answer's head as received.
    pub response_head: Option<String>,
    /// The beginning of a refusal's body.
    pub response_body: Option<String>,
    /// The messages of the window, in both directions.
    pub frames: Vec<Frame>,
    /// The Close frame received: its code and its reason.
    pub close: Option<(Option<u16>, String)>,
    /// What went wrong.
    pub error: Option<String>,
    /// How long dialling and the handshake took.
    pub handshake: Duration,
    /// How long the whole attempt took.
    pub duration: Duration,
}

/// One message of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Whether the message was ours.
    pub sent: bool,
    /// Whether it is text.
    pub text: bool,
    /// The payload, cut to 1 KiB; bytes that are no text are escaped.
    pub data: String,
    /// The payload's length in bytes.
    pub bytes: usize,
    /// When, counted from the 101.
    pub at: Duration,
}

impl Observation {
    /// An observation of nothing yet.
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            messages: Vec::new(),
            close_reason: String::new(),
            expected: false,
            rejected: None,
            retry_after: None,
            settled_after: Duration::ZERO,
            read_before: false,
            evidence: Evidence::default(),
            error: None,
            keeps: KEPT_MESSAGES,
        }
    }

    pub(super) fn last_bytes(&self) -> usize {
        // Beyond what is kept, a message counts as the last one kept.
        self.evidence.frames.last().map_or(0, |frame| frame.bytes)
    }

    pub(super) fn take_heads(
        &mut self,
        request: Option<&RawHead>,
        response: &Response,
        redactor: &Secrets,
    ) {
        self.evidence.request_head = request.map(|head| shown_head(head, redactor));
        self.evidence.response_head = Some(shown_head(&response.head.raw, redactor));
        if !response.body.is_empty() {
            let body = redactor.beginning(&response.body, SHOWN_MESSAGE_BYTES);
            self.evidence.response_body = Some(body);
        }
        self.retry_after = response
            .header("retry-after")
            .next()
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs);
    }

    pub(super) fn take_refusal(&mut self, error: OpenFailure, redactor: &Secrets) {
        if let Some(rejection) = error.rejection() {
            self.take_heads(Some(&rejection.request_head), &rejection.response, redactor);
        }
        self.outcome = match &*error.cause {
            OpenError::Handshake(HandshakeError::Rejected(rejection))
            | OpenError::Redirect { rejection, .. } => match rejection.cause {
                RejectionCause::Status { .. } => Outcome::Status(rejection.response.status()),
                _ => Outcome::Invalid101,
            },
            // An end instead of an answer, which a server that refuses an
            // origin so gives too. Whether it means the certificate is for the
            // baseline to tell.
            OpenError::Dial(DialError::Tls(
                TlsError::ClientCertificateRequired { .. } | TlsError::ClosedOnClientCertificate,
            )) => Outcome::EndOfStream,
            OpenError::Handshake(HandshakeError::Head(HeadError::Closed { .. })) => {
                Outcome::EndOfStream
            }
            OpenError::Handshake(HandshakeError::Head(HeadError::Io(_))) => Outcome::Reset,
            OpenError::Handshake(HandshakeError::Head(HeadError::TooLarge { .. })) => {
                Outcome::HeadTooLarge
            }
            OpenError::Handshake(_) => Outcome::NotHttp,
            OpenError::Timeout { stuck, .. } if stuck.phase == Phase::Upgrade => Outcome::Timeout,
            _ => Outcome::NoConnection,
        };
        self.evidence.error = Some(redactor.text(&error.to_string()));
        self.error = Some(error.into());
    }

    pub(super) fn take_event(
        &mut self,
        event: Event,
        opened: Instant,
        talk: &Conversation,
        redactor: &Secrets,
    ) {
        match event {
            Event::Message { message, .. } => {
                let matches = |pattern: &Option<Pattern>| {
                    pattern
                        .as_ref()
                        .is_some_and(|pattern| pattern.matches(message.as_bytes()))
                };
                if matches(&talk.reject) {
                    self.rejected = Some(redactor.beginning(message.as_bytes(), 200));
                } else if matches(&talk.expect) {
                    self.expected = true;
                }
                self.note(&message, false, opened, redactor);
                if self.messages.len() < self.keeps {
                    self.messages.push(shortened(message));
                }
            }
            Event::Closed(closed) => self.take_end(closed, talk, redactor),
            Event::Ping(_) | Event::Pong { .. } | Event::Flushed => {}
        }
    }

    fn take_end(&mut self, closed: Closed, talk: &Conversation, redactor: &Secrets) {
        if let Some(frame) = &closed.received {
            self.outcome = Outcome::Closed(frame.code);
            self.close_reason.clone_from(&frame.reason);
            self.evidence.close = Some((frame.code, redactor.reason(&frame.reason)));
            if talk
                .reject
                .as_ref()
                .is_some_and(|p| p.matches(frame.reason.as_bytes()))
            {
                self.rejected = Some(redactor.reason(&frame.reason));
            }
            return;
        }
        self.outcome = match &closed.error {
            Some(error) if error.is_protocol_error() => Outcome::Broken,
            // Larger than is read, which is no end of its own.
            Some(SocketError::TooLarge { .. }) => Outcome::Flood,
            _ => Outcome::Lost,
        };
        self.evidence.error = closed.error.map(|error| redactor.text(&error.to_string()));
    }

    pub(super) fn note(
        &mut self,
        message: &Message,
        sent: bool,
        opened: Instant,
        redactor: &Secrets,
    ) {
        if self.evidence.frames.len() > KEPT_MESSAGES {
            if let Some(last) = self.evidence.frames.last_mut() {
                last.bytes = message.len();
            }
            return;
        }
        self.evidence.frames.push(Frame {
            sent,
            text: message.is_text(),
            data: redactor.beginning(message.as_bytes(), SHOWN_MESSAGE_BYTES),
            bytes: message.len(),
            at: opened.elapsed(),
        });
    }
}

fn shortened(message: Message) -> Message {
    if message.len() <= KEPT_MESSAGE_BYTES {
        return message;
    }
    let is_text = message.is_text();
    let text = cut(message.as_bytes(), KEPT_MESSAGE_BYTES);
    if is_text {
        Message::text(text)
    } else {
        Message::binary(text.into_bytes())
    }
}

/// The beginning of what a peer sent, as text.
fn shown_head(head: &RawHead, secrets: &Secrets) -> String {
    let mut text = secrets.head(&head.cut(SHOWN_HEAD_BYTES));
    if head.wire().len() > SHOWN_HEAD_BYTES {
        text.push_str("...");
    }
    text
}

fn cut(bytes: &[u8], limit: usize) -> String {
    let shown = bytes.get(..limit).unwrap_or(bytes);
    let mut text = String::from_utf8_lossy(shown).into_owned();
    if bytes.len() > limit {
        text.push_str("...");
    }
    text
}
