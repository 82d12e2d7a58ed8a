//! What a server counts, for its totals and for its metrics.
//!
//! Each worker counts in a place of its own, so that counting on the way of a
//! message moves no cache line between cores; readers add the places up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::events::{Ended, Outcome, Totals, Traffic};
use super::histogram::{Durations, Histogram};

/// The counters of one worker. The alignment keeps two workers apart.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    connections: AtomicU64,
    connections_ended: AtomicU64,
    opened: AtomicU64,
    ended: AtomicU64,
    refused: AtomicU64,
    handshakes_failed: AtomicU64,
    turned_away: AtomicU64,
    abandoned: AtomicU64,
    received_messages: AtomicU64,
    received_bytes: AtomicU64,
    sent_messages: AtomicU64,
    sent_bytes: AtomicU64,
    missed_messages: AtomicU64,
    /// Neither is on the way of a message.
    responses: Mutex<BTreeMap<u16, u64>>,
    closes: Mutex<BTreeMap<u16, u64>>,
    handshakes: Histogram,
    lifetimes: Histogram,
}

impl Counters {
    /// Counts a connection for as long as the guard lives, a panic included.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Relaxed);
        OpenConnection(Arc::clone(self))
    }

    pub(crate) fn opened(&self, took: Duration) {
        self.handshakes.record(took);
        self.opened.fetch_add(1, Relaxed);
        self.responded(101);
    }

    pub(crate) fn refused(&self, status: u16) {
        self.refused.fetch_add(1, Relaxed);
        self.responded(status);
    }

    pub(crate) fn responded(&self, status: u16) {
        add_one(&self.responses, status);
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Relaxed);
    }

    pub(crate) fn ended(&self, ended: &Ended) {
        self.ended.fetch_add(1, Relaxed);
        self.lifetimes.record(ended.lasted);
        let code = match &ended.outcome {
            Outcome::Closed(closed) => closed.code(),
            Outcome::Abandoned => {
                self.abandoned.fetch_add(1, Relaxed);
                1006
            }
        };
        add_one(&self.closes, code);
    }

    /// Adds what a connection has carried since the last time.
    pub(crate) fn carried(&self, traffic: Traffic) {
        for (counter, amount) in [
            (&self.received_messages, traffic.received_messages),
            (&self.received_bytes, traffic.received_bytes),
            (&self.sent_messages, traffic.sent_messages),
            (&self.sent_bytes, traffic.sent_bytes),
            (&self.missed_messages, traffic.missed_messages),
        ] {
            if amount > 0 {
                counter.fetch_add(amount, Relaxed);
            }
        }
    }
}

fn add_one(counts: &Mutex<BTreeMap<u16, u64>>, key: u16) {
    // Counting cannot panic half-way, so a poisoned count is still right.
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry(key).or_default() += 1;
}

/// Counts an accepted connection until it is dropped.
pub(crate) struct OpenConnection(Arc<Counters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections_ended.fetch_add(1, Relaxed);
    }
}

/// A view of a running server's numbers.
#[derive(Debug, Clone)]
pub struct Monitor {
    workers: Arc<[Arc<Counters>]>,
    draining: Arc<AtomicBool>,
}

/// The numbers at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Whether the shutdown has begun.
    pub draining: bool,
    /// The sums over the server's life.
    pub totals: Totals,
    /// Connections that are open, WebSockets or not.
    pub connections_open: u64,
    /// WebSockets that are open.
    pub websockets_open: u64,
    /// Connections that ended before they were WebSockets, by failure.
    pub handshakes_failed: u64,
    /// Connections refused unread, for the limit of their address.
    pub turned_away: u64,
    /// What was carried in both directions.
    pub traffic: Traffic,
    /// Answers by status.
    pub responses: BTreeMap<u16, u64>,
    /// Ends of WebSockets by the code that the client gave; 1006 for none.
    pub closes: BTreeMap<u16, u64>,
    /// From the acceptance of a connection to the answer that opened its WebSocket.
    pub handshakes: Durations,
    /// How long WebSockets were open that have ended.
    pub lifetimes: Durations,
}

impl Monitor {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers: (0..workers).map(|_| Arc::default()).collect(),
            draining: Arc::default(),
        }
    }

    pub(crate) fn counters(&self) -> &[Arc<Counters>] {
        &self.workers
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    /// How many connections each worker has open.
    pub(crate) fn load(&self, worker: usize) -> u64 {
        self.workers.get(worker).map_or(u64::MAX, |counters| {
            open(&counters.connections, &counters.connections_ended)
        })
    }

    /// The numbers now. They are read one after the other: of two that change
    /// together, one may be ahead.
    pub fn snapshot(&self) -> Snapshot {
        let mut sum = Snapshot {
            draining: self.draining.load(Relaxed),
            ..Snapshot::default()
        };
        for counters in self.workers.iter() {
            sum.add(counters);
        }
        sum
    }
}

fn open(begun: &AtomicU64, ended: &AtomicU64) -> u64 {
    let ended = ended.load(Relaxed);
    begun.load(Relaxed).saturating_sub(ended)
}

impl Snapshot {
    fn add(&mut self, counters: &Counters) {
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        self.handshakes.add(&counters.handshakes);
        self.lifetimes.add(&counters.lifetimes);
        self.connections_open += open(&counters.connections, &counters.connections_ended);
        self.websockets_open += open(&counters.opened, &counters.ended);
        self.handshakes_failed += get(&counters.handshakes_failed);
        self.turned_away += get(&counters.turned_away);
        self.traffic.add(&Traffic {
            received_messages: get(&counters.received_messages),
            received_bytes: get(&counters.received_bytes),
            sent_messages: get(&counters.sent_messages),
            sent_bytes: get(&counters.sent_bytes),
            missed_messages: get(&counters.missed_messages),
        });
        self.totals.connections += get(&counters.connections);
        self.totals.opened += get(&counters.opened);
        self.totals.refused += get(&counters.refused);
        self.totals.abandoned += get(&counters.abandoned);
        self.totals.messages = self.traffic.received_messages;
        self.totals.bytes = self.traffic.received_bytes;
        for (sums, counts) in [
            (&mut self.responses, &counters.responses),
            (&mut self.closes, &counters.closes),
        ] {
            let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, count) in counts.iter() {
                *sums.entry(*key).or_default() += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connections_carry_and_miss_is_summed_over_the_workers() {
        let traffic = |by| Traffic {
            received_messages: by,
            received_bytes: 2 * by,
            sent_messages: 3 * by,
            sent_bytes: 4 * by,
            missed_messages: 5 * by,
        };
        let monitor = Monitor::new(2);
        for counters in monitor.counters() {
            counters.carried(traffic(1));
            counters.carried(traffic(2));
        }
        assert_eq!(monitor.snapshot().traffic, traffic(6));
        assert_eq!(traffic(6).since(&traffic(2)), traffic(4));
    }

    #[test]
    fn an_abandoned_websocket_is_counted_as_1006() {
        let monitor = Monitor::new(1);
        monitor.counters()[0].ended(&Ended {
            outcome: Outcome::Abandoned,
            traffic: Traffic::default(),
            lasted: Duration::ZERO,
        });
        let snapshot = monitor.snapshot();
        assert_eq!(snapshot.closes, BTreeMap::from([(1006, 1)]));
        assert_eq!(snapshot.totals.abandoned, 1);
    }
}
