//! Which message a reply answers, by number, by order and by id.

use super::*;

fn entry(time: u64) -> Entry {
    Entry {
        intended_ns: time,
        sent_ns: time,
    }
}

fn window(count: u64) -> Window {
    let mut window = Window::default();
    (0..count).for_each(|i| window.push(entry(i), true));
    window
}

fn reply(number: u64) -> Match {
    Match::Reply {
        number,
        entry: entry(number),
        by_order: false,
    }
}

fn by_order(number: u64) -> Match {
    Match::Reply {
        number,
        entry: entry(number),
        by_order: true,
    }
}

fn tagged(low: u32) -> impl FnOnce() -> Tagged {
    move || Tagged::Ours(low, 32)
}

/// What a message is taken for that is none of our payloads.
fn given(
    window: &mut Window,
    matching: &Matching,
    tagged: impl FnOnce() -> Tagged,
    payload: Option<&[u8]>,
) -> Match {
    window.answer(matching, tagged, payload, |_| Known::Nothing)
}

fn plain() -> Tagged {
    Tagged::None
}

#[test]
fn numbers_find_their_message_in_any_order() {
    let mut window = window(3);
    let auto = Matching::Auto;
    assert_eq!(given(&mut window, &auto, tagged(1), None), reply(1));
    assert_eq!(given(&mut window, &auto, tagged(0), None), reply(0));
    assert_eq!(
        given(&mut window, &auto, tagged(1), None),
        Match::Duplicate(1)
    );
    assert_eq!(given(&mut window, &auto, plain, None), UNSOLICITED);
    let foreign = given(&mut window, &auto, || Tagged::Foreign, None);
    assert_eq!(foreign, Match::Unsolicited { is_foreign: true });
    assert_eq!(given(&mut window, &auto, tagged(2), None), reply(2));
    assert_eq!(window.waiting(), 0);
}

#[test]
fn the_oldest_is_taken_out_at_once_and_what_was_answered_behind_it() {
    let mut window = window(4);
    let auto = Matching::Auto;
    assert_eq!(given(&mut window, &auto, tagged(1), None), reply(1));
    assert_eq!(window.answer_first(&auto, |first| first == 1), None);
    let found = window.answer_first(&auto, |first| first == 0);
    assert_eq!(found, Some(reply(0)));
    // The second was answered, so the third is the oldest now.
    let found = window.answer_first(&auto, |first| first == 2);
    assert_eq!((found, window.waiting()), (Some(reply(2)), 1));
    // By order and by id nothing is known from the mark.
    assert_eq!(window.answer_first(&Matching::Order, |_| true), None);
    assert_eq!(
        window.answer_first(&auto, |first| first == 3),
        Some(reply(3))
    );
    assert_eq!(window.answer_first(&auto, |_| true), None);
}

#[test]
fn without_numbers_the_order_decides() {
    let mut window = window(2);
    assert_eq!(
        given(&mut window, &Matching::Auto, plain, None),
        by_order(0)
    );
    assert_eq!(
        given(&mut window, &Matching::Order, tagged(7), None),
        by_order(1)
    );
    assert_eq!(
        given(&mut window, &Matching::Order, plain, None),
        UNSOLICITED
    );
}

#[test]
fn what_is_given_up_comes_late_and_the_second_time_as_a_duplicate() {
    let mut window = window(5);
    let echo = Matching::Echo;
    assert_eq!(given(&mut window, &echo, tagged(1), None), reply(1));
    let mut lost = Vec::new();
    window.give_up(4, |entry| lost.push(entry.sent_ns));
    assert_eq!(lost, [0, 2, 3]);
    for (low, found) in [
        (2, Match::Late(2)),
        (2, Match::Duplicate(2)),
        (0, Match::Late(0)),
        (1, Match::Duplicate(1)),
        (3, Match::Late(3)),
        (4, reply(4)),
        (4, Match::Duplicate(4)),
    ] {
        assert_eq!(given(&mut window, &echo, tagged(low), None), found, "{low}");
    }
}

#[test]
fn given_up_numbers_take_no_memory_to_speak_of() {
    let mut given_up = GivenUp::default();
    (0..100_000).for_each(|number| given_up.add(number));
    assert_eq!(given_up.0.len(), 1);
    (0..100_000).for_each(|number| given_up.add(200_000 + 2 * number));
    assert!(given_up.0.len() <= MAX_RANGES);
}

