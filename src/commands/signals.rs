//! The signals that end a command.

use std::io;

use crate::exit::ExitStatus;

/// SIGINT and SIGTERM; on Windows Ctrl-C.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes the signals over from their default, which is to end the process.
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next signal: the status of a process that it ends.
    pub(super) async fn next(&mut self) -> ExitStatus {
        #[cfg(unix)]
        {
            tokio::select! {
                _ = self.interrupt.recv() => ExitStatus::Interrupted,
                _ = self.terminate.recv() => ExitStatus::Terminated,
            }
        }
        #[cfg(not(unix))]
        {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            ExitStatus::Interrupted
        }
    }
}
