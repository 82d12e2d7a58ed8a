//! Flags of the steps and rules of `wscli connect`, and their order.

use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::value;

/// The flags whose order counts, by their ids.
const ORDERED: [&str; 8] = [
    "execute",
    "expect",
    "expect_next",
    "expect_none",
    "expect_close",
    "within",
    "for_time",
    "capture",
];

/// What conflicts with steps.
const NOT_WITH_STEPS: [&str; 6] = ["count", "one", "until", "echo", "replay", "linger"];

/// What is to come, and what answers it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Steps and rules")]
pub(crate) struct StepArgs {
    /// Wait for a record that holds P, passing over others: a literal, /regex/, a JSONPath, or JSON, of which the record must hold a part, such as {"id":1}; -x and --expect are done in their order, no input is read, and what is not met ends with 10
    #[arg(long, value_name = "P", allow_hyphen_values = true, conflicts_with_all = NOT_WITH_STEPS)]
    pub expect: Vec<String>,

    /// The very next record must hold P
    #[arg(long, value_name = "P", allow_hyphen_values = true, conflicts_with_all = NOT_WITH_STEPS)]
    pub expect_next: Vec<String>,

    /// No record may hold P until --for is over (/^/ stands for any record)
    #[arg(long, value_name = "P", allow_hyphen_values = true, conflicts_with_all = NOT_WITH_STEPS)]
    pub expect_none: Vec<String>,

    /// Wait for the end of the connection with this code: 1005 for a Close without one, 1006 for none
    #[arg(long, value_name = "CODE", value_parser = close_code, conflicts_with_all = NOT_WITH_STEPS)]
    pub expect_close: Vec<u16>,

    /// How long the --expect to the left may take, from the last message sent [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration)]
    pub within: Vec<Duration>,

    /// How long the --expect-none to the left takes [default: 1s]
    #[arg(long = "for", id = "for_time", value_name = "DURATION", value_parser = value::positive_duration)]
    pub for_time: Vec<Duration>,

    /// Keep a part of what met the --expect to the left, for {{NAME}} in later steps and rules: a JSONPath such as $.id, /regex/ (its first group), text, close.code or close.reason
    #[arg(long, value_name = "NAME=SELECTOR")]
    pub capture: Vec<String>,

    /// Let {{NAME}} stand for this text in steps and rules
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,

    /// Answer each record that holds P with MSG, in which {{msg}} is the record and {{msg.id}} a member of it; the first rule that matches takes the record, and no --expect sees it. Besides steps, the input or the prompt; without --expect and with the input closed, until the peer closes
    #[arg(
        long,
        value_name = "P => MSG",
        allow_hyphen_values = true,
        conflicts_with = "echo"
    )]
    pub on: Vec<String>,

    /// End with 10 when a record holds P
    #[arg(
        long,
        value_name = "P",
        allow_hyphen_values = true,
        conflicts_with = "echo"
    )]
    pub reject: Vec<String>,

    /// How much may wait for the steps before no more is read from the server
    #[arg(long, value_name = "SIZE", value_parser = value::size, default_value = "64MiB")]
    pub inbox: usize,
}

impl StepArgs {
    /// Whether there are steps besides `-x`, which then is one too.
    pub(crate) fn has_steps(&self) -> bool {
        let patterns = [&self.expect, &self.expect_next, &self.expect_none];
        patterns.iter().any(|all| !all.is_empty()) || !self.expect_close.is_empty()
    }

    /// Whether there are rules.
    pub(crate) fn has_rules(&self) -> bool {
        !self.on.is_empty() || !self.reject.is_empty()
    }
}

fn close_code(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(code @ 1000..=4999) => Ok(code),
        _ => Err("write a close code from 1000 to 4999".to_owned()),
    }
}

/// In which order the flags of steps stand on the command line. It has none of its own,
/// and has to stand before those whose order it reads, which take their values away.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order(Vec<(usize, &'static str, usize)>);

impl Order {
    /// The flags in their order: the id of each, and which one of that id it is.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.0.iter().map(|(_, id, nth)| (*id, *nth))
    }
}

impl Args for Order {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl FromArgMatches for Order {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut order = Vec::new();
        for id in ORDERED {
            let indices = matches.indices_of(id).into_iter().flatten();
            order.extend(indices.enumerate().map(|(nth, index)| (index, id, nth)));
        }
        order.sort_unstable();
        Ok(Self(order))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
