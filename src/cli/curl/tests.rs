//! Browsers' command lines, and round trips.

use clap::Parser;
use proptest::prelude::*;

use super::*;
use crate::cli::transport::TransportArgs;
use crate::connection::Target;

const CHROME_BASH: &str = r"curl 'wss://echo.example/ws?token=1' \
  -H 'Upgrade: websocket' \
  -H 'Origin: https://app.example' \
  -H 'Cache-Control: no-cache' \
  -H 'Accept-Language: en-US,en;q=0.9' \
  -H 'Pragma: no-cache' \
  -b $'session=a\u0021b; theme=dark' \
  -H 'Connection: Upgrade' \
  -H 'Sec-WebSocket-Key: 2pYxVV8PIrOxfIM9xmwCsA==' \
  -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64)' \
  -H 'Sec-WebSocket-Version: 13' \
  -H 'Sec-WebSocket-Protocol: graphql-ws, json' \
  -H 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'";

const CHROME_CMD: &str = "curl ^\"wss://echo.example/ws?token=1^\" ^\r\n  \
  -H ^\"Upgrade: websocket^\" ^\r\n  -H ^\"Origin: https://app.example^\" ^\r\n  \
  -b ^\"session=a^!b; theme=dark^\" ^\r\n  -H ^\"Connection: Upgrade^\" ^\r\n  \
  -H ^\"Sec-WebSocket-Version: 13^\"";

const FIREFOX: &str = "curl 'https://echo.example/ws' --compressed --http1.1 \
  -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)' -H 'Accept: */*' \
  -H 'Accept-Language: en-US,en;q=0.5' -H 'Accept-Encoding: gzip, deflate, br, zstd' \
  -H 'Sec-WebSocket-Version: 13' -H 'Origin: https://app.example' \
  -H 'Sec-WebSocket-Extensions: permessage-deflate' \
  -H 'Sec-WebSocket-Key: 7EoPXWYSWgmXZ2OnFX4nrg==' -H 'DNT: 1' \
  -H 'Connection: keep-alive, Upgrade' -H 'Cookie: session=ab' \
  -H 'Sec-Fetch-Dest: empty' -H 'Sec-Fetch-Mode: websocket' \
  -H 'Pragma: no-cache' -H 'Cache-Control: no-cache' -H 'Upgrade: websocket'";

fn from(text: &str) -> Result<Translated, CurlError> {
    translate(&split(text)?)
}

#[test]
fn what_chrome_copies() {
    let expected = [
        "--origin=https://app.example",
        "--header=Cache-Control: no-cache",
        "--header=Accept-Language: en-US,en;q=0.9",
        "--header=Pragma: no-cache",
        "--cookie=session=a!b; theme=dark",
        "--user-agent=Mozilla/5.0 (X11; Linux x86_64)",
        "--subprotocol=graphql-ws",
        "--subprotocol=json",
        "--compress=permessage-deflate; client_max_window_bits",
        "wss://echo.example/ws?token=1",
    ];
    let translated = from(CHROME_BASH).unwrap();
    assert_eq!(translated.arguments, expected);
    assert!(translated.warnings.is_empty());
    parse(&translated.arguments);
    assert_eq!(
        from(CHROME_CMD).unwrap().arguments,
        [expected[0], expected[4], expected[9]]
    );
}

#[test]
fn what_firefox_copies() {
    let translated = from(FIREFOX).unwrap();
    assert_eq!(
        translated.arguments,
        [
            "--user-agent=Mozilla/5.0 (X11; Linux x86_64; rv:128.0)",
            "--header=Accept: */*",
            "--header=Accept-Language: en-US,en;q=0.5",
            "--origin=https://app.example",
            "--compress=permessage-deflate",
            "--header=DNT: 1",
            "--header=Cookie: session=ab",
            "--header=Sec-Fetch-Dest: empty",
            "--header=Sec-Fetch-Mode: websocket",
            "--header=Pragma: no-cache",
            "--header=Cache-Control: no-cache",
            "https://echo.example/ws",
        ]
    );
    parse(&translated.arguments);
}

