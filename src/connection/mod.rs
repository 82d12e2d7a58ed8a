//! The connection core: everything between a URL and messages.
//!
//! Boundary: this module knows addresses, dialling, the opening handshake,
//! extensions and the life of an open socket. It prints nothing, reads no
//! environment variables, and imports no other module of this crate.

pub mod auth;
pub mod backoff;
pub mod close;
pub mod cookies;
pub mod deflate;
pub mod diagnose;
pub mod dial;
pub mod error;
pub mod event;
pub mod frame_io;
pub mod handshake;
pub mod keep_alive;
pub mod mask;
pub mod netrc;
pub mod open;
pub mod redact;
pub mod redirect;
pub mod socket;
pub mod target;
pub mod tls_server;
pub mod transport;
mod wait_up;

pub use close::{CloseCode, CloseFrame};
pub use error::SocketError;
pub use event::{Closed, Event, Message};
pub use handshake::Subprotocol;
pub use keep_alive::KeepAlive;
pub use open::{OpenConfig, OpenError, Opened, open};
pub use redirect::Redirects;
pub use socket::{Answered, NotOpen, Socket, SocketConfig};
pub use target::{Target, TargetError};
pub use tokio_tungstenite::tungstenite::protocol::Role;
pub use transport::Transport;
