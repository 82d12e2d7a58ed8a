//! Flags of wscat, websocat and curl that mean something else here, or nothing:
//! what to write in their place.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// (a flag, what to write)
const HABITS: &[(&str, &str)] = &[
    ("-c", "wscat's -c is not needed: write 'wscli connect URL'"),
    ("--connect", "it is not needed: write 'wscli connect URL'"),
    ("-l", "to listen, write 'wscli serve -p PORT'"),
    ("--listen", "to listen, write 'wscli serve -p PORT'"),
    ("-o", "the Origin header is set by --origin URL"),
    (
        "-P",
        "pings and pongs are told by -vv, and stand in the file of --log",
    ),
    (
        "--show-ping-pong",
        "pings and pongs are told by -vv, and stand in the file of --log",
    ),
    (
        "-p",
        "the version is a header: -H 'Sec-WebSocket-Version: 13'",
    ),
    (
        "--slash",
        "the prompt always takes /ping, /close and others",
    ),
    ("--no-color", "write --color never"),
    (
        "-E",
        "the end of the input ends the run by itself, when the replies have come; -w 0 ends at once, -n N after N messages",
    ),
    (
        "--exit-on-eof",
        "the end of the input ends the run by itself, when the replies have come; -w 0 ends at once, -n N after N messages",
    ),
    (
        "--no-close",
        "to stay when the input has ended, write -w inf",
    ),
    ("--one-message", "write -1"),
    ("--max-messages", "write -n N"),
    ("-U", "to only read, write -w inf </dev/null"),
    ("--unidirectional", "to only read, write -w inf </dev/null"),
    ("-t", "messages are sent as text, unless --binary says so"),
    (
        "--text",
        "messages are sent as text, unless --binary says so",
    ),
    (
        "--ping-interval",
        "write --keep-alive ping --keep-alive-interval DURATION",
    ),
    (
        "--ping-timeout",
        "write --keep-alive ping --keep-alive-timeout DURATION",
    ),
    ("-B", "write --max-message-size BYTES"),
    ("--buffer-size", "write --max-message-size BYTES"),
    (
        "--retry",
        "to wait for the server, write --wait-up DURATION",
    ),
    ("-d", "messages are sent by -x MESSAGE, or from the input"),
    (
        "--data",
        "messages are sent by -x MESSAGE, or from the input",
    ),
];

/// Puts what to write into the error about a flag that `connect` does not have.
pub(crate) fn explain(mut error: Error) -> Error {
    if error.kind() != ErrorKind::UnknownArgument || !is_of_connect(&error) {
        return error;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let habit = HABITS.iter().find(|(habit, _)| habit == flag);
    if let Some((_, tip)) = habit {
        error.remove(ContextKind::SuggestedArg);
        let tip = ContextValue::StyledStrs(vec![(*tip).into()]);
        error.insert(ContextKind::Suggested, tip);
    }
    error
}

fn is_of_connect(error: &Error) -> bool {
    match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string().contains("wscli connect"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn told(arguments: &[&str]) -> String {
        let arguments = [&["wscli"], arguments].concat();
        let error = Cli::try_parse_from(arguments).unwrap_err();
        explain(error).render().to_string()
    }

    #[test]
    fn habits_of_wscat_and_websocat_are_told_what_to_write() {
        for (flag, tip) in HABITS {
            let told = told(&["connect", flag, "ws://h"]);
            assert!(told.contains(&format!("tip: {tip}")), "{flag}: {told}");
            assert_eq!(told.matches("tip:").count(), 1, "{told}");
        }
        // Elsewhere such a flag may mean something else.
        assert!(!told(&["serve", "-c", "x"]).contains("wscat"));
        let count = told(&["connect", "-n", "ws://h"]);
        assert!(count.contains("-k") && count.contains("-w 0"), "{count}");
    }

    #[test]
    fn words_of_wscat_and_websocat_that_mean_the_same_are_taken() {
        for flags in [
            &["--no-check"][..],
            &["--auth", "u:p"],
            &["--basic-auth", "u:p"],
            &["--cert", "c", "--passphrase", "p"],
        ] {
            let arguments = [&["wscli", "connect", "ws://h"], flags].concat();
            assert!(Cli::try_parse_from(arguments).is_ok(), "{flags:?}");
        }
    }
}
