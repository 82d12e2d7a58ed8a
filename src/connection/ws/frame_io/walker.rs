//! The frame walker: the incoming byte stream in, a byte stream out that
//! tungstenite reads the same messages from.
//!
//! Pure: no I/O, no waiting. What it rewrites, it rewrites into frames that
//! RFC 6455 allows. A header that breaks the protocol ends the stream where it
//! stands (tungstenite would wait for its payload); what else there is to judge,
//! limits and texts, is left to tungstenite.

use std::sync::Arc;

use tokio_tungstenite::tungstenite::protocol::Role;

use super::compressed::{CompressedFrame, Compression, at_most};
use super::fragment::Piece;
use super::judge::Expected;
use super::output::Output;
use super::stopped::{Stopped, misjudged_close};
use crate::connection::ws::budget::{MessageBudget, Reserved};
use crate::connection::ws::codec::{Header, MAX_HEADER_BYTES, Opcode, RSV, Read};
use crate::connection::ws::deflate::{DeflateError, Inflater};

/// The largest fragment that is inflated in one step, in bytes.
const MAX_FRAGMENT_BYTES: usize = 64 * 1024;

/// Walks over the incoming frames of one connection.
///
/// Read [`headroom`](Self::headroom), put that many bytes of anything and then
/// what arrived into a buffer, and [`walk`](Self::walk) over it: what is to be
/// passed on stands at its front. Then [`step`](Self::step) while
/// [`has_work`](Self::has_work), and pass on what each step puts out.
#[derive(Debug)]
pub(crate) struct FrameWalker {
    role: Role,
    max_frame_bytes: usize,
    position: Position,
    /// The data message that has begun and not ended.
    message: Option<Message>,
    /// The beginning of a frame header, or of a Close frame, whose end has not
    /// arrived: at most 139 bytes (RFC 6455 §5.5).
    held: Vec<u8>,
    close: Option<ClosePassed>,
    stopped: Option<Box<Stopped>>,
    compression: Option<Box<Compression>>,
    /// Where the messages under way have bounds.
    under_way: Option<Box<UnderWay>>,
}

/// The message under way.
#[derive(Debug)]
struct UnderWay {
    /// How many messages have begun.
    messages: u64,
    /// Its payload, as far as its frames are known.
    bytes: u64,
    reserved: Reserved,
}

/// A Close frame that has come whole.
#[derive(Debug)]
struct ClosePassed {
    /// Whether it came within a message.
    cuts: bool,
}

/// Where in the stream the walker stands.
#[derive(Debug, Clone, Copy)]
enum Position {
    /// Before a frame header.
    Header,
    /// In a payload that is passed on unchanged.
    Payload { remaining: u64 },
    /// In the payload of a text frame that is split into fragments.
    Split(Piece),
    /// In the payload of a compressed frame.
    Compressed(CompressedFrame),
    /// In a frame that tungstenite refuses for its length: the rest is passed
    /// on unread.
    Lost,
    /// Where nothing more is passed on.
    Stopped,
}

/// A data message in progress.
#[derive(Debug, Clone, Copy)]
struct Message {
    kind: Opcode,
    is_compressed: bool,
    /// Whether a fragment of this compressed message has been put out.
    has_begun: bool,
    /// The length of its payloads on the wire so far, in bytes.
    wire_bytes: u64,
}

/// What a walk over a slice came to.
struct Walked {
    /// The bytes at the slice's front that are to be passed on.
    pass: usize,
    /// Where the payload of a compressed frame begins; otherwise the end.
    rest: usize,
}

impl FrameWalker {
    /// A walker over what `role` receives. Messages with RSV1 are inflated by
    /// `inflate`, if permessage-deflate was agreed on. Frames of more than
    /// `max_frame_bytes` are passed on as they are.
    pub(crate) fn new(role: Role, inflate: Option<Inflater>, max_frame_bytes: usize) -> Self {
        Self {
            role,
            max_frame_bytes,
            position: Position::Header,
            message: None,
            held: Vec::new(),
            close: None,
            stopped: None,
            compression: inflate.map(|inflater| Box::new(Compression::new(inflater))),
            under_way: None,
        }
    }

    /// The same, with a bound on what unfinished messages take.
    pub(crate) fn within(mut self, budget: Option<Arc<MessageBudget>>) -> Self {
        self.under_way = budget.map(|budget| {
            Box::new(UnderWay {
                messages: 0,
                bytes: 0,
                reserved: Reserved::new(budget),
            })
        });
        self
    }

