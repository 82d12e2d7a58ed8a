//! Which message a reply answers.
//!
//! Each connection has a window of the messages that wait for a reply, in the
//! order sent. A reply is found in it by its order, by the number that an echo
//! carries, or by an id within the payload.

mod verify;

use std::collections::hash_map::{DefaultHasher, Entry as Place};
use std::collections::{HashMap, VecDeque};
use std::hash::Hasher as _;

use super::tag::Tagged;
use crate::value::Pattern;

/// How replies are matched to messages.
#[derive(Debug, Clone, Default)]
pub enum Matching {
    /// By the mark of a generated payload, or by a payload of the user's own, once
    /// a reply has carried one; else by order.
    #[default]
    Auto,
    /// The oldest message that waits is the one answered.
    Order,
    /// By the mark: what carries none answers nothing.
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

/// What is known of a message that came without a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It is the payload in this place, of so many that take turns.
    Turn { place: u64, of: u64 },
    /// Its [`print()`]: one of ours may have the same.
    Print([u8; 8]),
    /// It is none of ours, or they have not been looked at.
    Nothing,
}

/// What a payload is known by that is another in each message.
pub(super) fn print(payload: &[u8]) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    hasher.write(payload);
    hasher.finish().to_be_bytes()
}

/// What a reply turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The reply to message `number`.
    Reply {
        number: u64,
        entry: Entry,
        by_order: bool,
    },
    /// A reply to this message, which was given up.
    Late(u64),
    /// A second reply to this message.
    Duplicate(u64),
    /// No reply to anything.
    Unsolicited {
        /// It is a message of another connection of this run.
        is_foreign: bool,
    },
}

/// The messages of one connection that wait for a reply.
#[derive(Debug, Default)]
pub(super) struct Window {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    waiting: u32,
    /// Whether a reply has carried its message's mark, or has been its payload.
    echoes: bool,
    /// The number of the first message of the measured time.
    measured_from: Option<u64>,
    extra: Option<Box<Extra>>,
}

/// What only some ways of matching need, or only what has gone wrong.
#[derive(Debug, Default)]
struct Extra {
    /// The messages with each id, oldest first.
    ids: HashMap<Vec<u8>, VecDeque<u64>>,
    id_of: HashMap<u64, Vec<u8>>,
    /// Ids that are no more waited for, with their message: the newest ones.
    settled: VecDeque<(Vec<u8>, Match)>,
    payloads: HashMap<u64, Vec<u8>>,
    /// The prints of payloads that are no more waited for: the newest ones.
    compared: VecDeque<(u64, [u8; 8])>,
    given_up: GivenUp,
}

/// So many ids are remembered when they are settled.
const MAX_SETTLED: usize = 64;

/// The messages that were given up, as ranges of numbers: the newest ones.
#[derive(Debug, Default)]
struct GivenUp(VecDeque<(u64, u64)>);

const MAX_RANGES: usize = 64;

impl GivenUp {
    fn add(&mut self, number: u64) {
        match self.0.back_mut() {
            Some((_, end)) if *end == number => *end += 1,
            _ => self.0.push_back((number, number + 1)),
        }
        if self.0.len() > MAX_RANGES {
            self.0.pop_front();
        }
    }

    /// Whether this one was given up. It is forgotten then: a second reply to
    /// it is a duplicate.
    fn take(&mut self, number: u64) -> bool {
        let place = self.0.partition_point(|(_, end)| *end <= number);
        let Some((start, end)) = self.0.get(place).copied() else {
            return false;
        };
        if number < start {
            return false;
        }
        self.0.remove(place);
        for range in [(number + 1, end), (start, number)] {
            if range.0 < range.1 {
                self.0.insert(place, range);
            }
        }
        true
    }
}

