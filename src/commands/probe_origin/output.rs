//! Where the results and the progress go.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::super::prompt::color_env;
use super::job::Job;
use crate::cli::probe_origin::ReportArgs;
use crate::exit::{ExitStatus, Failure};
use crate::origin::catalogue::{Group, Severity};
use crate::origin::runner::Progress;
use crate::origin::verdict::Report;
use crate::report::probe::text::{Look, render};
use crate::report::probe::{github, json, junit, markdown, sarif, verdict_line};
use crate::terminal::style::{ColorChoice, Style};
use crate::terminal::{
    Status, Verbosity, stderr_is_terminal, stdout_is_terminal, write_stderr, write_stdout,
};

/// The streams and files of a run.
pub(super) struct Output<'a> {
    args: &'a ReportArgs,
    color: ColorChoice,
    status: Status,
    fail_on: Severity,
    /// Whether the report itself takes stdout.
    json_on_stdout: bool,
    /// Whether progress can be drawn over itself.
    live: bool,
}

impl<'a> Output<'a> {
    pub(super) fn new(
        args: &'a ReportArgs,
        color: ColorChoice,
        status: Status,
        fail_on: Severity,
    ) -> Self {
        let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
        Self {
            args,
            color,
            status,
            fail_on,
            json_on_stdout,
            live: stderr_is_terminal() && status.shows(Verbosity::Normal),
        }
    }

    /// Says what will be sent, before it is.
    pub(super) fn announce(&self, job: &Job) {
        let probes = || {
            job.run
                .plan
                .probes
                .iter()
                .filter(|probe| probe.same_as.is_none())
        };
        let count = |group| probes().filter(|probe| probe.group == group).count();
        self.status.note(&format!(
            "{}: {} probes ({} that any web page can send, {} that need a foothold, {} that browsers never send), and the allowed origin in between",
            job.run.redactor.url(&job.target.to_string()),
            probes().count(),
            count(Group::Web),
            count(Group::Foothold),
            count(Group::ClientOnly),
        ));
    }

    pub(super) fn progress(&self, step: &Progress) {
        let line = match step {
            Progress::Baseline(origin) => format!("the allowed origin {origin}"),
            Progress::Probe { id, done, total } => format!("{done}/{total} {id}"),
            Progress::Waiting { time, why } => {
                let line = format!("waiting {time:?}: {why}");
                if !self.live && *time >= Duration::from_secs(1) {
                    self.status.note(&line);
                }
                line
            }
        };
        if self.live {
            write_stderr(&format!("\r\x1b[K{line:.100}"));
        }
    }

    pub(super) fn end_progress(&self) {
        if self.live {
            write_stderr("\r\x1b[K");
        }
    }

    /// Shows the table.
    pub(super) fn show(&self, report: &Report) -> Result<()> {
        let to_terminal = if self.json_on_stdout {
            stderr_is_terminal()
        } else {
            stdout_is_terminal()
        };
        let look = Look {
            colour: Style::decide(self.color, color_env(), to_terminal).is_colored(),
            evidence: self.status.shows(Verbosity::Verbose),
            fail_on: Some(self.fail_on),
        };
        let text = if self.status.shows(Verbosity::Normal) {
            render(report, look)
        } else {
            format!(
                "{}\n",
                crate::terminal::sanitize(&verdict_line(report, self.fail_on))
            )
        };
        self.put(&text)
    }

    fn put(&self, text: &str) -> Result<()> {
        if self.json_on_stdout {
            write_stderr(text);
            return Ok(());
        }
        Ok(write_stdout(text.as_bytes())?)
    }

    /// Writes every report that was asked for.
    #[expect(
        clippy::disallowed_methods,
        reason = "`commands` reads the environment"
    )]
    pub(super) fn write_files(&self, reports: &[Report], config: Option<&Path>) -> Result<()> {
        let fail_on = self.fail_on;
        let file = config.map(|path| path.display().to_string());
        if let Some(path) = &self.args.json {
            let document = json::render(reports, fail_on);
            if self.json_on_stdout {
                write_stdout(document.as_bytes())?;
            } else {
                write(path, &document)?;
            }
        }
        if let Some(path) = &self.args.junit {
            write(path, &junit::render(reports, fail_on))?;
        }
        if let Some(path) = &self.args.sarif {
            write(path, &sarif::render(reports, file.as_deref()))?;
        }
        let summary = markdown::render(reports, fail_on);
        if let Some(path) = &self.args.markdown {
            write(path, &summary)?;
        }
        if self.args.github {
            self.put(&github::annotations(reports, file.as_deref(), fail_on))?;
            if let Some(path) = env::var_os("GITHUB_STEP_SUMMARY") {
                append(Path::new(&path), &summary)?;
            }
        }
        Ok(())
    }
}

fn write(path: &Path, document: &str) -> Result<()> {
    fs::write(path, document).map_err(|error| failed(path, &error))
}

fn append(path: &Path, document: &str) -> Result<()> {
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(document.as_bytes()))
        .map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> anyhow::Error {
    let message = format!("could not write the report '{}': {error}", path.display());
    Failure::new(ExitStatus::LocalIo, message).into()
}
