//! What the prompt tells: entries, words of its own, the state.

use std::fmt::Write as _;

use super::command::COMMANDS;
use super::session::{Facts, Session, State};
use crate::talk::Entry;
use crate::talk::text::{count, duration};
use crate::terminal::style::Role;

impl Session {
    /// Shows entries, unless the log is paused, and what the files have to
    /// complain of.
    pub(super) fn show(&mut self, entries: &[Entry]) {
        for entry in entries {
            match &mut self.paused {
                Some(hidden) => *hidden += 1,
                None => self.printer.print(self.config.look.entry(entry)),
            }
        }
        for trouble in self.config.transcript.trouble() {
            self.complain(&trouble);
        }
    }

    /// Shows a line of the program's own.
    pub(super) fn say(&mut self, text: &str) {
        let now = self.config.transcript.now();
        self.printer.print(self.config.look.status(now, text));
    }

    /// Shows what went wrong.
    pub(super) fn complain(&mut self, text: &str) {
        let now = self.config.transcript.now();
        self.printer.print(self.config.look.error(now, text));
    }

    /// Changes the state, and the prompt with it.
    pub(super) fn set_state(&mut self, state: State) {
        self.state = state;
        let label = match (state, self.facts.round_trip) {
            (State::Open, Some(time)) => format!("Open {}", short(time)),
            (state, _) => state.word().to_owned(),
        };
        self.config.prompt.set(&label);
    }

    pub(super) fn show_status(&mut self) {
        let mut text = format!("{}\n", self.state.word());
        write_facts(&mut text, &self.facts);
        if !self.queue.is_empty() {
            let _ = writeln!(text, "queued: {}", count(self.queue.len()));
        }
        self.say(text.trim_end());
    }

    pub(super) fn show_headers(&mut self) {
        let Some((request, response)) = self.facts.heads.clone() else {
            self.complain("there has been no opening handshake yet; /connect makes one");
            return;
        };
        let now = self.config.transcript.now();
        let look = &self.config.look;
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
        self.say(&text);
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

fn write_facts(text: &mut String, facts: &Facts) {
    if let Some(open) = &facts.open {
        let _ = writeln!(text, "url: {}", open.url);
        if let Some(peer) = &open.peer {
            let _ = writeln!(text, "peer: {peer}");
        }
        let none = || "none".to_owned();
        let subprotocol = open.subprotocol.clone().unwrap_or_else(none);
        let extensions = open.extensions.clone().unwrap_or_else(none);
        let _ = writeln!(text, "subprotocol: {subprotocol}");
        let _ = writeln!(text, "extensions: {extensions}");
        let phases: Vec<_> = open
            .phases()
            .map(|(name, time)| format!("{name} {}", duration(time)))
            .collect();
        let _ = writeln!(text, "timings: {}", phases.join(", "));
    }
    if let Some(since) = facts.since {
        let _ = writeln!(text, "open for: {}", duration(since.elapsed()));
    }
    for (name, (messages, bytes)) in [("sent", facts.sent), ("received", facts.received)] {
        let number = |n: u64| count(usize::try_from(n).unwrap_or(usize::MAX));
        let _ = writeln!(
            text,
            "{name}: {} messages, {} bytes",
            number(messages),
            number(bytes)
        );
    }
    if let Some(time) = facts.round_trip {
        let _ = writeln!(text, "round trip: {}", duration(time));
    }
    if let Some((code, reason)) = &facts.last_close {
        let _ = writeln!(text, "last close: {code} {reason}");
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
