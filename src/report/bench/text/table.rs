//! A table that fits: of its columns, those that matter least are left out.

use super::look::Look;
use crate::terminal::style::Role;

/// The space between two columns.
const GAP: usize = 2;

/// The narrowest that the first column is made.
const MIN_NAME: usize = 16;

/// A table: names at the left, figures right-aligned beside them.
#[derive(Debug)]
pub(super) struct Table {
    title: String,
    columns: Vec<Column>,
    rows: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// What stands above it.
    pub(super) head: &'static str,
    /// The higher, the longer it stays when there is not enough room.
    pub(super) weight: u8,
}

impl Table {
    pub(super) fn new(title: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            title: title.into(),
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell for each column; an empty one says nothing.
    pub(super) fn row(&mut self, name: impl Into<String>, cells: Vec<String>) {
        self.rows.push((name.into(), cells));
    }

    /// The lines of the table, none of them wider than the look allows; nothing
    /// when it has no rows.
    pub(super) fn render(&self, look: Look, out: &mut String) {
        if self.rows.is_empty() {
            return;
        }
        let names = self.rows.iter().map(|(name, _)| width(name) + GAP);
        let widest = names.chain([width(&self.title)]).max().unwrap_or(0);
        let names = widest.min((look.width / 2).max(MIN_NAME));
        let shown = self.shown(look.width.saturating_sub(names));
        let figures: usize = shown.iter().map(|(_, width)| width).sum();
        let room = look.width.saturating_sub(figures).max(MIN_NAME);
        let widest = widest.min(room);
        let mut head = pad(&cut(&self.title, widest), widest);
        for (index, width) in &shown {
            head.push_str(&right(self.columns[*index].head, *width));
        }
        out.push_str(&look.style.paint(Role::Prompt, head.trim_end()));
        out.push('\n');
        for (name, cells) in &self.rows {
            let mut line = pad(&format!("  {}", cut(name, widest - GAP)), widest);
            for (index, width) in &shown {
                let cell = cells.get(*index).map_or("", String::as_str);
                line.push_str(&right(cell, *width));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }

    /// The columns that have room, with their widths.
    fn shown(&self, room: usize) -> Vec<(usize, usize)> {
        let mut shown: Vec<(usize, usize)> = (0..self.columns.len())
            .filter_map(|index| Some((index, self.width_of(index)?)))
            .collect();
        while shown.iter().map(|(_, width)| width).sum::<usize>() > room {
            let weight = |(index, _): &(usize, usize)| self.columns[*index].weight;
            let Some(least) = shown.iter().map(weight).min() else {
                break;
            };
            if let Some(at) = shown.iter().rposition(|column| weight(column) == least) {
                shown.remove(at);
            }
        }
        shown
    }

    /// The width of a column with its gap; `None` when it says nothing.
    fn width_of(&self, index: usize) -> Option<usize> {
        let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(index));
        let widest = cells.map(|cell| width(cell)).max().unwrap_or(0);
        let head = width(self.columns[index].head);
        (widest > 0).then(|| widest.max(head) + GAP)
    }
}

pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

pub(super) fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

pub(super) fn right(text: &str, to: usize) -> String {
    format!("{}{text}", " ".repeat(to.saturating_sub(width(text))))
}

/// The end of a text that is too long, which tells more of a URL than its beginning.
fn cut(text: &str, to: usize) -> String {
    let length = width(text);
    if length <= to {
        return text.to_owned();
    }
    let kept = text.chars().skip(length + 1 - to.max(1));
    format!("…{}", kept.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Style;

    #[test]
    fn columns_that_matter_least_leave_first_and_empty_ones_always() {
        let column = |head, weight| Column { head, weight };
        let mut table = Table::new(
            "latency",
            [column("min", 1), column("p50", 3), column("p99", 2)],
        );
        table.row("from send", vec!["1".into(), "22".into(), String::new()]);
        let at = |width| {
            let mut out = String::new();
            let look = Look {
                style: Style::plain(),
                width,
                control_frames: false,
            };
            table.render(look, &mut out);
            out
        };
        assert_eq!(at(80), "latency      min  p50\n  from send    1   22\n");
        assert_eq!(at(20), "latency      p50\n  from send   22\n");
        let mut long = Table::new("URL", [column("p50", 1)]);
        long.row("ws://host.test/a/long/path", vec!["1.00 ms".into()]);
        let mut out = String::new();
        let look = Look {
            style: Style::plain(),
            width: 30,
            control_frames: false,
        };
        long.render(look, &mut out);
        assert_eq!(
            out,
            "URL                        p50\n  …t.test/a/long/path  1.00 ms\n"
        );
    }
}
