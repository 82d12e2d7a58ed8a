//! Which end has which status, and what is told of it.

use std::io;

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};
use crate::connection::{CloseCode, CloseFrame, SocketError};
use crate::exit::hint_of;
use crate::pipe::silence::Stay;

fn summary(end: End, closed: Option<Closed>) -> Summary {
    Summary {
        end,
        closed,
        sent: 3,
        received: 2,
        lost: 0,
        kept: 0,
        missing: 0,
        log_misses: None,
        open: Some(Duration::from_secs(1)),
        input: Rest::Ended,
        stay: None,
        first_message: None,
        step: None,
    }
}

fn closed(by_peer: bool, code: u16, error: Option<SocketError>) -> Option<Closed> {
    let code = CloseCode::try_from(code).ok();
    Some(Closed {
        received: code.map(|code| CloseFrame::new(code, "two\nlines")),
        sent: None,
        by_peer,
        error,
    })
}

#[test]
fn every_end_has_its_status() {
    use ExitStatus::{
        Expectation, Interrupted, LocalIo, PeerClosed, Protocol, Success, Terminated, Timeout,
    };
    let quiet = || End::Quiet(Quiet::Owed);
    let peer = || End::Peer;
    let full = || End::OutputFailed(io::Error::other("full"));
    let lost = || closed(false, 0, Some(SocketError::Lost));
    let broken = || closed(false, 0, Some(SocketError::Utf8(String::new())));
    let unanswered = || {
        let error = SocketError::CloseTimeout(Duration::from_secs(5));
        closed(false, 0, Some(error))
    };
    type Case = (fn() -> End, fn() -> Option<Closed>, ExitStatus, ExitStatus);
    // (end, closed, status without a goal, status with one that is unmet)
    let cases: [Case; 14] = [
        (quiet, || closed(false, 1000, None), Success, Expectation),
        (quiet, unanswered, Timeout, Expectation),
        (quiet, lost, PeerClosed, Expectation),
        (
            || End::Close,
            || closed(false, 4000, None),
            Success,
            Expectation,
        ),
        (peer, || closed(true, 1000, None), Success, Expectation),
        (peer, || closed(true, 1001, None), Success, Expectation),
        (peer, || closed(true, 1011, None), PeerClosed, Expectation),
        (peer, lost, PeerClosed, Expectation),
        (peer, broken, Protocol, Protocol),
        (|| End::OutputClosed, || None, Success, Success),
        (full, || None, LocalIo, LocalIo),
        (
            || End::Stopped(Stop::Interrupt),
            || None,
            Interrupted,
            Interrupted,
        ),
        (
            || End::Stopped(Stop::Terminate),
            || None,
            Terminated,
            Terminated,
        ),
        (|| End::Stopped(Stop::MaxTime), || None, Timeout, Timeout),
    ];
    for (end, closed, without, with) in cases {
        for (goal, expected) in [(None, without), (Some(&Goal::Count(3)), with)] {
            let result = judge(summary(end(), closed()), goal, None);
            let status = result.unwrap_or_else(|e| status_of(&e));
            assert_eq!(status, expected, "{:?} {:?}", end(), closed());
        }
    }
    let met = summary(End::Goal, lost());
    assert_eq!(judge(met, Some(&Goal::Count(2)), None).unwrap(), Success);
}

#[test]
fn a_close_for_want_of_credentials_has_its_hint() {
    for goal in [None, Some(&Goal::Count(3))] {
        let result = judge(summary(End::Peer, closed(true, 4401, None)), goal, None);
        let error = result.unwrap_err();
        let hint = hint_of(&error).unwrap_or_default();
        assert!(hint.contains("--bearer"), "{error:#}: {hint}");
    }
}

#[test]
fn what_is_told_besides() {
    let note_with = |flags: &[&str], summary: &Summary| {
        let flags = [&["wscli", "connect", "ws://h"], flags].concat();
        let Some(Command::Connect(args)) = Cli::try_parse_from(flags).unwrap().command else {
            panic!("not connect");
        };
        note(summary, &args)
    };
    let owed = summary(End::Quiet(Quiet::Owed), None);
    assert_eq!(
        note_with(&[], &owed).as_deref(),
        Some("3 sent, 2 received; stopped after 10 s of silence (see --linger, -n)")
    );
    let stayed = summary(End::Quiet(Quiet::Stayed), None);
    assert_eq!(note_with(&["-w", "1"], &stayed), None);
    let mut early = summary(End::Peer, None);
    assert_eq!(note_with(&[], &early), None);
    early.input = Rest::Silent;
    assert_eq!(
        note_with(&[], &early).as_deref(),
        Some("the peer closed before the end of the input; 3 sent, 2 received")
    );
    let talks = summary(End::Quiet(Quiet::Talkative), None);
    assert_eq!(
        note_with(&[], &talks).as_deref(),
        Some("the server keeps sending; stopped after 10 s (see -n, --until, --linger)")
    );
    let mut feed = summary(End::Quiet(Quiet::Settled), None);
    assert_eq!(note_with(&[], &feed), None);
    feed.received = 5;
    assert_eq!(
        note_with(&[], &feed).as_deref(),
        Some("3 sent, 5 received; stopped after 1 s of silence (see --linger, -n)")
    );
    let bye = summary(End::Peer, closed(true, 1000, None));
    assert_eq!(
        note_with(&[], &bye).as_deref(),
        Some(r"the peer closed the connection with code 1000: two\nlines")
    );
}

