//! What a talk tells, and how it goes on over another connection.

use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;

use super::*;
use crate::connection::client::retry::RetryPolicy;
use crate::connection::{CloseFrame, Closed, OpenConfig, SocketError};
use crate::pipe::{Framing, PipeEvent};
use crate::talk::Kind;

/// What a talk tells, shortly.
fn told(event: &PipeEvent<'_>) -> String {
    match event {
        PipeEvent::Line(LineEvent::Entry(entry)) => {
            let what = match &entry.kind {
                Kind::Open(_) => "open".to_owned(),
                Kind::Close(close) => format!("close {}", close.code),
                kind => String::from_utf8_lossy(kind.data().unwrap_or_default()).into_owned(),
            };
            format!("{what} {:?} {:?}", entry.direction, entry.source)
        }
        PipeEvent::Line(LineEvent::Flushed) => "flushed".to_owned(),
        PipeEvent::Line(LineEvent::Closed(_)) => "closed".to_owned(),
        PipeEvent::Ended { again, .. } => format!("ended, again: {again}"),
        PipeEvent::Waiting { attempt, .. } => format!("attempt {attempt}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_told_in_its_order() {
    let (client, server) = pair(64 << 10).await;
    let peer = tokio::spawn(serve(server, echo));
    let mut log = Vec::new();
    let mut output = Vec::new();
    let summary = Pipe {
        line: line_over(client, vec![Message::text("first")]),
        input: Source::new(&b"a\n"[..], Framing::Lines).peekable(),
        output: &mut output,
        view: &|kind, _| (kind.data()?.len() == 1).then(|| vec!["x".into(), "y".into()]),
        stop: Box::pin(pending()),
        observe: &mut |what| log.push(told(&what)),
    }
    .run(PipeConfig::default())
    .await;
    peer.await.unwrap();
    assert_eq!(
        log,
        [
            "open Out Automatic",
            "first Out Automatic",
            "a Out User",
            "flushed",
            "first In Peer",
            "a In Peer",
            "close 1000 Out Automatic",
            "flushed",
            "close 1000 In Peer",
            "closed",
            "ended, again: false"
        ]
    );
    assert_eq!((summary.sent, summary.received, summary.lost), (2, 2, 0));
    assert_eq!(output, b"first\nx\ny\n");
}

/// A server that cuts each connection at its second message.
async fn cut_at_the_second_message(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = accept_async(stream).await.unwrap();
        let first = peer.next().await.unwrap().unwrap();
        peer.send(first).await.unwrap();
        let _ = peer.next().await;
    }
}

#[tokio::test]
async fn a_reconnect_goes_on_where_the_last_connection_ended() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let peer = tokio::spawn(cut_at_the_second_message(listener));
    let input = Source::new(&b"a\nb\nc\nd\n"[..], Framing::Lines).then(|line| async {
        sleep(Duration::from_millis(50)).await;
        line
    });
    let mut log = Vec::new();
    let mut output = Vec::new();
    let summary = Pipe {
        line: Line::new(LineConfig {
            target: Some((url.parse().unwrap(), OpenConfig::default())),
            reconnect: Some(RetryPolicy::RECONNECT.with_max_attempts(Some(1))),
            ..line_config()
        }),
        input: input.boxed_local().peekable(),
        output: &mut output,
        view: &|_, _| None,
        stop: Box::pin(pending()),
        observe: &mut |what| match &what {
            PipeEvent::Ended { summary, .. } => log.push(format!(
                "{} sent, {} received, {} lost, {} kept, input: {:?}",
                summary.sent, summary.received, summary.lost, summary.kept, summary.input
            )),
            PipeEvent::Waiting { .. } | PipeEvent::NoneLeft => log.push(told(&what)),
            _ => {}
        },
    }
    .run(PipeConfig::default())
    .await;
    peer.abort();
    assert_eq!(output, b"a\nc\n");
    assert_eq!(
        log,
        [
            "2 sent, 1 received, 0 lost, 0 kept, input: More",
            "attempt 1",
            "4 sent, 2 received, 0 lost, 0 kept, input: Ended",
            "NoneLeft",
        ]
    );
    assert!(matches!(summary.end, End::Peer), "{summary:?}");
    assert_eq!(summary.missing, 2);
}

#[tokio::test(start_paused = true)]
async fn what_never_left_is_counted() {
    // The peer reads nothing and goes away.
    let (client, server) = pair(1024).await;
    let gone = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        drop(server);
    });
    let input =
        stream::iter((0..3).map(|_| Ok(Outgoing::Message(Message::text("x".repeat(9999))))));
    let outcome = run(client, input, PipeConfig::default(), pending()).await;
    gone.await.unwrap();
    assert_eq!((outcome.summary.sent, outcome.summary.lost), (3, 3));
}

