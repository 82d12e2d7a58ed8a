//! `wscli probe-origin`: arguments → plan → run → reports → exit status.

mod baseline;
mod browser;
mod config;
mod dialer;
mod har;
mod job;
mod live;
mod output;
mod targets;
mod ticket;

use std::cell::RefCell;
use std::future::pending;
use std::path::Path;
use std::pin::pin;

use anyhow::{Context as _, Result};
use futures_util::stream::{self, StreamExt as _};
use tokio::runtime::Builder;
use tokio::sync::watch;

use self::dialer::ProbeDialer;
use self::job::Job;
use self::live::Live;
use self::output::Output;
use super::files::Files;
use super::signals::Signals;
use crate::cli::probe_origin::ProbeOriginArgs;
use crate::exit::{ExitStatus, Failure, status_of_cause};
use crate::origin::beside;
use crate::origin::catalogue;
use crate::origin::runner::{self, Ending};
use crate::origin::verdict::{Report, report};
use crate::report::probe::{Run, Standing, TargetReport, catalogue as listing};
use crate::terminal::style::Colors;
use crate::terminal::{Status, write_stdout};
use crate::value::clock;

/// Says with which status the process is to end early, once it is.
type Stop = watch::Receiver<Option<ExitStatus>>;

/// Runs the command.
pub(super) fn run(args: &ProbeOriginArgs, colors: Colors, status: Status) -> Result<ExitStatus> {
    if args.probing.list {
        write_stdout(listing::list().as_bytes())?;
        return Ok(ExitStatus::Success);
    }
    if let Some(id) = &args.probing.explain {
        let rule = catalogue::find(id).ok_or_else(|| job::no_such_probe(id))?;
        write_stdout(listing::explain(rule).as_bytes())?;
        return Ok(ExitStatus::Success);
    }
    check_files(args)?;
    let mut jobs = job::jobs(args, status)?;
    if let Some(path) = &args.baseline.baseline {
        baseline::excuse(path, &mut jobs)?;
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitStatus::LocalIo, format!("could not start: {error}")))?;
    let output = Output::new(&args.reports, colors, status);
    let parallel = usize::from(args.discovery.parallel);
    let started = clock::now();
    let (targets, stopped) = runtime.block_on(until_signal(|stop| {
        probe_all(&jobs, &output, parallel, stop)
    }))?;
    // A resolver that is still at work need not be waited for.
    runtime.shutdown_background();
    let run = Run {
        targets: targets?,
        has_baseline: args.baseline.baseline.is_some(),
        config: args.policy.config.as_deref().map(output::path_for_reports),
        started,
        ended: clock::now(),
    };
    let written = output.write_files(&run);
    if let Some(path) = &args.baseline.write_baseline {
        baseline::write(path, &run, status)?;
    }
    written?;
    Ok(stopped.unwrap_or_else(|| overall(&run)))
}

/// That no report takes the place of another, or of what is read. A baseline may be
/// written where it was read.
fn check_files(args: &ProbeOriginArgs) -> Result<()> {
    let (reports, discovery) = (&args.reports, &args.discovery);
    let written = [
        ("--json", &reports.json),
        ("--junit", &reports.junit),
        ("--sarif", &reports.sarif),
        ("--markdown", &reports.markdown),
        ("--gitlab", &reports.gitlab),
        ("--html", &reports.html),
        ("--poc", &reports.poc),
    ];
    let read = [
        ("--config", &args.policy.config),
        ("--targets", &discovery.targets),
        ("--from-har", &discovery.from_har),
    ];
    let is_stdin_read = discovery.targets.as_deref() == Some(Path::new("-"));
    let files = || {
        let files = Files::default().stdin(is_stdin_read);
        let files = written.iter().fold(files, |files, (flag, path)| {
            files.written(flag, path.as_deref())
        });
        let read = read.iter();
        read.fold(files, |files, (flag, path)| {
            files.read(flag, path.as_deref())
        })
    };
    let baseline = &args.baseline;
    files()
        .read("--baseline", baseline.baseline.as_deref())
        .check()?;
    files()
        .written("--write-baseline", baseline.write_baseline.as_deref())
        .check()
}

