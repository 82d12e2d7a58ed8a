//! The way out: what happens on the line, and what is written of it.

use futures_util::Stream;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::Engine;
use crate::decode::Records;
use crate::pipe::config::{End, Goal};
use crate::pipe::framing::{Framing, InputError};
use crate::pipe::run::PipeEvent;
use crate::talk::jsonl::render_shared;
use crate::talk::{Direction, Ended, Entry, Kind, LineEvent, Outgoing, Source, Stop};

impl<I, W, S> Engine<'_, I, W, S>
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
    W: AsyncWrite + Unpin,
    S: Future<Output = Stop> + Unpin,
{
    pub(super) fn on_line_event(&mut self, event: LineEvent) {
        (self.observe)(PipeEvent::Line(&event));
        match event {
            LineEvent::Entry(entry) => self.on_entry(entry),
            LineEvent::Connecting(_) => {}
            LineEvent::Flushed => {
                if let Some(script) = &mut self.script {
                    script.run.flushed(Instant::now());
                }
            }
            LineEvent::NotOpened(error) => {
                self.pass.over = true;
                self.finish(End::NotOpened(error));
            }
            LineEvent::Closed(ended) => self.on_close(*ended),
        }
        self.tell_log_trouble();
    }

    fn on_entry(&mut self, entry: Entry) {
        let from_peer = entry.direction == Direction::In;
        let is_end = matches!(entry.kind, Kind::Close(_) | Kind::Error { .. });
        if self.config.framing == Framing::Jsonl
            && (from_peer || matches!(entry.kind, Kind::Open(_)))
            && (!self.pass.discard || is_end)
        {
            let line = render_shared(entry.moment.time, &entry.kind);
            self.output.push(line.as_bytes());
        }
        match entry.kind {
            Kind::Open(_) => {
                let now = Instant::now();
                self.pass.start = Some(now);
                self.silence.restart(now);
                self.setup_sent += self.line.setup_len();
                self.script_opened(now);
            }
            kind if from_peer && !self.pass.discard => {
                self.receive_message(kind, entry.records.as_ref());
            }
            _ => {}
        }
    }

    fn on_close(&mut self, Ended { closed, open }: Ended) {
        // What was waited for had come, but for what answers the setup.
        if self.has_counted(0) {
            self.finish(End::Goal);
        }
        // The peer's Close may have come just before our own reason.
        if closed.by_peer && matches!(self.pass.end, Some(End::Quiet(_) | End::Close)) {
            self.pass.was_closing = true;
            self.pass.end = Some(End::Peer);
        }
        self.script_closed(&closed);
        self.pass.over = true;
        self.pass.open = Some(open);
        self.pass.closed = Some(closed);
        self.finish(End::Peer);
    }

    fn receive_message(&mut self, kind: Kind, records: Option<&Records>) {
        let Some(data) = kind.data() else {
            return;
        };
        let now = Instant::now();
        let start = *self.pass.start.get_or_insert(now);
        self.pass.first_message.get_or_insert(now - start);
        self.silence.broken(now);
        self.received += 1;
        let met = match &self.config.goal {
            Some(Goal::Until(pattern)) => pattern.matches(data),
            Some(Goal::Count(_)) | None => self.is_count_reached(),
        };
        self.write(&kind, records);
        self.script_arrived(&kind, now);
        if self.config.echo {
            self.pending = kind.into_message().map(Outgoing::Message);
        }
        if met {
            self.goal_is_met();
        }
    }

    pub(super) fn goal_is_met(&mut self) {
        // The last answer leaves before the Close frame.
        if let Some(pending) = self.pending.take() {
            self.send(pending, Source::Automatic);
        }
        self.pass.discard = true;
        self.finish(End::Goal);
    }

    /// Writes a message, or what the view makes of it.
    fn write(&mut self, message: &Kind, records: Option<&Records>) {
        let data = message.data().unwrap_or_default();
        let end: &[u8] = match self.config.framing {
            // The entry has been written.
            Framing::Jsonl => return,
            Framing::Binary => return self.output.push(data),
            Framing::Nul => b"\0",
            Framing::Lines => b"\n",
        };
        let Some(texts) = (self.view)(message, records) else {
            if !self.is_torn_told && memchr::memchr(end[0], data).is_some() {
                self.is_torn_told = true;
                (self.observe)(PipeEvent::Torn(self.config.framing));
            }
            self.output.push(data);
            self.output.push(end);
            return;
        };
        for text in texts {
            self.output.push(text.as_bytes());
            self.output.push(end);
        }
    }
}
