//! The talk of `connect` away from a terminal: over one connection, or with
//! `--reconnect` over as many as it takes.

use std::io;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use super::handshake::{self, Heads};
use super::input::{self, Input};
use super::{StopSignal, end, report};
use crate::cli::connect::ConnectArgs;
use crate::commands::log::{Recorder, reconnect, recording};
use crate::commands::sentence;
use crate::commands::transport::Dial;
use crate::connection::client::retry::{Retries, random};
use crate::connection::{Event, Message, OpenFailure, Opened, Secrets, diagnose, open};
use crate::exit::{ExitStatus, Failure, status_of_open};
use crate::pipe::{End, Framing, Pipe, PipeConfig, Summary, Told};
use crate::report::connect::ConnectReport;
use crate::talk::jsonl::render_shared;
use crate::talk::text::duration;
use crate::talk::{Kind, Opening};
use crate::terminal::{DataOutput, Status, Verbosity};

/// A run of `connect`, with everything that outlives a connection.
pub(super) struct Talk<'a> {
    args: &'a ConnectArgs,
    status: Status,
    dial: Dial,
    stop: StopSignal,
    report: &'a mut ConnectReport,
    input: Input,
    output: DataOutput,
    log: Recorder,
    config: PipeConfig,
    backoff: Option<Retries>,
    /// Whether a human types the messages.
    prompt: bool,
    /// Whether it was said that the input waits for a connection.
    wait_told: bool,
}

/// What one connection, or the attempt at one, came to.
enum Attempt {
    /// The run is over.
    Over(Result<ExitStatus>),
    /// Another connection is to be tried, for this reason; if none is, that
    /// is the result.
    Again(String, Result<ExitStatus>),
}

impl<'a> Talk<'a> {
    /// A run that has not connected yet.
    ///
    /// # Errors
    /// Exit 2 for a log that cannot be replayed, exit 12 for one that cannot
    /// be written.
    pub(super) fn new(
        args: &'a ConnectArgs,
        status: Status,
        dial: Dial,
        stop: StopSignal,
        report: &'a mut ConnectReport,
    ) -> Result<Self> {
        let prompt = input::is_prompt(args);
        let mut config = input::config(args, prompt);
        let input = match args.prompt.replay {
            None => input::input(&args.input, config.framing),
            Some(_) => {
                let (input, close) = input::replay(recording(&args.prompt, status)?, status);
                config.close = close.unwrap_or(config.close);
                input
            }
        };
        Ok(Self {
            args,
            status,
            log: Recorder::new(&args.prompt, status)?,
            dial,
            stop,
            report,
            input,
            output: match args.prompt.raw {
                true => DataOutput::raw_stdout(),
                false => DataOutput::stdout(),
            },
            config,
            backoff: reconnect(&args.prompt).map(Retries::new),
            prompt,
            wait_told: false,
        })
    }

    /// Runs it to its end.
    pub(super) async fn run(&mut self) -> Result<ExitStatus> {
        loop {
            match self.attempt().await {
                Attempt::Over(result) => return result,
                Attempt::Again(why, result) => match self.wait(&why).await {
                    Wait::Over => {}
                    Wait::NoneLeft => return result,
                    Wait::Stopped(result) => return result,
                },
            }
        }
    }

    /// Opens a connection, and talks over it to its end.
    async fn attempt(&mut self) -> Attempt {
        self.status
            .info(&format!("connecting to {}", self.shown_url()));
        let opened = tokio::select! {
            opened = open(&self.dial.target, &self.dial.open) => opened,
            stop = &mut self.stop => {
                let max_time = self.args.transport.max_time;
                return Attempt::Over(end::stopped_before_open(stop, max_time));
            }
        };
        match opened {
            Ok(opened) => {
                let opening = Opening::new(&opened, &self.shown());
                self.report
                    .opened(Opening::new(&opened, &self.dial.secrets));
                self.log.opened(opening.clone());
                self.talk(opened, &opening).await
            }
            Err(error) => match self.not_opened(error).await {
                Ok(attempt) => attempt,
                Err(error) => Attempt::Over(Err(error)),
            },
        }
    }

