//! Flags of `wscli serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::keep_alive::KeepAliveMode;
use super::secret::Secret;
use super::serve_tls::ServeTlsArgs;
use super::value;
use crate::connection::Subprotocol;
use crate::connection::ws::deflate::Policy;
use crate::origin::AllowOrigin;
use crate::server::{Chaos, HostPort, TrustedProxy};

/// Flags of `wscli serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Listen on this address of the machine, 'localhost' being both 127.0.0.1 and ::1, and 0.0.0.0 and :: all addresses; repeat for more on the same port [default: 127.0.0.1]
    #[arg(help_heading = "Addresses", long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,

    /// Listen on this port; 0 takes a free one. A socket from systemd (LISTEN_FDS) takes the place of host and port [default: 5000, or the next that is free]
    #[arg(help_heading = "Addresses", short, long, value_name = "PORT", value_parser = value::port, allow_negative_numbers = true)]
    pub port: Option<u16>,

    /// Listen here too, or here alone without --host and --port; repeat for more
    #[arg(help_heading = "Addresses", long, value_name = "ADDR:PORT")]
    pub listen: Vec<HostPort>,

    #[cfg(unix)]
    /// Listen on this Unix domain socket instead; what a dead server left there is replaced
    #[arg(help_heading = "Addresses", long, value_name = "PATH", conflicts_with_all = ["hosts", "port"])]
    pub unix_socket: Option<PathBuf>,

    #[cfg(unix)]
    /// The mode of that socket's file in octal digits, such as 660; who may write to it may connect [default: what the umask leaves]
    #[arg(help_heading = "Addresses", long, value_name = "MODE", requires = "unix_socket", value_parser = value::mode)]
    pub unix_socket_mode: Option<u32>,

    /// Believe this proxy, an address, a network or 'unix', when its Forwarded or X-Forwarded-For names the client: the last address there that is not a proxy's; repeat for more
    #[arg(
        help_heading = "Addresses",
        long = "trusted-proxy",
        value_name = "CIDR"
    )]
    pub trusted_proxies: Vec<TrustedProxy>,

    /// Expect a header of the PROXY protocol, version 1 or 2, from every trusted proxy, and take the client's address from it
    #[arg(help_heading = "Addresses", long, requires = "trusted_proxies")]
    pub proxy_protocol: bool,

    /// Echo at this path, whatever its case; repeat for more
    #[arg(
        help_heading = "Routes",
        long = "path",
        value_name = "PATH",
        default_value = "/ws"
    )]
    pub paths: Vec<String>,

    /// Serve the files of this folder at other paths, instead of the page
    #[arg(
        help_heading = "Routes",
        long = "static",
        value_name = "DIR",
        conflicts_with = "no_page"
    )]
    pub static_files: Option<PathBuf>,

    /// Do not serve the page at /
    #[arg(help_heading = "Routes", long)]
    pub no_page: bool,

    /// Mount the fault lab: /delay/MS, /close/CODE, /drop, /bad-utf8 and more; GET /lab lists them all
    #[arg(help_heading = "Routes", long)]
    pub lab: bool,

    /// Let things go wrong, by share of the messages sent: 'delay=10ms..200ms,lose=1%,drop=1%,reset=1%,close=0.1%'
    #[arg(help_heading = "Routes", long, value_name = "SPEC")]
    pub chaos: Option<Chaos>,

    /// Repeat the chances of an earlier --chaos, whose seed was printed
    #[arg(
        help_heading = "Routes",
        long,
        value_name = "NUMBER",
        requires = "chaos"
    )]
    pub seed: Option<u64>,

    /// Let in pages of this origin only: scheme, host, and a port that is not the default; repeat for more, '*' lets in all [default: all]
    #[arg(help_heading = "Access", long = "allow-origin", value_name = "ORIGIN")]
    pub allowed_origins: Vec<AllowOrigin>,

    /// Refuse requests without an Origin header, which browsers always send
    #[arg(help_heading = "Access", long)]
    pub require_origin: bool,

    /// Ask every request for these credentials, basic:USER:PASSWORD or bearer:TOKEN, or for one of those in the lines of a file; repeat for more
    #[arg(help_heading = "Access", long, value_name = "CREDENTIALS|@FILE")]
    pub auth: Vec<Secret>,

    /// Speak this subprotocol where a client offers it; repeat in order of preference
    #[arg(
        help_heading = "Protocol",
        long = "subprotocol",
        visible_alias = "protocol",
        value_name = "NAME"
    )]
    pub subprotocols: Vec<Subprotocol>,

    /// Agree to permessage-deflate; with PARAMS such as 'server_no_context_takeover; client_max_window_bits=10' only on these terms
    #[arg(help_heading = "Protocol", long, value_name = "PARAMS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub compress: Option<Policy>,

    /// How to keep quiet connections alive
    #[arg(
        help_heading = "Protocol",
        long,
        value_name = "HOW",
        value_enum,
        default_value = "ping"
    )]
    pub keep_alive: KeepAliveMode,

    /// The quiet time before a keep-alive frame; 0 sends none
    #[arg(help_heading = "Protocol", long, value_name = "DURATION", value_parser = value::duration, default_value = "120s")]
    pub keep_alive_interval: Duration,

    /// Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]
    #[arg(help_heading = "Protocol", long, value_name = "DURATION", value_parser = value::duration)]
    pub keep_alive_timeout: Option<Duration>,

    /// Accept messages up to this size; a larger one is answered with Close 1009
    #[arg(help_heading = "Limits", long, value_name = "BYTES", value_parser = value::positive_size, default_value = "64MiB")]
    pub max_message_size: usize,

    /// The read buffer of each connection; plain messages below 16KiB pass through one that all share
    #[arg(help_heading = "Limits", long, value_name = "BYTES", value_parser = value::buffer_size, default_value = "4KiB")]
    pub receive_buffer_size: usize,

    /// Keep this many WebSockets open at a time; more are answered with 503 [default: as many as there are file descriptors, less some for operators]
    #[arg(help_heading = "Limits", long, value_name = "N", value_parser = value::positive_count)]
    pub max_connections: Option<usize>,

    /// Take this many connections from one address at a time, a /64 counting as one; more are answered with 503, or closed when too many of them come at a time [default: no limit]
    #[arg(help_heading = "Limits", long, value_name = "N", value_parser = value::positive_count)]
    pub max_connections_per_ip: Option<usize>,

    /// Read at most this many messages a second of each connection; a client that sends more has to wait [default: no limit]
    #[arg(help_heading = "Limits", long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_rate: Option<u32>,

    /// Close with 1001 when a client has sent nothing, not even a pong, for this long [default: never]
    #[arg(help_heading = "Limits", long, value_name = "DURATION", value_parser = value::positive_duration)]
    pub idle_timeout: Option<Duration>,

    /// Drop a client that takes nothing of what is sent to it for this long
    #[arg(help_heading = "Limits", long, value_name = "DURATION", value_parser = value::positive_duration, default_value = "30s")]
    pub write_timeout: Duration,

    /// How long a client may take for its request
    #[arg(help_heading = "Limits", long, value_name = "DURATION", value_parser = value::positive_duration, default_value = "10s")]
    pub handshake_timeout: Duration,

    /// When asked to end, answer /healthz with 503 and go on for this long before the port closes, so that a load balancer sends nobody more
    #[arg(help_heading = "Operation", long, value_name = "DURATION", value_parser = value::duration, default_value = "0s")]
    pub drain_delay: Duration,

    /// How long to wait at the end for clients to answer the Close
    #[arg(help_heading = "Operation", long, value_name = "DURATION", value_parser = value::duration, default_value = "5s")]
    pub grace: Duration,

    /// Serve on this many threads [default: one for each core]
    #[arg(help_heading = "Operation", long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,

    /// Answer /healthz and /metrics (Prometheus) at this address, such as 127.0.0.1:9090
    #[arg(help_heading = "Operation", long, value_name = "ADDR")]
    pub admin: Option<HostPort>,

    /// Append what --jsonl prints to this file, request by request, opened anew on SIGHUP; - is the same as --jsonl
    #[arg(help_heading = "Operation", long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,

    /// Print one JSON object a line for each event: first 'ready' with the URL and the port, then open, refused, close, ...
    #[arg(help_heading = "Operation", long)]
    pub jsonl: bool,

    /// How the server speaks TLS, if it does.
    #[command(flatten)]
    pub tls: ServeTlsArgs,
}
