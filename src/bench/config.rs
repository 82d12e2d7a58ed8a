//! What a run is to do.

use std::net::IpAddr;
use std::time::Duration;

use super::clock::{Times, to_ns};
use super::matching::Matching;
use super::pacer::Pacing;
use super::payload::PayloadConfig;
use super::schedule::Schedule;
use crate::connection::http::HeaderEdit;
use crate::connection::{OpenConfig, Secrets, SocketConfig, Target};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Send messages and wait for their replies.
    #[default]
    Echo,
    /// Open and close connections, again and again.
    Handshake,
    /// Hold connections, and ping each every so often.
    Idle,
    /// Send without waiting for replies.
    Flood,
}

impl Mode {
    /// The name as the command line and the report have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Handshake => "handshake",
            Self::Idle => "idle",
            Self::Flood => "flood",
        }
    }
}

/// When messages are sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// As soon as there is room: each connection keeps so many messages in
    /// flight, and pauses for the think time after each reply.
    Closed {
        /// Messages in flight a connection.
        in_flight: u32,
        /// The pause after a reply.
        think_time: Duration,
    },
    /// On a schedule that nothing can move.
    Open(Schedule),
}

/// A whole run. Times that end something are from the start of the load.
#[derive(Debug, Clone)]
pub struct BenchConfig {
    /// Where to connect to; connection `i` goes to target `i % len`.
    pub targets: Vec<Target>,
    /// How connections are opened.
    pub open: OpenConfig,
    /// How connections that agreed on compression are read and written.
    pub socket: SocketConfig,
    /// Headers of their own for each connection, in turn.
    pub header_rows: Vec<Vec<HeaderEdit>>,
    /// Addresses to connect from, in turn; empty leaves it to the system.
    pub source_ips: Vec<IpAddr>,
    /// What is measured.
    pub mode: Mode,
    pub connections: usize,
    /// Over how many threads they are spread.
    pub threads: usize,
    /// Whether a single thread of load is the caller's. On one processor that
    /// is cheaper: a process of one thread has the cheaper system calls. Other
    /// tasks of the caller's runtime have a turn every 50 ms, so the server
    /// must not be one of them.
    pub on_callers_thread: bool,
    /// When messages are sent.
    pub load: Load,
    /// How the schedule is kept.
    pub pacing: Pacing,
    /// What the messages say.
    pub payload: PayloadConfig,
    /// Whether they are text.
    pub text: bool,
    /// How replies are matched to messages.
    pub matching: Matching,
    /// Whether payloads are compared.
    pub verify: bool,
    /// Over how long the opening of connections is spread.
    pub ramp_up: Duration,
    /// How long load runs before it is measured.
    pub warmup: Duration,
    /// How long is measured; `None` when a number of messages ends the run.
    pub duration: Option<Duration>,
    /// How many messages are measured at most.
    pub messages: Option<u64>,
    /// When a message counts as lost.
    pub reply_timeout: Duration,
}

impl BenchConfig {
    /// A target's URL as it may be shown.
    pub(crate) fn shown(&self, target: &Target) -> String {
        let secrets = self.open.secrets(target);
        secrets.url(&target.wire_url())
    }

    /// The connections of thread `thread`: every `threads`th one.
    pub(super) fn share(&self, thread: usize) -> impl Iterator<Item = usize> + use<> {
        (thread..self.connections).step_by(self.threads.max(1))
    }

    /// The moments of a load that begins then.
    pub(super) fn times(&self, start_ns: u64) -> Times {
        let measure_ns = start_ns.saturating_add(to_ns(self.warmup));
        Times {
            start_ns,
            measure_ns,
            end_ns: self
                .duration
                .map_or(u64::MAX, |d| measure_ns.saturating_add(to_ns(d))),
        }
    }

    /// How many measured messages connection `index` may send.
    pub(super) fn quota(&self, index: usize) -> Option<u64> {
        let (all, index) = (self.messages?, index as u64);
        let connections = self.connections.max(1) as u64;
        Some(all / connections + u64::from(index < all % connections))
    }

    /// Which of the URLs connection `index` leads to.
    pub(super) fn url_of(&self, index: usize) -> usize {
        index % self.targets.len().max(1)
    }

    /// What may not be told of the connections to a URL.
    pub(super) fn secrets(&self, url: usize) -> Secrets {
        let target = self.targets.get(url);
        target.map_or_else(Secrets::default, |target| self.open.secrets(target))
    }

    /// How many stages the schedule has: at least one.
    pub(super) fn stages(&self) -> usize {
        match &self.load {
            Load::Open(schedule) => schedule.begins_ns().count().max(1),
            Load::Closed { .. } => 1,
        }
    }

    /// Whether incoming messages must be kept whole.
    pub(super) fn keeps_payloads(&self) -> bool {
        self.verify || matches!(self.matching, Matching::Id(_)) || self.looks_for_payloads()
    }

    /// Whether a reply is looked for among the payloads themselves: those that are
    /// not ours to mark.
    pub(super) fn looks_for_payloads(&self) -> bool {
        self.mode == Mode::Echo
            && matches!(self.matching, Matching::Auto)
            && !matches!(self.payload, PayloadConfig::Generated { .. })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shares_and_quotas_add_up() {
        let mut config = super::super::testing::config(7);
        config.threads = 3;
        config.messages = Some(17);
        let mut all: Vec<_> = (0..3).flat_map(|t| config.share(t)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..7).collect::<Vec<_>>());
        let quotas: Vec<_> = (0..7).filter_map(|i| config.quota(i)).collect();
        assert_eq!(quotas, [3, 3, 3, 2, 2, 2, 2]);
    }
}
