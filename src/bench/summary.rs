//! The result of a run, of one machine's or of several merged.

use std::time::Duration;

use super::config::Mode;
use super::stats::{HandshakeStats, Stats};

/// Everything that a run has measured. Summaries of runs that went side by
/// side merge exactly: the histograms are added, never percentiles averaged.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What was measured.
    pub mode: Mode,
    /// The URLs, without credentials.
    pub targets: Vec<String>,
    /// The connections that were asked for.
    pub connections: usize,
    /// The connections that were open when the load began.
    pub connections_open: usize,
    /// How long was measured.
    pub duration: Duration,
    /// How the run came to its end.
    pub end: End,
    /// Latencies, counts and errors.
    pub stats: Stats,
    /// The opening handshakes.
    pub handshakes: HandshakeStats,
    /// What the load generator itself has used.
    pub client: ClientUse,
    /// The run second by second.
    pub series: Vec<Second>,
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As planned.
    Finished,
    /// By the user.
    Interrupted,
}

/// What the load generator's threads have used while they measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientUse {
    /// Processor time of all threads.
    pub cpu: Duration,
    /// The time in which it was used.
    pub wall: Duration,
    /// How many threads there were.
    pub threads: usize,
    /// The largest resident memory of the process, in bytes.
    pub max_rss_bytes: Option<u64>,
    /// The growth of the resident memory by opening, in bytes a connection.
    pub rss_bytes_per_connection: Option<u64>,
}

/// A second of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Second {
    /// Which one, from 0.
    pub second: u64,
    /// How long it was measured: less than a second at the end.
    pub span: Duration,
    /// Messages sent.
    pub sent: u64,
    /// Replies to measured messages.
    pub received: u64,
    /// Messages given up.
    pub lost: u64,
    /// Errors.
    pub errors: u64,
    /// Connections open at its end.
    pub open: usize,
    /// Latency from intended send, in nanoseconds.
    pub p50_ns: u64,
    /// The same, 99th percentile.
    pub p99_ns: u64,
    /// The same, maximum.
    pub max_ns: u64,
}

/// Why the numbers may be the client's and not the server's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bottleneck {
    /// The threads had hardly a moment of rest: the share of the time that
    /// they used.
    Cpu(f64),
    /// Messages left later than they were meant to: slip p99 in nanoseconds.
    Slip(u64),
}

/// From this share of its threads' time the client may be the bottleneck.
const BUSY: f64 = 0.9;

/// Slip below this says nothing: a timer of the system is not more exact.
const SLIP_FLOOR_NS: u64 = 1_000_000;

impl Summary {
    /// Replies a second (in mode handshake: handshakes; in mode flood:
    /// messages sent).
    pub fn rate(&self) -> f64 {
        let count = match self.mode {
            Mode::Flood => self.stats.counters.sent,
            _ => self.stats.counters.received_in_time,
        };
        per_second(count, self.duration)
    }

    /// Bytes a second on the wire, in both directions together.
    pub fn bytes_per_second(&self) -> f64 {
        let counters = &self.stats.counters;
        per_second(counters.bytes_sent + counters.bytes_received, self.duration)
    }

    /// A count as a share of the messages sent; where none was sent, any at
    /// all is everything.
    pub fn share_of_sent(&self, count: u64) -> f64 {
        match self.stats.counters.sent {
            0 if count == 0 => 0.0,
            0 => 1.0,
            sent => count as f64 / sent as f64,
        }
    }

    /// Everything that went wrong but is no loss: errors and mismatches.
    pub fn errors(&self) -> u64 {
        self.stats.errors.total() + self.stats.counters.mismatched
    }

    /// Whether nothing came of the load, so that its numbers say nothing.
    pub fn is_void(&self) -> bool {
        let counters = &self.stats.counters;
        match self.mode {
            Mode::Echo => counters.received == 0,
            Mode::Flood => counters.sent == 0,
            // Connections may be held without a ping, and a run of handshakes
            // that all failed is an error.
            Mode::Idle | Mode::Handshake => false,
        }
    }

    /// The share of its time that the client's threads were busy.
    pub fn cpu_utilisation(&self) -> f64 {
        let available = self.client.wall.as_secs_f64() * self.client.threads as f64;
        if available == 0.0 {
            return 0.0;
        }
        self.client.cpu.as_secs_f64() / available
    }

    /// Processor time of the client for each message sent and its reply.
    pub fn cpu_per_message(&self) -> Option<Duration> {
        let sent = self.stats.counters.sent;
        (sent > 0).then(|| Duration::from_secs_f64(self.client.cpu.as_secs_f64() / sent as f64))
    }

    /// Whether, and how, the client was the bottleneck.
    pub fn bottleneck(&mut self) -> Option<Bottleneck> {
        let used = self.cpu_utilisation();
        if used >= BUSY {
            return Some(Bottleneck::Cpu(used));
        }
        let slip_ns = self.stats.slip.histogram().value_at_quantile(0.99);
        let latency_ns = self.stats.from_intended.histogram().value_at_quantile(0.99);
        (slip_ns > SLIP_FLOOR_NS && slip_ns > latency_ns / 10).then_some(Bottleneck::Slip(slip_ns))
    }

    /// Adds a run that went side by side with this one.
    pub fn merge(&mut self, mut other: Self) {
        self.targets.extend(other.targets);
        self.targets.sort();
        self.targets.dedup();
        self.connections += other.connections;
        self.connections_open += other.connections_open;
        self.duration = self.duration.max(other.duration);
        if other.end == End::Interrupted {
            self.end = End::Interrupted;
        }
        self.stats.merge(&mut other.stats);
        self.handshakes.merge(&mut other.handshakes);
        self.client.cpu += other.client.cpu;
        self.client.wall = self.client.wall.max(other.client.wall);
        self.client.threads += other.client.threads;
        self.client.max_rss_bytes = self.client.max_rss_bytes.max(other.client.max_rss_bytes);
        self.client.rss_bytes_per_connection = self
            .client
            .rss_bytes_per_connection
            .max(other.client.rss_bytes_per_connection);
        // Percentiles of a second cannot be added; they stay each run's own.
        self.series.extend(other.series);
    }
}

fn per_second(count: u64, duration: Duration) -> f64 {
    if duration.is_zero() {
        return 0.0;
    }
    count as f64 / duration.as_secs_f64()
}
