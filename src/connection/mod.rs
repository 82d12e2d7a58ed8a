//! The connection core: everything between a URL and messages.
//!
//! Four rooms, whose arrows point down only: [`client`] opens a connection;
//! [`ws`] is the life of an open WebSocket; [`http`] the opening handshake and
//! what belongs to HTTP; [`net`] addresses, transports, proxies and TLS. Below
//! them all, [`secrets`] knows what may not be shown.
//!
//! Boundary: it prints nothing, reads no environment variables, and imports no
//! other module of this crate.

pub mod client;
pub mod http;
pub mod micros;
pub mod net;
pub mod secrets;
pub mod ws;

pub use self::client::diagnose;
pub use self::client::failure::{OpenError, OpenFailure};
pub use self::client::open::{OpenConfig, Opened, open};
pub use self::http::Subprotocol;
pub use self::http::redirect::Redirects;
pub use self::net::target::{Resource, Target, TargetError};
pub use self::net::transport::Transport;
pub use self::secrets::{RawHead, Secrets};
pub use self::ws::close::{CloseCode, CloseFrame};
pub use self::ws::error::SocketError;
pub use self::ws::event::{Closed, Event, Message};
pub use self::ws::keep_alive::KeepAlive;
pub use self::ws::socket::{Answered, NotOpen, Socket, SocketConfig};
pub use tokio_tungstenite::tungstenite::protocol::Role;
