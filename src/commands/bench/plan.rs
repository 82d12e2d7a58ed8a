//! From the flags of `wscli bench` to a run's configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::super::dial::Environment;
use super::super::transport;
use crate::bench::matching::Matching;
use crate::bench::payload::{Fill, PayloadConfig};
use crate::bench::schedule::Schedule;
use crate::bench::template::Template;
use crate::bench::{BenchConfig, Load, Mode, Pacing};
use crate::cli::bench::{BenchArgs, ModeArg, PayloadArgs};
use crate::connection::http::HeaderEdit;
use crate::connection::{OpenConfig, SocketConfig, Target};
use crate::exit::Failure;
use crate::terminal::secret::read_secret;

/// Without `--duration` and `--messages`.
const DEFAULT_DURATION: Duration = Duration::from_secs(10);

const DEFAULT_PING_INTERVAL: Duration = Duration::from_secs(10);

const DEFAULT_SIZE_BYTES: usize = 64;

/// Where the embedded server will be, as far as limits depend on it.
const UNTIL_THE_DEMO_RUNS: &str = "ws://127.0.0.1/";

/// The run that the flags ask for. With `--demo` its targets are still to be
/// set.
pub(super) fn config(args: &BenchArgs) -> Result<BenchConfig> {
    check_mode(args)?;
    let mode = match args.mode {
        ModeArg::Echo => Mode::Echo,
        ModeArg::Handshake => Mode::Handshake,
        ModeArg::Idle => Mode::Idle,
        ModeArg::Flood => Mode::Flood,
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.unwrap_or(processors).min(args.connections);
    let text = !args.payload.binary;
    let payload = payload(mode, &args.payload)?;
    check_text(text, &payload)?;
    let (targets, open, socket) = dial(args)?;
    Ok(BenchConfig {
        targets,
        open,
        socket,
        header_rows: match &args.headers_csv {
            Some(path) => header_rows(path)?,
            None => Vec::new(),
        },
        source_ips: args.source_ip.clone(),
        mode,
        connections: args.connections,
        threads,
        on_callers_thread: processors == 1,
        load: load(mode, args),
        pacing: if args.load.precise {
            Pacing::Precise
        } else {
            Pacing::Timer
        },
        payload,
        text,
        matching: args.payload.matching.clone().unwrap_or_default(),
        verify: args.payload.verify,
        ramp_up: args.load.ramp_up,
        warmup: args.load.warmup,
        duration: duration(args),
        messages: args.load.messages,
        reply_timeout: args.load.reply_timeout,
    })
}

/// A flag that would do nothing in a mode is refused there.
fn check_mode(args: &BenchArgs) -> Result<()> {
    use ModeArg::{Echo, Flood, Handshake, Idle};
    let (load, says) = (&args.load, &args.payload);
    let scheduled =
        load.rate.is_some() || load.rate_per_connection.is_some() || load.stages.is_some();
    let content = says.size.is_some()
        || says.fill.is_some()
        || !says.payload.is_empty()
        || !says.message.is_empty()
        || says.text
        || says.binary;
    let rules: [(bool, &str, &[ModeArg]); 10] = [
        (load.in_flight.is_some(), "--in-flight", &[Echo]),
        (load.think_time.is_some(), "--think-time", &[Echo]),
        (
            scheduled,
            "--rate, --rate-per-connection and --stages",
            &[Echo, Flood],
        ),
        (load.connect_rate.is_some(), "--connect-rate", &[Handshake]),
        (load.ping_interval.is_some(), "--ping-interval", &[Idle]),
        (load.precise, "--precise", &[Echo, Flood, Idle]),
        (
            content,
            "--size, --fill, --payload, --message, --text and --binary",
            &[Echo, Flood],
        ),
        (says.matching.is_some(), "--match", &[Echo]),
        (says.verify, "--verify", &[Echo]),
        (!load.ramp_up.is_zero(), "--ramp-up", &[Echo, Flood, Idle]),
    ];
    for (given, flags, modes) in rules {
        if given && !modes.contains(&args.mode) {
            let names: Vec<_> = modes
                .iter()
                .map(|mode| format!("{mode:?}").to_lowercase())
                .collect();
            let names = names.join(" or ");
            let message = format!("{flags}: of no effect in this mode; use --mode {names}");
            return Err(Failure::usage(message).into());
        }
    }
    if load.precise && !scheduled && args.mode != Idle {
        return Err(Failure::usage("--precise needs a schedule; give --rate or --stages").into());
    }
    Ok(())
}

/// Where the connections lead to, and how they are opened and held. All of
/// the second is the same for each URL: what a target must not be shown of it
/// is decided when it is dialled.
fn dial(args: &BenchArgs) -> Result<(Vec<Target>, OpenConfig, SocketConfig)> {
    let environment = Environment::read();
    let mut answers = BTreeMap::new();
    // Asked once, however many URLs there are.
    let mut ask = |prompt: &str| {
        if let Some(known) = answers.get(prompt) {
            return Ok(Option::clone(known));
        }
        let answer = read_secret(prompt)?.map(|secret| secret.to_string());
        answers.insert(prompt.to_owned(), answer.clone());
        Ok(answer)
    };
    let mut dial = |url: &str| transport::dial(url, &args.transport, &environment, &mut ask);
    let (first, more) = match args.urls.split_first() {
        Some((first, more)) => (first.as_str(), more),
        None => (UNTIL_THE_DEMO_RUNS, &[][..]),
    };
    for url in &args.urls {
        check_placeholders(url)?;
    }
    let first = dial(first)?;
    let mut targets = vec![first.target];
    for url in more {
        targets.push(dial(url)?.target);
    }
    Ok((targets, first.open, first.socket))
}

/// A URL with a placeholder would be dialled as it stands, by each connection.
fn check_placeholders(url: &str) -> Result<()> {
    match url.split_once("{{").map(|(_, rest)| rest.split_once("}}")) {
        Some(Some((name, _))) => Err(Failure::usage(format!(
            "the URL has {{{{{name}}}}} in it, and placeholders are filled in in messages alone; give several URLs, or --headers-csv with a row for each connection"
        ))
        .into()),
        _ => Ok(()),
    }
}

fn load(mode: Mode, args: &BenchArgs) -> Load {
    let (load, connections) = (&args.load, args.connections as f64);
    if mode == Mode::Idle {
        let interval = load.ping_interval.unwrap_or(DEFAULT_PING_INTERVAL);
        let rate = connections / interval.as_secs_f64().max(1e-6);
        return Load::Open(Schedule::constant(rate));
    }
    let rate = load
        .rate
        .or(load.rate_per_connection.map(|rate| rate * connections))
        .or(load.connect_rate);
    match (rate, &load.stages) {
        (Some(rate), _) => Load::Open(Schedule::constant(rate)),
        (None, Some(stages)) => Load::Open(Schedule::stages(load.warmup, &stages.0)),
        (None, None) => Load::Closed {
            in_flight: load.in_flight.unwrap_or(1),
            think_time: load.think_time.unwrap_or_default(),
        },
    }
}

fn duration(args: &BenchArgs) -> Option<Duration> {
    let load = &args.load;
    match (&load.stages, load.duration, load.messages) {
        (Some(stages), _, _) => Some(stages.0.iter().map(|stage| stage.duration).sum()),
        (None, Some(duration), _) => Some(duration),
        (None, None, Some(_)) => None,
        (None, None, None) => Some(DEFAULT_DURATION),
    }
}

fn payload(mode: Mode, args: &PayloadArgs) -> Result<PayloadConfig> {
    if mode == Mode::Idle {
        // A ping says its number and nothing else.
        return Ok(PayloadConfig::Generated {
            min_bytes: 8,
            max_bytes: 8,
            fill: Fill::default(),
        });
    }
    let template =
        |text: &[u8]| Template::parse(text).map_err(|error| Failure::usage(error.to_string()));
    if !args.message.is_empty() {
        let all = args.message.iter().map(|text| template(text.as_bytes()));
        return Ok(PayloadConfig::Templates(all.collect::<Result<_, _>>()?));
    }
    if args.payload.is_empty() {
        let (min_bytes, max_bytes) = args
            .size
            .unwrap_or((DEFAULT_SIZE_BYTES, DEFAULT_SIZE_BYTES));
        return Ok(PayloadConfig::Generated {
            min_bytes,
            max_bytes,
            fill: args.fill.map_or_else(Fill::default, Fill::from),
        });
    }
    let contents = read_payloads(&args.payload)?;
    if args.template {
        let all = contents.iter().map(|content| template(content));
        return Ok(PayloadConfig::Templates(all.collect::<Result<_, _>>()?));
    }
    Ok(PayloadConfig::Fixed(
        contents.into_iter().map(Arc::from).collect(),
    ))
}

fn read_payloads(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    for path in paths {
        let name = path.to_string_lossy();
        let Some(directory) = name.strip_prefix('@') else {
            files.push(path.clone());
            continue;
        };
        let entries = std::fs::read_dir(directory)
            .with_context(|| format!("could not read the directory '{directory}'"))?;
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.is_file())
            .collect();
        if found.is_empty() {
            let message = format!("the directory '{directory}' has no files to send");
            return Err(Failure::usage(message).into());
        }
        found.sort();
        files.extend(found);
    }
    files
        .iter()
        .map(|path| {
            std::fs::read(path)
                .with_context(|| format!("could not read the payload '{}'", path.display()))
        })
        .collect()
}

