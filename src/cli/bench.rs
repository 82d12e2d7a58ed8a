//! Flags of `wscli bench`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::transport::TransportArgs;
use super::value;
use crate::bench::matching::Matching;
use crate::bench::payload::Fill;
use crate::bench::schedule::Stage;
use crate::bench::threshold::Threshold;
use crate::value::Pattern;
use crate::value::rate as parse_rate;

/// Flags of `wscli bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The servers; connections take them in turn. Alone, @NAME is a target saved in config.toml
    #[arg(value_name = "URL", required_unless_present = "demo")]
    pub urls: Vec<String>,

    /// Start an echo server on a free loopback port and measure it
    #[arg(long, conflicts_with = "urls")]
    pub demo: bool,

    /// What is measured
    #[arg(long, value_enum, default_value = "echo")]
    pub mode: ModeArg,

    /// Connections (in mode handshake: attempts at a time)
    #[arg(short, long, value_name = "N", default_value = "10", value_parser = positive, allow_negative_numbers = true)]
    pub connections: usize,

    /// Threads; by default as many as processors, and no more than connections
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    pub threads: Option<usize>,

    /// How load is put on the server.
    #[command(flatten)]
    pub load: LoadArgs,

    /// What the messages say.
    #[command(flatten)]
    pub payload: PayloadArgs,

    /// What is reported.
    #[command(flatten)]
    pub report: ReportArgs,

    /// How to reach the server.
    #[command(flatten)]
    pub transport: TransportArgs,

    /// Headers of each connection from a CSV file: names in its first row, then a row a connection, in turn
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub headers_csv: Option<PathBuf>,

    /// Connect from this address; repeat to have more ports
    #[arg(
        long,
        value_name = "IP",
        help_heading = "Address",
        conflicts_with = "interface"
    )]
    pub source_ip: Vec<IpAddr>,
}

/// How load is put on the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Closed loop: messages that each connection keeps in flight [default: 1]
    #[arg(long, value_name = "K", value_parser = in_flight, allow_negative_numbers = true)]
    pub in_flight: Option<u32>,

    /// Open loop: messages a second in all, on a fixed schedule; 100, 10k, 600/m
    #[arg(short, long, value_name = "R", value_parser = rate, allow_negative_numbers = true, conflicts_with_all = ["in_flight", "think_time"])]
    pub rate: Option<f64>,

    /// Open loop: messages a second on each connection
    #[arg(long, value_name = "R", value_parser = rate, allow_negative_numbers = true, conflicts_with_all = ["in_flight", "think_time", "rate"])]
    pub rate_per_connection: Option<f64>,

    /// Open loop in stages, as '10s:100,30s:1000': durations and messages a second in all
    #[arg(long, value_name = "STAGES", value_parser = stages, conflicts_with_all = ["in_flight", "think_time", "rate", "rate_per_connection", "duration", "messages"])]
    pub stages: Option<Stages>,

    /// Closed loop: pause between a reply and the next message
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub think_time: Option<Duration>,

    /// Mode handshake: attempts a second in all, on a fixed schedule
    #[arg(long, value_name = "R", value_parser = rate, allow_negative_numbers = true)]
    pub connect_rate: Option<f64>,

    /// Mode idle: time between two pings of a connection [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = ping_interval)]
    pub ping_interval: Option<Duration>,

    /// How long is measured [default: 10s, or until --messages are done]
    #[arg(short, long, value_name = "DURATION", value_parser = value::positive_duration)]
    pub duration: Option<Duration>,

    /// How many messages are measured
    #[arg(short = 'n', long, value_name = "N", value_parser = messages, allow_negative_numbers = true)]
    pub messages: Option<u64>,

    /// Load before the measuring
    #[arg(long, value_name = "DURATION", value_parser = value::duration, default_value = "1s")]
    pub warmup: Duration,

    /// Spread the opening of the connections over this time
    #[arg(long, value_name = "DURATION", value_parser = value::duration, default_value = "0s")]
    pub ramp_up: Duration,

    /// A message without a reply for this long is lost
    #[arg(long, value_name = "DURATION", value_parser = value::positive_duration, default_value = "5s")]
    pub reply_timeout: Duration,

    /// Keep the schedule to the microsecond by spinning before each message
    #[arg(long)]
    pub precise: bool,
}

