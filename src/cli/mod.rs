//! The command line as clap types: flags and their values, nothing else.

pub(crate) mod address;
pub(crate) mod auth;
pub(crate) mod bench;
pub(crate) mod connect;
pub(crate) mod curl;
pub(crate) mod habits;
pub(crate) mod keep_alive;
pub(crate) mod probe_origin;
pub(crate) mod prompt;
pub(crate) mod proxy;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod serve_tls;
pub(crate) mod steps;
pub(crate) mod tls;
pub(crate) mod transport;
pub(crate) mod value;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// The WebSocket tool: an echo server with options, a client for the terminal
/// and for pipes.
#[derive(Debug, Parser)]
#[command(
    name = "wscli",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    args_override_self = true
)]
pub(crate) struct Cli {
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
pub(crate) struct GlobalArgs {
    /// Tell more: -v the steps, -vv both heads of the handshake and control frames
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Tell errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// When to colour the output
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto"
    )]
    pub color: When,
}

/// When to do something that a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum When {
    /// At a terminal, unless the environment says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Talk to a WebSocket server: standard input goes out, messages come back
    Connect(Box<connect::ConnectArgs>),
    /// Run an echo server
    Serve(Box<serve::ServeArgs>),
    /// Test whether a server enforces the Origin of its clients (cross-site WebSocket hijacking)
    ProbeOrigin(Box<probe_origin::ProbeOriginArgs>),
    /// Put load on a server and measure latency and throughput
    Bench(Box<bench::BenchArgs>),
}

/// What `--generate` can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Generate {
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
    /// The man page wscli-probe-origin(1).
    ManProbeOrigin,
    /// The man page wscli-bench(1).
    ManBench,
}
