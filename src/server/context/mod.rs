//! What all connections of a worker share: the configuration, the limits, the
//! counters, and the observer of events. A leaf of the server: it knows nothing of
//! requests or behaviours.

mod attempts;
mod config;
mod counters;
mod events;
mod failure;
mod histogram;
mod limits;
mod proxies;
mod rooms;
mod stop;

use std::sync::Arc;
use std::time::Duration;

use crate::connection::MessageBudget;

pub(crate) use self::attempts::Attempts;
pub use self::config::{Front, ServerConfig};
pub(crate) use self::counters::Counters;
pub use self::counters::{Monitor, Snapshot};
pub use self::events::{
    ConnectionId, Ended, Event, Observer, Opened, Outcome, Peer, Refused, Requested, Served,
    Totals, Traffic,
};
pub use self::failure::{ProxyHeaderError, RequestFailure, Shortage};
pub(crate) use self::histogram::BOUNDS_US;
pub use self::histogram::Durations;
pub(crate) use self::limits::{Admission, Counted, Limits, Slot};
pub use self::proxies::{TrustedProxies, TrustedProxy, TrustedProxyError};
pub(crate) use self::rooms::{Room, Rooms};
pub(crate) use self::stop::{Controller, Stop};

/// What all connections of a worker share.
pub(crate) struct Context {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) attempts: Arc<Attempts>,
    /// Of this worker.
    pub(crate) budget: Arc<MessageBudget>,
    pub(crate) observer: Observer,
    pub(crate) counters: Arc<Counters>,
}

impl Context {
    /// For tests of what runs on a connection.
    #[cfg(test)]
    pub(crate) fn alone(config: ServerConfig) -> Self {
        Self {
            budget: MessageBudget::new(config.unfinished_bytes),
            config: Arc::new(config),
            limits: Limits::new(None, None, None),
            rooms: Arc::default(),
            attempts: Arc::default(),
            observer: Arc::new(|_| {}),
            counters: Arc::default(),
        }
    }

    pub(crate) fn observe(&self, event: Event) {
        (self.observer)(event);
    }

    /// A WebSocket is open, this long after its connection was accepted.
    pub(crate) fn opened(&self, connection: ConnectionId, opened: Opened, took: Duration) {
        self.counters.opened(took);
        self.observe(Event::Opened { connection, opened });
    }

    pub(crate) fn refused(&self, connection: ConnectionId, refused: Refused) {
        self.counters.refused(refused.status);
        self.observe(Event::Refused {
            connection,
            refused,
        });
    }

    pub(crate) fn served(&self, connection: ConnectionId, served: Served) {
        self.counters.responded(served.status);
        self.observe(Event::Served { connection, served });
    }

    pub(crate) fn handshake_failed(&self, connection: ConnectionId, error: RequestFailure) {
        self.counters.handshake_failed();
        self.observe(Event::HandshakeFailed { connection, error });
    }

    pub(crate) fn turned_away(&self, connection: ConnectionId, shortage: Shortage) {
        self.counters.turned_away();
        self.observe(Event::TurnedAway {
            connection,
            shortage,
        });
    }

    /// Adds what a connection has carried since the last time.
    pub(crate) fn carried(&self, traffic: Traffic) {
        self.counters.carried(traffic);
    }

    pub(crate) fn ended(&self, connection: ConnectionId, ended: Ended) {
        self.counters.ended(&ended);
        self.observe(Event::Ended { connection, ended });
    }
}
