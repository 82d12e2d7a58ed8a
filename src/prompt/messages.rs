//! The messages of a talk by the numbers that are shown with them: the last ones,
//! within a limit of memory.

use std::collections::VecDeque;

use crate::talk::Entry;

/// How many messages are kept, and how much of their payloads.
const MAX_KEPT: usize = 1_000;
const MAX_KEPT_BYTES: usize = 4 << 20;

/// The last messages, sent and received.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// How many there were.
    count: u64,
    kept: VecDeque<(u64, Entry)>,
    bytes: usize,
}

impl Messages {
    /// Numbers an entry, where it is a message; it is kept for a while.
    pub(super) fn add(&mut self, entry: &Entry) -> Option<u64> {
        let size = entry.kind.data()?.len();
        self.count += 1;
        if size <= MAX_KEPT_BYTES {
            self.bytes += size;
            // A payload is shared, not copied.
            self.kept.push_back((self.count, entry.clone()));
        }
        while self.kept.len() > MAX_KEPT || self.bytes > MAX_KEPT_BYTES {
            let Some((_, entry)) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= entry.kind.data().map_or(0, <[u8]>::len);
        }
        Some(self.count)
    }

    /// The number of the last message, from 1.
    pub(super) fn last(&self) -> u64 {
        self.count
    }

    /// A message that is still kept, or why it is not.
    pub(super) fn get(&self, number: u64) -> Result<&Entry, String> {
        let place = self
            .kept
            .binary_search_by_key(&number, |(number, _)| *number);
        let found = place.ok().and_then(|place| self.kept.get(place));
        found.map(|(_, entry)| entry).ok_or_else(|| match self.count {
            0 => "there has been no message yet".to_owned(),
            count if number > count => format!("there is no message #{number}; the last one is #{count}"),
            _ => format!("message #{number} is not kept: it is too large or too long ago; --log keeps all"),
        })
    }

    /// Those that are kept, the oldest first, with their numbers.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        self.kept.iter().map(|(number, entry)| (*number, entry))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::connection::Message;
    use crate::talk::entry::Moment;
    use crate::talk::{Direction, Kind, Source};

    fn entry(kind: Kind) -> Entry {
        Entry {
            seq: 1,
            moment: Moment {
                time: Timestamp::UNIX_EPOCH,
                offset: std::time::Duration::ZERO,
            },
            connection: 1,
            direction: Direction::In,
            source: Source::Peer,
            kind,
            records: None,
        }
    }

    #[test]
    fn messages_are_numbered_and_the_oldest_go_first() {
        let mut messages = Messages::default();
        assert!(messages.get(1).unwrap_err().contains("no message yet"));
        let message = |size| entry(Kind::message(Message::binary(vec![0; size]), None));
        let error = entry(Kind::Error {
            hint: None,
            opening: None,
            message: "x".into(),
        });
        assert_eq!(messages.add(&error), None);
        for number in 1..=1_500 {
            assert_eq!(messages.add(&message(10)), Some(number));
        }
        assert!(messages.get(500).unwrap_err().contains("is not kept"));
        assert!(messages.get(501).is_ok());
        assert!(
            messages
                .get(1501)
                .unwrap_err()
                .contains("the last one is #1500")
        );
        assert_eq!(messages.add(&message(5 << 20)), Some(1501));
        assert!(messages.get(1501).is_err() && messages.get(1500).is_ok());
        messages.add(&message(3 << 20));
        messages.add(&message(3 << 20));
        assert!(messages.get(1502).is_err());
        assert_eq!(messages.iter().next().map(|(number, _)| number), Some(1503));
    }
}