const UNSOLICITED: Match = Match::Unsolicited { is_foreign: false };

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
    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry, is_measured: bool) {
        if is_measured && self.measured_from.is_none() {
            self.measured_from = Some(self.next_number());
        }
        self.entries.push_back(entry);
        self.waiting += 1;
    }

    /// Whether a message was meant to leave in the measured time.
    pub(super) fn is_measured(&self, number: u64) -> bool {
        self.measured_from.is_some_and(|from| number >= from)
    }

    /// Notes the id of the message that is about to be pushed; whether another
    /// one that waits has it too.
    pub(super) fn note_id(&mut self, id: Vec<u8>) -> bool {
        let number = self.next_number();
        let extra = self.extra.get_or_insert_default();
        extra.id_of.insert(number, id.clone());
        let waiting = extra.ids.entry(id).or_default();
        waiting.push_back(number);
        waiting.len() > 1
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
        tagged: impl FnOnce() -> Tagged,
        payload: Option<&[u8]>,
        known: impl FnOnce(u64) -> Known,
    ) -> Match {
        match matching {
            Matching::Order => self.answer_oldest(),
            Matching::Echo => self.answer_tagged(tagged()).unwrap_or(UNSOLICITED),
            Matching::Auto => match self.answer_tagged(tagged()) {
                Some(found) => found,
                None => self.answer_known(known(self.first)),
            },
            Matching::Id(pattern) => match payload.and_then(|payload| pattern.capture(payload)) {
                Some(id) => self.answer_id(&id),
                None => UNSOLICITED,
            },
        }
    }

    /// A message without a mark.
    fn answer_known(&mut self, known: Known) -> Match {
        match known {
            Known::Turn { place, of } => {
                self.echoes = true;
                return self.answer_turn(place, of);
            }
            Known::Print(print) => {
                // Those that say the same are told apart by their order.
                let extra = self.extra.as_ref();
                let same = extra.and_then(|extra| extra.ids.get(&print[..]));
                let several = same.is_some_and(|same| same.len() > 1);
                let mut found = self.answer_id(&print);
                if let Match::Reply { by_order, .. } = &mut found {
                    *by_order = several;
                }
                if found != UNSOLICITED {
                    self.echoes = true;
                    return found;
                }
            }
            Known::Nothing => {}
        }
        match self.echoes {
            true => UNSOLICITED,
            false => self.answer_oldest(),
        }
    }

    /// The oldest message that waits of those whose payload is in this place, of so
    /// many that take turns.
    fn answer_turn(&mut self, place: u64, of: u64) -> Match {
        let ahead = (place + of - self.first % of) % of;
        let (Ok(ahead), Ok(step)) = (usize::try_from(ahead), usize::try_from(of)) else {
            return UNSOLICITED;
        };
        let mut waiting = self.entries.iter().enumerate().skip(ahead).step_by(step);
        match waiting.find(|(_, entry)| **entry != ANSWERED) {
            Some((index, _)) => self.answer_number(self.first + index as u64, true),
            None => UNSOLICITED,
        }
    }

    /// Takes out the oldest message, where the reply is known to answer it.
    #[inline(always)]
    pub(super) fn answer_first(
        &mut self,
        matching: &Matching,
        is_first: impl FnOnce(u64) -> bool,
    ) -> Option<Match> {
        if !matches!(matching, Matching::Auto | Matching::Echo) || !is_first(self.first) {
            return None;
        }
        let entry = self.entries.pop_front()?;
        let number = self.first;
        self.echoes = true;
        self.first += 1;
        self.waiting -= 1;
        self.drop_answered();
        Some(Match::Reply {
            number,
            entry,
            by_order: false,
        })
    }

    /// A pong, whose payload is a ping's.
    pub(super) fn answer_pong(&mut self, tagged: Tagged) -> Match {
        self.answer_tagged(tagged).unwrap_or(UNSOLICITED)
    }

    #[inline(always)]
    fn answer_tagged(&mut self, tagged: Tagged) -> Option<Match> {
        match tagged {
            Tagged::None => None,
            Tagged::Foreign => Some(Match::Unsolicited { is_foreign: true }),
            Tagged::Ours(low, bits) => Some(self.answer_low(low, bits)),
        }
    }

    /// The payload has the number's last bits; the window is narrower.
    #[inline(always)]
    fn answer_low(&mut self, low: u32, bits: u32) -> Match {
        let mask = (1_u64 << bits) - 1;
        let ahead = u64::from(low).wrapping_sub(self.first) & mask;
        if ahead < self.entries.len() as u64 {
            self.echoes = true;
            return self.answer_number(self.first + ahead, false);
        }
        let behind = self.first.wrapping_sub(u64::from(low)) & mask;
        if (1..=self.first).contains(&behind) {
            return self.answer_again(self.first - behind);
        }
        UNSOLICITED
    }

    /// A reply to a message that is no more waited for.
    #[cold]
    fn answer_again(&mut self, number: u64) -> Match {
        let extra = self.extra.as_mut();
        match extra.is_some_and(|extra| extra.given_up.take(number)) {
            true => Match::Late(number),
            false => Match::Duplicate(number),
        }
    }

    fn answer_id(&mut self, id: &[u8]) -> Match {
        let Some(extra) = &mut self.extra else {
            return UNSOLICITED;
        };
        if let Some(number) = extra.ids.get_mut(id).and_then(VecDeque::pop_front) {
            extra.settle(number, Match::Duplicate(number));
            return self.answer_number(number, false);
        }
        let settled = extra.settled.iter_mut().rev();
        match settled.into_iter().find(|(known, _)| known == id) {
            Some((_, found)) => {
                let again = Match::Duplicate(found.number().unwrap_or(0));
                std::mem::replace(found, again)
            }
            None => UNSOLICITED,
        }
    }

    #[inline(always)]
    fn answer_number(&mut self, number: u64, by_order: bool) -> Match {
        let slot = number.checked_sub(self.first);
        let slot = slot.and_then(|index| usize::try_from(index).ok());
        let Some(slot) = slot.and_then(|index| self.entries.get_mut(index)) else {
            return UNSOLICITED;
        };
        if *slot == ANSWERED {
            return Match::Duplicate(number);
        }
        let entry = std::mem::replace(slot, ANSWERED);
        self.waiting -= 1;
        self.drop_answered();
        Match::Reply {
            number,
            entry,
            by_order,
        }
    }

    fn answer_oldest(&mut self) -> Match {
        if self.entries.is_empty() {
            return UNSOLICITED;
        }
        if let Some(extra) = &mut self.extra {
            extra.settle(self.first, Match::Duplicate(self.first));
        }
        self.answer_number(self.first, true)
    }

    #[inline(always)]
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
                self.extra.get_or_insert_default().give_up(self.first);
            }
            self.entries.pop_front();
            self.first += 1;
        }
    }

    /// Forgets the messages: nothing is waited for. Returns how many.
    pub(super) fn forget(&mut self, mut on: impl FnMut(&Entry)) {
        self.first = self.next_number();
        self.waiting = 0;
        self.entries.drain(..).for_each(|entry| on(&entry));
    }
}

impl Extra {
    fn give_up(&mut self, number: u64) {
        let _ = self.take_payload(number);
        self.given_up.add(number);
        self.settle(number, Match::Late(number));
    }

    /// Keeps nothing of an id but that it was there.
    fn settle(&mut self, number: u64, again: Match) {
        let Some(id) = self.id_of.remove(&number) else {
            return;
        };
        if let Place::Occupied(mut waiting) = self.ids.entry(id.clone()) {
            waiting.get_mut().retain(|other| *other != number);
            if waiting.get().is_empty() {
                waiting.remove();
            }
        }
        self.settled.push_back((id, again));
        if self.settled.len() > MAX_SETTLED {
            self.settled.pop_front();
        }
    }
}

impl Match {
    /// The message that it is about.
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Reply { number, .. } | Self::Late(number) | Self::Duplicate(number) => {
                Some(*number)
            }
            Self::Unsolicited { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
