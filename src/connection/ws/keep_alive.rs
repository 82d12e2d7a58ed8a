//! Keep-alive: what is sent on a quiet connection, and when it counts as dead.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How a socket keeps a quiet connection alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeepAlive {
    /// Nothing is sent.
    #[default]
    Off,
    /// A Ping after `interval` without a frame from the peer.
    Ping {
        /// The quiet time before a Ping.
        interval: Duration,
        /// How long the answering Pong may take before the connection counts
        /// as dead; `None` waits for ever.
        timeout: Option<Duration>,
    },
    /// An unsolicited, empty Pong every `interval`, which asks for no answer.
    Pong {
        /// The time between two Pongs.
        interval: Duration,
    },
}

/// What is due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send a Ping; its Pong is waited for from now on.
    Ping,
    /// Send an unsolicited Pong.
    Pong,
    /// The Pong did not come within this time.
    Dead(Duration),
}

/// The clock of one socket's keep-alive. It owns one timer, which is moved
/// only when it fires: traffic costs a flag, not a timer operation.
#[derive(Debug)]
pub(crate) struct Timer {
    config: KeepAlive,
    sleep: Pin<Box<Sleep>>,
    last_received: Instant,
    received: bool,
    pong_deadline: Option<Instant>,
}

impl Timer {
    /// A timer that starts now; `None` when nothing is ever due.
    pub(crate) fn start(config: KeepAlive) -> Option<Self> {
        let (KeepAlive::Ping { interval, .. } | KeepAlive::Pong { interval }) = config else {
            return None;
        };
        let now = Instant::now();
        Some(Self {
            config,
            sleep: Box::pin(sleep_until(now + interval)),
            last_received: now,
            received: false,
            pong_deadline: None,
        })
    }

    /// Notes that the peer has sent something.
    pub(crate) fn received(&mut self) {
        self.received = true;
    }

    /// Notes that the Pong to a Ping of ours has come.
    pub(crate) fn pong_received(&mut self) {
        if let (Some(_), KeepAlive::Ping { interval, .. }) =
            (self.pong_deadline.take(), self.config)
        {
            // The next Ping is not put off by a long time to wait for this Pong.
            self.sleep.as_mut().reset(Instant::now() + interval);
        }
    }

    /// Ready when something is due. To be called when the socket has nothing
    /// more to read for now.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Due> {
        if self.received {
            self.received = false;
            self.last_received = Instant::now();
        }
        loop {
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            match self.config {
                KeepAlive::Off => return Poll::Pending,
                KeepAlive::Pong { interval } => {
                    self.sleep.as_mut().reset(now + interval);
                    return Poll::Ready(Due::Pong);
                }
                KeepAlive::Ping { interval, timeout } => {
                    if let (Some(deadline), Some(timeout)) = (self.pong_deadline, timeout) {
                        if now >= deadline {
                            return Poll::Ready(Due::Dead(timeout));
                        }
                        self.sleep.as_mut().reset(deadline);
                        continue;
                    }
                    let due = self.last_received + interval;
                    if now < due {
                        self.sleep.as_mut().reset(due);
                        continue;
                    }
                    self.last_received = now;
                    self.pong_deadline = timeout.map(|timeout| now + timeout);
                    self.sleep
                        .as_mut()
                        .reset(self.pong_deadline.unwrap_or(now + interval));
                    return Poll::Ready(Due::Ping);
                }
            }
        }
    }
}
