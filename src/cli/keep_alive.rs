//! The keep-alive flags, which mean the same wherever a command has them.

use std::time::Duration;

use clap::ValueEnum;

use crate::connection::KeepAlive;

/// What `--keep-alive` can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeepAliveMode {
    /// A Ping after each interval without a frame from the peer
    Ping,
    /// An unsolicited, empty Pong every interval
    Pong,
    /// Nothing
    Off,
}

/// Puts the three flags together. An interval of 0 is the same as off.
///
/// # Errors
/// A sentence about flags that cannot work together.
pub(crate) fn keep_alive(
    mode: KeepAliveMode,
    interval: Duration,
    timeout: Option<Duration>,
) -> Result<KeepAlive, String> {
    if mode != KeepAliveMode::Ping && timeout.is_some() {
        return Err(
            "--keep-alive-timeout waits for the answer to a ping; use it with --keep-alive ping"
                .into(),
        );
    }
    if timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err("--keep-alive-timeout 0 leaves no time for an answer; give more".into());
    }
    if timeout.is_some() && interval.is_zero() {
        return Err(
            "--keep-alive-interval 0 sends no ping that --keep-alive-timeout could wait for; \
             leave one of them out"
                .into(),
        );
    }
    Ok(match mode {
        KeepAliveMode::Off => KeepAlive::Off,
        _ if interval.is_zero() => KeepAlive::Off,
        KeepAliveMode::Ping => KeepAlive::Ping { interval, timeout },
        KeepAliveMode::Pong => KeepAlive::Pong { interval },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_work_together() {
        use KeepAliveMode::{Off, Ping, Pong};
        let second = Duration::from_secs(1);
        let pings = |timeout| {
            Some(KeepAlive::Ping {
                interval: second,
                timeout,
            })
        };
        for (mode, interval, timeout, expected) in [
            (Ping, second, None, pings(None)),
            (Ping, second, Some(second), pings(Some(second))),
            (
                Pong,
                second,
                None,
                Some(KeepAlive::Pong { interval: second }),
            ),
            (Off, second, None, Some(KeepAlive::Off)),
            (Ping, Duration::ZERO, None, Some(KeepAlive::Off)),
            (Ping, second, Some(Duration::ZERO), None),
            (Ping, Duration::ZERO, Some(second), None),
            (Pong, second, Some(second), None),
            (Off, second, Some(second), None),
        ] {
            let result = keep_alive(mode, interval, timeout).ok();
            assert_eq!(result, expected, "{mode:?} {interval:?} {timeout:?}");
        }
    }
}
