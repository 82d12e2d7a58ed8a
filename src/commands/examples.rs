//! What people do with the program, for `--help` and the man pages.

/// What for, and the line.
pub(super) type Example = (&'static str, &'static str);

/// The examples of a command.
pub(super) fn examples(command: &str) -> &'static [Example] {
    let found = EXAMPLES.iter().find(|(name, _)| *name == command);
    found.map_or(&[], |(_, examples)| *examples)
}

/// For each command, what for, and the line.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "connect",
        &[
            ("Talk at the prompt", "wscli connect ws://localhost:5000/ws"),
            (
                "Send one message and print the answer",
                "wscli connect ws://localhost:5000/ws -x '{\"op\":\"time\"}' -1",
            ),
            (
                "Send the lines of a file, and wait for as many answers",
                "wscli connect wss://example.com/feed -n 100 < lines",
            ),
            (
                "Print the prices of a feed until one is final",
                "wscli connect wss://example.com/feed --setup '{\"subscribe\":\"prices\"}' --filter '$.price' --until '$[?@.final == true]'",
            ),
            (
                "Check a talk step by step, answering pings",
                "wscli connect ws://localhost:5000/ws -x '{\"id\":1,\"op\":\"time\"}' --expect '{\"id\":1,\"ok\":true}' --within 2s --on '{\"type\":\"ping\"} => {\"type\":\"pong\"}'",
            ),
            (
                "Take the records of SignalR apart for jq",
                "wscli connect wss://example.com/hub --decode record-separator | jq .type",
            ),
            (
                "Log a talk",
                "wscli connect ws://localhost:5000/ws --log talk.jsonl",
            ),
            (
                "Say the user's half of a log or of a browser's HAR file again",
                "wscli connect ws://localhost:5000/ws --replay talk.jsonl",
            ),
            (
                "Send the command that a browser copies as cURL",
                "wscli connect --from-curl \"$(cat copied)\"",
            ),
        ],
    ),
    (
        "serve",
        &[
            ("Echo, with a page to try it from", "wscli serve -p 5000"),
            (
                "Misbehave as asked by the path",
                "wscli serve -p 5000 --lab",
            ),
        ],
    ),
    (
        "probe-origin",
        &[(
            "Test that only one origin is let in",
            "wscli probe-origin wss://example.com/ws --allow https://example.com",
        )],
    ),
    (
        "bench",
        &[(
            "10,000 messages a second over 100 connections, with a limit",
            "wscli bench ws://localhost:5000/ws -c 100 -r 10000 -d 30 --threshold 'p99<5ms'",
        )],
    ),
];

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn the_examples_of_help_are_command_lines() {
        let mut count = 0;
        for (name, examples) in EXAMPLES {
            for (_, line) in *examples {
                let words = shell_words::split(line).unwrap();
                assert_eq!(words[1], *name);
                for words in words.split(|word| word == "|") {
                    let end = words.iter().position(|word| word == "<");
                    let words = &words[..end.unwrap_or(words.len())];
                    if words[0] == "wscli" && !words.contains(&"--from-curl".to_owned()) {
                        Cli::try_parse_from(words).unwrap();
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 8);
    }
}
