//! The text as it grows, line by line.

use super::look::Look;
use super::numbers::grouped;
use super::table::{Table, pad, right};
use crate::report::probe::text::wrapped;
use crate::terminal::style::Role;

/// Prose is not wider than this, however wide the terminal is.
pub(super) const PROSE: usize = 100;

/// What is said of a figure stands below it where this is not left beside it.
const NARROWEST: usize = 20;

/// The text as it grows.
pub(super) struct Page {
    pub(super) look: Look,
    pub(super) text: String,
}

impl Page {
    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// Sentences, broken between words. The mark in front may be coloured.
    pub(super) fn prose(&mut self, mark: &str, text: &str) {
        let width = self.look.width.min(PROSE);
        let plain = strip(mark);
        let lines = wrapped(&format!("{plain}{text}"), Some(width), 2);
        let all = lines.join("\n");
        let rest = all.strip_prefix(plain.as_str()).unwrap_or(&all).to_owned();
        self.line(&format!("{mark}{rest}"));
    }

    pub(super) fn table(&mut self, table: &Table) {
        table.render(self.look, &mut self.text);
    }

    pub(super) fn title(&mut self, text: &str) {
        let title = self.look.style.paint(Role::Prompt, text);
        self.line(&title);
    }

    /// A figure with its name in front, and what there is to say of it behind.
    pub(super) fn count(&mut self, role: Option<Role>, name: &str, count: u64, what: &str) {
        let count = right(&grouped(count), 12);
        let count = role.map_or(count.clone(), |role| self.look.style.paint(role, &count));
        let start = format!("{}{count}", pad(name, 12));
        let width = self.look.width.min(PROSE);
        let room = width.saturating_sub(26);
        if room < NARROWEST {
            self.line(&start);
            let room = width.saturating_sub(2).max(NARROWEST);
            for part in wrapped(what, Some(room), 0)
                .iter()
                .filter(|p| !p.is_empty())
            {
                self.line(&format!("  {part}"));
            }
            return;
        }
        for (index, part) in wrapped(what, Some(room), 0).iter().enumerate() {
            match index {
                0 => self.line(&format!("{start}  {part}")),
                _ => self.line(&format!("{}{part}", " ".repeat(26))),
            }
        }
    }
}

/// A text without its colours, which are all ours.
fn strip(text: &str) -> String {
    let mut plain = String::new();
    let mut is_escape = false;
    for c in text.chars() {
        match (is_escape, c) {
            (false, '\u{1b}') => is_escape = true,
            (false, c) => plain.push(c),
            (true, 'm') => is_escape = false,
            (true, _) => {}
        }
    }
    plain
}