    /// Waits for the time of the next attempt, if there is to be one.
    async fn wait(&mut self, why: &str) -> Wait {
        let next = self.backoff.as_mut().and_then(|b| b.next(random()));
        let Some((time, attempt)) = next else {
            self.status
                .note("no attempt to connect is left (--reconnect)");
            return Wait::NoneLeft;
        };
        let waits = match std::mem::replace(&mut self.wait_told, true) {
            true => "",
            false => "; the input waits until a connection is open",
        };
        let time_shown = duration(time);
        self.status.note(&format!(
            "{why}; connecting again in {time_shown} (attempt {attempt}){waits}"
        ));
        tokio::select! {
            () = sleep(time) => Wait::Over,
            stop = &mut self.stop => {
                let max_time = self.args.transport.max_time;
                Wait::Stopped(end::stopped_before_open(stop, max_time))
            }
        }
    }

    async fn not_opened(&mut self, error: OpenFailure) -> Result<Attempt> {
        handshake::show_refusal(self.status, &error, &self.heads());
        if self.config.framing == Framing::Jsonl {
            let message = self.shown().text(&error.to_string());
            let line = render_shared(Timestamp::now(), &Kind::Error { message });
            self.write_line(line.as_bytes()).await?;
        }
        let hint = diagnose::hint(&error, &self.dial.target, &self.dial.open);
        let exit = status_of_open(&error);
        let why = self.shown().text(&sentence(&error.into()));
        self.log.error(&why);
        let failure = Failure::new(exit, why.clone()).with_hint(hint);
        // What is wrong on this side does not mend itself.
        Ok(match self.backoff.is_some() && exit != ExitStatus::Usage {
            true => Attempt::Again(why, Err(failure.into())),
            false => Attempt::Over(Err(failure.into())),
        })
    }

    fn heads(&self) -> Heads {
        Heads::new(&self.args.prompt, &self.dial.secrets)
    }

    /// The secrets as the screen and the log have them.
    fn shown(&self) -> Secrets {
        let log_secrets = self.args.prompt.log_secrets;
        self.dial.secrets.clone().show_if(log_secrets)
    }

    fn shown_url(&self) -> String {
        self.shown().url(&self.dial.target.wire_url())
    }

    async fn write_line(&mut self, line: &[u8]) -> Result<()> {
        let written = async {
            self.output.write_all(line).await?;
            self.output.flush().await
        };
        match written.await {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context(end::OUTPUT_FAILED)
            }
            _ => Ok(()),
        }
    }

    async fn talk(&mut self, opened: Opened, opening: &Opening) -> Attempt {
        handshake::show_opened(self.status, opening, &self.heads());
        let start = Instant::now();
        if self.prompt {
            self.status.note("Connection opened");
        }
        let preamble = self.preamble(opening);
        let (status, prompt, log) = (self.status, self.prompt, &mut self.log);
        let mut observe = |told: Told<'_>| {
            if let Told::Event(event) = told {
                show_event(status, prompt, event);
            }
            log.told(&told);
        };
        let view = input::view(&self.args.prompt);
        let setup = self.args.input.setup.iter().map(String::as_str);
        let pipe = Pipe {
            socket: opened.into_socket(&self.dial.socket).await,
            setup: setup.map(Message::text).collect(),
            input: &mut self.input,
            output: &mut self.output,
            preamble,
            view: &view,
            stop: &mut self.stop,
            observe: &mut observe,
        };
        let summary = pipe.run(self.config.clone()).await;
        self.log.ended(&summary);
        report::fill(self.report, &summary, start.elapsed());
        if let Some(backoff) = &mut self.backoff {
            backoff.stood(start.elapsed());
        }
        self.ended(summary)
    }

    fn preamble(&self, opening: &Opening) -> Vec<u8> {
        match self.config.framing {
            Framing::Jsonl => {
                let kind = Kind::Open(Box::new(opening.clone()));
                render_shared(Timestamp::now(), &kind).into_bytes()
            }
            _ => Vec::new(),
        }
    }

    /// Decides whether the talk goes on over another connection.
    fn ended(&mut self, summary: Summary) -> Attempt {
        let again = self.backoff.is_some() && goes_on(&summary, &self.config);
        // Nobody owes a reply to what never left.
        self.config.carried = (summary.sent - summary.unsent, summary.received);
        let why = end::of_connection(&summary);
        let goal = self.config.goal.as_ref();
        let result = end::report(self.status, summary, goal, self.args, self.prompt, again);
        match again {
            true => Attempt::Again(why, result),
            false => Attempt::Over(result),
        }
    }
}

