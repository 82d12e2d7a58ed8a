//! The socket against a peer that speaks raw bytes, over memory and with a
//! clock that stands still.

use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

use super::{NotOpen, Socket, SocketConfig};
use crate::connection::ws::codec::{Header, Opcode, RSV1};
use crate::connection::ws::deflate::Params;
use crate::connection::{
    CloseCode, CloseFrame, Closed, Event, KeepAlive, Message, Role, SocketError, Transport,
};

/// A server-role socket, and the client's end of its transport.
async fn server(config: SocketConfig) -> (Socket, DuplexStream) {
    sized(config, 1 << 20).await
}

async fn sized(config: SocketConfig, buffer_bytes: usize) -> (Socket, DuplexStream) {
    let (near, far) = duplex(buffer_bytes);
    let socket = Socket::new(Transport::other(near), Bytes::new(), &config).await;
    (socket, far)
}

fn config(role: Role) -> SocketConfig {
    SocketConfig::new(role)
}

/// A frame as a client sends it, with a mask of zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    let mut frame = vec![first, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

async fn closed(socket: &mut Socket) -> Closed {
    loop {
        match socket.next().await {
            Some(Event::Closed(closed)) => return closed,
            Some(_) => {}
            None => panic!("the socket ended without telling how"),
        }
    }
}

