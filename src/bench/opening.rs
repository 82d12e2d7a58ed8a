//! The opening phase of one thread: some connections at a time, spread over
//! the ramp-up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::config::BenchConfig;
use super::counted::{Counted, WireCounter};
use super::frames::Parser;
use super::link::Link;
use super::messages::{Control, OpeningReport};
use super::opener::{agreed_on, cause, note_timings, open_connection};
use super::summary::Agreed;
use crate::connection::client::reached::Timings;
use crate::connection::{OpenFailure, Opened, Transport};

/// How many connections of a thread are opened at a time: enough to hide the
/// round trips, few enough for the backlog of any server.
const AT_A_TIME: usize = 64;

type Attempt = Pin<Box<dyn Future<Output = Attempted> + Send>>;

/// What became of the attempt for a slot and a connection.
struct Attempted {
    slot: usize,
    index: usize,
    result: Result<(Link, Timings, Box<Agreed>), OpenFailure>,
}

/// Opens a thread's share of the connections.
pub(super) struct Opening {
    config: Arc<BenchConfig>,
    /// Slot and index of the connections that are still to be opened.
    todo: Box<dyn Iterator<Item = (usize, usize)> + Send>,
    attempts: FuturesUnordered<Attempt>,
    begin: Instant,
    wire: Arc<WireCounter>,
    /// For each URL, how many attempts have begun: the ramp-up holds the others back.
    begun: Arc<[AtomicU64]>,
    report: OpeningReport,
}

impl Opening {
    pub(super) fn new(control: &Control, thread: usize, wire: Arc<WireCounter>) -> Self {
        Self {
            config: Arc::clone(&control.config),
            todo: Box::new(control.config.share(thread).enumerate()),
            attempts: FuturesUnordered::new(),
            begin: Instant::now(),
            wire,
            begun: control
                .config
                .targets
                .iter()
                .map(|_| AtomicU64::new(0))
                .collect(),
            report: OpeningReport::new(control.config.targets.len()),
        }
    }

    /// The next open connection with its slot; `None` when that was all.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, Link)>> {
        loop {
            while self.attempts.len() < AT_A_TIME
                && let Some((slot, index)) = self.todo.next()
            {
                self.report.of(self.config.url_of(index)).counters.due += 1;
                let attempt = self.attempt(slot, index);
                self.attempts.push(attempt);
            }
            let attempted = match self.attempts.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(attempted)) => attempted,
            };
            let url = self.config.url_of(attempted.index);
            match attempted.result {
                Ok((link, timings, agreed)) => {
                    note_timings(self.report.of(url), &timings);
                    self.report.note_agreed(url, || *agreed);
                    return Poll::Ready(Some((attempted.slot, link)));
                }
                Err(error) => {
                    let stats = self.report.of(url);
                    stats.counters.failed += 1;
                    stats.failed.add(cause(&error));
                    let first = (attempted.index, error);
                    self.report.first_error.get_or_insert(first);
                }
            }
        }
    }

    /// What was learnt. What is not done by now is left.
    pub(super) fn finish(mut self) -> OpeningReport {
        for (_, index) in self.todo {
            self.report.of(self.config.url_of(index)).counters.due += 1;
        }
        for (stats, begun) in self.report.handshakes.iter_mut().zip(&*self.begun) {
            let counters = &mut stats.counters;
            counters.attempted = begun.load(Ordering::Relaxed);
            counters.interrupted = counters.due - counters.attempted;
            counters.in_flight = counters.attempted - counters.opened - counters.failed;
        }
        self.report
    }

    fn attempt(&self, slot: usize, index: usize) -> Attempt {
        let config = Arc::clone(&self.config);
        let wire = Arc::clone(&self.wire);
        let begun = Arc::clone(&self.begun);
        let due = self.begin + share_of(config.ramp_up, index, config.connections);
        Box::pin(async move {
            if !config.ramp_up.is_zero() {
                sleep_until(due).await;
            }
            if let Some(begun) = begun.get(config.url_of(index)) {
                begun.fetch_add(1, Ordering::Relaxed);
            }
            let result = match open_connection(&config, index).await {
                Ok(opened) => Ok(link_of(opened, &config, wire).await),
                Err(error) => Err(error),
            };
            Attempted {
                slot,
                index,
                result,
            }
        })
    }
}

async fn link_of(
    mut opened: Opened,
    config: &BenchConfig,
    wire: Arc<WireCounter>,
) -> (Link, Timings, Box<Agreed>) {
    let (timings, agreed) = (opened.reached.timings, Box::new(agreed_on(&opened)));
    let link = if opened.deflate.is_some() {
        opened.transport = Transport::other(Counted {
            inner: opened.transport,
            counter: wire,
        });
        Link::Socket(Box::new(opened.into_socket(&config.socket).await))
    } else {
        let (message, frame) = (
            config.socket.max_message_bytes,
            config.socket.max_frame_bytes,
        );
        let parser = Parser::new(config.keeps_payloads(), message, frame);
        Link::frames(opened.transport, opened.leftover, parser)
    };
    (link, timings, agreed)
}

fn share_of(ramp_up: Duration, index: usize, connections: usize) -> Duration {
    ramp_up.mul_f64(index as f64 / connections.max(1) as f64)
}
