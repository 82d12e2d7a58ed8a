use super::*;

fn head(text: &str) -> RawHead {
    RawHead::new(Bytes::copy_from_slice(text.as_bytes()))
}

fn shown(text: &str) -> String {
    Secrets::default().head(&head(text))
}

#[test]
fn a_head_keeps_its_shape_and_loses_its_secrets() {
    let given = "GET /ws?a=1&token=s3cret HTTP/1.1\r\nHost: h\r\nAUTHORIZATION: Basic dTpw\r\n\
        Cookie:a=1; b=2\r\nX-A:b:c\r\nproxy-authorization:tok\r\n dTpw\r\n\tmore\r\n\
        X-B: c\r\n folded\r\nX-Api-Key: k\r\nEmpty:\r\n\r\n";
    let expected = "GET /ws?a=1&token=[redacted] HTTP/1.1\r\nHost: h\r\n\
        AUTHORIZATION: Basic [redacted]\r\nCookie: [redacted]\r\nX-A: b:c\r\n\
        proxy-authorization: [redacted]\r\n\
        X-B: c\r\n folded\r\nX-Api-Key: [redacted]\r\nEmpty:\r\n\r\n";
    assert_eq!(shown(given), expected);
    assert_eq!(Secrets::shown().head(&head(given)), given);
}

#[test]
fn the_lines_of_a_head_end_by_lf_or_cr_alone_too() {
    for end in ["\n", "\r\n", "\r"] {
        let given =
            format!("HTTP/1.1 101 OK{end}Set-Cookie: s=SESAME{end} SESAME{end}A: b{end}{end}");
        let expected = format!("HTTP/1.1 101 OK{end}Set-Cookie: [redacted]{end}A: b{end}{end}");
        assert_eq!(shown(&given), expected, "{end:?}");
    }
}

#[test]
fn what_only_looks_like_a_folded_line_is_a_header() {
    let given = "HTTP/1.1 101 OK\r\nA: b\r\n Set-Cookie: SESAME\r\nSet-Cookie : SESAME\r\n\r\n";
    assert!(!shown(given).contains("SESAME"), "{}", shown(given));
}

#[test]
fn a_token_in_a_subprotocol_or_a_location_goes() {
    for given in [
        "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: bearer, SESAME\r\n\r\n",
        "HTTP/1.1 302 No\r\nLocation: ws://u:SESAME@h/?ticket=SESAME\r\n\r\n",
        "HTTP/1.1 403 token=SESAME\r\n\r\n",
    ] {
        let safe = shown(given);
        assert!(
            !safe.contains("SESAME") && safe.contains(REDACTED),
            "{safe}"
        );
    }
}

#[test]
fn a_token_in_the_place_of_a_subprotocol_goes_however_it_looks() {
    let secrets = Secrets::default();
    for (list, expected) in [
        ("bearer, SECRETxyz", "bearer, [redacted]"),
        (
            "graphql-ws, Bearer, mytoken1",
            "graphql-ws, Bearer, [redacted]",
        ),
        ("jwt, SECRETxyz, v1", "jwt, [redacted], v1"),
        ("bearer, token, abc", "bearer, token, [redacted]"),
        ("access_token.SECRETxyz", "access_token.[redacted]"),
        ("auth-SECRETxyz", "auth-[redacted]"),
        ("token-SECRETxyz, chat", "token-[redacted], chat"),
        ("auth-v1", "auth-v1"),
        ("token-protocol", "token-protocol"),
        ("graphql-transport-ws", "graphql-transport-ws"),
        ("v12.stomp, mqtt, ocpp1.6", "v12.stomp, mqtt, ocpp1.6"),
    ] {
        assert_eq!(secrets.subprotocols(list), expected, "{list}");
    }
}

#[test]
fn a_secret_that_looks_like_a_scheme_is_not_shown() {
    let secrets = Secrets::default();
    for (name, value, expected) in [
        ("Cookie", "secret value", REDACTED),
        ("Authorization", "secret", REDACTED),
        ("Authorization", "secret word", REDACTED),
        ("Authorization", "Bearer abc", "Bearer [redacted]"),
        ("X-Other", "abc", "abc"),
    ] {
        assert_eq!(secrets.header(name, value), expected, "{name}: {value}");
    }
}

