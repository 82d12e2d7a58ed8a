//! The histogram as bars, in steps that grow with the value.

use hdrhistogram::Histogram;

use super::look::Look;
use super::numbers::time;
use super::table::{pad, right, width};
use crate::terminal::style::Role;

/// How many rows the histogram has at most.
const ROWS: usize = 12;

/// The longest bar, in columns.
const MAX_BAR: usize = 60;

/// So many steps a decade are tried, the finest first.
const STEPS: [u32; 7] = [48, 24, 12, 6, 3, 2, 1];

/// A row: from its lower edge (`None`: from nothing) to below its upper edge (`None`:
/// to the maximum).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    from: Option<u64>,
    to: Option<u64>,
    count: u64,
}

/// Appends the bars. Rows that hold nothing are left out; where several in a row do,
/// a mark stands for them.
pub(super) fn bars(histogram: &Histogram<u64>, look: Look, out: &mut String) {
    let rows = rows(histogram);
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let labels: Vec<String> = rows.iter().map(|row| label(*row)).collect();
    let label_width = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let room = look.width.saturating_sub(label_width + 14).min(MAX_BAR);
    let mut is_gap = false;
    for (row, label) in rows.iter().zip(&labels) {
        if row.count == 0 {
            if !is_gap {
                out.push_str("  ⋮\n");
            }
            is_gap = true;
            continue;
        }
        is_gap = false;
        let bar = pad(&bar(row.count, most, room), room);
        let share = row.count as f64 / histogram.len() as f64 * 100.0;
        let share = match share {
            share if share < 0.005 => "<0.01%".to_owned(),
            share => format!("{share:.2}%"),
        };
        let line = format!(
            "  {}  {} {}",
            pad(label, label_width),
            look.style.paint(Role::Received, &bar),
            look.style.paint(Role::Time, &right(&share, 7)),
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

fn label(row: Row) -> String {
    let time = |ns: u64| time(ns as f64);
    match (row.from, row.to) {
        (Some(from), Some(to)) => format!("{:>7} – {:>7}", time(from), time(to)),
        (Some(from), None) => format!("{:>7}", format!("≥ {}", time(from))),
        (None, Some(to)) => format!("{:>7}", format!("< {}", time(to))),
        (None, None) => "all".to_owned(),
    }
}

/// A bar of eighths of a column; nothing for what is less than half of one.
fn bar(count: u64, most: u64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let room = room as u64 * 8;
    let eighths = usize::try_from((count * room + most / 2) / most).unwrap_or(0);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// The rows between the first and the last that hold something.
fn rows(histogram: &Histogram<u64>) -> Vec<Row> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let edges = edges(histogram);
    let (mut counts, mut at) = (vec![0_u64; edges.len() + 1], 0);
    for value in histogram.iter_recorded() {
        let ns = value.value_iterated_to();
        while edges.get(at).is_some_and(|edge| *edge <= ns) {
            at += 1;
        }
        counts[at] += value.count_at_value();
    }
    let edge = |index: Option<usize>| index.and_then(|index| edges.get(index).copied());
    let rows = counts.iter().enumerate().map(|(index, count)| Row {
        from: edge(index.checked_sub(1)),
        to: edge(Some(index)),
        count: *count,
    });
    let rows: Vec<Row> = rows.collect();
    let first = rows.iter().position(|row| row.count > 0).unwrap_or(0);
    let last = rows.iter().rposition(|row| row.count > 0).unwrap_or(0);
    rows[first..=last].to_vec()
}

/// The edges: the finest steps with which most of the values have few enough rows.
/// What lies outside of these is below the first or above the last edge.
fn edges(histogram: &Histogram<u64>) -> Vec<u64> {
    let low = histogram.value_at_quantile(0.005).max(1);
    let high = histogram.value_at_quantile(0.995).max(low);
    let fits = |edges: &Vec<u64>| edges.len() < ROWS;
    let tried = STEPS.iter().map(|steps| edges_between(low, high, *steps));
    let found = tried.into_iter().find(fits);
    found.unwrap_or_else(|| edges_between(low, high, 1))
}

/// The edges of so many steps a decade, from the last at or below `low` to the first
/// above `high`.
fn edges_between(low: u64, high: u64, steps: u32) -> Vec<u64> {
    let mut edges: Vec<u64> = Vec::new();
    let mut decade = 1_u64;
    'decades: loop {
        for step in 0..steps {
            let edge = edge(decade, step, steps);
            if edge <= low {
                edges.clear();
            }
            if edges.last() != Some(&edge) {
                edges.push(edge);
            }
            if edge > high {
                break 'decades;
            }
        }
        match decade.checked_mul(10) {
            Some(next) => decade = next,
            None => break,
        }
    }
    edges
}

/// Step `step` of a decade, rounded to what a label shows, so that the label is true.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn edge(decade: u64, step: u32, steps: u32) -> u64 {
    let digits = if steps > 24 { 100.0 } else { 10.0 };
    let factor = match (steps, step) {
        // The steps of a coin.
        (3, 1) => 2.0,
        (3, 2) => 5.0,
        (2, 1) => 3.0,
        _ => (10_f64.powf(f64::from(step) / f64::from(steps)) * digits).round() / digits,
    };
    (factor * decade as f64).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bench::stats::Recorder;
    use crate::terminal::Style;

    fn drawn(values: &[(u64, usize)], width: usize) -> String {
        let mut recorder = Recorder::default();
        for (value, count) in values {
            for _ in 0..*count {
                recorder.record(*value);
            }
        }
        let mut out = String::new();
        let look = Look {
            style: Style::plain(),
            width,
            control_frames: false,
        };
        bars(recorder.histogram(), look, &mut out);
        out
    }

    #[test]
    fn two_urls_of_which_one_is_slow_have_two_rows_with_true_labels() {
        let text = drawn(&[(200_000, 500), (50_000_000, 500)], 60);
        let lines: Vec<_> = text.lines().collect();
        let [fast, "  ⋮", slow] = &lines[..] else {
            panic!("{text}");
        };
        for (line, label) in [
            (fast, "   200 µs –  500 µs  █"),
            (slow, "  50.0 ms –  100 ms  █"),
        ] {
            assert!(
                line.starts_with(label) && line.ends_with("█  50.00%"),
                "{text}"
            );
        }
    }

    #[test]
    fn one_of_ten_thousand_has_no_bar_and_what_is_beyond_is_told() {
        let text = drawn(&[(100_000, 9_999), (900_000_000, 1)], 80);
        let last = text.lines().last().unwrap();
        assert!(last.contains('≥') && last.ends_with("0.01%"), "{text}");
        assert!(!last.contains(['█', '▏']), "{text}");
        assert_eq!(drawn(&[], 80), "");
    }

    proptest! {
        #[test]
        fn rows_hold_every_value_and_fit(
            values in proptest::collection::vec((1_u64..70_000_000_000, 1_usize..50), 1..60),
            width in 50_usize..210,
        ) {
            let mut recorder = Recorder::default();
            for (value, count) in &values {
                for _ in 0..*count {
                    recorder.record(*value);
                }
            }
            let histogram = recorder.histogram();
            let rows = rows(histogram);
            prop_assert!(rows.len() <= ROWS + 1, "{rows:?}");
            prop_assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), histogram.len());
            for pair in rows.windows(2) {
                prop_assert!(pair[0].to.is_some() && pair[0].to == pair[1].from);
            }
            for line in drawn(&values, width).lines() {
                prop_assert!(line.chars().count() <= width, "{line}");
            }
        }
    }
}
