//! A frame layer small enough to break: it reads a client's frames by the
//! rules, and writes any bytes.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::connection::ws::codec::{FIN, Header, Opcode, RSV, Read};
use crate::connection::ws::mask;
use crate::connection::{Message, SocketError, Transport};
use crate::server::behaviour::Upgraded;

/// What a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A whole message.
    Message(Message),
    Ping(Bytes),
    Pong,
    /// The payload of its Close frame.
    Close(Bytes),
    /// The end of the stream.
    End,
    /// What a Close frame is to say of it: the code and the reason.
    Violation(u16, &'static str),
}

/// The connection.
pub(super) struct Wire {
    transport: Transport,
    input: BytesMut,
    /// The message whose fragments are arriving.
    message: Option<(bool, BytesMut)>,
    max_message_bytes: usize,
    write_timeout: Duration,
}

impl Wire {
    pub(super) fn new(
        upgraded: Upgraded,
        max_message_bytes: usize,
        write_timeout: Duration,
    ) -> Self {
        Self {
            transport: upgraded.transport,
            input: upgraded.leftover.as_ref().into(),
            message: None,
            max_message_bytes,
            write_timeout,
        }
    }

    /// The next thing a client sends. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> io::Result<Incoming> {
        loop {
            if let Some(incoming) = self.parse() {
                return Ok(incoming);
            }
            if self.transport.read_buf(&mut self.input).await? == 0 {
                return Ok(Incoming::End);
            }
        }
    }

    /// Takes frames off the input until one of them says something.
    fn parse(&mut self) -> Option<Incoming> {
        loop {
            let (header, opcode, header_len) = match Header::read(&self.input) {
                Read::Whole {
                    header,
                    opcode,
                    header_len,
                } => (header, opcode, header_len),
                Read::Partial => return None,
                Read::Invalid => return Some(Incoming::Violation(1002, "reserved opcode")),
            };
            if let Err((code, reason)) = self.check(&header, opcode) {
                return Some(Incoming::Violation(code, reason));
            }
            // At most `max_message_bytes`, as checked.
            let length = usize::try_from(header.payload_len).ok()?;
            if self.input.len() - header_len < length {
                self.input.reserve(header_len + length - self.input.len());
                return None;
            }
            self.input.advance(header_len);
            let mut payload = self.input.split_to(length);
            mask::apply(&mut payload, header.mask.unwrap_or_default());
            if let Some(incoming) = self.take(&header, opcode, payload) {
                return Some(incoming);
            }
        }
    }

    fn check(&self, header: &Header, opcode: Opcode) -> Result<(), (u16, &'static str)> {
        let length = header.payload_len;
        if header.first & RSV != 0 {
            return Err((1002, "reserved bits"));
        }
        if header.mask.is_none() {
            return Err((1002, "unmasked frame"));
        }
        let begun = self.message.as_ref().map(|(_, message)| message.len());
        match opcode {
            // RFC 6455 §5.5: at most 125 bytes, and not fragmented.
            opcode if opcode.is_control() => match length > 125 || !header.is_final() {
                true => Err((1002, "control frame")),
                false => Ok(()),
            },
            Opcode::Continuation if begun.is_none() => Err((1002, "no message to go on")),
            Opcode::Text | Opcode::Binary if begun.is_some() => {
                Err((1002, "message within a message"))
            }
            _ if length.saturating_add(begun.unwrap_or_default() as u64)
                > self.max_message_bytes as u64 =>
            {
                Err((1009, "message too big"))
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, header: &Header, opcode: Opcode, payload: BytesMut) -> Option<Incoming> {
        match opcode {
            Opcode::Ping => return Some(Incoming::Ping(payload.freeze())),
            Opcode::Pong => return Some(Incoming::Pong),
            Opcode::Close => return Some(Incoming::Close(payload.freeze())),
            Opcode::Continuation => {
                self.message.as_mut()?.1.extend_from_slice(&payload);
            }
            Opcode::Text | Opcode::Binary => {
                self.message = Some((opcode == Opcode::Text, payload));
            }
        }
        if !header.is_final() {
            return None;
        }
        let (is_text, message) = self.message.take()?;
        if !is_text {
            return Some(Incoming::Message(Message::Binary(message.freeze())));
        }
        Some(match Utf8Bytes::try_from(message.freeze()) {
            Ok(text) => Incoming::Message(Message::Text(text)),
            Err(_) => Incoming::Violation(1007, "text is not UTF-8"),
        })
    }

    /// Writes any bytes. A client that takes too long is lost.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), SocketError> {
        let limit = self.write_timeout;
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = timeout(limit, self.transport.write(rest))
                .await
                .map_err(|_| SocketError::WriteTimeout(limit))?
                .map_err(SocketError::Io)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        self.transport.flush().await.map_err(SocketError::Io)
    }

    /// Sends FIN.
    pub(super) async fn finish(&mut self) {
        // One that is gone has its end already.
        let _ = self.transport.shutdown().await;
    }

    /// Reads and forgets, to the end of the stream.
    pub(super) async fn drain(&mut self) {
        let mut sink = [0; 4096];
        while let Ok(1..) = self.transport.read(&mut sink).await {}
    }

    /// Sends RST, where there is TCP and nothing else to send it on.
    pub(super) fn reset(self) {
        if let Some(stream) = self.transport.as_tcp() {
            // RFC 1122 §4.2.2.13 calls it an abortive close.
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Appends a message in so many frames, unmasked.
pub(super) fn append_message(message: &Message, fragments: usize, target: &mut Vec<u8>) {
    let mut rest = message.as_bytes();
    let fragments = fragments.max(1);
    let length = rest.len().div_ceil(fragments).max(1);
    target.reserve(rest.len() + 10 * fragments);
    for index in 0..fragments {
        let (part, after) = rest.split_at(rest.len().min(length));
        rest = after;
        let opcode = match (index, message.is_text()) {
            (0, true) => Opcode::Text,
            (0, false) => Opcode::Binary,
            _ => Opcode::Continuation,
        };
        let is_last = index + 1 == fragments;
        let fin = if is_last { FIN } else { 0 };
        append_frame(opcode as u8 | fin, part, target);
    }
}

/// Appends a frame with this first byte, unmasked.
pub(super) fn append_frame(first: u8, payload: &[u8], target: &mut Vec<u8>) {
    let header = Header {
        first,
        mask: None,
        payload_len: payload.len() as u64,
    };
    header.write(target);
    target.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_messages_have_as_many_fragments_as_asked_for() {
        let frames = |message, fragments| {
            let mut bytes = Vec::new();
            append_message(&message, fragments, &mut bytes);
            bytes
        };
        assert_eq!(frames(Message::text("abcd"), 1), b"\x81\x04abcd");
        assert_eq!(frames(Message::text("abcd"), 2), b"\x01\x02ab\x80\x02cd");
        assert_eq!(
            frames(Message::binary("a"), 3),
            b"\x02\x01a\x00\x00\x80\x00"
        );
        let long = |length| Message::binary(vec![0; length]);
        assert_eq!(frames(long(126), 1)[..4], [0x82, 126, 0, 126]);
        assert_eq!(frames(long(1 << 16), 1)[..4], [0x82, 127, 0, 0]);
    }
}
