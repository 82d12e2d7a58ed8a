//! The rooms of `/broadcast`: what is said in them waits for its listeners, within
//! bounds of number and bytes. A slow client neither holds up the others nor fills
//! the memory: it misses the oldest, and is told how many.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::connection::Message;

/// Messages that wait in a room.
const MAX_WAITING: usize = 256;
/// The same, in bytes; the newest message waits whatever its length.
const MAX_ROOM_BYTES: usize = 16 << 20;
/// The same, in all rooms together.
const MAX_BYTES: usize = 64 << 20;
/// What a message costs besides its payload.
const MESSAGE_BYTES: usize = 64;

/// All rooms, by name.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<Arc<str>, Waiting>,
    bytes: usize,
}

/// What waits in a room.
#[derive(Debug, Default)]
struct Waiting {
    /// With how many listeners it still waits for.
    messages: VecDeque<(Message, usize)>,
    /// How many messages came before the first of them.
    before: u64,
    bytes: usize,
    listeners: usize,
    changed: Arc<Notify>,
}

/// A place in a room, left when dropped.
pub(crate) struct Room {
    rooms: Arc<Rooms>,
    name: Arc<str>,
    changed: Arc<Notify>,
    /// How many messages of the room are done with.
    done: u64,
    missed: u64,
}

impl Rooms {
    /// Enters a room: to send to it, and to receive what is sent from now on.
    pub(crate) fn enter(self: &Arc<Self>, name: &str) -> Room {
        let name = Arc::<str>::from(name);
        let mut state = self.lock();
        let waiting = state.rooms.entry(Arc::clone(&name)).or_default();
        waiting.listeners += 1;
        Room {
            done: waiting.before + waiting.messages.len() as u64,
            changed: Arc::clone(&waiting.changed),
            missed: 0,
            name,
            rooms: Arc::clone(self),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, name: &str, message: Message) {
        let bytes = message.len() + MESSAGE_BYTES;
        let Some(waiting) = self.rooms.get_mut(name) else {
            return;
        };
        waiting.messages.push_back((message, waiting.listeners));
        waiting.bytes += bytes;
        self.bytes += bytes;
        while waiting.messages.len() > MAX_WAITING
            || (waiting.bytes > MAX_ROOM_BYTES && waiting.messages.len() > 1)
        {
            self.bytes -= waiting.forget();
        }
        waiting.changed.notify_waiters();
        while self.bytes > MAX_BYTES {
            let fullest = self.rooms.values_mut().max_by_key(|waiting| waiting.bytes);
            match fullest.map(Waiting::forget) {
                None | Some(0) => return,
                Some(bytes) => self.bytes -= bytes,
            }
        }
    }
}

impl Waiting {
    /// Forgets the oldest message; returns what it cost.
    fn forget(&mut self) -> usize {
        let Some((message, _)) = self.messages.pop_front() else {
            return 0;
        };
        let bytes = message.len() + MESSAGE_BYTES;
        self.before += 1;
        self.bytes -= bytes;
        bytes
    }

    /// Forgets what nobody waits for any more; returns what it cost.
    fn prune(&mut self) -> usize {
        let mut bytes = 0;
        while matches!(self.messages.front(), Some((_, 0))) {
            bytes += self.forget();
        }
        bytes
    }
}

impl Room {
    /// Sends a message to all in the room, its sender too.
    pub(crate) fn send(&self, message: Message) {
        self.rooms.lock().push(&self.name, message);
    }

    /// The next message. Dropping the future loses none.
    pub(crate) async fn next(&mut self) -> Message {
        let changed = Arc::clone(&self.changed);
        loop {
            let mut notified = pin!(changed.notified());
            // From here on, so that no message comes between looking and waiting.
            notified.as_mut().enable();
            if let Some(message) = self.take() {
                return message;
            }
            notified.await;
        }
    }

