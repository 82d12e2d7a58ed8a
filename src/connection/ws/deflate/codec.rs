//! The two halves of RFC 7692 §7.2: compressing a message's payload, and
//! inflating one that arrives in pieces.
//!
//! Both allocate on first use and, without context takeover, give the memory
//! back after each message. In use at the full window, zlib-rs takes about
//! 370 KiB to compress (240 KiB at a window of 9) and 50 KiB to inflate.

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{DeflateError, Params};

/// Payloads below this many bytes go out uncompressed: they fit one packet
/// either way, and the framing of DEFLATE eats most of what is saved.
pub(crate) const MIN_COMPRESSED_BYTES: usize = 16;

/// What a sync flush ends with, and a message leaves out (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// zlib's level. On JSON, small messages and large, 4 comes within 2 % of the
/// size that the default 6 reaches, at 1.5 times its speed.
const LEVEL: u32 = 4;

/// The least output buffer of either codec, in bytes. zlib asks for room
/// beyond a flush marker, so that it is not written twice.
const MIN_OUTPUT_BYTES: usize = 256;

/// Compresses the messages of one direction.
#[derive(Debug)]
pub(crate) struct Deflater {
    window_bits: u8,
    takes_over_context: bool,
    stream: Option<Compress>,
}

impl Deflater {
    /// A compressor for what `role` sends under `params`.
    pub(crate) fn new(params: &Params, role: Role) -> Self {
        let (window_bits, no_context_takeover) = match role {
            Role::Client => (
                params.client_max_window_bits,
                params.client_no_context_takeover,
            ),
            Role::Server => (
                params.server_max_window_bits,
                params.server_no_context_takeover,
            ),
        };
        Self {
            window_bits,
            takes_over_context: !no_context_takeover,
            stream: None,
        }
    }

    /// The payload of the message's single frame, which is to be sent with
    /// RSV1. `None` when the message should go out as it is; a result must be
    /// sent, since the messages after it may refer to it.
    pub(crate) fn compress(&mut self, payload: &[u8]) -> Option<Bytes> {
        // zlib has no window of 8, which a server may demand. Sending
        // uncompressed is always allowed (RFC 7692 §6).
        if payload.len() < MIN_COMPRESSED_BYTES || !(9..=15).contains(&self.window_bits) {
            return None;
        }
        let window_bits = self.window_bits;
        let stream = self.stream.get_or_insert_with(|| {
            Compress::new_with_window_bits(Compression::new(LEVEL), false, window_bits)
        });
        let output = sync_flush(stream, payload);
        if output.is_none() || !self.takes_over_context {
            self.stream = None;
        }
        output.map(Bytes::from)
    }
}

/// Compresses `payload` up to a byte boundary and leaves the [`TAIL`] out.
/// `None` stands for a failure that zlib does not have on valid arguments.
fn sync_flush(stream: &mut Compress, payload: &[u8]) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(MIN_OUTPUT_BYTES.max(payload.len() / 4));
    let mut input = payload;
    loop {
        if output.capacity() - output.len() < MIN_OUTPUT_BYTES {
            output.reserve(output.capacity());
        }
        let before = stream.total_in();
        stream
            .compress_vec(input, &mut output, FlushCompress::Sync)
            .ok()?;
        let taken = usize::try_from(stream.total_in() - before).ok()?;
        input = input.get(taken..)?;
        // Room left over means that the flush is complete.
        if input.is_empty() && output.len() < output.capacity() {
            break;
        }
    }
    let end = output.len().checked_sub(TAIL.len())?;
    if !output.ends_with(&TAIL) {
        return None;
    }
    output.truncate(end);
    Some(output)
}

/// Inflates the messages of one direction, in steps of bounded output.
#[derive(Debug)]
pub(crate) struct Inflater {
    takes_over_context: bool,
    stream: Option<Decompress>,
    /// Whether the current DEFLATE stream has been fed since the message began.
    fed: bool,
    /// How much of [`TAIL`] has been fed at the end of the message.
    tail_fed: usize,
}

