//! What one connection receives: which message it answers, and where it is counted.

use super::clock::Times;
use super::config::{BenchConfig, Mode};
use super::counters::Counters;
use super::frames::Incoming;
use super::matching::{Match, Window};
use super::payload::Payloads;
use super::stats::Parts;
use super::tag::{HALF_BYTES, RunTag};

/// Takes what one poll of a connection brings.
pub(super) struct Inbox<'a> {
    pub(super) config: &'a BenchConfig,
    pub(super) parts: &'a mut Parts,
    pub(super) times: &'a Times,
    pub(super) tag: &'a RunTag,
    pub(super) payloads: &'a Payloads,
    pub(super) window: &'a mut Window,
    /// The connection, the URL that it leads to, and the mark of its payloads.
    pub(super) index: u64,
    pub(super) url: usize,
    pub(super) mark: [u8; HALF_BYTES],
    /// When the last read was; 0 before the first.
    pub(super) now_ns: u64,
    /// How many messages were answered.
    pub(super) answered: u32,
    /// Only the newest: RFC 6455 §5.5.3 lets a pong answer "the most recently
    /// processed Ping frame" alone, and so a flood takes no memory.
    pub(super) ping: Option<Vec<u8>>,
}

impl Inbox<'_> {
    /// A read has brought so many bytes.
    #[inline(always)]
    pub(super) fn read(&mut self, bytes: usize, now_ns: u64) {
        self.now_ns = now_ns;
        if now_ns < self.times.end_ns {
            self.counters().bytes_received += bytes as u64;
        }
    }

    /// One message or control frame.
    #[inline(always)]
    pub(super) fn take(&mut self, incoming: &Incoming<'_>) {
        match *incoming {
            Incoming::Message {
                text,
                head,
                payload,
                ..
            } if self.config.mode == Mode::Echo => self.reply(text, head, payload),
            Incoming::Message { .. } => self.counters().unsolicited += 1,
            Incoming::Ping(payload) => {
                self.counters().pings += 1;
                let newest = self.ping.get_or_insert_default();
                newest.clear();
                newest.extend_from_slice(payload);
            }
            Incoming::Pong(payload) => {
                self.counters().pongs += 1;
                if self.config.mode == Mode::Idle {
                    let tagged = self.tag.read(self.index, self.mark, payload);
                    let found = self.window.answer_pong(tagged);
                    self.count(&found);
                }
            }
            Incoming::Close(_) => {}
        }
    }

    /// The counters of what comes now and answers nothing.
    #[inline(always)]
    fn counters(&mut self) -> &mut Counters {
        let is_measured = self.times.is_measured(self.now_ns);
        self.parts.of(self.url, self.now_ns).phase(is_measured)
    }

    #[inline(always)]
    fn reply(&mut self, text: bool, head: &[u8], payload: Option<&[u8]>) {
        let Self {
            config,
            tag,
            payloads,
            index,
            mark,
            ..
        } = *self;
        let tagged = || tag.read(index, mark, head);
        let first = |number| tag.is(mark, head, number);
        let known = |oldest| payloads.recognise(payload, oldest);
        let (window, matching) = (&mut *self.window, &config.matching);
        let found = window
            .answer_first(matching, first)
            .unwrap_or_else(|| window.answer(matching, tagged, payload, known));
        let found = match config.verify {
            true => window.or_damaged(found, payload),
            false => found,
        };
        self.count(&found);
        if let Match::Reply { number, entry, .. } = found
            && config.verify
        {
            let sent = self.window.take_payload(number);
            let same = sent.as_deref() == payload && text == config.text;
            let stats = self.parts.of(self.url, entry.intended_ns);
            let counters = stats.phase(self.times.is_measured(entry.intended_ns));
            counters.mismatched += u64::from(!same);
        }
    }

    /// Counts what a reply turned out to be.
    #[inline(always)]
    fn count(&mut self, found: &Match) {
        let (times, now_ns) = (self.times, self.now_ns);
        if let Match::Reply {
            entry, by_order, ..
        } = found
        {
            let stats = self.parts.of(self.url, entry.intended_ns);
            let is_measured = times.is_measured(entry.intended_ns);
            let counters = stats.phase(is_measured);
            counters.answered += 1;
            counters.by_order += u64::from(*by_order);
            if is_measured {
                counters.answered_in_time += u64::from(now_ns < times.end_ns);
                let latency_ns = now_ns.saturating_sub(entry.intended_ns);
                stats.from_intended.record(latency_ns);
                stats.from_send.record(now_ns.saturating_sub(entry.sent_ns));
            }
            self.answered += 1;
            return;
        }
        let is_measured = match found.number() {
            Some(number) => self.window.is_measured(number),
            None => times.is_measured(now_ns),
        };
        let counters = self.parts.of(self.url, now_ns).phase(is_measured);
        match found {
            Match::Late(_) => counters.late += 1,
            Match::Duplicate(_) => counters.duplicate += 1,
            Match::Reply { .. } => {}
            Match::Unsolicited { is_foreign } => {
                counters.unsolicited += 1;
                counters.foreign += u64::from(*is_foreign);
            }
        }
    }
}