/// What the messages say, and how replies are known.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub(crate) struct PayloadArgs {
    /// Size of generated messages in bytes, or a range as 64..4096 [default: 64]
    #[arg(long, value_name = "SIZE", value_parser = sizes, conflicts_with_all = ["payload", "message"])]
    pub size: Option<(usize, usize)>,

    /// What generated messages say; each says something else, but for zeros [default: random]
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with_all = ["payload", "message"])]
    pub fill: Option<FillArg>,

    /// Send a file's content, or the files of a directory in turn (@DIR); repeat for more
    #[arg(long, value_name = "FILE|@DIR", conflicts_with = "message")]
    pub payload: Vec<PathBuf>,

    /// A text with placeholders; see `MESSAGE_HELP`.
    #[arg(long, value_name = "TEMPLATE", help = MESSAGE_HELP)]
    pub message: Vec<String>,

    /// Fill in the placeholders of --payload files too
    #[arg(long, requires = "payload")]
    pub template: bool,

    /// Send text messages (the default)
    #[arg(long, conflicts_with = "binary")]
    pub text: bool,

    /// Send binary messages
    #[arg(long)]
    pub binary: bool,

    /// How replies are matched: auto, order, echo, an RFC 9535 JSONPath ($.id), or a regular expression whose first group is the id [default: auto]
    #[arg(long = "match", value_name = "HOW", value_parser = matching)]
    pub matching: Option<Matching>,

    /// Compare each reply with what was sent
    #[arg(long)]
    pub verify: bool,
}

/// What is reported.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub(crate) struct ReportArgs {
    /// Exit with 1 when this is missed: 'p99<5ms', 'errors<0.1%', 'rate>=10k'; repeatable, --help has the metrics
    ///
    /// METRIC, one of < <= > >=, and LIMIT:
    ///
    /// - p0 to p100 (p50, p99.9), min, mean, max: latency from the intended send; limits as 5ms, 250us, 1.5s
    ///
    /// - slip.p99, slip.max and so on: from the intended to the actual send
    ///
    /// - handshake.p99 and so on: the whole opening, from the look-up of the name
    /// - handshake.tcp.p99 and so on: a phase of the opening, which are dns, tcp, tls, upgrade
    ///
    /// - rate: replies a second; limits as 10000, 10k
    ///
    /// - errors: the larger of the connections that failed and of the errors by messages due; limits as 0.1%, 0.001
    ///
    /// - lost: messages without a reply, of those sent; unsent: messages never sent, of those due
    ///
    /// - connections: those open at the end, of those asked for; handshake.failed: of those begun
    ///
    /// A percentile that lost and unsent messages reach is unknown, and missed.
    #[arg(long = "threshold", value_name = "EXPR")]
    pub thresholds: Vec<Threshold>,

    /// Write the report as JSON to a file, or to stdout in place of the text (-)
    #[arg(long, value_name = "FILE|-")]
    pub json: Option<PathBuf>,
}

/// The modes by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// Send messages and wait for their replies
    Echo,
    /// Open and close connections, again and again
    Handshake,
    /// Hold connections, and ping each every so often
    Idle,
    /// Send without waiting
    Flood,
}

/// What generated messages say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FillArg {
    /// Random letters and digits
    Random,
    /// Words, which compress as prose does
    Text,
    /// One digit all over, which compresses to nothing
    Zeros,
}

impl From<FillArg> for Fill {
    fn from(arg: FillArg) -> Self {
        match arg {
            FillArg::Random => Self::Random,
            FillArg::Text => Self::Text,
            FillArg::Zeros => Self::Zeros,
        }
    }
}

