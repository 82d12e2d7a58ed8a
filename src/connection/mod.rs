//! The connection core: everything between a URL and messages.
//!
//! Boundary: this module knows addresses, dialling, the opening handshake,
//! extensions and the life of an open socket. It prints nothing, reads no
//! environment variables, and imports no other module of this crate.

pub mod close;
pub mod deflate;
pub mod error;
pub mod event;
pub mod frame_io;

pub use close::{CloseCode, CloseFrame};
pub use error::SocketError;
pub use event::{Closed, Event, Message};
