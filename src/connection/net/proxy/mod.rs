//! Proxies: their addresses, which of them leads to which target, and SOCKS5.
//!
//! The environment is read elsewhere; HTTP CONNECT is
//! [`http`](crate::connection::http)'s.

mod rules;
pub(in crate::connection) mod socks;
mod url;

pub use self::rules::{Bypass, ProxyRules};
pub use self::socks::{SocksError, SocksReply};
pub use self::url::{Proxy, ProxyKind, ProxyUrlError};
