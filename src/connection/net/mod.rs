//! Addresses and byte streams: TCP, Unix sockets, proxies and TLS.

pub(crate) mod address;
mod happy_eyeballs;
pub(crate) mod proxy;
pub(crate) mod target;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod transport;
