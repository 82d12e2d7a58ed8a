//! `wscli probe-origin`: arguments → plan → run → reports → exit status.

mod config;
mod job;
mod output;

use anyhow::Result;
use tokio::runtime::Builder;

use self::job::Job;
use self::output::Output;
use crate::cli::probe_origin::{FailOn, ProbeOriginArgs};
use crate::exit::{ExitStatus, Failure, status_of_open};
use crate::origin::catalogue::{self, Severity};
use crate::origin::observe::CoreDialer;
use crate::origin::runner;
use crate::origin::verdict::{Report, report};
use crate::report::probe::{Standing, catalogue as listing, standing};
use crate::terminal::style::ColorChoice;
use crate::terminal::{Status, write_stdout};

/// Runs the command.
pub(super) fn run(
    args: &ProbeOriginArgs,
    color: ColorChoice,
    status: Status,
) -> Result<ExitStatus> {
    if args.probing.list {
        write_stdout(listing::list().as_bytes())?;
        return Ok(ExitStatus::Success);
    }
    if let Some(id) = &args.probing.explain {
        let rule = catalogue::find(id).ok_or_else(|| job::no_such_probe(id))?;
        write_stdout(listing::explain(rule).as_bytes())?;
        return Ok(ExitStatus::Success);
    }
    let (jobs, fail_on) = job::jobs(args)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitStatus::LocalIo, format!("could not start: {error}")))?;
    let output = Output::new(&args.reports, color, status, fail_on);
    let mut reports = Vec::new();
    for job in &jobs {
        let report = runtime.block_on(probe(job, &output));
        output.show(&report)?;
        reports.push(report);
    }
    output.write_files(&reports, args.policy.config.as_deref())?;
    Ok(overall(&reports, fail_on))
}

async fn probe(job: &Job, output: &Output<'_>) -> Report {
    output.announce(job);
    let dialer = CoreDialer {
        target: job.target.clone(),
    };
    let result = runner::run(&dialer, &job.run, &|step| output.progress(&step)).await;
    output.end_progress();
    let target = job.run.redactor.url(&job.target.to_string());
    report(
        target,
        &job.target.resource,
        &job.run.plan,
        result,
        &job.run.policy,
    )
}

/// The exit status: findings first, then what could not be told.
fn overall(reports: &[Report], fail_on: Severity) -> ExitStatus {
    let is = |wanted| {
        reports
            .iter()
            .any(|report| standing(report, fail_on) == wanted)
    };
    if is(Standing::Findings) {
        return ExitStatus::Findings;
    }
    if is(Standing::Died) {
        return ExitStatus::TargetDied;
    }
    if is(Standing::Inconclusive) {
        return ExitStatus::Inconclusive;
    }
    reports
        .iter()
        .find_map(|report| report.unreachable.as_deref())
        .map_or(ExitStatus::Success, |error| {
            // Whether it was waited for or redirected to does not matter.
            let status = status_of_open(error.innermost());
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

fn severity(fail_on: FailOn) -> Severity {
    match fail_on {
        FailOn::Critical => Severity::Critical,
        FailOn::High => Severity::High,
        FailOn::Medium => Severity::Medium,
        FailOn::Low => Severity::Low,
    }
}