    /// How many messages came and went before this place got to them.
    pub(crate) fn missed(&self) -> u64 {
        let state = self.rooms.lock();
        let before = state.rooms.get(&self.name).map_or(0, |room| room.before);
        self.missed + before.saturating_sub(self.done)
    }

    fn take(&mut self) -> Option<Message> {
        let rooms = Arc::clone(&self.rooms);
        let state = &mut *rooms.lock();
        let waiting = state.rooms.get_mut(&self.name)?;
        let missed = waiting.before.saturating_sub(self.done);
        self.missed += missed;
        self.done += missed;
        let index = usize::try_from(self.done - waiting.before).ok()?;
        let (message, listeners) = waiting.messages.get_mut(index)?;
        let message = message.clone();
        *listeners -= 1;
        self.done += 1;
        state.bytes -= waiting.prune();
        Some(message)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let state = &mut *self.rooms.lock();
        let Some(waiting) = state.rooms.get_mut(&self.name) else {
            return;
        };
        let done = usize::try_from(self.done.saturating_sub(waiting.before)).unwrap_or(usize::MAX);
        for (_, listeners) in waiting.messages.iter_mut().skip(done) {
            *listeners -= 1;
        }
        waiting.listeners -= 1;
        state.bytes -= waiting.prune();
        if waiting.listeners == 0 {
            state.rooms.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn heard(room: &mut Room) -> Option<Message> {
        room.next().now_or_never()
    }

    #[test]
    fn broadcast_reaches_all_in_the_room_from_when_they_entered() {
        let rooms = Arc::<Rooms>::default();
        let mut one = rooms.enter("a");
        one.send(Message::text("1"));
        let mut other = rooms.enter("a");
        let mut elsewhere = rooms.enter("b");
        other.send(Message::text("2"));
        assert_eq!(heard(&mut one), Some(Message::text("1")));
        assert_eq!(heard(&mut one), Some(Message::text("2")));
        assert_eq!(heard(&mut other), Some(Message::text("2")));
        assert_eq!(heard(&mut other), None);
        assert_eq!(heard(&mut elsewhere), None);
        assert_eq!(rooms.lock().bytes, 0);
        drop((one, other, elsewhere));
        assert!(rooms.lock().rooms.is_empty());
    }

    #[test]
    fn broadcast_keeps_so_many_messages_and_bytes_and_counts_what_is_missed() {
        let rooms = Arc::<Rooms>::default();
        let mut slow = rooms.enter("a");
        for n in 0..300 {
            slow.send(Message::text(n.to_string()));
        }
        assert_eq!(heard(&mut slow), Some(Message::text("44")));
        assert_eq!(slow.missed(), 44);
        let large = Message::binary(vec![0; 4 << 20]);
        for _ in 0..300 {
            slow.send(large.clone());
            assert!(rooms.lock().bytes <= MAX_ROOM_BYTES);
        }
        // A message over the bound is the only one.
        slow.send(Message::binary(vec![1; 40 << 20]));
        assert_eq!(
            heard(&mut slow).map(|message| message.len()),
            Some(40 << 20)
        );
        assert_eq!(slow.missed(), 44 + 255 + 300);
    }

    #[test]
    fn broadcast_bounds_all_rooms_together() {
        let rooms = Arc::<Rooms>::default();
        let places: Vec<_> = (0..20).map(|n| rooms.enter(&n.to_string())).collect();
        for room in &places {
            room.send(Message::binary(vec![0; 10 << 20]));
            assert!(rooms.lock().bytes <= MAX_BYTES);
        }
        drop(places);
        assert_eq!(rooms.lock().bytes, 0);
    }

    #[tokio::test]
    async fn broadcast_wakes_who_waits() {
        let rooms = Arc::<Rooms>::default();
        let mut listener = rooms.enter("a");
        let speaker = rooms.enter("a");
        let waiting = tokio::spawn(async move { listener.next().await });
        tokio::task::yield_now().await;
        speaker.send(Message::text("now"));
        assert_eq!(waiting.await.unwrap(), Message::text("now"));
    }
}
