//! The echo server as a library: from a listener to closed connections.
//!
//! Boundary: the engine accepts, answers the opening handshake, and runs each
//! WebSocket to its end. Listeners, the configuration and the shutdown come in
//! from outside; what happens goes out as [`Event`] values. It formats nothing
//! for people, writes to no standard stream, and ends no process.
//!
//! The path of a connection: [`accept`] takes it, `http` reads its requests,
//! [`request`] decides on each, [`echo`] talks over the socket.
//!
//! ```
//! use std::sync::Arc;
//! use wscli::server::{self, ServerConfig};
//!
//! # #[tokio::main] async fn main() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let url = format!("ws://{}/ws", listener.local_addr()?);
//! let stopped = async { /* talk to `url` */ };
//! let config = Arc::new(ServerConfig::default());
//! let totals = server::run(listener, config, Arc::new(|_| {}), stopped).await;
//! assert_eq!(totals.messages, 0);
//! # Ok(()) }
//! ```

pub mod accept;
pub mod config;
pub mod echo;
pub mod events;
mod http;
pub mod listen;
pub mod request;
mod stop;

pub use accept::{Listener, run};
pub use config::ServerConfig;
pub use events::{Event, Observer, Peer, Totals};
pub use listen::{Address, Bound, ListenError, Port, listen};
pub use request::{Route, Routes};
