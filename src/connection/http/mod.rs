//! The opening handshake (RFC 6455 §4), client and server, and what HTTP
//! brings along: credentials, cookies, redirects, tunnels through a proxy.

pub mod auth;
pub mod cookies;
pub mod head;
pub mod header;
pub mod netrc;
pub mod redirect;
pub mod response;
pub mod server;
pub(in crate::connection) mod tunnel;
pub mod upgrade;

pub use self::head::{Head, HeadError};
pub use self::header::{HeaderEdit, HeaderError, Subprotocol};
pub use self::response::Response;
pub use self::upgrade::{HandshakeError, Rejection, RejectionCause, Request, Upgraded, upgrade};
