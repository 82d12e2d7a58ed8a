//! Whatever a peer sends within the protocol is what is read, however the
//! stream is cut.

use proptest::prelude::*;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};

use super::super::{FrameWalker, Output};
use super::wire::{
    BINARY, CLOSE, CONTINUE, Chunks, FIN, PING, PONG, RSV1, Setup, TEXT, Then, block_on, cut, frame,
};
use crate::connection::ws::deflate::{Deflater, Inflater, Params};

/// A message as its sender sees it.
#[derive(Debug, Clone)]
struct Sent {
    payload: Payload,
    is_compressed: bool,
    /// The sizes of its fragments, the rest being the last one; with each, a
    /// control frame that comes after it.
    fragments: Vec<(usize, Option<Control>)>,
}

#[derive(Debug, Clone)]
enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

#[derive(Debug, Clone)]
struct Control {
    is_ping: bool,
    payload: Vec<u8>,
}

fn payloads() -> impl Strategy<Value = Payload> {
    prop_oneof![
        4 => "[a-zäß€😀]{0,60}".prop_map(Payload::Text),
        4 => proptest::collection::vec(any::<u8>(), 0..300).prop_map(Payload::Binary),
        1 => ("[a-zäß€😀]{1,9}", 1..4000usize)
            .prop_map(|(text, times)| Payload::Text(text.repeat(times))),
        1 => (any::<u8>(), 60_000..150_000usize)
            .prop_map(|(byte, len)| Payload::Binary(vec![byte; len])),
    ]
}

fn controls() -> impl Strategy<Value = Control> {
    (
        any::<bool>(),
        proptest::collection::vec(any::<u8>(), 0..=125),
    )
        .prop_map(|(is_ping, payload)| Control { is_ping, payload })
}

fn messages() -> impl Strategy<Value = Vec<Sent>> {
    let fragments = proptest::collection::vec((0..80usize, proptest::option::of(controls())), 0..4);
    let message =
        (payloads(), any::<bool>(), fragments).prop_map(|(payload, is_compressed, fragments)| {
            Sent {
                payload,
                is_compressed,
                fragments,
            }
        });
    proptest::collection::vec(message, 1..6)
}

fn chunk_sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        proptest::collection::vec(1..20usize, 1..5),
        proptest::collection::vec(1..6000usize, 1..5),
        Just(vec![1]),
        Just(vec![usize::MAX]),
    ]
}

prop_compose! {
    fn params()(
        server_no_context_takeover: bool,
        client_no_context_takeover: bool,
        server_max_window_bits in 9u8..=15,
        client_max_window_bits in 9u8..=15,
    ) -> Params {
        Params {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        }
    }
}

/// The bytes on the wire, what is to be read from them, and the length of each
/// data message on the wire.
#[derive(Default)]
struct Encoded {
    stream: Vec<u8>,
    expected: Vec<Message>,
    wire_bytes: Vec<Option<u64>>,
}

