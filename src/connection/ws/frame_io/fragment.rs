//! Text frames in fragments: the pieces that one frame is passed on in.

use crate::connection::ws::codec::{Header, Opcode};
use crate::connection::ws::mask::rotated;

/// What is left of a frame that is split into fragments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) remaining: u64,
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    pub(super) mask: Option<[u8; 4]>,
}

impl Piece {
    /// Writes the header of a fragment with `len` bytes of payload to the
    /// front of `target`, and returns its length in bytes.
    pub(super) fn begin(&self, len: usize, target: &mut [u8]) -> usize {
        let is_final = self.is_final && len as u64 == self.remaining;
        Header::new(self.opcode, is_final, self.mask, len as u64).write_to(target)
    }

    /// What is left after a fragment with `len` bytes of payload.
    pub(super) fn after(self, len: usize) -> Option<Self> {
        let remaining = self.remaining.saturating_sub(len as u64);
        (remaining > 0).then_some(Self {
            remaining,
            opcode: Opcode::Continuation,
            is_final: self.is_final,
            mask: self.mask.map(|mask| rotated(mask, len)),
        })
    }
}