#[test]
fn flags_of_curls_own() {
    for (text, expected) in [
        ("curl ws://h", &["ws://h"][..]),
        (
            "/usr/bin/curl -sSLk4 --url h",
            &["--location", "--insecure", "--ipv4", "h"],
        ),
        ("curl -HX:1 -uu:p h", &["--header=X:1", "--user=u:p", "h"]),
        (
            "curl -x p:1 -U 'u:p@' h",
            &["--proxy=http://u:p%40@p:1", "h"],
        ),
        (
            "curl -U u:p --socks5-hostname s:1 h",
            &["--proxy=socks5h://u:p@s:1", "h"],
        ),
        ("curl -H 'Host: h:1' ws://h:1", &["ws://h:1"]),
        ("curl -H 'Host: x' ws://h", &["--header=Host: x", "ws://h"]),
        (
            "curl -H 'Origin:' -H 'X;' h",
            &["--header=Origin:", "--header=X;", "h"],
        ),
        ("curl -H @file -X GET h", &["--header=@file", "h"]),
        (
            "curl --oauth2-bearer t -e r h",
            &["--bearer=t", "--header=Referer: r", "h"],
        ),
        ("curl --max-redirs=3 h", &["--max-redirs=3", "h"]),
        (
            "curl -H 'Sec-WebSocket-Version: 8' h",
            &["--header=Sec-WebSocket-Version: 8", "h"],
        ),
    ] {
        assert_eq!(from(text).unwrap().arguments, expected, "{text}");
    }
    for (text, warning) in [
        (
            "curl -o f h",
            "curl's flag '-o' means nothing here; it is left out",
        ),
        (
            "curl -U u h",
            "curl's flag '--proxy-user' has no '--proxy' beside it; it is left out",
        ),
        (
            "curl -H 'Sec-WebSocket-Extensions: x-other' h",
            "the extension offer 'x-other' is not known here; it is left out",
        ),
    ] {
        assert_eq!(from(text).unwrap().warnings, [warning]);
    }
}

