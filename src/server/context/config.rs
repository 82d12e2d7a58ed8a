//! What a server is to do: resolved values, shared by all connections.

use std::sync::Arc;
use std::time::Duration;

use super::proxies::TrustedProxies;
use crate::connection::net::tls::server::ServerTls;
use crate::connection::ws::deflate::{Params, Policy};
use crate::connection::{KeepAlive, MessageBudget, Role, SocketConfig, UnfinishedLimit};
use crate::origin::OriginPolicy;
use crate::server::access::Access;
use crate::server::faults::Chaos;
use crate::server::files::Files;
use crate::server::routes::Routes;

/// The configuration of a server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// How TLS is spoken; `None` speaks in plain.
    pub tls: Option<ServerTls>,
    /// Which path does what.
    pub routes: Routes,
    /// What is found at paths without a route.
    pub front: Front,
    /// Whether the routes of the fault lab are there.
    pub lab: bool,
    /// What goes wrong on its own.
    pub chaos: Option<Chaos>,
    /// How many WebSockets may be open at a time; more are answered with 503.
    pub max_connections: Option<usize>,
    /// How many connections one address may have at a time, WebSockets or not.
    pub max_connections_per_ip: Option<usize>,
    /// The proxies that are believed when they say who their client is.
    pub trusted_proxies: TrustedProxies,
    /// Whether these proxies send a header of the PROXY protocol first.
    pub proxy_protocol: bool,
    /// The credentials that every request has to show.
    pub access: Access,
    /// How many messages a second a client may send; it is not read faster than that.
    pub max_rate: Option<u32>,
    /// Which origins are let in.
    pub origins: OriginPolicy,
    /// The subprotocols spoken, the most wanted first.
    pub subprotocols: Vec<String>,
    /// How permessage-deflate is agreed on; `None` never compresses.
    pub compression: Option<Policy>,
    /// The largest message accepted, in bytes after decompression.
    pub max_message_bytes: usize,
    /// What the messages that clients of one worker have begun and not ended may take
    /// together, in bytes.
    pub unfinished_bytes: usize,
    /// How long a message may take from its beginning to its end.
    pub message_timeout: Duration,
    /// The read buffer of each connection, in bytes.
    pub read_buffer_bytes: usize,
    /// How a quiet connection is kept alive.
    pub keep_alive: KeepAlive,
    /// How long a client may send no frame, a Pong included, before it gets a
    /// Close with 1001; `None` waits for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a client may take nothing of what is written to it.
    pub write_timeout: Duration,
    /// How long a client may take for the TLS handshake, for the head of a
    /// request, and between two requests on one connection.
    pub handshake_timeout: Duration,
    /// How long a client may take to answer a Close, and to end its side.
    pub close_timeout: Duration,
    /// How long connections are still accepted when the shutdown has begun and is told
    /// to those who ask for the server's health.
    pub drain_delay: Duration,
    /// How long a shutdown waits for the clients to answer its Close.
    pub grace: Duration,
}

/// What is found at paths without a route.
#[derive(Debug, Clone, Default)]
pub enum Front {
    /// Nothing.
    Nothing,
    /// The page at `/`.
    #[default]
    Page,
    /// The files of a folder.
    Files(Files),
}

impl Default for ServerConfig {
    /// The defaults of `wscli serve`.
    fn default() -> Self {
        Self {
            tls: None,
            routes: Routes::default(),
            front: Front::default(),
            lab: false,
            chaos: None,
            max_connections: None,
            max_connections_per_ip: None,
            trusted_proxies: TrustedProxies::default(),
            proxy_protocol: false,
            access: Access::default(),
            max_rate: None,
            origins: OriginPolicy::default(),
            subprotocols: Vec::new(),
            compression: None,
            max_message_bytes: 64 << 20,
            unfinished_bytes: 256 << 20,
            message_timeout: Duration::from_secs(120),
            read_buffer_bytes: 4 << 10,
            keep_alive: KeepAlive::Ping {
                interval: Duration::from_secs(120),
                timeout: None,
            },
            idle_timeout: None,
            write_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            drain_delay: Duration::ZERO,
            grace: Duration::from_secs(5),
        }
    }
}

impl ServerConfig {
    /// The configuration of one connection's socket.
    pub(crate) fn socket(
        &self,
        deflate: Option<Params>,
        budget: Arc<MessageBudget>,
    ) -> SocketConfig {
        SocketConfig {
            max_message_bytes: self.max_message_bytes,
            // A message may come in one frame.
            max_frame_bytes: self.max_message_bytes,
            read_buffer_bytes: self.read_buffer_bytes,
            keep_alive: self.keep_alive,
            // A client is not given up on while a shutdown would still wait.
            close_timeout: self.close_timeout.max(self.grace),
            write_timeout: Some(self.write_timeout),
            unfinished: Some(UnfinishedLimit {
                timeout: self.message_timeout,
                budget,
            }),
            deflate,
            ..SocketConfig::new(Role::Server)
        }
    }
}
