//! What a server tells of its work, as values.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::connection::net::tls::AcceptedTls;
use crate::connection::net::tls::server::AcceptError;
use crate::connection::{Closed, Resource};

use super::failure::{RequestFailure, Shortage};

/// Takes the events of a server, on the task of the connection they are of:
/// it must not block. What it cannot take at once is its own to keep or drop.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;

/// The other end of an accepted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A client of a Unix domain socket, which has no address of its own.
    Unix,
    /// A client behind a proxy that tells its address, and no port.
    Forwarded(IpAddr),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
            Self::Forwarded(address) => address.fmt(f),
        }
    }
}

/// A connection, as all events of it name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionId {
    /// A number of its own, counted from 1 in the order of acceptance.
    pub id: u64,
    /// The client.
    pub peer: Peer,
    /// The other end, where that is a proxy that is believed and has told of its client.
    pub proxy: Option<Peer>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A WebSocket is open.
    Opened {
        /// On this connection.
        connection: ConnectionId,
        /// What its handshake said, and what was agreed.
        opened: Opened,
    },
    /// A request was refused.
    Refused {
        /// On this connection, which may go on with another request.
        connection: ConnectionId,
        /// The request and the answer.
        refused: Refused,
    },
    /// A request was answered by something else than a WebSocket.
    Served {
        /// On this connection, which may go on with another request.
        connection: ConnectionId,
        /// The request and the answer.
        served: Served,
    },
    /// A connection was refused unread: there are too many.
    TurnedAway {
        /// This connection.
        connection: ConnectionId,
        /// Of what there is too little.
        shortage: Shortage,
    },
    /// A connection failed before it became a WebSocket: no HTTP, half a
    /// request, a failing transport.
    HandshakeFailed {
        /// This connection.
        connection: ConnectionId,
        /// What was found.
        error: RequestFailure,
    },
    /// A client got no TLS.
    TlsFailed {
        /// This connection.
        connection: ConnectionId,
        /// Why.
        error: AcceptError,
    },
    /// A WebSocket has ended. Follows each [`Event::Opened`].
    Ended {
        /// On this connection.
        connection: ConnectionId,
        /// How, and what it has carried.
        ended: Ended,
    },
    /// Connections cannot be accepted at the moment; another attempt follows.
    /// Sent once, not for each attempt.
    AcceptPaused(io::Error),
    /// The shutdown is ahead: who asks for the server's health is told, and connections
    /// are still accepted.
    DrainDelayed {
        /// For so long.
        delay: Duration,
    },
    /// The shutdown has begun: no more connections, and a Close for each open
    /// one.
    Draining {
        /// How many connections are open.
        connections: u64,
        /// How long they may take.
        grace: Duration,
    },
}

/// What a client has asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The method.
    pub method: String,
    /// What the client calls the server; `None` where it does not say.
    pub host: Option<String>,
    /// The path and query.
    pub resource: Resource,
    /// The origin as sent; never empty.
    pub origin: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

/// An opening handshake that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The request.
    pub requested: Requested,
    /// The chosen subprotocol.
    pub subprotocol: Option<String>,
    /// What the client has offered, where none of it was chosen.
    pub offered_subprotocols: Vec<String>,
    /// The value of `Sec-WebSocket-Extensions` in the answer.
    pub extensions: Option<String>,
    /// The names in the query that are not the fault lab's, on one of its routes.
    pub ignored: Vec<String>,
    /// What TLS has agreed on; `None` in plain.
    pub tls: Option<Box<AcceptedTls>>,
}

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The request.
    pub requested: Requested,
    /// The status of the answer.
    pub status: u16,
    /// The reason, as the answer's body gives it.
    pub reason: String,
}

/// A request that got a page, a file, or another answer of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The request.
    pub requested: Requested,
    /// The status of the answer.
    pub status: u16,
    /// The length of the answer's body.
    pub body_bytes: u64,
}

/// How a WebSocket ended.
#[derive(Debug)]
pub struct Ended {
    /// The closing handshake, or what took its place.
    pub outcome: Outcome,
    /// What was carried.
    pub traffic: Traffic,
    /// The time since it was opened.
    pub lasted: Duration,
}

/// The end of a WebSocket.
#[derive(Debug)]
pub enum Outcome {
    /// The socket came to its end.
    Closed(Closed),
    /// The grace of the shutdown was over before that.
    Abandoned,
}

/// What a connection has carried, in both directions: an echo sends what it
/// receives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages received.
    pub received_messages: u64,
    /// Their payload in bytes, decompressed.
    pub received_bytes: u64,
    /// Messages sent.
    pub sent_messages: u64,
    /// Their payload in bytes, before compression.
    pub sent_bytes: u64,
    /// Messages of a room that the client was too slow for.
    pub missed_messages: u64,
}

impl Traffic {
    /// Adds a message received, with a payload of so many bytes.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.received_messages += 1;
        self.received_bytes += bytes as u64;
    }

    /// Adds a message sent.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent_messages += 1;
        self.sent_bytes += bytes as u64;
    }

    /// Adds what another has carried.
    pub(crate) fn add(&mut self, other: &Self) {
        // A field that is forgotten here does not compile.
        let Self {
            received_messages,
            received_bytes,
            sent_messages,
            sent_bytes,
            missed_messages,
        } = other;
        self.received_messages += received_messages;
        self.received_bytes += received_bytes;
        self.sent_messages += sent_messages;
        self.sent_bytes += sent_bytes;
        self.missed_messages += missed_messages;
    }

    /// What has been carried since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            received_messages: self.received_messages - earlier.received_messages,
            received_bytes: self.received_bytes - earlier.received_bytes,
            sent_messages: self.sent_messages - earlier.sent_messages,
            sent_bytes: self.sent_bytes - earlier.sent_bytes,
            missed_messages: self.missed_messages - earlier.missed_messages,
        }
    }
}

/// The sums over a server's life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections accepted.
    pub connections: u64,
    /// WebSockets opened.
    pub opened: u64,
    /// Requests refused.
    pub refused: u64,
    /// Messages received.
    pub messages: u64,
    /// Their payload in bytes.
    pub bytes: u64,
    /// WebSockets that were still open when the grace was over.
    pub abandoned: u64,
}
