//! Waiting in an echo: whole plain messages are answered on the way.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::{Socket, Writes};
use crate::connection::Event;
use crate::connection::ws::frame_io::Echoed;

/// What [`Socket::echo`] waited for.
#[derive(Debug)]
pub enum Answered {
    /// Messages that have been answered with themselves. There is at least
    /// one.
    Echoed(Echoed),
    /// Anything else; it is for the caller to answer.
    Event(Event),
}

impl Socket {
    /// As [`next`](Self::next), for an owner that answers every message with
    /// itself: most are answered here, many at a time and without an event for
    /// each. An event comes only when everything before it has been answered.
    pub async fn echo(&mut self) -> Option<Answered> {
        poll_fn(|cx| self.poll_echo(cx)).await
    }

    fn poll_echo(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answered>> {
        if self.can_echo() {
            match self
                .ws
                .get_mut()
                .poll_echo(cx, self.max_message_bytes.min(self.max_frame_bytes))
            {
                Poll::Ready(echoed) if echoed.messages > 0 => {
                    let io = self.ws.get_ref();
                    self.unflushed = io.has_unsent() || io.write_error().is_some();
                    if let Some(timer) = &mut self.keep_alive {
                        timer.received();
                    }
                    return Poll::Ready(Some(Answered::Echoed(echoed)));
                }
                Poll::Ready(_) => {}
                Poll::Pending => match self.poll_timers(cx) {
                    Poll::Ready(error) => {
                        self.error = error;
                        self.begin_finish();
                    }
                    // A ping may have been queued: it is written below.
                    Poll::Pending if !self.unflushed => return Poll::Pending,
                    Poll::Pending => {}
                },
            }
        }
        self.poll_event(cx, Writes::Out)
            .map(|event| event.map(Answered::Event))
    }

    /// Whether nothing of what was read or written is still on its way
    /// through tungstenite.
    fn can_echo(&self) -> bool {
        self.is_open()
            && self.deadline.is_none()
            && self.outgoing.is_empty()
            && !self.unflushed
            && self.ws.is_idle()
            && self.ws.get_ref().is_between_messages()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::SinkExt;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::connection::ws::mask;
    use crate::connection::{Message, Role, SocketConfig, SocketError, Transport};

    const KEY: [u8; 4] = [0x11, 0x82, 0, 0xff];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(len), _) if len < 126 => frame.push(0x80 | len),
            (_, Ok(len)) => {
                frame.push(0x80 | 126);
                frame.extend(len.to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend(KEY);
        let start = frame.len();
        frame.extend(payload);
        mask::apply(&mut frame[start..], KEY);
        frame
    }

    /// One thing that a client sends: mostly what is answered on the way.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let text = "[a-zäß漢😀]{0,60}";
        prop_oneof![
            6 => text.prop_map(|text| frame(0x81, text.as_bytes())),
            6 => proptest::collection::vec(any::<u8>(), 0..200)
                .prop_map(|payload| frame(0x82, &payload)),
            1 => (0_usize..40_000).prop_map(|len| frame(0x82, &vec![7; len])),
            1 => (0_usize..40_000).prop_map(|len| frame(0x81, "ß".repeat(len).as_bytes())),
            1 => text.prop_map(|text| [frame(0x01, text.as_bytes()), frame(0x80, b"!")].concat()),
            1 => Just([frame(0x02, b"one"), frame(0x89, b"?"), frame(0x80, b"two")].concat()),
            1 => Just(frame(0x89, b"ping")),
            1 => Just(frame(0x8a, b"pong")),
            // A length in a longer form than it needs.
            1 => Just(vec![0x82, 0xfe, 0, 1, 0, 0, 0, 0, b'x']),
        ]
    }

    /// What may stand at the end.
    fn last() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            2 => Just(frame(0x88, b"\x03\xe8bye")),
            1 => Just(frame(0x81, b"not \xff UTF-8")),
            1 => Just(frame(0x81, b"cut \xf0\x9f")),
            1 => Just(frame(0x82, &[0; 50_001])),
            1 => Just(frame(0xc2, b"reserved")),
            1 => Just(frame(0x83, b"")),
            1 => Just(vec![0x82, 1, b'x']),
            1 => Just(frame(0x82, b"cut off")[..8].to_vec()),
            1 => Just(Vec::new()),
        ]
    }

    /// Answers by `echo`, or by events alone; says what it all came to.
    async fn serve(mut socket: Socket, by_echo: bool) -> String {
        let mut messages = 0;
        loop {
            let answered = if by_echo {
                socket.echo().await
            } else {
                socket.next().await.map(Answered::Event)
            };
            match answered {
                Some(Answered::Echoed(echoed)) => messages += echoed.messages,
                Some(Answered::Event(Event::Message { message, .. })) => {
                    messages += 1;
                    let _ = socket.feed(message).await;
                }
                Some(Answered::Event(Event::Closed(closed))) => {
                    // The words of a UTF-8 error depend on how the text was cut.
                    let error = closed.error.map(|error| match error {
                        SocketError::Utf8(_) => "UTF-8".to_owned(),
                        // How much had come of a faulty frame may differ.
                        SocketError::Frame(error) => error.fault.to_string(),
                        error => error.to_string(),
                    });
                    let (received, sent) = (closed.received, closed.sent);
                    return format!("{messages}, {received:?}, {sent:?}, {error:?}");
                }
                Some(Answered::Event(_)) => {}
                None => panic!("it ended without telling how"),
            }
            let _ = socket.flush().await;
        }
    }

    /// All that a client reads which sends `chunks`, and what it came to.
    async fn answers(chunks: &[&[u8]], by_echo: bool, room: usize) -> (Vec<u8>, String) {
        let (near, far) = duplex(room);
        let mut config = SocketConfig::new(Role::Server);
        config.max_message_bytes = 50_000;
        config.close_timeout = Duration::from_secs(1);
        let socket = Socket::new(Transport::other(near), Bytes::new(), &config).await;
        let (mut read, mut write) = tokio::io::split(far);
        let sends = async {
            for chunk in chunks {
                if write.write_all(chunk).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let _ = write.shutdown().await;
        };
        let reads = async {
            let mut bytes = Vec::new();
            let _ = read.read_to_end(&mut bytes).await;
            bytes
        };
        let ((), bytes, told) = tokio::join!(sends, reads, serve(socket, by_echo));
        (bytes, told)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_answers_are_those_of_the_events(
            pieces in proptest::collection::vec(piece(), 0..20),
            last in last(),
            cuts in proptest::collection::vec(1_usize..3000, 1..30),
            room in prop_oneof![1_usize..100, Just(1 << 20)],
        ) {
            let bytes = [pieces.concat(), last].concat();
            // A long answer through a narrow pipe would only repeat what a short one shows.
            let room = room.max(bytes.len() / 500);
            let mut chunks = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, behind) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = behind;
            }
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            let (by_echo, by_events) = runtime.block_on(async {
                (answers(&chunks, true, room).await, answers(&chunks, false, room).await)
            });
            prop_assert_eq!(by_echo, by_events);
        }
    }

    async fn server(config: &SocketConfig) -> (Socket, tokio::io::DuplexStream) {
        let (near, far) = duplex(1 << 16);
        (
            Socket::new(Transport::other(near), Bytes::new(), config).await,
            far,
        )
    }

    #[tokio::test]
    async fn what_arrived_with_the_handshake_is_answered_at_once() {
        let (near, mut far) = duplex(100);
        let leftover =
            Bytes::from([frame(0x81, b"early"), frame(0x82, b"la")].concat()).slice(..15);
        let config = SocketConfig::new(Role::Server);
        let mut socket = Socket::new(Transport::other(near), leftover, &config).await;
        let one = |answered| match answered {
            Some(Answered::Echoed(echoed)) => echoed,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            one(socket.echo().await),
            Echoed {
                messages: 1,
                bytes: 5
            }
        );
        far.write_all(&frame(0x82, b"la")[4..]).await.unwrap();
        assert_eq!(
            one(socket.echo().await),
            Echoed {
                messages: 1,
                bytes: 2
            }
        );
        let mut answers = [0; 11];
        far.read_exact(&mut answers).await.unwrap();
        assert_eq!(&answers, b"\x81\x05early\x82\x02la");
    }

    #[tokio::test(start_paused = true)]
    async fn text_is_refused_before_its_frame_ends() {
        let (mut socket, mut far) = server(&SocketConfig::new(Role::Server)).await;
        far.write_all(&frame(0x81, b"fine, then \xff and more")[..20])
            .await
            .unwrap();
        let ended = tokio::spawn(async move { socket.echo().await });
        let mut answer = [0; 4];
        far.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer[2..], &1007_u16.to_be_bytes());
        drop(far);
        assert!(matches!(
            ended.await.unwrap(),
            Some(Answered::Event(Event::Closed(closed))) if matches!(closed.error, Some(SocketError::Utf8(_)))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_connection_is_kept_alive() {
        let mut config = SocketConfig::new(Role::Server);
        config.keep_alive = crate::connection::KeepAlive::Ping {
            interval: Duration::from_secs(1),
            timeout: Some(Duration::from_secs(1)),
        };
        let (mut socket, mut far) = server(&config).await;
        let waits = tokio::spawn(async move {
            let first = socket.echo().await;
            loop {
                match socket.echo().await {
                    Some(Answered::Event(Event::Flushed)) => {}
                    second => return (first, second),
                }
            }
        });
        far.write_all(&frame(0x81, b"hello")).await.unwrap();
        let mut answer = [0; 7 + 2];
        far.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[7], 0x89);
        let (first, second) = waits.await.unwrap();
        assert!(matches!(first, Some(Answered::Echoed(_))));
        let Some(Answered::Event(Event::Closed(closed))) = second else {
            panic!("{second:?}");
        };
        assert!(matches!(
            closed.error,
            Some(SocketError::KeepAliveTimeout(_))
        ));
    }

    #[tokio::test]
    async fn a_compressed_connection_takes_the_way_of_events() {
        let mut config = SocketConfig::new(Role::Server);
        config.deflate = Some(crate::connection::ws::deflate::Params::default());
        let (mut socket, mut far) = server(&config).await;
        far.write_all(&frame(0x81, b"plain all the same"))
            .await
            .unwrap();
        match socket.echo().await {
            Some(Answered::Event(Event::Message { message, .. })) => {
                assert_eq!(message, Message::text("plain all the same"));
            }
            other => panic!("{other:?}"),
        }
    }
}
