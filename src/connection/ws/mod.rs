//! An open WebSocket: frames, compression, messages and their end.

pub(crate) mod budget;
pub(crate) mod close;
pub(crate) mod codec;
pub(crate) mod deflate;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod frame_io;
pub(crate) mod keep_alive;
pub(crate) mod mask;
pub(crate) mod socket;
