//! The log that the page of `wscli serve` exports is one of `wscli connect
//! --log`. `tests/browser` compares the file that is read here with what the
//! page exports in a real browser.

use wscli::connection::{CloseCode, CloseFrame, Message};
use wscli::internal::talk::replay::{self, Action};
use wscli::internal::talk::{Outgoing, jsonl};

use super::{Value, connect, events, fs, run, tempdir, text, told};
use crate::harness::Server;

const EXPORT: &str = include_str!("../../data/page-log.jsonl");

#[test]
fn each_line_is_an_event_as_it_is_written_here() {
    for line in EXPORT.split_inclusive('\n') {
        let entry = jsonl::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}{error}"));
        assert_eq!(jsonl::render(&entry), line);
    }
}

#[test]
fn what_the_user_did_is_done_again() {
    let recording = replay::read(EXPORT.as_bytes()).expect("a log");
    assert!(recording.torn_lines.is_empty());
    let actions: Vec<_> = recording.steps.into_iter().map(|s| s.action).collect();
    let send = |message| Action::Send(Outgoing::Message(message));
    let close = CloseFrame::new(CloseCode::NORMAL, "Closing from client");
    assert_eq!(
        actions,
        [
            send(Message::text("\u{feff}ä\n\u{fffd}")),
            send(Message::binary(vec![0xff])),
            Action::Send(Outgoing::Close(close)),
            Action::Open,
            send(Message::text("close/4001?reason=enough&after=1")),
            Action::Open,
            send(Message::text("drop?after=1")),
        ]
    );
    let dir = tempdir().expect("a directory");
    let (log, again) = (dir.path().join("log"), dir.path().join("again"));
    fs::write(&log, EXPORT).expect("a file");
    let server = Server::start(&[]);
    let args = [
        "--jsonl",
        "-n4",
        "--replay",
        text(&log),
        "--log",
        text(&again),
    ];
    let (code, _, stderr) = run(&mut connect(&server.url("/ws"), &args), b"");
    let note = "* the log has 3 connections; what was sent over them is sent one after the other\n";
    assert_eq!((code, stderr.as_str()), (Some(0), note));
    let exported: Vec<Value> = EXPORT
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let by_user = |events: &[Value]| {
        let mut told = told(events);
        told.retain(|event| event.contains(" out user") && !event.starts_with("close"));
        told
    };
    assert_eq!(by_user(&events(&again)), by_user(&exported));
}
