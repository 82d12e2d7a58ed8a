//! What `--verify` needs of a window: the payloads as they were sent, and who a reply
//! answers that is damaged where it says so.

use super::{ANSWERED, Extra, Match, Window, print};

/// So many payloads are known by their print when they are no more waited for.
const MAX_COMPARED: usize = 64;

impl Window {
    /// Notes the payload of the message that is about to be pushed.
    pub(in crate::bench) fn note_payload(&mut self, payload: Vec<u8>) {
        let number = self.next_number();
        let extra = self.extra.get_or_insert_default();
        extra.payloads.insert(number, payload);
    }

    /// The noted payload of a message, once.
    pub(in crate::bench) fn take_payload(&mut self, number: u64) -> Option<Vec<u8>> {
        self.extra.as_mut()?.take_payload(number)
    }

    /// What a message is when payloads are compared: one that answers nothing, or says
    /// that it answers a message which was another, is taken for the damaged reply to
    /// the oldest message of its length that waits, where one does.
    pub(in crate::bench) fn or_damaged(&mut self, found: Match, payload: Option<&[u8]>) -> Match {
        let (Some(payload), Some(extra)) = (payload, &mut self.extra) else {
            return found;
        };
        let is_strange = match found {
            Match::Unsolicited { is_foreign } => !is_foreign,
            Match::Late(number) | Match::Duplicate(number) => extra.was_another(number, payload),
            Match::Reply { .. } => false,
        };
        if !is_strange {
            return found;
        }
        let mut waiting = (self.first..).zip(&self.entries);
        let damaged = waiting.find(|(number, entry)| {
            let sent = extra.payloads.get(number);
            **entry != ANSWERED && sent.is_some_and(|sent| sent.len() == payload.len())
        });
        let Some((number, _)) = damaged else {
            return found;
        };
        extra.settle(number, Match::Duplicate(number));
        self.answer_number(number, true)
    }
}

impl Extra {
    pub(super) fn take_payload(&mut self, number: u64) -> Option<Vec<u8>> {
        let payload = self.payloads.remove(&number)?;
        self.compared.push_back((number, print(&payload)));
        if self.compared.len() > MAX_COMPARED {
            self.compared.pop_front();
        }
        Some(payload)
    }

    /// Whether a message that is no more waited for had another payload, as far as it
    /// is still known.
    fn was_another(&self, number: u64, payload: &[u8]) -> bool {
        let mut compared = self.compared.iter().rev();
        let known = compared.find(|(known, _)| *known == number);
        known.is_some_and(|(_, known)| *known != print(payload))
    }
}
