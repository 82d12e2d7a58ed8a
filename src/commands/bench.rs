//! `wscli bench`.

mod plan;
mod signals;

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::signals::{Cause, interrupted};
use super::demo;
use crate::bench::threshold::Verdict;
use crate::bench::{BenchConfig, BenchError, Live, Summary, limits, run as run_bench};
use crate::cli::bench::BenchArgs;
use crate::exit::{ExitStatus, Failure};
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
        let url = demo::start()?;
        status.note(&format!(
            "measuring an embedded echo server at {url}, in this process"
        ));
        config.targets = vec![url.parse()?];
    }
    Ok(config)
}

fn measure(
    config: BenchConfig,
    max_time: Option<Duration>,
    status: Status,
    cause: &Cell<Option<Cause>>,
) -> Result<Summary> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let planned = config.duration;
    let mut progress = Progress::start(status);
    let result = runtime.block_on(async {
        let stop = async { cause.set(Some(interrupted(max_time).await)) };
        run_bench(config, stop, |live| show(&mut progress, planned, live)).await
    });
    progress.finish();
    result.map_err(|error| match error {
        // The exit status is that of the failure beneath.
        BenchError::NoConnection {
            connections,
            source,
        } => anyhow::Error::from(*source)
            .context(format!("none of {connections} connections could be opened")),
        other => Failure::new(ExitStatus::LocalIo, other.to_string()).into(),
    })
}

fn show(progress: &mut Progress, planned: Option<Duration>, live: &Live) {
    let done = planned.map_or(0.0, |planned| {
        live.measured.as_secs_f64() / planned.as_secs_f64().max(0.001)
    });
    progress.show(done, || bench_text::live(live));
}

fn finish(args: &BenchArgs, mut summary: Summary, cause: Option<Cause>) -> Result<ExitStatus> {
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
    Ok(match cause {
        Some(Cause::Interrupt) => ExitStatus::Interrupted,
        Some(Cause::Terminate) => ExitStatus::Terminated,
        Some(Cause::MaxTime) => ExitStatus::Timeout,
        None if verdicts.iter().all(|verdict| verdict.ok) => ExitStatus::Success,
        None => ExitStatus::Findings,
    })
}
