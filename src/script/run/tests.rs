use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::script::{Pattern, Selector, Template};

fn config(steps: Vec<Step>) -> RunConfig {
    RunConfig {
        steps,
        rules: Vec::new(),
        vars: Vec::new(),
        expressions: Expressions::default(),
        decode: Decode::Auto,
        inbox_bytes: 1 << 20,
    }
}

fn expect(text: &str, is_next: bool) -> Step {
    let pattern = Pattern::parse(text, None).unwrap();
    Step {
        label: text.to_owned(),
        action: match is_next {
            true => Action::ExpectNext(pattern),
            false => Action::Expect(pattern),
        },
        within: Duration::from_secs(1),
        captures: Vec::new(),
    }
}

/// What the semantics say: how many steps are met by these records.
fn met(steps: &[(u8, bool)], records: &[u8]) -> usize {
    let mut rest = records.iter();
    for (done, (wanted, is_next)) in steps.iter().enumerate() {
        let found = match is_next {
            true => rest.next() == Some(wanted),
            false => rest.any(|record| record == wanted),
        };
        if !found {
            return done;
        }
    }
    steps.len()
}

proptest! {
    /// However the records come, between steps, before them, or several in one
    /// message: each is taken once, and none is lost.
    #[test]
    fn a_record_is_taken_once_and_none_is_lost(
        steps in prop::collection::vec((0_u8..3, any::<bool>()), 1..8),
        parts in prop::collection::vec(prop::collection::vec(0_u8..3, 1..4), 0..8),
    ) {
        let now = Instant::now();
        let made = steps.iter().map(|(wanted, next)| expect(&format!("[{wanted}]"), *next));
        let mut run = Run::new(config(made.collect()), now);
        let mut verdict = None;
        for part in &parts {
            let message: String = part.iter().map(|record| format!("[{record}]\u{1e}")).collect();
            run.arrived(&Bytes::from(message), now, now);
            match run.next(now, true) {
                Act::Wait(_) => {}
                act => { verdict = Some(act); break; }
            }
        }
        run.passed(now + Duration::from_secs(2));
        let act = match verdict {
            Some(act) => act,
            None => match run.next(now, true) {
                Act::Wait(_) => { run.passed(now + Duration::from_secs(2)); run.next(now, true) }
                act => act,
            },
        };
        let expected = met(&steps, &parts.concat());
        match act {
            Act::Done => prop_assert_eq!(expected, steps.len()),
            Act::Failed(unmet) => prop_assert_eq!(unmet.step, Some((expected + 1, steps.len()))),
            act => prop_assert!(false, "{:?}", act),
        }
    }
}

#[test]
fn captures_are_there_for_later_steps_with_their_types_and_digits() {
    let now = Instant::now();
    let by = Expressions::default();
    let mut first = expect(r#"{"type":"welcome"}"#, false);
    first.captures = vec![
        ("id".to_owned(), "$.id".parse::<Selector>().unwrap()),
        ("all".to_owned(), "text".parse().unwrap()),
        ("word".to_owned(), "/\"w\":\"([a-z]+)/".parse().unwrap()),
    ];
    let text = Template::parse("{{id}} {{word}} {{all}}", &by).unwrap();
    let is_binary = false;
    let mut send = expect("x", false);
    send.action = Action::Send(Payload::Template { text, is_binary });
    let mut third = expect("x", false);
    third.action = Action::Expect(Pattern::parse(r#"{"id":"{{id}}"}"#, Some(&by)).unwrap());
    let mut run = Run::new(config(vec![first, send, third]), now);
    let record = r#"{"type":"welcome","id":1.10,"w":"abc"}"#;
    run.arrived(&Bytes::from(record), now, now);
    let Act::Send { message, by_rule } = run.next(now, true) else {
        panic!("nothing is sent");
    };
    assert!(!by_rule);
    assert_eq!(message, Message::text(format!("1.10 abc {record}")));
    run.arrived(&Bytes::from(r#"{"id":"1.10"}{"#), now, now);
    run.arrived(&Bytes::from(r#"{"id":11e-1}"#), now, now);
    assert!(matches!(run.next(now, true), Act::Done));
}

#[test]
fn a_capture_of_what_is_not_there_says_so() {
    let now = Instant::now();
    let mut step = expect("hello", false);
    step.captures = vec![("id".to_owned(), "$.id".parse().unwrap())];
    let mut run = Run::new(config(vec![step]), now);
    run.arrived(&Bytes::from("hello"), now, now);
    let Act::Failed(unmet) = run.next(now, true) else {
        panic!("it is met");
    };
    assert_eq!(
        unmet.to_string(),
        "step 1 of 1, hello: it was met by a record that holds nothing for 'id'"
    );
    assert!(unmet.hint().unwrap().contains("$.id"));
}
