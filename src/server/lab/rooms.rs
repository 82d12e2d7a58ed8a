//! The rooms of `/broadcast`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::broadcast;

/// Messages that wait for one listener. When there are more, it misses the
/// oldest: a slow client neither holds up the others nor fills the memory.
const MAX_WAITING: usize = 256;

/// A message and whether it is text.
pub(super) type Said = (bool, Bytes);

/// Who listens where.
#[derive(Debug, Default)]
pub(in crate::server) struct Rooms(Mutex<HashMap<String, broadcast::Sender<Said>>>);

impl Rooms {
    /// Enters a room: to say something, and to hear what is said from now on.
    /// Rooms that everybody has left are forgotten.
    pub(super) fn enter(&self, room: &str) -> (broadcast::Sender<Said>, broadcast::Receiver<Said>) {
        // Nothing in here panics half-way.
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|_, sender| sender.receiver_count() > 0);
        let sender = rooms
            .entry(room.to_owned())
            .or_insert_with(|| broadcast::Sender::new(MAX_WAITING));
        (sender.clone(), sender.subscribe())
    }
}
