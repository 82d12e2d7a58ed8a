//! Which message a reply answers.
//!
//! Each connection has a window of the messages that wait for a reply, in the
//! order sent. A reply is found in it by its order, by the number that an echo
//! carries, or by an id within the payload.

use std::collections::{HashMap, VecDeque};

use super::payload::parse_head;
use crate::value::Pattern;

/// How replies are matched to messages.
#[derive(Debug, Clone, Default)]
pub enum Matching {
    /// By number once a reply has carried one, else by order.
    #[default]
    Auto,
    /// The oldest message that waits is the one answered.
    Order,
    /// By number: what carries none answers nothing.
    Echo,
    /// By an id that message and reply share.
    Id(Pattern),
}

/// A message that waits for its reply. Times are the run's, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) intended_ns: u64,
    pub(super) sent_ns: u64,
}

/// The place of an entry whose reply has come, while older ones still wait.
const ANSWERED: Entry = Entry {
    intended_ns: u64::MAX,
    sent_ns: u64::MAX,
};

/// What a reply turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The reply to message `number`.
    Reply { number: u64, entry: Entry },
    /// A reply to a message that was given up, or a second reply.
    Late,
    /// No reply to anything.
    Unsolicited,
}

/// The messages of one connection that wait for a reply.
#[derive(Debug, Default)]
pub(super) struct Window {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    waiting: u32,
    /// Whether a reply has carried its message's number.
    echoes: bool,
    extra: Option<Box<Extra>>,
}

/// What only some ways of matching need.
#[derive(Debug, Default)]
struct Extra {
    ids: HashMap<Vec<u8>, u64>,
    payloads: HashMap<u64, Vec<u8>>,
}

impl Window {
    /// How many messages wait for a reply.
    pub(super) fn waiting(&self) -> u32 {
        self.waiting
    }

    /// The number of the next message.
    pub(super) fn next_number(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Adds the message with [`next_number`](Self::next_number).
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        self.waiting += 1;
    }

    /// Notes the id of the message that is about to be pushed.
    pub(super) fn note_id(&mut self, id: Vec<u8>) {
        let number = self.next_number();
        self.extra.get_or_insert_default().ids.insert(id, number);
    }

    /// Notes the payload of the message that is about to be pushed.
    pub(super) fn note_payload(&mut self, payload: Vec<u8>) {
        let number = self.next_number();
        let extra = self.extra.get_or_insert_default();
        extra.payloads.insert(number, payload);
    }

    /// The noted payload of a message, once.
    pub(super) fn take_payload(&mut self, number: u64) -> Option<Vec<u8>> {
        self.extra.as_mut()?.payloads.remove(&number)
    }

    /// Corrects the send time of the last `count` messages, and tells of each.
    pub(super) fn stamp_last(&mut self, count: usize, sent_ns: u64, mut on: impl FnMut(&Entry)) {
        let from = self.entries.len().saturating_sub(count);
        for entry in self.entries.range_mut(from..) {
            entry.sent_ns = sent_ns;
            on(entry);
        }
    }

    /// Finds the message that a reply answers, and takes it out.
    // Inlined with what it calls, so that what is found stays in registers:
    // moving it through memory would be a third of what a reply costs.
    #[inline(always)]
    pub(super) fn answer(
        &mut self,
        matching: &Matching,
        head: &[u8],
        payload: Option<&[u8]>,
    ) -> Match {
        match matching {
            Matching::Order => self.answer_oldest(),
            Matching::Echo => self.answer_head(head).unwrap_or(Match::Unsolicited),
            Matching::Auto => match self.answer_head(head) {
                Some(found) => found,
                None if self.echoes => Match::Unsolicited,
                None => self.answer_oldest(),
            },
            Matching::Id(pattern) => {
                let id = payload.and_then(|payload| pattern.capture(payload));
                let extra = self.extra.as_mut();
                match id.and_then(|id| extra?.ids.remove(&id)) {
                    Some(number) => self.answer_number(number),
                    None => Match::Unsolicited,
                }
            }
        }
    }

    /// A pong, whose payload is a ping's number.
    pub(super) fn answer_pong(&mut self, payload: &[u8]) -> Match {
        self.answer_head(payload).unwrap_or(Match::Unsolicited)
    }

    #[inline(always)]
    fn answer_head(&mut self, head: &[u8]) -> Option<Match> {
        let number = parse_head(head)?;
        // The payload has the last 32 bits; the window is narrower than that.
        let low = u32::try_from(self.first & u64::from(u32::MAX)).unwrap_or(0);
        let ahead = number.wrapping_sub(low);
        if u64::from(ahead) < self.entries.len() as u64 {
            self.echoes = true;
            return Some(self.answer_number(self.first + u64::from(ahead)));
        }
        let behind = u64::from(low.wrapping_sub(number));
        (1..=self.first).contains(&behind).then_some(Match::Late)
    }

    #[inline(always)]
    fn answer_number(&mut self, number: u64) -> Match {
        let Some(index) = number.checked_sub(self.first) else {
            return Match::Late;
        };
        let slot = usize::try_from(index).ok();
        let Some(slot) = slot.and_then(|index| self.entries.get_mut(index)) else {
            return Match::Unsolicited;
        };
        if *slot == ANSWERED {
            return Match::Late;
        }
        let entry = std::mem::replace(slot, ANSWERED);
        self.waiting -= 1;
        self.drop_answered();
        Match::Reply { number, entry }
    }

    fn answer_oldest(&mut self) -> Match {
        if self.entries.is_empty() {
            return Match::Unsolicited;
        }
        self.answer_number(self.first)
    }

