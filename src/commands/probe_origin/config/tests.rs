use std::time::Duration;

use clap::Parser;

use super::*;
use crate::cli::transport::TransportArgs;

fn read(text: &str) -> Result<ConfigFile, (usize, String)> {
    let variable = |name: &str| match name {
        "SESSION" => Some("s3cret\"\n".to_owned()),
        "TOKEN" => Some("t".to_owned()),
        "SECRET" => Some("s3cret-value".to_owned()),
        "EMPTY" => Some(String::new()),
        "PORT" => Some("5000".to_owned()),
        "LIMIT" => Some("90s".to_owned()),
        _ => None,
    };
    parse(text, &variable).map_err(|wrong| {
        let line = wrong.span.map_or(0, |span| line_of(text, span.start));
        (line, wrong.why)
    })
}

#[test]
fn an_environment_variable_stands_in_every_text() {
    let file = read(
        "message = '{\"t\":\"${SESSION}\",\"n\":\"$${NAME}\"}'\n\
         [[targets]]\nurl = 'ws://localhost:${PORT}/ws?t=${PORT}${EMPTY}'\n\
         headers = ['X-A: ${PORT}']\ncookies = ['sid=${PORT}']\nmax_time = '${LIMIT}'\n",
    )
    .unwrap();
    let target = &file.targets[0];
    assert_eq!(target.url, "ws://localhost:5000/ws?t=5000");
    assert_eq!(
        target.settings.message.as_deref(),
        Some("{\"t\":\"s3cret\"\n\",\"n\":\"${NAME}\"}")
    );
    let args = target.settings.transport(&flags(&[]));
    assert_eq!(args.auth.cookies[0].0, "sid=5000");
    assert_eq!(args.max_time, Some(Duration::from_secs(90)));
}

