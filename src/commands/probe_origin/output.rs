//! Where the results and the progress go.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use super::job::Job;
use crate::cli::probe_origin::ReportArgs;
use crate::commands::files;
use crate::exit::{ExitStatus, Failure};
use crate::origin::catalogue::Group;
use crate::report::probe::text::{Look, render, wrapped};
use crate::report::probe::{
    Run, TargetReport, github, gitlab, html, json, junit, markdown, poc, sarif,
};
use crate::terminal::sanitize::sanitize_report;
use crate::terminal::style::Colors;
use crate::terminal::{
    Status, Verbosity, stderr_is_terminal, stderr_width, stdout_is_terminal, stdout_width,
    write_stderr, write_stdout,
};

/// Makes a document.
type Render = fn(&Run) -> String;

/// The streams and files of a run.
pub(super) struct Output<'a> {
    args: &'a ReportArgs,
    colors: Colors,
    status: Status,
    /// Whether the report itself takes stdout.
    json_on_stdout: bool,
}

impl<'a> Output<'a> {
    pub(super) fn new(args: &'a ReportArgs, colors: Colors, status: Status) -> Self {
        Self {
            args,
            colors,
            status,
            json_on_stdout: args.json.as_deref() == Some(Path::new("-")),
        }
    }

    pub(super) fn status(&self) -> Status {
        self.status
    }

    /// Says what will be sent, before it is.
    pub(super) fn announce(&self, job: &Job) {
        let probes = || {
            let probes = job.run.plan.probes.iter();
            probes.filter(|probe| probe.same_as.is_none())
        };
        let count = |group| probes().filter(|probe| probe.group == group).count();
        let all = match probes().count() {
            1 => "1 probe".to_owned(),
            all => format!("{all} probes"),
        };
        let beside = match job.beside.is_empty() {
            true => "",
            false => "; beside the socket at most 1 request",
        };
        self.say(&format!(
            "{}: {all}, and the allowed origin in between{beside}",
            job.shown()
        ));
        let forecast = job.run.forecast();
        self.say(&format!(
            "opening handshakes: {} to {}, at most {} where refusals come after the 101",
            forecast.least, forecast.usual, forecast.most
        ));
        self.say(&format!(
            "of any web page {}, of a foothold {}, of no browser {}",
            count(Group::Web),
            count(Group::Foothold),
            count(Group::ClientOnly),
        ));
    }

    /// A note in lines that fit.
    fn say(&self, text: &str) {
        const MARK_WIDTH: usize = 2;
        let width = stderr_width().map(|width| width.saturating_sub(MARK_WIDTH));
        for line in wrapped(text, width, 2) {
            self.status.note(&line);
        }
    }

    /// Shows the table.
    pub(super) fn show(&self, target: &TargetReport) -> Result<()> {
        let (to_terminal, width, style) = if self.json_on_stdout {
            (stderr_is_terminal(), stderr_width(), self.colors.stderr())
        } else {
            (stdout_is_terminal(), stdout_width(), self.colors.stdout())
        };
        let look = Look {
            colour: style.is_colored(),
            evidence: self.status.shows(Verbosity::Verbose),
            width: width.filter(|_| to_terminal),
        };
        let text = if self.status.shows(Verbosity::Normal) {
            render(target, look)
        } else {
            format!("{}\n", sanitize_report(&target.verdict_line()))
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

    /// Writes every report that was asked for. One that cannot be written keeps no
    /// other from being written.
    ///
    /// # Errors
    /// Of the first that could not be written.
    #[expect(
        clippy::disallowed_methods,
        reason = "`commands` reads the environment"
    )]
    pub(super) fn write_files(&self, run: &Run) -> Result<()> {
        let args = self.args;
        let json = args.json.as_ref().filter(|_| !self.json_on_stdout);
        let reports: [(_, Render); 7] = [
            (json, json::render),
            (args.junit.as_ref(), junit::render),
            (args.sarif.as_ref(), sarif::render),
            (args.markdown.as_ref(), markdown::render),
            (args.gitlab.as_ref(), gitlab::render),
            (args.html.as_ref(), html::render),
            (args.poc.as_ref(), poc::render),
        ];
        let mut result = Ok(());
        for (path, render) in reports {
            if let Some(path) = path {
                result = result.and(write(path, &render(run)));
            }
        }
        if self.json_on_stdout {
            let written = write_stdout(json::render(run).as_bytes());
            result = result.and(written.map_err(Into::into));
        }
        if args.github {
            result = result.and(self.put(&github::annotations(run)));
            if let Some(path) = env::var_os("GITHUB_STEP_SUMMARY") {
                result = result.and(append(Path::new(&path), &markdown::render(run)));
            }
        }
        result
    }
}

/// A path as reports want it: from the folder in which the program runs, which in CI
/// is that of the repository, with `/`.
pub(super) fn path_for_reports(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    let inside = path.strip_prefix(&here).unwrap_or(path);
    let inside = inside.strip_prefix(".").unwrap_or(inside);
    inside.display().to_string().replace('\\', "/")
}

pub(super) fn write(path: &Path, document: &str) -> Result<()> {
    files::write(path, document.as_bytes()).map_err(|error| failed(path, &error))
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
