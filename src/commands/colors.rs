//! When output is coloured: what the command line and the environment say.

use std::env;
use std::ffi::OsString;

use clap::ValueEnum as _;

use crate::cli::When;
use crate::terminal::style::{ColorChoice, ColorEnv, Colors};

/// What decides of colours, by this `--color`.
pub(super) fn colors(when: When) -> Colors {
    let choice = match when {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    };
    Colors::new(choice, color_env())
}

/// The `--color` of a command line that could not be parsed, or asks for help.
pub(super) fn color_of(words: &[OsString]) -> When {
    let words = words.iter().map(|word| word.to_string_lossy());
    let mut words = words.take_while(|word| word != "--");
    let mut found = When::Auto;
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.next().unwrap_or_default().into_owned(),
            Some(value) => value.trim_start_matches('=').to_owned(),
            None => continue,
        };
        found = When::from_str(&value, false).unwrap_or(found);
    }
    found
}

/// What the environment says of colours.
#[expect(
    clippy::disallowed_methods,
    reason = "`commands` reads the environment"
)]
fn color_env() -> ColorEnv {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    ColorEnv {
        no_color: set("NO_COLOR").is_some(),
        force: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
        off: set("CLICOLOR").is_some_and(|value| value == "0"),
        dumb: set("TERM").is_some_and(|value| value == "dumb"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_color_of_a_command_line_that_does_not_parse() {
        for (line, expected) in [
            ("connect --help", When::Auto),
            ("--color always connect --help", When::Always),
            ("connect --color=never --nonsense", When::Never),
            ("--color never --color always", When::Always),
            ("--color sometimes", When::Auto),
            ("--color", When::Auto),
            ("connect -- --color always", When::Auto),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(color_of(&words), expected, "{line}");
        }
    }
}
