//! How a server tells its connections to end, and learns that they have.
//!
//! Works across runtimes: a [`Stop`] can live on any of them.

use std::convert::Infallible;

use tokio::sync::{mpsc, watch};

/// How far a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    /// Connections close, and may take their time for it.
    Draining,
    /// The time is over.
    Aborting,
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct Controller {
    phase: watch::Sender<Phase>,
    stop: Stop,
    all_gone: mpsc::Receiver<Infallible>,
}

/// A connection's end. The server waits until all of them are dropped.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    phase: watch::Receiver<Phase>,
    _alive: mpsc::Sender<Infallible>,
}

impl Controller {
    pub(crate) fn new() -> Self {
        let (phase, receiver) = watch::channel(Phase::Running);
        let (alive, all_gone) = mpsc::channel(1);
        Self {
            phase,
            stop: Stop {
                phase: receiver,
                _alive: alive,
            },
            all_gone,
        }
    }

    /// For one connection.
    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Tells the connections to close; waits for all of them, but not longer
    /// than `limit` takes.
    pub(crate) async fn drain(mut self, limit: impl Future<Output = ()>) {
        drop(self.stop);
        self.phase.send_replace(Phase::Draining);
        tokio::select! {
            biased;
            _ = self.all_gone.recv() => return,
            () = limit => {}
        }
        self.phase.send_replace(Phase::Aborting);
        self.all_gone.recv().await;
    }
}

impl Stop {
    /// Whether the connection is to close.
    pub(crate) fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Waits until the connection is to close.
    pub(crate) async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until the time for closing is over.
    pub(crate) async fn aborting(&self) {
        self.reached(Phase::Aborting).await;
    }

    async fn reached(&self, phase: Phase) {
        // A server that is gone has no more time to give.
        let _ = self.phase.clone().wait_for(|now| *now >= phase).await;
    }
}