#[test]
fn messages_of_the_warm_up_are_known_by_their_number() {
    let mut window = Window::default();
    window.push(entry(0), false);
    window.push(entry(1), true);
    assert_eq!(
        [0, 1, 2].map(|n| window.is_measured(n)),
        [false, true, true]
    );
}

#[test]
fn stamp_last_corrects_the_send_time_of_what_has_left_since() {
    let mut window = window(3);
    let mut stamped = Vec::new();
    window.stamp_last(2, 500, |entry| stamped.push(*entry));
    let sent = |time, sent_ns| Entry {
        intended_ns: time,
        sent_ns,
    };
    assert_eq!(stamped, [sent(1, 500), sent(2, 500)]);
    for entry in [sent(0, 0), sent(1, 500), sent(2, 500)] {
        let number = entry.intended_ns;
        let found = given(&mut window, &Matching::Order, plain, None);
        let by_order = true;
        assert_eq!(
            found,
            Match::Reply {
                number,
                entry,
                by_order
            }
        );
    }
    // No more than there are.
    window.push(entry(7), true);
    window.stamp_last(5, 8, |entry| stamped.push(*entry));
    assert_eq!(stamped.last(), Some(&sent(7, 8)));
}

#[test]
fn numbers_past_2_to_the_32_find_their_message() {
    let first = (1 << 32) - 1;
    let mut window = Window {
        first,
        ..Window::default()
    };
    (0..3).for_each(|i| window.push(entry(i), true));
    for (low, number) in [(1, first + 2), (u32::MAX, first), (0, first + 1)] {
        let reply = Match::Reply {
            number,
            entry: entry(number - first),
            by_order: false,
        };
        assert_eq!(
            given(&mut window, &Matching::Echo, tagged(low), None),
            reply
        );
    }
    assert_eq!(window.next_number(), first + 3);
    let before = given(&mut window, &Matching::Echo, tagged(u32::MAX - 1), None);
    assert_eq!(before, Match::Duplicate(first - 1));
    let never = given(&mut window, &Matching::Echo, tagged(2), None);
    assert_eq!(never, UNSOLICITED);
}

#[test]
fn a_number_that_was_never_sent_is_unsolicited() {
    let mut window = window(3);
    for low in [3, u32::MAX, 1 << 31] {
        let found = given(&mut window, &Matching::Echo, tagged(low), None);
        assert_eq!(found, UNSOLICITED);
    }
    assert_eq!(window.waiting(), 3);
}

#[test]
fn give_up_keeps_nothing_of_what_is_lost() {
    let mut window = Window::default();
    for time in 0..10_000 {
        window.note_payload(vec![7; 10]);
        window.note_id(time.to_string().into());
        window.push(entry(time), true);
    }
    window.give_up(9_999, |_| {});
    let extra = window.extra.as_ref().unwrap();
    assert_eq!(
        (extra.payloads.len(), extra.ids.len(), extra.id_of.len()),
        (1, 1, 1)
    );
    assert!(extra.settled.len() <= MAX_SETTLED);
    assert_eq!(window.take_payload(9_999), Some(vec![7; 10]));
}

fn regex() -> Matching {
    Matching::Id(Pattern::capturing("id=([0-9]+)").unwrap())
}

#[test]
fn ids_that_repeat_are_queued_oldest_first_and_told() {
    let matching = regex();
    let mut window = Window::default();
    let repeated: Vec<_> = ["7", "7", "8", "7"]
        .iter()
        .enumerate()
        .map(|(number, id)| {
            let repeated = window.note_id((*id).into());
            window.push(entry(number as u64), true);
            repeated
        })
        .collect();
    assert_eq!(repeated, [false, true, false, true]);
    let mut answer = |id: &[u8]| given(&mut window, &matching, plain, Some(id));
    assert_eq!(answer(b"id=7"), reply(0));
    assert_eq!(answer(b"id=7"), reply(1));
    assert_eq!(answer(b"id=8"), reply(2));
    assert_eq!(answer(b"id=7"), reply(3));
    assert_eq!(answer(b"id=7"), Match::Duplicate(3));
}

