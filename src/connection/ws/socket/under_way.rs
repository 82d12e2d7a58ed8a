//! The message of the peer that has begun and not ended.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::config::UnfinishedLimit;
use crate::connection::SocketError;

/// The time that messages may take.
#[derive(Debug)]
pub(super) struct UnderWay {
    limit: Duration,
    /// The number of the message, and its time.
    begun: Option<(u64, Pin<Box<Sleep>>)>,
}

impl UnderWay {
    pub(super) fn new(limit: &UnfinishedLimit) -> Box<Self> {
        Box::new(Self {
            limit: limit.timeout,
            begun: None,
        })
    }

    /// Ready when the message under way has taken too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, message: Option<u64>) -> Poll<SocketError> {
        let Some(message) = message else {
            self.begun = None;
            return Poll::Pending;
        };
        let limit = self.limit;
        let new = || (message, Box::pin(sleep(limit)));
        let begun = self.begun.take().filter(|(begun, _)| *begun == message);
        let (_, sleep) = self.begun.insert(begun.unwrap_or_else(new));
        let over = sleep.as_mut().poll(cx);
        over.map(|()| SocketError::MessageTimeout(limit))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;
    use crate::connection::ws::codec::{Header, Opcode};
    use crate::connection::{
        Closed, Event, Message, MessageBudget, Role, Socket, SocketConfig, Transport,
    };

    /// A server's socket of this configuration, and the client's bytes.
    async fn pair(config: &SocketConfig) -> (Socket, DuplexStream) {
        let (near, far) = duplex(8 << 20);
        let socket = Socket::new(Transport::other(far), Bytes::new(), config).await;
        (socket, near)
    }

    fn fragment(opcode: Opcode, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        // A key of zeros masks nothing.
        Header::new(opcode, is_final, Some([0; 4]), payload.len() as u64).write(&mut frame);
        frame.extend(payload);
        frame
    }

    async fn closed(socket: &mut Socket) -> Closed {
        loop {
            match socket.next().await {
                Some(Event::Closed(closed)) => return closed,
                Some(_) => {}
                None => panic!("the end has been told"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn message_timeout_ends_a_message_that_does_not_end() {
        let config = SocketConfig {
            unfinished: Some(UnfinishedLimit {
                timeout: Duration::from_secs(60),
                budget: MessageBudget::new(1 << 20),
            }),
            close_timeout: Duration::from_secs(1),
            ..SocketConfig::new(Role::Server)
        };
        for begun in [
            fragment(Opcode::Text, false, b"begun"),
            fragment(Opcode::Binary, true, &[0; 100])[..50].to_vec(),
        ] {
            let (mut socket, mut client) = pair(&config).await;
            // One message after the other is none that takes long.
            let whole = fragment(Opcode::Text, true, b"whole");
            let start = Instant::now();
            for _ in 0..10 {
                client.write_all(&whole).await.unwrap();
                assert!(matches!(socket.next().await, Some(Event::Message { .. })));
                sleep(Duration::from_secs(10)).await;
            }
            client.write_all(&begun).await.unwrap();
            let closed = closed(&mut socket).await;
            assert!(matches!(closed.error, Some(SocketError::MessageTimeout(_))));
            assert_eq!(closed.sent.and_then(|frame| frame.code), Some(1008));
            assert!((160..165).contains(&start.elapsed().as_secs()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn message_budget_bounds_what_several_sockets_hold() {
        let budget = MessageBudget::new(2 << 20);
        let config = SocketConfig {
            unfinished: Some(UnfinishedLimit {
                timeout: Duration::from_secs(60),
                budget: Arc::clone(&budget),
            }),
            close_timeout: Duration::from_secs(1),
            ..SocketConfig::new(Role::Server)
        };
        let piece = vec![0; 1 << 20];
        let (mut one, mut client) = pair(&config).await;
        for opcode in [Opcode::Binary, Opcode::Continuation] {
            client
                .write_all(&fragment(opcode, false, &piece))
                .await
                .unwrap();
        }
        let waits = tokio::time::timeout(Duration::from_millis(1), one.next());
        assert!(waits.await.is_err(), "it waits for the rest");
        let (mut other, mut other_client) = pair(&config).await;
        let begun = fragment(Opcode::Binary, false, &piece);
        other_client.write_all(&begun).await.unwrap();
        let closed = closed(&mut other).await;
        assert!(matches!(closed.error, Some(SocketError::NoRoom)));
        let mut told = [0; 4];
        other_client.read_exact(&mut told).await.unwrap();
        assert_eq!(told[2..], 1013_u16.to_be_bytes());
        // What has its place goes on, and gives it back at its end.
        let last = fragment(Opcode::Continuation, true, b"end");
        client.write_all(&last).await.unwrap();
        let Some(Event::Message { message, .. }) = one.next().await else {
            panic!("a message");
        };
        assert_eq!(message.len(), (2 << 20) + 3);
        let (mut third, mut client) = pair(&config).await;
        client.write_all(&begun).await.unwrap();
        client.write_all(&last).await.unwrap();
        let event = third.next().await;
        assert!(matches!(
            event,
            Some(Event::Message {
                message: Message::Binary(_),
                ..
            })
        ));
    }
}
