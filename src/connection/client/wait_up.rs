//! Waiting for a server to come up: which failures are worth another try, and
//! when to make it.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::connection::client::dial::DialError;
use crate::connection::client::failure::{OpenError, OpenFailure};
use crate::connection::client::proxy::ProxyCause;
use crate::connection::client::retry::{Retries, RetryPolicy};
use crate::connection::http::{HandshakeError, HeadError};
use crate::connection::net::proxy::{SocksError, SocksReply};
use crate::connection::net::tcp::TcpError;
use crate::connection::net::tls::TlsError;

/// Between the last attempts, which come closer together.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Makes attempts until one succeeds, fails for good, or `limit` is over.
/// Each is told when that will be.
///
/// # Errors
/// The failure that another try would not mend, or the last one with the time that
/// was waited.
pub(super) async fn until_up<T, F>(
    limit: Duration,
    mut attempt: impl FnMut(Option<Instant>) -> F,
) -> Result<T, OpenFailure>
where
    F: Future<Output = Result<T, OpenFailure>>,
{
    // No clock reaches the end of a very long wait.
    let end = Instant::now().checked_add(limit);
    let mut retries = Retries::new(RetryPolicy::WAIT_UP);
    let mut last = None;
    loop {
        let failure = match attempt(end).await {
            Ok(opened) => return Ok(opened),
            Err(failure) if !may_pass(&failure.cause) => return Err(failure),
            Err(failure) => worth_telling(last.take(), failure, limit, end),
        };
        let (pause, _) = retries.next(0.0).unwrap_or_default();
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        sleep(pause_before_end(pause, left)).await;
        if end.is_some_and(|end| Instant::now() >= end) {
            return Err(OpenFailure {
                waited: Some(limit),
                ..failure
            });
        }
        last = Some(failure);
    }
}

/// The failure that tells most: not the time-out of an attempt that was cut short
/// only because the wait was over, where one before it had failed by itself.
fn worth_telling(
    earlier: Option<OpenFailure>,
    mut failure: OpenFailure,
    limit: Duration,
    end: Option<Instant>,
) -> OpenFailure {
    let is_over = end.is_some_and(|end| Instant::now() >= end);
    match (&mut *failure.cause, earlier) {
        (OpenError::Timeout { .. }, Some(earlier)) if is_over => earlier,
        (OpenError::Timeout { after, .. }, None) if is_over => {
            *after = limit;
            failure
        }
        _ => failure,
    }
}

/// A pause that would outlast the wait is half of what is left instead, so that
/// a server that comes up at the very end is still found.
fn pause_before_end(pause: Duration, left: Option<Duration>) -> Duration {
    match left {
        Some(left) if pause < left => pause,
        Some(left) if left > SHORTEST_PAUSE * 2 => left / 2,
        Some(left) => left,
        None => pause,
    }
}

/// Whether a failure is one that a server shows while it starts, or that a
/// gateway shows in its place.
pub(super) fn may_pass(error: &OpenError) -> bool {
    match error {
        OpenError::Dial(error) => dial_may_pass(error),
        OpenError::Handshake(HandshakeError::Rejected(rejection)) => {
            is_gateway_failure(rejection.response.status())
        }
        OpenError::Handshake(HandshakeError::Head(error)) => head_may_pass(error),
        OpenError::Timeout { .. } => true,
        OpenError::Redirect { .. } => false,
    }
}

fn head_may_pass(error: &HeadError) -> bool {
    match error {
        HeadError::Closed { received } => received.is_empty(),
        HeadError::Io(error) => is_cut(error),
        HeadError::NotHttp { .. }
        | HeadError::Tls
        | HeadError::TooLarge { .. }
        | HeadError::Interim { .. } => false,
    }
}

fn dial_may_pass(error: &DialError) -> bool {
    match error {
        DialError::Tcp(error) => tcp_may_pass(error),
        DialError::ConnectUnix { source, .. } => {
            source.kind() == io::ErrorKind::NotFound || is_cut(source)
        }
        DialError::Proxy(error) => proxy_may_pass(&error.cause),
        // A terminator whose server is not there yet ends the connection.
        DialError::Tls(TlsError::Closed { received_bytes: 0 }) => true,
        DialError::Tls(TlsError::Io(error)) => is_cut(error),
        DialError::Tls(_) => false,
    }
}

fn tcp_may_pass(error: &TcpError) -> bool {
    match error {
        TcpError::Resolve { .. } | TcpError::Connect { .. } => true,
        TcpError::Interface { .. } => false,
    }
}

fn proxy_may_pass(cause: &ProxyCause) -> bool {
    match cause {
        ProxyCause::Tcp(error) => tcp_may_pass(error),
        ProxyCause::Refused { response, .. } => is_gateway_failure(response.status()),
        ProxyCause::Head(error) => head_may_pass(error),
        ProxyCause::Socks(SocksError::Closed) => true,
        ProxyCause::Socks(SocksError::Io(error)) => is_cut(error),
        ProxyCause::Socks(SocksError::Refused { reason, .. }) => matches!(
            reason,
            SocksReply::General
                | SocksReply::NetworkUnreachable
                | SocksReply::HostUnreachable
                | SocksReply::ConnectionRefused
                | SocksReply::TtlExpired
        ),
        ProxyCause::Socks(_) | ProxyCause::Tls(_) | ProxyCause::Credentials { .. } => false,
    }
}

