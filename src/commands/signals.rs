//! The signals that end a command.

use std::io;
#[cfg(unix)]
use std::sync::Arc;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::time::Duration;

use crate::exit::ExitStatus;

/// Within this time a signal is the same as the one before.
#[cfg(unix)]
const ECHO: Duration = Duration::from_millis(300);

/// SIGINT and SIGTERM; on Windows Ctrl-C.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
    /// Whether the first signal arms `ends`.
    #[cfg(unix)]
    is_last: bool,
    /// Whether a signal ends the process.
    #[cfg(unix)]
    ends: Arc<AtomicBool>,
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
                hangup: None,
                is_last: false,
                ends: Arc::default(),
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// The same, and SIGHUP with them, for a command that has something to tell
    /// at its end. The next signal after the first ends the process at once,
    /// whatever it is doing.
    pub(super) fn with_last_words() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
            use tokio::signal::unix::{SignalKind, signal};

            let hangs_up = takes_hangup();
            let hangup = hangs_up.then(|| signal(SignalKind::hangup())).transpose()?;
            let mut signals = Self {
                hangup,
                ..Self::new()?
            };
            for (number, status) in [
                (SIGINT, ExitStatus::Interrupted),
                (SIGTERM, ExitStatus::Terminated),
                (SIGHUP, ExitStatus::Terminated),
            ] {
                if number != SIGHUP || hangs_up {
                    let (code, ends) = (i32::from(status.code()), Arc::clone(&signals.ends));
                    signal_hook::flag::register_conditional_shutdown(number, code, ends)?;
                }
            }
            signals.is_last = true;
            Ok(signals)
        }
        #[cfg(not(unix))]
        Self::new()
    }

    /// From soon on a signal ends the process. Not at once: `timeout`, and programs
    /// that pass on what the terminal has sent to all, send the first one twice.
    #[cfg(unix)]
    fn arm(&self) {
        let ends = Arc::clone(&self.ends);
        std::thread::spawn(move || {
            std::thread::sleep(ECHO);
            ends.store(true, Ordering::Relaxed);
        });
    }

    /// Waits for the next signal: the status of a process that it ends.
    pub(super) async fn next(&mut self) -> ExitStatus {
        #[cfg(unix)]
        {
            let hangup = async {
                match &mut self.hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            let status = tokio::select! {
                _ = self.interrupt.recv() => ExitStatus::Interrupted,
                _ = self.terminate.recv() => ExitStatus::Terminated,
                _ = hangup => ExitStatus::Terminated,
            };
            if self.is_last {
                self.arm();
            }
            status
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

/// Whether SIGHUP is not ignored: `nohup` has it ignored, and means it. Where the
/// system does not tell, its default is left in place.
#[cfg(unix)]
fn takes_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status");
    status.is_ok_and(|status| ignored_signals(&status).is_some_and(|mask| mask & 1 == 0))
}

/// The signals that a process ignores: signal 1, SIGHUP, in the lowest bit.
#[cfg(unix)]
fn ignored_signals(status: &str) -> Option<u64> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_has_ignored_is_seen() {
        for (status, mask) in [
            ("Name:\tx\nSigIgn:\t0000000000000001\n", Some(1)),
            ("SigIgn:\t0000000000001000\nSigCgt:\t1\n", Some(0x1000)),
            ("SigCgt:\t1\n", None),
        ] {
            assert_eq!(ignored_signals(status), mask);
        }
    }
}
