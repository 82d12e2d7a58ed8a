//! What a talk tells, and how the next one goes on with what it left.

use super::*;

/// What a talk tells, shortly.
fn told(told: &Told<'_>) -> String {
    let sent = |outgoing: &Outgoing| match outgoing {
        Outgoing::Message(message) => String::from_utf8_lossy(message.as_bytes()).into_owned(),
        Outgoing::Close(_) => "close".to_owned(),
        other => format!("{other:?}"),
    };
    match told {
        Told::Queued(outgoing, origin) => format!("{} {origin:?}", sent(outgoing)),
        Told::Flushed | Told::Event(Event::Flushed) => "flushed".to_owned(),
        Told::Event(Event::Message { message, .. }) => {
            format!("got {}", sent(&Outgoing::Message(message.clone())))
        }
        Told::Event(Event::Closed(_)) => "closed".to_owned(),
        Told::Event(other) => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_told_in_its_order() {
    let (client, server) = pair(64 << 10).await;
    let peer = tokio::spawn(serve(server, echo));
    let mut log = Vec::new();
    let mut output = Vec::new();
    let summary = Pipe {
        socket: client,
        setup: vec![Message::text("first")],
        input: &mut Source::new(&b"a\n"[..], Framing::Lines).peekable(),
        output: &mut output,
        preamble: Vec::new(),
        view: &|message| (message.len() == 1).then(|| vec!["x".into(), "y".into()]),
        stop: Box::pin(pending()),
        observe: &mut |what| log.push(told(&what)),
    }
    .run(PipeConfig::default())
    .await;
    peer.await.unwrap();
    assert_eq!(
        log,
        [
            "first Setup",
            "a Input",
            "flushed",
            "got first",
            "got a",
            "close End",
            "flushed",
            "closed"
        ]
    );
    assert_eq!((summary.sent, summary.received, summary.unsent), (2, 2, 0));
    assert_eq!(output, b"first\nx\ny\n");
}

#[tokio::test(start_paused = true)]
async fn another_connection_goes_on_where_the_last_one_ended() {
    let mut input = Source::new(&b"a\nb\nc\nd\n"[..], Framing::Lines)
        .then(|line| async {
            sleep(Duration::from_millis(50)).await;
            line
        })
        .boxed_local()
        .peekable();
    let mut output = Vec::new();
    let mut carried = (0, 0);
    let mut counts = Vec::new();
    for _ in 0..2 {
        let (client, server) = pair(64 << 10).await;
        // The connection is cut at the second message.
        let peer = tokio::spawn(serve(server, |count, message| match count {
            2 => panic!("cut"),
            _ => Answer::Reply(message),
        }));
        let config = PipeConfig {
            carried,
            ..PipeConfig::default()
        };
        let summary = Pipe {
            socket: client,
            setup: Vec::new(),
            input: &mut input,
            output: &mut output,
            preamble: Vec::new(),
            view: &|_| None,
            stop: Box::pin(pending()),
            observe: &mut |_| {},
        }
        .run(config)
        .await;
        assert!(peer.await.is_err());
        assert!(matches!(summary.end, End::Peer), "{summary:?}");
        carried = (summary.sent, summary.received);
        counts.push((carried, summary.unsent, summary.input_ended));
    }
    assert_eq!(output, b"a\nc\n");
    assert_eq!(counts, [((2, 1), 0, false), ((4, 2), 0, true)]);
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
    assert_eq!((outcome.summary.sent, outcome.summary.unsent), (3, 3));
}
