//! `wscli --generate`: completions and man pages from the clap types.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::cli::{Cli, Generate};
use crate::exit::ExitStatus;
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

/// The page of a command, with its exit codes, or the program's own, with all.
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
    let is_here = |status: &&ExitStatus| command.is_none_or(|c| status.commands().contains(&c));
    for status in ExitStatus::ALL.iter().filter(is_here) {
        let (code, meaning) = (status.code(), status.meaning());
        roff.extend_from_slice(format!(".TP\n\\fB{code}\\fR\n{meaning}\n").as_bytes());
    }
    Ok(roff)
}
