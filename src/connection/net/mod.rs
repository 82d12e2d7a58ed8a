//! Addresses and byte streams: TCP, Unix sockets, proxies and TLS.

pub mod address;
mod happy_eyeballs;
pub mod proxy;
pub mod target;
pub mod tcp;
pub mod tls;
pub mod transport;