    /// Which of the messages is under way, if one is: a number that no other has.
    /// `None` where they have no bounds.
    pub(crate) fn message_under_way(&self) -> Option<u64> {
        let under_way = self.under_way.as_ref()?;
        let is_between = matches!(self.position, Position::Header) && self.message.is_none();
        (!is_between && under_way.bytes > 0).then_some(under_way.messages)
    }

    /// Ends the stream where an unfinished message has no room.
    fn reserve(&mut self) {
        let Some(under_way) = &mut self.under_way else {
            return;
        };
        let come = match self.position {
            Position::Payload { remaining } => under_way.bytes.saturating_sub(remaining),
            Position::Split(piece) => under_way.bytes.saturating_sub(piece.remaining),
            Position::Header if self.message.is_none() => 0,
            _ => under_way.bytes,
        };
        if !under_way.reserved.set(come) {
            self.stop(Stopped::NoRoom, 0);
        }
    }

    /// Notes a data frame, or a step of one, with a payload of so many bytes.
    fn count(&mut self, begins: bool, bytes: u64) {
        if let Some(under_way) = &mut self.under_way {
            if begins {
                under_way.messages += 1;
                under_way.bytes = 0;
            }
            under_way.bytes = under_way.bytes.saturating_add(bytes);
        }
    }

    /// How many bytes the walker needs before the next chunk, at most 139.
    pub(crate) fn headroom(&self) -> usize {
        match self.position {
            Position::Header => self.held.len(),
            Position::Split(_) => MAX_HEADER_BYTES,
            _ => 0,
        }
    }

    /// Walks over a chunk, `headroom` bytes into `buffer`, and rewrites it in
    /// place. Returns how many bytes at the front are to be passed on.
    ///
    /// Only when [`has_work`](Self::has_work) is false may a chunk be walked.
    pub(crate) fn walk(&mut self, buffer: &mut [u8]) -> usize {
        let (len, start) = self.resume(buffer);
        let buffer = buffer.get_mut(..len).unwrap_or_default();
        let walked = self.walk_frames(buffer, start);
        if let (Some(compression), Some(rest)) = (&mut self.compression, buffer.get(walked.rest..))
        {
            compression.extend(rest);
        }
        self.reserve();
        walked.pass
    }

    /// Whether a step would get further without another chunk.
    pub(crate) fn has_work(&self) -> bool {
        let Some(compression) = &self.compression else {
            return false;
        };
        let has_input = compression.has_input();
        match self.position {
            Position::Compressed(frame) => has_input || frame.more || frame.remaining == 0,
            _ => has_input,
        }
    }

    /// Puts the next piece of what was taken over into `output`, which must be
    /// empty: at most 64 KiB inflated, or less than the chunk it came with.
    ///
    /// # Errors
    ///
    /// [`DeflateError`] when a compressed message cannot be inflated; nothing
    /// can be read after that.
    pub(crate) fn step(&mut self, output: &mut Output) -> Result<(), DeflateError> {
        if matches!(self.position, Position::Compressed(_)) {
            self.step_compressed(output)?;
        } else {
            self.step_plain(output);
        }
        self.reserve();
        Ok(())
    }

    /// The payload length on the wire, in bytes, of the oldest data message
    /// not asked for yet. `None` without permessage-deflate, or when 128 Ki
    /// messages went by unasked.
    pub(crate) fn take_wire_bytes(&mut self) -> Option<u64> {
        self.compression.as_mut()?.take_length()
    }

