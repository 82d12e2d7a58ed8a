//! Flags of wscat, websocat, curl, and for `bench` of k6 and other load generators,
//! that mean something else here, or nothing: what to write in their place.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// (a flag, what to write)
type Habit = (&'static str, &'static str);

/// (a command, its habits)
const HABITS: &[(&str, &[Habit])] = &[("connect", CONNECT), ("bench", BENCH)];

/// Those of k6, wrk2, oha, hey, ab, Locust and tcpkali.
const BENCH: &[Habit] = &[
    ("--vus", "connections are -c N"),
    ("--users", "connections are -c N"),
    ("--concurrency", "connections are -c N"),
    ("--iterations", "the number of messages in all is -n N"),
    ("--requests", "the number of messages in all is -n N"),
    ("-i", "the number of messages in all is -n N"),
    ("--rps", "messages a second in all are -r RATE"),
    ("--qps", "messages a second in all are -r RATE"),
    ("-R", "messages a second in all are -r RATE"),
    (
        "--message-rate",
        "messages a second are -r RATE in all, --rate-per-connection RATE on each",
    ),
    (
        "--stage",
        "write --stages 10s:100,30s:1000: durations and messages a second",
    ),
    ("--spawn-rate", "write --ramp-up DURATION"),
    ("-z", "how long is measured is -d DURATION"),
    ("-T", "how long is measured is -d DURATION"),
    ("--run-time", "how long is measured is -d DURATION"),
    ("-t", "write --threads N, or -d DURATION"),
    ("--timeout", "write --reply-timeout DURATION"),
    ("--out", "write --json FILE"),
    ("-o", "write --json FILE"),
    ("--summary-export", "write --json FILE"),
    ("--latency", "percentiles are told without a flag"),
    ("--insecure-skip-tls-verify", "write -k"),
    ("--no-color", "write --color never"),
];

const CONNECT: &[Habit] = &[
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

/// For what stands where a value is meant: none of them is below 0.
const NEGATIVE: &str = "durations, sizes, rates and counts are not negative";

/// Puts what to write into the error about a flag that the command does not have.
pub(crate) fn explain(mut error: Error) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let mut habits = habits_of(&error).iter();
    let habit = habits.find(|(habit, _)| habit == flag);
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let tip = match (habit, flag.strip_prefix('-')) {
        (Some((_, tip)), _) => *tip,
        (None, Some(rest)) if is_number(rest) => NEGATIVE,
        _ => return error,
    };
    error.remove(ContextKind::SuggestedArg);
    let tip = ContextValue::StyledStrs(vec![tip.into()]);
    error.insert(ContextKind::Suggested, tip);
    error
}

fn habits_of(error: &Error) -> &'static [Habit] {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else {
        return &[];
    };
    let usage = usage.to_string();
    // "Usage:", the program by whatever name it was called, the command.
    let used = usage.split_whitespace().nth(2);
    let mut all = HABITS.iter();
    let found = all.find(|(command, _)| Some(*command) == used);
    found.map_or(&[], |(_, habits)| habits)
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
    fn habits_of_wscat_websocat_and_k6_are_told_what_to_write() {
        for (command, habits) in HABITS {
            for (flag, tip) in *habits {
                let told = told(&[command, flag, "ws://h"]);
                assert!(told.contains(&format!("tip: {tip}")), "{flag}: {told}");
                assert_eq!(told.matches("tip:").count(), 1, "{told}");
            }
        }
        let renamed = Cli::try_parse_from(["wscli.exe", "connect", "-P", "ws://h"]).unwrap_err();
        assert!(explain(renamed).to_string().contains("are told by -vv"));
        // Elsewhere such a flag may mean something else.
        assert!(!told(&["serve", "-c", "x"]).contains("wscat"));
        let count = told(&["connect", "-n", "ws://h"]);
        assert!(count.contains("-k") && count.contains("-w 0"), "{count}");
    }

    #[test]
    fn a_negative_duration_is_told_as_such_and_not_as_a_url() {
        for (flag, value) in [("-d", "-5"), ("--duration", "-5s"), ("--warmup", "-1ms")] {
            let told = told(&["bench", flag, value, "ws://h"]);
            assert!(told.contains(&format!("tip: {NEGATIVE}")), "{told}");
            assert!(!told.contains("-- -"), "{told}");
        }
        let told = told(&["connect", "-m", "-2", "ws://h"]);
        assert!(told.contains(&format!("tip: {NEGATIVE}")), "{told}");
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
