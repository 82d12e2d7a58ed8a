//! Flags of `wscli connect`.

use clap::Args;

use super::prompt::PromptArgs;
use super::transport::TransportArgs;

/// Flags of `wscli connect`.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// The server: ws://host:port/path, host:port/path, or ws+unix:/socket:/path
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// Start an echo server on a free loopback port and talk to it
    #[arg(long, conflicts_with = "url")]
    pub demo: bool,

    /// How to reach the server.
    #[command(flatten)]
    pub transport: TransportArgs,

    /// How the conversation is shown and logged.
    #[command(flatten)]
    pub prompt: PromptArgs,
}
