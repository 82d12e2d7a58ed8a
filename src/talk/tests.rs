//! The log as a whole: stamping, files, formats, replay.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::close::End;
use super::entry::Moment;
use super::replay::{Action, Pace, ReplayError};
use super::text::{Look, MAX_SHOWN_BYTES};
use super::transcript::Clock;
use super::*;
use crate::connection::client::reached::{Phase, Timings};
use crate::connection::http::redirect::Hop;
use crate::connection::net::tls::{ClientAuth, TlsInfo, TlsVersion};
use crate::connection::{CloseCode, CloseFrame, Closed, Event, Message, SocketError};
use crate::decode::{Decode, Unread};
use crate::terminal::style::{ColorChoice, ColorEnv};
use crate::terminal::{Style, Verbosity};

const DOCS: &str = concat!(
    include_str!("../../docs/log-format.md"),
    include_str!("../../docs/jsonl.md")
);

/// A clock that stands until it is moved.
#[derive(Clone, Default)]
struct Hand(Arc<Mutex<Duration>>);

impl Hand {
    fn forward(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }

    fn clock(&self) -> Clock {
        let hand = self.clone();
        Box::new(move || {
            let offset = *hand.0.lock().unwrap();
            let time = Timestamp::from_second(1_767_323_045).unwrap();
            Moment {
                time: time + offset,
                offset,
            }
        })
    }
}

fn open() -> Opening {
    Opening {
        url: "ws://localhost:5000/ws?a=b".into(),
        peer: Some("127.0.0.1:5000".into()),
        status: 101,
        timings: Timings {
            tcp: Some(Duration::from_micros(120)),
            upgrade: Some(Duration::from_micros(800)),
            ..Timings::default()
        },
        request: "GET /ws?a=b HTTP/1.1\r\nHost: localhost:5000\r\n\r\n".into(),
        response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".into(),
        ..Opening::default()
    }
}

fn look() -> Look {
    Look {
        style: Style::plain(),
        zone: TimeZone::UTC,
        raw: false,
        pretty: false,
        filter: None,
        shown_bytes: MAX_SHOWN_BYTES,
        heads: false,
        verbosity: Verbosity::Normal,
    }
}

fn received(text: &str) -> Event {
    Event::Message {
        message: Message::text(text),
        wire_bytes: None,
    }
}

fn closed(code: Option<CloseCode>, by_peer: bool) -> Event {
    let frame = code.map(|code| CloseFrame::new(code, "why"));
    Event::Closed(Closed {
        error: frame.is_none().then_some(SocketError::Lost),
        sent: frame.clone(),
        received: frame,
        by_peer,
    })
}

/// The entries that an event makes.
fn happens(log: &mut Transcript, event: Event) -> Vec<Entry> {
    log.event(event);
    std::iter::from_fn(|| log.next_entry()).collect()
}

/// The entry of an opened connection.
fn opens(log: &mut Transcript, opening: Opening) -> Vec<Entry> {
    log.opened(opening);
    std::iter::from_fn(|| log.next_entry()).collect()
}

/// Kind, direction and source of each entry, shortly.
fn told(entries: &[Entry]) -> Vec<String> {
    let kind = |entry: &Entry| match &entry.kind {
        Kind::Open(_) => "open".to_owned(),
        Kind::Text { .. } | Kind::Binary { .. } => {
            String::from_utf8_lossy(entry.kind.data().unwrap()).into_owned()
        }
        Kind::Ping { .. } => "ping".to_owned(),
        Kind::Pong { .. } => "pong".to_owned(),
        Kind::Close(close) => format!("close {}", close.code),
        Kind::Error { .. } => "error".to_owned(),
    };
    entries
        .iter()
        .map(|entry| format!("{} {:?} {:?}", kind(entry), entry.direction, entry.source))
        .collect()
}

