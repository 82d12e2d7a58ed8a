//! The flags of proxies, in curl's spelling.

use std::path::PathBuf;

use clap::Args;

use super::secret::Secret;

/// Through what to connect.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Proxy")]
pub(crate) struct ProxyArgs {
    /// Connect through this proxy: http://, https://, socks5:// or socks5h:// (also written socks://), then USER:PASSWORD@HOST:PORT as needed; '' for none, whatever the environment says
    #[arg(long, value_name = "URL")]
    pub proxy: Option<Secret>,

    /// Go past the proxy for these hosts: names with all below them, addresses, networks as 10.0.0.0/8, or '*'
    #[arg(long, value_name = "LIST")]
    pub noproxy: Option<String>,

    /// Trust the certificates in this file for an https:// proxy, in place of the platform's
    #[arg(long, value_name = "FILE")]
    pub proxy_cacert: Option<PathBuf>,

    /// Accept any certificate of an https:// proxy
    #[arg(long)]
    pub proxy_insecure: bool,
}
