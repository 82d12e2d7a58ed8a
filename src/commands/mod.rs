//! One file a command: arguments → configuration → engine → exit status.

mod bench;
mod colors;
mod connect;
mod curl;
mod demo;
mod dial;
mod examples;
mod files;
mod folders;
mod generate;
mod probe_origin;
mod saved;
mod serve;
mod signals;
pub(crate) mod tls;
mod toml_file;
mod transport;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use self::colors::{color_of, colors};
use self::saved::Expanded;
use crate::cli::{Cli, Command, GlobalArgs, habits};
use crate::connection::Secrets;
use crate::exit::{ExitStatus, Failure, hint_of, or_internal, status_of};
use crate::talk::sentence;
use crate::terminal::style::Colors;
use crate::terminal::{Status, Style, Verbosity, write_stderr, write_stdout};

/// Parses the arguments and runs what they say.
pub fn run() -> ExitStatus {
    or_internal(run_command)
}

fn run_command() -> ExitStatus {
    if let Err(error) = crate::terminal::check_stdout() {
        let text = format!("could not write to stdout: {error}");
        let failure = Failure::new(ExitStatus::LocalIo, text);
        return fail(Status::default(), &failure.into(), &Secrets::default());
    }
    let (arguments, warnings) = match curl::arguments() {
        Ok(expanded) => expanded,
        Err(error) => {
            let given: Vec<_> = std::env::args_os().collect();
            let status = Status::default().styled(colors(color_of(&given)).stderr());
            return fail(status, &error, &Secrets::default());
        }
    };
    let (cli, matches) = match parse(&arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            return show_clap(&habits::explain(error), colors(color_of(&arguments)));
        }
    };
    let told = Status::new(verbosity(cli.global));
    let status = told.styled(colors(cli.global.color).stderr());
    for warning in &warnings {
        status.note(warning);
    }
    let again = |words: &[OsString]| parse(words).map(|(cli, _)| cli);
    let Expanded { cli, secrets } = match saved::expand(cli, &matches, &arguments, status, again) {
        Ok(expanded) => expanded,
        Err(error) => return fail(status, &error, &Secrets::default()),
    };
    // A saved default may say otherwise.
    let colors = colors(cli.global.color);
    let status = told.styled(colors.stderr());
    let result = match (cli.generate, cli.command) {
        (Some(kind), _) => generate::run(kind),
        (None, Some(Command::Connect(args))) => connect::run(&args, colors, status),
        (None, Some(Command::Serve(args))) => serve::run(&args, status),
        (None, Some(Command::ProbeOrigin(args))) => probe_origin::run(&args, colors, status),
        (None, Some(Command::Bench(args))) => bench::run(&args, colors, status),
        (None, None) => Err(Failure::usage("no command given; see 'wscli --help'").into()),
    };
    result.unwrap_or_else(|error| fail(status, &error, &secrets))
}

fn parse(words: &[OsString]) -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = command_line().try_get_matches_from(words)?;
    Ok((Cli::from_arg_matches(&matches)?, matches))
}

/// The command line, with examples and the exit codes of each command below its long
/// help.
fn command_line() -> clap::Command {
    let mut cli = Cli::command();
    for name in cli
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect::<Vec<_>>()
    {
        cli = cli.mut_subcommand(&name, |command| {
            let notes = command.get_after_help().map(|notes| format!("{notes}\n\n"));
            let notes = notes.unwrap_or_default();
            let codes = ExitStatus::ALL.iter();
            let codes = codes.filter(|status| status.commands().contains(&name.as_str()));
            let lines =
                codes.map(|status| format!("\n  {:>3}  {}", status.code(), status.meaning()));
            let lines: String = lines.collect();
            let examples = examples::examples(&name).iter();
            let examples = examples.map(|(what, line)| format!("\n  {what}:\n    {line}"));
            let examples: String = examples.collect();
            command.after_long_help(format!("{notes}Examples:{examples}\n\nExit codes:{lines}"))
        });
    }
    cli
}

fn fail(status: Status, error: &anyhow::Error, secrets: &Secrets) -> ExitStatus {
    status.error(&secrets.values(&sentence(error.as_ref())));
    if let Some(hint) = hint_of(error) {
        status.note(&secrets.values(&format!("hint: {hint}")));
    }
    status_of(error)
}

/// Shows what clap has to say: help and version on stdout, errors on stderr.
fn show_clap(error: &clap::Error, colors: Colors) -> ExitStatus {
    let rendered = error.render();
    let plain = rendered.to_string();
    let text = |style: Style| match style.is_colored() {
        true => rendered.ansi().to_string(),
        false => plain.clone(),
    };
    if error.use_stderr() {
        // It repeats what was given, a URL with a password for one, which cannot be told
        // for sure among colours.
        let safe = Secrets::default().text(&plain);
        match safe == plain {
            true => write_stderr(&text(colors.stderr())),
            false => write_stderr(&safe),
        }
        if let Some(tip) = tip(error) {
            write_stderr(&format!("\n  tip: {tip}\n"));
        }
        return ExitStatus::Usage;
    }
    match write_stdout(text(colors.stdout()).as_bytes()) {
        Ok(()) => ExitStatus::Success,
        Err(_) => ExitStatus::LocalIo,
    }
}

/// What to write in the place of a word that is no command.
fn tip(error: &clap::Error) -> Option<&'static str> {
    let word = match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) => word.as_str(),
        _ => return None,
    };
    let is_address = word.contains(':') || word.starts_with("localhost");
    match word {
        "help" => Some("write 'wscli --help', or 'wscli COMMAND --help' for one command"),
        "version" => Some("write 'wscli --version'"),
        _ if is_address => Some("write 'wscli connect URL' to talk to a server"),
        _ => None,
    }
}

/// How much is to be told.
fn verbosity(global: GlobalArgs) -> Verbosity {
    match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Verbose,
        (false, _) => Verbosity::Debug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_command_has_a_tip() {
        for (word, expected) in [
            ("ws://localhost:5000/ws", Some("wscli connect URL")),
            ("localhost:5000", Some("wscli connect URL")),
            ("help", Some("wscli --help")),
            ("conect", None),
        ] {
            let error = command_line().try_get_matches_from(["wscli", word]);
            let found = tip(&error.unwrap_err());
            assert_eq!(found.is_some(), expected.is_some(), "{word}");
            assert!(
                found
                    .unwrap_or_default()
                    .contains(expected.unwrap_or_default())
            );
        }
    }
}
