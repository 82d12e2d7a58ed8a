//! Text frames in fragments: the pieces that one frame is passed on in.

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::connection::ws::mask::rotated;

/// RFC 6455 §5.2: two bytes, eight of length, four of mask key.
pub(super) const MAX_HEADER_BYTES: usize = 14;

/// What is left of a frame that is split into fragments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) remaining: u64,
    pub(super) opcode: OpCode,
    pub(super) is_final: bool,
    pub(super) mask: Option<[u8; 4]>,
}

impl Piece {
    /// Writes the header of a fragment with `len` bytes of payload to the
    /// front of `target`, and returns its length in bytes.
    pub(super) fn begin(&self, len: usize, target: &mut [u8]) -> usize {
        let header = FrameHeader {
            is_final: self.is_final && len as u64 == self.remaining,
            opcode: self.opcode,
            mask: self.mask,
            ..FrameHeader::default()
        };
        write_header(&header, len as u64, Some(target));
        header.len(len as u64)
    }

    /// What is left after a fragment with `len` bytes of payload.
    pub(super) fn after(self, len: usize) -> Option<Self> {
        let remaining = self.remaining.saturating_sub(len as u64);
        (remaining > 0).then_some(Self {
            remaining,
            opcode: OpCode::Data(Data::Continue),
            is_final: self.is_final,
            mask: self.mask.map(|mask| rotated(mask, len)),
        })
    }
}

/// Writes `header` to the front of `target`, which has room for it.
pub(super) fn write_header(header: &FrameHeader, payload_len: u64, target: Option<&mut [u8]>) {
    let mut target = target.unwrap_or_default();
    let written = header.format(payload_len, &mut target);
    debug_assert!(written.is_ok(), "a header fits the room left for it");
}
