//! `connect` away from a terminal: standard input goes out, messages come back.

use std::pin::Pin;

use anyhow::Result;

use super::handshake::Heads;
use super::input::{self, Input, Paint};
use super::log::recording;
use super::{dialer, end, report, steps};
use crate::cli::connect::ConnectArgs;
use crate::connection::client::reconnect::Outlook;
use crate::connection::{OpenConfig, OpenFailure, Secrets, Target, diagnose};
use crate::exit::{ExitStatus, Failure, status_of_open};
use crate::pipe::{End, Framing, Pipe, PipeConfig, PipeEvent, Rest, Summary};
use crate::report::connect::ConnectReport;
use crate::script::{RunConfig, Unmet};
use crate::talk::text::duration;
use crate::talk::{Close, Direction, Entry, Kind, Line, LineEvent, Stop, sentence};
use crate::terminal::style::Colors;
use crate::terminal::{DataOutput, Status, Verbosity};

/// Runs the pipe to its end, and writes the report.
pub(super) async fn run(
    args: &ConnectArgs,
    colors: Colors,
    status: Status,
    target: Target,
    open: OpenConfig,
    stop: Pin<Box<impl Future<Output = Stop>>>,
) -> Result<ExitStatus> {
    let secrets = open.secrets(&target);
    let report = ConnectReport::new(secrets.url(&target.wire_url()));
    let mut teller = Teller::new(args, status, report, secrets.clone());
    let paint = Paint::new(args, colors);
    let result = talk(args, paint, &mut teller, target, open, stop).await;
    let written = match &args.report.json {
        Some(path) => report::write(path, teller.report, &result, &secrets),
        None => Ok(()),
    };
    // How the run went matters more than that nobody can read of it.
    result.and_then(|ended| written.map(|()| ended))
}

async fn talk(
    args: &ConnectArgs,
    paint: Paint,
    teller: &mut Teller<'_>,
    target: Target,
    open: OpenConfig,
    stop: Pin<Box<impl Future<Output = Stop>>>,
) -> Result<ExitStatus> {
    let mut stop = stop;
    let script = tokio::select! {
        script = steps::script(args) => script?,
        why = &mut stop => return end::of_stop(why, args.transport.max_time),
    };
    let (config, input) = talk_config(args, teller, script)?;
    let line = Line::new(dialer::line(args, Some((target.clone(), open.clone())))?);
    let view = input::view(&args.prompt, paint, teller.status);
    let pipe = Pipe {
        line,
        input,
        output: match args.prompt.raw || paint.is_colored() {
            true => DataOutput::raw_stdout(),
            false => DataOutput::stdout(),
        },
        view: &view,
        stop,
        observe: &mut |event| teller.tell(event),
    };
    let goal = config.goal.clone();
    let mut summary = pipe.run(config).await;
    // Who types sees that the peer has gone, and has lost nothing.
    if teller.typed && summary.input == Rest::Open {
        summary.input = Rest::Silent;
    }
    if let End::Unmet(unmet) = &summary.end {
        teller.tell_last(unmet);
    }
    match summary.end {
        End::NotOpened(error) => Err(not_opened(&error, &target, &open, &teller.shown()).into()),
        _ => end::judge(summary, goal.as_ref(), args.transport.max_time),
    }
}

/// How the talk is to go, and what goes in.
fn talk_config(
    args: &ConnectArgs,
    teller: &Teller<'_>,
    script: Option<RunConfig>,
) -> Result<(PipeConfig, Input)> {
    let mut config = input::config(args, teller.typed, script);
    let input = match args.prompt.replay {
        None => input::input(&args.input, config.framing, args.steps.has_steps())?,
        Some(_) => {
            let steps = recording(&args.prompt, teller.status)?;
            let (input, close) = input::replay(steps, teller.status);
            config.close = close.unwrap_or(config.close);
            input
        }
    };
    Ok((config, input))
}

fn not_opened(
    error: &OpenFailure,
    target: &Target,
    open: &OpenConfig,
    secrets: &Secrets,
) -> Failure {
    let hint = diagnose::hint(error, target, open);
    let text = secrets.text(&sentence(error));
    Failure::new(status_of_open(error), text).with_hint(hint)
}

/// Tells on stderr, and in the report, what happens.
struct Teller<'a> {
    args: &'a ConnectArgs,
    status: Status,
    heads: Heads,
    report: ConnectReport,
    secrets: Secrets,
    /// Whether a human types the messages.
    typed: bool,
    /// Why the last connection ended.
    why: String,
    /// Whether it was said that the input waits for a connection.
    wait_told: bool,
    /// How many lost messages were told of.
    lost_told: u64,
}

