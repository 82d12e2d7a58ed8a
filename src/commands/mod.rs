//! One file a command: arguments → configuration → engine → exit status.

mod bench;
mod colors;
mod connect;
mod curl;
mod demo;
mod dial;
mod generate;
mod probe_origin;
mod serve;
mod signals;
pub(crate) mod tls;
mod transport;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command, GlobalArgs, When};
use crate::connection::Secrets;
use crate::exit::{ExitStatus, Failure, hint_of, status_of};
use crate::talk::sentence;
use crate::terminal::style::ColorChoice;
use crate::terminal::{Status, Verbosity, write_stderr, write_stdout};

/// Parses the arguments and runs what they say.
pub fn run() -> ExitStatus {
    let (arguments, warnings) = match curl::arguments() {
        Ok(expanded) => expanded,
        Err(error) => return fail(Status::default(), &error),
    };
    let matches = command_line().try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return show_clap(&error),
    };
    let status = Status::new(verbosity(cli.global));
    for warning in &warnings {
        status.note(warning);
    }
    let result = match (cli.generate, cli.command) {
        (Some(kind), _) => generate::run(kind),
        (None, Some(Command::Connect(args))) => connect::run(&args, color(cli.global), status),
        (None, Some(Command::Serve(args))) => serve::run(&args, status),
        (None, Some(Command::ProbeOrigin(args))) => {
            probe_origin::run(&args, color(cli.global), status)
        }
        (None, Some(Command::Bench(args))) => bench::run(&args, color(cli.global), status),
        (None, None) => Err(Failure::usage("no command given; see 'wscli --help'").into()),
    };
    result.unwrap_or_else(|error| fail(status, &error))
}

/// The command line, with the exit codes of each command below its long help.
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
            command.after_long_help(format!("{notes}Exit codes:{lines}"))
        });
    }
    cli
}

fn fail(status: Status, error: &anyhow::Error) -> ExitStatus {
    status.error(&sentence(error.as_ref()));
    if let Some(hint) = hint_of(error) {
        status.note(&format!("hint: {hint}"));
    }
    status_of(error)
}

/// Shows what clap has to say: help and version on stdout, errors on stderr.
fn show_clap(error: &clap::Error) -> ExitStatus {
    let text = error.render().to_string();
    if error.use_stderr() {
        // It repeats what was given, a URL with a password for one.
        write_stderr(&Secrets::default().text(&text));
        return ExitStatus::Usage;
    }
    match write_stdout(text.as_bytes()) {
        Ok(()) => ExitStatus::Success,
        Err(_) => ExitStatus::LocalIo,
    }
}

/// When output is coloured.
fn color(global: GlobalArgs) -> ColorChoice {
    match global.color {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
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
