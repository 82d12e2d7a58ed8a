//! The rooms of `/broadcast`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::connection::Message;

/// Messages that wait for one listener. When there are more, it misses the
/// oldest: a slow client neither holds up the others nor fills the memory.
const MAX_WAITING: usize = 256;

/// All rooms, by name.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<HashMap<String, broadcast::Sender<Message>>>);

/// A place in a room.
pub(crate) struct Room {
    sender: broadcast::Sender<Message>,
    receiver: broadcast::Receiver<Message>,
}

impl Rooms {
    /// Enters a room: to send to it, and to receive what is sent from now on.
    /// Rooms that everybody has left are forgotten.
    pub(crate) fn enter(&self, name: &str) -> Room {
        // Nothing in here panics half-way.
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|_, sender| sender.receiver_count() > 0);
        let sender = rooms
            .entry(name.to_owned())
            .or_insert_with(|| broadcast::Sender::new(MAX_WAITING));
        Room {
            sender: sender.clone(),
            receiver: sender.subscribe(),
        }
    }
}

impl Room {
    /// Sends a message to all in the room, its sender too.
    pub(crate) fn send(&self, message: Message) {
        // It has a receiver: this place's own.
        let _ = self.sender.send(message);
    }

    /// The next message; those that were missed are passed over.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            match self.receiver.recv().await {
                Ok(message) => return message,
                Err(RecvError::Lagged(_)) => {}
                // Only when the sender is gone, which this place holds.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