#[test]
fn nothing_is_sent_before_it_is_flushed() {
    let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
    opens(&mut log, open());
    log.queued(&Outgoing::Message(Message::text("a")), Source::User);
    log.queued(&Outgoing::Ping(Bytes::from_static(b"p")), Source::User);
    assert_eq!(told(&happens(&mut log, received("x"))), ["x In Peer"]);
    assert_eq!(
        told(&happens(&mut log, Event::Flushed)),
        ["a Out User", "ping Out User"]
    );
    assert!(happens(&mut log, Event::Flushed).is_empty());
    log.queued(&Outgoing::Message(Message::text("lost")), Source::User);
    assert_eq!(
        told(&happens(&mut log, closed(None, false))),
        ["error In Automatic", "close 1006 In Automatic"]
    );
    assert_eq!((log.sent().messages, log.unsent()), (1, 1));
}

#[test]
fn a_close_is_told_once_whoever_begins_it() {
    let normal = Some(CloseCode::NORMAL);
    let close = || Outgoing::Close(CloseFrame::new(CloseCode::NORMAL, ""));
    let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
    opens(&mut log, open());
    assert_eq!(
        told(&happens(&mut log, closed(normal, true))),
        ["close 1000 Out Automatic", "close 1000 In Peer"]
    );
    opens(&mut log, open());
    log.queued(&close(), Source::User);
    assert_eq!(
        told(&happens(&mut log, Event::Flushed)),
        ["close 1000 Out User"]
    );
    assert_eq!(
        told(&happens(&mut log, closed(normal, false))),
        ["close 1000 In Peer"]
    );
    // The answer was faster than the report of the flush.
    opens(&mut log, open());
    log.queued(&Outgoing::Message(Message::text("a")), Source::User);
    log.queued(&close(), Source::User);
    assert_eq!(
        told(&happens(&mut log, closed(normal, false))),
        ["a Out User", "close 1000 Out User", "close 1000 In Peer"]
    );
    assert_eq!(log.unsent(), 0);
}

#[test]
fn automatic_pings_and_pongs_are_marked() {
    let hand = Hand::default();
    let mut log = Transcript::new(hand.clock()).keeping(1 << 20);
    opens(&mut log, open());
    let ping = Event::Ping(Bytes::from_static(b"x"));
    assert_eq!(
        told(&happens(&mut log, ping)),
        ["ping In Peer", "pong Out Automatic"]
    );
    hand.forward(Duration::from_secs(1));
    let pong = |payload: &'static [u8]| Event::Pong {
        payload: Bytes::from_static(payload),
        round_trip: Some(Duration::from_millis(300)),
    };
    let entries = happens(&mut log, pong(b"keep-alive"));
    assert_eq!(told(&entries), ["ping Out Automatic", "pong In Peer"]);
    assert_eq!(entries[0].moment.offset, Duration::from_millis(700));
    log.queued(&Outgoing::Ping(Bytes::from_static(b"mine")), Source::User);
    happens(&mut log, Event::Flushed);
    assert_eq!(told(&happens(&mut log, pong(b"mine"))), ["pong In Peer"]);
}

