//! The echo: every message goes back as it came, type and boundaries kept.
//!
//! The messages that are there already are answered together, with one write.
//! A client that does not read its echoes is not read from either: the wait is
//! in [`SinkExt::feed`], or in `flush` for what [`Socket::echo`] has answered,
//! so memory stays bounded by one message, or by some 100 KiB of small ones.

use std::pin::pin;

use futures_util::SinkExt;

use super::idle::{Idle, expired};
use super::{IDLE_TIMEOUT, SHUTTING_DOWN};
use crate::connection::{Answered, CloseCode, CloseFrame, Closed, Event, Message, Socket};
use crate::server::context::{Context, Outcome, Stop, Traffic};

/// Answers are written out after this many events even when more are waiting,
/// so that the first of them is not held back for long.
const MAX_BATCH_EVENTS: usize = 256;

/// Echoes until the socket is closed: by the client, for its silence, or by
/// `stop`. Counts what it carries as it goes, in `context`, and returns the sum.
pub(crate) async fn echo(mut socket: Socket, context: &Context, stop: &Stop) -> (Outcome, Traffic) {
    let mut traffic = Traffic::default();
    let mut counted = traffic;
    let mut idle = context.config.idle_timeout.map(Idle::new);
    // One registration for the whole life of the connection.
    let mut draining = pin!(stop.draining());
    let why = loop {
        if stop.is_draining() {
            break SHUTTING_DOWN;
        }
        tokio::select! {
            biased;
            turn = answer(&mut socket, &mut traffic) => {
                context.carried(traffic.since(&counted));
                counted = traffic;
                match (turn, &mut idle) {
                    (Turn::Closed(closed), _) => return (Outcome::Closed(closed), traffic),
                    (Turn::Received, Some(idle)) => idle.reset(),
                    (Turn::Received | Turn::Nothing, _) => {}
                }
            }
            () = &mut draining => {}
            () = expired(&mut idle) => break IDLE_TIMEOUT,
        }
    };
    let outcome = close(socket, why, stop, &mut traffic).await;
    context.carried(traffic.since(&counted));
    (outcome, traffic)
}

/// What a turn of answering came to.
enum Turn {
    /// The client has sent something.
    Received,
    /// Only our own ping or pong has left.
    Nothing,
    Closed(Closed),
}

/// Waits for messages, answers those that are there, and writes it all out.
async fn answer(socket: &mut Socket, traffic: &mut Traffic) -> Turn {
    let mut next = match socket.echo().await {
        // The last event was returned before.
        None => return Turn::Nothing,
        Some(Answered::Event(event)) => Some(event),
        Some(Answered::Echoed(echoed)) => {
            traffic.received_messages += echoed.messages;
            traffic.received_bytes += echoed.bytes;
            traffic.sent_messages += echoed.messages;
            traffic.sent_bytes += echoed.bytes;
            let _ = socket.flush().await;
            return Turn::Received;
        }
    };
    let mut turn = Turn::Nothing;
    let mut answered = 0;
    while let Some(event) = next {
        match event {
            Event::Closed(closed) => return Turn::Closed(closed),
            Event::Flushed => {}
            Event::Ping(_) | Event::Pong { .. } => turn = Turn::Received,
            Event::Message { message, .. } => {
                turn = Turn::Received;
                send_back(socket, message, traffic).await;
            }
        }
        answered += 1;
        next = (answered < MAX_BATCH_EVENTS)
            .then(|| socket.try_next())
            .flatten();
    }
    let _ = socket.flush().await;
    turn
}

async fn send_back(socket: &mut Socket, message: Message, traffic: &mut Traffic) {
    let bytes = message.len();
    traffic.received(bytes);
    // A socket that takes no more says why in its last event.
    if socket.feed(message).await.is_ok() {
        traffic.sent(bytes);
    }
}