impl Inflater {
    /// A decompressor for what `role` receives under `params`.
    ///
    /// The window is always the largest, which inflates every smaller one:
    /// zlib-rs allocates 32 KiB whatever is asked for.
    pub(crate) fn new(params: &Params, role: Role) -> Self {
        let no_context_takeover = match role {
            Role::Client => params.server_no_context_takeover,
            Role::Server => params.client_no_context_takeover,
        };
        Self {
            takes_over_context: !no_context_takeover,
            stream: None,
            fed: false,
            tail_fed: 0,
        }
    }

    /// Inflates a piece of a message onto the end of `output`, which grows to
    /// at most `max_len` bytes. Returns how much of `input` was taken.
    ///
    /// When `output` comes out full there may be more to come, even with all
    /// of `input` taken: call again, with what is left of `input`.
    ///
    /// # Errors
    ///
    /// [`DeflateError::Corrupt`] when the data is not DEFLATE.
    pub(crate) fn inflate(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
        max_len: usize,
    ) -> Result<usize, DeflateError> {
        self.fed |= !input.is_empty();
        if !self.fed {
            return Ok(0);
        }
        let mut taken = 0;
        while output.len() < max_len {
            let rest = input.get(taken..).unwrap_or_default();
            grow(output, rest.len(), max_len);
            let (status, step) = self.run(rest, output)?;
            taken += step;
            match status {
                // RFC 7692 §7.2.3.4: a block with BFINAL ends the DEFLATE
                // stream, not the message; what follows is a new stream.
                Status::StreamEnd => {
                    self.restart();
                    self.fed = taken < input.len();
                    if !self.fed {
                        break;
                    }
                }
                Status::Ok | Status::BufError if output.len() < output.capacity() => {
                    if taken < input.len() {
                        return Err(DeflateError::Corrupt);
                    }
                    break;
                }
                Status::Ok | Status::BufError => {}
            }
        }
        Ok(taken)
    }

    /// Ends a message whose pieces have all been taken: appends what is left
    /// of it to `output` within `max_len` bytes. Returns whether the message
    /// is complete; `false` asks for another call with an emptier `output`.
    ///
    /// # Errors
    ///
    /// [`DeflateError::Corrupt`] when the data is not DEFLATE.
    pub(crate) fn finish(
        &mut self,
        output: &mut Vec<u8>,
        max_len: usize,
    ) -> Result<bool, DeflateError> {
        // RFC 7692 §7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail
        // end of the payload". They complete a block, so a message that is
        // empty or ends with a final block gets none, lest they be taken for
        // the beginning of the next message.
        while self.fed && self.tail_fed < TAIL.len() {
            if output.len() >= max_len {
                return Ok(false);
            }
            let tail = TAIL.get(self.tail_fed..).unwrap_or_default();
            grow(output, tail.len(), max_len);
            let (status, step) = self.run(tail, output)?;
            self.tail_fed += step;
            if status == Status::StreamEnd {
                self.restart();
                self.fed = false;
            } else if step == 0 && output.len() < output.capacity() {
                return Err(DeflateError::Corrupt);
            }
        }
        if self.fed && output.len() >= max_len {
            return Ok(false);
        }
        self.fed = false;
        self.tail_fed = 0;
        if !self.takes_over_context {
            self.stream = None;
        }
        Ok(true)
    }

    /// One call of zlib into the spare capacity of `output`: its verdict, and
    /// how much of `input` it took.
    fn run(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(Status, usize), DeflateError> {
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        let before = stream.total_in();
        let status = stream
            .decompress_vec(input, output, FlushDecompress::Sync)
            .map_err(|_| DeflateError::Corrupt)?;
        let taken = usize::try_from(stream.total_in() - before).unwrap_or(input.len());
        Ok((status, taken))
    }

    fn restart(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.reset(false);
        }
    }
}

/// Makes room at the end of `output` for what `input_bytes` may inflate to,
/// doubling it where that was too little before.
fn grow(output: &mut Vec<u8>, input_bytes: usize, max_len: usize) {
    if output.len() == output.capacity() {
        let wanted = (input_bytes.saturating_mul(4))
            .max(output.len())
            .max(MIN_OUTPUT_BYTES);
        output.reserve_exact(wanted.min(max_len.saturating_sub(output.len())));
    }
}

#[cfg(test)]
mod tests;
