//! Several listeners as one: TCP ports and Unix domain sockets.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::accept::{Listener, canonical};
use super::context::Peer;
use crate::connection::Transport;

/// One of them.
#[derive(Debug)]
pub(crate) enum AnyListener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix domain socket.
    #[cfg(unix)]
    Unix(UnixListener),
}

/// Listeners that take turns, so that a busy one does not keep the others waiting.
#[derive(Debug)]
pub(crate) struct Listeners {
    all: Vec<AnyListener>,
    next: usize,
}

impl FromIterator<AnyListener> for Listeners {
    fn from_iter<T: IntoIterator<Item = AnyListener>>(all: T) -> Self {
        Self {
            all: all.into_iter().collect(),
            next: 0,
        }
    }
}

impl AnyListener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Transport, Peer)>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = ready!(listener.poll_accept(cx))?;
                // As for one listener alone.
                let _ = stream.set_nodelay(true);
                Poll::Ready(Ok((stream.into(), Peer::Tcp(canonical(address)))))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                Poll::Ready(Ok((stream.into(), Peer::Unix)))
            }
        }
    }
}

impl Listener for Listeners {
    type Stream = Transport;

    async fn accept(&mut self) -> io::Result<(Transport, Peer)> {
        std::future::poll_fn(|cx| {
            let (before, after) = self.all.split_at(self.next.min(self.all.len()));
            for (step, listener) in after.iter().chain(before).enumerate() {
                if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                    self.next = (self.next + step + 1) % self.all.len();
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }

    fn detach(
        stream: Transport,
    ) -> io::Result<impl FnOnce() -> io::Result<Transport> + Send + 'static> {
        let detached = match stream {
            Transport::Tcp(stream) => Detached::Tcp(stream.into_std()?),
            #[cfg(unix)]
            Transport::Unix(stream) => Detached::Unix(stream.into_std()?),
            other @ Transport::Other(_) => Detached::Other(other),
        };
        Ok(move || match detached {
            Detached::Tcp(stream) => Ok(tokio::net::TcpStream::from_std(stream)?.into()),
            #[cfg(unix)]
            Detached::Unix(stream) => Ok(tokio::net::UnixStream::from_std(stream)?.into()),
            Detached::Other(stream) => Ok(stream),
        })
    }
}

/// A connection between two runtimes.
enum Detached {
    Tcp(std::net::TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
    Other(Transport),
}
