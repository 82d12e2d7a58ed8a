//! One line on how a run goes, as long as there is room.

use std::time::Duration;

use super::text::numbers::{grouped, rate, time};
use crate::bench::{BenchConfig, Live, Mode, Part};

/// A part of the line.
struct Piece {
    text: String,
    /// The higher, the longer it stays when there is not enough room.
    weight: u8,
}

/// How far the run is, from 0 to 1.
pub(crate) fn done(live: &Live, config: &BenchConfig) -> f64 {
    let time = config.duration.map(|planned| {
        let planned = planned.as_secs_f64().max(0.001);
        live.measured.as_secs_f64() / planned
    });
    let messages = config
        .messages
        .map(|planned| live.counters.sent as f64 / planned.max(1) as f64);
    // Whichever comes first ends the run.
    let done = time.into_iter().chain(messages).fold(0.0, f64::max);
    done.min(1.0)
}

/// One line on how a run goes, of at most `width` columns.
pub(crate) fn line(live: &Live, config: &BenchConfig, width: usize) -> String {
    let open = connections(live.open, config);
    let text = match live.part {
        Part::Opening => {
            let seconds = whole_seconds(live.elapsed);
            format!("opening for {seconds}: {open}")
        }
        Part::Warmup => format!("warm-up: {open}"),
        Part::Measuring if live.measured.is_zero() => format!("measuring: {open}"),
        Part::Draining => format!("waiting for the last replies: {open}"),
        Part::Measuring => return fitted(&pieces(live, config), width),
    };
    text.chars().take(width).collect()
}

fn pieces(live: &Live, config: &BenchConfig) -> Vec<Piece> {
    let piece = |weight, text: String| Piece { text, weight };
    let mut pieces = Vec::new();
    if let Some(planned) = config.duration {
        let measured = whole_seconds(live.measured.min(planned));
        pieces.push(piece(9, format!("{measured} of {planned:?}")));
    }
    if let Some(planned) = config.messages {
        let sent = grouped(live.counters.sent.min(planned));
        pieces.push(piece(9, format!("{sent} of {}", grouped(planned))));
    }
    let asked = live.asked_rate.filter(|_| config.mode != Mode::Idle);
    let asked = asked.map_or(String::new(), |asked| format!(" of {}", rate(asked)));
    pieces.push(piece(8, format!("{}{asked}", rate(live.rate))));
    if let (Some(p50), Some(p99)) = (live.p50_ns, live.p99_ns) {
        pieces.push(piece(6, format!("p50 {}", time(p50 as f64))));
        pieces.push(piece(7, format!("p99 {}", time(p99 as f64))));
    }
    let counters = &live.counters;
    for (count, name) in [
        (counters.lost.total(), "lost"),
        (counters.unsent.total(), "not sent"),
        (live.errors, "errors"),
    ] {
        if count > 0 {
            pieces.push(piece(10, format!("{name} {}", grouped(count))));
        }
    }
    pieces.push(piece(3, connections(live.open, config)));
    pieces
}

fn connections(open: usize, config: &BenchConfig) -> String {
    match config.mode {
        // Each lives for a moment.
        Mode::Handshake => format!("{} at a time", grouped(config.connections as u64)),
        _ if open == config.connections => format!("{} open", grouped(open as u64)),
        _ => format!(
            "{} of {} open",
            grouped(open as u64),
            grouped(config.connections as u64)
        ),
    }
}

fn whole_seconds(time: Duration) -> String {
    format!("{}s", time.as_secs())
}

/// The pieces that have room, in their order.
fn fitted(pieces: &[Piece], width: usize) -> String {
    let mut shown: Vec<&Piece> = pieces.iter().collect();
    loop {
        let texts: Vec<&str> = shown.iter().map(|piece| piece.text.as_str()).collect();
        let line = texts.join("  ");
        let least = shown.iter().map(|piece| piece.weight).min();
        let (Some(least), true) = (least, line.chars().count() > width) else {
            return line;
        };
        if let Some(at) = shown.iter().rposition(|piece| piece.weight == least) {
            shown.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::counters::Counters;
    use crate::bench::testing::config;

    fn live() -> Live {
        let mut counters = Counters {
            sent: 120_000,
            ..Counters::default()
        };
        counters.lost.timed_out = 12;
        Live {
            part: Part::Measuring,
            open: 8,
            measured: Duration::from_secs(12),
            rate: 9_998.4,
            p50_ns: Some(120_000),
            p99_ns: Some(1_200_000),
            errors: 3,
            counters,
            ..Live::default()
        }
    }

    #[test]
    fn the_live_line_tells_time_rate_loss_and_errors_and_fits() {
        let mut config = config(10);
        config.duration = Some(Duration::from_mins(1));
        let live = Live {
            asked_rate: Some(10_000.0),
            ..live()
        };
        let at = |width| line(&live, &config, width);
        assert_eq!(
            at(200),
            "12s of 60s  9,998/s of 10,000/s  p50 120 µs  p99 1.20 ms  lost 12  errors 3  8 of 10 open"
        );
        assert_eq!(at(60), "12s of 60s  9,998/s of 10,000/s  lost 12  errors 3");
        for width in 0..120 {
            assert!(at(width).chars().count() <= width, "{width}");
        }
        assert_eq!(done(&live, &config), 0.2);
    }

    #[test]
    fn the_live_line_moves_with_a_number_of_messages_too() {
        let mut config = config(10);
        config.duration = None;
        config.messages = Some(1_000_000);
        assert_eq!(done(&live(), &config), 0.12);
        assert!(line(&live(), &config, 200).starts_with("120,000 of 1,000,000  9,998/s  p50"));
    }

    #[test]
    fn nothing_is_shown_as_measured_before_anything_is() {
        let config = config(10);
        let first = Live {
            part: Part::Measuring,
            open: 10,
            ..Live::default()
        };
        assert_eq!(line(&first, &config, 80), "measuring: 10 open");
        let opening = Live {
            open: 2,
            elapsed: Duration::from_millis(3200),
            ..Live::default()
        };
        assert_eq!(line(&opening, &config, 80), "opening for 3s: 2 of 10 open");
    }
}
