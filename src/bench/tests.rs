//! Whole runs against servers that speak raw bytes, in this process.

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

#[tokio::test]
async fn a_dropped_message_is_lost_and_the_next_ones_are_not_blamed() {
    let every_tenth = |number, opcode, payload: &[u8]| match opcode {
        OpCode::Data(_) if number % 10 == 0 => Answer::Send(Vec::new()),
        _ => echo(number, opcode, payload),
    };
    let summary = measure(every_tenth, |config| {
        hundred_messages(config);
        open_loop(config, 1000.0);
        // Longer than an answer takes beside other work, and all that it waits.
        config.reply_timeout = Duration::from_secs(4);
    })
    .await;
    let counters = summary.stats.counters;
    // 25 messages on each of four connections: two of each are dropped.
    assert_eq!(
        (counters.sent, counters.answered, counters.lost.total()),
        (100, 92, 8)
    );
    assert_eq!((counters.late, counters.unsolicited), (0, 0));
}

#[tokio::test]
async fn each_way_of_ending_has_its_cause() {
    let close: Behaviour = |number, opcode, payload| match number {
        0..5 => echo(number, opcode, payload),
        _ => Answer::Finish(frame(0x88, &[0x03, 0xe9])),
    };
    let reset: Behaviour = |number, opcode, payload| match number {
        0..5 => echo(number, opcode, payload),
        _ => Answer::Reset,
    };
    let vanish: Behaviour = |number, opcode, payload| match number {
        0..5 => echo(number, opcode, payload),
        _ => Answer::Finish(Vec::new()),
    };
    let masked: Behaviour = |_, _, _| Answer::Send(vec![0x81, 0x80, 0, 0, 0, 0]);
    let fragments: Behaviour = |_, _, _| Answer::Send(frame(0x80, b"x"));
    for (behaviour, cause) in [
        (close, "closed by the server with 1001"),
        (reset, "connection reset"),
        (vanish, "ended by the server without a close frame"),
        (masked, "protocol error: masked frame"),
        (fragments, "protocol error: fragments out of order"),
    ] {
        // It ends because no connection is left, not because its time is over.
        let summary = measure(behaviour, |config| {
            config.duration = Some(Duration::from_hours(1));
        })
        .await;
        let errors = &summary.stats.errors;
        assert_eq!(errors.count_of(cause), 4, "{cause}: {errors:?}");
        assert_eq!(summary.stats.counters.lost.total(), 4, "{cause}");
    }
}

#[tokio::test]
async fn an_end_right_behind_a_reply_hides_neither() {
    let last_words: Behaviour = |number, opcode, payload| match echo(number, opcode, payload) {
        Answer::Send(bytes) => Answer::Finish(bytes),
        other => other,
    };
    let summary = measure(last_words, |config| {
        config.duration = Some(Duration::from_hours(1));
        // The end is there long before the next message.
        config.load = Load::Closed {
            in_flight: 1,
            think_time: Duration::from_mins(30),
        };
    })
    .await;
    let counters = summary.stats.counters;
    assert_eq!((counters.sent, counters.answered), (4, 4), "{counters:?}");
    let errors = &summary.stats.errors;
    let cause = "ended by the server without a close frame";
    assert_eq!(errors.count_of(cause), 4, "{errors:?}");
}

#[tokio::test]
async fn a_server_that_stalls_loses_and_the_run_goes_on_to_its_end() {
    let stall: Behaviour = |number, opcode, payload| match (number, opcode) {
        (0..5, _) | (_, OpCode::Control(_)) => echo(number, opcode, payload),
        _ => Answer::Send(Vec::new()),
    };
    let summary = measure(stall, |config| {
        messages(24)(config);
        config.reply_timeout = Duration::from_secs(2);
    })
    .await;
    let counters = summary.stats.counters;
    // A closed loop goes on with the next message when one is given up.
    assert_eq!(
        (counters.sent, counters.answered, counters.lost.total()),
        (24, 16, 8)
    );
}

