//! Flags of `wscli connect`.

use clap::Args;

use super::transport::TransportArgs;

/// Flags of `wscli connect`.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// The server: ws://host:port/path, host:port/path, or ws+unix:/socket:/path
    #[arg(value_name = "URL", required_unless_present = "demo")]
    pub url: Option<String>,

    /// Start an echo server on a free loopback port and talk to it
    #[arg(long, conflicts_with = "url")]
    pub demo: bool,

    /// How to reach the server.
    #[command(flatten)]
    pub transport: TransportArgs,
}
