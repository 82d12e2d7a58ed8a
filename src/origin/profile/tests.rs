use super::*;
use crate::connection::Message;

fn request(origin: &str) -> Request {
    Request::origin(origin)
}

fn seen(outcome: Outcome, messages: &[&str]) -> Observation {
    let mut seen = Observation::new(outcome);
    seen.messages = messages.iter().map(|text| Message::text(*text)).collect();
    seen
}

const ALLOWED: &str = "https://client.com";
const FOREIGN: &str = "https://cswsh-probe.example";

/// The comparison of an answer with the profile of some samples.
fn compare(samples: &[&[&str]], answer: &[&str]) -> &'static str {
    let request_allowed = request(ALLOWED);
    let mut profile = Profile::new(&seen(Outcome::Open, samples[0]), &request_allowed).unwrap();
    for sample in &samples[1..] {
        assert!(profile.learn(&seen(Outcome::Open, sample), &request_allowed));
    }
    word(&profile.compare(&seen(Outcome::Open, answer), &request(FOREIGN)))
}

fn word(comparison: &Comparison) -> &'static str {
    match comparison {
        Comparison::Same => "same",
        Comparison::Differs(_) => "differs",
        Comparison::Seems(_) => "seems",
        Comparison::Unclear(_) => "unclear",
    }
}

