//! `wscli --generate`: completions and man pages from the clap types.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::cli::{Cli, Generate};
use crate::exit::{ExitStatus, TABLE};
use crate::terminal::write_stdout;

/// Prints what was asked for.
pub(super) fn run(kind: Generate) -> Result<ExitStatus> {
    write_stdout(&render(kind)?)?;
    Ok(ExitStatus::Success)
}

fn render(kind: Generate) -> Result<Vec<u8>> {
    let complete = |shell| {
        let mut script = Vec::new();
        generate(shell, &mut Cli::command(), "wscli", &mut script);
        Ok(script)
    };
    match kind {
        Generate::CompleteBash => complete(Shell::Bash),
        Generate::CompleteZsh => complete(Shell::Zsh),
        Generate::CompleteFish => complete(Shell::Fish),
        Generate::CompletePowershell => complete(Shell::PowerShell),
        Generate::Man => man(None),
        Generate::ManConnect => man(Some("connect")),
        Generate::ManServe => man(Some("serve")),
        Generate::ManProbeOrigin => man(Some("probe-origin")),
        Generate::ManBench => man(Some("bench")),
    }
}

/// The page of a command, or the program's own, which holds the exit codes.
fn man(command: Option<&str>) -> Result<Vec<u8>> {
    let mut cli = Cli::command();
    // Gives each command the global flags and its full name.
    cli.build();
    let page = match command {
        None => cli,
        Some(name) => cli
            .find_subcommand(name)
            .ok_or_else(|| anyhow::anyhow!("no command '{name}'"))?
            .clone(),
    };
    let mut roff = Vec::new();
    Man::new(page).render(&mut roff)?;
    roff.extend_from_slice(b".SH \"EXIT STATUS\"\n");
    for (status, meaning) in TABLE {
        roff.extend_from_slice(format!(".TP\n\\fB{}\\fR\n{meaning}\n", status.code()).as_bytes());
    }
    Ok(roff)
}
