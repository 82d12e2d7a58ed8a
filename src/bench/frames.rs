//! The frame engine: masked frames out, a streaming parser in.
//!
//! Frames are appended to one buffer that leaves in one write. What comes in
//! is parsed where it was read to; a payload is put together only when
//! somebody must see it whole. Text is checked to be UTF-8 either way. No socket
//! is touched here, and no clock.

use thiserror::Error;

use super::utf8::{Utf8, is_text};
use crate::connection::CloseCode;
use crate::connection::ws::codec::{FIN, Header, MAX_HEADER_BYTES, Opcode, RSV, Read};
use crate::connection::ws::mask;

/// How much of a message's beginning is always kept: enough for the mark that a
/// generated payload starts with.
pub const HEAD_BYTES: usize = 16;

const FINAL_TEXT: u8 = FIN | Opcode::Text as u8;
const FINAL_BINARY: u8 = FIN | Opcode::Binary as u8;

/// Payloads are masked in pieces that stay in the first-level cache. A
/// multiple of 4, so that each piece starts with the mask's first byte.
const MASK_PIECE_BYTES: usize = 8 << 10;

/// Appends the header of a final, masked frame.
pub fn append_header(out: &mut Vec<u8>, opcode: Opcode, payload_bytes: usize, mask: [u8; 4]) {
    Header::new(opcode, true, Some(mask), payload_bytes as u64).write(out);
}

/// Appends a part of a payload, masked. Every part but the last must be a
/// multiple of 4 bytes long.
pub fn append_masked(out: &mut Vec<u8>, payload: &[u8], mask: [u8; 4]) {
    for piece in payload.chunks(MASK_PIECE_BYTES) {
        mask::append(out, piece, mask);
    }
}

/// Appends a whole control frame. `payload` is at most 125 bytes.
pub fn append_control(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
    append_header(out, opcode, payload.len(), mask);
    append_masked(out, payload, mask);
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A complete message.
    Message {
        /// Whether it is text.
        text: bool,
        /// Its first bytes, at most [`HEAD_BYTES`].
        head: &'a [u8],
        /// Its length in bytes.
        len: u64,
        /// All of it, when the parser was told to keep payloads.
        payload: Option<&'a [u8]>,
    },
    /// A ping, to be answered.
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    /// A Close frame, with its payload.
    Close(&'a [u8]),
}

/// How the server broke RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// §5.2: an opcode that is reserved.
    #[error("reserved opcode")]
    Opcode,
    /// §5.1: "A server MUST NOT mask any frames that it sends to the client".
    #[error("masked frame")]
    Masked,
    /// §5.2: RSV bits "MUST be 0 unless an extension is negotiated".
    #[error("reserved bits set")]
    ReservedBits,
    /// §5.5: control frames "MUST have a payload length of 125 bytes or less
    /// and MUST NOT be fragmented".
    #[error("control frame fragmented or over 125 bytes")]
    Control,
    /// §5.4: a continuation without a message, or a message within another.
    #[error("fragments out of order")]
    Fragments,
    /// §7.4: a close code that no Close frame may carry.
    #[error("close code {0}")]
    CloseCode(u16),
    /// A message over the limit.
    #[error("message over --max-message-size")]
    TooLarge,
    /// A frame over the limit.
    #[error("frame over --max-frame-size")]
    FrameTooLarge,
    /// §8.1: an endpoint that finds "a text message [...] not valid UTF-8" must
    /// fail the connection.
    #[error("text that is not UTF-8")]
    Utf8,
}

