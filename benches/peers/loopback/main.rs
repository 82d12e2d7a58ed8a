//! The physical limit, and the server that all clients are measured against.
//!
//! ```text
//! loopback tcp-echo PORT                   sends back what it reads
//! loopback ws-echo PORT                    the same for WebSocket messages
//! loopback tcp-ping ADDR CONNS K BYTES     raw TCP ping-pong: K writes of
//!                                          BYTES in flight on each of CONNS
//! loopback ws-ping ADDR CONNS K BYTES      the same with frames made once
//! loopback tcp-churn ADDR CONNS            opens and closes CONNS at a time
//!                                          on a ws-echo, with bytes made once
//! ```
//!
//! One thread and one epoll, std's sockets, one read and one write an event,
//! no bookkeeping that a protocol would need: nothing that speaks WebSocket
//! can be faster than `tcp-ping` and `tcp-churn`. Each runs until its standard
//! input ends, and answers a line there with how many messages and how many
//! handshakes were done so far.

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod poll;
#[cfg(target_os = "linux")]
mod server;

use std::error::Error;

#[cfg(target_os = "linux")]
use client::Message;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[cfg(not(target_os = "linux"))]
fn main() -> Result<()> {
    Err("this is for Linux: it waits with epoll".into())
}

#[cfg(target_os = "linux")]
const READ_BYTES: usize = 256 << 10;

#[cfg(target_os = "linux")]
fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["tcp-echo", port] => server::serve(port.parse()?, false),
        ["ws-echo", port] => server::serve(port.parse()?, true),
        [
            kind @ ("tcp-ping" | "ws-ping"),
            address,
            conns,
            in_flight,
            bytes,
        ] => {
            let bytes = bytes.parse()?;
            let message = match *kind {
                "tcp-ping" => Message::raw(bytes),
                _ => Message::websocket(bytes),
            };
            client::ping(address, conns.parse()?, in_flight.parse()?, &message)
        }
        ["tcp-churn", address, conns] => client::churn(address, conns.parse()?),
        _ => Err("see the head of benches/peers/loopback/main.rs".into()),
    }
}