#[tokio::test]
async fn what_answers_nothing_is_unsolicited() {
    let push: Behaviour = |number, opcode, payload| match (echo(number, opcode, payload), opcode) {
        (Answer::Send(mut bytes), OpCode::Data(_)) => {
            bytes.extend(frame(0x81, b"news"));
            // A ping must be answered and is no message.
            bytes.extend(frame(0x89, b"p"));
            Answer::Send(bytes)
        }
        (other, _) => other,
    };
    let summary = measure(push, hundred_messages).await;
    let counters = summary.stats.counters;
    assert_eq!(
        (counters.sent, counters.answered, counters.lost.total()),
        (100, 100, 0)
    );
    // The last ones may come when the connection is closing already.
    assert!((96..=100).contains(&counters.unsolicited), "{counters:?}");
}

#[tokio::test]
async fn a_pong_never_gets_into_a_large_payload() {
    let pinging: Behaviour = |number, opcode, payload| match (echo(number, opcode, payload), opcode)
    {
        (Answer::Send(bytes), OpCode::Data(_)) => {
            Answer::Send([frame(0x89, b"now?"), bytes].concat())
        }
        (other, _) => other,
    };
    let summary = measure(pinging, |config| {
        config.duration = None;
        // More than the buffers of the sockets hold.
        config.connections = 1;
        config.messages = Some(20);
        config.verify = true;
        config.load = Load::Closed {
            in_flight: 20,
            think_time: Duration::ZERO,
        };
        config.payload = PayloadConfig::Generated {
            min_bytes: 700_000,
            max_bytes: 800_000,
            fill: Fill::default(),
        };
    })
    .await;
    let counters = summary.stats.counters;
    assert_eq!(
        (counters.answered, counters.mismatched, counters.unsolicited),
        (20, 0, 0)
    );
    assert_eq!(
        summary.stats.errors.total(),
        0,
        "{:?}",
        summary.stats.errors
    );
}

#[tokio::test]
async fn fragments_make_one_reply_and_a_wrong_payload_is_told() {
    let fragmented: Behaviour =
        |number, opcode, payload| match (opcode, payload.split_at_checked(3)) {
            (OpCode::Data(_), Some((first, rest))) => {
                let end = if number % 5 == 0 { b"?" } else { &[][..] };
                Answer::Send([frame(0x01, first), frame(0x00, rest), frame(0x80, end)].concat())
            }
            _ => echo(number, opcode, payload),
        };
    let summary = measure(fragmented, |config| {
        hundred_messages(config);
        config.verify = true;
    })
    .await;
    let counters = summary.stats.counters;
    assert_eq!((counters.answered, counters.mismatched), (100, 20));
}

#[tokio::test]
async fn ids_find_their_reply_through_another_order() {
    // Holds nothing back, but answers with an envelope around the id.
    let envelope: Behaviour = |number, opcode, payload| match opcode {
        OpCode::Data(_) => {
            let id = String::from_utf8_lossy(payload)
                .replace("{\"id\":", "")
                .replace('}', "");
            Answer::Send(frame(
                0x81,
                format!("{{\"ok\":{{\"id\":{id}}},\"id\":{id}}}").as_bytes(),
            ))
        }
        _ => echo(number, opcode, payload),
    };
    let path = serde_json_path::JsonPath::parse("$.id").unwrap();
    let summary = measure(envelope, |config| {
        hundred_messages(config);
        config.matching = Matching::Id(crate::value::Pattern::JsonPath(path));
        config.payload =
            PayloadConfig::Templates(vec![Template::parse(b"{\"id\":{{n}}}").unwrap()]);
        config.load = Load::Closed {
            in_flight: 8,
            think_time: Duration::ZERO,
        };
    })
    .await;
    let counters = summary.stats.counters;
    assert_eq!(
        (counters.sent, counters.answered, counters.unsolicited),
        (100, 100, 0)
    );
}

#[tokio::test]
async fn an_open_loop_sends_all_that_is_due() {
    let mut summary = measure(echo, |config| {
        open_loop(config, 2000.0);
        config.warmup = Duration::from_millis(100);
        config.duration = Some(Duration::from_millis(500));
    })
    .await;
    assert_eq!(summary.stats.counters.sent, 1000);
    assert_eq!(summary.stats.counters.answered, 1000);
    assert_eq!(summary.stats.slip.histogram().len(), 1000);
    assert_eq!(summary.duration, Duration::from_millis(500));
}