impl Violation {
    /// The code that the server is told with (§7.4.1).
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::TooLarge | Self::FrameTooLarge => CloseCode::TOO_BIG,
            Self::Utf8 => CloseCode::INVALID_DATA,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

/// The parser of one connection's incoming bytes.
#[derive(Debug, Default)]
pub struct Parser {
    /// Whether whole payloads are kept.
    keeps: bool,
    /// The largest message, in bytes.
    limit: u64,
    /// The largest frame, in bytes.
    frame_limit: u64,
    carry: [u8; MAX_HEADER_BYTES],
    carried: usize,
    frame: Option<Frame>,
    /// The data message that is under way: text or not, and its length yet.
    message: Option<(bool, u64)>,
    utf8: Utf8,
    head: [u8; HEAD_BYTES],
    kept: Vec<u8>,
    control: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    is_final: bool,
    remaining: u64,
}

impl Parser {
    /// A parser of messages up to this size in bytes, in frames up to that, which
    /// keeps whole payloads or none.
    pub fn new(keeps: bool, limit_bytes: usize, frame_limit_bytes: usize) -> Self {
        Self {
            keeps,
            limit: limit_bytes as u64,
            frame_limit: frame_limit_bytes as u64,
            ..Self::default()
        }
    }

    /// Takes what was read and tells of everything that is complete by it.
    ///
    /// # Errors
    /// A [`Violation`], after which the parser is of no more use.
    pub fn feed<F>(&mut self, mut bytes: &[u8], mut on: F) -> Result<(), Violation>
    where
        F: FnMut(Incoming<'_>),
    {
        // A frame without a payload is complete with no bytes behind it.
        while !bytes.is_empty() || self.frame.is_some() {
            let Some(frame) = self.frame else {
                match self.enter(bytes, &mut on)? {
                    Some(rest) => bytes = rest,
                    None => return Ok(()),
                }
                continue;
            };
            let take = usize::try_from(frame.remaining).map_or(bytes.len(), |n| n.min(bytes.len()));
            let (part, rest) = bytes.split_at(take);
            let remaining = frame.remaining - take as u64;
            if frame.opcode.is_control() {
                self.control_part(frame.opcode, part, remaining == 0, &mut on);
            } else {
                let last = remaining == 0 && frame.is_final;
                self.data_part(part, last, &mut on)?;
            }
            bytes = rest;
            if remaining > 0 {
                self.frame = Some(Frame { remaining, ..frame });
                return Ok(());
            }
            self.frame = None;
        }
        Ok(())
    }

    /// Reads the header at the front of `bytes`, and with it the whole message
    /// where that is the usual one, in one frame that is all there. Returns what
    /// lies behind; `None` when more must come.
    fn enter<'a, F>(&mut self, bytes: &'a [u8], on: &mut F) -> Result<Option<&'a [u8]>, Violation>
    where
        F: FnMut(Incoming<'_>),
    {
        if self.carried > 0 {
            return self.enter_carried(bytes);
        }
        let (header, opcode, behind) = match Header::read(bytes) {
            Read::Whole {
                header,
                opcode,
                header_len,
            } => (header, opcode, bytes.get(header_len..).unwrap_or_default()),
            Read::Partial => return self.enter_carried(bytes),
            Read::Invalid => return Err(Violation::Opcode),
        };
        if let Some((payload, rest)) = self.whole_message(&header, behind) {
            if opcode == Opcode::Text && !is_text(payload) {
                return Err(Violation::Utf8);
            }
            // It costs no state.
            on(Incoming::Message {
                text: opcode == Opcode::Text,
                head: payload.get(..HEAD_BYTES).unwrap_or(payload),
                len: header.payload_len,
                payload: self.keeps.then_some(payload),
            });
            return Ok(Some(rest));
        }
        self.begin(&header, opcode)?;
        Ok(Some(behind))
    }

    fn whole_message<'a>(&self, header: &Header, behind: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        if !matches!(header.first, FINAL_TEXT | FINAL_BINARY)
            || header.mask.is_some()
            || self.message.is_some()
        {
            return None;
        }
        if header.payload_len > self.limit.min(self.frame_limit) {
            return None;
        }
        let len = usize::try_from(header.payload_len).ok()?;
        behind.split_at_checked(len)
    }

