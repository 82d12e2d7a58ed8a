mod property;
mod wire;

use futures_util::SinkExt;
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;
use crate::connection::ws::deflate::{Deflater, Params};
use wire::{
    BINARY, CLOSE, CONTINUE, Chunks, FIN, PING, RSV1, Setup, TEXT, Then, block_on, cut, frame,
    header,
};

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// "Hello" and, referring to it, "Hello" again (RFC 7692 §7.2.3).
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const HELLO_AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];
const HELLO_FINAL: [u8; 8] = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];

fn frames(receiver: Role, list: &[(u8, &[u8])]) -> Vec<u8> {
    list.iter()
        .flat_map(|(first, payload)| frame(receiver, *first, payload))
        .collect()
}

fn compress(receiver: Role, payload: &[u8]) -> Bytes {
    let sender = match receiver {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    Deflater::new(&Params::default(), sender)
        .compress(payload)
        .expect("the test's payload is long enough")
}

#[test]
fn messages_survive_any_chunk_size() {
    for receiver in ROLES {
        let stream = frames(
            receiver,
            &[
                (FIN | TEXT, "plain, ünïcode 😀".as_bytes()),
                (TEXT | RSV1, &HELLO[..3]),
                (FIN | PING, b"between"),
                (CONTINUE, b""),
                (FIN | CONTINUE, &HELLO[3..]),
                (FIN | RSV1 | BINARY, &HELLO_AGAIN),
                (FIN | BINARY, &[7; 300]),
                (FIN | CLOSE, b""),
            ],
        );
        let expected = [
            Message::text("plain, ünïcode 😀"),
            Message::Ping(b"between".to_vec().into()),
            Message::text("Hello"),
            Message::binary(b"Hello".to_vec()),
            Message::binary(vec![7; 300]),
            Message::Close(None),
        ];
        for size in 1..=stream.len() {
            let read = Setup::compressed(receiver).read(cut(&stream, &[size]), Then::End);
            assert_eq!(read.messages, expected, "{receiver:?}, {size}");
            assert_eq!(read.wire_bytes, [Some(21), Some(7), Some(5), Some(300)]);
        }
    }
}

#[test]
fn compressed_messages_may_be_empty_or_end_their_stream() {
    for receiver in ROLES {
        let stream = frames(
            receiver,
            &[
                (FIN | RSV1 | TEXT, b""),
                (FIN | RSV1 | TEXT, &HELLO),
                (FIN | RSV1 | TEXT, &[0x00]),
                (RSV1 | BINARY, b""),
                (FIN | CONTINUE, b""),
                (FIN | RSV1 | TEXT, &HELLO_AGAIN),
                (FIN | RSV1 | TEXT, &HELLO_FINAL),
                (FIN | RSV1 | TEXT, &HELLO_FINAL[..7]),
                (FIN | RSV1 | TEXT, &HELLO),
                (FIN | CLOSE, b""),
            ],
        );
        let read = Setup::compressed(receiver).read(cut(&stream, &[usize::MAX]), Then::End);
        let texts = ["", "Hello", "", "", "Hello", "Hello", "Hello", "Hello"];
        let expected: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
        let payloads: Vec<_> = read
            .messages
            .iter()
            .map(|m| m.clone().into_data())
            .collect();
        assert_eq!(payloads[..expected.len()], expected);
        assert_eq!(payloads.len(), expected.len() + 1);
    }
}

/// Autobahn 6.4.3 and 6.4.4, with and without compression.
#[test]
fn text_that_is_not_utf8_is_refused_before_its_frame_ends() {
    for receiver in ROLES {
        let text = [b"a fine beginning, then ".as_slice(), &[0xff]].concat();
        let long = [&text[..], &[b'x'; 900]].concat();
        let stream = frame(receiver, FIN | TEXT, &long);
        for sizes in [&[100, 1][..], &[1], &[6, 40, 1]] {
            let mut chunks = cut(&stream[..60], sizes);
            let read = Setup::plain(receiver).read(chunks.clone(), Then::Silence);
            assert!(matches!(read.error, Some(Error::Utf8(_))), "{read:?}");
            // In a continuation as well.
            chunks.push_front(frame(receiver, TEXT, b"before"));
            chunks[1][0] = FIN | CONTINUE;
            let read = Setup::plain(receiver).read(chunks, Then::Silence);
            assert!(matches!(read.error, Some(Error::Utf8(_))), "{read:?}");
        }
        // A flushed block, of a message that goes on.
        let first = [&compress(receiver, &text)[..], &[0, 0, 0xff, 0xff]].concat();
        let payload = [&first[..], &[0; 1000]].concat();
        let stream = frame(receiver, FIN | RSV1 | TEXT, &payload);
        let read = Setup::compressed(receiver).read_all(&stream[..stream.len() - 1000]);
        assert!(matches!(read.error, Some(Error::Utf8(_))), "{read:?}");
    }
}

#[test]
fn a_compressed_message_cut_in_a_block_is_refused_in_both_roles() {
    for receiver in ROLES {
        let stream = frames(receiver, &[(FIN | RSV1 | TEXT, &HELLO[..4])]);
        for size in [1, 1000] {
            let read = Setup::compressed(receiver).read(cut(&stream, &[size]), Then::Silence);
            assert_eq!(read.messages, []);
            let Some(Error::Io(error)) = read.error else {
                panic!("not an I/O error: {:?}", read.error);
            };
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
            assert_eq!(cause, Some(&DeflateError::Cut));
        }
    }
}

#[test]
fn garbage_is_reported_after_what_came_before_it() {
    for receiver in ROLES {
        let stream = frames(
            receiver,
            &[
                (FIN | TEXT, b"one"),
                (FIN | RSV1 | TEXT, &HELLO),
                (FIN | RSV1 | TEXT, &[0xff; 20]),
            ],
        );
        for size in [1, 7, 1000] {
            let read = Setup::compressed(receiver).read(cut(&stream, &[size]), Then::Silence);
            assert_eq!(
                read.messages,
                [Message::text("one"), Message::text("Hello")]
            );
            let Some(Error::Io(error)) = read.error else {
                panic!("not an I/O error: {:?}", read.error);
            };
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
            assert_eq!(cause, Some(&DeflateError::Corrupt));
        }
    }
}

/// Reads `stream`, whole and byte by byte, and expects `expected`, with no
/// payload of the faulty frame.
fn assert_refused(setup: Setup, stream: &[u8], expected: FrameFault) {
    for size in [1, usize::MAX] {
        let read = setup.read(cut(stream, &[size]), Then::Silence);
        let Some(Error::Io(error)) = &read.error else {
            panic!("{expected:?} expected: {read:?}");
        };
        let stopped = error.get_ref().and_then(|inner| inner.downcast_ref());
        match stopped {
            Some(Stopped::Fault(error)) => assert_eq!(error.fault, expected),
            _ => panic!("{expected:?} expected: {read:?}"),
        }
    }
}

#[test]
fn a_header_that_breaks_the_protocol_is_refused_without_its_payload() {
    use FrameFault as F;
    for receiver in ROLES {
        for (list, expected) in [
            (
                &[(RSV1 | TEXT, &HELLO[..2]), (FIN | RSV1 | CONTINUE, &HELLO)][..],
                F::ReservedBits,
            ),
            (&[(FIN | RSV1 | PING, b"123")], F::ReservedBits),
            (&[(FIN | 0x20 | TEXT, b"rsv2")], F::ReservedBits),
            (&[(FIN | 0x10 | TEXT, b"rsv3")], F::ReservedBits),
            (&[(FIN | 3, b"123")], F::ReservedOpcode(3)),
            (&[(FIN | 11, b"123")], F::ReservedOpcode(11)),
            (&[(FIN | CONTINUE, b"123")], F::StrayContinuation),
            (&[(PING, b"123")], F::FragmentedControl),
            // Nothing has been inflated yet, but a message has begun.
            (
                &[(RSV1 | TEXT, &HELLO[..1]), (FIN | BINARY, b"another")],
                F::MissingContinuation,
            ),
        ] {
            let stream = frames(receiver, list);
            let last = list[list.len() - 1].1.len();
            assert_refused(Setup::compressed(receiver), &stream, expected);
            // The payload of the last frame has not come.
            let begun = &stream[..stream.len() - last];
            assert_refused(Setup::compressed(receiver), begun, expected);
        }
        let stream = frame(receiver, FIN | RSV1 | TEXT, &HELLO);
        assert_refused(Setup::plain(receiver), &stream, F::ReservedBits);
    }
}

#[test]
fn frames_of_the_wrong_side_are_refused_for_their_mask() {
    for (receiver, masked_for, expected) in [
        (Role::Client, Role::Server, FrameFault::Masked),
        (Role::Server, Role::Client, FrameFault::Unmasked),
    ] {
        let stream = frame(masked_for, FIN | TEXT, b"Hello");
        assert_refused(Setup::plain(receiver), &stream, expected);
        let stream = frame(masked_for, FIN | RSV1 | TEXT, &HELLO);
        assert_refused(Setup::compressed(receiver), &stream, expected);
    }
}

#[test]
fn a_frame_over_the_limit_is_refused_at_its_header() {
    for receiver in ROLES {
        let mask = (receiver == Role::Server).then_some([1, 2, 3, 4]);
        for first in [FIN | TEXT, FIN | BINARY, FIN | RSV1 | TEXT] {
            for len in [(1 << 20) + 1, u64::MAX] {
                let stream = [header(first, len, mask), b"ab".to_vec()].concat();
                let read = Setup::compressed(receiver).read_all(&stream);
                assert!(
                    matches!(
                        read.error,
                        Some(Error::Capacity(CapacityError::MessageTooLong { .. }))
                    ),
                    "{read:?}"
                );
            }
        }
    }
}

#[test]
fn a_bomb_takes_small_buffers_until_it_is_refused() {
    let bomb = compress(Role::Client, &vec![0; 16 << 20]);
    let stream = frame(Role::Client, FIN | RSV1 | BINARY, &bomb);
    let setup = Setup::compressed(Role::Client);
    let read = setup.read_all(&stream);
    assert!(matches!(
        read.error,
        Some(Error::Capacity(CapacityError::MessageTooLong { size, .. })) if size <= (1 << 20) + (64 << 10)
    ));

    let mut walker = setup.io(()).walker;
    let mut buffer = stream;
    assert_eq!(walker.walk(&mut buffer), 0);
    let mut inflated = 0;
    while walker.has_work() {
        let mut output = Output::default();
        walker.step(&mut output).expect("the bomb is valid");
        assert!(output.capacity() <= 65 << 10);
        inflated += output.as_slice().len();
    }
    assert!(inflated > 16 << 20);
}

#[test]
fn a_plain_connection_holds_no_buffers() {
    let stream = frames(
        Role::Server,
        &[
            (FIN | BINARY, &[1; 70_000]),
            (FIN | TEXT, &[b'x'; 70_000]),
            (FIN | PING, b"!"),
        ],
    );
    let chunks = cut(&stream, &[5000, 3]);
    block_on(async {
        let mut io = Setup::plain(Role::Server).io(Chunks::new(chunks, Then::End));
        let mut buffer = [0; 4096];
        while io.read(&mut buffer).await.expect("the mock does not fail") > 0 {
            assert_eq!(io.output.capacity(), 0);
        }
        assert!(io.walker.take_wire_bytes().is_none());
    });
}

#[test]
fn wire_lengths_that_nobody_takes_are_given_up() {
    let mut walker = Setup::compressed(Role::Client).io(()).walker;
    let empty = frame(Role::Client, FIN | TEXT, b"");
    walker.walk(&mut empty.repeat(128 << 10));
    assert_eq!(walker.take_wire_bytes(), Some(0));
    walker.walk(&mut empty.repeat(2));
    assert_eq!(walker.take_wire_bytes(), None);
    walker.walk(&mut empty.clone());
    assert_eq!(walker.take_wire_bytes(), None);
}

#[test]
fn whole_frames_pass_as_they_are() {
    for receiver in ROLES {
        let stream = frames(
            receiver,
            &[
                (FIN | TEXT, b"text"),
                (TEXT, b"text"),
                (FIN | PING, b"ping"),
                (FIN | CONTINUE, &[b'x'; 200]),
                (FIN | BINARY, &[1; 70_000]),
            ],
        );
        let mut walker = FrameWalker::new(receiver, None, 1 << 20);
        let mut buffer = stream.clone();
        assert_eq!(walker.walk(&mut buffer), stream.len());
        assert_eq!(buffer, stream);
        // A binary frame passes before it is whole.
        let mut buffer = frame(receiver, FIN | BINARY, &[1; 70_000])[..5000].to_vec();
        assert_eq!(walker.walk(&mut buffer), 5000);
    }
}

#[test]
fn what_arrived_with_the_handshake_comes_first() {
    let stream = frames(
        Role::Client,
        &[(FIN | TEXT, b"early"), (FIN | BINARY, b"late")],
    );
    for split in 0..=stream.len() {
        let (leftover, rest) = stream.split_at(split);
        let config = FrameIoConfig {
            role: Role::Client,
            leftover: Bytes::copy_from_slice(leftover),
            inflate: None,
            max_frame_bytes: 1000,
            budget: None,
        };
        block_on(async {
            let chunks = Chunks::new(cut(rest, &[usize::MAX]), Then::End);
            let mut io = FrameIo::new(chunks, config);
            // Through a reader's buffer of one byte.
            let mut read = Vec::new();
            while let Ok(byte) = io.read_u8().await {
                read.push(byte);
            }
            assert!(read.ends_with(&frame(Role::Client, FIN | BINARY, b"late")));
            assert!(read.windows(5).any(|window| window == b"early") || split > 2 && split < 7);
        });
    }
}

#[test]
fn a_failed_write_leaves_what_was_received_readable() {
    block_on(async {
        let stream = frames(
            Role::Client,
            &[
                (FIN | PING, b"?"),
                (FIN | TEXT, b"still here"),
                (FIN | CLOSE, b""),
            ],
        );
        let mut chunks = Chunks::new(cut(&stream, &[usize::MAX]), Then::End);
        chunks.refuses_writes = true;
        let mut socket = Setup::plain(Role::Client).open(chunks).await;
        assert!(socket.get_ref().write_error().is_none());
        socket
            .send(Message::text("lost"))
            .await
            .expect("writes do not fail");
        let error = socket.get_ref().write_error().map(io::Error::kind);
        assert_eq!(error, Some(io::ErrorKind::BrokenPipe));
        let mut texts = Vec::new();
        while let Some(Ok(message)) = futures_util::StreamExt::next(&mut socket).await {
            texts.push(message.to_string());
        }
        assert_eq!(texts, ["?", "still here", ""]);
    });
}

#[test]
fn what_is_written_passes_unchanged() {
    block_on(async {
        let mut socket = Setup::compressed(Role::Server)
            .open(Chunks::new(cut(&[], &[1]), Then::Silence))
            .await;
        socket
            .send(Message::text("Hello"))
            .await
            .expect("writes do not fail");
        let written = &socket.get_ref().get_ref().written;
        assert_eq!(*written, frame(Role::Client, FIN | TEXT, b"Hello"));
    });
}
