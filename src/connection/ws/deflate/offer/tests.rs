use super::*;

fn offer(value: &str) -> Offer {
    value.parse().expect("the test's offer is valid")
}

#[test]
fn an_offer_is_written_as_it_is_read() {
    for (value, header) in [
        ("", "permessage-deflate"),
        ("permessage-deflate", "permessage-deflate"),
        (
            "client_max_window_bits",
            "permessage-deflate; client_max_window_bits",
        ),
        (
            "client_no_context_takeover; server_max_window_bits=10",
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=10",
        ),
        (
            "client_max_window_bits=9,server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=9",
        ),
    ] {
        assert_eq!(offer(value).to_string(), header);
        assert_eq!(offer(header), offer(value));
    }
    assert_eq!(offer("client_max_window_bits"), Offer::browser());
}

#[test]
fn a_bad_offer_says_what_is_wrong() {
    for (value, message) in [
        (
            "server_max_window_bits=8",
            "`server_max_window_bits=8` is not supported, since zlib has no window that small; use 9 to 15",
        ),
        (
            "client_max_window_bits=8",
            "`client_max_window_bits=8` is not supported, since zlib has no window that small; use 9 to 15",
        ),
        (
            "server_max_window_bits",
            "the parameter `server_max_window_bits` needs a value, 8 to 15",
        ),
        (
            "server_max_window_bits=010",
            "`010` is no value for `server_max_window_bits`, which takes 8 to 15",
        ),
        (
            "client_max_window_bits=16",
            "`16` is no value for `client_max_window_bits`, which takes 8 to 15",
        ),
        (
            "client_no_context_takeover=1",
            "the parameter `client_no_context_takeover` takes no value, but has `1`",
        ),
        (
            "client_no_context_takeover,client_no_context_takeover",
            "the parameter `client_no_context_takeover` occurs twice",
        ),
        (
            "client_max_window_bits;client_max_window_bits=10",
            "the parameter `client_max_window_bits` occurs twice",
        ),
        ("level=9", "permessage-deflate has no parameter `level`"),
        ("a b", "`a b` is not a list of extensions"),
    ] {
        let error = value.parse::<Offer>().expect_err(value);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn an_answer_within_the_offer_is_accepted() {
    let none = Params::default();
    for (offered, answer, expected) in [
        ("", "permessage-deflate", none),
        (
            "",
            "permessage-deflate; server_max_window_bits=8; server_no_context_takeover",
            Params {
                server_max_window_bits: 8,
                server_no_context_takeover: true,
                ..none
            },
        ),
        (
            "",
            "permessage-deflate; client_no_context_takeover",
            Params {
                client_no_context_takeover: true,
                ..none
            },
        ),
        // Promises bind the client even when the answer is silent.
        (
            "client_no_context_takeover; client_max_window_bits=10",
            "permessage-deflate",
            Params {
                client_no_context_takeover: true,
                client_max_window_bits: 10,
                ..none
            },
        ),
        (
            "client_max_window_bits",
            "permessage-deflate; client_max_window_bits=\"8\"",
            Params {
                client_max_window_bits: 8,
                ..none
            },
        ),
        (
            "server_max_window_bits=12",
            "permessage-deflate; server_max_window_bits=12",
            Params {
                server_max_window_bits: 12,
                ..none
            },
        ),
    ] {
        assert_eq!(
            offer(offered).accept([answer]),
            Ok(Some(expected)),
            "{offered} / {answer}"
        );
    }
    assert_eq!(Offer::browser().accept([""; 0]), Ok(None));
}

#[test]
fn an_answer_beyond_the_offer_is_refused() {
    use NegotiationError as E;
    for (offered, answer, expected) in [
        ("", "x-webkit", E::NotOffered("x-webkit".to_owned())),
        ("", "permessage-deflate, permessage-deflate", E::Repeated),
        (
            "",
            "permessage-deflate; client_max_window_bits=10",
            E::NotAllowed(CLIENT_MAX_WINDOW_BITS),
        ),
        (
            "client_max_window_bits",
            "permessage-deflate; client_max_window_bits",
            E::MissingValue(CLIENT_MAX_WINDOW_BITS),
        ),
        (
            "client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=11",
            E::WindowTooLarge {
                name: CLIENT_MAX_WINDOW_BITS,
                answered: 11,
                offered: 10,
            },
        ),
        (
            "server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=11",
            E::WindowTooLarge {
                name: SERVER_MAX_WINDOW_BITS,
                answered: 11,
                offered: 10,
            },
        ),
        (
            "server_max_window_bits=10",
            "permessage-deflate",
            E::NotConfirmed(SERVER_MAX_WINDOW_BITS),
        ),
        (
            "server_no_context_takeover",
            "permessage-deflate",
            E::NotConfirmed(SERVER_NO_CONTEXT_TAKEOVER),
        ),
        (
            "",
            "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
            E::DuplicateParameter(SERVER_MAX_WINDOW_BITS),
        ),
        (
            "",
            "permessage-deflate; foo=1",
            E::UnknownParameter("foo".to_owned()),
        ),
        (
            "",
            "permessage-deflate;",
            E::Malformed("permessage-deflate;".to_owned()),
        ),
    ] {
        assert_eq!(offer(offered).accept([answer]), Err(expected), "{answer}");
    }
}
