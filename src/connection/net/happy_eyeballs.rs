//! Happy eyeballs (RFC 8305): several addresses, the first that answers wins.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// RFC 8305 §5: "Connection Attempt Delay … recommended value 250 ms".
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to one of `addresses`, which must not be empty, by `attempt`;
/// tells which.
///
/// # Errors
/// The failure of the last attempt, when all have failed.
pub(super) async fn connect<F, A>(
    addresses: &[SocketAddr],
    attempt: A,
) -> io::Result<(TcpStream, SocketAddr)>
where
    A: Fn(SocketAddr) -> F,
    F: Future<Output = io::Result<TcpStream>>,
{
    let attempt = async |address| Ok((attempt(address).await?, address));
    match addresses {
        // The usual case needs no race.
        [address] => attempt(*address).await,
        _ => race(interleave(addresses), attempt).await,
    }
}

/// RFC 8305 §4: address families alternate, the resolver's first one first.
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut ours, mut others): (VecDeque<_>, VecDeque<_>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut order = Vec::with_capacity(addresses.len());
    while !ours.is_empty() || !others.is_empty() {
        order.extend(ours.pop_front());
        order.extend(others.pop_front());
    }
    order
}

/// Starts an attempt every [`ATTEMPT_DELAY`], sooner when one fails.
async fn race<T, F, A>(addresses: Vec<SocketAddr>, attempt: A) -> io::Result<T>
where
    A: Fn(SocketAddr) -> F,
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "no address to connect to");
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(attempt(address));
        } else if attempts.is_empty() {
            return Err(failure);
        }
        let next_attempt = Instant::now() + ATTEMPT_DELAY;
        let more = waiting.len() > 0;
        tokio::select! {
            Some(result) = attempts.next() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            },
            () = sleep_until(next_attempt), if more => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_alternate_from_the_first() {
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"].map(address);
        let order = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(address);
        assert_eq!(interleave(&given), order);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_costs_one_delay() {
        let start = Instant::now();
        let won = race(
            ["1.1.1.1:1", "2.2.2.2:1"].map(address).to_vec(),
            |address| async move {
                if address.ip().to_string() == "1.1.1.1" {
                    std::future::pending::<()>().await;
                }
                Ok(address)
            },
        );
        assert_eq!(won.await.unwrap(), address("2.2.2.2:1"));
        assert_eq!(start.elapsed(), ATTEMPT_DELAY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_costs_no_delay_and_the_last_failure_is_told() {
        let start = Instant::now();
        let addresses = ["1.1.1.1:1", "2.2.2.2:1"].map(address).to_vec();
        let failed = race(addresses, |address| async move {
            Err::<(), _>(io::Error::other(address.ip().to_string()))
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "2.2.2.2");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
