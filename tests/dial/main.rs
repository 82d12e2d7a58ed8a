//! Dialling over real sockets: proxies, addresses, redirects, waiting, and
//! what is said when it fails.
//!
//! The tests in `peers` need programs that are not made of this project, and
//! run with `cargo test --test dial -- --ignored`. Debian's packages:
//!
//! - `tinyproxy-bin`: an HTTP proxy (`#[ignore = "needs tinyproxy"]`)
//! - `squid-openssl`: another (`#[ignore = "needs squid"]`)
//! - `microsocks`: a SOCKS5 server (`#[ignore = "needs microsocks"]`)
//! - `curl`: runs the printed commands (`#[ignore = "needs curl"]`)

mod address;
mod diagnosis;
mod harness;
mod peers;
mod proxies;
mod redirects;
