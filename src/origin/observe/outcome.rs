//! How an attempt can end: a value with a name for machines and words for people.

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// There was no connection to shake hands over.
    NoConnection,
    /// An HTTP answer with another status than 101.
    Status(u16),
    /// A 101 that opens no WebSocket (RFC 6455 §4.1).
    Invalid101,
    /// The connection ended before an answer was complete.
    EndOfStream,
    /// The connection was reset before an answer was complete.
    Reset,
    /// What came is not HTTP.
    NotHttp,
    /// The answer's head is over the limit.
    HeadTooLarge,
    /// No complete answer in time.
    Timeout,
    /// A valid 101, and open to the end of the window.
    Open,
    /// A valid 101, and then a Close frame with this code, or with none.
    Closed(Option<u16>),
    /// A valid 101, and then the end of the stream, or a reset.
    Lost,
    /// A valid 101, and then frames that break the protocol.
    Broken,
    /// A valid 101, and then more than is read.
    Flood,
}

impl Outcome {
    /// Whether a valid 101 came.
    pub(crate) fn is_upgraded(self) -> bool {
        matches!(
            self,
            Self::Open | Self::Closed(_) | Self::Lost | Self::Broken | Self::Flood
        )
    }

    /// Whether the server, or what stands before it, asks to come back later: too
    /// many requests, or it is not well. That is no answer to an origin, whoever
    /// gets it, and is never a refusal (RFC 6585 §4, RFC 9110 §15.6; the Close
    /// codes 1012 to 1014 of the registry are "restart", "try again later" and
    /// "bad gateway").
    pub(crate) fn asks_for_time(self) -> bool {
        matches!(
            self,
            Self::Status(429 | 502..=504) | Self::Closed(Some(1012..=1014))
        )
    }

    /// The name in machine-readable reports.
    pub(crate) fn code(self) -> String {
        match self {
            Self::NoConnection => "no-connection".into(),
            Self::Status(status) => format!("status-{status}"),
            Self::Invalid101 => "invalid-101".into(),
            Self::EndOfStream => "end-of-stream".into(),
            Self::Reset => "reset".into(),
            Self::NotHttp => "not-http".into(),
            Self::HeadTooLarge => "head-too-large".into(),
            Self::Timeout => "timeout".into(),
            Self::Open => "open".into(),
            Self::Closed(Some(code)) => format!("close-{code}"),
            Self::Closed(None) => "close-1005".into(),
            Self::Lost => "close-1006".into(),
            Self::Broken => "protocol-error".into(),
            Self::Flood => "flood".into(),
        }
    }

    /// What happened, for people.
    pub(crate) fn told(self) -> String {
        match self {
            Self::NoConnection => "no connection".into(),
            Self::Status(status) => format!("HTTP {status}"),
            Self::Invalid101 => "an invalid 101".into(),
            Self::EndOfStream => "end of stream without an answer".into(),
            Self::Reset => "reset without an answer".into(),
            Self::NotHttp => "an answer that is not HTTP".into(),
            Self::HeadTooLarge => "an answer whose head is too large".into(),
            Self::Timeout => "no answer in time".into(),
            Self::Open => "101, stays open".into(),
            Self::Closed(Some(code)) => format!("101, then Close {code}"),
            Self::Closed(None) => "101, then Close without a code".into(),
            Self::Lost => "101, then end of stream".into(),
            Self::Broken => "101, then frames that break the protocol".into(),
            Self::Flood => "101, then a flood of messages".into(),
        }
    }
}
