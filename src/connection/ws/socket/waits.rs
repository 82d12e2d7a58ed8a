//! What a socket waits for with a limit. A leaf.

use std::pin::Pin;

use tokio::time::Sleep;

/// What is being waited for, with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    /// The peer's answer to our Close.
    CloseAnswer,
    /// The peer's end of stream after the closing handshake.
    EndOfStream,
    /// What the peer may still have sent before our writes began to fail.
    LastWords,
    /// Our own last bytes, and the peer's end of stream.
    Finish,
}

/// A write that waits for the peer.
#[derive(Debug)]
pub(super) struct Blocked {
    /// What had been written when the time began.
    pub(super) written_bytes: u64,
    pub(super) sleep: Pin<Box<Sleep>>,
}
