//! `wscli bench`.

mod plan;

use std::cell::Cell;
use std::future::pending;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use super::demo;
use super::sentence;
use super::signals::Signals;
use crate::bench::config::Mode;
use crate::bench::threshold::Verdict;
use crate::bench::{BenchConfig, BenchError, Live, Summary, limits, run as run_bench};
use crate::cli::bench::BenchArgs;
use crate::connection::net::proxy::ProxyRules;
use crate::connection::{OpenConfig, diagnose};
use crate::exit::{ExitStatus, Failure, status_of_open};
use crate::report::{bench_json, bench_text};
use crate::terminal::{Progress, Status, write_stdout};

/// Runs the command.
pub(super) fn run(args: &BenchArgs, status: Status) -> Result<ExitStatus> {
    let limits = limits::raise_and_read();
    let config = plan::config(args)?;
    plan::check_ids(&config)?;
    // An embedded server holds the other end of each connection.
    let extra = u64::from(args.demo);
    limits::check(&config, limits, extra).map_err(|error| Failure::usage(error.to_string()))?;
    let config = with_demo(config, args, status)?;
    let cause = Cell::new(None);
    let summary = measure(config, args.transport.max_time, status, &cause)?;
    finish(args, summary, cause.get())
}

fn with_demo(mut config: BenchConfig, args: &BenchArgs, status: Status) -> Result<BenchConfig> {
    if args.demo {
        let url = demo::start_apart()?;
        status.note(&format!(
            "measuring an embedded echo server at {url}, in this process"
        ));
        config.targets = vec![url.parse()?];
        // No proxy leads to this very process.
        config.open.dial.proxies = ProxyRules::default();
    }
    Ok(config)
}

fn measure(
    config: BenchConfig,
    max_time: Option<Duration>,
    status: Status,
    cause: &Cell<Option<ExitStatus>>,
) -> Result<Summary> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let planned = config.duration;
    let open = config.open.clone();
    let mut progress = Progress::start(status);
    let result = runtime.block_on(async {
        let mut signals = Signals::new().context("cannot listen for signals")?;
        let stop = async { cause.set(Some(stopped(&mut signals, max_time).await)) };
        Ok(run_bench(config, stop, |live| show(&mut progress, planned, live)).await)
    });
    progress.finish();
    result.and_then(|result| result.map_err(|error| failure(error, &open)))
}

/// What ends a run early, as the status of a process that it ends.
async fn stopped(signals: &mut Signals, max_time: Option<Duration>) -> ExitStatus {
    let out_of_time = async {
        match max_time {
            Some(after) => sleep(after).await,
            None => pending().await,
        }
    };
    tokio::select! {
        status = signals.next() => status,
        () = out_of_time => ExitStatus::Timeout,
    }
}

fn failure(error: BenchError, open: &OpenConfig) -> anyhow::Error {
    let BenchError::NoConnection {
        connections,
        target,
        source,
    } = error
    else {
        return Failure::new(ExitStatus::LocalIo, error.to_string()).into();
    };
    // The exit status is that of the failure beneath.
    let exit = status_of_open(&source);
    let secrets = open.request.secrets(&target);
    let hint = diagnose::hint(&source, &target, open);
    let cause = secrets.text(&sentence(&anyhow::Error::from(source)));
    let message = format!("{}: {cause}", not_opened(connections));
    Failure::new(exit, message).with_hint(hint).into()
}

/// That none of so many connections could be opened. The first failure can end
/// a run of handshakes before any has been counted.
fn not_opened(connections: usize) -> String {
    match connections {
        0 | 1 => "no connection could be opened".to_owned(),
        _ => format!("none of {connections} connections could be opened"),
    }
}

fn show(progress: &mut Progress, planned: Option<Duration>, live: &Live) {
    let done = planned.map_or(0.0, |planned| {
        live.measured.as_secs_f64() / planned.as_secs_f64().max(0.001)
    });
    progress.show(done, || bench_text::live(live));
}

fn finish(
    args: &BenchArgs,
    mut summary: Summary,
    stopped: Option<ExitStatus>,
) -> Result<ExitStatus> {
    let thresholds = &args.report.thresholds;
    let verdicts: Vec<Verdict> = thresholds.iter().map(|t| t.judge(&mut summary)).collect();
    let json = args.report.json.as_deref();
    if let Some(path) = json {
        let document = bench_json::render(&mut summary, &verdicts, args.demo);
        if path == Path::new("-") {
            write_stdout(&document)?;
        } else {
            std::fs::write(path, document)
                .with_context(|| format!("could not write the report to '{}'", path.display()))?;
        }
    }
    if json != Some(Path::new("-")) {
        write_stdout(bench_text::render(&mut summary, &verdicts, args.demo).as_bytes())?;
    }
    if let Some(status) = stopped {
        return Ok(status);
    }
    if verdicts.iter().any(|verdict| !verdict.ok) {
        return Ok(ExitStatus::Findings);
    }
    if summary.is_void() {
        let text = match summary.mode {
            Mode::Flood => {
                "no message could be sent, so nothing was measured; the report tells of the errors"
            }
            _ => {
                "no message of the load was answered, so nothing was measured; the report tells of the errors and the losses, and --mode flood waits for no answer"
            }
        };
        return Err(Failure::new(ExitStatus::Expectation, text).into());
    }
    Ok(ExitStatus::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_connection_is_not_none_of_none() {
        for (connections, told) in [
            (0, "no connection could be opened"),
            (1, "no connection could be opened"),
            (2, "none of 2 connections could be opened"),
        ] {
            assert_eq!(not_opened(connections), told);
        }
    }
}