async fn read_to_end(far: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn messages_of_both_kinds_arrive_whole_and_replies_leave_together() {
    let (mut socket, mut far) = server(config(Role::Server)).await;
    far.write_all(&masked(0x01, b"hel")).await.unwrap();
    far.write_all(&masked(0x89, b"p")).await.unwrap();
    far.write_all(&masked(0x80, b"lo")).await.unwrap();
    far.write_all(&masked(0x82, b"")).await.unwrap();
    assert!(matches!(socket.next().await, Some(Event::Ping(p)) if &p[..] == b"p"));
    for expected in [Message::text("hello"), Message::binary(&b""[..])] {
        match socket.try_next() {
            Some(Event::Message { message, .. }) => {
                assert_eq!(message, expected);
                socket.feed(message).await.unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(socket.try_next().is_none());
    socket.flush().await.unwrap();
    let mut answer = [0; 3 + 7 + 2];
    far.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x8a\x01p\x81\x05hello\x82\x00");
}

#[tokio::test(start_paused = true)]
async fn next_writes_what_was_fed_and_says_when_it_has_left() {
    let (mut socket, mut far) = sized(config(Role::Server), 64).await;
    socket
        .feed(Message::text("x".repeat(100_000)))
        .await
        .unwrap();
    let reader = tokio::spawn(async move {
        let mut bytes = vec![0; 100_000 + 10];
        far.read_exact(&mut bytes).await.unwrap();
        (far, bytes)
    });
    assert!(matches!(socket.next().await, Some(Event::Flushed)));
    let (_far, bytes) = reader.await.unwrap();
    assert_eq!(bytes.iter().filter(|b| **b == b'x').count(), 100_000);
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_frame_limit_leaves_in_fragments() {
    let mut small = config(Role::Server);
    small.max_outgoing_frame_bytes = 1000;
    let (mut near, far) = sized(small, 1 << 16).await;
    let mut peer = config(Role::Client);
    peer.max_frame_bytes = 1000;
    let mut peer = Socket::new(Transport::other(far), Bytes::new(), &peer).await;
    let size = 3005;
    let sender = async {
        near.send(Message::binary(vec![7; size])).await.unwrap();
    };
    let (event, ()) = tokio::join!(peer.next(), sender);
    match event {
        Some(Event::Message { message, .. }) => assert_eq!(message.len(), size),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_violation_has_its_close_code_and_the_peer_can_read_it() {
    let mut small = config(Role::Server);
    small.max_message_bytes = 4;
    small.max_frame_bytes = 4;
    for (bytes, code, is) in [
        (masked(0x83, b""), 1002, "protocol"),
        (masked(0xc1, b""), 1002, "protocol"),
        (vec![0x81, 0x01, b'x'], 1002, "protocol"),
        (masked(0x09, b""), 1002, "protocol"),
        (masked(0x80, b""), 1002, "protocol"),
        (masked(0x81, b"\xff"), 1007, "utf8"),
        (masked(0x82, b"12345"), 1009, "too large"),
        (
            [masked(0x02, b"123"), masked(0x80, b"45")].concat(),
            1009,
            "too large",
        ),
    ] {
        let (mut socket, mut far) = server(small.clone()).await;
        far.write_all(&bytes).await.unwrap();
        // Data behind the violation: unread, it must not destroy the Close.
        far.write_all(&[0; 1000]).await.unwrap();
        let ended = tokio::spawn(async move { closed(&mut socket).await });
        let answer = read_to_end(&mut far).await;
        assert_eq!(answer[0], 0x88, "{bytes:?}");
        assert_eq!(
            u16::from_be_bytes([answer[2], answer[3]]),
            code,
            "{bytes:?}"
        );
        drop(far);
        let ended = ended.await.unwrap();
        let found = match ended.error {
            Some(SocketError::Frame(_)) => "protocol",
            Some(SocketError::Utf8(_)) => "utf8",
            Some(SocketError::TooLarge { .. }) => "too large",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, is, "{bytes:?}");
        assert_eq!(ended.sent.as_ref().and_then(|frame| frame.code), Some(code));
        assert_eq!(ended.code(), 1006);
    }
}

#[tokio::test(start_paused = true)]
async fn max_frame_size_and_max_message_size_are_each_named_when_exceeded() {
    let mut small = config(Role::Server);
    small.max_message_bytes = 8;
    small.max_frame_bytes = 4;
    let fragments = [
        masked(0x02, b"1234"),
        masked(0x00, b"5678"),
        masked(0x80, b"9"),
    ];
    for (bytes, told) in [
        (
            masked(0x82, b"12345"),
            "a frame of over 4 bytes; --max-frame-size raises",
        ),
        (
            fragments.concat(),
            "a message of over 8 bytes; --max-message-size raises",
        ),
    ] {
        let (mut socket, mut far) = server(small.clone()).await;
        far.write_all(&bytes).await.unwrap();
        let ended = tokio::spawn(async move { closed(&mut socket).await });
        drop(read_to_end(&mut far).await);
        drop(far);
        let error = ended.await.unwrap().error.unwrap().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_peers_close_is_answered_alike_and_told() {
    for (payload, code, reason, answer) in [
        (
            &b"\x0f\xa1bye"[..],
            4001,
            "bye",
            &b"\x88\x05\x0f\xa1bye"[..],
        ),
        (b"", 1005, "", b"\x88\x00"),
    ] {
        let (mut socket, mut far) = server(config(Role::Server)).await;
        far.write_all(&masked(0x88, payload)).await.unwrap();
        let ended = tokio::spawn(async move { closed(&mut socket).await });
        assert_eq!(read_to_end(&mut far).await, answer);
        drop(far);
        let ended = ended.await.unwrap();
        assert_eq!((ended.code(), ended.reason()), (code, reason));
        assert!(ended.by_peer && ended.error.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_code_that_no_frame_may_carry_is_told_as_it_came() {
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        for ours_is_first in [false, true] {
            let (mut socket, mut far) = server(config(Role::Server)).await;
            if ours_is_first {
                socket.start_close(CloseFrame::new(CloseCode::NORMAL, ""));
            }
            // The code in two pieces, and with a mask.
            far.write_all(b"\x88\x83\x12\x34\x56\x78").await.unwrap();
            let [high, low] = code.to_be_bytes();
            for byte in [high ^ 0x12, low ^ 0x34, b'x' ^ 0x56] {
                far.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            let ended = tokio::spawn(async move { closed(&mut socket).await });
            let sent = if ours_is_first { 1000_u16 } else { 1002 };
            assert_eq!(read_to_end(&mut far).await[2..4], sent.to_be_bytes());
            let ended = ended.await.unwrap();
            assert!(matches!(ended.error, Some(SocketError::CloseCode(c)) if c == code));
            assert_eq!((ended.code(), ended.by_peer), (code, !ours_is_first));
            assert_eq!(ended.reason(), "x");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_close_without_a_code_is_no_code() {
    for behind in [masked(0x81, b"hello"), masked(0x88, b"\x03\xee")] {
        let (mut socket, mut far) = server(config(Role::Server)).await;
        let bytes = [masked(0x88, b""), behind].concat();
        far.write_all(&bytes).await.unwrap();
        far.shutdown().await.unwrap();
        let ended = closed(&mut socket).await;
        assert_eq!((ended.code(), ended.by_peer), (1005, true));
        assert!(ended.error.is_none(), "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateways_close_code_is_one() {
    let (mut socket, mut far) = server(config(Role::Server)).await;
    let bytes = masked(0x88, b"\x03\xf6upstream gone");
    far.write_all(&bytes).await.unwrap();
    let ended = tokio::spawn(async move { closed(&mut socket).await });
    // It is answered as every other (RFC 6455 §5.5.1).
    let answer = read_to_end(&mut far).await;
    assert_eq!(answer, b"\x88\x0f\x03\xf6upstream gone");
    drop(far);
    let ended = ended.await.unwrap();
    assert!(ended.code() == 1014 && ended.error.is_none(), "{ended:?}");
    assert_eq!((ended.reason(), ended.by_peer), ("upstream gone", true));
}

#[tokio::test(start_paused = true)]
async fn our_close_follows_what_was_fed_and_waits_for_the_answer() {
    let (mut socket, mut far) = server(config(Role::Server)).await;
    socket.feed(Message::text("last")).await.unwrap();
    socket.start_close(CloseFrame::new(CloseCode::NORMAL, "done"));
    assert_eq!(socket.feed(Message::text("late")).await, Err(NotOpen));
    let peer = tokio::spawn(async move {
        let mut bytes = [0; 6 + 8];
        far.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"\x81\x04last\x88\x06\x03\xe8done");
        // A message that was under way is still delivered.
        far.write_all(&masked(0x81, b"crossed")).await.unwrap();
        far.write_all(&masked(0x88, b"\x03\xe8")).await.unwrap();
        read_to_end(&mut far).await
    });
    let mut messages = Vec::new();
    let ended = loop {
        match socket.next().await.unwrap() {
            Event::Message { message, .. } => messages.push(message),
            Event::Closed(closed) => break closed,
            _ => {}
        }
    };
    assert_eq!(messages, [Message::text("crossed")]);
    assert!(!ended.by_peer && ended.error.is_none());
    assert_eq!(ended.code(), 1000);
    assert_eq!(peer.await.unwrap(), b"");
    assert!(socket.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_close_ends_by_its_deadline_even_under_a_flood() {
    for flood in [false, true] {
        let (mut socket, mut far) = server(config(Role::Server)).await;
        let start = Instant::now();
        let feeder = tokio::spawn(async move {
            let frames = masked(0x82, b"x").repeat(1000);
            while flood && far.write_all(&frames).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            if !flood {
                std::future::pending::<()>().await;
            }
        });
        let closed = socket.close(CloseFrame::new(CloseCode::NORMAL, "")).await;
        assert!(matches!(
            closed.unwrap().error,
            Some(SocketError::CloseTimeout(_))
        ));
        // The answer's deadline is all there is.
        assert!(
            start.elapsed() <= Duration::from_millis(5100),
            "{:?}",
            start.elapsed()
        );
        feeder.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_without_close_is_lost_and_nothing_before_it_is() {
    let (mut socket, mut far) = server(config(Role::Server)).await;
    far.write_all(&masked(0x81, b"last")).await.unwrap();
    drop(far);
    // Our side writes into the void before it reads.
    let _ = socket.send(Message::text("unheard")).await;
    assert!(matches!(
        socket.next().await,
        Some(Event::Message { message, .. }) if message == Message::text("last")
    ));
    let ended = closed(&mut socket).await;
    assert!(matches!(
        ended.error,
        Some(SocketError::Lost | SocketError::Io(_))
    ));
    assert_eq!(ended.code(), 1006);
}

fn pinging(timeout: Option<Duration>) -> SocketConfig {
    SocketConfig {
        keep_alive: KeepAlive::Ping {
            interval: Duration::from_secs(10),
            timeout,
        },
        ..config(Role::Server)
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_peer_is_pinged_and_its_pong_has_a_round_trip_time() {
    // Whether the time to wait for a pong is shorter than the interval or longer.
    for timeout in [3, 60] {
        pinged_and_answered(Duration::from_secs(timeout)).await;
    }
}

async fn pinged_and_answered(timeout: Duration) {
    let (mut socket, mut far) = server(pinging(Some(timeout))).await;
    let start = Instant::now();
    let peer = tokio::spawn(async move {
        let mut ping = [0; 10];
        far.read_exact(&mut ping).await.unwrap();
        assert_eq!((ping[0], ping[1]), (0x89, 8));
        tokio::time::sleep(Duration::from_millis(250)).await;
        far.write_all(&masked(0x8a, &ping[2..])).await.unwrap();
        far
    });
    assert!(matches!(socket.next().await, Some(Event::Flushed)));
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    match socket.next().await {
        Some(Event::Pong { round_trip, .. }) => {
            assert_eq!(round_trip, Some(Duration::from_millis(250)));
        }
        other => panic!("{other:?}"),
    }
    let _far = peer.await.unwrap();
    // Alive: the next ping comes an interval after the pong.
    assert!(matches!(socket.next().await, Some(Event::Flushed)));
    assert_eq!(start.elapsed(), Duration::from_millis(20_250));
}

#[tokio::test(start_paused = true)]
async fn traffic_puts_the_ping_off() {
    let (mut socket, mut far) = server(pinging(None)).await;
    let start = Instant::now();
    let _peer = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(7)).await;
        far.write_all(&masked(0x81, b"x")).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert!(matches!(socket.next().await, Some(Event::Message { .. })));
    assert!(matches!(socket.next().await, Some(Event::Flushed)));
    assert_eq!(start.elapsed(), Duration::from_secs(17));
}

#[tokio::test(start_paused = true)]
async fn a_missing_pong_closes_with_1011_even_while_a_write_is_blocked() {
    for blocked in [false, true] {
        let (mut socket, mut far) = sized(pinging(Some(Duration::from_secs(3))), 64).await;
        let start = Instant::now();
        if blocked {
            let sent = socket.send(Message::binary(vec![0; 100_000])).await;
            assert_eq!(sent, Err(NotOpen));
        }
        let reader = tokio::spawn(async move { read_to_end(&mut far).await });
        let ended = closed(&mut socket).await;
        assert!(matches!(
            ended.error,
            Some(SocketError::KeepAliveTimeout(_))
        ));
        assert!(start.elapsed() >= Duration::from_secs(13));
        drop(socket);
        let bytes = reader.await.unwrap();
        assert!(
            bytes.ends_with(b"\x88\x0e\x03\xf3ping timeout"),
            "blocked: {blocked}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pong_with_another_payload_is_life() {
    let (mut socket, mut far) = sized(pinging(Some(Duration::from_secs(3))), 1 << 10).await;
    let peer = tokio::spawn(async move {
        for _ in 0..3 {
            let mut ping = [0; 14];
            far.read_exact(&mut ping[..2]).await.unwrap();
            let len = usize::from(ping[1] & 0x7f);
            assert_eq!((ping[0], len), (0x89, 8));
            far.read_exact(&mut ping[..len]).await.unwrap();
            // uWSGI answers every ping with an empty pong.
            far.write_all(&masked(0x8a, b"")).await.unwrap();
        }
        far.write_all(&masked(0x88, b"\x03\xe8")).await.unwrap();
        read_to_end(&mut far).await
    });
    let ended = closed(&mut socket).await;
    assert!(ended.error.is_none() && ended.code() == 1000, "{ended:?}");
    drop(socket);
    peer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keep_alive_finds_dead_is_not_waited_for() {
    let (mut socket, _far) = server(pinging(Some(Duration::from_secs(3)))).await;
    let start = Instant::now();
    let ended = closed(&mut socket).await;
    assert!(matches!(
        ended.error,
        Some(SocketError::KeepAliveTimeout(_))
    ));
    assert!(start.elapsed() <= Duration::from_millis(14_100));
}

#[tokio::test(start_paused = true)]
async fn a_failed_connection_is_not_waited_for_when_the_peer_holds_it_open() {
    let tight = |role| SocketConfig {
        max_message_bytes: 4,
        ..config(role)
    };
    let too_large = masked(0x82, b"12345");
    let reserved = masked(0x83, b"");
    for (frames, code) in [(too_large, 1009), (reserved, 1002)] {
        // (how long the peer goes on sending, the least, the most that it takes)
        for (talks, least, most) in [(0, 0, 1100), (3000, 3000, 4200), (60_000, 5000, 5100)] {
            let (mut socket, mut far) = server(tight(Role::Server)).await;
            let start = Instant::now();
            let frames = frames.clone();
            let peer = tokio::spawn(async move {
                far.write_all(&frames).await.unwrap();
                let talks = Duration::from_millis(talks);
                while start.elapsed() < talks && far.write_all(&frames).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                std::future::pending::<()>().await;
            });
            let ended = closed(&mut socket).await;
            assert_eq!(ended.sent.and_then(|frame| frame.code), Some(code));
            let took = start.elapsed().as_millis();
            assert!((least..=most).contains(&took), "{code} {talks}: {took} ms");
            peer.abort();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_in_the_middle_of_a_message_is_told() {
    let close = masked(0x88, b"\x03\xe8bye");
    for (first, is_cut) in [
        (masked(0x01, b"half"), true),
        ([masked(0x01, b"ha"), masked(0x80, b"lf")].concat(), false),
        (masked(0x81, b"whole"), false),
    ] {
        let (mut socket, mut far) = server(config(Role::Server)).await;
        far.write_all(&[first, close.clone()].concat())
            .await
            .unwrap();
        let ended = closed(&mut socket).await;
        assert_eq!((ended.code(), ended.reason()), (1000, "bye"));
        let found = matches!(ended.error, Some(SocketError::CutMessage(1000)));
        assert_eq!(found, is_cut, "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn unsolicited_pongs_keep_their_beat() {
    let keep_alive = KeepAlive::Pong {
        interval: Duration::from_secs(10),
    };
    let (mut socket, mut far) = server(SocketConfig {
        keep_alive,
        ..config(Role::Server)
    })
    .await;
    let start = Instant::now();
    for beat in 1..=2 {
        assert!(matches!(socket.next().await, Some(Event::Flushed)));
        assert_eq!(start.elapsed(), Duration::from_secs(10 * beat));
        let mut pong = [0; 2];
        far.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong, [0x8a, 0x00]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_pings_from_a_peer_that_does_not_read_stays_bounded() {
    let mut small = config(Role::Server);
    small.max_outgoing_frame_bytes = 64 << 10;
    let (mut socket, mut far) = sized(small, 4096).await;
    let pings = masked(0x89, &[0; 100]).repeat(10);
    let total = 1 << 20;
    let writer = tokio::spawn(async move {
        let mut written = 0;
        while written < total && far.write_all(&pings).await.is_ok() {
            written += pings.len();
        }
        far
    });
    let mut count = 0;
    while count < total / 106 {
        match socket.next().await {
            Some(Event::Ping(_)) => count += 1,
            other => panic!("{other:?}"),
        }
    }
    let mut far = writer.await.unwrap();
    drop(tokio::spawn(async move {
        while socket.next().await.is_some() {}
    }));
    let mut waiting = 0;
    let mut chunk = vec![0; 1 << 16];
    while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_secs(1), far.read(&mut chunk)).await {
        waiting += n;
    }
    // Two of the longest frames, what waits for a flush, and the pipe.
    assert!(waiting < 256 << 10, "{waiting} bytes of pongs were kept");
}

#[tokio::test(start_paused = true)]
async fn compressed_messages_come_back_whole_with_their_size_on_the_wire() {
    let (near, far) = duplex(1 << 20);
    let with = |role| SocketConfig {
        deflate: Some(Params::default()),
        ..config(role)
    };
    let (a, b) = (Transport::other(near), Transport::other(far));
    let mut client = Socket::new(a, Bytes::new(), &with(Role::Client)).await;
    let mut server = Socket::new(b, Bytes::new(), &with(Role::Server)).await;
    let long = Message::text("what repeats is small ".repeat(500));
    for (sent, at_most) in [(&long, 200), (&Message::text(""), 0), (&long, 90)] {
        client.send(sent.clone()).await.unwrap();
        let Some(Event::Message { message, .. }) = server.next().await else {
            panic!("no message");
        };
        server.send(message).await.unwrap();
        match client.next().await {
            Some(Event::Message {
                message,
                wire_bytes,
            }) => {
                assert_eq!(&message, sent);
                assert!(wire_bytes.unwrap() <= at_most, "{wire_bytes:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bad_deflate_data_is_told_with_1007_and_a_bomb_with_1009() {
    for (payload, code) in [(b"\xff\xff\xff".to_vec(), 1007), (bomb(), 1009)] {
        let (mut socket, mut far) = server(SocketConfig {
            deflate: Some(Params::default()),
            max_message_bytes: 1 << 20,
            ..config(Role::Server)
        })
        .await;
        let mut frame = Vec::new();
        let mask = Some([0; 4]);
        let length = payload.len() as u64;
        let mut header = Header::new(Opcode::Binary, true, mask, length);
        header.first |= RSV1;
        header.write(&mut frame);
        frame.extend_from_slice(&payload);
        far.write_all(&frame).await.unwrap();
        let ended = tokio::spawn(async move { closed(&mut socket).await });
        let answer = read_to_end(&mut far).await;
        assert_eq!(answer[0], 0x88);
        assert_eq!(u16::from_be_bytes([answer[2], answer[3]]), code);
        drop(far);
        assert!(ended.await.unwrap().error.is_some());
    }
}

/// 16 MiB of zeros, compressed.
fn bomb() -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 16 << 20]).unwrap();
    encoder.finish().unwrap()
}
