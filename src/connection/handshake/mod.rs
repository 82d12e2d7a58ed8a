//! The opening handshake (RFC 6455 §4), client and server.

pub mod client;
pub mod header;
pub mod response;
pub mod server;

pub use client::{HandshakeError, Rejection, RejectionCause, Request, Upgraded, upgrade};
pub use header::{HeaderEdit, HeaderError, Subprotocol};
pub use response::Response;
