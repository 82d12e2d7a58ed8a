//! Whether a frame's header may stand where it stands (RFC 6455 §5), from as
//! much of it as has come: a header that breaks the protocol has no payload
//! worth waiting for. Pure.

use std::fmt;

use thiserror::Error;

use crate::connection::ws::codec::{FIN, Opcode, RSV, RSV1};

/// How many bytes of a faulty frame are kept as evidence.
const EVIDENCE_BYTES: usize = 32;

/// How many of them are shown where they are no text.
const SHOWN_BYTES: usize = 14;

/// What is wrong with a frame, and how it begins.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct FrameError {
    /// What is wrong.
    pub fault: FrameFault,
    /// The first bytes of the frame, as far as they had come; at most 32.
    pub first_bytes: Vec<u8>,
}

/// What a frame's header can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameFault {
    /// A bit of an extension that was not agreed on, or not where it may be.
    #[error("a frame has reserved bits set that no agreed extension uses")]
    ReservedBits,
    /// An opcode that nothing defines.
    #[error("a frame has the reserved opcode {0}")]
    ReservedOpcode(u8),
    /// A server's frame with a mask.
    #[error("a server's frame is masked")]
    Masked,
    /// A client's frame without one.
    #[error("a client's frame is not masked")]
    Unmasked,
    /// A control frame without FIN.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame with more than 125 bytes.
    #[error("a control frame has more than 125 bytes")]
    LargeControl,
    /// A continuation of nothing.
    #[error("a continuation frame came with no message to go on")]
    StrayContinuation,
    /// A message within a message.
    #[error("a message began in the middle of another one")]
    MissingContinuation,
    /// A length in more bytes than it needs.
    #[error("a frame's length is not in its shortest form")]
    LongLength,
}

/// What the next frame may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// Whether frames have to be masked; otherwise they must not be.
    pub masked: bool,
    /// Whether a message has begun and not ended.
    pub in_message: bool,
    /// Whether permessage-deflate was agreed on.
    pub compresses: bool,
}

impl Expected {
    /// What is wrong with a frame that begins like this.
    pub(super) fn judge(self, frame: &[u8]) -> Option<FrameError> {
        self.fault(frame).map(|fault| FrameError {
            fault,
            first_bytes: frame.get(..EVIDENCE_BYTES).unwrap_or(frame).to_vec(),
        })
    }

    fn fault(self, frame: &[u8]) -> Option<FrameFault> {
        let (first, rest) = frame.split_first()?;
        let Some(opcode) = Opcode::of(*first) else {
            return Some(FrameFault::ReservedOpcode(first & 0x0f));
        };
        // RFC 7692 §6.1: only the first frame of a message has RSV1.
        let allowed = match opcode {
            Opcode::Text | Opcode::Binary if self.compresses => RSV1,
            _ => 0,
        };
        if first & RSV & !allowed != 0 {
            return Some(FrameFault::ReservedBits);
        }
        match (opcode, self.in_message) {
            _ if opcode.is_control() && first & FIN == 0 => {
                return Some(FrameFault::FragmentedControl);
            }
            (Opcode::Continuation, false) => return Some(FrameFault::StrayContinuation),
            (Opcode::Text | Opcode::Binary, true) => return Some(FrameFault::MissingContinuation),
            _ => {}
        }
        let (second, rest) = rest.split_first()?;
        match (second & 0x80 != 0, self.masked) {
            (true, false) => return Some(FrameFault::Masked),
            (false, true) => return Some(FrameFault::Unmasked),
            _ => {}
        }
        let is_short = match (second & 0x7f, rest) {
            (126 | 127, _) if opcode.is_control() => return Some(FrameFault::LargeControl),
            // RFC 6455 §5.2: "the minimal number of bytes MUST be used".
            (126, [0, low, ..]) => *low < 126,
            (127, [0, 0, 0, 0, 0, 0, ..]) => rest.len() >= 8,
            _ => false,
        };
        is_short.then_some(FrameFault::LongLength)
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_text = |byte: &u8| matches!(byte, b'\r' | b'\n' | b'\t' | b' '..=b'~');
        let first = &self.first_bytes;
        if first.starts_with(b"HTTP/") {
            write!(f, "HTTP text in the place of a frame")?;
        } else {
            write!(f, "{}", self.fault)?;
        }
        if first.len() >= 4 && first.iter().all(is_text) {
            return write!(f, "; it begins with \"{}\"", first.escape_ascii());
        }
        write!(f, "; it begins with")?;
        for byte in first.iter().take(SHOWN_BYTES) {
            write!(f, " {byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: Expected = Expected {
        masked: false,
        in_message: false,
        compresses: false,
    };

    /// Judges `frame` byte by byte; the fault, and after how many bytes.
    fn judged(expected: Expected, frame: &[u8]) -> Option<(FrameFault, usize)> {
        (0..=frame.len()).find_map(|len| Some((expected.judge(&frame[..len])?.fault, len)))
    }

    #[test]
    fn a_faulty_header_is_judged_at_its_first_byte_that_tells() {
        use FrameFault as F;
        let clients = Expected {
            masked: true,
            ..SERVERS
        };
        let within = Expected {
            in_message: true,
            ..SERVERS
        };
        let compressed = Expected {
            compresses: true,
            ..SERVERS
        };
        for (expected, frame, fault) in [
            (SERVERS, &b"HTTP/1.1"[..], (F::ReservedBits, 1)),
            (SERVERS, b"\xc1\x7e\xff\xff", (F::ReservedBits, 1)),
            (compressed, b"\xc9\x00", (F::ReservedBits, 1)),
            (compressed, b"\xa1\x00", (F::ReservedBits, 1)),
            (SERVERS, b"\x83\x00", (F::ReservedOpcode(3), 1)),
            (SERVERS, b"\x09\x05", (F::FragmentedControl, 1)),
            (SERVERS, b"\x80\x05", (F::StrayContinuation, 1)),
            (within, b"\x81\x05", (F::MissingContinuation, 1)),
            (SERVERS, b"\x81\xfe\xff\xff", (F::Masked, 2)),
            (clients, b"\x81\x05", (F::Unmasked, 2)),
            (SERVERS, b"\x89\x7e\x04\x00", (F::LargeControl, 2)),
            (SERVERS, b"\x88\x7e\x00\x02", (F::LargeControl, 2)),
            (SERVERS, b"\x81\x7e\x00\x7d", (F::LongLength, 4)),
            (
                SERVERS,
                b"\x81\x7f\0\0\0\0\0\0\xff\xff",
                (F::LongLength, 10),
            ),
        ] {
            assert_eq!(judged(expected, frame), Some(fault), "{frame:x?}");
        }
        for (expected, frame) in [
            (SERVERS, &b"\x81\x7e\x00\x7e"[..]),
            (SERVERS, b"\x81\x7f\0\0\0\0\0\x01\0\0"),
            (compressed, b"\xc1\x00"),
            (within, b"\x80\x00"),
            (within, b"\x89\x7d"),
            (clients, b"\x82\x80"),
        ] {
            assert_eq!(judged(expected, frame), None, "{frame:x?}");
        }
    }

    #[test]
    fn the_first_bytes_of_a_faulty_frame_are_named() {
        for (frame, text) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\n\r\nno"[..],
                r#"HTTP text in the place of a frame; it begins with "HTTP/1.1 400 Bad Request\r\n\r\nno""#,
            ),
            (
                b"\x09\x05\x1b[",
                "a control frame is fragmented; it begins with 09 05 1b 5b",
            ),
        ] {
            assert_eq!(SERVERS.judge(frame).unwrap().to_string(), text);
        }
    }
}
