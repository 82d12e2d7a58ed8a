//! Flags of `wscli serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::keep_alive::KeepAliveMode;
use super::serve_tls::ServeTlsArgs;
use super::value;
use crate::connection::Subprotocol;
use crate::connection::ws::deflate::Policy;
use crate::origin::AllowOrigin;
use crate::server::Chaos;

/// Flags of `wscli serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Listen on this address of the machine; 0.0.0.0 and :: are all of them
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub host: String,

    /// Listen on this port; 0 takes a free one. A socket from systemd (LISTEN_FDS) takes the place of host and port [default: 5000, or the next that is free]
    #[arg(short, long, value_name = "PORT")]
    pub port: Option<u16>,

    #[cfg(unix)]
    /// Listen on this Unix domain socket instead; what a dead server left there is replaced
    #[arg(long, value_name = "PATH", conflicts_with_all = ["host", "port"])]
    pub unix_socket: Option<PathBuf>,

    /// Echo at this path, whatever its case; repeat for more
    #[arg(long = "path", value_name = "PATH", default_value = "/ws")]
    pub paths: Vec<String>,

    /// Serve the files of this folder at other paths, instead of the page
    #[arg(long = "static", value_name = "DIR", conflicts_with = "no_page")]
    pub static_files: Option<PathBuf>,

    /// Do not serve the page at /
    #[arg(long)]
    pub no_page: bool,

    /// Mount the fault lab: /delay/MS, /close/CODE, /drop, /bad-utf8 and more; GET /lab lists them all
    #[arg(long)]
    pub lab: bool,

    /// Let things go wrong, by share of the messages sent: 'delay=10ms..200ms,lose=1%,drop=1%,reset=1%,close=0.1%'
    #[arg(long, value_name = "SPEC")]
    pub chaos: Option<Chaos>,

    /// Repeat the chances of an earlier --chaos, whose seed was printed
    #[arg(long, value_name = "NUMBER", requires = "chaos")]
    pub seed: Option<u64>,

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

    /// The read buffer of each connection; plain messages below 16KiB pass through one that all share
    #[arg(long, value_name = "BYTES", value_parser = value::buffer_size, default_value = "4KiB")]
    pub receive_buffer_size: usize,

    /// Keep this many WebSockets open at a time; more are answered with 503 [default: as many as the system allows]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,

    /// Take this many connections from one address at a time, a /64 counting as one; more are answered with 503, or closed when too many of them come at a time [default: no limit]
    #[arg(long, value_name = "N")]
    pub max_connections_per_ip: Option<usize>,

    /// Close with 1001 when a client has sent nothing, not even a pong, for this long [default: never]
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration)]
    pub idle_timeout: Option<Duration>,

    /// Drop a client that takes nothing of what is sent to it for this long
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration, default_value = "30s")]
    pub write_timeout: Duration,

    /// How long a client may take for its request
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration, default_value = "10s")]
    pub handshake_timeout: Duration,

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

    /// Serve on this many threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,

    /// Answer /healthz and /metrics (Prometheus) at this address, such as 127.0.0.1:9090
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<SocketAddr>,

    /// Append what --jsonl prints to this file, request by request, opened anew on SIGHUP; - is the same as --jsonl
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,

    /// Print one JSON object a line for each event: first 'ready' with the URL and the port, then open, refused, close, ...
    #[arg(long)]
    pub jsonl: bool,

    /// How the server speaks TLS, if it does.
    #[command(flatten)]
    pub tls: ServeTlsArgs,
}
