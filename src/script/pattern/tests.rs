use super::*;
use bytes::Bytes;
use tokio::time::Instant;

fn record(text: &str) -> Record {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Record::new(bytes, Instant::now(), 1)
}

fn matches(pattern: &str, text: &str) -> bool {
    let pattern = Pattern::parse(pattern, None).unwrap();
    matches!(pattern.find(&record(text)), Found::Match(_))
}

#[test]
fn json_patterns_match_parts_of_objects_and_whole_arrays() {
    for (pattern, text, expected) in [
        (r#"{"id":1}"#, r#"{"id":1,"x":2}"#, true),
        (r#"{"id":1}"#, r#"{"id":1.0}"#, true),
        (r#"{"id":1}"#, r#"{"id":"1"}"#, false),
        (r#"{"id":1}"#, r#"{"x":1}"#, false),
        (r#"{"id":1}"#, "not json", false),
        (r#"{"id":1}"#, "\u{feff}{\"id\":1}", true),
        (r#"{"a":{"b":null}}"#, r#"{"a":{"b":null,"c":1}}"#, true),
        (r#"{"a":{"b":null}}"#, r#"{"a":{}}"#, false),
        (r#"{"a":{}}"#, r#"{"a":{"b":1}}"#, true),
        (r#"{"a":{}}"#, r#"{"a":[]}"#, false),
        (
            r#"[3,"{{any}}",{"ok":true}]"#,
            r#"[3,"x",{"ok":true,"n":1}]"#,
            true,
        ),
        ("[1,2]", "[1,2,3]", false),
        ("[2,1]", "[1,2]", false),
        (r#"{"a":"{{ any }}"}"#, r#"{"a":null}"#, true),
        (r#"{"a":"{{any}}"}"#, "{}", false),
        (
            r#"{"n":12345678901234567890123}"#,
            r#"{"n":12345678901234567890124}"#,
            false,
        ),
        (r#"{"n":1.10}"#, r#"{"n":11e-1}"#, true),
        (
            r#"{"n":9007199254740993}"#,
            r#"{"n":9007199254740992}"#,
            false,
        ),
        (r#"{"a":1}"#, r#"{"a":2,"a":1}"#, true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn operators_of_json_patterns() {
    for (pattern, text, expected) in [
        (r#"{"n":{"$gt":0,"$le":5}}"#, r#"{"n":5}"#, true),
        (r#"{"n":{"$gt":0,"$lt":5}}"#, r#"{"n":5}"#, false),
        (r#"{"n":{"$ge":1}}"#, r#"{"n":"1"}"#, false),
        (
            r#"{"n":{"$gt":12345678901234567890123}}"#,
            r#"{"n":12345678901234567890124}"#,
            true,
        ),
        (r#"{"s":{"$gt":"a"}}"#, r#"{"s":"b"}"#, true),
        (r#"{"s":{"$re":"^a.c$"}}"#, r#"{"s":"abc"}"#, true),
        (r#"{"s":{"$re":"/^a/"}}"#, r#"{"s":"ba"}"#, false),
        (
            r#"{"s":{"$in":["a",{"x":1}]}}"#,
            r#"{"s":{"x":1,"y":2}}"#,
            true,
        ),
        (r#"{"s":{"$in":["a","b"]}}"#, r#"{"s":"c"}"#, false),
        (r#"{"s":{"$not":"a"}}"#, r#"{"s":"b"}"#, true),
        (r#"{"s":{"$not":"a"}}"#, r#"{"s":"a"}"#, false),
        (r#"{"s":{"$not":"a"}}"#, "{}", false),
        (r#"{"l":{"$len":2}}"#, r#"{"l":[1,2]}"#, true),
        (r#"{"l":{"$len":{"$gt":1}}}"#, r#"{"l":"é"}"#, false),
        (r#"{"l":{"$type":"integer"}}"#, r#"{"l":1.0}"#, true),
        (r#"{"l":{"$type":"integer"}}"#, r#"{"l":1.5}"#, false),
        (r#"{"l":{"$type":"null"}}"#, r#"{"l":null}"#, true),
        (
            r#"{"l":{"$has":{"id":2}}}"#,
            r#"{"l":[{"id":1},{"id":2,"x":0}]}"#,
            true,
        ),
        (r#"{"l":{"$has":"b"}}"#, r#"{"l":"abc"}"#, true),
        (r#"{"e":{"$exists":false}}"#, "{}", true),
        (r#"{"e":{"$exists":false}}"#, r#"{"e":null}"#, false),
        (r#"{"e":{"$exists":true}}"#, r#"{"e":null}"#, true),
        (r#"{"e":{"$exists":true}}"#, "{}", false),
        (r#"{"$.a[*].id":2}"#, r#"{"a":[{"id":1},{"id":2.0}]}"#, true),
        (r#"{"$.a[*].id":3}"#, r#"{"a":[{"id":1},{"id":2}]}"#, false),
        (r#"{"$[1]":"x"}"#, r#"[0,"x"]"#, true),
        (r#"{"$.a":{"$exists":false}}"#, r#"{"b":1}"#, true),
        (r#"{"$$gt":1}"#, r#"{"$gt":1}"#, true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn a_pattern_that_is_no_json_is_what_until_takes() {
    for (pattern, text, expected) in [
        ("ack", r#"{"type":"ack"}"#, true),
        (r#""complete""#, r#"{"type":"complete"}"#, true),
        ("/^a+$/", "aaa", true),
        ("$.id", r#"{"id":1}"#, true),
        ("{not json", "x {not json", true),
        ("true", "it is true", true),
        ("{{x}}", "{{x}}", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
    let pattern = Pattern::parse(r"/id=(?P<id>\d+)/", None).unwrap();
    assert_eq!(
        pattern.find(&record("x id=42")),
        Found::Match(vec![("id".to_owned(), "42".to_owned())])
    );
    assert_eq!(pattern.captures(), ["id"]);
}

#[test]
fn what_is_no_operator_says_so() {
    for (pattern, part) in [
        (r#"{"n":{"$gte":0}}"#, "'$gte' is not an operator"),
        (
            r#"{"n":{"$gte":0}}"#,
            "write $$gte for a member of that name",
        ),
        (r#"{"n":{"$re":1}}"#, "$re takes a string"),
        (r#"{"n":{"$re":"("}}"#, "unclosed group"),
        (r#"{"n":{"$type":"int"}}"#, "$type takes one of array"),
        (r#"{"n":{"$exists":1}}"#, "$exists takes true or false"),
        (r#"{"n":{"$in":1}}"#, "$in takes an array"),
        (r#"{"$.":1}"#, "JSONPath"),
        ("", "the pattern is empty"),
    ] {
        let error = Pattern::parse(pattern, None).unwrap_err().to_string();
        assert!(error.contains(part), "{pattern}: {error}");
    }
}

#[test]
fn differences_name_the_place_and_both_values() {
    let differences = |pattern: &str, text: &str| {
        let pattern = Pattern::parse(pattern, None).unwrap();
        pattern.differences(&record(text)).unwrap().join("; ")
    };
    for (pattern, text, expected) in [
        (
            r#"{"type":"complete","id":"s1"}"#,
            r#"{"id":"s1","type":"error"}"#,
            r#"type is "error", not "complete""#,
        ),
        (
            r#"{"a":{"b":[1,{"c":2}]}}"#,
            r#"{"a":{"b":[1,{"c":3}]}}"#,
            "a.b[1].c is 3, not 2",
        ),
        (r#"{"a":1}"#, r#"{"b":1}"#, "a is missing, 1 was expected"),
        (r#"{"a":1}"#, "[1]", "it is [1], not an object"),
        (r#"{"n":{"$gt":5}}"#, r#"{"n":3}"#, "n is 3, not over 5"),
        (
            r#"{"e":{"$exists":false}}"#,
            r#"{"e":1}"#,
            "e is there, and must not be",
        ),
        (
            r#"{"s":{"$re":"^x$"}}"#,
            r#"{"s":"{}x"}"#,
            r#"s is "{}x", which /^x$/ does not find"#,
        ),
    ] {
        assert_eq!(differences(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn templates_in_patterns_keep_types_and_are_never_operators() {
    let by = Expressions::default();
    let mut scope = Scope::default();
    scope.set("id", Exact::parse("12345678901234567890123").unwrap());
    scope.set("evil", Exact::parse(r#"{"$exists":true}"#).unwrap());
    scope.set("word", Exact::parse("\"a\"").unwrap());
    for (pattern, text, expected) in [
        (
            r#"{"id":"{{id}}"}"#,
            r#"{"id":12345678901234567890123}"#,
            true,
        ),
        (
            r#"{"id":"{{id}}"}"#,
            r#"{"id":"12345678901234567890123"}"#,
            false,
        ),
        (r#"{"id":"x{{word}}"}"#, r#"{"id":"xa"}"#, true),
        (r#"{"id":"{{evil}}"}"#, r#"{"id":5}"#, false),
        ("say {{word}}", "they say a", true),
        ("/^{{word}}$/", "a", true),
    ] {
        let parsed = Pattern::parse(pattern, Some(&by)).unwrap();
        assert!(parsed.has_templates());
        let resolved = parsed.resolve(&scope, &by).unwrap();
        let found = resolved.find(&record(text)) != Found::Differs;
        assert_eq!(found, expected, "{pattern} {text}");
    }
    let names = Pattern::parse(r#"{"a":["{{x}}",{"$not":"{{y}}"}]}"#, Some(&by)).unwrap();
    assert_eq!(names.names(&by).into_iter().collect::<Vec<_>>(), ["x", "y"]);
}
