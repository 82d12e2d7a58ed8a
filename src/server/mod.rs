//! The echo server as a library: from a listener to closed connections.
//!
//! Boundary: the engine accepts, answers the opening handshake, and runs each
//! WebSocket to its end. Listeners, the configuration and the shutdown come in
//! from outside; what happens goes out as [`Event`] values. It formats nothing
//! for people, writes to no standard stream, and ends no process.
//!
//! The path of a connection: [`accept`] takes it and deals it to one of the
//! [`workers`], `admit` refuses it or speaks TLS with it, `http` reads its
//! requests, `service` answers them as [`request`] decides, [`echo`] or the
//! fault [`lab`] talks over the socket. [`counters`] count all of it, for
//! [`admin`].
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
pub mod admin;
mod admit;
pub mod config;
pub mod counters;
pub mod echo;
pub mod events;
pub mod files;
mod http;
pub mod lab;
mod limits;
pub mod listen;
mod page;
pub mod request;
mod service;
mod stop;
pub mod workers;

pub use accept::{Listener, Server, run};
pub use config::{Front, ServerConfig};
pub use counters::{Monitor, Snapshot};
pub use events::{Event, Observer, Peer, Totals};
pub use files::{Files, FilesError};
pub use lab::{Chaos, ChaosError};
pub use listen::{Address, Bound, ListenError, Port, listen};
pub use request::{Route, Routes};
pub use workers::Workers;