#[test]
fn the_example_of_the_documentation_is_what_is_written_and_read() {
    let example = DOCS.split("```jsonl\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let mut types = Vec::new();
    for line in example.lines() {
        let entry = jsonl::parse(line.as_bytes()).unwrap();
        assert_eq!(jsonl::render(&entry), format!("{line}\n"));
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        types.push(value["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        types,
        [
            "open", "text", "binary", "ping", "pong", "close", "error", "close"
        ]
    );
}

/// A line without the members that only the log of a run has.
fn without_local_members(line: &str) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
    for name in ["seq", "offset_us", "connection", "direction", "source"] {
        value.as_object_mut().unwrap().remove(name);
    }
    value
}

#[test]
fn the_example_of_jsonl_is_what_is_written() {
    let example = include_str!("../../docs/jsonl.md")
        .split("```jsonl\n")
        .nth(1)
        .unwrap();
    for line in example.split("```").next().unwrap().lines() {
        let whole = line.replacen('{', "{\"seq\":1,", 1);
        let entry = jsonl::parse(whole.as_bytes()).unwrap();
        let written = jsonl::render_shared(entry.moment.time, &entry.kind);
        assert_eq!(written, format!("{line}\n"));
    }
}

#[test]
fn every_member_that_is_written_is_documented() {
    let mut open = open();
    open.subprotocol = Some("chat".into());
    open.extensions = Some("permessage-deflate".into());
    open.proxy = Some("http://proxy:3128".into());
    open.redirects = vec![Hop {
        from: "ws://a/".into(),
        to: "ws://b/".into(),
        status: 302,
        dropped_credentials: true,
    }];
    open.tls = Some(TlsInfo {
        version: TlsVersion::Tls13,
        cipher: "TLS_AES_128_GCM_SHA256".into(),
        key_exchange: None,
        alpn: None,
        client_auth: ClientAuth::NotRequested,
        certificate: None,
    });
    open.timings.redirects = Some(Duration::ZERO);
    open.timings.dns = Some(Duration::ZERO);
    open.timings.proxy = Some(Duration::ZERO);
    open.timings.tls = Some(Duration::ZERO);
    let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
    let mut entries = opens(&mut log, open);
    entries.extend(happens(
        &mut log,
        Event::Message {
            message: Message::text("x"),
            wire_bytes: Some(1),
        },
    ));
    entries.extend(happens(
        &mut log,
        Event::Pong {
            payload: Bytes::new(),
            round_trip: Some(Duration::ZERO),
        },
    ));
    entries.extend(happens(&mut log, closed(Some(CloseCode::NORMAL), false)));
    entries.extend(happens(&mut log, closed(None, false)));
    for entry in &entries {
        let value: serde_json::Value = serde_json::from_str(&jsonl::render(entry)).unwrap();
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        for inner in [&value["timings"], &value["tls"], &value["redirects"][0]] {
            names.extend(
                inner
                    .as_object()
                    .into_iter()
                    .flat_map(|o| o.keys().cloned()),
            );
        }
        for name in names {
            assert!(DOCS.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn a_replay_sends_the_users_half_with_its_timing() {
    let hand = Hand::default();
    let mut log = Transcript::new(hand.clock()).keeping(1 << 20);
    opens(&mut log, open());
    hand.forward(Duration::from_secs(1));
    log.queued(
        &Outgoing::Message(Message::text("setup")),
        Source::Automatic,
    );
    log.queued(&Outgoing::Message(Message::text("a")), Source::User);
    happens(&mut log, Event::Flushed);
    happens(&mut log, received("x"));
    hand.forward(Duration::from_secs(2));
    log.queued(
        &Outgoing::Close(CloseFrame::new(CloseCode::NORMAL, "r")),
        Source::User,
    );
    happens(&mut log, Event::Flushed);
    happens(&mut log, closed(Some(CloseCode::NORMAL), false));
    hand.forward(Duration::from_secs(3));
    opens(&mut log, open());
    let text: String = log.kept().lines().collect();
    let step = |millis, action| replay::Step {
        delay: Duration::from_millis(millis),
        action,
    };
    let steps = replay::read(text.as_bytes()).unwrap();
    assert_eq!(
        steps.clone().at(Pace::Times(2.0)),
        [
            step(500, Action::Send(Outgoing::Message(Message::text("a")))),
            step(
                1000,
                Action::Send(Outgoing::Close(CloseFrame::new(CloseCode::NORMAL, "r")))
            ),
            step(1500, Action::Open),
        ]
    );
    let at_once = steps.at(Pace::AtOnce);
    assert!(at_once.iter().all(|step| step.delay.is_zero()));
}

#[test]
fn a_line_that_is_torn_elsewhere_than_at_an_end_is_an_error() {
    let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
    opens(&mut log, open());
    happens(&mut log, received("x"));
    let whole: String = log.kept().lines().collect();
    let torn = &whole[..whole.len() - 3];
    let again = format!("{torn}\n{whole}");
    assert_eq!(replay::read(again.as_bytes()).unwrap().torn_lines, [2]);
    let middle = format!("{whole}torn\n{}", whole.lines().nth(1).unwrap());
    let error = replay::read(middle.as_bytes()).unwrap_err();
    assert!(
        matches!(error, ReplayError::Line { line: 3, .. }),
        "{error}"
    );
    assert!(replay::read(b"no log at all").is_err());
    assert!(replay::read(b"{\"a\":1}\n{\"b\":1}").is_err());
}

#[test]
fn a_har_file_is_whole_after_every_event() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.har");
    let har = HarFile::create(&path).unwrap();
    let mut log = Transcript::new(Hand::default().clock()).with_har(Some(har));
    let read =
        || -> serde_json::Value { serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap() };
    assert_eq!(read()["log"]["entries"].as_array().unwrap().len(), 0);
    for connection in 1..3 {
        opens(&mut log, open());
        for count in 1..4 {
            happens(&mut log, received("a \"quoted\" text"));
            let entries = &read()["log"]["entries"];
            let messages = &entries[connection - 1]["_webSocketMessages"];
            assert_eq!(messages.as_array().unwrap().len(), count);
        }
        happens(&mut log, closed(Some(CloseCode::NORMAL), true));
    }
    let entry = &read()["log"]["entries"][1];
    assert_eq!(entry["request"]["queryString"][0]["name"], "a");
    assert_eq!(entry["response"]["status"], 101);
    assert_eq!(entry["serverIPAddress"], "127.0.0.1");
}

#[test]
fn the_phases_add_up_in_a_har_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.har");
    let har = HarFile::create(&path).unwrap();
    let mut log = Transcript::new(Hand::default().clock()).with_har(Some(har));
    let mut open = open();
    open.timings.redirects = Some(Duration::from_millis(1));
    open.timings.tcp = Some(Duration::from_millis(2));
    open.timings.proxy = Some(Duration::from_millis(4));
    open.timings.tls = Some(Duration::from_millis(8));
    open.timings.upgrade = Some(Duration::from_millis(16));
    opens(&mut log, open);
    let har: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let entry = &har["log"]["entries"][0];
    let timings = &entry["timings"];
    for (name, millis) in [
        ("blocked", 1.0),
        ("dns", -1.0),
        ("connect", 14.0),
        ("ssl", 8.0),
        ("wait", 16.0),
    ] {
        assert_eq!(timings[name], millis, "{name}");
    }
    assert_eq!(entry["time"], 31.0);
}

#[test]
fn what_is_kept_stays_within_its_limit() {
    let mut log = Transcript::new(Hand::default().clock()).keeping(10_000);
    for _ in 0..1000 {
        happens(&mut log, received("x"));
    }
    let kept = log.kept();
    assert!((30..100).contains(&kept.lines().len()));
    assert_eq!(kept.lines().len() as u64 + kept.dropped(), 1000);
    let before = kept.lines().len();
    happens(&mut log, received(&"x".repeat(20_000)));
    assert_eq!(log.kept().lines().len(), before);
}

#[test]
fn lines_on_a_terminal() {
    let hand = Hand::default();
    let mut log = Transcript::new(hand.clock()).keeping(1 << 20);
    let opened = opens(&mut log, open()).remove(0);
    let mut entries = happens(&mut log, received("two\nlines"));
    log.queued(
        &Outgoing::Message(Message::binary(&b"\x00\xffhex"[..])),
        Source::User,
    );
    entries.extend(happens(&mut log, Event::Flushed));
    entries.extend(happens(&mut log, Event::Ping(Bytes::new())));
    entries.extend(happens(&mut log, closed(Some(CloseCode::NORMAL), true)));
    let text: String = entries.iter().map(|entry| look().entry(entry)).collect();
    assert_eq!(
        text,
        "< 03:04:05.000 two\n\
         |              lines\n\
         > 03:04:05.000 binary, 5 bytes\n\
         | 0000  00 ff 68 65 78                                   ..hex\n\
         * 03:04:05.000 Connection closed. Code: 1000. Reason: why\n"
    );
    let mut loud = look();
    loud.verbosity = Verbosity::Debug;
    loud.heads = true;
    let text: String = entries.iter().map(|entry| loud.entry(entry)).collect();
    assert!(text.contains("> 03:04:05.000 pong (automatic)\n"), "{text}");
    let text = loud.entry(&opened);
    assert!(text.starts_with("> 03:04:05.000 GET /ws?a=b HTTP/1.1\n|  "));
    assert!(text.ends_with("* 03:04:05.000 Connection opened (tcp 120 µs, upgrade 800 µs)\n"));
}

#[test]
fn pretty_and_filter() {
    let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
    let entries = happens(&mut log, received(r#"{"a":[1,2],"b":"x"}"#));
    let mut look = look();
    look.pretty = true;
    assert_eq!(look.entry(&entries[0]).lines().count(), 7);
    look.filter = Some(serde_json_path::JsonPath::parse("$.a.*").unwrap());
    assert_eq!(
        look.entry(&entries[0]),
        "< 03:04:05.000 1\n< 03:04:05.000 2\n"
    );
    for (other, unread) in [("no json", Some(Unread::NotJson)), ("{}", None)] {
        let entry = &happens(&mut log, received(other))[0];
        assert_eq!(look.numbered(entry, Some(3)), (String::new(), unread));
    }
    // Bytes that are JSON are JSON.
    let bytes = Event::Message {
        message: Message::binary(&b"{\"a\":[1.10]}\x1e"[..]),
        wire_bytes: None,
    };
    let entry = &happens(&mut log, bytes)[0];
    assert_eq!(look.numbered(entry, Some(3)).0, "< 03:04:05.000 #3 1.10\n");
}

#[test]
fn records_of_a_message_are_shown_apart() {
    let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
    log.set_decode(Decode::Auto);
    let message = "{\"type\":3,\"x\":\"a\\n\"}\u{1e}{}\u{1e}";
    let entry = &happens(&mut log, received(message))[0];
    assert_eq!(
        look().numbered(entry, Some(2)).0,
        "< 03:04:05.000 #2 {\"type\":3,\"x\":\"a\\n\"}\n< 03:04:05.000 #2 {}\n"
    );
    // The log has the bytes.
    assert!(jsonl::render(entry).contains("\\u001e"));
    let mut colored = look();
    colored.style = Style::decide(ColorChoice::Always, ColorEnv::default(), false);
    let text = colored.entry(entry);
    for painted in ["\u{1b}[34m\"type\"\u{1b}[0m", "\u{1b}[33m3\u{1b}[0m"] {
        assert!(text.contains(painted), "{text:?}");
    }
}

#[test]
fn rows_of_hex_fit_80_columns() {
    let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
    let bytes = Event::Message {
        message: Message::binary(vec![b'x'; 70_000]),
        wire_bytes: None,
    };
    let entry = &happens(&mut log, bytes)[0];
    for text in [look().numbered(entry, Some(12)).0, look().whole(entry, 12)] {
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
    assert_eq!(look().whole(entry, 12).lines().count(), 1 + 70_000 / 16);
}

#[test]
fn a_long_message_is_cut_and_said_to_be() {
    let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
    let entry = &happens(&mut log, received(&"é".repeat(5_000_000)))[0];
    let text = look().entry(entry);
    assert!(text.len() < 20_000);
    assert!(text.contains("… and 9,991,808 more bytes; --log keeps them\n"));
    let text = look().numbered(entry, Some(7)).0;
    assert!(text.contains("; /show 7 shows more, /save 7 FILE keeps all\n"));
    assert!(look().whole(entry, 7).len() > 250_000);
    let mut raw = look();
    raw.raw = true;
    assert!(raw.entry(entry).len() > 10_000_000);
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from);
    let micros = || (0..1_u64 << 40).prop_map(Duration::from_micros);
    let wire = || proptest::option::of(any::<u64>());
    let end = || {
        (
            any::<bool>(),
            any::<bool>(),
            proptest::option::of(any::<u16>()),
        )
            .prop_map(|(by_peer, clean, sent_code)| End {
                by_peer,
                clean,
                sent_code,
            })
    };
    let kind = prop_oneof![
        (".*", wire()).prop_map(|(text, wire)| Kind::message(Message::text(text), wire)),
        (bytes.clone(), wire())
            .prop_map(|(bytes, wire)| Kind::message(Message::binary(bytes), wire)),
        bytes.clone().prop_map(|data| Kind::Ping { data }),
        (bytes, proptest::option::of(micros()))
            .prop_map(|(data, round_trip)| Kind::Pong { data, round_trip }),
        (any::<u16>(), ".*", proptest::option::of(end()))
            .prop_map(|(code, reason, end)| Kind::Close(Close { code, reason, end })),
        (".*", proptest::option::of(".*"), any::<bool>()).prop_map(|(message, hint, opened)| {
            let opening = Opening {
                failed: Some(Phase::Tls),
                url: message.clone(),
                tried: vec!["[::1]:1".into()],
                body: message.clone(),
                body_truncated: true,
                received: message.clone(),
                ..Opening::default()
            };
            Kind::Error {
                message,
                hint,
                opening: opened.then(|| Box::new(opening)),
            }
        }),
        (
            ".*",
            ".*",
            proptest::option::of(".*"),
            proptest::option::of(micros())
        )
            .prop_map(
                |(url, request, subprotocol, tls)| Kind::Open(Box::new(Opening {
                    url,
                    request,
                    proxy: subprotocol.clone(),
                    subprotocol,
                    timings: Timings {
                        tls,
                        ..Timings::default()
                    },
                    ..Opening::default()
                }))
            ),
    ];
    let ways = prop_oneof![Just(Direction::Out), Just(Direction::In)];
    let sources = prop_oneof![
        Just(Source::User),
        Just(Source::Peer),
        Just(Source::Automatic)
    ];
    let numbers = (
        any::<u64>(),
        any::<u32>(),
        micros(),
        0..4_000_000_000_000_000_i64,
    );
    (numbers, ways, sources, kind).prop_map(
        |((seq, connection, offset, time), direction, source, kind)| Entry {
            seq,
            moment: Moment {
                time: Timestamp::from_microsecond(time).unwrap(),
                offset,
            },
            connection,
            direction,
            source,
            kind,
            records: None,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(entry in any_entry()) {
        let line = jsonl::render(&entry);
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert_eq!(jsonl::parse(line.as_bytes()).unwrap(), entry);
    }

    #[test]
    fn a_jsonl_line_is_the_logs_without_its_local_members(entry in any_entry()) {
        let shared = jsonl::render_shared(entry.moment.time, &entry.kind);
        prop_assert_eq!(without_local_members(&shared), without_local_members(&jsonl::render(&entry)));
        prop_assert_eq!(shared.matches('\n').count(), 1);
    }

    #[test]
    fn a_torn_last_line_never_hides_the_others(
        entries in proptest::collection::vec(any_entry(), 2..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let lines: Vec<_> = entries.iter().map(jsonl::render).collect();
        let (last, whole) = lines.split_last().unwrap();
        let whole = whole.concat();
        // Without its line feed the last line is whole, and not torn.
        let cut = cut.index(last.len() - 1);
        let torn = [whole.as_bytes(), &last.as_bytes()[..cut]].concat();
        let recording = replay::read(&torn).unwrap();
        prop_assert_eq!(recording.steps, replay::read(whole.as_bytes()).unwrap().steps);
        prop_assert_eq!(recording.torn_lines.len(), usize::from(cut > 0));
    }

    #[test]
    fn no_message_can_act_on_the_terminal_or_pass_for_another(text in "(.|\\n){0,300}") {
        let mut log = Transcript::new(Hand::default().clock()).keeping(1 << 20);
        let shown = look().entry(&happens(&mut log, received(&text))[0]);
        let active = |c: char| c.is_control() && c != '\n' && c != '\t';
        prop_assert!(!shown.contains(active), "{shown:?}");
        let bidi = ['\u{202e}', '\u{2066}', '\u{200f}'];
        prop_assert!(!shown.contains(bidi), "bidi");
        prop_assert_eq!(shown.lines().filter(|line| line.starts_with("< ")).count(), 1);
        prop_assert!(shown.lines().skip(1).all(|line| line.starts_with("| ")));
    }

    #[test]
    fn reading_a_log_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = replay::read(&bytes);
    }
}
