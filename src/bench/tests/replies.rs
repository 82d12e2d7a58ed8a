//! Which replies answer what: losses, pushes, fragments, other orders.

use super::*;

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
async fn a_push_is_not_taken_for_the_reply_to_a_message_of_the_users_own() {
    // A push in front of each reply but the first, which looks like our marks.
    let push: Behaviour = |number, opcode, payload| match (echo(number, opcode, payload), opcode) {
        (Answer::Send(bytes), OpCode::Data(_)) if number > 1 => {
            let news = frame(0x81, b"00000001AAAAAAAA");
            Answer::Send([news, bytes].concat())
        }
        (other, _) => other,
    };
    let fixed = |all: &[&str]| {
        let all = all.iter().map(|text| text.as_bytes().into());
        PayloadConfig::Fixed(all.collect())
    };
    let template = Template::parse(b"{\"n\":{{n}}}").unwrap();
    for payload in [
        fixed(&["hello"]),
        fixed(&["one", "two", "three"]),
        PayloadConfig::Templates(vec![template]),
    ] {
        let summary = measure(push, |config| {
            hundred_messages(config);
            config.payload = payload.clone();
            config.verify = true;
        })
        .await;
        let counters = summary.stats.counters;
        assert_eq!(
            (counters.sent, counters.answered, counters.lost.total()),
            (100, 100, 0),
            "{payload:?}"
        );
        // Of 25 messages on each of four connections 24 have a push in front.
        assert_eq!(
            (counters.mismatched, counters.unsolicited, counters.foreign),
            (0, 96, 0),
            "{payload:?}"
        );
    }
}

#[tokio::test]
async fn a_loss_among_messages_that_differ_is_not_blamed_on_the_next_ones() {
    let every_tenth: Behaviour = |number, opcode, payload| match opcode {
        OpCode::Data(_) if number % 10 == 0 => Answer::Send(Vec::new()),
        _ => echo(number, opcode, payload),
    };
    let measured = |text: &'static str| {
        measure(every_tenth, move |config| {
            hundred_messages(config);
            open_loop(config, 1000.0);
            config.reply_timeout = Duration::from_secs(4);
            let template = Template::parse(text.as_bytes()).unwrap();
            config.payload = PayloadConfig::Templates(vec![template]);
        })
    };
    let (differ, same) = (measured("{{uuid}}").await, measured("same").await);
    for summary in [&differ, &same] {
        let counters = &summary.stats.counters;
        assert_eq!((counters.answered, counters.lost.total()), (92, 8));
    }
    assert!(!differ.is_order_shifted());
    assert!(same.is_order_shifted(), "the report has to say so");
}