fn is_gateway_failure(status: u16) -> bool {
    matches!(status, 502..=504)
}

fn is_cut(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::client::proxy::ProxyError;
    use crate::connection::client::reached::Phase;

    fn refused() -> OpenFailure {
        let refused = TcpError::Connect {
            address: "127.0.0.1:1".into(),
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        DialError::from(refused).into()
    }

    #[test]
    fn wait_up_waits_for_what_a_server_shows_while_it_starts() {
        let unix = |kind: io::ErrorKind| {
            OpenError::from(DialError::ConnectUnix {
                path: "/run/no.sock".into(),
                source: kind.into(),
            })
        };
        let proxy = |error| {
            let proxy = "socks5h://h:1".to_owned();
            let cause = ProxyCause::Socks(error);
            OpenError::from(DialError::from(ProxyError { proxy, cause }))
        };
        let timeout = OpenError::Timeout {
            after: Duration::ZERO,
            stuck: Box::new(Phase::Upgrade.into()),
        };
        let refused = |reason| SocksError::Refused {
            reason,
            destination: "h:1".to_owned(),
        };
        for (error, passes) in [
            (timeout, true),
            (unix(io::ErrorKind::NotFound), true),
            (unix(io::ErrorKind::ConnectionRefused), true),
            (unix(io::ErrorKind::PermissionDenied), false),
            (proxy(SocksError::Closed), true),
            (proxy(refused(SocksReply::HostUnreachable)), true),
            (proxy(refused(SocksReply::NotAllowed)), false),
        ] {
            assert_eq!(may_pass(&error), passes, "{error:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tries_come_fast_at_first_and_then_once_a_second() {
        let start = Instant::now();
        let mut tries = Vec::new();
        let result: Result<(), _> = until_up(Duration::from_secs(4), |_| {
            tries.push(start.elapsed().as_millis());
            async { Err(refused()) }
        })
        .await;
        // Then closer together again, so that the end of the wait is used too.
        assert_eq!(
            tries,
            [
                0, 50, 150, 350, 750, 1550, 2550, 3550, 3775, 3888, 3944, 3972, 3986
            ]
        );
        assert_eq!(start.elapsed(), Duration::from_secs(4));
        assert_eq!(
            result.unwrap_err().to_string(),
            "the server was not up within 4s: could not connect to 127.0.0.1:1: connection refused"
        );
    }

    /// A server that is up after so long; whether the wait finds it.
    async fn found(limit: Duration, up_after: Duration) -> bool {
        let start = Instant::now();
        let result = until_up(limit, |_| async {
            match start.elapsed() < up_after {
                true => Err(refused()),
                false => Ok(()),
            }
        });
        result.await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn wait_up_uses_the_whole_time_it_was_given() {
        for limit in [100, 1000, 2000, 3000, 10_000, 61_500] {
            let limit = Duration::from_millis(limit);
            for before_end in [25, 50, 75, 100] {
                let up_after = limit - Duration::from_millis(before_end);
                assert!(found(limit, up_after).await, "{limit:?} {up_after:?}");
            }
            assert!(!found(limit, limit * 2).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn wait_up_tells_the_failure_before_the_attempt_that_its_own_end_cut() {
        let limit = Duration::from_secs(2);
        let timeout = |after| {
            OpenFailure::from(OpenError::Timeout {
                after,
                stuck: Box::new(Phase::Upgrade.into()),
            })
        };
        let mut tries = 0;
        let result: Result<(), _> = until_up(limit, |end| {
            tries += 1;
            async move {
                if tries == 1 {
                    return Err(refused());
                }
                let end = end.unwrap();
                let left = end - Instant::now();
                tokio::time::sleep_until(end).await;
                Err(timeout(left))
            }
        })
        .await;
        assert_eq!(
            result.unwrap_err().to_string(),
            "the server was not up within 2s: could not connect to 127.0.0.1:1: connection refused"
        );
        // Where none failed before it, with the whole wait as its limit.
        let result: Result<(), _> = until_up(limit, |end| async move {
            tokio::time::sleep_until(end.unwrap()).await;
            Err(timeout(Duration::from_nanos(1_999_999_999)))
        })
        .await;
        assert_eq!(
            result.unwrap_err().to_string(),
            "the server was not up within 2s: no answer to the opening handshake within 2s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_comes_up_is_taken_and_a_lasting_failure_ends_the_wait() {
        let mut left = 3;
        let up = until_up(Duration::from_secs(4), |_| {
            left -= 1;
            async move { if left == 0 { Ok(()) } else { Err(refused()) } }
        });
        assert!(up.await.is_ok());
        let mut tries = 0;
        let lasting: Result<(), _> = until_up(Duration::from_secs(4), |_| {
            tries += 1;
            async {
                let error = HeadError::TooLarge { limit_bytes: 1 };
                Err(HandshakeError::from(error).into())
            }
        })
        .await;
        let lasting = lasting.unwrap_err();
        assert!(matches!(*lasting.cause, OpenError::Handshake(_)));
        assert_eq!(lasting.waited, None);
        assert_eq!(tries, 1);
    }
}