impl<'a> Teller<'a> {
    fn new(args: &'a ConnectArgs, status: Status, report: ConnectReport, secrets: Secrets) -> Self {
        Self {
            args,
            status,
            heads: Heads::new(&args.prompt, &secrets),
            report,
            secrets,
            typed: input::is_typed(args),
            why: String::new(),
            wait_told: false,
            lost_told: 0,
        }
    }

    /// The secrets as the screen and the log have them.
    fn shown(&self) -> Secrets {
        self.secrets.clone().show_if(self.args.prompt.log_secrets)
    }

    fn tell(&mut self, event: PipeEvent<'_>) {
        match event {
            PipeEvent::Line(LineEvent::Connecting(url)) => {
                self.status.info(&format!("connecting to {url}"));
            }
            PipeEvent::Line(LineEvent::Entry(entry)) => self.tell_entry(entry),
            PipeEvent::Line(LineEvent::NotOpened(error)) => {
                self.heads.show_refusal(self.status, error);
            }
            PipeEvent::Line(LineEvent::Flushed | LineEvent::Closed(_)) => {}
            PipeEvent::Ended { summary, again } => self.tell_end(summary, again),
            PipeEvent::Waiting { wait, attempt } => {
                let waits = match std::mem::replace(&mut self.wait_told, true) {
                    true => "",
                    false => "; the input waits until a connection is open",
                };
                self.status.note(&format!(
                    "{}; connecting again in {} (attempt {attempt}){waits}",
                    self.why,
                    duration(wait)
                ));
            }
            PipeEvent::NoneLeft => self
                .status
                .note("no attempt to connect is left (--reconnect)"),
            PipeEvent::Torn(framing) => {
                let (end, other) = match framing {
                    Framing::Nul => ("a NUL", "--jsonl keeps"),
                    _ => ("a line end", "-0 and --jsonl keep"),
                };
                self.status.note(&format!(
                    "a message with {end} in it was written as it is; {other} messages apart"
                ));
            }
            PipeEvent::LogTrouble(trouble) => self.status.note(&trouble),
        }
    }

    fn tell_entry(&mut self, entry: &Entry) {
        let status = self.status;
        match &entry.kind {
            Kind::Error {
                opening: Some(opening),
                ..
            } => self.report.not_opened((**opening).clone(), &self.secrets),
            Kind::Open(opening) => {
                self.report.opened((**opening).clone(), &self.secrets);
                self.heads.show_opened(status, opening);
                if self.typed {
                    status.note("Connection opened");
                }
            }
            _ if entry.direction == Direction::Out => {}
            Kind::Ping { data } => status.debug(&format!(
                "received a ping of {} bytes, answered with a pong",
                data.len()
            )),
            Kind::Pong { data, round_trip } => {
                let after = round_trip.map_or_else(String::new, |d| format!(" after {d:?}"));
                status.debug(&format!("received a pong of {} bytes{after}", data.len()));
            }
            Kind::Close(close) => self.tell_close(close),
            Kind::Text { .. } | Kind::Binary { .. } | Kind::Error { .. } => {}
        }
    }

    /// Why no connection follows, where that is for what cannot mend itself.
    fn tell_outlook(&self, outlook: Outlook) {
        let on = self.args.prompt.reconnect_on.clone().unwrap_or_default();
        if let Some(note) = outlook.note()
            && !outlook.is_tried_again(&on)
        {
            self.status.note(&note);
        }
    }

    fn tell_close(&self, close: &Close) {
        let level = match self.typed {
            true => Verbosity::Normal,
            false => Verbosity::Debug,
        };
        if self.status.shows(level) {
            let reason = end::one_line(&close.reason);
            let text = format!("Connection closed. Code: {}. Reason: {reason}", close.code);
            self.status.note(text.trim_end());
        }
    }

    /// The last records before a step was not met.
    fn tell_last(&self, unmet: &Unmet) {
        let status = self.status;
        let of = match unmet.is_cut() {
            true => format!(" of {}", unmet.came),
            false => String::new(),
        };
        match unmet.last.len() {
            0 => return,
            1 => status.note(&format!("the last record{of}:")),
            last => status.note(&format!("the last {last}{of} records:")),
        }
        let secrets = self.shown();
        for seen in &unmet.last {
            let line = secrets.values(&seen.to_string()).into_owned();
            status.document(Verbosity::Normal, ' ', &line);
        }
    }

    fn tell_end(&mut self, summary: &Summary, again: bool) {
        self.why = self.shown().text(&end::of_connection(summary));
        if summary.open.is_some() {
            report::fill(&mut self.report, summary);
            end::tell(self.status, summary, self.args, self.typed || again);
        }
        if again && let Some(note) = end::lost(summary, self.lost_told) {
            self.status.note(&note);
        }
        self.lost_told = summary.lost;
        if !again && self.args.prompt.reconnect.is_some() {
            self.tell_outlook(end::outlook(summary));
        }
    }
}
