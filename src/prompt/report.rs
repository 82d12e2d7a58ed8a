//! What the prompt tells: entries, words of its own, the state.

use std::fmt::Write as _;

use super::command::COMMANDS;
use super::session::{Session, State};
use super::source::FENCE;
use crate::talk::Entry;
use crate::talk::text::{count, counted, duration};
use crate::terminal::Verbosity;
use crate::terminal::style::Role;

impl Session {
    /// Shows an entry, unless the log is paused, and what is wrong with the
    /// files.
    pub(super) fn show(&mut self, entry: &Entry) {
        let number = self.messages.add(entry);
        let (lines, unread) = self.look.numbered(entry, number);
        match &mut self.paused {
            Some(paused) => paused.add(lines),
            None => self.printer.print(lines),
        }
        if let (Some(unread), false) = (unread, self.unread_told) {
            self.unread_told = true;
            self.tell(unread.note());
        }
        for trouble in self.line.transcript().trouble() {
            self.error(&trouble);
        }
    }

    /// Shows what happens by itself, unless the user wants errors only.
    pub(super) fn tell(&mut self, text: &str) {
        if self.look.verbosity > Verbosity::Quiet {
            self.status(text);
        }
    }

    /// Shows the answer to a command.
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
        if self.has_screen && self.look.verbosity == Verbosity::Quiet {
            // Nothing else is printed by which the prompt would show it.
            self.printer.print(FENCE.to_owned());
        }
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
            let counted = |n: u64, what| counted(usize::try_from(n).unwrap_or(usize::MAX), what);
            let (messages, bytes) = (counted(of.messages, "message"), counted(of.bytes, "byte"));
            let _ = writeln!(text, "{name}: {messages}, {bytes}");
        }
        if let Some(time) = facts.round_trip {
            let _ = writeln!(text, "round trip: {}", duration(time));
        }
        if let Some(close) = &facts.last_close {
            let close = format!("{} {}", close.code, close.reason);
            let _ = writeln!(text, "last close: {}", close.trim_end());
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
        self.status("A line is sent as a text message. Commands:");
        self.printer.print(help());
    }
}

impl Session {
    /// Shows what came while the log was paused.
    pub(super) fn resume(&mut self) {
        let Some(paused) = self.paused.take() else {
            return self.status("The log is not paused");
        };
        let shown = paused.texts.iter().filter(|lines| !lines.is_empty());
        let mut text = match shown.count() {
            0 => "Nothing came meanwhile".to_owned(),
            _ => "What came meanwhile:".to_owned(),
        };
        if paused.left_out > 0 {
            let left_out = counted(paused.left_out, "earlier event");
            text = format!("What came meanwhile, without {left_out}:");
        }
        self.status(&text);
        for lines in paused.texts {
            self.printer.print(lines);
        }
    }
}

/// The commands and what they do, in rows that fit into 80 columns.
fn help() -> String {
    const FORM: usize = 25;
    let mut text = String::new();
    for spec in COMMANDS {
        let form = format!("/{} {}", spec.name, spec.usage);
        let mut rows = wrapped(spec.help, 78 - FORM).into_iter();
        if form.len() < FORM {
            let first = rows.next().unwrap_or_default();
            let _ = writeln!(text, "| {form:<FORM$}{first}");
        } else {
            let _ = writeln!(text, "| {form}");
        }
        for row in rows {
            let _ = writeln!(text, "| {:FORM$}{row}", "");
        }
    }
    text.push_str(
        "| Unfinished JSON goes on in the next line; an empty line ends it.\n\
         | Up and Ctrl-R find earlier lines; one that begins with a space is not kept.\n",
    );
    text
}

/// A text in rows of at most so many columns.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        match rows.last_mut() {
            Some(row) if row.is_empty() => row.push_str(word),
            Some(row) if row.len() + 1 + word.len() <= columns => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows
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
    fn help_fits_80_columns_and_breaks_no_word() {
        let help = help();
        assert!(help.lines().all(|line| line.len() <= 80), "{help}");
        assert!(help.contains("/log filter JSONPATH|filter off|pause|resume|save PATH|clear\n"));
        for spec in COMMANDS {
            let words = spec.help.split(' ');
            assert!(
                words.into_iter().all(|word| help.contains(word)),
                "{}",
                spec.name
            );
        }
    }

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
