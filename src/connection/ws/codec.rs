//! The header of a frame (RFC 6455 §5.2), read and written in one place.
//!
//! ```text
//!  first            second           extended length    mask
//! |F|RSV|opcode(4)| |M|length(7)|    0, 2 or 8 bytes    0 or 4 bytes
//! ```
//!
//! Pure, and without judgement of anything but the opcode: what a header means
//! is for those who read it. A leaf.

use bytes::BufMut;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Two bytes, eight of length, four of mask key.
pub(crate) const MAX_HEADER_BYTES: usize = 14;

/// The bit of the first byte that ends a message.
pub(crate) const FIN: u8 = 0x80;
/// The bit of the first byte that permessage-deflate has (RFC 7692 §6).
pub(crate) const RSV1: u8 = 0x40;
/// The bits of the first byte that belong to extensions.
pub(crate) const RSV: u8 = 0x70;

const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// The next fragment of a message.
    Continuation = 0,
    /// Text, or the first fragment of one.
    Text = 1,
    /// Binary data, or the first fragment of it.
    Binary = 2,
    /// The Close frame.
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    /// Of the lower half of a first byte; `None` for a reserved one.
    #[inline]
    pub const fn of(first: u8) -> Option<Self> {
        Some(match first & 0x0f {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it is a control frame's (RFC 6455 §5.5).
    #[inline]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x08 != 0
    }
}

impl From<Opcode> for OpCode {
    fn from(opcode: Opcode) -> Self {
        match opcode {
            Opcode::Continuation => Self::Data(Data::Continue),
            Opcode::Text => Self::Data(Data::Text),
            Opcode::Binary => Self::Data(Data::Binary),
            Opcode::Close => Self::Control(Control::Close),
            Opcode::Ping => Self::Control(Control::Ping),
            Opcode::Pong => Self::Control(Control::Pong),
        }
    }
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// FIN, the bits of extensions, and the opcode, as on the wire.
    pub first: u8,
    /// The key that the payload is masked with.
    pub mask: Option<[u8; 4]>,
    /// The length of the payload in bytes.
    pub payload_len: u64,
}

/// What stands at the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// A header.
    Whole {
        header: Header,
        opcode: Opcode,
        /// How many bytes it takes: not always the fewest.
        header_len: usize,
    },
    /// The beginning of a header.
    Partial,
    /// A header with a reserved opcode.
    Invalid,
}

impl Header {
    /// A header whose extension bits are 0.
    #[inline]
    pub(crate) const fn new(
        opcode: Opcode,
        is_final: bool,
        mask: Option<[u8; 4]>,
        payload_len: u64,
    ) -> Self {
        Self {
            first: opcode as u8 | if is_final { FIN } else { 0 },
            mask,
            payload_len,
        }
    }

    /// Whether it is of the last frame of its message.
    #[inline]
    pub(crate) const fn is_final(&self) -> bool {
        self.first & FIN != 0
    }

