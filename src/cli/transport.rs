//! The flags of every command that dials: one struct, flattened into each, so
//! that a flag means the same everywhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::address::AddressArgs;
use super::auth::AuthArgs;
use super::proxy::ProxyArgs;
use super::secret::Secret;
use super::tls::TlsArgs;
use super::value;
use crate::connection::ws::deflate::Offer;

/// How to reach the server, and what to ask it for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct TransportArgs {
    /// Send this header; 'Name:' leaves a default header out, 'Name;' sends it empty, '@FILE' reads a line each
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,

    /// Send this Origin header
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,

    /// Send this User-Agent header
    #[arg(short = 'A', long, value_name = "TEXT")]
    pub user_agent: Option<String>,

    /// Offer this subprotocol; repeat in order of preference
    #[arg(
        short,
        long = "subprotocol",
        visible_alias = "protocol",
        value_name = "NAME"
    )]
    pub subprotocols: Vec<String>,

    /// Offer permessage-deflate; alone as browsers do, or with PARAMS such as 'server_no_context_takeover; client_max_window_bits=10'
    #[arg(long, value_name = "PARAMS", num_args = 0..=1, require_equals = true, default_missing_value = "client_max_window_bits")]
    pub compress: Option<Offer>,

    /// Accept messages up to this size
    #[arg(long, value_name = "BYTES", value_parser = value::size, default_value = "64MiB")]
    pub max_message_size: usize,

    /// Accept frames up to this size [default: that of messages]
    #[arg(long, value_name = "BYTES", value_parser = value::size)]
    pub max_frame_size: Option<usize>,

    /// Connect to this Unix domain socket instead of the URL's host
    #[arg(long, value_name = "PATH")]
    pub unix_socket: Option<PathBuf>,

    /// Give up when the connection is not open after this time
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration, default_value = "30s")]
    pub connect_timeout: Duration,

    /// Give up when not done after this time
    #[arg(short, long, value_name = "DURATION", value_parser = value::duration)]
    pub max_time: Option<Duration>,

    /// Follow redirects; credentials stay with the first host, port and scheme
    #[arg(short = 'L', long)]
    pub location: bool,

    /// Follow at most so many redirects; -1 for any number
    #[arg(
        long,
        value_name = "N",
        default_value = "50",
        allow_negative_numbers = true,
        value_parser = value::max_redirects
    )]
    pub max_redirs: u32,

    /// Try again for this time while the server is not up: refused, reset, no such name yet, no answer, 502, 503, 504
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub wait_up: Option<Duration>,

    /// Which addresses names stand for, and from where to connect.
    #[command(flatten)]
    pub address: AddressArgs,

    /// Through what to connect.
    #[command(flatten)]
    pub proxy: ProxyArgs,

    /// Who the user is.
    #[command(flatten)]
    pub auth: AuthArgs,

    /// How TLS judges the server, and what it shows of the client.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// What a saved target has of secrets, which no output shows.
    #[arg(skip)]
    pub secrets: Vec<Secret>,
}
