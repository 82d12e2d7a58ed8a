//! Frames that break a rule, byte by byte. Pure.

use bytes::Bytes;

use super::error::LabError;
use super::values::{bad_value, no_value, number, unfinished_size};
use crate::connection::ws::codec::{Header, Opcode};

/// The longest payload of the fragments of [`InvalidFrame::Unfinished`].
const FRAGMENT_BYTES: usize = 64 << 10;

/// A frame, or several, that break a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidFrame {
    /// Text that is not UTF-8.
    Utf8,
    /// Text whose fragments are not UTF-8 when they are put together.
    Utf8Split,
    /// A reserved bit without an extension.
    Rsv,
    /// A mask on a server's frame.
    Mask,
    /// More payload announced than there is; the end follows.
    Length,
    /// A length in more bytes than it takes.
    LongLength,
    /// A length of 2^63, whose first bit has to be 0.
    HugeLength,
    /// An opcode that stands for nothing.
    Opcode(u8),
    /// A fragment that continues nothing.
    Continuation,
    /// A message within another one.
    Nested,
    /// Fragments of so many bytes, and no last one.
    Unfinished(usize),
    /// A ping of 126 bytes.
    LongPing,
    /// A ping in two fragments.
    FragmentedPing,
    /// A Close with half a code.
    ShortClose,
    /// A Close of 126 bytes.
    LongClose,
    /// A Close whose reason is not UTF-8.
    CloseUtf8,
    /// A message behind a Close.
    AfterClose,
}

impl InvalidFrame {
    /// What this name stands for; `None` for another name.
    pub(super) fn parse(name: &str, value: &str) -> Option<Result<Self, LabError>> {
        let frame = match name {
            "bad-opcode" => return Some(opcode(value)),
            "unfinished" => return Some(unfinished_size(value).map(Self::Unfinished)),
            "bad-utf8" => Self::Utf8,
            "bad-utf8-split" => Self::Utf8Split,
            "bad-rsv" => Self::Rsv,
            "bad-mask" => Self::Mask,
            "bad-length" => Self::Length,
            "long-length" => Self::LongLength,
            "huge-length" => Self::HugeLength,
            "lone-continuation" => Self::Continuation,
            "nested-message" => Self::Nested,
            "long-ping" => Self::LongPing,
            "fragmented-ping" => Self::FragmentedPing,
            "short-close" => Self::ShortClose,
            "long-close" => Self::LongClose,
            "bad-close-utf8" => Self::CloseUtf8,
            "data-after-close" => Self::AfterClose,
            _ => return None,
        };
        Some(no_value(name, value, frame))
    }

    /// What is sent, in pieces that may be shared.
    pub(crate) fn pieces(self) -> Vec<Bytes> {
        match self {
            Self::Unfinished(bytes) => unfinished(bytes),
            frame => vec![frame.bytes().into()],
        }
    }

    fn bytes(self) -> Vec<u8> {
        let bytes: &[u8] = match self {
            Self::Utf8 => b"\x81\x04ab\xff\xfe",
            // The first half of a character, and not its second.
            Self::Utf8Split => b"\x01\x02a\xc3\x80\x01\x28",
            Self::Rsv => b"\xf1\x02hi",
            // "hi" under the key 1 2 3 4.
            Self::Mask => b"\x81\x82\x01\x02\x03\x04ik",
            Self::Length => b"\x82\x640123456789",
            Self::LongLength => b"\x81\x7e\x00\x02hi",
            Self::HugeLength => b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
            Self::Opcode(opcode) => return vec![0x80 | opcode, 2, b'h', b'i'],
            Self::Continuation => b"\x80\x02hi",
            Self::Nested => b"\x01\x02ab\x81\x02cd",
            Self::Unfinished(_) => b"",
            Self::LongPing => return [&b"\x89\x7e\x00\x7e"[..], &[b'p'; 126]].concat(),
            Self::FragmentedPing => b"\x09\x01h\x80\x01i",
            Self::ShortClose => b"\x88\x01\x03",
            Self::LongClose => {
                return [&b"\x88\x7e\x00\x7e\x03\xe8"[..], &[b'c'; 124]].concat();
            }
            Self::CloseUtf8 => b"\x88\x04\x03\xe8\xff\xfe",
            Self::AfterClose => b"\x88\x02\x03\xe8\x81\x05after",
        };
        bytes.to_vec()
    }

    /// Whether FIN follows at once.
    pub(crate) fn ends(self) -> bool {
        self == Self::Length
    }
}

/// RFC 6455 §5.2: "%x3-7 are reserved for further non-control frames", "%xB-F [...]
/// for further control frames".
fn opcode(value: &str) -> Result<InvalidFrame, LabError> {
    let opcode = match value {
        "" => 3,
        value => number("bad-opcode", value, 0, 15)?,
    };
    match opcode {
        3..=7 | 11..=15 => Ok(InvalidFrame::Opcode(opcode)),
        _ => Err(bad_value("bad-opcode", value, "3 to 7, or 11 to 15")),
    }
}

/// Fragments of a text that never ends.
fn unfinished(bytes: usize) -> Vec<Bytes> {
    static PAYLOAD: [u8; FRAGMENT_BYTES] = [b'a'; FRAGMENT_BYTES];
    let mut opcode = Opcode::Text;
    let mut rest = bytes;
    let mut pieces = Vec::new();
    loop {
        let payload = Bytes::from_static(&PAYLOAD).slice(..rest.min(FRAGMENT_BYTES));
        let mut header = Vec::new();
        Header::new(opcode, false, None, payload.len() as u64).write(&mut header);
        rest -= payload.len();
        opcode = Opcode::Continuation;
        pieces.extend([header.into(), payload]);
        if rest == 0 {
            return pieces;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_messages_have_so_many_bytes_and_no_end() {
        let frames = |bytes| unfinished(bytes).concat();
        assert_eq!(frames(2), b"\x01\x02aa");
        let frames = frames((64 << 10) + 200);
        assert_eq!(frames[..10], [0x01, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        let second = &frames[10 + (64 << 10)..];
        assert_eq!(second[..4], [0, 126, 0, 200]);
        assert_eq!(second.len(), 204);
    }
}