/// RFC 6455 §5.6: the payload of a text message is UTF-8.
fn check_text(text: bool, payload: &PayloadConfig) -> Result<()> {
    if let PayloadConfig::Fixed(all) = payload
        && text
        && all
            .iter()
            .any(|content| std::str::from_utf8(content).is_err())
    {
        let message = "a payload is not UTF-8, which text messages must be; add --binary";
        return Err(Failure::usage(message).into());
    }
    Ok(())
}

fn header_rows(path: &Path) -> Result<Vec<Vec<HeaderEdit>>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("could not read the headers in '{}'", path.display()))?;
    // Spreadsheets put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut rows = parse_csv(text).into_iter();
    let bad = |what: String| Failure::usage(format!("'{}': {what}", path.display()));
    let names = rows
        .next()
        .ok_or_else(|| bad("no row with header names".into()))?;
    if matches!(&names[..], [one] if one.contains(';')) {
        let what = "fields are separated by commas, not by semicolons".to_owned();
        return Err(bad(what).into());
    }
    let mut all = Vec::new();
    for (index, row) in rows.enumerate() {
        if row.len() != names.len() {
            let (found, wanted) = (row.len(), names.len());
            let what = format!("row {} has {found} fields and not {wanted}", index + 2);
            return Err(bad(what).into());
        }
        let edits = names.iter().zip(&row).map(|(name, value)| {
            HeaderEdit::set(name.trim(), value).map_err(|error| bad(error.to_string()))
        });
        all.push(edits.collect::<Result<Vec<_>, _>>()?);
    }
    if all.is_empty() {
        return Err(bad("no row below the header names".into()).into());
    }
    Ok(all)
}