#[test]
fn a_variable_that_is_named_like_a_secret_is_one() {
    let text = "[[targets]]\nurl = 'ws://localhost:${PORT}/${SECRET}/ws'\n";
    let file = read(text).unwrap();
    assert_eq!(file.targets[0].settings.secrets, ["s3cret-value"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_without_a_secret() {
    let head = "allow = ['https://a.example']\n[[targets]]\nurl = 'ws://h/'\n";
    for (text, line, part) in [
        ("allow = [", 1, ""),
        ("", 0, "there is no target"),
        ("url = 'ws://h/'\n", 1, "write [[targets]] above it"),
        ("\n\n[[targets]]\nallow = []\n", 3, "this target has no url"),
        (
            &format!("{head}exotik = true\n"),
            4,
            "unknown field `exotik`",
        ),
        (
            "\nexotik = 1\n[[targets]]\nurl = 'ws://h/'\n",
            2,
            "`exotik`",
        ),
        (
            &format!("{head}\n[[targets.targets]]\nurl = 'x'\n"),
            5,
            "no other targets",
        ),
        (
            &format!("{head}message = '${{NOPE}}'\n"),
            4,
            "'NOPE' is not set",
        ),
        (
            &format!("{head}message = '''\na\n${{NOPE}}'''\n"),
            6,
            "'NOPE' is not set",
        ),
        (&format!("{head}message = '${{NOPE'\n"), 4, "has no '}'"),
        (
            &format!("{head}headers = [\n 'A: b',\n 's3cret',\n]\n"),
            6,
            "'Name: value'",
        ),
        (
            &format!("{head}headers = ['${{SESSION}}']\n"),
            4,
            "'Name: value'",
        ),
        (
            &format!("{head}window = '${{SESSION}}'\n"),
            4,
            "is not valid here",
        ),
        (
            &format!("{head}insecure = '${{SESSION}}'\n"),
            4,
            "is not valid here",
        ),
        (
            &format!("{head}fail_on = '${{SESSION}}'\n"),
            4,
            "is not valid here",
        ),
        (&format!("{head}window = '1x'\n"), 4, "500ms"),
        (&format!("{head}window = -1\n"), 4, ""),
        (
            &format!("{head}fail_on = 'hgh'\n"),
            4,
            "unknown variant `hgh`",
        ),
        (&format!("{head}allow = ['${{SECRET}}']\n"), 4, "[redacted]"),
        (&format!("{head}allow = ['x']\n"), 4, "has no scheme"),
        (&format!("{head}expect = '/(/'\n"), 4, "not a valid pattern"),
        (
            &format!("{head}probe = ['foreign',\n'forein']\n"),
            5,
            "no probe 'forein'",
        ),
        (
            &format!("{head}attacker_domain = 'x'\n"),
            4,
            "is not a domain name",
        ),
        (
            &format!("{head}accept = [{{ probe = 'null' }}]\n"),
            4,
            "missing field `reason`",
        ),
        (
            &format!("{head}accept = [{{ probe = 'null', reason = ' ' }}]\n"),
            4,
            "has no reason",
        ),
        (
            &format!("{head}user = 'a'\nbearer = 's3cret'\n"),
            5,
            "keep one of them",
        ),
    ] {
        let (found, why) = read(text).unwrap_err();
        assert_eq!(found, line, "{text}: {why}");
        assert!(why.contains(part), "{text}: {why}");
        assert!(!why.contains("s3cret") && !why.contains('\n'), "{why}");
    }
}

#[test]
fn a_target_keeps_the_line_of_its_entry() {
    let text = "# one\r\nallow = ['https://a.example']\r\n\r\n[[targets]]\r\nurl = 'ws://a/'\r\n\r\n  [[targets]]\r\nurl = 'ws://b/'\r\n";
    let lines: Vec<_> = read(text).unwrap().targets.iter().map(|t| t.line).collect();
    assert_eq!(lines, [4, 7]);
    let inline = "targets = [\n  { url = 'ws://a/' },\n  { url = 'ws://b/' },\n]\n";
    let lines: Vec<_> = read(inline)
        .unwrap()
        .targets
        .iter()
        .map(|t| t.line)
        .collect();
    assert_eq!(lines, [2, 3]);
    // Editors of Windows put a byte order mark in front.
    assert!(read(&format!("\u{feff}{text}")).is_ok());
}

#[test]
fn every_key_is_documented() {
    let document = include_str!("../../../../docs/probe-origin-ci.md");
    let (_, why) = read("no_such_key = 1\n").unwrap_err();
    let (_, keys) = why.split_once("expected one of ").unwrap();
    // The aliases stand with their keys.
    let undocumented: Vec<_> = keys
        .split(", ")
        .filter(|key| !document.contains(&format!("also {key}")))
        .filter(|key| !document.contains(&format!("| {key} |")))
        .collect();
    assert!(keys.contains("`max_time`"), "{keys}");
    assert!(undocumented.is_empty(), "{undocumented:?}");
}

#[test]
fn the_example_is_read() {
    let file = read(include_str!("../../../../docs/probes.example.toml")).unwrap();
    assert_eq!(file.targets.len(), 3);
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    transport: TransportArgs,
}

fn flags(given: &[&str]) -> TransportArgs {
    Flags::try_parse_from([&["wscli"], given].concat())
        .unwrap()
        .transport
}

#[test]
fn a_target_has_its_own_way_and_flags_come_first() {
    let file = read(
        "cookies = ['all=1']\nbearer = 'all'\ncert = 'all.pem'\nkey = 'all.key'\nmax_time = 60\n\
         subprotocols = ['all']\nfail_on = 'low'\n\
         [[targets]]\nurl = 'ws://a/'\ncookies = ['own=1']\nuser = 'u:p'\ncert = 'own.pem'\n\
         subprotocols = ['own']\ninsecure = true\nfail_on = 'critical'\nmax_time = '2m'\n\
         [[targets]]\nurl = 'ws://b/'\n",
    )
    .unwrap();
    let [a, b] = &file.targets[..] else {
        panic!("{file:?}");
    };
    let own = a.settings.transport(&flags(&[]));
    let cookies: Vec<_> = own.auth.cookies.iter().map(|c| c.0.as_str()).collect();
    assert_eq!(cookies, ["all=1", "own=1"]);
    assert_eq!(own.auth.user.unwrap().0, "u:p");
    assert!(own.auth.bearer.is_none() && own.tls.insecure);
    assert_eq!(own.tls.cert.unwrap().to_str(), Some("own.pem"));
    assert!(own.tls.key.is_none(), "a key belongs to its certificate");
    assert_eq!(own.subprotocols, ["own"]);
    assert_eq!(own.max_time, Some(Duration::from_secs(120)));
    let common = b.settings.transport(&flags(&[]));
    assert_eq!(common.auth.bearer.unwrap().0, "all");
    assert_eq!(common.max_time, Some(Duration::from_secs(60)));
    assert!(!common.tls.insecure && common.tls.key.is_some());
    let first = a
        .settings
        .transport(&flags(&["-s", "flag", "--bearer", "flag", "-m", "1"]));
    assert_eq!(first.subprotocols, ["flag"]);
    assert!(first.auth.user.is_none());
    assert_eq!(first.max_time, Some(Duration::from_secs(1)));
    use crate::cli::probe_origin::FailOn;
    assert_eq!(a.settings.fail_on, Some(FailOn::Critical));
    assert_eq!(b.settings.fail_on, Some(FailOn::Low));
}
