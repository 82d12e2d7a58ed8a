//! The flags that say who the user is, in curl's spelling.

use std::path::PathBuf;

use clap::Args;

use super::secret::Secret;

/// Who the user is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Authentication")]
pub(crate) struct AuthArgs {
    /// Send this user name and password (Basic); asked for on a terminal when the password is left out
    #[arg(
        short,
        long,
        aliases = ["auth", "basic-auth"],
        value_name = "USER[:PASSWORD]",
        overrides_with = "bearer"
    )]
    pub user: Option<Secret>,

    /// Send this token (Bearer)
    #[arg(long, value_name = "TOKEN", overrides_with = "user")]
    pub bearer: Option<Secret>,

    /// Look up user name and password in ~/.netrc, where neither a flag nor the URL has them
    #[arg(long)]
    pub netrc: bool,

    /// The same, in this file
    #[arg(long, value_name = "FILE")]
    pub netrc_file: Option<PathBuf>,

    /// Send these cookies ('a=1; b=2'), or those that a cookie-jar file in the Netscape format has for the server
    #[arg(short = 'b', long = "cookie", value_name = "DATA|FILE")]
    pub cookies: Vec<Secret>,
}
