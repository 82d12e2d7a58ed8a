//! Whatever fails, each message and each handshake of a run is in exactly one
//! counter.

mod seconds;

use std::future::pending;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

use self::seconds::check_seconds;
use super::config::{BenchConfig, Load, Mode};
use super::counters::{Counters, Unsent};
use super::payload::{Fill, PayloadConfig};
use super::schedule::{Schedule, Stage};
use super::summary::End;
use super::testing::config;
use super::tests::{frame, next_frame, upgrade};
use super::{BenchError, Summary, run};

const MILLISECOND: Duration = Duration::from_millis(1);

/// How often each thing goes wrong: once in so many times, 0 for never.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    refuse: u64,
    drop: u64,
    twice: u64,
    push: u64,
    close: u64,
    reset: u64,
}

/// A server that fails at random, the same way each time.
struct Peer {
    failures: Failures,
    seed: u64,
    accepted: AtomicU64,
    sent: AtomicU64,
}

impl Peer {
    fn happens(&self, once_in: u64, connection: u64, number: u64) -> bool {
        let hash = BuildHasherDefault::<DefaultHasher>::default();
        once_in > 0 && hash.hash_one((self.seed, once_in, connection, number)) % once_in == 0
    }

    async fn start(failures: Failures, seed: u64) -> (SocketAddr, Arc<Self>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = Arc::new(Self {
            failures,
            seed,
            accepted: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        });
        let accepting = Arc::clone(&peer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let peer = Arc::clone(&accepting);
                tokio::spawn(async move { peer.serve(stream).await });
            }
        });
        (address, peer)
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let connection = self.accepted.fetch_add(1, Ordering::Relaxed);
        if self.happens(self.failures.refuse, connection, 0) {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await?;
            let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
            return stream.write_all(answer.as_bytes()).await;
        }
        upgrade(&mut stream).await?;
        let (mut buffer, mut number) = (Vec::new(), 0);
        loop {
            while let Some((opcode, payload)) = next_frame(&mut buffer) {
                if opcode == OpCode::Control(super::tests::CLOSE) {
                    return stream.write_all(&frame(0x88, &[0x03, 0xe8])).await;
                }
                number += 1;
                let happens = |once_in| self.happens(once_in, connection, number);
                if happens(self.failures.reset) {
                    return stream.set_zero_linger();
                }
                if happens(self.failures.close) {
                    return stream.write_all(&frame(0x88, b"\x0f\xa0bye")).await;
                }
                let mut answers = 1 - u64::from(happens(self.failures.drop));
                answers += u64::from(happens(self.failures.twice));
                for _ in 0..answers {
                    self.sent.fetch_add(1, Ordering::Relaxed);
                    stream.write_all(&frame(0x81, &payload)).await?;
                }
                if happens(self.failures.push) {
                    self.sent.fetch_add(1, Ordering::Relaxed);
                    stream.write_all(&frame(0x81, b"00000001 news")).await?;
                }
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Closed,
    Open(u32),
    Stages(u32, u32),
}

#[derive(Debug, Clone, Copy)]
struct Case {
    mode: Mode,
    shape: Shape,
    messages: Option<u64>,
    threads: usize,
    connections: usize,
    warmup_ms: u64,
    size: usize,
    interrupt_ms: Option<u64>,
    failures: Failures,
    seed: u64,
}

const DURATION: Duration = Duration::from_millis(200);

async fn run_case(case: &Case) -> Option<(Summary, u64)> {
    let (address, peer) = Peer::start(case.failures, case.seed).await;
    let mut config = config(case.connections);
    config.mode = case.mode;
    config.threads = case.threads;
    let url = format!("ws://{address}/");
    config.targets = vec![url.parse().unwrap(), format!("{url}b").parse().unwrap()];
    config.warmup = MILLISECOND * u32::try_from(case.warmup_ms).unwrap();
    config.reply_timeout = Duration::from_millis(150);
    config.messages = case.messages;
    config.duration = case.messages.is_none().then_some(DURATION);
    config.payload = PayloadConfig::Generated {
        min_bytes: case.size,
        max_bytes: case.size,
        fill: Fill::default(),
    };
    let stage = |rate| Stage {
        duration: DURATION / 2,
        rate: f64::from(rate),
    };
    match case.shape {
        Shape::Closed => {
            config.load = Load::Closed {
                in_flight: 3,
                think_time: MILLISECOND,
            };
        }
        Shape::Open(rate) => config.load = Load::Open(Schedule::constant(f64::from(rate))),
        Shape::Stages(one, two) => {
            let stages = [stage(one), stage(two)];
            config.load = Load::Open(Schedule::stages(config.warmup, &stages));
            config.duration = Some(DURATION);
        }
    }
    let stop = async {
        match case.interrupt_ms {
            Some(ms) => sleep(Duration::from_millis(ms)).await,
            None => pending().await,
        }
    };
    let limit = Duration::from_mins(2);
    let ended = tokio::time::timeout(limit, run(config, stop, |_| {})).await;
    match ended.expect("the run must end") {
        Ok(summary) => Some((summary, peer.sent.load(Ordering::Relaxed))),
        Err(BenchError::NoConnection { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Checks the sums of a run.
fn check(case: &Case, summary: &Summary, peer_sent: u64) {
    let Summary {
        stats, handshakes, ..
    } = summary;
    let told = format!("{case:?}\n{:?}\n{stats:?}\n{handshakes:?}", summary.end);
    for counters in [&stats.counters, &stats.warmup] {
        assert!(counters.is_balanced(), "{told}");
    }
    for counters in [&handshakes.counters, &handshakes.warmup] {
        assert!(counters.is_balanced(), "{told}");
    }
    assert!(
        stats.counters.received() + stats.warmup.received() <= peer_sent,
        "{peer_sent} {told}"
    );
    let mut urls = (Counters::default(), Counters::default());
    for url in &summary.urls {
        urls.0.merge(&url.stats.counters);
        urls.1.merge(&url.stats.warmup);
        assert!(url.stats.counters.is_balanced(), "{told}");
        assert!(url.handshakes.counters.is_balanced(), "{told}");
    }
    assert_eq!(urls, (stats.counters, stats.warmup), "{told}");
    let mut stages = Counters::default();
    for stage in &summary.stages {
        stages.merge(&stage.stats.counters);
        assert!(stage.stats.counters.is_balanced(), "{told}");
    }
    if case.shape != Shape::Closed {
        assert_eq!(stages, stats.counters, "{told}");
    }
    check_seconds(summary, &told);
    if case.mode == Mode::Handshake {
        assert_eq!(stats.handshakes, handshakes.counters, "{told}");
        assert_eq!(
            handshakes.counters.failed,
            handshakes.failed.total(),
            "{told}"
        );
        assert_eq!(
            handshakes.warmup.failed,
            handshakes.warmup_failed.total(),
            "{told}"
        );
    } else {
        assert_eq!(handshakes.counters.due, case.connections as u64, "{told}");
    }
    let due = match case.mode {
        Mode::Handshake => handshakes.counters.due,
        _ => stats.counters.due,
    };
    match (case.messages, case.shape) {
        (Some(count), _) => assert_eq!(due, count, "{told}"),
        (None, Shape::Open(rate)) if case.interrupt_ms.is_none() => {
            let expected = f64::from(rate) * DURATION.as_secs_f64();
            assert!((due as f64 - expected).abs() <= 1.0, "{due} {told}");
        }
        _ => {}
    }
    assert_eq!(
        stats.from_intended.clone().histogram().len(),
        match case.mode {
            Mode::Handshake => handshakes.counters.opened,
            _ => stats.counters.answered,
        },
        "{told}"
    );
}

fn failures() -> impl Strategy<Value = Failures> {
    let rare = || prop_oneof![3 => Just(0_u64), 1 => 2_u64..40];
    (rare(), rare(), rare(), rare(), rare(), rare()).prop_map(
        |(refuse, drop, twice, push, close, reset)| Failures {
            refuse: if refuse > 4 { 2 } else { refuse },
            drop,
            twice,
            push,
            close,
            reset,
        },
    )
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = prop_oneof![
        Just(Shape::Closed),
        (50_u32..3000).prop_map(Shape::Open),
        (0_u32..2000, 1_u32..2000).prop_map(|(one, two)| Shape::Stages(one, two)),
    ];
    let mode = prop_oneof![3 => Just(Mode::Echo), 1 => Just(Mode::Handshake)];
    (
        (mode, shape, proptest::option::of(1_u64..300)),
        (1_usize..4, 1_usize..7, prop_oneof![Just(0_u64), Just(80)]),
        prop_oneof![Just(4_usize), Just(8), Just(64)],
        proptest::option::weighted(0.3, 0_u64..500),
        failures(),
        any::<u64>(),
    )
        .prop_map(|(load, spread, size, interrupt_ms, failures, seed)| {
            let (mode, shape, messages) = load;
            // A number of messages and stages exclude each other.
            let messages = messages.filter(|_| !matches!(shape, Shape::Stages(..)));
            let (threads, connections, warmup_ms) = spread;
            Case {
                mode,
                shape,
                messages,
                threads,
                connections,
                warmup_ms,
                size,
                interrupt_ms,
                failures,
                seed,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 8,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_message_and_handshake_is_in_exactly_one_counter(case in cases()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        if let Some((summary, sent)) = runtime.block_on(run_case(&case)) {
            check(&case, &summary, sent);
        }
    }
}

/// A run of which every connection is closed after its fifth message.
async fn closing(change: impl FnOnce(&mut BenchConfig)) -> Summary {
    let failures = Failures {
        close: 1,
        ..Failures::default()
    };
    let (address, _) = Peer::start(failures, 1).await;
    let mut config = config(4);
    config.threads = 2;
    config.targets = vec![format!("ws://{address}/").parse().unwrap()];
    change(&mut config);
    let limit = Duration::from_mins(2);
    let ended = tokio::time::timeout(limit, run(config, pending(), |_| {})).await;
    ended.expect("the run must end").unwrap()
}

#[tokio::test]
async fn a_schedule_whose_connections_are_gone_is_unsent_and_the_run_says_so() {
    for (messages, due) in [(None, 1_000_000), (Some(5000), 5000)] {
        let summary = closing(|config| {
            config.load = Load::Open(Schedule::constant(1000.0));
            config.messages = messages;
            config.duration = messages.is_none().then_some(Duration::from_secs(1000));
        })
        .await;
        let counters = summary.stats.counters;
        assert_eq!(counters.due, due);
        assert_eq!(counters.unsent.gone, due - counters.sent, "{counters:?}");
        assert!(counters.is_balanced(), "{counters:?}");
        assert!(matches!(
            summary.end,
            End::ConnectionsGone { after: Some(_) }
        ));
        assert_eq!((summary.connections_open, summary.connections_left), (4, 0));
        assert!(summary.duration < Duration::from_secs(100));
        let cause = "closed by the server with 4000 (bye)";
        assert_eq!(summary.stats.errors.count_of(cause), 4);
    }
}

#[tokio::test]
async fn a_closed_loop_of_a_number_counts_what_it_could_not_send() {
    let summary = closing(|config| {
        config.messages = Some(5000);
        config.duration = None;
    })
    .await;
    let counters = summary.stats.counters;
    assert_eq!((counters.due, counters.sent), (5000, 4));
    assert_eq!((counters.lost.ended, counters.unsent.gone), (4, 4996));
    assert!(matches!(summary.end, End::ConnectionsGone { .. }));
}

#[tokio::test]
async fn a_thread_without_connections_goes_on_counting_and_tells_its_seconds() {
    // Connections alternate over URLs and over threads: one thread has none.
    let (alive, _) = Peer::start(Failures::default(), 1).await;
    let close = Failures {
        close: 1,
        ..Failures::default()
    };
    let (dying, _) = Peer::start(close, 1).await;
    let mut config = config(2);
    config.threads = 2;
    config.targets = [dying, alive]
        .map(|address| format!("ws://{address}/").parse().unwrap())
        .into();
    config.duration = Some(Duration::from_millis(2300));
    config.load = Load::Open(Schedule::constant(1000.0));
    let mut shown = Vec::new();
    let summary = run(config, pending(), |live| shown.push(live.clone()));
    let summary = summary.await.unwrap();
    let counters = summary.stats.counters;
    // Some may have left before the first was answered by a Close.
    let ended = counters.lost.ended;
    assert!((1..100).contains(&ended), "{counters:?}");
    let unsent = Unsent {
        gone: 1150 - ended,
        ..Unsent::default()
    };
    assert_eq!((counters.due, counters.unsent), (2300, unsent));
    assert_eq!(summary.end, End::Finished);
    assert_eq!((summary.connections_open, summary.connections_left), (2, 1));
    assert_eq!(summary.series.len(), 3);
    assert!(summary.series[1].open == 1 && summary.series[1].counts.unsent > 400);
    // The live figures go on while the other thread has nothing to say.
    assert!(
        shown
            .iter()
            .any(|live| live.measured.as_secs() == 2 && live.rate > 400.0)
    );
    let [dying, alive] = &summary.urls[..] else {
        panic!("two URLs");
    };
    assert_eq!(dying.stats.counters.unsent.gone, 1150 - ended);
    assert_eq!(alive.stats.counters.answered, 1150);
}

#[tokio::test]
async fn an_absurd_rate_ends_in_its_time_and_in_a_moment_when_interrupted() {
    for interrupt in [false, true] {
        let (address, _) = Peer::start(Failures::default(), 1).await;
        let mut config = config(2);
        config.targets = vec![format!("ws://{address}/").parse().unwrap()];
        config.load = Load::Open(Schedule::constant(1e9));
        config.duration = Some(Duration::from_millis(if interrupt { 100_000 } else { 500 }));
        config.reply_timeout = Duration::from_secs(1);
        let stop = async {
            match interrupt {
                true => sleep(Duration::from_secs(1)).await,
                false => pending().await,
            }
        };
        let limit = Duration::from_mins(1);
        let ended = tokio::time::timeout(limit, run(config, stop, |_| {})).await;
        let counters = ended.expect("the run must end").unwrap().stats.counters;
        assert!(counters.is_balanced(), "{counters:?}");
        match interrupt {
            true => assert!(counters.unsent.interrupted > 1_000_000, "{counters:?}"),
            false => assert_eq!(counters.due, 500_000_000),
        }
    }
}