#[tokio::test]
async fn think_time_holds_the_rate_down() {
    let summary = measure(echo, |config| {
        config.duration = Some(Duration::from_secs(1));
        config.load = Load::Closed {
            in_flight: 1,
            think_time: Duration::from_millis(100),
        };
    })
    .await;
    // Ten pauses fit, and each of four connections sends once more at most.
    let sent = summary.stats.counters.sent;
    assert!((4..=44).contains(&sent), "{sent}");
}

#[tokio::test]
async fn idle_connections_are_pinged_and_held() {
    let summary = measure(echo, |config| {
        config.mode = Mode::Idle;
        config.payload = PayloadConfig::Generated {
            min_bytes: 8,
            max_bytes: 8,
            fill: Fill::default(),
        };
        open_loop(config, 100.0);
        config.duration = Some(Duration::from_millis(500));
    })
    .await;
    let counters = summary.stats.counters;
    assert_eq!(
        (counters.sent, counters.answered, counters.lost.total()),
        (50, 50, 0)
    );
}

#[tokio::test]
async fn a_flood_waits_for_nobody() {
    let summary = interrupted_when(
        echo,
        |live| live.rate > 0.0,
        |config| {
            config.mode = Mode::Flood;
        },
    )
    .await;
    let counters = summary.stats.counters;
    assert!(counters.sent > 1000, "{counters:?}");
    assert!(counters.unsolicited > 0, "{counters:?}");
    assert_eq!((counters.answered, counters.lost.total()), (0, 0));
    assert_eq!(counters.untracked, counters.sent);
}

#[tokio::test]
async fn handshakes_come_and_go() {
    let summary = measure(echo, |config| {
        hundred_messages(config);
        config.mode = Mode::Handshake;
    })
    .await;
    assert_eq!(summary.handshakes.counters.opened, 100);
    assert_eq!((summary.sent(), summary.answered()), (100, 100));
    assert_eq!(summary.stats.errors.total(), 0);
}

#[tokio::test]
async fn several_targets_and_sources_share_the_connections_and_refusals_are_counted() {
    let address = server(echo).await;
    let summary = measure(echo, |config| {
        hundred_messages(config);
        config.connections = 6;
        config
            .targets
            .push(format!("ws://{address}/refuse").parse().unwrap());
        config.source_ips = vec![[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
        config.ramp_up = Duration::from_millis(60);
    })
    .await;
    assert_eq!(summary.connections_open, 3);
    let cause = "the server answered HTTP/1.1 403 Forbidden";
    assert_eq!(summary.stats.errors.count_of(cause), 3);
}

#[tokio::test]
async fn no_connection_at_all_is_an_error() {
    let refused = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let mut config = config(3);
    config.targets = vec![format!("ws://{refused}/").parse().unwrap()];
    let error = run(config, pending(), |_| {}).await.unwrap_err();
    assert!(
        matches!(error, BenchError::NoConnection { connections: 3, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn an_interruption_keeps_what_was_measured() {
    let is_second = |live: &Live| live.measured >= Duration::from_secs(1);
    let summary = interrupted_when(echo, is_second, |_| {}).await;
    assert_eq!(summary.end, super::summary::End::Interrupted);
    assert!(summary.duration >= Duration::from_secs(1));
    assert!(summary.stats.counters.answered > 10);
    assert_eq!(summary.stats.counters.lost.total(), 0);
    assert!(!summary.series.is_empty());
}

#[tokio::test]
async fn summaries_of_two_runs_merge_exactly() {
    let mut one = measure(echo, hundred_messages).await;
    let mut two = measure(echo, hundred_messages).await;
    let mut expected = one.stats.from_intended.histogram().clone();
    expected.add(two.stats.from_intended.histogram()).unwrap();
    one.merge(two);
    assert_eq!(one.stats.from_intended.histogram(), &expected);
    assert_eq!(one.stats.counters.sent, 200);
    assert_eq!((one.connections, one.handshakes.counters.opened), (8, 8));
}
