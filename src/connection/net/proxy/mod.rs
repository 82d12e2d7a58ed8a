//! Proxies: their addresses, which of them leads to which target, and SOCKS5.
//!
//! The environment is read elsewhere; HTTP CONNECT is
//! [`http`](crate::connection::http)'s.

pub(crate) mod rules;
pub(crate) mod socks;
mod url;

pub(crate) use self::rules::{Bypass, ProxyRules};
pub(crate) use self::socks::{SocksError, SocksReply};
pub(crate) use self::url::{Proxy, ProxyKind};
