//! What the prompt tells: entries, words of its own, the state.

use std::fmt::Write as _;

use super::command::COMMANDS;
use super::session::{Session, State};
use crate::talk::Entry;
use crate::talk::text::{count, duration};
use crate::terminal::style::Role;

impl Session {
    /// Shows an entry, unless the log is paused, and what is wrong with the
    /// files.
    pub(super) fn show(&mut self, entry: &Entry) {
        match &mut self.paused {
            Some(hidden) => *hidden += 1,
            None => {
                let (lines, unread) = self.look.numbered(entry, None);
                self.printer.print(lines);
                if let (Some(unread), false) = (unread, self.unread_told) {
                    self.unread_told = true;
                    self.status(unread.note());
                }
            }
        }
        for trouble in self.line.transcript().trouble() {
            self.error(&trouble);
        }
    }

    /// Shows a line of the program's own.
    pub(super) fn status(&mut self, text: &str) {
        let now = self.line.transcript().now();
        self.printer.print(self.look.status(now, text));
    }

    /// Shows what went wrong.
    pub(super) fn error(&mut self, text: &str) {
        let now = self.line.transcript().now();
        self.printer.print(self.look.error(now, text));
    }

    /// Changes the state, and the prompt with it.
    pub(super) fn set_state(&mut self, state: State) {
        self.state = state;
        let label = match (state, self.facts.round_trip) {
            (State::Open, Some(time)) => format!("Open {}", short(time)),
            (state, _) => state.word().to_owned(),
        };
        self.prompt.set(&label);
    }

    pub(super) fn show_status(&mut self) {
        let mut text = format!("{}\n", self.state.word());
        self.write_facts(&mut text);
        if !self.queue.is_empty() {
            let _ = writeln!(text, "queued: {}", count(self.queue.len()));
        }
        self.status(text.trim_end());
    }

    fn write_facts(&mut self, text: &mut String) {
        let facts = &self.facts;
        if let Some(opening) = &facts.opening {
            let _ = writeln!(text, "url: {}", opening.url);
            if let Some(peer) = &opening.peer {
                let _ = writeln!(text, "peer: {peer}");
            }
            let none = || "none".to_owned();
            let subprotocol = opening.subprotocol.clone().unwrap_or_else(none);
            let extensions = opening.extensions.clone().unwrap_or_else(none);
            let _ = writeln!(text, "subprotocol: {subprotocol}");
            let _ = writeln!(text, "extensions: {extensions}");
            let phases: Vec<_> = opening
                .phases()
                .map(|(name, time)| format!("{name} {}", duration(time)))
                .collect();
            let _ = writeln!(text, "timings: {}", phases.join(", "));
        }
        if let Some(time) = self.line.open_for() {
            let _ = writeln!(text, "open for: {}", duration(time));
        }
        let log = self.line.transcript();
        for (name, of) in [("sent", log.sent()), ("received", log.received())] {
            let number = |n: u64| count(usize::try_from(n).unwrap_or(usize::MAX));
            let (messages, bytes) = (number(of.messages), number(of.bytes));
            let _ = writeln!(text, "{name}: {messages} messages, {bytes} bytes");
        }
        if let Some(time) = facts.round_trip {
            let _ = writeln!(text, "round trip: {}", duration(time));
        }
        if let Some(close) = &facts.last_close {
            let _ = writeln!(text, "last close: {} {}", close.code, close.reason);
        }
    }

    pub(super) fn show_headers(&mut self) {
        let Some((request, response)) = self.facts.heads.clone() else {
            self.error("there has been no opening handshake yet; /connect makes one");
            return;
        };
        let now = self.line.transcript().now();
        let look = &self.look;
        let mut lines = look.head(Role::Sent, now, &request);
        lines.push_str(&look.head(Role::Received, now, &response));
        self.printer.print(lines);
    }

    pub(super) fn show_help(&mut self) {
        let mut text = String::from("A line is sent as a text message. Commands:");
        for spec in COMMANDS {
            let form = format!("/{} {}", spec.name, spec.usage);
            if form.len() <= 24 {
                let _ = write!(text, "\n{form:<24} {}", spec.help);
            } else {
                let _ = write!(text, "\n{form}\n{:<24} {}", "", spec.help);
            }
        }
        text.push_str("\nAn open { or [ goes on in the next line; an empty line ends it.");
        self.status(&text);
    }
}

impl State {
    /// The sample page's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Connecting => "Connecting",
            Self::Open => "Open",
            Self::Closing => "Closing",
            Self::Closed => "Closed",
        }
    }
}

/// A round-trip time in at most five columns.
fn short(time: std::time::Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 9.95 {
        format!("{millis:.1}ms")
    } else if millis < 999.5 {
        format!("{millis:.0}ms")
    } else {
        format!("{:.0}s", millis / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_round_trip_time_fits_the_prompt() {
        for (micros, text) in [
            (40, "0.0ms"),
            (1_230, "1.2ms"),
            (9_960, "10ms"),
            (999_400, "999ms"),
            (61_000_000, "61s"),
        ] {
            assert_eq!(short(Duration::from_micros(micros)), text);
        }
    }
}
