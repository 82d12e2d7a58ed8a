//! An open WebSocket: frames, compression, messages and their end.

pub mod close;
pub mod codec;
pub mod deflate;
pub mod error;
pub mod event;
pub mod frame_io;
pub mod keep_alive;
pub mod mask;
pub mod socket;