#[tokio::test]
async fn what_no_byte_was_written_of_goes_over_the_next_connection() {
    const COUNT: usize = 200;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (stuck, mut is_stuck) = tokio::sync::mpsc::channel(1);
    let peer = tokio::spawn(async move {
        // The first connection takes nothing, until nothing more goes in.
        let (stream, _) = listener.accept().await.unwrap();
        let first = accept_async(stream).await.unwrap();
        is_stuck.recv().await;
        drop(first);
        let (stream, _) = listener.accept().await.unwrap();
        let mut second = accept_async(stream).await.unwrap();
        let mut seen = Vec::new();
        while let Some(Ok(message)) = second.next().await {
            if message.is_text() {
                let text = message.into_text().unwrap();
                seen.push(text.split(' ').next().unwrap().parse::<usize>().unwrap());
            }
        }
        seen
    });
    let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let reads = std::sync::Arc::clone(&read);
    let input = stream::iter(0..COUNT).map(move |n| {
        reads.store(n, std::sync::atomic::Ordering::Relaxed);
        let text = format!("{n} {}", "x".repeat(100_000));
        Ok(Outgoing::Message(Message::text(text)))
    });
    tokio::spawn(async move {
        // Nothing is read any more when the buffers on the way are full.
        let mut before = 0;
        loop {
            sleep(Duration::from_millis(200)).await;
            let now = read.load(std::sync::atomic::Ordering::Relaxed);
            if now == before && now > 0 {
                break;
            }
            before = now;
        }
        let _ = stuck.send(()).await;
    });
    let summary = Pipe {
        line: Line::new(LineConfig {
            target: Some((url.parse().unwrap(), OpenConfig::default())),
            reconnect: Some(RetryPolicy::RECONNECT),
            transcript: Transcript::new(system_clock()),
            ..line_config()
        }),
        input: input.peekable(),
        output: Vec::new(),
        view: &|_, _| None,
        stop: Box::pin(pending()),
        observe: &mut |_| {},
    }
    .run(PipeConfig {
        linger: Some(Linger::For(Duration::ZERO)),
        ..PipeConfig::default()
    })
    .await;
    let seen = peer.await.unwrap();
    let first = *seen.first().unwrap();
    assert_eq!(seen, (first..COUNT).collect::<Vec<_>>(), "{summary:?}");
    // What is not among them had begun to leave.
    assert!(summary.lost <= first as u64, "{summary:?}");
    assert_eq!(summary.sent + summary.lost, COUNT as u64, "{summary:?}");
}

/// Whether a talk goes on after such an end, by what it has sent and received.
async fn goes_on(
    closed: Closed,
    input_ended: bool,
    (sent, received): (u64, u64),
    config: PipeConfig,
) -> bool {
    let (client, _server) = pair(64 << 10).await;
    let mut line = Line::new(LineConfig {
        reconnect: Some(RetryPolicy::RECONNECT),
        ..line_config()
    });
    line.connected(Opening::default(), client);
    for _ in 0..sent {
        let message = Outgoing::Message(Message::text("x"));
        line.send(message, crate::talk::Source::User).unwrap();
    }
    while !matches!(line.next().await, LineEvent::Flushed) {}
    let mut observe = |_: PipeEvent<'_>| {};
    let mut engine = Engine::new(
        Pipe {
            line,
            input: stream::pending().peekable(),
            output: Vec::new(),
            view: &|_, _| None,
            stop: Box::pin(pending()),
            observe: &mut observe,
        },
        config,
    );
    if input_ended {
        engine.feed.end();
    }
    engine.received = received;
    engine.pass.end = Some(End::Peer);
    engine.pass.closed = Some(closed);
    engine.goes_on()
}

/// A close by the peer with this code, 1006 for a loss.
fn ended(code: u16) -> Closed {
    let received = (code != 1006).then(|| CloseFrame {
        code: (code != 1005).then_some(code),
        reason: String::new(),
    });
    Closed {
        sent: None,
        by_peer: received.is_some(),
        error: received.is_none().then_some(SocketError::Lost),
        received,
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_has_a_reason() {
    let goal = || PipeConfig {
        goal: Some(Goal::Count(9)),
        ..PipeConfig::default()
    };
    let stays = || PipeConfig {
        linger: Some(Linger::Forever),
        ..PipeConfig::default()
    };
    for (code, input_ended, counts, config, expected) in [
        // Input is left, or a reply is owed, or something else is waited for.
        (1006, false, (1, 1), PipeConfig::default(), true),
        (1001, false, (1, 1), PipeConfig::default(), true),
        (4000, true, (2, 1), PipeConfig::default(), true),
        (1006, true, (1, 1), goal(), true),
        (1006, true, (1, 1), stays(), true),
        // Nothing is left.
        (1006, true, (1, 1), PipeConfig::default(), false),
        // The peer is done.
        (1000, false, (2, 1), goal(), false),
        (1005, false, (2, 1), goal(), false),
    ] {
        let found = goes_on(ended(code), input_ended, counts, config).await;
        assert_eq!(found, expected, "{code} {input_ended} {counts:?}");
    }
}
