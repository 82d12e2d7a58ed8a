//! Lines, and what they mean.

use proptest::prelude::*;

use bytes::Bytes;

use super::*;
use crate::connection::{CloseCode, CloseFrame};
use crate::decode::Decode;

fn sends(text: &str) -> Result<Command, CommandError> {
    Ok(Command::Send(Message::text(text)))
}

fn sends_bytes(bytes: &'static [u8]) -> Result<Command, CommandError> {
    Ok(Command::Send(Message::binary(bytes)))
}

#[test]
fn lines_and_what_they_mean() {
    let close = |code: u16, reason: &str| {
        let code = CloseCode::try_from(code).unwrap();
        Ok(Command::Close(CloseFrame::new(code, reason)))
    };
    for (line, command) in [
        ("", Ok(Command::Nothing)),
        ("  ", Ok(Command::Nothing)),
        (" hello ", sends(" hello ")),
        ("//x", sends("/x")),
        ("///", sends("//")),
        ("/send  two spaces ", sends(" two spaces ")),
        ("/send", sends("")),
        ("/text [", sends("[")),
        (
            "/json { \"b\" : 1,\n \"a\": 2 }",
            sends("{\"b\":1,\"a\":2}"),
        ),
        ("/hex 00 fF7f", sends_bytes(b"\x00\xff\x7f")),
        ("/hex 0x10", sends_bytes(b"\x10")),
        ("/hex 0x00,0xff", sends_bytes(b"\x00\xff")),
        ("/hex 00:ff-1, 2", sends_bytes(b"\x00\xff\x12")),
        ("/hex 0x1 0x2", sends_bytes(b"\x01\x02")),
        (r"/hex \x00\xff", sends_bytes(b"\x00\xff")),
        ("pasted\r\n", sends("pasted")),
        ("/send pasted\n", sends("pasted")),
        (r"/text a\x1e\n\\n", sends("a\u{1e}\n\\n")),
        (r#"/text {"a":"\n"}"#, sends(r#"{"a":"\n"}"#)),
        ("/text (empty)", sends("")),
        (r"/send C:\new", sends(r"C:\new")),
        ("/show", Ok(Command::Show(None))),
        ("/show #12", Ok(Command::Show(Some(12)))),
        ("/find a b", Ok(Command::Find("a b".into()))),
        ("/save 3  a b", Ok(Command::Save(3, "a b".into()))),
        ("/pretty", Ok(Command::Pretty(None))),
        ("/pretty off", Ok(Command::Pretty(Some(false)))),
        ("/decode", Ok(Command::Decode(None))),
        ("/decode auto", Ok(Command::Decode(Some(Decode::Auto)))),
        ("/exit", Ok(Command::Quit)),
        ("/quit\n", Ok(Command::Quit)),
        ("/b64 aGk=", sends_bytes(b"hi")),
        ("/file  a b.bin ", Ok(Command::SendFile("a b.bin".into()))),
        ("/resend", Ok(Command::Resend(1))),
        ("/resend 3", Ok(Command::Resend(3))),
        ("/ping", Ok(Command::Ping(Bytes::new()))),
        ("/pong a b", Ok(Command::Pong(Bytes::from_static(b"a b")))),
        ("/close", close(1000, "")),
        ("/close 4000 good  bye", close(4000, "good  bye")),
        ("/connect", Ok(Command::Connect(None))),
        (
            "/connect h:1/x ",
            Ok(Command::Connect(Some("h:1/x".into()))),
        ),
        ("/log pause", Ok(Command::Log(LogCommand::Pause))),
        (
            "/log filter off",
            Ok(Command::Log(LogCommand::Filter(None))),
        ),
        (
            "/log filter $.a",
            Ok(Command::Log(LogCommand::Filter(Some("$.a".into())))),
        ),
        (
            "/log save x y",
            Ok(Command::Log(LogCommand::Save("x y".into()))),
        ),
        ("/status ", Ok(Command::Status)),
        ("/help close", Ok(Command::Help)),
        ("/quit", Ok(Command::Quit)),
    ] {
        assert_eq!(parse(line), command, "{line}");
    }
}

#[test]
fn what_is_refused_and_how() {
    for (line, error) in [
        (
            "/nope x",
            "there is no command '/nope'; /help lists them, and //nope sends it as a message",
        ),
        (
            "/",
            "there is no command '/'; /help lists them, and // sends it as a message",
        ),
        ("/quit now", "write /quit"),
        ("/hex", "write /hex BYTES"),
        (
            "/hex 0g",
            "'g' is no hexadecimal digit; write bytes as two hexadecimal digits each, such as 00 ff 7f or 00ff7f",
        ),
        (
            "/hex 123",
            "3 digits make no whole bytes; write bytes as two hexadecimal digits each, such as 00 ff 7f or 00ff7f",
        ),
        ("/file ", "write /file PATH"),
        (
            "/show x",
            "'x' is not the number of a message; it stands behind the time, such as #3",
        ),
        ("/save 3", "write /save N PATH"),
        ("/pretty yes", "write /pretty [on|off]"),
        (
            "/decode yaml",
            "'yaml' is not a codec; write auto, json, lines, record-separator or off",
        ),
        (
            r"/text C:\dir",
            r"'\d' is not an escape; write \\ \n \r \t \0 \x1e \u001e or \u{1f44d}; /send sends backslashes as they are",
        ),
        (
            "/resend 0",
            "'0' is no number of a message; 1 is the last one sent",
        ),
        (
            "/close x",
            "'x' is no close code; use 1000 to 1003, 1007 to 1014, or 3000 to 4999",
        ),
        (
            "/close 1006",
            "close code 1006 cannot be sent; use 1000 to 1003, 1007 to 1014, or 3000 to 4999",
        ),
        (
            "/log",
            "write /log filter JSONPATH|filter off|pause|resume|save PATH|clear",
        ),
    ] {
        assert_eq!(parse(line).unwrap_err().to_string(), error, "{line}");
    }
    assert!(parse(&format!("/ping {}", "x".repeat(126))).is_err());
    assert!(parse(&format!("/close 1000 {}", "x".repeat(124))).is_err());
}

#[test]
fn an_open_bracket_goes_on() {
    for (input, unfinished) in [
        ("{", true),
        ("/json [1,", true),
        ("/send {\"a\":", true),
        ("{\n", false),
        ("/text {", false),
        ("//{", false),
        ("{}", false),
        ("{ not json", false),
    ] {
        assert_eq!(is_unfinished(input), unfinished, "{input}");
    }
}

proptest! {
    #[test]
    fn any_text_can_be_sent(text in "[^/\\s].*") {
        let sent = text.trim_end_matches(['\r', '\n']);
        prop_assert_eq!(parse(&text), sends(sent));
        let slashed = format!("//{text}");
        prop_assert_eq!(parse(&slashed), sends(&format!("/{sent}")));
        let command = format!("/send {text}");
        prop_assert_eq!(parse(&command), sends(sent));
        let command = format!("/text {}", crate::talk::escape::escape(&text));
        prop_assert_eq!(parse(&command), sends(&text));
    }

    #[test]
    fn no_line_is_a_panic(line in "(/(hex|b64|text|show|save|decode|json|close|log|ping|resend|connect|file) )?.*") {
        let _ = parse(&line);
        let _ = is_unfinished(&line);
    }
}
