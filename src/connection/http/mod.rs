//! The opening handshake (RFC 6455 §4), client and server, and what HTTP
//! brings along: credentials, cookies, redirects, tunnels through a proxy.

pub(crate) mod auth;
pub(crate) mod cookies;
pub(crate) mod head;
pub(crate) mod header;
pub(crate) mod netrc;
pub(crate) mod redirect;
pub(crate) mod response;
pub(crate) mod server;
pub(in crate::connection) mod tunnel;
pub(crate) mod upgrade;

pub(crate) use self::head::{Head, HeadError};
pub(crate) use self::header::{HeaderEdit, HeaderError};
pub(crate) use self::response::Response;
pub(crate) use self::upgrade::{HandshakeError, Rejection, RejectionCause, Request};