    fn drop_answered(&mut self) {
        while self.entries.front() == Some(&ANSWERED) {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    /// Takes out the messages that were sent before `before_ns`, and tells of
    /// each.
    pub(super) fn give_up(&mut self, before_ns: u64, mut on: impl FnMut(&Entry)) {
        while let Some(entry) = self.entries.front().copied() {
            if entry != ANSWERED {
                if entry.sent_ns >= before_ns {
                    break;
                }
                on(&entry);
                self.waiting -= 1;
                if let Some(extra) = &mut self.extra {
                    extra.payloads.remove(&self.first);
                }
            }
            self.entries.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time: u64) -> Entry {
        Entry {
            intended_ns: time,
            sent_ns: time,
        }
    }

    fn window(count: u64) -> Window {
        let mut window = Window::default();
        (0..count).for_each(|i| window.push(entry(i)));
        window
    }

    fn reply(number: u64) -> Match {
        Match::Reply {
            number,
            entry: entry(number),
        }
    }

    #[test]
    fn numbers_find_their_message_in_any_order() {
        let mut window = window(3);
        let auto = Matching::Auto;
        assert_eq!(window.answer(&auto, b"00000001", None), reply(1));
        assert_eq!(window.answer(&auto, b"00000000", None), reply(0));
        assert_eq!(window.answer(&auto, b"00000001", None), Match::Late);
        assert_eq!(window.answer(&auto, b"hello", None), Match::Unsolicited);
        assert_eq!(window.answer(&auto, b"00000002", None), reply(2));
        assert_eq!(window.waiting(), 0);
    }

    #[test]
    fn without_numbers_the_order_decides() {
        let mut window = window(2);
        assert_eq!(window.answer(&Matching::Auto, b"hello", None), reply(0));
        assert_eq!(window.answer(&Matching::Order, b"00000007", None), reply(1));
        assert_eq!(
            window.answer(&Matching::Order, b"x", None),
            Match::Unsolicited
        );
    }

    #[test]
    fn what_is_given_up_comes_late() {
        let mut window = window(3);
        assert_eq!(window.answer(&Matching::Echo, b"00000001", None), reply(1));
        let mut lost = Vec::new();
        window.give_up(2, |entry| lost.push(entry.sent_ns));
        assert_eq!(lost, [0]);
        assert_eq!(
            window.answer(&Matching::Echo, b"00000000", None),
            Match::Late
        );
        assert_eq!(window.answer(&Matching::Echo, b"00000002", None), reply(2));
    }

    #[test]
    fn stamp_last_corrects_the_send_time_of_what_has_left_since() {
        let mut window = window(3);
        let mut stamped = Vec::new();
        window.stamp_last(2, 500, |entry| stamped.push(*entry));
        let sent = |time, sent_ns| Entry {
            intended_ns: time,
            sent_ns,
        };
        assert_eq!(stamped, [sent(1, 500), sent(2, 500)]);
        for entry in [sent(0, 0), sent(1, 500), sent(2, 500)] {
            let number = entry.intended_ns;
            let found = window.answer(&Matching::Order, b"", None);
            assert_eq!(found, Match::Reply { number, entry });
        }
        // No more than there are.
        window.push(entry(7));
        window.stamp_last(5, 8, |entry| stamped.push(*entry));
        assert_eq!(stamped.last(), Some(&sent(7, 8)));
    }

    #[test]
    fn numbers_past_2_to_the_32_find_their_message() {
        let first = (1 << 32) - 1;
        let mut window = Window {
            first,
            ..Window::default()
        };
        (0..3).for_each(|i| window.push(entry(i)));
        let answer = |window: &mut Window, head: &[u8]| window.answer(&Matching::Echo, head, None);
        for (head, number) in [
            (b"00000001", first + 2),
            (b"ffffffff", first),
            (b"00000000", first + 1),
        ] {
            let reply = Match::Reply {
                number,
                entry: entry(number - first),
            };
            assert_eq!(answer(&mut window, head), reply);
        }
        assert_eq!(window.next_number(), first + 3);
        assert_eq!(answer(&mut window, b"fffffffe"), Match::Late);
        assert_eq!(answer(&mut window, b"00000002"), Match::Unsolicited);
    }

    #[test]
    fn a_number_that_was_never_sent_is_unsolicited() {
        let mut window = window(3);
        for head in [b"00000003", b"ffffffff", b"80000000"] {
            let found = window.answer(&Matching::Echo, head, None);
            assert_eq!(found, Match::Unsolicited);
        }
        assert_eq!(window.waiting(), 3);
    }

    #[test]
    fn give_up_keeps_nothing_of_what_is_lost() {
        let mut window = Window::default();
        for time in 0..3 {
            window.note_payload(vec![7; 10]);
            window.push(entry(time));
        }
        window.give_up(2, |_| {});
        assert_eq!(window.extra.as_ref().unwrap().payloads.len(), 1);
        assert_eq!(window.take_payload(2), Some(vec![7; 10]));
    }

    #[test]
    fn replies_are_matched_by_id() {
        let matching = Matching::Id(Pattern::capturing("id=([0-9]+)").unwrap());
        let mut window = Window::default();
        for id in ["7", "8"] {
            window.note_id(id.into());
            window.push(entry(0));
        }
        let second = window.answer(&matching, b"", Some(b"id=8"));
        assert!(matches!(second, Match::Reply { number: 1, .. }));
        assert_eq!(
            window.answer(&matching, b"", Some(b"id=8")),
            Match::Unsolicited
        );
    }
}