/// The stages of `--stages`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stages(pub Vec<Stage>);

/// The help of `--message`. clap breaks the line at the `{n}` inside of `{{n}}`, unless
/// a change of style stands in between; this one changes nothing.
const MESSAGE_HELP: &str = concat!(
    "Send this text, with {{",
    "\u{1b}[0m",
    "n}}, {{conn}}, {{uuid}}, {{now}} and {{random 16}} filled in; repeat for more, in turn"
);

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("write a whole number above 0".into()),
    }
}

fn in_flight(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        _ => Err("write a whole number from 1 to 1000000".into()),
    }
}

fn messages(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("write a whole number above 0".into()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match parse_rate(text).map_err(|error| error.to_string())? {
        rate if (1e-3..=1e9).contains(&rate) => Ok(rate),
        _ => Err("write a rate from 0.001 to 1e9 a second".into()),
    }
}

/// Pings of one connection in a row measure nothing but each other.
fn ping_interval(text: &str) -> Result<Duration, String> {
    match value::positive_duration(text)? {
        short if short < Duration::from_millis(1) => Err("pings are at least 1ms apart".into()),
        interval => Ok(interval),
    }
}

fn sizes(text: &str) -> Result<(usize, usize), String> {
    let size = |text| value::size(text).map_err(|e| e.to_string());
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let (min, max) = (size(min)?, size(max)?);
    if min > max {
        return Err(format!(
            "the range {text} is empty; write the smaller size first"
        ));
    }
    if max > 1 << 30 {
        return Err("a generated message has at most 1GiB".into());
    }
    Ok((min, max))
}

fn stages(text: &str) -> Result<Stages, String> {
    let stage = |part: &str| {
        let (length, per_second) = part
            .split_once(':')
            .ok_or("write each stage as DURATION:RATE, such as 10s:100")?;
        let per_second = match per_second {
            "0" => 0.0,
            other => rate(other).map_err(|error| format!("{error} (or 0 for a pause)"))?,
        };
        Ok::<_, String>(Stage {
            duration: value::duration(length).map_err(|e| e.to_string())?,
            rate: per_second,
        })
    };
    let stages: Vec<_> = text.split(',').map(stage).collect::<Result<_, _>>()?;
    if stages
        .iter()
        .all(|stage| stage.rate == 0.0 || stage.duration.is_zero())
    {
        return Err("no stage sends anything; give one a duration and a rate".into());
    }
    Ok(Stages(stages))
}

fn matching(text: &str) -> Result<Matching, String> {
    Ok(match text {
        "auto" => Matching::Auto,
        "order" => Matching::Order,
        "echo" => Matching::Echo,
        pattern => Matching::Id(Pattern::capturing(pattern).map_err(|e| e.to_string())?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_stages() {
        assert_eq!(sizes("64"), Ok((64, 64)));
        assert_eq!(sizes("8..4KiB"), Ok((8, 4096)));
        assert!(sizes("9..8").is_err());
        let parsed = stages("10s:100,500ms:0,1m:2.5").unwrap().0;
        let rates: Vec<_> = parsed.iter().map(|s| s.rate).collect();
        assert_eq!(rates, [100.0, 0.0, 2.5]);
        assert_eq!(parsed[1].duration, Duration::from_millis(500));
        for bad in ["", "10s", "10s:x", "1s:0", "1x:5", "1s:-1"] {
            assert!(stages(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ways_of_matching() {
        assert!(matches!(matching("auto"), Ok(Matching::Auto)));
        assert!(matches!(
            matching("$.id"),
            Ok(Matching::Id(Pattern::JsonPath(_)))
        ));
        assert!(matches!(
            matching("id=(.)"),
            Ok(Matching::Id(Pattern::Regex(_)))
        ));
        assert!(matching("$[").is_err());
        assert!(matching("(").is_err());
    }
}