    /// Reads the header at the front of `bytes`.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Read {
        let [first, second, rest @ ..] = bytes else {
            return Read::Partial;
        };
        let (payload_len, length_len, rest) = match (second & !MASKED, rest) {
            (LENGTH_16, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2, rest),
            (LENGTH_64, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                let length = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                (length, 8, rest)
            }
            (LENGTH_16 | LENGTH_64, _) => return Read::Partial,
            (length, rest) => (u64::from(length), 0, rest),
        };
        let (mask, mask_len) = match (second & MASKED, rest) {
            (0, _) => (None, 0),
            (_, [a, b, c, d, ..]) => (Some([*a, *b, *c, *d]), 4),
            _ => return Read::Partial,
        };
        let Some(opcode) = Opcode::of(*first) else {
            return Read::Invalid;
        };
        Read::Whole {
            header: Self {
                first: *first,
                mask,
                payload_len,
            },
            opcode,
            header_len: 2 + length_len + mask_len,
        }
    }

    /// How many bytes it takes on the wire.
    #[inline]
    pub(crate) const fn wire_len(&self) -> usize {
        let length_len = match self.payload_len {
            0..126 => 0,
            126..0x1_0000 => 2,
            _ => 8,
        };
        2 + length_len + if self.mask.is_some() { 4 } else { 0 }
    }

    /// Appends it, in the fewest bytes. `out` must have room for it or make some.
    #[inline]
    pub(crate) fn write(&self, out: &mut impl BufMut) {
        let first = self.first;
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        let short = u8::try_from(self.payload_len);
        // Arrays of a known length: no call for each header.
        match (self.mask, short, u16::try_from(self.payload_len)) {
            (Some([a, b, c, d]), Ok(short @ 0..LENGTH_16), _) => {
                out.put_slice(&[first, MASKED | short, a, b, c, d]);
            }
            (None, Ok(short @ 0..LENGTH_16), _) => out.put_slice(&[first, short]),
            (Some([a, b, c, d]), _, Ok(medium)) => {
                let [high, low] = medium.to_be_bytes();
                out.put_slice(&[first, MASKED | LENGTH_16, high, low, a, b, c, d]);
            }
            (None, _, Ok(medium)) => {
                let [high, low] = medium.to_be_bytes();
                out.put_slice(&[first, LENGTH_16, high, low]);
            }
            (mask, _, Err(_)) => {
                out.put_slice(&[first, masked | LENGTH_64]);
                out.put_slice(&self.payload_len.to_be_bytes());
                out.put_slice(mask.as_ref().map_or(&[], <[u8; 4]>::as_slice));
            }
        }
    }

    /// Writes it to the front of `target`, which has room for it; returns how
    /// many bytes it took.
    pub(crate) fn write_to(&self, target: &mut [u8]) -> usize {
        let len = self.wire_len();
        if let Some(mut target) = target.get_mut(..len) {
            self.write(&mut target);
        }
        len
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;

    use super::*;

    /// The same by tungstenite, whose word it is.
    fn by_tungstenite(bytes: &[u8]) -> Read {
        let mut cursor = Cursor::new(bytes);
        match FrameHeader::parse(&mut cursor) {
            Ok(None) => Read::Partial,
            Err(_) => Read::Invalid,
            Ok(Some((header, payload_len))) => {
                let bit = |is_set, bit| if is_set { bit } else { 0 };
                let first = u8::from(header.opcode)
                    | bit(header.is_final, FIN)
                    | bit(header.rsv1, RSV1)
                    | bit(header.rsv2, 0x20)
                    | bit(header.rsv3, 0x10);
                Read::Whole {
                    header: Header {
                        first,
                        mask: header.mask,
                        payload_len,
                    },
                    opcode: Opcode::of(first).unwrap(),
                    header_len: usize::try_from(cursor.position()).unwrap(),
                }
            }
        }
    }

    fn lengths() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..300_u64,
            65_000..66_000_u64,
            any::<u32>().prop_map(u64::from),
            any::<u64>(),
        ]
    }

    proptest! {
        #[test]
        fn a_header_is_read_as_tungstenite_reads_it(
            first in any::<u8>(),
            second in prop_oneof![any::<u8>(), Just(126), Just(127), Just(254), Just(255)],
            rest in proptest::collection::vec(any::<u8>(), 0..16),
        ) {
            let bytes = [&[first, second], &rest[..]].concat();
            for len in 0..=bytes.len() {
                prop_assert_eq!(Header::read(&bytes[..len]), by_tungstenite(&bytes[..len]));
            }
        }

        #[test]
        fn a_header_is_written_as_tungstenite_writes_it(
            opcode in prop_oneof![
                Just(Opcode::Continuation),
                Just(Opcode::Text),
                Just(Opcode::Binary),
                Just(Opcode::Close),
                Just(Opcode::Ping),
                Just(Opcode::Pong),
            ],
            is_final in any::<bool>(),
            mask in any::<Option<[u8; 4]>>(),
            payload_len in lengths(),
        ) {
            let header = Header::new(opcode, is_final, mask, payload_len);
            let mut expected = Vec::new();
            let theirs = FrameHeader {
                is_final,
                opcode: opcode.into(),
                mask,
                ..FrameHeader::default()
            };
            theirs.format(payload_len, &mut expected).unwrap();
            let mut written = Vec::new();
            header.write(&mut written);
            prop_assert_eq!(&written, &expected);
            prop_assert_eq!(header.wire_len(), written.len());
            let mut target = [0; MAX_HEADER_BYTES];
            let len = header.write_to(&mut target);
            prop_assert_eq!(&target[..len], &written[..]);
            let read = Header::read(&written);
            prop_assert_eq!(read, Read::Whole { header, opcode, header_len: len });
            prop_assert_eq!(header.is_final(), is_final);
            prop_assert_eq!(opcode.is_control(), matches!(theirs.opcode, OpCode::Control(_)));
        }
    }
}