    /// Why nothing more is passed on, behind all that was.
    pub(crate) fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_deref()
    }

    /// Whether the Close frame came while a message was under way.
    pub(crate) fn close_cuts(&self) -> bool {
        self.close.as_ref().is_some_and(|close| close.cuts)
    }

    /// Whether the next byte begins a message, on a connection without
    /// permessage-deflate, and nothing has been held back.
    pub(crate) fn is_between_plain_messages(&self) -> bool {
        matches!(self.position, Position::Header)
            && self.role == Role::Server
            && self.held.is_empty()
            && self.message.is_none()
            && self.compression.is_none()
    }

    /// Fills the headroom of a chunk. Returns the buffer's length after that,
    /// and where in it the next frame begins.
    fn resume(&mut self, buffer: &mut [u8]) -> (usize, usize) {
        match self.position {
            Position::Header => {
                if let Some(front) = buffer.get_mut(..self.held.len()) {
                    front.copy_from_slice(&self.held);
                }
                self.held.clear();
                (buffer.len(), 0)
            }
            Position::Split(piece) => self.resume_split(piece, buffer),
            _ => (buffer.len(), 0),
        }
    }

    /// Makes a fragment of what arrived of a split frame.
    fn resume_split(&mut self, piece: Piece, buffer: &mut [u8]) -> (usize, usize) {
        let Some(arrived) = buffer.len().checked_sub(MAX_HEADER_BYTES) else {
            return (0, 0);
        };
        let len = at_most(piece.remaining, arrived);
        if len == 0 {
            return (0, 0);
        }
        let header_len = piece.begin(len, buffer);
        buffer.copy_within(MAX_HEADER_BYTES.., header_len);
        self.position = piece.after(len).map_or(Position::Header, Position::Split);
        (header_len + arrived, header_len + len)
    }

    /// Walks over frames from `at`, where the last frame ended, to the end of
    /// `bytes` or to the payload of a compressed frame.
    fn walk_frames(&mut self, bytes: &mut [u8], mut at: usize) -> Walked {
        loop {
            let left = bytes.len() - at;
            match self.position {
                Position::Lost => at = bytes.len(),
                Position::Stopped => {
                    return Walked {
                        pass: at,
                        rest: bytes.len(),
                    };
                }
                Position::Compressed(_) => return Walked { pass: at, rest: at },
                Position::Payload { remaining } => {
                    let len = at_most(remaining, left);
                    at += len;
                    self.position = match remaining - len as u64 {
                        0 => Position::Header,
                        remaining => Position::Payload { remaining },
                    };
                }
                Position::Header | Position::Split(_) => {}
            }
            if at == bytes.len() {
                return Walked { pass: at, rest: at };
            }
            match self.enter_frame(bytes, at) {
                Entered::Passes { header_len } => at += header_len,
                Entered::Compressed { header_len } => {
                    return Walked {
                        pass: at,
                        rest: at + header_len,
                    };
                }
                Entered::EndsAt(pass) => {
                    return Walked {
                        pass,
                        rest: bytes.len(),
                    };
                }
            }
        }
    }

    /// Reads the frame header at `at` and decides what becomes of its frame.
    fn enter_frame(&mut self, bytes: &mut [u8], at: usize) -> Entered {
        let frame = bytes.get_mut(at..).unwrap_or_default();
        let expected = Expected {
            masked: self.role == Role::Server,
            in_message: self.message.is_some(),
            compresses: self.compression.is_some(),
        };
        if self.close.is_none()
            && let Some(fault) = expected.judge(frame)
        {
            return self.stop(fault.into(), at);
        }
        let Read::Whole {
            header,
            opcode,
            header_len,
        } = Header::read(frame)
        else {
            self.hold(frame);
            return Entered::EndsAt(at);
        };
        let arrived = frame.len() - header_len;
        match self.route(&header, opcode, arrived) {
            Route::Close if (arrived as u64) < header.payload_len => {
                self.hold(frame);
                Entered::EndsAt(at)
            }
            Route::Close => {
                self.close = Some(ClosePassed {
                    cuts: self.message.is_some(),
                });
                let payload = frame.get(header_len..).unwrap_or_default();
                let payload = payload
                    .get(..at_most(header.payload_len, arrived))
                    .unwrap_or_default();
                if let Some(close) = misjudged_close(payload, header.mask) {
                    return self.stop(Stopped::Close(close), at);
                }
                self.position = Position::Payload {
                    remaining: header.payload_len,
                };
                Entered::Passes { header_len }
            }
            Route::Pass => {
                self.position = Position::Payload {
                    remaining: header.payload_len,
                };
                Entered::Passes { header_len }
            }
            Route::Lost => {
                self.position = Position::Lost;
                Entered::Passes { header_len }
            }
            Route::Inflate => self.enter_compressed(&header, header_len),
            Route::Split => {
                let piece = Piece {
                    remaining: header.payload_len,
                    opcode,
                    is_final: header.is_final(),
                    mask: header.mask,
                };
                if arrived == 0 {
                    self.position = Position::Split(piece);
                    return Entered::EndsAt(at);
                }
                let shorter_len = piece.begin(arrived, frame);
                frame.copy_within(header_len.., shorter_len);
                self.position = piece
                    .after(arrived)
                    .map_or(Position::Header, Position::Split);
                Entered::EndsAt(at + shorter_len + arrived)
            }
        }
    }

    /// Passes on what is before `at`, and nothing more.
    fn stop(&mut self, stopped: Stopped, at: usize) -> Entered {
        self.stopped = Some(Box::new(stopped));
        self.position = Position::Stopped;
        Entered::EndsAt(at)
    }

    fn enter_compressed(&mut self, header: &Header, header_len: usize) -> Entered {
        self.position = Position::Compressed(CompressedFrame {
            remaining: header.payload_len,
            unmasked: 0,
            mask: header.mask,
            is_final: header.is_final(),
            more: false,
        });
        Entered::Compressed { header_len }
    }

    /// Keeps the beginning of a header, or of a Close frame, for the next chunk.
    fn hold(&mut self, bytes: &[u8]) {
        self.held.clear();
        self.held.extend_from_slice(bytes);
    }

    /// Follows the messages from frame to frame.
    fn route(&mut self, header: &Header, opcode: Opcode, arrived: usize) -> Route {
        let length = header.payload_len;
        let mut message = match (opcode, self.message) {
            // No message follows a Close frame; what does, tungstenite leaves unread.
            _ if self.close.is_some() => return Route::Lost,
            (Opcode::Close, _) => return Route::Close,
            (Opcode::Ping | Opcode::Pong, message) => {
                if let (None, Some(under_way)) = (message, &mut self.under_way) {
                    under_way.bytes = 0;
                }
                return Route::Pass;
            }
            (Opcode::Continuation, Some(message)) => message,
            (kind, _) => Message {
                kind,
                is_compressed: header.first & RSV != 0,
                has_begun: false,
                wire_bytes: 0,
            },
        };
        // What is compressed counts as it is inflated, and for a byte until then.
        let counted = if message.is_compressed {
            1
        } else {
            length.max(1)
        };
        self.count(opcode != Opcode::Continuation, counted);
        message.wire_bytes = message.wire_bytes.saturating_add(length);
        if header.is_final()
            && let Some(compression) = &mut self.compression
        {
            compression.record_length(message.wire_bytes);
        }
        let is_too_long = length > self.max_frame_bytes as u64;
        self.message = (message.is_compressed || !header.is_final()).then_some(message);
        match (message.is_compressed, is_too_long) {
            (true, true) => Route::Lost,
            (true, false) => Route::Inflate,
            (false, false) if message.kind == Opcode::Text && length > arrived as u64 => {
                Route::Split
            }
            (false, _) => Route::Pass,
        }
    }

    /// Passes on the frames up to the next compressed one. All of the chunk
    /// that they came in has arrived, so nothing is held and no frame is split
    /// before them.
    fn step_plain(&mut self, output: &mut Output) {
        let (mut input, done) = match &mut self.compression {
            Some(compression) => compression.take_input(),
            None => return,
        };
        let bytes = input.get_mut(done..).unwrap_or_default();
        let walked = self.walk_frames(bytes, 0);
        output.set(bytes.get(..walked.pass).unwrap_or_default().to_vec(), 0);
        if let Some(compression) = &mut self.compression {
            compression.return_input(input);
            compression.skip(walked.rest);
        }
    }

    /// Inflates one fragment at most.
    fn step_compressed(&mut self, output: &mut Output) -> Result<(), DeflateError> {
        let (Position::Compressed(mut frame), Some(mut message), Some(compression)) =
            (self.position, self.message, &mut self.compression)
        else {
            return Ok(());
        };
        let max_len = MAX_HEADER_BYTES + self.max_frame_bytes.clamp(1, MAX_FRAGMENT_BYTES);
        let mut bytes = vec![0; MAX_HEADER_BYTES];
        let ended = compression.inflate(&mut frame, &mut bytes, max_len)?;

        let is_final = ended && frame.is_final;
        // The frames in between are merged where they yield nothing, but a
        // message begins before anything that comes after its first frame.
        if bytes.len() > MAX_HEADER_BYTES || is_final || (ended && !message.has_begun) {
            let mask = (self.role == Role::Server).then_some([0; 4]);
            let payload_len = (bytes.len() - MAX_HEADER_BYTES) as u64;
            let header = Header::new(message.continued_as(), is_final, mask, payload_len);
            let start = MAX_HEADER_BYTES - header.wire_len();
            header.write_to(bytes.get_mut(start..).unwrap_or_default());
            output.set(bytes, start);
            message.has_begun = true;
            self.count(false, payload_len);
        }
        self.message = (!is_final).then_some(message);
        self.position = if ended {
            Position::Header
        } else {
            Position::Compressed(frame)
        };
        Ok(())
    }
}

/// What becomes of a frame.
enum Route {
    Pass,
    /// It is a Close frame, which passes whole.
    Close,
    Split,
    Inflate,
    /// It is refused for its length.
    Lost,
}

/// What entering a frame came to.
enum Entered {
    /// Its header is passed on, `header_len` bytes.
    Passes { header_len: usize },
    /// Its payload is to be inflated, after `header_len` bytes.
    Compressed { header_len: usize },
    /// All that arrived is dealt with, and ends here once rewritten.
    EndsAt(usize),
}

impl Message {
    /// The opcode of the next fragment.
    fn continued_as(&self) -> Opcode {
        if self.has_begun {
            Opcode::Continuation
        } else {
            self.kind
        }
    }
}
