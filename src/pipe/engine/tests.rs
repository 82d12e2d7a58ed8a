//! Talks over memory streams, with a real socket in the server's role at the
//! other end and a clock that jumps.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::connection::{
    CloseCode, CloseFrame, Event, Message, Role, Socket, SocketConfig, Transport,
};
use crate::pipe::{Framing, Linger, Quiet, Rest, Source};
use crate::talk::{LineConfig, Opening, Transcript, system_clock};

mod again;
mod cut;
mod left;
mod script;

async fn pair(buffer: usize) -> (Socket, Socket) {
    let (a, b) = duplex(buffer);
    let client = SocketConfig::new(Role::Client);
    let server = SocketConfig::new(Role::Server);
    (
        Socket::new(Transport::other(a), Bytes::new(), &client).await,
        Socket::new(Transport::other(b), Bytes::new(), &server).await,
    )
}

/// What the peer does with each message, until the socket is closed.
async fn serve(mut socket: Socket, mut answer: impl FnMut(u64, Message) -> Answer) {
    let mut count = 0;
    while let Some(event) = socket.next().await {
        let Event::Message { message, .. } = event else {
            continue;
        };
        count += 1;
        match answer(count, message) {
            Answer::Reply(message) => socket.send(message).await.unwrap_or_default(),
            Answer::Late(delay, message) => {
                sleep(delay).await;
                socket.send(message).await.unwrap_or_default();
            }
            Answer::Nothing => {}
            Answer::Close(frame) => socket.start_close(frame),
        }
    }
}

enum Answer {
    Reply(Message),
    Late(Duration, Message),
    Nothing,
    Close(CloseFrame),
}

fn echo(_: u64, message: Message) -> Answer {
    Answer::Reply(message)
}

/// A line over a connection that is open already.
fn line_over(socket: Socket, setup: Vec<Message>) -> Line {
    let mut line = Line::new(LineConfig {
        setup,
        ..line_config()
    });
    line.connected(Opening::default(), socket);
    line
}

fn line_config() -> LineConfig {
    LineConfig {
        target: None,
        socket: SocketConfig::new(Role::Client),
        setup: Vec::new(),
        reconnect: None,
        reconnect_on: Default::default(),
        log_secrets: false,
        transcript: Transcript::new(system_clock()).keeping(1 << 20),
    }
}

struct Outcome {
    summary: Summary,
    output: String,
    /// The time it took, in seconds.
    seconds: f64,
}

/// Talks to a peer that answers like this.
async fn talk(
    input: &'static [u8],
    config: PipeConfig,
    answer: impl FnMut(u64, Message) -> Answer + Send + 'static,
) -> Outcome {
    let (client, server) = pair(64 << 10).await;
    let peer = tokio::spawn(serve(server, answer));
    let input = Source::new(input, config.framing);
    let outcome = run(client, input, config, pending::<Stop>()).await;
    peer.abort();
    outcome
}

async fn run<I>(
    socket: Socket,
    input: I,
    config: PipeConfig,
    stop: impl Future<Output = Stop>,
) -> Outcome
where
    I: Stream<Item = Result<Outgoing, InputError>> + Unpin,
{
    let start = Instant::now();
    let mut output = Vec::new();
    let summary = Pipe {
        line: line_over(socket, Vec::new()),
        input: input.peekable(),
        output: &mut output,
        stop: Box::pin(stop),
        view: &|_, _| None,
        observe: &mut |_| {},
    }
    .run(config)
    .await;
    Outcome {
        summary,
        output: String::from_utf8(output).unwrap(),
        seconds: start.elapsed().as_secs_f64(),
    }
}

fn close(code: u16) -> CloseFrame {
    CloseFrame::new(CloseCode::try_from(code).unwrap(), "")
}

#[tokio::test(start_paused = true)]
async fn replies_are_waited_for_and_a_second_more() {
    let late = |_, message| Answer::Late(Duration::from_millis(700), message);
    let outcome = talk(b"a\nb\n", PipeConfig::default(), late).await;
    assert_eq!(outcome.output, "a\nb\n");
    assert!(matches!(outcome.summary.end, End::Quiet(Quiet::Settled)));
    assert!((2.4..2.5).contains(&outcome.seconds), "{}", outcome.seconds);
    let closed = outcome.summary.closed.unwrap();
    assert_eq!((closed.code(), closed.by_peer), (1000, false));
}

