//! Whole runs against servers that speak raw bytes, in this process.

mod ends;
mod modes;
mod replies;

use std::future::pending;
use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::config::{BenchConfig, Load, Mode};
use super::matching::Matching;
use super::payload::{Fill, PayloadConfig};
use super::schedule::Schedule;
use super::template::Template;
use super::testing::config;
use super::{BenchError, Live, Summary, run};
use crate::connection::ws::mask;

/// What the server does with message `number` (from 1) of a connection: the
/// bytes it sends back, or how it ends.
type Behaviour = fn(number: u64, opcode: OpCode, payload: &[u8]) -> Answer;

enum Answer {
    Send(Vec<u8>),
    /// Send, and end the connection.
    Finish(Vec<u8>),
    Reset,
}

pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => bytes.push(length.to_le_bytes()[0]),
        Ok(length) => {
            bytes.push(126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(127);
            bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

fn echo(_: u64, opcode: OpCode, payload: &[u8]) -> Answer {
    Answer::Send(match opcode {
        OpCode::Control(Control::Ping) => frame(0x8a, payload),
        OpCode::Control(Control::Pong) => Vec::new(),
        OpCode::Control(Control::Close) => return Answer::Finish(frame(0x88, &[0x03, 0xe8])),
        OpCode::Data(Data::Text) => frame(0x81, payload),
        _ => frame(0x82, payload),
    })
}

pub(super) const CLOSE: Control = Control::Close;

/// Answers the request for an upgrade; whether it was let in.
pub(super) async fn upgrade(stream: &mut TcpStream) -> io::Result<bool> {
    let mut buffer = Vec::new();
    while !buffer.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(false);
        }
    }
    let head = String::from_utf8_lossy(&buffer).into_owned();
    if head.starts_with("GET /refuse") {
        let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await?;
        return Ok(false);
    }
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(true)
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour) -> io::Result<()> {
    if !upgrade(&mut stream).await? {
        return Ok(());
    }
    let mut buffer = Vec::new();
    let mut number = 0;
    loop {
        while let Some((opcode, payload)) = next_frame(&mut buffer) {
            number += 1;
            match behaviour(number, opcode, &payload) {
                Answer::Send(bytes) => stream.write_all(&bytes).await?,
                Answer::Finish(bytes) => return stream.write_all(&bytes).await,
                Answer::Reset => return stream.set_zero_linger(),
            }
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

pub(super) fn next_frame(buffer: &mut Vec<u8>) -> Option<(OpCode, Vec<u8>)> {
    let mut cursor = Cursor::new(&buffer[..]);
    let (header, length) = FrameHeader::parse(&mut cursor).unwrap()?;
    let start = usize::try_from(cursor.position()).unwrap();
    let end = start + usize::try_from(length).unwrap();
    // RFC 6455 §5.1: a client masks every frame.
    let mask = header.mask.unwrap();
    let mut payload = buffer.get(start..end)?.to_vec();
    mask::apply(&mut payload, mask);
    buffer.drain(..end);
    Some((header.opcode, payload))
}

async fn server(behaviour: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, behaviour));
        }
    });
    address
}

/// The same on a thread of its own, until the test's process ends.
fn server_apart(behaviour: Behaviour) -> SocketAddr {
    let (address, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            address.send(server(behaviour).await).unwrap();
            pending::<()>().await;
        });
    });
    told.recv().unwrap()
}

async fn measure(behaviour: Behaviour, change: impl FnOnce(&mut BenchConfig)) -> Summary {
    let address = server(behaviour).await;
    let mut config = config(4);
    config.threads = 2;
    config.targets = vec![format!("ws://{address}/").parse().unwrap()];
    change(&mut config);
    let run = run(config, pending(), |_| {});
    guarded(run).await.unwrap()
}

/// Only a run that never ends meets this limit.
async fn guarded<T>(run: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(Duration::from_mins(5), run).await;
    ended.expect("the run must end")
}

fn messages(count: u64) -> impl Fn(&mut BenchConfig) {
    move |config| {
        config.duration = None;
        config.messages = Some(count);
    }
}

/// A run without an end of its own, interrupted as soon as its live figures say.
async fn interrupted_when(
    behaviour: Behaviour,
    is_enough: impl Fn(&Live) -> bool,
    change: impl FnOnce(&mut BenchConfig),
) -> Summary {
    let address = server(behaviour).await;
    let mut config = config(4);
    config.targets = vec![format!("ws://{address}/").parse().unwrap()];
    config.duration = Some(Duration::from_hours(1));
    change(&mut config);
    let (interrupt, interrupted) = oneshot::channel::<()>();
    let mut interrupt = Some(interrupt);
    let stop = async {
        let _ = interrupted.await;
    };
    let run = run(config, stop, |live| {
        if is_enough(live)
            && let Some(interrupt) = interrupt.take()
        {
            let _ = interrupt.send(());
        }
    });
    guarded(run).await.unwrap()
}

fn hundred_messages(config: &mut BenchConfig) {
    messages(100)(config);
}

fn open_loop(config: &mut BenchConfig, rate: f64) {
    config.load = Load::Open(Schedule::constant(rate));
}

#[tokio::test]
async fn a_lone_thread_can_be_the_callers() {
    // The load has this thread, and its runtime, for itself.
    let address = server_apart(echo);
    let measure = |change: &dyn Fn(&mut BenchConfig)| {
        let mut config = config(4);
        config.targets = vec![format!("ws://{address}/").parse().unwrap()];
        change(&mut config);
        run(config, pending(), |_| {})
    };
    let here = |config: &mut BenchConfig| {
        config.threads = 1;
        config.on_callers_thread = true;
    };
    for mode in [Mode::Echo, Mode::Handshake] {
        let summary = measure(&|config| {
            here(config);
            hundred_messages(config);
            config.mode = mode;
        });
        let summary = summary.await.unwrap();
        let both = (summary.sent(), summary.answered());
        assert_eq!(both, (100, 100), "{mode:?}");
    }
    let mut config = config(1);
    here(&mut config);
    config.targets = vec!["ws://127.0.0.1:1/".parse().unwrap()];
    let refused = run(config, pending(), |_| {}).await;
    assert!(matches!(refused, Err(BenchError::NoConnection { .. })));
}

#[tokio::test]
async fn an_echo_loses_nothing_and_verifies() {
    for (count, in_flight, sizes) in [
        (100, 1, (64, 64)),
        (100, 16, (0, 300)),
        (40, 3, (70_000, 70_000)),
        (8, 2, (600_000, 600_000)),
    ] {
        let mut summary = measure(echo, |config| {
            messages(count)(config);
            config.verify = true;
            config.load = Load::Closed {
                in_flight,
                think_time: Duration::ZERO,
            };
            config.payload = PayloadConfig::Generated {
                min_bytes: sizes.0,
                max_bytes: sizes.1,
                fill: Fill::default(),
            };
        })
        .await;
        let counters = summary.stats.counters;
        assert_eq!(
            (counters.sent, counters.answered),
            (count, count),
            "{counters:?}"
        );
        assert_eq!(
            (counters.mismatched, counters.lost.total()),
            (0, 0),
            "{counters:?}"
        );
        assert_eq!(
            summary.stats.errors.total(),
            0,
            "{:?}",
            summary.stats.errors
        );
        assert_eq!(summary.stats.from_intended.histogram().len(), count);
        assert_eq!(summary.handshakes.counters.opened, 4);
        assert!(counters.bytes_sent >= count * sizes.0 as u64);
    }
}
