//! What a reader has to know of the numbers, in sentences.

use super::numbers::{grouped, rate, time};
use crate::bench::BenchConfig;
use crate::bench::bottleneck::Bottleneck;
use crate::bench::summary::Summary;
use crate::value;

/// All that there is to know.
pub(super) fn sentences(summary: &mut Summary, config: &BenchConfig) -> Vec<String> {
    let found = Bottleneck::all_of(summary, config);
    let mut sentences: Vec<String> = found.iter().map(|found| cause(*found)).collect();
    if summary.is_order_shifted() {
        sentences.push("Replies were matched by their order, and some were lost, late, or answered nothing: the latencies after that are those of other messages. Give messages an id, and --match.".to_owned());
    }
    let repeated = summary.stats.counters.repeated_ids;
    if repeated > 0 {
        sentences.push(format!(
            "{} messages had an id that another one in flight had too; their replies were taken in order. {{{{n}}}} or {{{{uuid}}}} make ids differ.",
            grouped(repeated)
        ));
    }
    sentences
}

fn cause(found: Bottleneck) -> String {
    match found {
        Bottleneck::Cpu(used) => format!(
            "The client was busy {:.0}% of the time: these numbers may be its limit and not the server's. Use more --threads or another machine, or a lower --rate.",
            used * 100.0
        ),
        Bottleneck::Starved(waited) => format!(
            "The client waited for a processor {:.0}% of the time: other programs, or the server itself, had it. These numbers are partly theirs; run the client where it has processors of its own.",
            waited * 100.0
        ),
        Bottleneck::Slip(ns) => format!(
            "1% of the messages left {} or more after they were meant to: the client, or a connection that took no more, was behind its schedule. Latency from intended send includes that; latency from send does not.",
            time(ns as f64)
        ),
        Bottleneck::ServerBehind { asked, reached } => format!(
            "The server did not keep up: {} of the asked {} came back in time. Latency then grows with the length of the run and says little; find the rate that is kept.",
            rate(reached),
            rate(asked)
        ),
        Bottleneck::Compressed(share) => format!(
            "Compression made {} of each message, since all say the same: real messages cost more. --fill random or text has other content in each.",
            value::percent(share)
        ),
    }
}