/// RFC 4180: fields between commas, quoted where they hold a comma, a quote
/// or a line break.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    // An empty line is no row.
    rows.retain(|row| row.iter().any(|field| !field.is_empty()));
    rows
}

/// Whether replies can be matched as asked: an id pattern must find an id in
/// what is sent.
pub(super) fn check_ids(config: &BenchConfig) -> Result<()> {
    let is_generated = matches!(config.payload, PayloadConfig::Generated { .. });
    if config.verify && is_generated && !config.payload.is_fully_tagged() {
        let message = "--verify needs messages of 16 bytes or more, which say whose they are; give a larger --size, or a --message";
        return Err(Failure::usage(message).into());
    }
    let Matching::Id(pattern) = &config.matching else {
        return Ok(());
    };
    let samples = config.payload.samples();
    if samples
        .iter()
        .any(|sample| pattern.capture(sample).is_none())
    {
        let message = "--match finds no id in the messages that are sent; give messages that hold one (--message '{\"id\": {{n}}}' --match '$.id')";
        return Err(Failure::usage(message).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_fields_may_hold_commas_quotes_and_line_breaks() {
        let rows = parse_csv("A,\"B\"\r\n1,\"x, \"\"y\"\"\nz\"\n\n2,\n");
        let expected = [vec!["A", "B"], vec!["1", "x, \"y\"\nz"], vec!["2", ""]];
        assert_eq!(rows, expected);
    }
}
