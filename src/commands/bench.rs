//! `wscli bench`.

mod made;
mod output;
mod plan;

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use self::output::JsonOutput;
use super::demo;
use super::files::Files;
use super::signals::Signals;
use crate::bench::config::Mode;
use crate::bench::threshold::{Threshold, Verdict};
use crate::bench::{BenchConfig, BenchError, Live, Summary, limits, run as run_bench};
use crate::cli::bench::BenchArgs;
use crate::connection::net::proxy::ProxyRules;
use crate::connection::{OpenConfig, diagnose};
use crate::exit::{ExitStatus, Failure, status_of_open};
use crate::report::bench::text::{self, Look};
use crate::report::bench::{Run, json, live};
use crate::talk::sentence;
use crate::terminal::style::Colors;
use crate::terminal::{
    Progress, Status, Style, Verbosity, stdout_is_terminal, stdout_width, write_stdout,
};

/// Where prose and tables end when nobody looks at a terminal.
const DEFAULT_WIDTH: usize = 80;

/// Runs the command.
pub(super) fn run(args: &BenchArgs, colors: Colors, status: Status) -> Result<ExitStatus> {
    let limits = limits::raise_and_read();
    let config = plan::config(args)?;
    plan::check_ids(&config)?;
    for threshold in &args.report.thresholds {
        threshold
            .check(config.mode, &config.load)
            .map_err(|error| Failure::usage(error.to_string()))?;
    }
    // An embedded server holds the other end of each connection.
    let extra = u64::from(args.demo);
    limits::check(&config, limits, extra).map_err(|error| Failure::usage(error.to_string()))?;
    check_files(args)?;
    let json = JsonOutput::open(args.report.json.as_deref())?;
    let config = with_demo(config, args, status)?;
    let made = made::made(&config, args.demo);
    let cause = Cell::new(None);
    let thresholds = args.report.thresholds.iter();
    let measured = measure(config.clone(), args.transport.max_time, status, &cause);
    let mut summary = measured.inspect_err(|_| {
        note_verdicts(
            &thresholds
                .clone()
                .map(Threshold::missed)
                .collect::<Vec<_>>(),
            status,
        );
    })?;
    let verdicts: Vec<Verdict> = thresholds.map(|t| t.judge(&mut summary)).collect();
    let run = Run {
        made: &made,
        config: &config,
        summary: &mut summary,
        verdicts: &verdicts,
    };
    let told = tell(run, json, colors, status);
    if let Err(error) = &told {
        status.error(&sentence(error.as_ref()));
    }
    let ended = judge(&summary, &verdicts, cause.get());
    match (told, ended) {
        // A report that is not there is never a success.
        (Err(_), Ok(ExitStatus::Success)) => Ok(ExitStatus::LocalIo),
        (_, ended) => ended,
    }
}

/// That the report does not take the place of what is read.
fn check_files(args: &BenchArgs) -> Result<()> {
    let mut files = Files::default()
        .written("--json", args.report.json.as_deref())
        .read("--headers-csv", args.headers_csv.as_deref());
    for path in &args.payload.payload {
        files = files.read("--payload", Some(path));
    }
    files.check()
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
    let plan = config.clone();
    let mut progress = Progress::start(status);
    let result = runtime.block_on(async {
        let mut signals = Signals::with_last_words().context("cannot listen for signals")?;
        let stop = async { cause.set(Some(stopped(&mut signals, max_time).await)) };
        Ok(run_bench(config, stop, |live| show(&mut progress, &plan, live)).await)
    });
    progress.finish();
    // The load may have been this runtime's: a name that is still looked up, which
    // nothing can end, is not waited for.
    runtime.shutdown_background();
    result.and_then(|result| result.map_err(|error| failure(error, &plan.open)))
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
    let secrets = open.secrets(&target);
    let hint = diagnose::hint(&source, &target, open);
    let cause = secrets.text(&sentence(&source));
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

fn show(progress: &mut Progress, config: &BenchConfig, live: &Live) {
    progress.show_fitted(live::done(live, config), |width| {
        live::line(live, config, width)
    });
}

/// Shows the report: the text first, which a file that fails does not take along.
fn tell(mut run: Run<'_>, json: JsonOutput, colors: Colors, status: Status) -> Result<()> {
    let is_terminal = stdout_is_terminal();
    let look = Look {
        style: colors.stdout(),
        width: stdout_width()
            .filter(|_| is_terminal)
            .unwrap_or(DEFAULT_WIDTH),
        control_frames: status.shows(Verbosity::Verbose),
    };
    heads(&run, status);
    let text = match (json.is_stdout(), status.shows(Verbosity::Normal)) {
        (true, _) => Ok(()),
        (false, true) => write_stdout(text::render(&mut run, look).as_bytes()),
        (false, false) => write_stdout(text::verdicts(run.verdicts, look).as_bytes()),
    };
    if json.is_stdout() {
        note_verdicts(run.verdicts, status);
    }
    let json = json.write(|| json::render(&mut run));
    text.context("could not write the report")?;
    json
}

/// Tells verdicts on stderr, where stdout is the JSON's or there is no report.
fn note_verdicts(verdicts: &[Verdict], status: Status) {
    let plain = Look {
        style: Style::plain(),
        width: DEFAULT_WIDTH,
        control_frames: false,
    };
    for line in text::verdicts(verdicts, plain).lines() {
        status.note(line);
    }
}

/// Both heads of the first connection to each URL (`-v`).
fn heads(run: &Run<'_>, status: Status) {
    for (url, target) in run.summary.urls.iter().zip(&run.config.targets) {
        let Some(agreed) = &url.agreed else { continue };
        let secrets = run.config.open.secrets(target);
        status.info(&format!("the first connection to {}", url.url));
        for (mark, head) in [('>', &agreed.request_head), ('<', &agreed.response_head)] {
            status.document(Verbosity::Verbose, mark, &secrets.head(head));
        }
    }
}

/// What a run comes to.
fn judge(
    summary: &Summary,
    verdicts: &[Verdict],
    stopped: Option<ExitStatus>,
) -> Result<ExitStatus> {
    if let Some(status) = stopped {
        return Ok(status);
    }
    if verdicts.iter().any(|verdict| !verdict.ok) {
        return Ok(ExitStatus::Findings);
    }
    if let Some(why) = text::asked::early_end(summary) {
        return Err(Failure::new(ExitStatus::PeerClosed, why).into());
    }
    if summary.is_void() {
        let text = match summary.mode {
            Mode::Flood => {
                "no message could be sent, so nothing was measured; the report tells of the errors"
            }
            Mode::Idle => {
                "no ping was answered, so nothing was measured; the report tells of the errors and the losses"
            }
            _ => {
                "no message of the load was answered, so nothing was measured; the report tells of the errors and the losses, and --mode flood waits for no answer"
            }
        };
        return Err(Failure::new(ExitStatus::Expectation, text).into());
    }
    check_replies(summary, verdicts)
}

/// A check that was asked for, and found something, is no success, but where a
/// threshold says how much may be wrong.
fn check_replies(summary: &Summary, verdicts: &[Verdict]) -> Result<ExitStatus> {
    let counters = &summary.stats.counters;
    let (wrong, answered) = (counters.mismatched, counters.answered);
    if wrong == 0 || verdicts.iter().any(Verdict::is_on_errors) {
        return Ok(ExitStatus::Success);
    }
    let text = format!(
        "{wrong} of {answered} replies differ from what was sent; --threshold 'errors<1%' says how many may"
    );
    Err(Failure::new(ExitStatus::Expectation, text).into())
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