#[test]
fn messages_are_compared_by_their_pattern() {
    for (samples, answer, expected) in [
        // Silence.
        (&[&[][..], &[]][..], &[][..], "same"),
        (&[&[]], &["origin not allowed"], "seems"),
        (&[&["hello"]], &[], "seems"),
        // Numbers, identifiers and the origin may differ.
        (&[&["you are visitor 7"]], &["you are visitor 12"], "same"),
        (
            &[&[r#"{"type":"welcome","id":"a1b2","at":17}"#]],
            &[r#"{"type":"welcome","id":"c3d4","at":99}"#],
            "same",
        ),
        (
            &[&["hello https://client.com!"]],
            &["hello https://cswsh-probe.example!"],
            "same",
        ),
        (
            &[&[r#"{"host":"client.com","scheme":"https"}"#]],
            &[r#"{"host":"cswsh-probe.example","scheme":"http"}"#],
            "same",
        ),
        (
            &[&[r#"0{"sid":"Ab1","upgrades":[],"pingInterval":25000}"#]],
            &[r#"0{"sid":"Zz9","upgrades":[],"pingInterval":25000}"#],
            "same",
        ),
        // Identifiers have parts that look like words.
        (
            &[&[r#"{"sid":"1a-b2c3d4e5f6"}"#]],
            &[r#"{"sid":"QWERTY-xyzAB_cdEF"}"#],
            "same",
        ),
        // What says no.
        (
            &[&[r#"{"code":"Welcome"}"#]],
            &[r#"{"code":"OriginNotAllowed"}"#],
            "seems",
        ),
        (
            &[&[r#"{"type":"welcome"}"#]],
            &[r#"{"type":"error"}"#],
            "seems",
        ),
        (&[&[r#"{"ok":true}"#]], &[r#"{"ok":false}"#], "seems"),
        (&[&[r#"{"status":200}"#]], &[r#"{"status":403}"#], "seems"),
        (
            &[&["hello"]],
            &["hello", "this origin is not allowed"],
            "seems",
        ),
        // Names that change make no pattern, refusals still show.
        (&[&["hi amber"], &["hi birch"]], &["hi cedar"], "same"),
        (&[&["hi amber"], &["hi birch"]], &["forbidden"], "seems"),
        (
            &[&["hi amber"], &["hi birch"]],
            &["hi cedar", "access denied"],
            "seems",
        ),
    ] {
        assert_eq!(compare(samples, answer), expected, "{samples:?} {answer:?}");
    }
}

#[test]
fn what_the_allowed_origin_hears_beside_a_probe_is_no_answer() {
    let silent = Profile::new(&seen(Outcome::Open, &[]), &request(ALLOWED)).unwrap();
    let log = r#"{"log":"403 GET / from https://client.com.cswsh-probe.example"}"#;
    let no = r#"{"error":"origin not allowed"}"#;
    for (answer, heard, expected) in [
        (&[log][..], &[][..], "seems"),
        (&[log], &[log], "same"),
        (&[log, log, log], &[log], "same"),
        (&[no], &[log], "seems"),
        (&[log, no], &[log], "seems"),
        (&[], &[log], "same"),
    ] {
        let comparison = silent.compare_beside(
            &seen(Outcome::Open, answer),
            &request(FOREIGN),
            &seen(Outcome::Open, heard),
        );
        assert_eq!(word(&comparison), expected, "{answer:?} {heard:?}");
    }
    // A greeting that is missing is missing in the noise too.
    let greets = Profile::new(&seen(Outcome::Open, &["hello"]), &request(ALLOWED)).unwrap();
    for (answer, expected) in [
        (&[][..], "seems"),
        (&[log], "seems"),
        (&["hello", log], "same"),
    ] {
        let comparison = greets.compare_beside(
            &seen(Outcome::Open, answer),
            &request(FOREIGN),
            &seen(Outcome::Open, &["hello", log]),
        );
        assert_eq!(word(&comparison), expected, "{answer:?}");
    }
}

#[test]
fn outcomes_are_compared_with_the_allowed_origins() {
    use Outcome::{
        Closed, EndOfStream, Flood, Invalid101, Lost, NoConnection, Open, Status, Timeout,
    };
    for (allowed, answer, expected) in [
        (Open, Open, "same"),
        (Open, Status(403), "differs"),
        (Open, Status(200), "differs"),
        (Open, Status(302), "differs"),
        (Open, Status(429), "seems"),
        (Open, Status(500), "seems"),
        (Open, Invalid101, "differs"),
        // Chance ends a connection too, and slow is not refused.
        (Open, EndOfStream, "seems"),
        (Open, Timeout, "unclear"),
        (Open, NoConnection, "seems"),
        (Open, Closed(Some(1008)), "differs"),
        (Open, Closed(None), "differs"),
        (Open, Lost, "differs"),
        (Open, Flood, "unclear"),
        // A Close alone is no refusal: only a difference is.
        (Closed(Some(1000)), Closed(Some(1000)), "same"),
        (Closed(Some(1000)), Closed(Some(1008)), "differs"),
        (Closed(Some(1000)), Open, "seems"),
        (Lost, Lost, "same"),
    ] {
        let profile = Profile::new(&seen(allowed, &[]), &request(ALLOWED)).unwrap();
        let comparison = profile.compare(&seen(answer, &[]), &request(FOREIGN));
        assert_eq!(word(&comparison), expected, "{allowed:?} {answer:?}");
    }
    for nothing in [Status(403), Timeout, Flood, Outcome::Broken] {
        assert!(Profile::new(&seen(nothing, &[]), &request(ALLOWED)).is_none());
    }
}

#[test]
fn a_baseline_that_is_a_refusal_itself_is_noticed() {
    for (outcome, messages, refused) in [
        (Outcome::Open, &[][..], false),
        (Outcome::Closed(Some(1000)), &[], false),
        (Outcome::Closed(Some(1008)), &[], true),
        (Outcome::Closed(Some(4401)), &[], true),
        (Outcome::Closed(Some(4000)), &[], false),
        (Outcome::Open, &[r#"{"error":"unauthorized"}"#], true),
        (
            Outcome::Open,
            &[r#"{"type":"error","message":"missing token"}"#],
            true,
        ),
        (Outcome::Open, &[r#"{"code":401}"#], true),
        (Outcome::Open, &["Authentication required"], true),
        (Outcome::Open, &[r#"{"type":"auth_required"}"#], false),
        (Outcome::Open, &[r#"{"error":null,"status":"ok"}"#], false),
        (Outcome::Open, &["welcome to the origin of species"], false),
    ] {
        assert_eq!(
            turned_away(&seen(outcome, messages)).is_some(),
            refused,
            "{outcome:?} {messages:?}"
        );
    }
}

#[test]
fn patterns_decide_where_the_user_gives_them() {
    let mut allowed = seen(Outcome::Open, &["ready"]);
    allowed.expected = true;
    let profile = Profile::new(&allowed, &request(ALLOWED)).unwrap();
    assert_eq!(word(&profile.compare(&allowed, &request(FOREIGN))), "same");
    let other = seen(Outcome::Open, &["ready"]);
    assert_eq!(word(&profile.compare(&other, &request(FOREIGN))), "seems");
    let mut rejected = seen(Outcome::Open, &[]);
    rejected.rejected = Some("no".into());
    assert_eq!(
        word(&profile.compare(&rejected, &request(FOREIGN))),
        "differs"
    );
}
