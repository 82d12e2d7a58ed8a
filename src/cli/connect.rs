//! Flags of `wscli connect`.

use std::time::Duration;

use clap::Args;

use super::curl::CurlArgs;
use super::keep_alive::KeepAliveMode;
use super::prompt::PromptArgs;
use super::steps::{Order, StepArgs};
use super::transport::TransportArgs;
use super::value;
use crate::connection::CloseCode;
use crate::pipe::{Framing, Linger};
use crate::value::Pattern;

/// What `wscli connect --help` says below the flags.
const NOTES: &str = "\
At a terminal it is a prompt: /help there lists its commands, such as /status,
/show and /find, and lines are kept in ~/.local/state/wscli/history. Elsewhere,
and where -x, -n, --until and the like are given, it is a pipe:

Every line of standard input is one message, every message received one line
of standard output. After the end of the input the connection stays open for
the replies: until 1 s of silence once at least as many messages came in as
went out, else (and where the input was empty) until 10 s of silence, with a
note on stderr; a server that keeps sending though it owes nothing has 10 s.
The exit status is still 0, since not every message has a reply. Where a reply
must come, say so: -1, -n N and --until end with 0 when it came and with 10
when the peer closed before, however long it takes; -m sets a limit. Input left
unsent, and a --linger that the peer cut short, end with 11 whatever the Close.

With --expect and the like, the run is a list of steps in the order of the command
line: -x sends, --expect waits, and what is not met ends with 10, which step and what
differed. What came before its step began is not missed, and each record is taken
once. --on answers at any time.

With --reconnect, a lost connection is opened again, after 0.5 s and then ever
longer, until what was waited for has come; the input waits meanwhile, and
--setup is sent again. No message is sent twice: what may have left in part when
the connection was lost is counted on stderr, and ends with 11, as replies do
that went down with it. A connection that stood for less than 5 s counts as a
failed attempt; the exit status is that of the last failure.";

/// Flags of `wscli connect`.
#[derive(Debug, Clone, Args)]
#[command(after_help = NOTES)]
pub(crate) struct ConnectArgs {
    /// The order of the steps.
    #[command(flatten)]
    pub order: Order,

    /// The server: ws://host:port/path, host:port/path, ws+unix:/socket:/path, or @NAME, a target saved in config.toml
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// Start an echo server on a free loopback port and talk to it
    #[arg(long, conflicts_with = "url")]
    pub demo: bool,

    /// What to send.
    #[command(flatten)]
    pub input: InputArgs,

    /// What is to come, and what answers it.
    #[command(flatten)]
    pub steps: StepArgs,

    /// How messages lie in the input and the output.
    #[command(flatten)]
    pub framing: FramingArgs,

    /// When and how to end.
    #[command(flatten)]
    pub end: EndArgs,

    /// What is told of the run.
    #[command(flatten)]
    pub report: ReportArgs,

    /// How a quiet connection is kept alive.
    #[command(flatten)]
    pub keep_alive: KeepAliveArgs,

    /// How to reach the server.
    #[command(flatten)]
    pub transport: TransportArgs,

    /// curl command lines.
    #[command(flatten)]
    pub curl: CurlArgs,

    /// How the conversation is shown and logged.
    #[command(flatten)]
    pub prompt: PromptArgs,
}

/// What is told of the run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Report")]
pub(crate) struct ReportArgs {
    /// Write the final report as JSON to this file, or to stdout (-)
    #[arg(long, value_name = "FILE|-")]
    pub json: Option<String>,
}

/// How a quiet connection is kept alive.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Keep-alive")]
pub(crate) struct KeepAliveArgs {
    /// How to keep a quiet connection alive
    #[arg(long, value_name = "HOW", value_enum, default_value = "off")]
    pub keep_alive: KeepAliveMode,

    /// The quiet time before a keep-alive frame; 0 sends none
    #[arg(long, value_name = "DURATION", value_parser = value::duration, default_value = "30s")]
    pub keep_alive_interval: Duration,

    /// Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub keep_alive_timeout: Option<Duration>,
}

/// What to send.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Send this message and read no input; repeat for more. @FILE sends a file as one message, text if it is UTF-8, and @- standard input; -x=@alice sends the text itself
    #[arg(
        short = 'x',
        long,
        value_name = "MESSAGE",
        allow_hyphen_values = true,
        conflicts_with = "echo"
    )]
    pub execute: Vec<String>,

    /// Send this message first, then the input; repeat for more. @FILE and =@alice as with -x
    #[arg(long, value_name = "MESSAGE", allow_hyphen_values = true)]
    pub setup: Vec<String>,

    /// Read \x1e \0 \r \n \t \u001e \u{1f44d} and \\ in -x, --setup and lines of the input, as /text does; JSON stands for itself
    #[arg(long, conflicts_with_all = ["jsonl", "binary", "echo", "replay"])]
    pub escapes: bool,

    /// Answer every message with itself until the peer closes; read no input
    #[arg(long)]
    pub echo: bool,
}

/// How messages lie in the input and the output.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Framing")]
pub(crate) struct FramingArgs {
    /// End messages with NUL instead of a line feed, in both directions
    #[arg(short = '0', long = "null", group = "framing")]
    pub null: bool,

    /// One JSON object a line and event, in both directions: {"type":"text","data":"…"}; binary, ping and pong data in base64
    #[arg(long, group = "framing")]
    pub jsonl: bool,

    /// Send the input as binary messages of up to 64 KiB, write payloads unchanged with nothing between them
    #[arg(long, group = "framing")]
    pub binary: bool,
}

impl FramingArgs {
    /// The framing asked for.
    pub(crate) fn framing(self) -> Framing {
        match self {
            Self { null: true, .. } => Framing::Nul,
            Self { jsonl: true, .. } => Framing::Jsonl,
            Self { binary: true, .. } => Framing::Binary,
            _ => Framing::Lines,
        }
    }
}

/// When and how to end.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "End")]
pub(crate) struct EndArgs {
    /// End after N messages received (also ones that --filter hides; besides answers to --setup), even if the input goes on; wait for them in any silence
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        value_parser = value::count,
        group = "goal"
    )]
    pub count: Option<u64>,

    /// The same as -n 1
    #[arg(short = '1', group = "goal")]
    pub one: bool,

    /// End after a message that holds PATTERN: a literal, /regex/, or a JSONPath such as $.done that selects something; also one that --filter hides
    #[arg(long, value_name = "PATTERN", value_parser = value::until, group = "goal")]
    pub until: Option<Pattern>,

    /// Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence
    #[arg(
        short = 'w',
        long,
        visible_alias = "wait",
        value_name = "DURATION",
        value_parser = value::linger
    )]
    pub linger: Option<Linger>,

    /// Close with this code
    #[arg(long, value_name = "CODE", value_parser = value::close_code, default_value = "1000")]
    pub close_code: CloseCode,

    /// Close with this reason
    #[arg(long, value_name = "TEXT", value_parser = value::close_reason, default_value = "", hide_default_value = true)]
    pub close_reason: String,

    /// How long the peer may take to answer our Close
    #[arg(long, value_name = "DURATION", value_parser = value::duration, default_value = "5s")]
    pub close_timeout: Duration,
}