#[test]
fn what_cannot_be_taken_over_is_named() {
    for (text, message) in [
        (
            "wget h",
            "that is no curl command: it does not start with 'curl'",
        ),
        ("curl", "the curl command has no URL; is it complete?"),
        (
            "curl a b",
            "the curl command has more than one URL; give one",
        ),
        (
            "curl h -H",
            "curl's flag '-H' needs a value; is the command complete?",
        ),
        (
            "curl h --frobnicate",
            "curl's flag '--frobnicate' is not known here; remove it from the curl command",
        ),
        (
            "curl h -sZ",
            "curl's flag '-Z' is not known here; remove it from the curl command",
        ),
        (
            "curl h -d x",
            "curl's flag '-d' cannot be taken over: an opening handshake has no body",
        ),
        (
            "curl h -X POST",
            "curl's flag '-X' cannot be taken over: an opening handshake is a GET request",
        ),
        (
            "curl 'h",
            "a quote (') of the curl command is not closed; is it complete?",
        ),
    ] {
        assert_eq!(from(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn the_command_may_be_one_word_many_words_or_a_file() {
    let expanded = |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        expand(&arguments, |path| {
            assert_eq!(path, "file");
            Ok("curl \\\n ws://f".into())
        })
        .unwrap()
        .arguments
        .join(" ")
    };
    for (given, expected) in [
        (&["wscli", "connect", "ws://h"][..], "wscli connect ws://h"),
        (
            &[
                "wscli",
                "connect",
                "-v",
                "--from-curl",
                "curl -k ws://h",
                "-x",
                "hi",
            ],
            "wscli connect --insecure ws://h -v -x hi",
        ),
        (
            &[
                "wscli",
                "connect",
                "-v",
                "--from-curl",
                "curl",
                "-k",
                "ws://h",
            ],
            "wscli connect --insecure ws://h -v",
        ),
        (
            &["wscli", "connect", "--from-curl=@file", "-v"],
            "wscli connect ws://f -v",
        ),
        (
            &["wscli", "-v", "connect", "--from-curl", "@file"],
            "wscli -v connect ws://f",
        ),
        (
            &["wscli", "connect", "--from-curl"],
            "wscli connect --from-curl",
        ),
        (
            &["wscli", "connect", "--", "--from-curl", "curl x"],
            "wscli connect -- --from-curl curl x",
        ),
    ] {
        assert_eq!(expanded(given), expected);
    }
}

#[derive(Debug, Parser)]
#[command(args_override_self = true)]
struct Flags {
    url: String,
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    transport: TransportArgs,
}

fn parse(arguments: &[String]) -> Flags {
    let program = std::iter::once("wscli".to_owned());
    let arguments = program.chain(arguments.iter().cloned());
    Flags::try_parse_from(arguments).unwrap_or_else(|error| panic!("{error}"))
}

fn printed(flags: &Flags) -> String {
    let target: Target = flags.url.parse().unwrap();
    print(&flags.url, &target, &flags.transport).command
}

#[test]
fn the_printed_command_is_one_for_a_shell() {
    let flags = parse(
        &[
            "ws://u:p%40@h:1/x?y=1&z",
            "--origin=http://o",
            "-sa",
            "-sb",
            "-Hx: it's",
            "-u",
            "me:pw",
            "-L",
        ]
        .map(str::to_owned),
    );
    assert_eq!(
        printed(&flags),
        "curl 'http://u:p%40@h:1/x?y=1&z' \\\n  --include --no-buffer --http1.1 \\\n  \
         --header 'Connection: Upgrade' \\\n  --header 'Upgrade: websocket' \\\n  \
         --header 'Sec-WebSocket-Version: 13' \\\n  \
         --header 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' \\\n  \
         --header 'Origin: http://o' \\\n  --header 'Sec-WebSocket-Protocol: a, b' \\\n  \
         --header 'x: it'\\''s' \\\n  --user me:pw \\\n  --connect-timeout 30 \\\n  \
         --location \\\n  --max-redirs 50"
    );
}

const PIN: &str = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/// Flags whose order does not matter, in the order in which they come back.
fn arguments() -> impl Strategy<Value = Vec<String>> {
    let text = "[!-~][ -~é\u{1F600}]{0,12}[!-~]";
    let flag = |name: &'static str, value: BoxedStrategy<String>| {
        prop::option::of(value.prop_map(move |value| format!("{name}={value}")))
    };
    let many = |name: &'static str, value: BoxedStrategy<String>| {
        let value = value.prop_map(move |value| format!("{name}={value}"));
        prop::collection::vec(value, 0..3)
    };
    let switch = |name: &'static str| prop::option::of(Just(name.to_owned()));
    let texts = (
        flag("--origin", text.boxed()),
        flag("--user-agent", text.boxed()),
        many("--subprotocol", "[a-z]{1,8}".boxed()),
        flag("--user", text.boxed()),
        many("--cookie", text.boxed()),
        many("--header", "X-[a-z]{1,5}: [!-~][ -~é]{0,9}[!-~]".boxed()),
        flag("--proxy", text.boxed()),
        flag("--noproxy", text.boxed()),
    );
    let rest = (
        flag(
            "--resolve",
            "[a-z]{1,5}:[1-9][0-9]{0,3}:10\\.0\\.0\\.[1-9]".boxed(),
        ),
        flag(
            "--connect-to",
            "[a-z]{0,5}:[1-9]{0,3}:[a-z]{0,5}:[1-9]{0,3}".boxed(),
        ),
        flag("--interface", "[a-z]{1,5}".boxed()),
        flag("--max-time", "[1-9][0-9]{0,3}(\\.[1-9])?".boxed()),
        flag("--netrc-file", text.boxed()),
        flag("--compress", "(client_no_context_takeover)?".boxed()),
        switch("--netrc"),
        switch("--location"),
        switch("--ipv6"),
    );
    let tls = (
        flag("--cacert", text.boxed()),
        flag("--tls-max", "1\\.[23]".boxed()),
        flag("--pinnedpubkey", Just(PIN.to_owned()).boxed()),
        flag("--proxy-cacert", text.boxed()),
        switch("--insecure"),
        switch("--tlsv1.3"),
        switch("--proxy-insecure"),
    );
    let url =
        "(ws|wss)://([a-z]{1,4}:[a-z]{1,4}@)?[a-z]{1,8}(:[1-9][0-9]{0,3})?/[a-z!$'()*,;?]{0,9}";
    (texts, rest, tls, url).prop_map(|(t, r, s, url)| {
        let options = [
            t.0, t.1, t.3, t.6, t.7, r.0, r.1, r.2, r.3, r.4, r.5, r.6, r.7, r.8, s.0, s.1, s.2,
            s.3, s.4, s.5, s.6,
        ];
        let lists = [t.2, t.4, t.5];
        let flags = options.into_iter().flatten();
        flags
            .chain(lists.into_iter().flatten())
            .chain([url])
            .collect()
    })
}

proptest! {
    #[test]
    fn what_is_printed_means_the_same(arguments in arguments()) {
        let given = parse(&arguments);
        let line = printed(&given);
        let back = parse(&from(&line).unwrap().arguments);
        let target = |flags: &Flags| flags.url.parse::<Target>().unwrap();
        prop_assert_eq!(target(&given), target(&back));
        prop_assert_eq!(
            format!("{:?}", given.transport),
            format!("{:?}", back.transport)
        );
        // Debug shows no secrets; the command does.
        prop_assert_eq!(printed(&back), line);
    }
}

#[test]
fn what_people_paste_around_a_curl_command_is_understood() {
    let url = "http://h/x";
    for text in [
        "$ curl http://h/x",
        "curl http://h/x | jq .",
        "curl http://h/x > out 2>&1",
        "curl http://h/x 2>/dev/null",
        "curl http://h/x; echo done",
        "curl http://h/x && echo done",
        "curl `\r\n  http://h/x",
        "curl --retry-connrefused http://h/x",
    ] {
        let words = split(text).unwrap();
        let found = translate(&words).unwrap();
        assert_eq!(found.arguments, [url], "{text}");
    }
    let words = split("curl --cert-type P12 http://h/?a=1&b=2").unwrap();
    assert_eq!(translate(&words).unwrap().arguments, ["http://h/?a=1&b=2"]);
}

#[test]
fn a_variable_of_a_shell_is_not_sent_as_it_stands() {
    for text in [
        r#"curl -H "Authorization: Bearer $TOKEN" http://h/"#,
        r"curl -u u:${TOKEN} http://h/",
    ] {
        let error = split(text).unwrap_err().to_string();
        assert!(error.contains("the variable $TOKEN,"), "{error}");
    }
    let words = split(r#"curl 'http://h/$a' -H "A: \$b $ 5""#).unwrap();
    assert_eq!(words, ["curl", "http://h/$a", "-H", "A: $b $ 5"]);
}
