//! Compressed messages that break a rule, or ask for much. Pure.

use flate2::{Compress, Compression, FlushCompress};

use super::error::LabError;
use super::values::{bomb_size, no_value};

/// What the blocks of a bomb inflate to, in bytes.
const BLOCK_BYTES: usize = 64 << 10;

/// A compressed message that a client cannot, or should not, inflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidDeflate {
    /// It is marked as compressed, though that was not agreed on.
    Unasked,
    /// It is not DEFLATE.
    Broken,
    /// It refers further back than the window of 512 bytes that was agreed on.
    Window,
    /// It inflates to so many bytes.
    Bomb(usize),
}

impl InvalidDeflate {
    /// What this name stands for; `None` for another name.
    pub(super) fn parse(name: &str, value: &str) -> Option<Result<Self, LabError>> {
        let fault = match name {
            "bomb" => return Some(bomb_size(value).map(Self::Bomb)),
            "unasked-deflate" => Self::Unasked,
            "bad-deflate" => Self::Broken,
            "bad-window" => Self::Window,
            _ => return None,
        };
        Some(no_value(name, value, fault))
    }

    /// The payload of the frame.
    pub(crate) fn payload(self) -> Vec<u8> {
        match self {
            Self::Unasked => b"not compressed".to_vec(),
            // The type of block that is reserved (RFC 1951 §3.2.3).
            Self::Broken => b"\xff\xff\xff".to_vec(),
            Self::Window => compressed(&far_apart()),
            Self::Bomb(bytes) => bomb(bytes),
        }
    }
}

/// Bytes that repeat themselves after 1000, and not before.
fn far_apart() -> Vec<u8> {
    let numbers: String = (0..).map(|n: u32| format!("{n} ")).take(300).collect();
    let bytes = numbers.as_bytes();
    let bytes = bytes.get(..1000).unwrap_or(bytes);
    [bytes, bytes].concat()
}

/// The payload of a compressed message, with a window of 32 KiB (RFC 7692 §7.2.1).
fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(Compression::best(), false);
    let mut output = Vec::with_capacity(bytes.len() + 64);
    // There is room for all of it, so that nothing can be wrong.
    let _ = stream.compress_vec(bytes, &mut output, FlushCompress::Sync);
    output.truncate(output.len().saturating_sub(4));
    output
}

/// Blocks that each stand alone, one like the other, so that no more than the wire's
/// bytes are held here.
fn bomb(bytes: usize) -> Vec<u8> {
    let block = |bytes: usize| {
        let mut stream = Compress::new(Compression::best(), false);
        let mut output = Vec::with_capacity(bytes / 100 + 256);
        let _ = stream.compress_vec(&vec![0; bytes], &mut output, FlushCompress::Full);
        output
    };
    let mut payload = block(BLOCK_BYTES).repeat(bytes / BLOCK_BYTES);
    payload.extend(block(bytes % BLOCK_BYTES));
    payload.truncate(payload.len().saturating_sub(4));
    payload
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress};

    use super::*;

    fn inflated(payload: &[u8], window_bits: u8) -> Result<usize, flate2::DecompressError> {
        let mut stream = Decompress::new_with_window_bits(false, window_bits);
        let payload = [payload, b"\x00\x00\xff\xff"].concat();
        let mut rest = &payload[..];
        while !rest.is_empty() {
            let mut output = Vec::with_capacity(64);
            let before = stream.total_in();
            stream.decompress_vec(rest, &mut output, FlushDecompress::Sync)?;
            let taken = usize::try_from(stream.total_in() - before).unwrap();
            if taken == 0 && output.is_empty() {
                break;
            }
            rest = &rest[taken..];
        }
        Ok(usize::try_from(stream.total_out()).unwrap())
    }

    #[test]
    fn bombs_inflate_to_what_was_asked_for() {
        for bytes in [1, 100_000, 64 << 10, (1 << 20) + 1] {
            let payload = bomb(bytes);
            assert_eq!(inflated(&payload, 15).unwrap(), bytes);
        }
        assert!(bomb(64 << 20).len() < 200 << 10);
    }

    #[test]
    fn bad_window_refers_beyond_512_bytes_and_bad_deflate_is_none() {
        let payload = InvalidDeflate::Window.payload();
        assert_eq!(inflated(&payload, 15).unwrap(), 2000);
        assert!(payload.len() < 700, "the second half is a reference");
        assert!(inflated(&InvalidDeflate::Broken.payload(), 15).is_err());
    }
}
