//! The time that a client may be silent.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Watches for silence. The timer is moved when it fires, not for each frame.
pub(super) struct Idle {
    timeout: Duration,
    last: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Idle {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            last: Instant::now(),
            sleep: Box::pin(sleep(timeout)),
        }
    }

    /// Notes that the client has sent something.
    pub(super) fn reset(&mut self) {
        self.last = Instant::now();
    }
}

/// Waits until a client has been silent for too long.
pub(super) async fn expired(idle: &mut Option<Idle>) {
    let Some(idle) = idle else {
        return std::future::pending().await;
    };
    loop {
        idle.sleep.as_mut().await;
        let due = idle.last + idle.timeout;
        if Instant::now() >= due {
            return;
        }
        idle.sleep.as_mut().reset(due);
    }
}
