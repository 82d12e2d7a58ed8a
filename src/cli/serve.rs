//! Flags of `wscli serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::keep_alive::KeepAliveMode;
use super::serve_tls::ServeTlsArgs;
use super::value;
use crate::connection::Subprotocol;
use crate::connection::deflate::Policy;
use crate::origin::AllowOrigin;

/// Flags of `wscli serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Listen on this address of the machine; 0.0.0.0 and :: are all of them
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub host: String,

    /// Listen on this port; 0 takes a free one [default: 5000, or the next that is free]
    #[arg(short, long, value_name = "PORT")]
    pub port: Option<u16>,

    #[cfg(unix)]
    /// Listen on this Unix domain socket instead; what a dead server left there is replaced
    #[arg(long, value_name = "PATH", conflicts_with_all = ["host", "port"])]
    pub unix_socket: Option<PathBuf>,

    /// Echo at this path, whatever its case; repeat for more
    #[arg(long = "path", value_name = "PATH", default_value = "/ws")]
    pub paths: Vec<String>,

    /// Let in pages of this origin only: scheme, host, and a port that is not the default; repeat for more, '*' lets in all [default: all]
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub allowed_origins: Vec<AllowOrigin>,

    /// Refuse requests without an Origin header, which browsers always send
    #[arg(long)]
    pub require_origin: bool,

    /// Speak this subprotocol where a client offers it; repeat in order of preference
    #[arg(long = "subprotocol", visible_alias = "protocol", value_name = "NAME")]
    pub subprotocols: Vec<Subprotocol>,

    /// Agree to permessage-deflate; with PARAMS such as 'server_no_context_takeover; client_max_window_bits=10' only on these terms
    #[arg(long, value_name = "PARAMS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub compress: Option<Policy>,

    /// Accept messages up to this size; a larger one is answered with Close 1009
    #[arg(long, value_name = "BYTES", value_parser = value::size, default_value = "64MiB")]
    pub max_message_size: usize,

    /// How to keep quiet connections alive
    #[arg(long, value_name = "HOW", value_enum, default_value = "ping")]
    pub keep_alive: KeepAliveMode,

    /// The quiet time before a keep-alive frame; 0 sends none
    #[arg(long, value_name = "DURATION", value_parser = value::duration, default_value = "120s")]
    pub keep_alive_interval: Duration,

    /// Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub keep_alive_timeout: Option<Duration>,

    /// How long to wait at the end for clients to answer the Close
    #[arg(long, value_name = "DURATION", value_parser = value::duration, default_value = "5s")]
    pub grace: Duration,

    /// Print one JSON object a line for each event: first 'ready' with the URL and the port, then open, refused, close, ...
    #[arg(long)]
    pub jsonl: bool,

    /// How the server speaks TLS, if it does.
    #[command(flatten)]
    pub tls: ServeTlsArgs,
}
