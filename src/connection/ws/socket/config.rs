//! What a socket is to be like. A leaf.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::connection::ws::budget::MessageBudget;
use crate::connection::ws::deflate::Params;
use crate::connection::ws::keep_alive::KeepAlive;

/// Below this much, frames wait for a flush to be written together.
pub(super) const WRITE_BUFFER_BYTES: usize = 64 << 10;

/// What a socket is to be like.
#[derive(Debug, Clone)]
pub struct SocketConfig {
    /// Which side of the connection this is.
    pub role: Role,
    /// The largest message accepted, in bytes after decompression.
    pub max_message_bytes: usize,
    /// The largest frame accepted, in bytes.
    pub max_frame_bytes: usize,
    /// Longer messages leave in several frames, in bytes: the write buffer of
    /// a connection whose peer does not read stays within about twice as much.
    pub max_outgoing_frame_bytes: usize,
    /// The read buffer of the connection, in bytes.
    pub read_buffer_bytes: usize,
    /// How a quiet connection is kept alive.
    pub keep_alive: KeepAlive,
    /// How long the peer may take to answer our Close, and to end the
    /// transport after the closing handshake.
    pub close_timeout: Duration,
    /// How long the peer may take nothing of what is written to it, while
    /// [`SinkExt::feed`](futures_util::SinkExt::feed) or `flush` waits for
    /// that; `None` waits for ever.
    pub write_timeout: Option<Duration>,
    /// The bounds of messages that have begun and not ended; `None` lets each have all
    /// of `max_message_bytes`, for ever.
    pub unfinished: Option<UnfinishedLimit>,
    /// The agreed parameters of permessage-deflate, if it is in use.
    pub deflate: Option<Params>,
}

impl SocketConfig {
    /// The defaults of every command: messages up to 64 MiB, no keep-alive.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            max_message_bytes: 64 << 20,
            max_frame_bytes: 64 << 20,
            max_outgoing_frame_bytes: 16 << 20,
            read_buffer_bytes: 8 << 10,
            keep_alive: KeepAlive::Off,
            close_timeout: Duration::from_secs(5),
            write_timeout: None,
            unfinished: None,
            deflate: None,
        }
    }
}

/// The bounds of messages of the peer that have begun and not ended.
#[derive(Debug, Clone)]
pub struct UnfinishedLimit {
    /// How long a message may take from its beginning to its end.
    pub timeout: Duration,
    /// What they may take, together with those of other connections.
    pub budget: Arc<MessageBudget>,
}

/// The socket takes no more messages: it is closing or closed. How it came to
/// that is told by `Event::Closed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the socket is closing or closed")]
pub struct NotOpen;