/// Runs this to its end, and tells it of the first signal. With which status that
/// signal ends the process.
async fn until_signal<T, F>(run: impl FnOnce(Stop) -> F) -> Result<(T, Option<ExitStatus>)>
where
    F: Future<Output = T>,
{
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let (tell, stop) = watch::channel(None);
    let listen = async {
        tell.send_replace(Some(signals.next().await));
        pending::<()>().await;
    };
    let done = tokio::select! {
        done = run(stop) => done,
        () = listen => unreachable!("it never ends"),
    };
    let stopped = *tell.borrow();
    Ok((done, stopped))
}

/// Several at a time. The reports come in the order of the targets.
async fn probe_all(
    jobs: &[Job],
    output: &Output<'_>,
    parallel: usize,
    stop: Stop,
) -> Result<Vec<TargetReport>> {
    let live = RefCell::new(Live::start(jobs, output.status()));
    let mut targets = Vec::new();
    {
        let runs = jobs
            .iter()
            .enumerate()
            .map(|(index, job)| probe(index, job, output, &live, stop.clone()));
        let mut runs = pin!(stream::iter(runs).buffered(parallel));
        while let Some(target) = runs.next().await {
            live.borrow().suspend(|| output.show(&target))?;
            targets.push(target);
        }
    }
    live.into_inner().end();
    Ok(targets)
}

async fn probe(
    index: usize,
    job: &Job,
    output: &Output<'_>,
    live: &RefCell<Live<'_>>,
    mut stop: Stop,
) -> TargetReport {
    let stopped_before = stop.borrow().is_some();
    if !stopped_before {
        live.borrow().suspend(|| output.announce(job));
    }
    let dialer = ProbeDialer::new(job);
    let mut signal = None;
    let stopped = async {
        // The sender outlives every run.
        let status = stop.wait_for(Option::is_some).await.ok().and_then(|s| *s);
        let name = signal_name(status);
        signal = Some(name);
        format!("interrupted by {name}")
    };
    let stopped = async {
        tokio::select! {
            why = stopped => why,
            why = dialer.fault() => why,
        }
    };
    let show = |step| live.borrow_mut().show(index, &step);
    let result = Box::pin(runner::run_until(&dialer, &job.run, &show, stopped)).await;
    // One that came while the last answer was judged has cut nothing off.
    let interrupted = signal.filter(|_| matches!(result.ending, Ending::Stopped(_)));
    let complete = matches!(result.ending, Ending::Complete);
    let mut report = report(
        job.shown(),
        job.target.resource.wire(),
        &job.run.plan,
        result,
        &job.run.policy,
    );
    if complete {
        tokio::select! {
            () = look_beside(job, &dialer, &mut report) => {}
            _ = stop.wait_for(Option::is_some) => {}
        }
    }
    TargetReport {
        report,
        fail_on: job.fail_on,
        line: job.line,
        interrupted,
    }
}

/// Asks for what is known to stand beside the socket.
async fn look_beside(job: &Job, dialer: &ProbeDialer, report: &mut Report) {
    let Some(beside) = beside::beside(report.server, &job.target) else {
        return;
    };
    if !job.beside.contains(&beside.id()) {
        return;
    }
    let dialer = dialer.to(beside.target(&job.target));
    tokio::select! {
        () = beside::ask(&beside, &dialer, &job.run, report) => {}
        // Without a ticket there is nothing to ask.
        _ = dialer.fault() => {}
    }
}

fn signal_name(status: Option<ExitStatus>) -> &'static str {
    match status {
        Some(ExitStatus::HungUp) => "SIGHUP",
        Some(ExitStatus::Terminated) => "SIGTERM",
        _ => "SIGINT",
    }
}

/// The exit status: findings first, then what could not be told.
fn overall(run: &Run) -> ExitStatus {
    let targets = || run.targets.iter();
    let is = |wanted| targets().any(|target| target.standing() == wanted);
    if is(Standing::Findings) {
        return ExitStatus::Findings;
    }
    if is(Standing::Died) {
        return ExitStatus::TargetDied;
    }
    if is(Standing::Inconclusive) {
        return ExitStatus::Inconclusive;
    }
    targets()
        .find_map(|target| target.report.unreachable.as_deref())
        .map_or(ExitStatus::Success, |error| {
            // Whether it was waited for or redirected to does not matter.
            let status = status_of_cause(&error.cause);
            // The phases before the handshake have codes of their own, and so
            // has what was never tried.
            let of_the_dial = (2..=6).contains(&status.code());
            if of_the_dial {
                status
            } else {
                ExitStatus::Inconclusive
            }
        })
}
