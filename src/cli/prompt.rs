//! Flags of the prompt and of the communication log.

use std::path::PathBuf;

use clap::Args;
use serde_json_path::JsonPath;

use crate::connection::client::reconnect::ReconnectOn;
use crate::decode::Decode;

/// How a conversation is shown, logged, replayed and kept up.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Display and log")]
pub(crate) struct PromptArgs {
    /// Show both heads of the opening handshake
    #[arg(short, long)]
    pub include: bool,

    /// Show JSON with a line for each member, each record of a message on its own; in a pipe, of what is received
    #[arg(long, conflicts_with_all = ["binary", "jsonl"])]
    pub pretty: bool,

    /// Of received JSON, show only what this RFC 9535 JSONPath selects, such as '$.data.price', as it is written, a line each, and nothing of other messages; sees every record of a message; the log has all
    #[arg(long, value_name = "JSONPATH", value_parser = json_path, conflicts_with_all = ["binary", "jsonl"])]
    pub filter: Option<JsonPath>,

    /// Take messages apart into records, a line of the output each: by CODEC json, lines or record-separator (U+001E, as SignalR has it), or auto, by what the bytes show; off shows messages as they come [default: auto at the prompt, off in a pipe]
    #[arg(long, value_name = "CODEC", conflicts_with_all = ["binary", "jsonl"])]
    pub decode: Option<Decode>,

    /// Write the peer's text to the terminal as it is, escape sequences and all
    #[arg(long)]
    pub raw: bool,

    /// Append the communication log to this file, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,

    /// Write the communication log to this file, as HAR 1.2
    #[arg(long, value_name = "FILE")]
    pub har: Option<PathBuf>,

    /// Keep credentials in the log and on the screen
    #[arg(long)]
    pub log_secrets: bool,

    /// Send again what was sent in this log, or HAR file of a browser, with its timing; in a pipe, this is the whole input
    #[arg(long, value_name = "LOG", conflicts_with_all = ["execute", "echo"])]
    pub replay: Option<PathBuf>,

    /// Replay at so many times the recorded speed, such as 2x
    #[arg(long, value_name = "FACTOR", value_parser = speed, default_value = "1x", requires = "replay")]
    pub speed: f64,

    /// Replay without the recorded delays
    #[arg(long, requires = "replay", conflicts_with = "speed")]
    pub no_delay: bool,

    /// Connect again when the connection is lost or cannot be opened, at most N times in a row (0 or none: without limit), and send --setup again; not after what does not mend itself, such as a 401, 403 or 404, an invalid answer, or a Close 1008 or 4004; in a pipe, not when the peer closed with 1000 or nothing is left to wait for
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0",
        value_parser = attempts
    )]
    pub reconnect: Option<Attempts>,

    /// Connect again after these statuses and close codes too (such as 403,4004), or after all that --reconnect gives up on
    #[arg(long, value_name = "CODES|all", requires = "reconnect")]
    pub reconnect_on: Option<ReconnectOn>,
}

/// How many attempts to connect may fail in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempts(pub Option<u32>);

/// `0`, which the flag alone stands for, is without limit.
fn attempts(text: &str) -> Result<Attempts, String> {
    let number: u32 = text
        .parse()
        .map_err(|_| "write a number of attempts, or leave it out for no limit".to_owned())?;
    Ok(Attempts((number > 0).then_some(number)))
}

fn json_path(text: &str) -> Result<JsonPath, String> {
    JsonPath::parse(text).map_err(|error| error.to_string())
}

fn speed(text: &str) -> Result<f64, String> {
    let digits = text.strip_suffix('x').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match digits.parse() {
        Ok(factor) if plain && factor > 0.0 => Ok(factor),
        _ => Err("write a factor over 0, such as 2x or 0.5x".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(speed("2x"), Ok(2.0));
        assert_eq!(speed("0.5"), Ok(0.5));
        for text in ["", "x", "0", "-1", "inf", "2xx", "1e3"] {
            assert!(speed(text).is_err(), "{text}");
        }
        assert_eq!(attempts("0"), Ok(Attempts(None)));
        assert_eq!(attempts("3"), Ok(Attempts(Some(3))));
        assert!(attempts("-1").is_err());
        assert!(json_path("$.a[?@.b > 1]").is_ok());
        assert!(json_path("a").is_err());
    }
}
