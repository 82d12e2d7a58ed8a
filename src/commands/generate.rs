//! `wscli --generate`: completions and man pages from the clap types.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use super::examples::examples;
use crate::cli::{Cli, Generate};
use crate::exit::ExitStatus;
use crate::prompt::command::COMMANDS;
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

/// What the page of `connect` has besides its flags.
fn prompt_and_files() -> String {
    let mut roff = String::from(
        ".SH \"THE PROMPT\"\nAt a terminal, each line is sent as a text message. A line that begins with a slash is a command; //x sends /x.\n",
    );
    for spec in COMMANDS {
        let form = escaped(format!("/{} {}", spec.name, spec.usage).trim_end());
        let help = escaped(spec.help);
        roff.push_str(&format!(".TP\n\\fB{form}\\fR\n{help}\n"));
    }
    roff.push_str(
        ".SH FILES\n.TP\n$XDG_STATE_HOME/wscli/history, or ~/.local/state/wscli/history\nThe lines that were typed at the prompt, readable by their owner alone. Lines that begin with a space are not kept, and neither are secrets of addresses.\n",
    );
    roff
}

/// A text that means nothing to roff.
fn escaped(text: &str) -> String {
    let text = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq");
    match text.starts_with('.') {
        true => format!("\\&{text}"),
        false => text,
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
    if command == Some("connect") {
        roff.extend_from_slice(prompt_and_files().as_bytes());
    }
    let examples = command.map(examples).unwrap_or_default();
    if !examples.is_empty() {
        roff.extend_from_slice(b".SH EXAMPLES\n");
        for (what, line) in examples {
            let (what, line) = (escaped(what), escaped(line));
            roff.extend_from_slice(format!(".TP\n{what}\n.nf\n\\fB{line}\\fR\n.fi\n").as_bytes());
        }
    }
    roff.extend_from_slice(b".SH \"EXIT STATUS\"\n");
    let is_here = |status: &&ExitStatus| command.is_none_or(|c| status.commands().contains(&c));
    for status in ExitStatus::ALL.iter().filter(is_here) {
        let (code, meaning) = (status.code(), status.meaning());
        roff.extend_from_slice(format!(".TP\n\\fB{code}\\fR\n{meaning}\n").as_bytes());
    }
    Ok(roff)
}
