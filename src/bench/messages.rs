//! What the threads of a run share, and what they tell: a leaf of the load
//! generator.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::clock::Clock;
use super::clock::Times;
use super::config::BenchConfig;
use super::counters::Counters;
use super::stats::{HandshakeStats, Parts};
use super::summary::Agreed;
use crate::connection::{OpenFailure, Target};

/// Why a run did not take place.
#[derive(Debug, Error)]
pub enum BenchError {
    /// No connection could be opened.
    #[error("none of {connections} connections could be opened")]
    NoConnection {
        /// How many were tried.
        connections: usize,
        /// Where the first of them was to lead to.
        target: Box<Target>,
        /// The first failure.
        source: OpenFailure,
    },
    /// The operating system refused a thread, a runtime or a timer.
    #[error("could not start a thread of the load generator: {0}")]
    Start(#[source] io::Error),
    /// A thread of the load generator has panicked.
    #[error("a thread of the load generator has failed; this is a bug, please report it")]
    Thread,
}

/// What a run looks like while it goes on, about once a second.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Since the run began.
    pub elapsed: Duration,
    /// Which part of the run this is.
    pub part: Part,
    /// Connections that are open.
    pub open: usize,
    /// Seconds of measuring that are done, and how many are planned.
    pub measured: Duration,
    /// Replies a second, in the last second; 0 before there was one.
    pub rate: f64,
    /// What the schedule asks for now, in messages a second.
    pub asked_rate: Option<f64>,
    /// Of the last second, from the intended send, in nanoseconds; `None`
    /// while nothing has been measured.
    pub p50_ns: Option<u64>,
    /// The same, 99th percentile.
    pub p99_ns: Option<u64>,
    /// Errors so far.
    pub errors: u64,
    /// Measured messages, in the seconds that are done. What was due on a
    /// schedule is known only at the end.
    pub counters: Counters,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Connections are being opened.
    #[default]
    Opening,
    /// Load runs, and is not measured yet.
    Warmup,
    /// Load runs and is measured.
    Measuring,
    /// The measured time is over, and replies are waited for.
    Draining,
}

/// What all threads of a run share. Nothing here is touched for a message.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) config: Arc<BenchConfig>,
    pub(super) clock: Clock,
    /// When the load starts; 0 until that is known.
    pub(super) start_ns: AtomicU64,
    pub(super) stop: AtomicBool,
    /// Connections that are open now.
    pub(super) open: AtomicUsize,
    /// Connections that were opened.
    pub(super) opened: AtomicUsize,
    /// Those of them that ended before their time, and when the last one did.
    pub(super) gone: AtomicUsize,
    pub(super) last_gone_ns: AtomicU64,
    /// Tells this run's payloads from those of others.
    pub(super) run_key: u64,
    pub(super) reports: UnboundedSender<FromWorker>,
}

impl Control {
    /// Of a run that begins now, and what its threads tell.
    pub(super) fn new(config: Arc<BenchConfig>) -> (Self, UnboundedReceiver<FromWorker>) {
        let (reports, inbox) = unbounded_channel();
        let control = Self {
            config,
            clock: Clock::start(),
            start_ns: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
            last_gone_ns: AtomicU64::new(0),
            run_key: rand::random(),
            reports,
        };
        (control, inbox)
    }

    /// Tells the coordinator, which outlives all threads. The channel has no
    /// bound, but each thread says only one thing a second.
    pub(super) fn tell(&self, report: FromWorker) {
        let _ = self.reports.send(report);
    }

    /// Notes that a connection was opened.
    pub(super) fn note_opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that an open connection has ended before its time.
    pub(super) fn note_gone(&self, at_ns: u64) {
        self.last_gone_ns.fetch_max(at_ns, Ordering::AcqRel);
        self.gone.fetch_add(1, Ordering::AcqRel);
    }

    /// When the last connection ended; `None` while one is left. Of a meaning
    /// only when all that were to be opened are.
    pub(super) fn gone_ns(&self) -> Option<u64> {
        let gone = self.gone.load(Ordering::Acquire);
        (gone > 0 && gone == self.opened.load(Ordering::Relaxed))
            .then(|| self.last_gone_ns.load(Ordering::Acquire))
    }
}

/// What a thread tells.
#[derive(Debug)]
pub(super) enum FromWorker {
    /// It has tried to open all its connections.
    Opened(Box<OpeningReport>),
    /// A second of measuring.
    Second {
        second: u64,
        parts: Box<Parts>,
    },
    Done(Box<Outcome>),
    /// It could not even begin.
    Failed(io::Error),
    /// It has panicked.
    Panicked,
}

/// How a thread's opening phase went.
#[derive(Debug)]
pub(super) struct OpeningReport {
    /// For each URL.
    pub(super) handshakes: Vec<HandshakeStats>,
    /// What the first connection to each URL has agreed on.
    pub(super) agreed: Vec<Option<Agreed>>,
    /// With the index of its connection.
    pub(super) first_error: Option<(usize, OpenFailure)>,
}

impl OpeningReport {
    pub(super) fn new(urls: usize) -> Self {
        Self {
            handshakes: vec![HandshakeStats::default(); urls.max(1)],
            agreed: vec![None; urls],
            first_error: None,
        }
    }

    /// The stats of a URL.
    pub(super) fn of(&mut self, url: usize) -> &mut HandshakeStats {
        let last = self.handshakes.len() - 1;
        &mut self.handshakes[url.min(last)]
    }

    /// Adds what another thread has learnt.
    pub(super) fn merge(&mut self, other: &mut Self) {
        for (url, stats) in other.handshakes.iter_mut().enumerate() {
            self.of(url).merge(stats);
        }
        for (known, other) in self.agreed.iter_mut().zip(&mut other.agreed) {
            *known = known.take().or(other.take());
        }
        self.first_error = self.first_error.take().or(other.first_error.take());
    }

    /// The stats of all URLs together.
    pub(super) fn total(&mut self) -> HandshakeStats {
        let mut total = HandshakeStats::default();
        for stats in &mut self.handshakes {
            total.merge(stats);
        }
        total
    }

    /// Notes what the first connection to a URL has agreed on.
    pub(super) fn note_agreed(&mut self, url: usize, agreed: impl FnOnce() -> Agreed) {
        if let Some(known) = self.agreed.get_mut(url) {
            known.get_or_insert_with(agreed);
        }
    }
}

/// What a thread has at its end.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The second that `stats` belongs to.
    pub(super) second: u64,
    pub(super) parts: Parts,
    pub(super) cpu: Duration,
    pub(super) waited: Option<Duration>,
    pub(super) cpu_wall: Duration,
    pub(super) times: Times,
    pub(super) last_reply_ns: u64,
    /// Connections open at the end of the load.
    pub(super) left: usize,
}
