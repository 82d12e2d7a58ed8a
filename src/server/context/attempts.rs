//! How often a client has tried, for servers that fail at first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::events::Peer;

/// How many clients are remembered; of more, those that were quiet the longest are
/// forgotten.
const MAX_CLIENTS: usize = 10_000;

/// What tells clients apart: the address, and what a client calls itself.
type Client = (Option<IpAddr>, String);

/// The openings of all clients.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<Client, (u32, Instant)>>);

impl Attempts {
    /// Counts an opening; returns which one of this client it is, from 1.
    pub(crate) fn count(&self, peer: Peer, id: &str) -> u32 {
        let address = match peer {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Forwarded(address) => Some(address),
            Peer::Unix => None,
        };
        // Counting cannot panic half-way.
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let client = (address, id.to_owned());
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(&client) {
            let mut times: Vec<_> = clients.values().map(|(_, last)| *last).collect();
            let (_, middle, _) = times.select_nth_unstable(MAX_CLIENTS / 2);
            let middle = *middle;
            clients.retain(|_, (_, last)| *last > middle);
        }
        let (count, last) = clients.entry(client).or_insert((0, Instant::now()));
        *count = count.saturating_add(1);
        *last = Instant::now();
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flaky_counts_the_openings_of_each_client() {
        let attempts = Attempts::default();
        let peer = |port| Peer::Tcp(([192, 0, 2, 1], port).into());
        assert_eq!(attempts.count(peer(1), ""), 1);
        assert_eq!(attempts.count(peer(2), ""), 2);
        assert_eq!(attempts.count(peer(3), "a"), 1);
        assert_eq!(attempts.count(Peer::Unix, ""), 1);
        // Memory is bounded, and who is busy is not forgotten.
        for n in 0..2 * MAX_CLIENTS {
            attempts.count(peer(1), &n.to_string());
            if n % 1000 == 0 {
                attempts.count(peer(1), "");
            }
        }
        assert!(attempts.0.lock().unwrap().len() <= MAX_CLIENTS);
        assert!(attempts.count(peer(1), "") > 20);
    }
}
