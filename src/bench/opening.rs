//! The opening phase of one thread: some connections at a time, spread over
//! the ramp-up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::config::BenchConfig;
use super::counted::{Counted, WireCounter};
use super::link::Link;
use super::messages::{Control, OpeningReport};
use super::opener::{cause, note_timings, open_connection};
use super::stats::{Errors, HandshakeStats};
use crate::connection::client::dial::Timings;
use crate::connection::{OpenFailure, Transport};

/// How many connections of a thread are opened at a time: enough to hide the
/// round trips, few enough for the backlog of any server.
const AT_A_TIME: usize = 64;

type Attempt =
    Pin<Box<dyn Future<Output = (usize, Result<(Link, Timings), (usize, OpenFailure)>)> + Send>>;

/// Opens a thread's share of the connections.
pub(super) struct Opening {
    config: Arc<BenchConfig>,
    /// Slot and index of the connections that are still to be opened.
    todo: Box<dyn Iterator<Item = (usize, usize)> + Send>,
    attempts: FuturesUnordered<Attempt>,
    begin: Instant,
    wire: Arc<WireCounter>,
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
            report: OpeningReport {
                handshakes: HandshakeStats::default(),
                errors: Errors::default(),
                first_error: None,
            },
        }
    }

    /// The next open connection with its slot; `None` when that was all.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, Link)>> {
        loop {
            while self.attempts.len() < AT_A_TIME
                && let Some((slot, index)) = self.todo.next()
            {
                let attempt = self.attempt(slot, index);
                self.attempts.push(attempt);
            }
            match self.attempts.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some((slot, Ok((link, timings))))) => {
                    note_timings(&mut self.report.handshakes, &timings);
                    return Poll::Ready(Some((slot, link)));
                }
                Poll::Ready(Some((_, Err((index, error))))) => {
                    self.report.errors.add(cause(&error));
                    self.report.first_error.get_or_insert((index, error));
                }
            }
        }
    }

    /// What was learnt.
    pub(super) fn finish(self) -> OpeningReport {
        self.report
    }

    fn attempt(&self, slot: usize, index: usize) -> Attempt {
        let config = Arc::clone(&self.config);
        let wire = Arc::clone(&self.wire);
        let due = self.begin + share_of(config.ramp_up, index, config.connections);
        Box::pin(async move {
            if !config.ramp_up.is_zero() {
                sleep_until(due).await;
            }
            let opened = match open_connection(&config, index).await {
                Ok(opened) => opened,
                Err(error) => return (slot, Err((index, error))),
            };
            let timings = opened.timings;
            let keep = config.keeps_payloads();
            let link = if opened.deflate.is_some() {
                let mut opened = opened;
                opened.transport = Transport::other(Counted {
                    inner: opened.transport,
                    counter: wire,
                });
                Link::Socket(Box::new(opened.into_socket(&config.socket).await))
            } else {
                let keep_up_to = keep.then_some(config.socket.max_message_bytes);
                Link::frames(opened.transport, opened.leftover, keep_up_to)
            };
            (slot, Ok((link, timings)))
        })
    }
}

fn share_of(ramp_up: Duration, index: usize, connections: usize) -> Duration {
    ramp_up.mul_f64(index as f64 / connections.max(1) as f64)
}
