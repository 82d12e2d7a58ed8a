//! An output that is not read until the end: what was waited for has come, and has
//! not arrived.

use super::*;

/// A message that is waited for, whose reader is stopped; `stop` comes while it is
/// written.
async fn end_of(stop: Stop) -> End {
    let (client, mut server) = pair(1 << 20).await;
    tokio::spawn(async move {
        server
            .send(Message::text("x".repeat(100_000)))
            .await
            .unwrap();
        while server.next().await.is_some() {}
    });
    // Never read, and open until the end.
    let (_reader, writer) = duplex(1024);
    let stopped = async move {
        sleep(Duration::from_secs(4)).await;
        stop
    };
    let pipe = Pipe {
        line: line_over(client, Vec::new()),
        input: stream::empty().peekable(),
        output: writer,
        stop: Box::pin(stopped),
        view: &|_, _| None,
        observe: &mut |_| {},
    };
    let config = PipeConfig {
        goal: Some(Goal::Count(1)),
        ..PipeConfig::default()
    };
    pipe.run(config).await.end
}

#[tokio::test(start_paused = true)]
async fn an_output_that_is_cut_off_is_never_a_goal_that_is_met() {
    for stop in [Stop::MaxTime, Stop::Interrupt, Stop::Terminate] {
        let end = end_of(stop).await;
        assert!(matches!(end, End::Stopped(by) if by == stop), "{end:?}");
    }
}