#[test]
fn a_known_secret_is_removed_wherever_it_turns_up() {
    let known = [
        in_header("Cookie", "a=1; sid=c00kie-value"),
        in_header("Authorization", "Bearer b3arer"),
        in_header("Authorization", "Basic dTp1cmxwNHNz"),
        in_header("Sec-WebSocket-Protocol", "bearer, pr0tocol"),
        in_resource("/ws?room=1&access_token=qu%65ry-secret"),
        in_text(r#"{"token":"m3ssage-t0ken"}"#),
    ];
    let secrets = Secrets::default().and_known(known.concat());
    for text in [
        "you sent c00kie-value",
        "hello b3arer",
        "{\"echo\":\"pr0tocol\"}",
        "urlp4ss",
        "GET /ws?x=qu%65ry-secret HTTP/1.1",
        "decoded query-secret",
        "m3ssage-t0ken",
    ] {
        let safe = secrets.text(text);
        assert!(safe.contains(REDACTED), "{text} -> {safe}");
        assert_eq!(secrets.clone().show_if(true).text(text), text);
    }
    assert_eq!(secrets.text("room=1 is no secret"), "room=1 is no secret");
}

#[test]
fn a_text_that_was_cut_inside_a_secret_does_not_show_its_beginning() {
    let token = "tok0123456789abcdef0123456789abcdef01234";
    let secrets =
        Secrets::default().and_known(in_header("Authorization", &format!("Bearer {token}")));
    for length in MIN_SECRET_BYTES..=token.len() {
        let part = &token[..length];
        let goes =
            |shown: &str| shown.contains(REDACTED) && !shown.contains(&part[..part.len().min(6)]);
        if length >= 6 {
            let heads = [
                "HTTP/1.1 401 No\r\nX-Echo: ",
                "220 ",
                "HTTP/1.1 401 No\r\nA: b\r\n ",
            ];
            for start in heads {
                let shown = secrets.head(&head(&format!("{start}{part}")));
                assert!(goes(&shown), "{shown}");
            }
            assert!(goes(&secrets.cut_text(&format!("you sent {part}"))));
            let reason = format!("{}{part}", "z".repeat(123 - length));
            assert!(goes(&secrets.reason(&reason)), "{reason}");
            for sentence in [
                format!("it begins with \"220 {part}…\""),
                format!("it begins with \"220 {part}\""),
                format!("it gets Close 4001 'no {part}…': is it missing, as in \"220 {part}…\"?"),
            ] {
                assert!(goes(&secrets.text(&sentence)), "{sentence}");
            }
        }
        // However it is cut by us.
        let echoed = format!("{}{token} and more", "x".repeat(100 - length));
        let shown = secrets.beginning(echoed.as_bytes(), 100);
        assert!(!shown.contains("tok0") && shown.ends_with("..."), "{shown}");
        assert!(shown.len() <= 103);
        assert_eq!(
            secrets
                .clone()
                .show_if(true)
                .beginning(part.as_bytes(), 100),
            part
        );
    }
    for whole in ["HTTP/1.1 401 say tok0123\r\n\r\n", "A: b\n\n"] {
        assert_eq!(secrets.head(&head(whole)), whole);
    }
    assert_eq!(secrets.cut_text("say Bearer"), "say Bearer");
    assert_eq!(secrets.reason("a short tok0123"), "a short tok0123");
    assert_eq!(secrets.clone().show_if(true).cut_text("tok0123"), "tok0123");
}

#[test]
fn a_secret_of_a_url_within_a_url_is_known_by_itself() {
    fn encoded(text: &str) -> String {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }
    let inner = "http://user:pa55%2Fword@h/hook/x7Kq9ZtR2mWc4LpV8sYb3NdF?a=1&password=SECRET%20xyz";
    let path = "/back?api_key=relative-key";
    let form = "token=form-t0ken&b=1";
    let mut nested = [inner, path, form].map(encoded);
    for depth in 1..=3 {
        let resource = format!(
            "/ws?room=red&next={}&b={}&c={}",
            nested[0], nested[1], nested[2]
        );
        let secrets = Secrets::default().and_known(in_resource(&resource));
        for secret in [
            "SECRET xyz",
            "SECRET%20xyz",
            "pa55/word",
            "pa55%2Fword",
            "x7Kq9ZtR2mWc4LpV8sYb3NdF",
            "relative-key",
            "form-t0ken",
        ] {
            let safe = secrets.text(&format!("no {secret} here"));
            assert_eq!(safe, "no [redacted] here", "{depth} {resource}");
        }
        assert_eq!(
            secrets.text("room red of user at h"),
            "room red of user at h"
        );
        let shown = secrets.url(&format!("ws://h{resource}"));
        assert_eq!(
            shown,
            "ws://h/ws?room=red&next=[redacted]&b=[redacted]&c=[redacted]"
        );
        nested = nested.map(|text| encoded(&format!("ws://h/?u={text}")));
    }
    // Bounded, however deep it is.
    let mut deep = "token=SESAME".to_owned();
    for _ in 0..12 {
        deep = encoded(&format!("http://h/?u={deep}"));
    }
    let _ = in_resource(&format!("/?u={deep}"));
    let _ = Secrets::default().text(&format!("/?u={}", "%25".repeat(20_000) + "%3D"));
}

#[test]
fn of_known_secrets_the_longest_goes_whole_and_the_shortest_are_no_secrets() {
    let known = ["abcd", "abcdefgh", "qrs"].map(str::to_owned);
    let secrets = Secrets::default().and_known(known);
    for (text, expected) in [
        ("an abcdefgh!", "an [redacted]!"),
        ("an abcd!", "an [redacted]!"),
        ("a qrs!", "a qrs!"),
    ] {
        assert_eq!(secrets.text(text), expected);
    }
}

#[test]
fn what_is_named_like_a_secret_in_a_text_goes() {
    let secrets = Secrets::default();
    for (text, expected) in [
        (
            r#"{"access_token": "fresh one", "key": "abcdef"}"#,
            r#"{"access_token": "[redacted]", "key": "abcdef"}"#,
        ),
        ("Bearer abcdefgh!", "Bearer [redacted]!"),
        ("bearer of news", "bearer of news"),
        (
            "to 'ws://u:p@h/?pwd=x': no",
            "to 'ws://[redacted]@h/?pwd=[redacted]': no",
        ),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "[redacted]"),
        ("'a' expected, 'b' found", "'a' expected, 'b' found"),
        (
            r#"Bearer realm="wide open", token="SESAME""#,
            r#"Bearer realm="wide open", token="[redacted]""#,
        ),
        ("to //u:SESAME@h/; -L", "to //[redacted]@h/; -L"),
        ("to http:/u:SESAME@h/; -L", "to http:/[redacted]@h/; -L"),
        ("to http://SESAME@h/; -L", "to http://[redacted]@h/; -L"),
        (r"to \\u:SESAME@h/; -L", r"to \\[redacted]@h/; -L"),
        ("mail a@b.c, see http://h/@x", "mail a@b.c, see http://h/@x"),
    ] {
        assert_eq!(secrets.text(text), expected);
    }
}

