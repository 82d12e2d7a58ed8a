//! What the threads of a run share, and what they tell: a leaf of the load
//! generator.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc::UnboundedSender;

use super::clock::Clock;
use super::config::BenchConfig;
use super::conn::Times;
use super::stats::{Errors, HandshakeStats, Stats};
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
    /// Replies a second, in the last second.
    pub rate: f64,
    /// Of the last second, from the intended send, in nanoseconds.
    pub p50_ns: u64,
    /// The same, 99th percentile.
    pub p99_ns: u64,
    /// Messages sent so far.
    pub sent: u64,
    /// Messages lost so far.
    pub lost: u64,
    /// Errors so far.
    pub errors: u64,
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
}

/// What all threads of a run share. Nothing here is touched for a message.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) config: Arc<BenchConfig>,
    pub(super) clock: Clock,
    /// When the load starts; 0 until that is known.
    pub(super) start_ns: AtomicU64,
    pub(super) stop: AtomicBool,
    pub(super) open: AtomicUsize,
    pub(super) reports: UnboundedSender<FromWorker>,
}

impl Control {
    /// Tells the coordinator, which outlives all threads. The channel has no
    /// bound, but each thread says only one thing a second.
    pub(super) fn tell(&self, report: FromWorker) {
        let _ = self.reports.send(report);
    }
}

/// What a thread tells.
#[derive(Debug)]
pub(super) enum FromWorker {
    /// It has tried to open all its connections.
    Opened(Box<OpeningReport>),
    /// A second of measuring.
    Second { second: u64, stats: Box<Stats> },
    /// It is done.
    Done(Box<Outcome>),
    /// It could not even begin.
    Failed(io::Error),
    /// It has panicked.
    Panicked,
}

/// How a thread's opening phase went.
#[derive(Debug)]
pub(super) struct OpeningReport {
    pub(super) handshakes: HandshakeStats,
    pub(super) errors: Errors,
    /// With the index of its connection.
    pub(super) first_error: Option<(usize, OpenFailure)>,
}

/// What a thread has at its end.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The second that `stats` belongs to.
    pub(super) second: u64,
    pub(super) stats: Stats,
    pub(super) cpu: Duration,
    pub(super) cpu_wall: Duration,
    pub(super) times: Times,
    pub(super) last_reply_ns: u64,
}
