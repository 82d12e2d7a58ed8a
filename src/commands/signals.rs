//! The signals that end a command.

use std::io;
#[cfg(unix)]
use std::sync::Arc;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::exit::ExitStatus;
use crate::talk::Stop;

/// Within this time a signal is the same as the one before.
#[cfg(unix)]
const ECHO: Duration = Duration::from_millis(300);

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT; on Windows Ctrl-C. One that was
/// ignored when the program was started (by `nohup`, or by a shell for its
/// background jobs) stays ignored.
pub(super) struct Signals {
    #[cfg(unix)]
    listeners: Vec<(tokio::signal::unix::Signal, ExitStatus)>,
    /// What the first signal sets, for the next to end the process.
    #[cfg(unix)]
    ends: Option<Arc<AtomicBool>>,
}

impl Signals {
    /// Takes the signals over from their default, which is to end the process.
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(unix)]
        {
            let listeners = not_ignored()
                .map(|(kind, status)| Ok((tokio::signal::unix::signal(kind)?, status)))
                .collect::<io::Result<_>>()?;
            Ok(Self {
                listeners,
                ends: None,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// The same for a command that has something to tell at its end: the next
    /// signal after the first ends the process at once, whatever it is doing.
    pub(super) fn with_last_words() -> io::Result<Self> {
        #[cfg(unix)]
        {
            let ends = Arc::default();
            for (kind, status) in not_ignored() {
                let code = i32::from(status.code());
                signal_hook::flag::register_conditional_shutdown(
                    kind.as_raw_value(),
                    code,
                    Arc::clone(&ends),
                )?;
            }
            Ok(Self {
                ends: Some(ends),
                ..Self::new()?
            })
        }
        #[cfg(not(unix))]
        Self::new()
    }

    /// From soon on a signal ends the process. Not at once: `timeout`, and programs
    /// that pass on what the terminal has sent to all, send the first one twice.
    #[cfg(unix)]
    fn arm(ends: &Arc<AtomicBool>) {
        let ends = Arc::clone(ends);
        std::thread::spawn(move || {
            std::thread::sleep(ECHO);
            ends.store(true, Ordering::Relaxed);
        });
    }

    /// Waits for the next signal: the status of a process that it ends.
    pub(super) async fn next(&mut self) -> ExitStatus {
        #[cfg(unix)]
        {
            let status = std::future::poll_fn(|cx| {
                for (listener, status) in &mut self.listeners {
                    if listener.poll_recv(cx).is_ready() {
                        return std::task::Poll::Ready(*status);
                    }
                }
                std::task::Poll::Pending
            })
            .await;
            if let Some(ends) = &self.ends {
                Self::arm(ends);
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

    /// What ends a conversation from outside: a signal, or the time limit,
    /// which counts from now.
    pub(super) async fn stop(mut self, max_time: Option<Duration>) -> Stop {
        let limit = async {
            match max_time {
                Some(time) => sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = self.next() => match status {
                ExitStatus::Interrupted => Stop::Interrupt,
                ExitStatus::HungUp => Stop::HangUp,
                _ => Stop::Terminate,
            },
            () = limit => Stop::MaxTime,
        }
    }
}

/// The signals that end a command, with the status of a process that they end.
#[cfg(unix)]
fn not_ignored() -> impl Iterator<Item = (tokio::signal::unix::SignalKind, ExitStatus)> {
    use tokio::signal::unix::SignalKind;
    let ignored = ignored_at_start();
    [
        (SignalKind::interrupt(), ExitStatus::Interrupted),
        (SignalKind::terminate(), ExitStatus::Terminated),
        (SignalKind::hangup(), ExitStatus::HungUp),
        (SignalKind::quit(), ExitStatus::Terminated),
    ]
    .into_iter()
    .filter(move |(kind, _)| ignored & (1 << (kind.as_raw_value() - 1)) == 0)
}

/// The signals that were ignored when the program was started, as Linux tells
/// it. Elsewhere there is no way to ask without `unsafe`, and none counts as
/// ignored. Asked once: a signal that is listened for is not ignored any more.
#[cfg(unix)]
fn ignored_at_start() -> u64 {
    static AT_START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *AT_START.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        ignored_signals(&status).unwrap_or(0)
    })
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