#[tokio::test(start_paused = true)]
async fn a_missing_reply_is_waited_for_ten_seconds_and_told() {
    let drop_second = |n, message| match n {
        2 => Answer::Nothing,
        _ => Answer::Reply(message),
    };
    let outcome = talk(b"a\nb\nc", PipeConfig::default(), drop_second).await;
    assert_eq!(outcome.output, "a\nc\n");
    assert!(matches!(outcome.summary.end, End::Quiet(Quiet::Owed)));
    assert_eq!((outcome.summary.sent, outcome.summary.received), (3, 2));
    assert!((10.0..10.1).contains(&outcome.seconds));
}

#[tokio::test(start_paused = true)]
async fn a_goal_ends_at_once_and_only_a_goal() {
    let count = |n| PipeConfig {
        goal: Some(Goal::Count(n)),
        ..PipeConfig::default()
    };
    let (client, server) = pair(1024).await;
    tokio::spawn(serve(server, echo));
    let endless = stream::repeat_with(|| Ok(Outgoing::Message(Message::text("x"))));
    let outcome = run(client, endless, count(3), pending()).await;
    assert_eq!(outcome.output, "x\nx\nx\n");
    assert!(matches!(outcome.summary.end, End::Goal));

    let slow = |_, message| Answer::Late(Duration::from_secs(3600), message);
    let outcome = talk(b"a\n", count(1), slow).await;
    assert_eq!(outcome.output, "a\n");

    let config = PipeConfig {
        goal: Some(Goal::Until("b".parse().unwrap())),
        ..PipeConfig::default()
    };
    let outcome = talk(b"a\nb\nc\n", config, echo).await;
    assert_eq!(outcome.output, "a\nb\n");

    let end = |_, _| Answer::Close(close(1000));
    let outcome = talk(b"a\n", count(1), end).await;
    assert!(matches!(outcome.summary.end, End::Peer));
    assert_eq!(outcome.summary.input, Rest::Ended);
}

#[tokio::test(start_paused = true)]
async fn input_that_a_closing_peer_left_is_told() {
    for (left, rest) in [(0, Rest::Ended), (1, Rest::More)] {
        let (client, mut server) = pair(1024).await;
        let peer = tokio::spawn(async move { server.close(close(1000)).await });
        // Nothing of the input is there before the peer has closed.
        let late = async move {
            peer.await.unwrap();
            stream::iter(vec![(); left].into_iter().map(|()| {
                let message = Message::text("too late");
                Ok(Outgoing::Message(message))
            }))
        };
        let input = Box::pin(stream::once(late).flatten());
        let outcome = run(client, input, PipeConfig::default(), pending()).await;
        assert!(matches!(outcome.summary.end, End::Peer));
        assert_eq!(outcome.summary.input, rest);
    }
}

