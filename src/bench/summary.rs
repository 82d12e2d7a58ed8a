//! The result of a run.

use std::time::Duration;

use super::config::Mode;
use super::counters::Counters;
use super::schedule::Stage;
use super::stats::{HandshakeStats, Stats};
use crate::connection::net::tls::TlsVersion;
use crate::connection::secrets::RawHead;
use crate::connection::ws::deflate::Params;

/// Everything that a run has measured.
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
    /// Those of them that were still open when the load ended.
    pub connections_left: usize,
    /// How long was measured.
    pub duration: Duration,
    /// How long was to be measured; `None` where a number of messages alone
    /// was to end the run.
    pub planned: Option<Duration>,
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
    /// The results of each stage, where there is a schedule.
    pub stages: Vec<StageResult>,
    /// The results of each URL, in the order given.
    pub urls: Vec<UrlResult>,
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As planned.
    Finished,
    /// By the user.
    Interrupted,
    /// All connections that had been opened were gone.
    ConnectionsGone {
        /// So long after the measuring began; `None` before it did.
        after: Option<Duration>,
    },
}

/// What came of a stage of the schedule.
#[derive(Debug, Clone)]
pub struct StageResult {
    /// What was asked for; the duration is without the warm-up.
    pub stage: Stage,
    /// Its messages, by their intended time.
    pub stats: Stats,
}

/// What came of a URL.
#[derive(Debug, Clone)]
pub struct UrlResult {
    /// The URL, without credentials.
    pub url: String,
    /// The connections to it that were asked for.
    pub connections: usize,
    /// The messages on its connections, and why these ended.
    pub stats: Stats,
    /// The opening handshakes with it.
    pub handshakes: HandshakeStats,
    /// What its first connection has agreed on; `None` where none was opened.
    pub agreed: Option<Agreed>,
}

/// What a connection has agreed on.
#[derive(Debug, Clone)]
pub struct Agreed {
    /// The version of HTTP that it was opened with, as "HTTP/1.1".
    pub http_version: &'static str,
    pub subprotocol: Option<String>,
    /// permessage-deflate and its parameters.
    pub deflate: Option<Params>,
    /// The version of TLS.
    pub tls: Option<TlsVersion>,
    /// The request as sent.
    pub request_head: RawHead,
    /// The answer as received.
    pub response_head: RawHead,
}

/// What the load generator's threads have used while they measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientUse {
    /// Processor time of all threads.
    pub cpu: Duration,
    /// How long all threads together could have run and waited for a
    /// processor; `None` where the system does not tell.
    pub waited: Option<Duration>,
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
    pub counts: SecondCounts,
    /// Connections open at its end.
    pub open: usize,
    /// Latency from intended send, in nanoseconds.
    pub p50_ns: u64,
    /// The same, 99th percentile.
    pub p99_ns: u64,
    /// The same, maximum.
    pub max_ns: u64,
}

/// What happened in a second. Over all seconds these are the counts of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondCounts {
    /// Messages sent; in mode handshake, attempts.
    pub sent: u64,
    /// Replies to measured messages; in mode handshake, connections opened; in mode
    /// flood, all messages received.
    pub received: u64,
    /// Messages given up.
    pub lost: u64,
    /// What was due and not sent, or not attempted.
    pub unsent: u64,
    /// Connections that ended; in mode handshake, attempts that failed.
    pub errors: u64,
}

impl SecondCounts {
    pub(super) fn of(mode: Mode, stats: &Stats) -> Self {
        let Stats {
            counters,
            handshakes,
            errors,
            ..
        } = stats;
        match mode {
            Mode::Handshake => Self {
                sent: handshakes.attempted,
                received: handshakes.opened,
                lost: 0,
                unsent: handshakes.unsent(),
                errors: handshakes.failed,
            },
            _ => Self {
                sent: counters.sent,
                received: match mode {
                    Mode::Flood => counters.received(),
                    _ => counters.answered,
                },
                lost: counters.lost.total(),
                unsent: counters.unsent.total(),
                errors: errors.total(),
            },
        }
    }

    /// Adds what came later.
    pub(super) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.lost += other.lost;
        self.unsent += other.unsent;
        self.errors += other.errors;
    }
}

impl Summary {
    /// Replies a second (in mode handshake: handshakes; in mode flood:
    /// messages sent).
    pub fn rate(&self) -> f64 {
        let count = match self.mode {
            Mode::Flood => self.stats.counters.sent,
            _ => self.stats.counters.answered_in_time,
        };
        per_second(count, self.duration)
    }

    /// Bytes a second on the wire, in both directions together.
    pub fn bytes_per_second(&self) -> f64 {
        let counters = &self.stats.counters;
        per_second(counters.bytes_sent + counters.bytes_received, self.duration)
    }

    /// A count as a share of what was due; where nothing was, any at all is
    /// everything.
    pub fn share_of_due(&self, count: u64) -> f64 {
        let due = match self.mode {
            Mode::Handshake => self.handshakes.counters.due,
            _ => self.stats.counters.due,
        };
        match due {
            0 if count == 0 => 0.0,
            0 => 1.0,
            due => count as f64 / due as f64,
        }
    }

    /// What was put on the server: messages, or handshakes in mode handshake.
    pub fn sent(&self) -> u64 {
        match self.mode {
            Mode::Handshake => self.handshakes.counters.attempted,
            _ => self.stats.counters.sent,
        }
    }

    /// What came of it: replies, handshakes in mode handshake, or all messages
    /// received in mode flood.
    pub fn answered(&self) -> u64 {
        match self.mode {
            Mode::Handshake => self.handshakes.counters.opened,
            Mode::Flood => self.stats.counters.received(),
            Mode::Echo | Mode::Idle => self.stats.counters.answered,
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
            Mode::Echo => counters.answered == 0,
            Mode::Flood => counters.sent == 0,
            Mode::Handshake => self.handshakes.counters.opened == 0,
            // Connections may be held without a ping.
            Mode::Idle => counters.sent > 0 && counters.answered == 0,
        }
    }

    /// Whether replies were matched by their order although some messages were
    /// lost, or some replies answered none: latencies may then be those of
    /// other messages.
    pub fn is_order_shifted(&self) -> bool {
        let Stats {
            counters, warmup, ..
        } = &self.stats;
        let sum = |of: fn(&Counters) -> u64| of(counters) + of(warmup);
        sum(|c| c.by_order) > 0
            && sum(|c| c.lost.timed_out + c.late + c.duplicate + c.unsolicited) > 0
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
        let sent = self.sent();
        (sent > 0).then(|| Duration::from_secs_f64(self.client.cpu.as_secs_f64() / sent as f64))
    }
}

fn per_second(count: u64, duration: Duration) -> f64 {
    if duration.is_zero() {
        return 0.0;
    }
    count as f64 / duration.as_secs_f64()
}
