//! What is left of an input that had not been read when the peer closed.

use super::*;
use crate::pipe::Waits;

/// What is found to be left of an input that says `said` five seconds after it was
/// first asked, and ends then; the peer has closed with 1000 before.
async fn left(framing: Framing, said: &'static [u8], waits: fn() -> Waits) -> Rest {
    let (client, server) = pair(1024).await;
    let (mut writer, reader) = duplex(1024);
    tokio::spawn(async move {
        sleep(Duration::from_secs(5)).await;
        writer.write_all(said).await.unwrap_or_default();
    });
    let mut server = server;
    server.start_close(close(1000));
    tokio::spawn(async move { while server.next().await.is_some() {} });
    let config = PipeConfig {
        framing,
        waits,
        ..PipeConfig::default()
    };
    let input = Source::new(reader, framing);
    let outcome = run(client, input, config, pending::<Stop>()).await;
    assert!(matches!(outcome.summary.end, End::Peer));
    outcome.summary.input
}

#[tokio::test(start_paused = true)]
async fn an_unread_input_whose_answer_is_on_its_way_is_never_a_silent_one() {
    for framing in [
        Framing::Lines,
        Framing::Nul,
        Framing::Jsonl,
        Framing::Binary,
    ] {
        let said = b"{\"type\":\"text\",\"data\":\"a\"}\n";
        assert_eq!(left(framing, said, || Waits::Answers).await, Rest::More);
        assert_eq!(left(framing, b"", || Waits::Answers).await, Rest::Ended);
        assert_eq!(left(framing, said, || Waits::Silent).await, Rest::Silent);
        assert_eq!(left(framing, said, || Waits::Holds).await, Rest::More);
    }
}

#[tokio::test(start_paused = true)]
async fn max_time_ends_the_wait_for_an_unread_input() {
    let (client, mut server) = pair(1024).await;
    server.start_close(close(1000));
    tokio::spawn(async move { while server.next().await.is_some() {} });
    let config = PipeConfig {
        waits: || Waits::Answers,
        ..PipeConfig::default()
    };
    let stop = async {
        sleep(Duration::from_secs(2)).await;
        Stop::MaxTime
    };
    let start = Instant::now();
    let outcome = run(client, stream::pending(), config, stop).await;
    assert!(matches!(outcome.summary.end, End::Stopped(Stop::MaxTime)));
    assert_eq!(start.elapsed().as_secs(), 2);
}
