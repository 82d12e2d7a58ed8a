//! What ends the open phase: the peer's Close, or an error, by its cause.

use std::io;

use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame;

use super::Socket;
use super::waits::Deadline;
use crate::connection::ws::deflate::DeflateError;
use crate::connection::ws::error::Limit;
use crate::connection::ws::frame_io::Stopped;
use crate::connection::{CloseCode, CloseFrame, SocketError};

impl Socket {
    pub(super) fn receive_close(&mut self, frame: Option<frame::CloseFrame>) {
        let frame = frame.map_or_else(CloseFrame::default, |frame| CloseFrame {
            code: Some(frame.code.into()),
            reason: frame.reason.to_string(),
        });
        if self.sent.is_none() {
            self.by_peer = true;
            // tungstenite answers with the same code and reason (§5.5.1).
            self.sent = Some(frame.clone());
        }
        self.end_by_close(frame);
    }

    /// Takes a Close frame that tungstenite was not shown, since it would answer
    /// its code wrongly.
    fn receive_unshown_close(&mut self, frame: CloseFrame) {
        self.is_close_unshown = true;
        let is_first = self.sent.is_none();
        self.end_by_close(frame.clone());
        if is_first {
            self.by_peer = true;
            let answer = match frame.code.map(CloseCode::try_from) {
                Some(Err(invalid)) => {
                    let reason = format!("invalid close code {}", invalid.get());
                    CloseFrame::new(CloseCode::PROTOCOL_ERROR, &reason)
                }
                _ => frame,
            };
            self.send_last(answer);
        }
    }

    fn end_by_close(&mut self, frame: CloseFrame) {
        self.received = Some(frame);
        // No message may follow a Close, in either direction.
        self.drop_outgoing();
        self.unflushed = false;
        self.keep_alive = None;
        self.set_deadline(Deadline::EndOfStream);
    }

    pub(super) fn fail(&mut self, error: WsError) {
        match stopped(&error) {
            Some(Stopped::Close(frame)) if self.received.is_none() => {
                let frame = frame.clone();
                self.receive_unshown_close(frame);
            }
            _ => self.error = self.explain(error),
        }
    }

    /// What ended the stream; `None` where the closing handshake was done.
    fn explain(&mut self, error: WsError) -> Option<SocketError> {
        if self.received.is_some() {
            return None;
        }
        match stopped(&error) {
            Some(Stopped::Fault(fault)) => return Some(SocketError::Frame(fault.clone())),
            Some(Stopped::NoRoom) => return Some(SocketError::NoRoom),
            Some(Stopped::Close(_)) | None => {}
        }
        match error {
            WsError::ConnectionClosed | WsError::AlreadyClosed => None,
            WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Some(self.lost()),
            WsError::Protocol(cause) => Some(SocketError::Protocol(cause)),
            WsError::Utf8(cause) => Some(SocketError::Utf8(cause)),
            WsError::Capacity(cause) => Some(self.too_large(&cause)),
            WsError::Io(error) => {
                let deflate = error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<DeflateError>());
                Some(match deflate {
                    Some(cause) => SocketError::Deflate(cause.clone()),
                    // TLS cut in mid-record, or without its close_notify.
                    None if error.kind() == io::ErrorKind::UnexpectedEof => self.lost(),
                    None => SocketError::Io(error),
                })
            }
            other => Some(SocketError::Io(io::Error::other(other))),
        }
    }

    /// Where both limits are the same, it is told of the message.
    fn too_large(&self, cause: &CapacityError) -> SocketError {
        let limit_bytes = match cause {
            CapacityError::MessageTooLong { max_size, .. } => *max_size,
            CapacityError::TooManyHeaders => self.max_message_bytes,
        };
        let limit = match limit_bytes == self.max_message_bytes {
            true => Limit::Message,
            false => Limit::Frame,
        };
        SocketError::TooLarge { limit, limit_bytes }
    }

    /// The connection ended without a Close: by a failure to write, if any.
    pub(super) fn lost(&self) -> SocketError {
        match self.ws.get_ref().write_error() {
            Some(error) => SocketError::Io(copy_of(error)),
            None => SocketError::Lost,
        }
    }
}

/// Why the shim passes nothing more on.
fn stopped(error: &WsError) -> Option<&Stopped> {
    match error {
        WsError::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// An `io::Error` of the same kind and text: the original stays where it is.
fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