#[test]
fn ids_find_their_message_and_what_comes_of_them_later_is_told() {
    let matching = regex();
    let mut window = Window::default();
    for (number, id) in ["7", "8"].into_iter().enumerate() {
        window.note_id(id.into());
        window.push(entry(number as u64), true);
    }
    let mut answer = |id: &[u8]| given(&mut window, &matching, plain, Some(id));
    assert_eq!(answer(b"id=8"), reply(1));
    assert_eq!(answer(b"id=8"), Match::Duplicate(1));
    assert_eq!(answer(b"id=9"), UNSOLICITED);
    assert_eq!(answer(b"none"), UNSOLICITED);
    window.give_up(u64::MAX, |_| {});
    let late = given(&mut window, &matching, plain, Some(b"id=7"));
    assert_eq!(late, Match::Late(0));
}

#[test]
fn payloads_of_the_users_own_are_looked_for_before_the_order_decides() {
    let turn = |place, of| Known::Turn { place, of };
    let mut window = window(6);
    let mut answer = |known| window.answer(&Matching::Auto, plain, None, |_| known);
    // Until a payload has come back, any message is a reply.
    assert_eq!(answer(Known::Nothing), by_order(0));
    // Two payloads take turns: 1, 3 and 5 say the second one.
    assert_eq!(answer(turn(1, 2)), by_order(1));
    assert_eq!(answer(turn(1, 2)), by_order(3));
    assert_eq!(answer(Known::Nothing), UNSOLICITED, "a push");
    assert_eq!(answer(turn(0, 2)), by_order(2));
    assert_eq!(answer(turn(1, 2)), by_order(5));
    assert_eq!(answer(turn(1, 2)), UNSOLICITED, "none is left");
    assert_eq!(answer(turn(0, 2)), by_order(4));
    assert_eq!(window.waiting(), 0);
}

#[test]
fn payloads_that_differ_are_known_by_their_print() {
    let mut window = Window::default();
    for (number, text) in [(0, "a"), (1, "b"), (2, "same"), (3, "same")] {
        window.note_id(print(text.as_bytes()).to_vec());
        window.push(entry(number), true);
    }
    let mut answer = |text: &str| {
        let known = Known::Print(print(text.as_bytes()));
        window.answer(&Matching::Auto, plain, None, |_| known)
    };
    assert_eq!(answer("b"), reply(1));
    assert_eq!(answer("a push"), UNSOLICITED);
    assert_eq!(answer("b"), Match::Duplicate(1));
    assert_eq!(answer("same"), by_order(2), "by order among the same");
    assert_eq!(answer("a"), reply(0));
    assert_eq!(answer("same"), reply(3));
}

/// A window of messages whose payloads are noted, as `--verify` does.
fn noted(payloads: &[&str]) -> Window {
    let mut window = Window::default();
    for (number, payload) in (0..).zip(payloads) {
        window.note_payload(payload.as_bytes().to_vec());
        window.push(entry(number), true);
    }
    window
}

#[test]
fn verify_takes_what_answers_nothing_for_the_damaged_reply_of_its_length() {
    let mut window = noted(&["0 aaa", "1 bbbb", "2 ccccc"]);
    let length_of_1 = Some(&b"X bbbb"[..]);
    assert_eq!(window.or_damaged(UNSOLICITED, length_of_1), by_order(1));
    assert_eq!(window.take_payload(1).as_deref(), Some(&b"1 bbbb"[..]));
    // It waits no more.
    assert_eq!(window.or_damaged(UNSOLICITED, length_of_1), UNSOLICITED);
    let foreign = Match::Unsolicited { is_foreign: true };
    let of_another = Match::Unsolicited { is_foreign: true };
    assert_eq!(window.or_damaged(foreign, Some(b"0 aaa")), of_another);
    // A true duplicate stays one; what says so and is another's does not.
    let again = || Match::Duplicate(1);
    assert_eq!(window.or_damaged(again(), length_of_1), again());
    assert_eq!(window.or_damaged(again(), Some(b"1 bbbb")), again());
    assert_eq!(window.or_damaged(again(), Some(b"1 ccccc")), by_order(2));
    assert_eq!(window.or_damaged(reply(0), Some(b"1 ccccc")), reply(0));
}

#[test]
fn ids_of_messages_that_are_answered_by_order_are_forgotten() {
    let mut window = Window::default();
    for number in 0..10_000_u64 {
        window.note_id(print(&number.to_be_bytes()).to_vec());
        window.push(entry(number), true);
        let other = |_| Known::Print(print(b"something else"));
        let found = window.answer(&Matching::Auto, plain, None, other);
        assert_eq!(found, by_order(number));
    }
    let extra = window.extra.unwrap();
    assert_eq!((extra.ids.len(), extra.id_of.len()), (0, 0));
}
