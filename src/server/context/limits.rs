//! How many clients there may be: in all, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::events::Peer;
use super::failure::Shortage;

/// How many connections are answered at a time that they are refused. What comes
/// beyond is closed unread: it may cost neither memory nor TLS handshakes.
const MAX_ANSWERED: usize = 64;

/// The counts that limits are held against, shared by all workers.
#[derive(Debug)]
pub(crate) struct Limits {
    max_open: usize,
    open: AtomicUsize,
    /// How many connections there may be that are served, WebSockets or not.
    max_sockets: usize,
    sockets: AtomicUsize,
    max_per_address: Option<usize>,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    answered: Arc<Semaphore>,
}

/// What becomes of an accepted connection.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is served.
    Admitted(Counted),
    /// There are too many; it gets an answer with this permission only.
    TurnedAway(Shortage, Option<OwnedSemaphorePermit>),
}

/// The place of an open WebSocket, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Limits>);

/// A connection counted for its address until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Option<(Arc<Limits>, IpAddr)>);

/// A connection that is served, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Limits>);

impl Counted {
    /// A connection that counts for nobody, or not yet.
    pub(crate) fn for_nobody() -> Self {
        Self(None)
    }
}

impl Limits {
    pub(crate) fn new(
        max_open: Option<usize>,
        max_sockets: Option<usize>,
        max_per_address: Option<usize>,
    ) -> Arc<Self> {
        let max_sockets = max_sockets.unwrap_or(usize::MAX);
        // They take from the same descriptors.
        let answered = MAX_ANSWERED.min((max_sockets / 4).max(1));
        Arc::new(Self {
            max_open: max_open.unwrap_or(usize::MAX),
            open: AtomicUsize::new(0),
            max_sockets,
            sockets: AtomicUsize::new(0),
            max_per_address,
            addresses: Mutex::default(),
            answered: Arc::new(Semaphore::new(answered)),
        })
    }

    /// A place for one more connection; `None` when all are taken.
    pub(crate) fn take_place(self: &Arc<Self>) -> Option<Place> {
        let taken = take(&self.sockets, self.max_sockets);
        taken.then(|| Place(Arc::clone(self)))
    }

    /// Refuses a connection, for this reason.
    pub(crate) fn turn_away(&self, shortage: Shortage) -> Admission {
        let answered = Arc::clone(&self.answered).try_acquire_owned().ok();
        Admission::TurnedAway(shortage, answered)
    }

    /// A place for one more WebSocket; `None` when all are taken.
    pub(crate) fn take_slot(self: &Arc<Self>) -> Option<Slot> {
        take(&self.open, self.max_open).then(|| Slot(Arc::clone(self)))
    }

    /// Counts a connection for its address, unless that has too many.
    pub(crate) fn admit(self: &Arc<Self>, peer: Peer) -> Admission {
        self.count(peer)
            .map_or_else(|| self.turn_away(Shortage::OfAddress), Admission::Admitted)
    }

    /// The place of a connection of this address; `None` where it has too many.
    pub(crate) fn count(self: &Arc<Self>, peer: Peer) -> Option<Counted> {
        let address = match peer {
            Peer::Tcp(address) => address.ip(),
            Peer::Forwarded(address) => address,
            Peer::Unix => return Some(Counted(None)),
        };
        let Some(max) = self.max_per_address else {
            return Some(Counted(None));
        };
        let key = network(address);
        let mut addresses = self.lock();
        let count = addresses.entry(key).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Counted(Some((Arc::clone(self), key))))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Counting cannot panic half-way.
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one more, where there is one.
fn take(count: &AtomicUsize, max: usize) -> bool {
    let taken = count.fetch_update(Relaxed, Relaxed, |count| (count < max).then_some(count + 1));
    taken.is_ok()
}

/// What counts as one address: a client of IPv6 has a /64 to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let prefix = address.to_bits() & (u128::MAX << 64);
            Ipv6Addr::from_bits(prefix).into()
        }
        address => address,
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Relaxed);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some((limits, address)) = self.0.take() else {
            return;
        };
        let mut addresses = limits.lock();
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_connections_gives_places_back() {
        let limits = Limits::new(Some(2), None, None);
        let first = limits.take_slot();
        let second = limits.take_slot();
        assert!(first.is_some() && second.is_some());
        assert!(limits.take_slot().is_none());
        drop(first);
        assert!(limits.take_slot().is_some());
    }

    #[test]
    fn max_connections_per_ip_counts_each_address() {
        let peer = |text: &str| Peer::Tcp(text.parse().unwrap());
        let limits = Limits::new(None, None, Some(1));
        let one = limits.count(peer("192.0.2.1:1"));
        assert!(one.is_some());
        for (text, has_room) in [
            ("192.0.2.1:2", false),
            ("[::ffff:192.0.2.1]:2", false),
            ("192.0.2.2:1", true),
            ("[2001:db8::1]:1", true),
        ] {
            assert_eq!(limits.count(peer(text)).is_some(), has_room, "{text}");
        }
        let wide = limits.count(peer("[2001:db8::1]:1"));
        assert!(wide.is_some());
        for (text, has_room) in [
            ("[2001:db8::2]:1", false),
            ("[2001:db8::ffff:ffff:ffff:ffff]:1", false),
            ("[2001:db8:0:1::1]:1", true),
        ] {
            assert_eq!(limits.count(peer(text)).is_some(), has_room, "{text}");
        }
        assert!(limits.count(Peer::Unix).is_some());
        drop((one, wide));
        assert!(limits.lock().is_empty());
    }
    #[test]
    fn max_connections_per_ip_answers_few_refusals_at_a_time() {
        let peer = Peer::Tcp("192.0.2.1:1".parse().unwrap());
        let limits = Limits::new(None, None, Some(0));
        let refuse = || match limits.admit(peer) {
            Admission::TurnedAway(Shortage::OfAddress, permit) => permit,
            Admission::TurnedAway(Shortage::OfServer, _) => panic!("the server has room"),
            Admission::Admitted(_) => panic!("there is no place"),
        };
        let mut answered: Vec<_> = (0..MAX_ANSWERED).map(|_| refuse()).collect();
        assert!(answered.iter().all(Option::is_some));
        assert!(refuse().is_none());
        answered.pop();
        assert!(refuse().is_some());
    }
}
