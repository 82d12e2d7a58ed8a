//! The connection core: everything between a URL and messages.
//!
//! Four rooms, whose arrows point down only: `client` opens a connection;
//! `ws` is the life of an open WebSocket; `http` the opening handshake and
//! what belongs to HTTP; `net` addresses, transports, proxies and TLS. Below
//! them all, `secrets` knows what may not be shown.
//!
//! Boundary: it prints nothing, reads no environment variables, and imports no
//! other module of this crate.
//!
//! ```
//! use futures_util::SinkExt;
//! use wscli::connection::{
//!     CloseFrame, Event, Message, OpenConfig, Role, SocketConfig, Target, open,
//! };
//! # use std::sync::Arc;
//! # use wscli::server::{self, ServerConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/ws", listener.local_addr()?);
//! # let config = Arc::new(ServerConfig::default());
//! # tokio::spawn(server::run(listener, config, Arc::new(|_| {}), std::future::pending()));
//! let target: Target = url.parse()?;
//! let opened = open(&target, &OpenConfig::default()).await?;
//! let mut socket = opened.into_socket(&SocketConfig::new(Role::Client)).await;
//! socket.send(Message::text("hello")).await?;
//! while let Some(event) = socket.next().await {
//!     match event {
//!         Event::Message { message, .. } => {
//!             assert_eq!(message, Message::text("hello"));
//!             socket.start_close(CloseFrame::default());
//!         }
//!         Event::Closed(closed) => assert!(closed.error.is_none()),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```

pub(crate) mod client;
pub(crate) mod http;
pub(crate) mod micros;
pub(crate) mod net;
pub(crate) mod secrets;
pub(crate) mod ws;

pub(crate) use self::client::diagnose;
pub use self::client::dial::{DialConfig, DialError};
pub use self::client::failure::{OpenError, OpenFailure};
pub use self::client::open::{OpenConfig, Opened, open};
pub use self::client::reached::{Phase, Reached, Timings};
pub use self::http::head::{HeadError, Heard};
pub use self::http::header::Subprotocol;
pub use self::http::redirect::Redirects;
pub use self::http::response::Response;
pub use self::http::upgrade::{Exchange, HandshakeError, Request};
pub use self::net::target::{Resource, Target, TargetError};
pub use self::net::tls::config::{TlsSettings, Trust};
pub use self::net::tls::error::TlsError;
pub use self::net::tls::identity::Identity;
pub use self::net::tls::info::TlsInfo;
pub use self::net::tls::server::{ServerTls, ServerTlsSettings};
pub use self::net::transport::Transport;
pub(crate) use self::secrets::{RawHead, Secrets};
pub use self::ws::budget::MessageBudget;
pub use self::ws::close::{CloseCode, CloseFrame};
pub use self::ws::deflate::policy::Policy;
pub use self::ws::error::{Limit, SocketError};
pub use self::ws::event::{Closed, Event, Message};
pub use self::ws::keep_alive::KeepAlive;
pub(crate) use self::ws::socket::Answered;
pub use self::ws::socket::{NotOpen, Socket, SocketConfig, UnfinishedLimit};
pub use tokio_tungstenite::tungstenite::protocol::Role;
