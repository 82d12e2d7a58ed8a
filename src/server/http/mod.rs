//! HTTP/1.1 up to the opening handshake, and what is answered by HTTP alone.
//!
//! The path of a connection: `admit` refuses it for its address or speaks TLS with
//! it, `connection` reads its requests and runs the WebSocket that comes of them,
//! `service` answers as `request` decides, with a `body`.

mod admit;
mod body;
mod conditional;
mod connection;
mod forwarded;
mod header_case;
mod linger;
mod pace;
mod page;
mod proxy_header;
mod raw;
mod request;
mod service;
mod summary;
mod write_timeout;

pub(crate) use self::admit::admit;
pub(crate) use self::connection::Connection;
