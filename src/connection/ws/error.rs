//! What can go wrong on an open socket, by cause.

use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use crate::connection::ws::deflate::DeflateError;
use crate::connection::ws::frame_io::FrameError;
use crate::connection::{CloseCode, CloseFrame};

/// Why an open socket ended other than by a closing handshake.
#[derive(Debug, Error)]
pub enum SocketError {
    /// The peer broke the framing rules of RFC 6455.
    #[error("the peer broke the WebSocket protocol: {0}")]
    Protocol(#[source] ProtocolError),
    /// The peer sent a frame whose header breaks RFC 6455, and this is told
    /// before the rest of it has come.
    #[error("the peer broke the WebSocket protocol: {0}")]
    Frame(#[source] FrameError),
    /// The peer closed with a code that no Close frame may carry (RFC 6455
    /// §7.4): reserved, undefined, or one that only describes a state.
    #[error("the peer closed the connection with code {0}, which no close frame may carry")]
    CloseCode(u16),
    /// The peer closed with this code while a message of its own was under way:
    /// of that, nothing can be told.
    #[error("the peer closed the connection with code {0} in the middle of a message")]
    CutMessage(u16),
    /// A text message, or a close reason, was not UTF-8.
    #[error("the peer sent text that is not UTF-8: {0}")]
    Utf8(String),
    /// A message or a frame was larger than allowed, compressed or not.
    #[error("the peer sent a {limit} of over {limit_bytes} bytes; {} raises the limit", match limit {
        Limit::Message => "--max-message-size",
        Limit::Frame => "--max-frame-size",
    })]
    TooLarge {
        /// What was too large.
        limit: Limit,
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// A message had begun, and there was no memory for the rest of it.
    #[error("the messages that peers have begun and not ended take as much memory as they may")]
    NoRoom,
    /// A message had begun, and did not end in time.
    #[error("the peer did not end a message that it had begun within {0:?}")]
    MessageTimeout(Duration),
    /// A compressed message broke RFC 7692.
    #[error("the peer sent a compressed message that cannot be read: {0}")]
    Deflate(#[source] DeflateError),
    /// No Pong answered a keep-alive Ping in time.
    #[error("no pong answered a keep-alive ping within {0:?}")]
    KeepAliveTimeout(Duration),
    /// The peer did not answer our Close frame in time.
    #[error("the peer did not answer the close frame within {0:?}")]
    CloseTimeout(Duration),
    /// The peer took nothing of what was written to it.
    #[error("the peer took nothing of what was sent to it for {0:?}")]
    WriteTimeout(Duration),
    /// The transport ended before the closing handshake was complete.
    #[error("the peer ended the connection without a close frame")]
    Lost,
    /// The transport failed.
    #[error("the connection failed: {0}")]
    Io(#[source] io::Error),
}

/// What has a largest size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A whole message, inflated.
    Message,
    /// A frame, as it is on the wire.
    Frame,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "message",
            Self::Frame => "frame",
        })
    }
}

impl SocketError {
    /// The Close frame that tells the peer of this error, where the
    /// connection still stands to carry it.
    pub fn close_frame(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Protocol(cause) => (CloseCode::PROTOCOL_ERROR, cause.to_string()),
            Self::Frame(cause) => (CloseCode::PROTOCOL_ERROR, cause.fault.to_string()),
            Self::Utf8(_) => (CloseCode::INVALID_DATA, "text is not UTF-8".to_owned()),
            Self::Deflate(cause) => (CloseCode::INVALID_DATA, cause.to_string()),
            Self::TooLarge { limit, limit_bytes } => (
                CloseCode::TOO_BIG,
                format!("{limit} over {limit_bytes} bytes"),
            ),
            Self::NoRoom => (
                CloseCode::TRY_AGAIN_LATER,
                "too many unfinished messages".to_owned(),
            ),
            Self::MessageTimeout(_) => (
                CloseCode::POLICY_VIOLATION,
                "a message did not end in time".to_owned(),
            ),
            Self::KeepAliveTimeout(_) => (CloseCode::INTERNAL_ERROR, "ping timeout".to_owned()),
            // It has been answered, and that was the last word.
            Self::CloseCode(_) | Self::CutMessage(_) => return None,
            Self::CloseTimeout(_) | Self::WriteTimeout(_) | Self::Lost | Self::Io(_) => {
                return None;
            }
        };
        Some(CloseFrame::new(code, &reason))
    }

    /// Whether the peer is to blame for breaking RFC 6455 or RFC 7692.
    pub fn is_protocol_error(&self) -> bool {
        matches!(
            self,
            Self::Protocol(_)
                | Self::Frame(_)
                | Self::CloseCode(_)
                | Self::Utf8(_)
                | Self::Deflate(_)
        )
    }
}