impl Encoded {
    fn push(&mut self, receiver: Role, message: &Sent, deflater: Option<&mut Deflater>) {
        let (opcode, plain, expected) = match &message.payload {
            Payload::Text(text) => (TEXT, text.as_bytes(), Message::text(text.clone())),
            Payload::Binary(bytes) => (BINARY, &bytes[..], Message::binary(bytes.clone())),
        };
        let is_negotiated = deflater.is_some();
        let compressed = deflater
            .filter(|_| message.is_compressed)
            .and_then(|deflater| deflater.compress(plain));
        let payload = compressed.as_deref().unwrap_or(plain);
        let mut first = opcode | if compressed.is_some() { RSV1 } else { 0 };
        let mut rest = payload;
        for (len, control) in &message.fragments {
            let (fragment, after) = rest.split_at((*len).min(rest.len()));
            self.stream.extend(frame(receiver, first, fragment));
            rest = after;
            first = CONTINUE;
            if let Some(control) = control {
                let opcode = if control.is_ping { PING } else { PONG };
                self.stream
                    .extend(frame(receiver, FIN | opcode, &control.payload));
                let payload = control.payload.clone().into();
                self.expected.push(if control.is_ping {
                    Message::Ping(payload)
                } else {
                    Message::Pong(payload)
                });
            }
        }
        self.stream.extend(frame(receiver, FIN | first, rest));
        self.expected.push(expected);
        self.wire_bytes
            .push(is_negotiated.then_some(payload.len() as u64));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_sent_is_read(
        messages in messages(),
        is_server: bool,
        params in proptest::option::of(params()),
        sizes in chunk_sizes(),
        read_buffer_bytes in prop_oneof![Just(16usize), Just(200), Just(8192), Just(131_072)],
    ) {
        let (receiver, sender) = if is_server {
            (Role::Server, Role::Client)
        } else {
            (Role::Client, Role::Server)
        };
        let mut deflater = params.map(|params| Deflater::new(&params, sender));
        let mut encoded = Encoded::default();
        for message in &messages {
            encoded.push(receiver, message, deflater.as_mut());
        }
        encoded.stream.extend(frame(receiver, FIN | CLOSE, b""));
        encoded.expected.push(Message::Close(None));

        // A long stream in single bytes would only repeat what a short one shows.
        let least = encoded.stream.len() / 5000;
        let sizes: Vec<_> = sizes.iter().map(|size| (*size).max(least)).collect();
        let setup = Setup { params, read_buffer_bytes, ..Setup::plain(receiver) };
        let read = setup.read(cut(&encoded.stream, &sizes), Then::End);
        prop_assert_eq!(read.messages, encoded.expected);
        prop_assert_eq!(read.wire_bytes, encoded.wire_bytes);
    }

    /// Without compression, arbitrary bytes yield what they yield without us.
    #[test]
    fn arbitrary_bytes_are_read_as_tungstenite_reads_them(
        bytes in arbitrary_frames(),
        is_server: bool,
        sizes in chunk_sizes(),
    ) {
        let receiver = if is_server { Role::Server } else { Role::Client };
        let setup = Setup::plain(receiver);
        let direct = block_on(async {
            let chunks = Chunks::new(cut(&bytes, &[usize::MAX]), Then::End);
            let config = Some(setup.config());
            let mut socket = WebSocketStream::from_raw_socket(chunks, receiver, config).await;
            let mut messages = Vec::new();
            while let Some(Ok(message)) = futures_util::StreamExt::next(&mut socket).await {
                messages.push(message);
            }
            messages
        });
        let read = setup.read(cut(&bytes, &sizes), Then::End);
        // A Close with a code that no frame may carry is an error to us. Tungstenite
        // puts a Close of its own making in its place.
        let own = CloseFrame {
            code: CloseCode::Protocol,
            reason: "Protocol violation".into(),
        };
        let is_of_the_peer = |message: &Message| *message != Message::Close(Some(own.clone()));
        let (read, direct) = (read.messages.iter(), direct.iter());
        let read: Vec<_> = read.filter(|message| is_of_the_peer(message)).collect();
        let direct: Vec<_> = direct.filter(|message| is_of_the_peer(message)).collect();
        prop_assert_eq!(read, direct);
    }

    /// With compression, the walker comes to an end within its bounds.
    #[test]
    fn arbitrary_bytes_are_walked_within_bounds(
        bytes in arbitrary_frames(),
        is_server: bool,
        sizes in chunk_sizes(),
    ) {
        let receiver = if is_server { Role::Server } else { Role::Client };
        let inflater = Inflater::new(&Params::default(), receiver);
        let mut walker = FrameWalker::new(receiver, Some(inflater), 1 << 20);
        for chunk in cut(&bytes, &sizes) {
            let headroom = walker.headroom();
            prop_assert!(headroom <= 139);
            let mut buffer = [&vec![0; headroom][..], &chunk].concat();
            prop_assert!(walker.walk(&mut buffer) <= buffer.len());
            while walker.has_work() {
                let mut output = Output::default();
                if walker.step(&mut output).is_err() {
                    return Ok(());
                }
                prop_assert!(output.capacity() <= (65 << 10).max(buffer.len()));
            }
        }
    }
}

/// Noise that often looks like frames.
fn arbitrary_frames() -> impl Strategy<Value = Vec<u8>> {
    let frames = (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..140)).prop_flat_map(
        |(first, payload)| {
            let first = prop_oneof![
                Just(first),
                Just(FIN | TEXT),
                Just(TEXT),
                Just(CONTINUE),
                Just(FIN | CONTINUE),
                Just(FIN | RSV1 | BINARY),
                Just(RSV1 | TEXT),
            ];
            (first, any::<bool>(), Just(payload)).prop_map(|(first, is_server, payload)| {
                let receiver = if is_server {
                    Role::Server
                } else {
                    Role::Client
                };
                let text = payload.iter().map(|byte| byte & 0x7f).collect::<Vec<_>>();
                frame(receiver, first, &text)
            })
        },
    );
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        proptest::collection::vec(frames, 0..8).prop_map(|frames| frames.concat()),
    ]
}
