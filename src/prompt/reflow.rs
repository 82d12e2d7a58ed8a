//! What a terminal that has become narrower makes of the typed line.
//!
//! It wraps what it shows anew, so that the line begins further up than the line
//! editor believes, which clears as many rows as the line had before:
//!
//! ```text
//! |      Open> some words|  →  |      Open> |  left standing, were it not for us
//!                              |some words  |  where the cursor is, and is cleared
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use unicode_width::UnicodeWidthStr as _;

/// The typed line as it was painted last.
#[derive(Debug, Default)]
pub(super) struct Painted {
    /// What stands before the cursor, without the prompt.
    before_cursor: Mutex<String>,
    /// The width of the terminal.
    columns: Mutex<Option<usize>>,
    /// Whether something was printed since: the line is painted below it, and what is
    /// above is not ours to clear.
    printed: AtomicBool,
    /// Whether the terminal wraps anew. Where it does not, the rows are those of others.
    reflows: bool,
}

impl Painted {
    /// Nothing is painted yet.
    pub(super) fn new(reflows: bool) -> Self {
        Self {
            reflows,
            ..Self::default()
        }
    }

    /// The line is about to be painted, or what was painted is looked at.
    pub(super) fn is(&self, before_cursor: &str) {
        before_cursor.clone_into(&mut lock(&self.before_cursor));
    }

    /// Something is printed above it.
    pub(super) fn print(&self) {
        self.printed.store(true, Ordering::SeqCst);
    }

    /// What clears the rows that the line editor does not know of, in a terminal of this
    /// width; the cursor is where the editor has cleared a row.
    pub(super) fn clears(&self, prompt_columns: usize, columns: Option<usize>) -> String {
        let before = std::mem::replace(&mut *lock(&self.columns), columns);
        let has_printed = self.printed.swap(false, Ordering::SeqCst);
        let (Some(before), Some(now), false) = (before, columns, has_printed) else {
            return String::new();
        };
        let text = lock(&self.before_cursor);
        let rows = |columns| rows(prompt_columns, &text, columns);
        match rows(now).saturating_sub(rows(before)) {
            more if self.reflows && now < before && more > 0 => format!("\x1b[{more}A\r\x1b[J"),
            _ => String::new(),
        }
    }
}

/// How many rows further down than the prompt the end of the text is.
fn rows(prompt_columns: usize, text: &str, columns: usize) -> usize {
    let lines = text.split('\n').count();
    let of_line = |(at, line): (usize, &str)| {
        let first = if at == 0 { prompt_columns } else { 0 };
        let width = first + line.width();
        match at + 1 == lines {
            // A cursor behind a full row is in the next one.
            true => width / columns,
            false => width.saturating_sub(1) / columns + 1,
        }
    };
    text.split('\n').enumerate().map(of_line).sum()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_wrapped_line() {
        for (text, columns, expected) in [
            ("", 80, 0),
            ("1234567", 20, 0),
            ("12345678", 20, 1),
            ("123456789", 20, 1),
            ("a\nb", 80, 1),
            ("12345678\nb", 20, 1),
            ("123456789\nb", 20, 2),
            ("a\n", 12, 2),
            ("日本語日", 20, 1),
        ] {
            assert_eq!(rows(12, text, columns), expected, "{text:?} in {columns}");
        }
    }

    #[test]
    fn no_ghost_is_left_in_a_narrower_terminal() {
        let painted = Painted::new(true);
        let text = "x".repeat(50);
        painted.is(&text);
        assert_eq!(painted.clears(12, Some(80)), "");
        assert_eq!(painted.clears(12, Some(80)), "");
        assert_eq!(painted.clears(12, Some(30)), "\x1b[2A\r\x1b[J");
        assert_eq!(painted.clears(12, Some(80)), "", "wider");
        // What was printed may stand in those rows.
        painted.print();
        assert_eq!(painted.clears(12, Some(30)), "");
        assert_eq!(painted.clears(12, Some(20)), "\x1b[1A\r\x1b[J");
        assert_eq!(painted.clears(12, None), "");
        let cut_off = Painted::new(false);
        cut_off.is(&text);
        assert_eq!(cut_off.clears(12, Some(80)), "");
        assert_eq!(cut_off.clears(12, Some(30)), "");
    }
}