/// How the wait for the next attempt ended.
enum Wait {
    /// It is time.
    Over,
    /// There is no next attempt.
    NoneLeft,
    /// The run was stopped meanwhile.
    Stopped(Result<ExitStatus>),
}

/// Whether a talk that may go on over another connection has reason to: the
/// connection was lost, or closed by the peer otherwise than with 1000 or
/// without a code, by which a peer says that it is done; and something is
/// still to be sent or to come.
fn goes_on(summary: &Summary, config: &PipeConfig) -> bool {
    if !matches!(summary.end, End::Peer) || summary.was_closing {
        return false;
    }
    let done_by_peer = summary.closed.as_ref().is_some_and(|closed| {
        closed.by_peer && closed.error.is_none() && matches!(closed.code(), 1000 | 1005)
    });
    let waits = config.goal.is_some() || config.echo || config.linger.is_some();
    let owed = summary.received + summary.unsent < summary.sent;
    !done_by_peer && (!summary.input_ended || waits || owed)
}

fn show_event(status: Status, prompt: bool, event: &Event) {
    match event {
        Event::Ping(payload) => status.debug(&format!(
            "received a ping of {} bytes, answered with a pong",
            payload.len()
        )),
        Event::Pong {
            payload,
            round_trip,
        } => {
            let after = round_trip.map_or_else(String::new, |d| format!(" after {d:?}"));
            status.debug(&format!(
                "received a pong of {} bytes{after}",
                payload.len()
            ));
        }
        Event::Closed(closed) => {
            let level = if prompt {
                Verbosity::Normal
            } else {
                Verbosity::Debug
            };
            if status.shows(level) {
                let text = format!(
                    "Connection closed. Code: {}. Reason: {}",
                    closed.code(),
                    end::one_line(closed.reason())
                );
                status.note(text.trim_end());
            }
        }
        Event::Message { .. } | Event::Flushed => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{CloseFrame, Closed, SocketError};
    use crate::pipe::{Goal, Linger};

    /// A talk that the peer ended by this code, 1006 for a loss.
    fn ended(code: u16, input_ended: bool, (sent, received): (u64, u64)) -> Summary {
        let received_frame = (code != 1006).then(|| CloseFrame {
            code: (code != 1005).then_some(code),
            reason: String::new(),
        });
        Summary {
            end: End::Peer,
            was_closing: false,
            closed: Some(Closed {
                sent: None,
                by_peer: received_frame.is_some(),
                error: received_frame.is_none().then_some(SocketError::Lost),
                received: received_frame,
            }),
            sent,
            received,
            unsent: 0,
            input_ended,
            first_message: None,
        }
    }

    #[test]
    fn what_goes_on_over_another_connection() {
        let goal = || PipeConfig {
            goal: Some(Goal::Count(9)),
            ..PipeConfig::default()
        };
        let stays = || PipeConfig {
            linger: Some(Linger::Forever),
            ..PipeConfig::default()
        };
        for (summary, config, expected) in [
            // Input is left, or a reply is owed, or something else is waited for.
            (ended(1006, false, (1, 1)), PipeConfig::default(), true),
            (ended(1001, false, (1, 1)), PipeConfig::default(), true),
            (ended(4000, true, (2, 1)), PipeConfig::default(), true),
            (ended(1006, true, (1, 1)), goal(), true),
            (ended(1006, true, (1, 1)), stays(), true),
            // Nothing is left.
            (ended(1006, true, (1, 1)), PipeConfig::default(), false),
            // The peer is done.
            (ended(1000, false, (2, 1)), goal(), false),
            (ended(1005, false, (2, 1)), goal(), false),
        ] {
            assert_eq!(goes_on(&summary, &config), expected, "{summary:?}");
        }
        let mut over = ended(1006, true, (2, 1));
        over.unsent = 1;
        assert!(!goes_on(&over, &PipeConfig::default()), "nobody owes that");
        let mut over = ended(1011, false, (2, 1));
        over.was_closing = true;
        assert!(!goes_on(&over, &goal()), "it was over already");
        over.end = End::Goal;
        assert!(!goes_on(&over, &goal()));
    }
}