    /// Goes on with a header whose beginning came before.
    fn enter_carried<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Violation> {
        let had = self.carried;
        let room = self.carry.get_mut(had..).unwrap_or_default();
        let take = room.len().min(bytes.len());
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.carried = had + take;
        match Header::read(self.carry.get(..self.carried).unwrap_or_default()) {
            Read::Whole {
                header,
                opcode,
                header_len,
            } => {
                self.carried = 0;
                self.begin(&header, opcode)?;
                let used = header_len.saturating_sub(had);
                Ok(Some(bytes.get(used..).unwrap_or_default()))
            }
            Read::Partial => Ok(None),
            Read::Invalid => Err(Violation::Opcode),
        }
    }

    fn begin(&mut self, header: &Header, opcode: Opcode) -> Result<(), Violation> {
        if header.mask.is_some() {
            return Err(Violation::Masked);
        }
        if header.first & RSV != 0 {
            return Err(Violation::ReservedBits);
        }
        match (opcode, self.message) {
            (opcode, _) if opcode.is_control() => {
                if !header.is_final() || header.payload_len > 125 {
                    return Err(Violation::Control);
                }
            }
            (Opcode::Continuation, Some(_)) => {}
            (Opcode::Continuation, None) | (_, Some(_)) => return Err(Violation::Fragments),
            (opcode, None) => self.message = Some((opcode == Opcode::Text, 0)),
        }
        if !opcode.is_control()
            && let Some((_, before)) = self.message
            && header.payload_len > self.limit.saturating_sub(before)
        {
            return Err(Violation::TooLarge);
        }
        if !opcode.is_control() && header.payload_len > self.frame_limit {
            return Err(Violation::FrameTooLarge);
        }
        self.frame = Some(Frame {
            opcode,
            is_final: header.is_final(),
            remaining: header.payload_len,
        });
        Ok(())
    }