/// Tells the client that the server goes away, and waits for its answer.
async fn close(mut socket: Socket, why: &str, stop: &Stop, traffic: &mut Traffic) -> Outcome {
    socket.start_close(CloseFrame::new(CloseCode::GOING_AWAY, why));
    let mut aborting = pin!(stop.aborting());
    loop {
        tokio::select! {
            biased;
            event = socket.next() => match event {
                Some(Event::Closed(closed)) => return Outcome::Closed(closed),
                // After a Close nothing may be sent: there is no echo.
                Some(Event::Message { message, .. }) => {
                    traffic.received(message.len());
                }
                Some(_) => {}
                None => break,
            },
            () = &mut aborting => break,
        }
    }
    let closed = socket.abort();
    // One that has answered, and is only slow to end its side, is at its end.
    if closed.received.is_some() {
        Outcome::Closed(closed)
    } else {
        Outcome::Abandoned
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::{self, Poll};
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

    use tokio::time::Instant;

    use super::*;
    use crate::connection::{Role, SocketConfig, Transport};
    use crate::server::context::{Controller, ServerConfig};

    /// Counts the writes that reach the transport.
    struct Counting {
        inner: DuplexStream,
        writes: Arc<AtomicUsize>,
    }

    impl AsyncRead for Counting {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut task::Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            Pin::new(&mut self.inner).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Counting {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut task::Context<'_>,
            buf: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            self.writes.fetch_add(1, Relaxed);
            Pin::new(&mut self.inner).poll_write(cx, buf)
        }

        fn poll_flush(
            mut self: Pin<&mut Self>,
            cx: &mut task::Context<'_>,
        ) -> Poll<std::io::Result<()>> {
            Pin::new(&mut self.inner).poll_flush(cx)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            cx: &mut task::Context<'_>,
        ) -> Poll<std::io::Result<()>> {
            Pin::new(&mut self.inner).poll_shutdown(cx)
        }
    }

    /// A client over memory of so many bytes, the server's side of it, and
    /// the server's writes.
    async fn pair(bytes: usize) -> (Socket, Socket, Arc<AtomicUsize>) {
        let (near, far) = duplex(bytes);
        let writes = Arc::new(AtomicUsize::new(0));
        let counting = Counting {
            inner: far,
            writes: Arc::clone(&writes),
        };
        let socket = async |transport, role| {
            Socket::new(transport, Bytes::new(), &SocketConfig::new(role)).await
        };
        (
            socket(Transport::other(near), Role::Client).await,
            socket(Transport::other(counting), Role::Server).await,
            writes,
        )
    }

    async fn message(socket: &mut Socket) -> Message {
        loop {
            match socket.next().await {
                Some(Event::Message { message, .. }) => return message,
                Some(Event::Closed(closed)) => panic!("{closed:?}"),
                Some(_) => {}
                None => panic!("no message"),
            }
        }
    }

    #[tokio::test]
    async fn echo_answers_what_comes_together_with_one_write() {
        let (mut client, server, writes) = pair(64 << 10).await;
        for n in 0..100 {
            client.feed(Message::text(n.to_string())).await.unwrap();
        }
        client.flush().await.unwrap();
        let controller = Controller::new();
        let stop = controller.stop();
        let server = tokio::spawn(async move {
            echo(server, &Context::alone(ServerConfig::default()), &stop).await
        });
        for n in 0..100 {
            assert_eq!(message(&mut client).await, Message::text(n.to_string()));
        }
        assert_eq!(writes.load(Relaxed), 1);
        client.close(CloseFrame::default()).await.unwrap();
        let (outcome, traffic) = server.await.unwrap();
        assert!(matches!(outcome, Outcome::Closed(closed) if closed.error.is_none()));
        assert_eq!((traffic.sent_messages, traffic.sent_bytes), (100, 190));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_timeout_is_not_reset_by_our_own_pings() {
        let (_client, far) = duplex(1 << 10);
        let config = SocketConfig {
            keep_alive: crate::connection::KeepAlive::Ping {
                interval: Duration::from_secs(1),
                timeout: None,
            },
            close_timeout: Duration::from_secs(1),
            ..SocketConfig::new(Role::Server)
        };
        let server = Socket::new(Transport::other(far), Bytes::new(), &config).await;
        let controller = Controller::new();
        let stop = controller.stop();
        let config = ServerConfig {
            idle_timeout: Some(Duration::from_secs(10)),
            ..ServerConfig::default()
        };
        let start = Instant::now();
        echo(server, &Context::alone(config), &stop).await;
        // Besides, the one wait for the answer to the Close and for the end.
        assert_eq!(start.elapsed(), Duration::from_secs(10 + 1));
    }

    #[tokio::test(start_paused = true)]
    async fn echo_does_not_read_from_a_client_that_does_not_read() {
        let (mut client, server, _) = pair(1 << 10).await;
        let controller = Controller::new();
        let stop = controller.stop();
        let server = tokio::spawn(async move {
            echo(server, &Context::alone(ServerConfig::default()), &stop).await
        });
        let (mut sent, mut refused) = (0_u32, false);
        // The paths hold a little; far less than this.
        while !refused && sent < 10_000 {
            let message = Message::binary(vec![0; 1 << 10]);
            let send = client.send(message);
            let limit = Duration::from_millis(100);
            match tokio::time::timeout(limit, send).await {
                Ok(result) => result.unwrap(),
                Err(_) => refused = true,
            }
            sent += 1;
        }
        assert!(refused);
        for _ in 0..sent {
            assert_eq!(message(&mut client).await.len(), 1 << 10);
        }
        client.close(CloseFrame::default()).await.unwrap();
        let (_, traffic) = server.await.unwrap();
        assert_eq!(traffic.sent_messages, u64::from(sent));
    }
}
