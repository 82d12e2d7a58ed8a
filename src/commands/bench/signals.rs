//! What ends a run early.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

/// Why a run ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// `--max-time`.
    MaxTime,
}

/// Waits for whichever comes first.
pub(super) async fn interrupted(max_time: Option<Duration>) -> Cause {
    let out_of_time = async {
        match max_time {
            Some(after) => sleep(after).await,
            None => pending().await,
        }
    };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => Cause::Interrupt,
        () = terminated() => Cause::Terminate,
        () = out_of_time => Cause::MaxTime,
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut stream) => {
            stream.recv().await;
        }
        Err(_) => pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    pending().await
}
