//! One file a command: arguments → configuration → engine → exit status.

mod bench;
mod connect;
mod demo;
mod generate;
mod serve;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::{ExitStatus, Failure, status_of};
use crate::terminal::{Status, write_stderr, write_stdout};

/// Parses the arguments and runs what they say.
pub fn run() -> ExitStatus {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return show_clap(&error),
    };
    let status = Status::new(cli.global.verbosity());
    let result = match (cli.generate, cli.command) {
        (Some(kind), _) => generate::run(kind),
        (None, Some(Command::Connect(args))) => connect::run(&args, status),
        (None, Some(Command::Serve(args))) => serve::run(&args, status),
        (None, Some(Command::Bench(args))) => bench::run(&args, status),
        (None, None) => Err(Failure::usage("no command given; see 'wscli --help'").into()),
    };
    result.unwrap_or_else(|error| {
        status.error(&format!("{error:#}"));
        status_of(&error)
    })
}

/// Shows what clap has to say: help and version on stdout, errors on stderr.
fn show_clap(error: &clap::Error) -> ExitStatus {
    let text = error.render().to_string();
    if error.use_stderr() {
        write_stderr(&text);
        return ExitStatus::Usage;
    }
    match write_stdout(text.as_bytes()) {
        Ok(()) => ExitStatus::Success,
        Err(_) => ExitStatus::LocalIo,
    }
}
