//! The echo server as a library: from a listener to closed connections.
//!
//! Boundary: the engine accepts, answers the opening handshake, and runs each
//! WebSocket to its end. Listeners, the configuration and the shutdown come in
//! from outside; what happens goes out as [`Event`] values. It formats nothing
//! for people, writes to no standard stream, and ends no process.
//!
//! The path of a connection: `accept` takes it and gives it to one of the
//! `workers`, `http` refuses it or answers its requests, and a `behaviour` has the
//! WebSocket that comes of one, over a line that is plain or has a plan of `faults`
//! around it. `context` is what all of them share, a leaf below; `admin` shows its counters.
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

mod accept;
mod access;
pub(crate) mod admin;
mod behaviour;
mod context;
pub(crate) mod descriptors;
mod faults;
mod files;
mod http;
mod listen;
mod listeners;
mod routes;
mod workers;

pub use accept::{Listener, Server, run};
pub use access::{Access, Credential, CredentialError};
pub use context::{
    ConnectionId, Durations, Ended, Event, Front, Monitor, Observer, Opened, Outcome, Peer,
    ProxyHeaderError, Refused, RequestFailure, Requested, Served, ServerConfig, Shortage, Snapshot,
    Totals, Traffic, TrustedProxies, TrustedProxy, TrustedProxyError,
};
pub use faults::{Chaos, ChaosError};
pub use files::{Files, FilesError};
pub(crate) use listen::ListenError;
#[cfg(unix)]
pub(crate) use listen::adopt_unix;
pub(crate) use listen::{Addresses, Bound, HostPort, Port, adopt_tcp, listen, listen_alone};
pub(crate) use listeners::{AnyListener, Listeners};
pub use routes::{PathError, Routes};
pub(crate) use workers::Workers;

pub use crate::origin::policy::{AllowOrigin, OriginPolicy};