#[test]
fn what_was_asked_for_and_not_done_is_never_a_success() {
    type Change = fn(&mut Summary);
    let stay = |stayed| {
        Some(Stay {
            asked: Duration::from_secs(20),
            stayed: Duration::from_secs(stayed),
        })
    };
    let cut: Change = |s| {
        s.stay = Some(Stay {
            asked: Duration::from_secs(20),
            stayed: Duration::from_secs(8),
        });
    };
    assert!(stay(8).unwrap().is_cut_short() && !stay(20).unwrap().is_cut_short());
    // The input has said nothing and has not ended: the stay has not begun.
    let unbegun: Change = |s| {
        s.input = Rest::Silent;
        s.stay = Some(Stay {
            asked: Duration::from_secs(20),
            stayed: Duration::ZERO,
        });
    };
    let cases: [(u16, Change, &str); 9] = [
        (
            1000,
            unbegun,
            "the peer closed after 0.0 s of 20 s (--linger)",
        ),
        (
            1000,
            |s| s.input = Rest::More,
            "the peer closed before the end of the input; 3 sent, 2 received",
        ),
        (
            1001,
            |s| s.input = Rest::More,
            "the peer closed before the end of the input; 3 sent, 2 received",
        ),
        (
            1000,
            |s| s.lost = 1,
            "1 message was taken from the input and may not have been sent",
        ),
        (
            1000,
            |s| s.kept = 2,
            "2 messages were taken from the input and may not have been sent",
        ),
        (1000, cut, "the peer closed after 8.0 s of 20 s (--linger)"),
        (1001, cut, "the peer closed after 8.0 s of 20 s (--linger)"),
        (
            1000,
            |s| s.missing = 4,
            "a connection was lost while replies were owed, and 4 of them are missing",
        ),
        (
            1011,
            cut,
            r"the peer closed the connection with code 1011: two\nlines",
        ),
    ];
    for (code, change, expected) in cases {
        let mut ended = summary(End::Peer, closed(true, code, None));
        change(&mut ended);
        let error = judge(ended, None, None).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(status_of(&error), ExitStatus::PeerClosed);
    }
    let mut unlogged = summary(End::Quiet(Quiet::Settled), None);
    unlogged.log_misses = Some("1 event is missing from the log 'x'".into());
    let error = judge(unlogged, None, None).unwrap_err();
    assert_eq!(status_of(&error), ExitStatus::LocalIo);
    let mut gone = summary(End::Quiet(Quiet::Stayed), None);
    gone.stay = stay(20);
    gone.open = None;
    let error = judge(gone, None, None).unwrap_err().to_string();
    assert!(error.contains("no connection any more"), "{error}");
}

#[test]
fn a_reply_that_did_not_come_is_told_with_the_reason_of_the_close() {
    let ended = summary(End::Peer, closed(true, 1000, None));
    let error = judge(ended, Some(&Goal::Count(3)), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        r"3 messages were expected, 2 came; the peer closed the connection with code 1000: two\nlines"
    );
}

#[test]
fn what_may_be_lost_is_counted() {
    let mut lossy = summary(End::Peer, None);
    assert_eq!(lost(&lossy, 0), None);
    lossy.lost = 3;
    assert_eq!(
        lost(&lossy, 1).as_deref(),
        Some(
            "2 messages were taken from the input and may not have left before the connection ended; not sent again"
        )
    );
    lossy.end = End::Goal;
    assert_eq!(lost(&lossy, 1), None);
}

#[test]
fn a_reason_stays_on_its_line() {
    let result = judge(summary(End::Peer, closed(true, 4000, None)), None, None);
    assert_eq!(
        result.unwrap_err().to_string(),
        r"the peer closed the connection with code 4000: two\nlines"
    );
}
