//! The command line as clap types: flags and their values, nothing else.

pub mod bench;
pub mod connect;
pub mod serve;
pub mod transport;
pub mod value;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::terminal::Verbosity;

/// The WebSocket tool: an echo server with options, a client for the terminal
/// and for pipes.
#[derive(Debug, Parser)]
#[command(
    name = "wscli",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,

    /// Print a shell completion script or a man page to stdout
    #[arg(long, value_name = "KIND", value_enum)]
    pub generate: Option<Generate>,

    /// The command.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, Clone, Copy, Args)]
pub struct GlobalArgs {
    /// Tell more: -v the steps, -vv both heads of the handshake and control frames
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Tell errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

impl GlobalArgs {
    /// How much is to be told.
    pub fn verbosity(self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Debug,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Talk to a WebSocket server: standard input goes out, messages come back
    Connect(connect::ConnectArgs),
    /// Run an echo server
    Serve(serve::ServeArgs),
    /// Put load on a server and measure latency and throughput
    Bench(Box<bench::BenchArgs>),
}

/// What `--generate` can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// Completions for bash.
    CompleteBash,
    /// Completions for zsh.
    CompleteZsh,
    /// Completions for fish.
    CompleteFish,
    /// Completions for PowerShell.
    CompletePowershell,
    /// The man page wscli(1).
    Man,
    /// The man page wscli-connect(1).
    ManConnect,
    /// The man page wscli-serve(1).
    ManServe,
    /// The man page wscli-bench(1).
    ManBench,
}
