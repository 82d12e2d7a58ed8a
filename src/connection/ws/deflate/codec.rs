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

/// What is fed behind a message that came without it: the [`TAIL`], which completes its last block, and
/// an empty block without compression, which leaves no trace where another block
/// may begin. In the middle of one it does: it is taken for data.
const END: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0xff, 0xff];

/// So many more empty blocks are fed where a message came to nothing: they outlast
/// the codes at the front of a block, up to 320 of at most 7 bits.
const PROBES: usize = 64;

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
    /// Whether it has come to anything yet.
    gave: bool,
    /// The last bytes of the message.
    last: [u8; TAIL.len()],
    /// How many bytes it has had, at least, since one came to anything.
    quiet_bytes: usize,
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
            gave: false,
            last: [0; TAIL.len()],
            quiet_bytes: 0,
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
        let before = output.len();
        let mut taken = 0;
        while output.len() < max_len {
            let rest = input.get(taken..).unwrap_or_default();
            grow(output, rest.len(), max_len);
            let part = watched(rest);
            let had = output.len();
            let (status, step) = self.run(part, output)?;
            taken += step;
            self.heard(part.get(..step).unwrap_or(part), output.len() > had);
            match status {
                // RFC 7692 §7.2.3.4: a block with BFINAL ends the DEFLATE
                // stream, not the message; what follows is a new stream.
                Status::StreamEnd => {
                    self.restart();
                    self.quiet_bytes = 0;
                    self.fed = taken < input.len();
                    if !self.fed {
                        break;
                    }
                }
                Status::Ok | Status::BufError if output.len() < output.capacity() => {
                    if step < part.len() {
                        return Err(DeflateError::Corrupt);
                    }
                    if taken == input.len() {
                        break;
                    }
                }
                Status::Ok | Status::BufError => {}
            }
        }
        self.gave |= output.len() > before;
        Ok(taken)
    }

    /// Keeps account of the end of the message so far.
    fn heard(&mut self, part: &[u8], gave: bool) {
        self.quiet_bytes = match gave {
            true => 0,
            false => self.quiet_bytes.saturating_add(part.len()),
        };
        let from = part.len().saturating_sub(TAIL.len());
        for &byte in part.get(from..).unwrap_or_default() {
            self.last.rotate_left(1);
            if let Some(last) = self.last.last_mut() {
                *last = byte;
            }
        }
    }

    /// Ends a message whose pieces have all been taken, and whose output has
    /// been too: with the last step, the output had room left.
    ///
    /// # Errors
    ///
    /// [`DeflateError::Cut`] when the message ends in the middle of a block. Only
    /// within the codes at the front of a block that is not its first does this
    /// pass unseen, where all that came before is whole.
    pub(crate) fn finish(&mut self) -> Result<(), DeflateError> {
        // RFC 7692 §7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail
        // end of the payload". They complete a block, so a message that is
        // empty or ends with a final block gets none, lest they be taken for
        // the beginning of the next message. Nor does one whose sender has left
        // them where they were, as the end of an empty block: other clients read
        // that too. Of a message without them, no last byte is 0xff.
        if std::mem::take(&mut self.fed) {
            let empty = END.get(TAIL.len()..).unwrap_or_default();
            let has_tail = self.last == TAIL && self.quiet_bytes >= TAIL.len();
            if !has_tail {
                self.feed_nothing(&END)?;
            }
            if has_tail || !self.gave {
                self.feed_nothing(&empty.repeat(PROBES))?;
            }
        }
        self.last = [0; TAIL.len()];
        self.quiet_bytes = 0;
        self.gave = false;
        if !self.takes_over_context {
            self.stream = None;
        }
        Ok(())
    }

    /// Feeds what inflates to nothing where a block may begin.
    fn feed_nothing(&mut self, mut input: &[u8]) -> Result<(), DeflateError> {
        let mut output = Vec::with_capacity(MIN_OUTPUT_BYTES);
        while !input.is_empty() {
            // What was whole until here is not DEFLATE by this: it was not.
            let (status, step) = self
                .run(input, &mut output)
                .map_err(|_| DeflateError::Cut)?;
            if status == Status::StreamEnd || !output.is_empty() || step == 0 {
                return Err(DeflateError::Cut);
            }
            input = input.get(step..).unwrap_or_default();
        }
        Ok(())
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

/// What of `input` is to be inflated in one step: the bytes at its end that may be
/// of a [`TAIL`] one by one, to be told from data, and before that all others.
fn watched(input: &[u8]) -> &[u8] {
    let at_end = input.iter().rev().take(TAIL.len());
    let count = at_end.take_while(|byte| TAIL.contains(byte)).count();
    let others = input.len() - count;
    let length = if others > 0 { others } else { count.min(1) };
    input.get(..length).unwrap_or(input)
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
