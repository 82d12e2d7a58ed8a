//! What came and has not been looked at: records in the order of their arrival, and
//! the end of the connection in its place among them.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use tokio::time::Instant;

use crate::decode::{Decode, Exact};

/// A record: a message, or a part of one.
#[derive(Debug, Clone)]
pub(super) struct Record {
    bytes: Bytes,
    json: OnceCell<Option<Exact>>,
    /// The moment before which it cannot have come.
    pub(super) after: Instant,
    /// Which one of its connection it is, from 1.
    pub(super) number: u64,
}

impl Record {
    pub(super) fn new(bytes: Bytes, after: Instant, number: u64) -> Self {
        Self {
            bytes,
            json: OnceCell::new(),
            after,
            number,
        }
    }

    /// Its source.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its value, where it is JSON; read once.
    pub(super) fn json(&self) -> Option<&Exact> {
        let read = || {
            let text = std::str::from_utf8(&self.bytes).ok()?;
            Exact::parse(text.trim_start_matches('\u{feff}'))
        };
        self.json.get_or_init(read).as_ref()
    }

    /// Its value; that of a record which is not JSON is its text.
    pub(super) fn value(&self) -> Exact {
        let text = || Exact::String(String::from_utf8_lossy(&self.bytes).into_owned());
        self.json().cloned().unwrap_or_else(text)
    }
}

/// How a connection came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// As browsers show it: 1006 where no Close came.
    pub code: u16,
    /// The peer's reason, often empty.
    pub reason: String,
    /// What went wrong, where it was not closed in order.
    pub error: Option<String>,
}

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.error, self.code) {
            (Some(error), _) => write!(f, "the connection ended: {error}"),
            (None, 1005) => f.write_str("the peer closed without a code"),
            (None, 1006) => f.write_str("the connection was lost"),
            (None, code) => {
                let space = if self.reason.is_empty() { "" } else { " " };
                let reason = self.reason.replace('\n', "\\n");
                write!(f, "the peer closed with {code}{space}{reason}")
            }
        }
    }
}

/// What stands in an inbox.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Record(Record),
    Close(Closing, Instant),
}

/// What came over a connection and has not been looked at.
#[derive(Debug)]
pub(super) struct Inbox {
    items: VecDeque<Item>,
    held_bytes: usize,
    limit_bytes: usize,
}

impl Inbox {
    /// An empty one, which is full at so many bytes.
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self {
            items: VecDeque::new(),
            held_bytes: 0,
            limit_bytes,
        }
    }

    /// Whether another message may be read; one may be more than there is room for.
    pub(super) fn has_room(&self) -> bool {
        self.held_bytes < self.limit_bytes
    }

    pub(super) fn push(&mut self, item: Item) {
        self.held_bytes += cost(&item);
        self.items.push_back(item);
    }

    /// What the cursor stands before.
    pub(super) fn first(&self) -> Option<&Item> {
        self.items.front()
    }

    /// Takes it, and moves the cursor behind it.
    pub(super) fn take(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.held_bytes = self.held_bytes.saturating_sub(cost(&item));
        Some(item)
    }
}

/// What an item takes, about: a small one costs its place too.
fn cost(item: &Item) -> usize {
    let place = size_of::<Item>();
    match item {
        Item::Record(record) => place + record.bytes.len(),
        Item::Close(closing, _) => place + closing.reason.len(),
    }
}

/// The records of a message, slices of it: by the codec, or by what its bytes show. A
/// message without any, or of which that cannot be told, is one record.
pub(super) fn records(message: &Bytes, decode: Decode) -> Vec<Bytes> {
    let Some(records) = decode.records(message) else {
        return vec![message.clone()];
    };
    let slices = records.of(message);
    slices
        .map(|slice| message.slice_ref(slice.as_bytes()))
        .collect()
}