#[test]
fn debug_shows_no_secret() {
    let secrets = Secrets::default().and_known(["SESAME".to_owned()]);
    let text = format!("{secrets:?} {:?}", head("Cookie: SESAME"));
    assert!(!text.contains("SESAME"), "{text}");
}

proptest::proptest! {
    /// Pieces of secrets beside all that ends a text or a preview, in any order.
    #[test]
    fn no_order_of_cut_secrets_and_previews_shows_one(
        pieces in proptest::collection::vec(0..14usize, 0..12),
    ) {
        let known = ["SESAME-äöü…\"-open", "other…'secret", "SESAME-ä"];
        let secrets = Secrets::default().and_known(known.map(ToOwned::to_owned));
        let parts = [
            "SESAME-äöü…\"-open", "SESAME-äöü", "SESAME-ä", "other…'sec", "other…", "other…'secret",
            "…\"", "…'", "…", "\"", " x ", "\u{fffd}", "\r\n", "A: b",
        ];
        let text: String = pieces.iter().map(|piece| parts[*piece]).collect();
        for shown in [
            secrets.text(&text),
            secrets.cut_text(&text),
            secrets.reason(&text),
            secrets.beginning(text.as_bytes(), 20),
            secrets.head(&head(&text)),
        ] {
            for secret in known {
                proptest::prop_assert!(!shown.contains(secret), "{} -> {}", text, shown);
            }
        }
    }
}
