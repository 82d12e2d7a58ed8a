//! Flags of `wscli serve`.

use clap::Args;

/// Flags of `wscli serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {}
