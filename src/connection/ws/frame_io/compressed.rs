//! The compressed side of the walker: what arrived of a compressed frame, and
//! its way through the inflater.

use std::collections::VecDeque;

use crate::connection::ws::deflate::{DeflateError, Inflater};
use crate::connection::ws::mask;

/// The most messages whose wire length waits to be taken. A reader takes in at
/// most 64 Ki frames at once (see `FrameIo`) before it sees
/// the messages in them.
const MAX_WIRE_LENGTHS: usize = 128 * 1024;

/// What only a connection with permessage-deflate needs.
#[derive(Debug)]
pub(super) struct Compression {
    inflater: Inflater,
    /// What has arrived from the first byte of a compressed payload on, and
    /// how much of it is done.
    input: Vec<u8>,
    done: usize,
    wire_lengths: VecDeque<u64>,
    /// Set when nobody takes the lengths.
    gave_up_lengths: bool,
}

/// What is left of a compressed frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct CompressedFrame {
    /// Bytes of the payload that have not been unmasked.
    pub(super) remaining: u64,
    /// Bytes at the front of the input that have.
    pub(super) unmasked: usize,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) is_final: bool,
    /// Whether the last step filled its output, so that there may be more.
    pub(super) more: bool,
}

impl Compression {
    pub(super) fn new(inflater: Inflater) -> Self {
        Self {
            inflater,
            input: Vec::new(),
            done: 0,
            wire_lengths: VecDeque::new(),
            gave_up_lengths: false,
        }
    }

    /// Takes over what arrived from the first byte of a compressed payload on.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    pub(super) fn has_input(&self) -> bool {
        self.done < self.input.len()
    }

    /// Takes the input out, with how much of it is done.
    pub(super) fn take_input(&mut self) -> (Vec<u8>, usize) {
        (std::mem::take(&mut self.input), self.done)
    }

    /// Puts back what [`take_input`](Self::take_input) took.
    pub(super) fn return_input(&mut self, input: Vec<u8>) {
        self.input = input;
    }

    /// The oldest recorded length.
    pub(super) fn take_length(&mut self) -> Option<u64> {
        let length = self.wire_lengths.pop_front();
        if self.wire_lengths.is_empty() && self.wire_lengths.capacity() > 64 {
            self.wire_lengths = VecDeque::new();
        }
        length
    }

    /// Inflates what has arrived of `frame` onto `output`, up to `max_len`
    /// bytes. Returns whether the frame, and with a final frame the message,
    /// is complete.
    pub(super) fn inflate(
        &mut self,
        frame: &mut CompressedFrame,
        output: &mut Vec<u8>,
        max_len: usize,
    ) -> Result<bool, DeflateError> {
        let input = self.input.get_mut(self.done..).unwrap_or_default();
        if frame.unmasked == 0 {
            frame.unmasked = at_most(frame.remaining, input.len());
            frame.remaining -= frame.unmasked as u64;
            if let (Some(mask), Some(payload)) = (&mut frame.mask, input.get_mut(..frame.unmasked))
            {
                mask::apply(payload, *mask);
                *mask = mask::rotated(*mask, frame.unmasked);
            }
        }
        let payload = input.get(..frame.unmasked).unwrap_or_default();
        let taken = self.inflater.inflate(payload, output, max_len)?;
        self.skip(taken);
        frame.unmasked -= taken;
        frame.more = output.len() >= max_len;
        if frame.more || frame.unmasked > 0 || frame.remaining > 0 {
            return Ok(false);
        }
        if frame.is_final {
            self.inflater.finish()?;
        }
        Ok(true)
    }

    /// Marks input as done, and gives its memory back with the last of it.
    pub(super) fn skip(&mut self, count: usize) {
        self.done += count;
        if self.done >= self.input.len() {
            self.input = Vec::new();
            self.done = 0;
        }
    }

    /// Records the payload length on the wire of a message.
    pub(super) fn record_length(&mut self, wire_bytes: u64) {
        if self.wire_lengths.len() == MAX_WIRE_LENGTHS {
            self.wire_lengths = VecDeque::new();
            self.gave_up_lengths = true;
        }
        if !self.gave_up_lengths {
            self.wire_lengths.push_back(wire_bytes);
        }
    }
}

/// The smaller of a length on the wire and one in memory.
pub(super) fn at_most(wire_len: u64, len: usize) -> usize {
    usize::try_from(wire_len).map_or(len, |wire_len| wire_len.min(len))
}