#[tokio::test(start_paused = true)]
async fn an_input_that_only_says_nothing_is_not_left_unsent() {
    let (client, mut server) = pair(1024).await;
    let peer = tokio::spawn(async move { server.close(close(1000)).await });
    let config = PipeConfig::default();
    let outcome = run(client, stream::pending(), config, pending()).await;
    assert_eq!(outcome.summary.input, Rest::Silent);
    peer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keeps_talking_has_ten_seconds_after_the_input() {
    for input in [&b"hi\n"[..], b""] {
        let (client, mut server) = pair(1024).await;
        let peer = tokio::spawn(async move {
            while server.send(Message::text("tick")).await.is_ok() {
                sleep(Duration::from_millis(500)).await;
                while server.try_next().is_some() {}
            }
        });
        let source = Source::new(input, Framing::Lines);
        let outcome = run(client, source, PipeConfig::default(), pending()).await;
        peer.await.unwrap();
        let end = outcome.summary.end;
        assert!(matches!(end, End::Quiet(Quiet::Talkative)), "{end:?}");
        assert!((10.0..11.0).contains(&outcome.seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_only_read_has_ten_seconds_for_its_first_message() {
    let (client, mut server) = pair(1024).await;
    let peer = tokio::spawn(async move {
        sleep(Duration::from_secs(9)).await;
        server.send(Message::text("tick")).await.unwrap();
        while server.next().await.is_some() {}
    });
    let outcome = run(client, stream::empty(), PipeConfig::default(), pending()).await;
    assert_eq!(outcome.output, "tick\n");
    peer.await.unwrap();

    let outcome = talk(b"", PipeConfig::default(), echo).await;
    let end = outcome.summary.end;
    assert!(matches!(end, End::Quiet(Quiet::NothingSaid)), "{end:?}");
    assert!((10.0..10.1).contains(&outcome.seconds));
}

#[tokio::test(start_paused = true)]
async fn a_count_is_of_replies_to_the_input_where_there_is_setup() {
    let count = |n| PipeConfig {
        goal: Some(Goal::Count(n)),
        ..PipeConfig::default()
    };
    // (whether the setup is answered, the input, the count, the output)
    for (answers, input, n, expected) in [
        (true, &b"a\n"[..], 1, "S\na\n"),
        (false, b"a\n", 1, "a\n"),
        (true, b"", 1, "S\n"),
        (true, b"a\n", 2, "S\na\n"),
    ] {
        let (client, server) = pair(1024).await;
        let peer = tokio::spawn(serve(server, move |_, message| {
            match !answers && message == Message::text("S") {
                true => Answer::Nothing,
                false => Answer::Reply(message),
            }
        }));
        let start = Instant::now();
        let mut output = Vec::new();
        let summary = Pipe {
            line: line_over(client, vec![Message::text("S")]),
            input: Source::new(input, Framing::Lines).peekable(),
            output: &mut output,
            stop: Box::pin(pending()),
            view: &|_, _| None,
            observe: &mut |_| {},
        }
        .run(count(n))
        .await;
        assert!(matches!(summary.end, End::Goal), "{summary:?}");
        assert_eq!(String::from_utf8(output).unwrap(), expected);
        assert!(start.elapsed() < Duration::from_millis(1100));
        peer.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_linger_that_the_peer_cuts_short_is_told() {
    let config = PipeConfig {
        linger: Some(Linger::For(Duration::from_secs(20))),
        ..PipeConfig::default()
    };
    // The second does not end the transport, which is waited for.
    for (millis, ends) in [(8000, true), (19_500, false)] {
        let (client, mut server) = pair(1024).await;
        let peer = tokio::spawn(async move {
            sleep(Duration::from_millis(millis)).await;
            server.start_close(close(1000));
            server.flush().await.unwrap();
            if ends {
                server.next().await;
            }
            pending::<()>().await;
        });
        let input = Source::new(&b"a\n"[..], Framing::Lines);
        let outcome = run(client, input, config.clone(), pending()).await;
        let stay = outcome.summary.stay.unwrap();
        assert!(stay.is_cut_short());
        assert_eq!(stay.stayed.as_millis(), u128::from(millis));
        peer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn linger_is_taken_as_given() {
    for (linger, seconds) in [(0, 0.0), (5, 5.0), (60, 60.0)] {
        let config = PipeConfig {
            linger: Some(Linger::For(Duration::from_secs(linger))),
            ..PipeConfig::default()
        };
        let outcome = talk(b"a\n", config, |_, _| Answer::Nothing).await;
        assert!((seconds..seconds + 0.1).contains(&outcome.seconds));
    }
    let config = PipeConfig {
        linger: Some(Linger::Forever),
        ..PipeConfig::default()
    };
    let end = |_, _| Answer::Close(close(4000));
    let outcome = talk(b"a\n", config, end).await;
    let closed = outcome.summary.closed.unwrap();
    assert_eq!((closed.code(), closed.by_peer), (4000, true));
    assert!(outcome.seconds < 0.1);
}

#[tokio::test(start_paused = true)]
async fn echo_answers_until_the_peer_closes() {
    let (client, mut server) = pair(1024).await;
    let peer = tokio::spawn(async move {
        for text in ["a", "b"] {
            sleep(Duration::from_secs(100)).await;
            server.send(Message::text(text)).await.unwrap();
            let reply = loop {
                if let Event::Message { message, .. } = server.next().await.unwrap() {
                    break message;
                }
            };
            assert_eq!(reply, Message::text(text));
        }
        server.close(close(1000)).await.unwrap()
    });
    let config = PipeConfig {
        echo: true,
        ..PipeConfig::default()
    };
    let outcome = run(client, stream::empty(), config, pending()).await;
    assert_eq!(outcome.output, "a\nb\n");
    assert!(matches!(outcome.summary.end, End::Peer));
    peer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_politely_and_writes_what_came() {
    let (client, mut server) = pair(1024).await;
    let peer = tokio::spawn(async move {
        server.send(Message::text("hello")).await.unwrap();
        while let Some(event) = server.next().await {
            if let Event::Closed(closed) = event {
                return closed.code();
            }
        }
        0
    });
    let stop = async {
        sleep(Duration::from_secs(5)).await;
        Stop::Interrupt
    };
    let input = stream::pending();
    let outcome = run(client, input, PipeConfig::default(), stop).await;
    assert_eq!(outcome.output, "hello\n");
    assert!(matches!(outcome.summary.end, End::Stopped(Stop::Interrupt)));
    assert_eq!(peer.await.unwrap(), 1000);

    // A peer that answers nothing is not waited for.
    let (client, _server) = pair(1024).await;
    let stop = async { Stop::Terminate };
    let outcome = run(client, stream::pending(), PipeConfig::default(), stop).await;
    assert!(outcome.summary.closed.is_none());
    assert!((1.0..1.1).contains(&outcome.seconds));
}

#[tokio::test(start_paused = true)]
async fn max_time_is_hard_even_under_a_flood_of_pings() {
    let (client, mut server) = pair(1024).await;
    // The peer reads nothing, so that it answers no Close.
    let peer = tokio::spawn(async move {
        while server.ping(Bytes::from_static(b"flood")).is_ok() {
            if server.flush().await.is_err() {
                return;
            }
            // The clock stands still while anything goes on.
            sleep(Duration::from_millis(1)).await;
        }
    });
    let stop = async {
        sleep(Duration::from_secs(3)).await;
        Stop::MaxTime
    };
    let outcome = run(client, stream::pending(), PipeConfig::default(), stop).await;
    assert!(matches!(outcome.summary.end, End::Stopped(Stop::MaxTime)));
    assert!((3.0..3.2).contains(&outcome.seconds));
    peer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_bad_line_ends_the_input_but_not_the_replies() {
    let late = |_, message| Answer::Late(Duration::from_millis(500), message);
    let outcome = talk(b"a\n\xff\nb\n", PipeConfig::default(), late).await;
    assert_eq!(outcome.output, "a\n");
    assert!(matches!(
        outcome.summary.end,
        End::InputFailed(InputError::NotUtf8 { number: 2, .. })
    ));
    assert!((0.5..0.6).contains(&outcome.seconds));
}

#[tokio::test(start_paused = true)]
async fn events_as_json_both_ways() {
    let config = PipeConfig {
        framing: Framing::Jsonl,
        ..PipeConfig::default()
    };
    let input = b"{\"type\":\"text\",\"data\":\"a\\nb\"}\n\
        {\"type\":\"binary\",\"data\":\"/wD+\"}\n\
        {\"type\":\"close\",\"code\":4001,\"reason\":\"bye\"}\n";
    let outcome = talk(input, config, echo).await;
    let time = regex::Regex::new("\"time\":\"[^\"]+\"").unwrap();
    let (open, lines) = outcome.output.split_once('\n').unwrap();
    assert!(open.contains("\"type\":\"open\""), "{open}");
    assert_eq!(
        time.replace_all(lines, "\"time\":\"…\""),
        "{\"time\":\"…\",\"type\":\"text\",\"length\":3,\"data\":\"a\\nb\"}\n\
         {\"time\":\"…\",\"type\":\"binary\",\"length\":3,\"data\":\"/wD+\"}\n\
         {\"time\":\"…\",\"type\":\"close\",\"code\":4001,\"reason\":\"bye\",\"by_peer\":false,\"clean\":true,\"sent_code\":4001}\n"
    );
    assert!(matches!(outcome.summary.end, End::Close));
}

#[tokio::test(start_paused = true)]
async fn payloads_with_nul_and_without_separators() {
    let with = |framing| PipeConfig {
        framing,
        ..PipeConfig::default()
    };
    let outcome = talk(b"a\nb\0c\0", with(Framing::Nul), echo).await;
    assert_eq!(outcome.output, "a\nb\0c\0");
    let outcome = talk(b"a\n\0b", with(Framing::Binary), echo).await;
    assert_eq!(outcome.output, "a\n\0b");
}

#[tokio::test(start_paused = true)]
async fn a_slow_output_slows_the_peer_and_loses_nothing() {
    const MESSAGES: usize = 4000;
    let (client, mut server) = pair(4096).await;
    let (sent, seen) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        for n in 1..=MESSAGES {
            server
                .send(Message::binary(vec![b'x'; 1023]))
                .await
                .unwrap();
            sent.send_replace(n);
        }
        server.close(close(1000)).await
    });
    let (reader, writer) = duplex(1024);
    let reading = tokio::spawn(async move {
        let mut reader = reader;
        // Far longer than any silence that would end the talk.
        sleep(Duration::from_secs(60)).await;
        let ahead = *seen.borrow();
        let mut read = Vec::new();
        reader.read_to_end(&mut read).await.unwrap();
        (ahead, read.len())
    });
    let summary = Pipe {
        line: line_over(client, Vec::new()),
        input: stream::empty().peekable(),
        output: writer,
        stop: Box::pin(pending()),
        view: &|_, _| None,
        observe: &mut |_| {},
    }
    .run(PipeConfig::default())
    .await;
    let (ahead, read) = reading.await.unwrap();
    assert_eq!(read, MESSAGES * 1024);
    assert!(ahead < 400, "the peer was {ahead} KiB ahead");
    assert!(matches!(summary.end, End::Peer), "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn both_sides_may_write_first() {
    // The peer reads nothing until all of its own is written.
    let (client, mut server) = pair(1024).await;
    let peer = tokio::spawn(async move {
        for _ in 0..200 {
            server
                .send(Message::binary(vec![b'y'; 9999]))
                .await
                .unwrap();
        }
        let mut received = 0;
        while let Some(event) = server.next().await {
            if let Event::Message { message, .. } = event {
                received += message.len();
            }
        }
        received
    });
    let input =
        stream::iter((0..200).map(|_| Ok(Outgoing::Message(Message::text("x".repeat(9999))))));
    let outcome = run(client, input, PipeConfig::default(), pending()).await;
    assert_eq!(outcome.output.len(), 200 * 10_000);
    assert_eq!(peer.await.unwrap(), 200 * 9999);
}

#[tokio::test(start_paused = true)]
async fn the_input_is_read_no_faster_than_the_socket_takes_it() {
    let (client, _server) = pair(1024).await;
    let (mut feeder, reader) = duplex(1024);
    let fed = tokio::spawn(async move {
        let mut fed = 0;
        while timeout(Duration::from_secs(5), feeder.write_all(&[b'x'; 1000]))
            .await
            .is_ok()
        {
            fed += 1000;
        }
        fed
    });
    let stop = async {
        sleep(Duration::from_secs(60)).await;
        Stop::MaxTime
    };
    let input = Source::new(reader, Framing::Binary);
    let outcome = run(client, input, PipeConfig::default(), stop).await;
    assert!(matches!(outcome.summary.end, End::Stopped(Stop::MaxTime)));
    let fed: usize = fed.await.unwrap();
    assert!(fed < 200_000, "{fed} bytes were read");
}

#[tokio::test(start_paused = true)]
async fn a_gone_reader_ends_the_talk() {
    let (client, server) = pair(1024).await;
    let peer = tokio::spawn(serve(server, echo));
    let (reader, writer) = duplex(16);
    drop(reader);
    let summary = Pipe {
        line: line_over(client, vec![Message::text("a")]),
        input: stream::pending().peekable(),
        output: writer,
        stop: Box::pin(pending()),
        view: &|_, _| None,
        observe: &mut |_| {},
    }
    .run(PipeConfig::default())
    .await;
    assert!(matches!(summary.end, End::OutputClosed));
    assert_eq!(summary.closed.unwrap().code(), 1000);
    peer.await.unwrap();
}