    fn data_part<F>(&mut self, part: &[u8], last: bool, on: &mut F) -> Result<(), Violation>
    where
        F: FnMut(Incoming<'_>),
    {
        let Some((text, before)) = self.message else {
            return Ok(());
        };
        if text && !self.utf8.takes(part, last) {
            return Err(Violation::Utf8);
        }
        let len = before + part.len() as u64;
        if last && before == 0 {
            // All of the message lies in the read buffer: nothing is copied.
            self.message = None;
            on(Incoming::Message {
                text,
                head: part.get(..HEAD_BYTES).unwrap_or(part),
                len,
                payload: self.keeps.then_some(part),
            });
            return Ok(());
        }
        let at = usize::try_from(before)
            .unwrap_or(HEAD_BYTES)
            .min(HEAD_BYTES);
        for (to, from) in self.head.iter_mut().skip(at).zip(part) {
            *to = *from;
        }
        if self.keeps {
            self.kept.extend_from_slice(part);
        }
        self.message = Some((text, len));
        if last {
            self.message = None;
            let head = usize::try_from(len).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
            on(Incoming::Message {
                text,
                head: self.head.get(..head).unwrap_or_default(),
                len,
                payload: self.keeps.then_some(self.kept.as_slice()),
            });
            self.kept.clear();
        }
        Ok(())
    }

    fn control_part<F>(&mut self, opcode: Opcode, part: &[u8], last: bool, on: &mut F)
    where
        F: FnMut(Incoming<'_>),
    {
        self.control.extend_from_slice(part);
        if last {
            on(match opcode {
                Opcode::Ping => Incoming::Ping(&self.control),
                Opcode::Pong => Incoming::Pong(&self.control),
                _ => Incoming::Close(&self.control),
            });
            self.control.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a parser tells, with payloads.
    fn told(parser: &mut Parser, bytes: &[u8]) -> Result<Vec<String>, Violation> {
        let mut all = Vec::new();
        parser.feed(bytes, |incoming| all.push(format!("{incoming:?}")))?;
        Ok(all)
    }

    fn server_frame(is_final: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Header::new(opcode, is_final, None, payload.len() as u64).write(&mut bytes);
        bytes.extend_from_slice(payload);
        bytes
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_same_is_told(
            lengths in proptest::collection::vec(0_usize..300, 1..6),
            keep in any::<bool>(),
            cuts in proptest::collection::vec(1_usize..40, 1..80),
        ) {
            let mut bytes = Vec::new();
            for length in lengths {
                let payload: Vec<u8> = (0..length).map(|i| i.to_le_bytes()[0] & 0x7f).collect();
                let (first, rest) = payload.split_at(length / 2);
                bytes.extend(server_frame(false, Opcode::Text, first));
                bytes.extend(server_frame(true, Opcode::Ping, b"ping"));
                bytes.extend(server_frame(true, Opcode::Continuation, rest));
                bytes.extend(server_frame(true, Opcode::Binary, &payload));
            }
            let new = || Parser::new(keep, 1 << 20, 1 << 20);
            let whole = told(&mut new(), &bytes).unwrap();
            let mut parser = new();
            let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                let (piece, behind) = rest.split_at((*cut).min(rest.len()));
                pieces.extend(told(&mut parser, piece).unwrap());
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = told(&mut Parser::new(true, 1000, 1000), &bytes);
            let _ = told(&mut Parser::new(false, 1000, 1000), &bytes);
        }

        #[test]
        fn masking_twice_is_no_masking(
            // Around every width that is masked at once, and one long one.
            payload in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                (any::<u8>(), 19_000..20_000_usize).prop_map(|(byte, len)| vec![byte; len]),
            ],
            mask in any::<[u8; 4]>(),
        ) {
            let mut frame = Vec::new();
            append_header(&mut frame, Opcode::Binary, payload.len(), mask);
            let start = frame.len();
            append_masked(&mut frame, &payload, mask);
            let back: Vec<u8> = frame[start..]
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, key)| byte ^ key)
                .collect();
            prop_assert_eq!(back, payload);
        }
    }

    #[test]
    fn each_violation_is_named() {
        let two_beginnings = [
            server_frame(false, Opcode::Text, b"a"),
            server_frame(true, Opcode::Text, b"b"),
        ];
        for (bytes, violation) in [
            (vec![0x83, 0], Violation::Opcode),
            (vec![0x81, 0x80, 0, 0, 0, 0], Violation::Masked),
            (vec![0xc1, 0], Violation::ReservedBits),
            (vec![0x09, 0], Violation::Control),
            (vec![0x89, 126, 0, 126], Violation::Control),
            (vec![0x80, 0], Violation::Fragments),
            (two_beginnings.concat(), Violation::Fragments),
            (
                server_frame(true, Opcode::Text, b"12345"),
                Violation::TooLarge,
            ),
            (server_frame(true, Opcode::Text, b"a\xff"), Violation::Utf8),
            // A character that does not end.
            (
                [
                    server_frame(false, Opcode::Text, "ä".as_bytes()),
                    server_frame(true, Opcode::Continuation, b"\xc3"),
                ]
                .concat(),
                Violation::Utf8,
            ),
            // 2^63 - 1 bytes, of which none has come.
            (
                [&[0x82, 127, 0x7f][..], &[0xff; 7]].concat(),
                Violation::TooLarge,
            ),
            (
                [
                    server_frame(false, Opcode::Text, b"123"),
                    server_frame(true, Opcode::Continuation, b"45"),
                ]
                .concat(),
                Violation::TooLarge,
            ),
        ] {
            for keeps in [false, true] {
                let found = told(&mut Parser::new(keeps, 4, 1000), &bytes);
                assert_eq!(found, Err(violation), "{bytes:?}");
            }
        }
    }

    #[test]
    fn max_frame_size_is_a_limit_of_its_own() {
        let fragments = [
            server_frame(false, Opcode::Text, b"123"),
            server_frame(true, Opcode::Continuation, b"45"),
        ]
        .concat();
        let whole = server_frame(true, Opcode::Text, b"1234");
        let ping = server_frame(true, Opcode::Ping, b"123456");
        for keeps in [false, true] {
            let found = |bytes: &[u8]| told(&mut Parser::new(keeps, 10, 3), bytes);
            assert!(found(&fragments).is_ok() && found(&ping).is_ok());
            assert_eq!(found(&whole), Err(Violation::FrameTooLarge));
        }
    }
}
