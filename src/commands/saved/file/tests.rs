use super::*;
use crate::commands::toml_file::line_of;

fn look(text: &str, name: Option<&str>, defaults: bool) -> Result<Found, (usize, String)> {
    let variable = |name: &str| match name {
        "TOKEN" => Some("s3cret-token".to_owned()),
        "BROKEN" => Some("s3cret\nbroken".to_owned()),
        "PORT" => Some("5000".to_owned()),
        _ => None,
    };
    find(text, name, defaults, &variable).map_err(|wrong| {
        let line = wrong.span.map_or(0, |span| line_of(text, span.start));
        (line, wrong.why)
    })
}

fn words(found: &Found) -> Vec<&str> {
    found.words.iter().map(|word| word.text.as_str()).collect()
}

#[test]
fn a_target_is_a_url_and_flags() {
    let text = "[defaults]\npretty = true\ncolor = 'never'\n\
        [target.other]\nurl = 'ws://${NOT_SET}/'\nno-such-flag = 1\n\
        [target.staging]\nurl = 'wss://h:${PORT}/ws'\nheaders = ['X-A: 1', 'x-b: 2']\n\
        bearer = '${TOKEN}'\nconnect_timeout = 2.5\nmax-redirs = -1\nlocation = true\n\
        ipv4 = false\ncompress = true\nproxy = ''\nsubprotocols = 'a'\n";
    let found = look(text, Some("staging"), false).unwrap();
    assert_eq!(found.url.as_deref(), Some("wss://h:5000/ws"));
    let mut expected = [
        "--header=X-A: 1",
        "--header=x-b: 2",
        "--bearer=s3cret-token",
        "--connect-timeout=2.5",
        "--max-redirs=-1",
        "--location",
        "--compress",
        "--proxy=",
        "--subprotocol=a",
    ];
    expected.sort_unstable();
    let mut given = words(&found);
    given.sort_unstable();
    assert_eq!(given, expected);
    let headers = found.words.iter().filter_map(|word| word.header.as_deref());
    assert_eq!(headers.collect::<Vec<_>>(), ["x-a", "x-b"]);
    assert_eq!(found.secrets, ["s3cret-token"]);
    let mut both = look(text, Some("staging"), true).unwrap().words.len();
    both -= expected.len();
    assert_eq!(both, 2);
    let defaults = look(text, None, true).unwrap();
    assert_eq!(defaults.url, None);
    assert_eq!(words(&defaults).len(), 2);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_without_a_secret() {
    let head = "[target.a]\nurl = 'ws://h/'\n";
    for (text, line, part) in [
        ("[target", 1, ""),
        ("", 0, "there is no target '@a' in it; it has none"),
        ("[target.b]\n[target.c]\n", 0, "there are @b, @c"),
        ("[targets.a]\n", 1, "'targets' is not known here"),
        ("\ntarget = 1\n", 2, "write [defaults] or [target.NAME]"),
        ("[target]\na = 'ws://h/'\n", 2, "write [target.a]"),
        ("[target.a]\n", 1, "'@a' has no url"),
        ("[target.a]\nurl = 1\n", 2, "url is a text"),
        ("[target.a]\nurl = 'ftp://h/'\n", 2, "url: "),
        (
            "[target.a]\nurl = 'ws://u:s3cret@h/'\n",
            2,
            "url holds a secret",
        ),
        (&format!("{head}bearer = 's3cret'\n"), 3, "write ${NAME}"),
        (
            &format!("{head}headers = ['X: 1',\n 'Authorization: s3cret']\n"),
            3,
            "header holds a secret",
        ),
        (
            &format!("{head}header = '${{TOKEN}}'\n"),
            3,
            "header: what the environment",
        ),
        (
            &format!("{head}header = 'X: ${{BROKEN}}'\n"),
            3,
            "header: what the environment",
        ),
        (
            &format!("{head}header = 'x'\n"),
            3,
            "is written 'Name: value'",
        ),
        (
            &format!("{head}subprotocol = 'bearer, ${{TOKEN}}'\n"),
            3,
            "what the environment",
        ),
        (
            &format!("{head}bearer = '${{NOT_SET}}'\n"),
            3,
            "'NOT_SET' is not set",
        ),
        (
            &format!("{head}insecure = true\n"),
            3,
            "write --insecure on the command line",
        ),
        (
            &format!("{head}proxy_insecure = true\n"),
            3,
            "write --proxy-insecure",
        ),
        (
            &format!("{head}log-secrets = true\n"),
            3,
            "write --log-secrets",
        ),
        (
            &format!("{head}pretty = true\n"),
            3,
            "'pretty' is not a flag of how to reach",
        ),
        (
            &format!("{head}connect-timeout = 'soon'\n"),
            3,
            "connect-timeout: ",
        ),
        (
            &format!("{head}connect-timeout = true\n"),
            3,
            "a text or a number",
        ),
        (
            &format!("{head}location = 'yes'\n"),
            3,
            "location is true or false",
        ),
        (
            &format!("{head}headers = [1]\n"),
            3,
            "header is a list of texts",
        ),
        (
            &format!("{head}ipv4 = true\nipv6 = true\n"),
            4,
            "keep one of them",
        ),
        (&format!("{head}key = '/k'\n"), 3, "--cert"),
        (
            "[defaults]\nlog = 'x'\n",
            2,
            "there are color, decode, include, pretty",
        ),
        (
            "[defaults]\ncolor = 'sometimes'\n",
            2,
            "possible values: auto",
        ),
    ] {
        let (at, why) = look(text, Some("a"), true).unwrap_err();
        assert_eq!(at, line, "{text}: {why}");
        assert!(why.contains(part), "{text}: {why}");
        assert!(!why.contains("s3cret"), "{why}");
    }
}
