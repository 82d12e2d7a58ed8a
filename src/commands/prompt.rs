//! `wscli connect` at a terminal: the prompt.

use std::env;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::tz::TimeZone;

use super::log::{reconnect, recording, transcript};
use crate::cli::prompt::PromptArgs;
use crate::connection::{CloseFrame, Message, OpenConfig, SocketConfig, Target};
use crate::exit::ExitStatus;
use crate::repl::helper::Prompt;
use crate::repl::session::Dialer;
use crate::repl::{self, End, SessionConfig, Source, SourceConfig, Stop};
use crate::talk::text::Look;
use crate::terminal::style::{ColorChoice, ColorEnv};
use crate::terminal::tty::{SavedTerminal, clear_row};
use crate::terminal::{self, Status, Style, Verbosity};

/// How much of the log is kept in memory, for `/log save`.
const KEPT_BYTES: usize = 2 << 20;

/// What the prompt needs to know.
pub(super) struct Talk<'a> {
    /// The flags of the prompt and of the log.
    pub(super) args: &'a PromptArgs,
    /// `--color`.
    pub(super) color: ColorChoice,
    /// `-v` and `-q`.
    pub(super) status: Status,
    /// Where to connect to at once.
    pub(super) target: Option<(Target, OpenConfig)>,
    /// Understands the addresses of `/connect`.
    pub(super) dialer: Dialer,
    /// What the socket is to be like.
    pub(super) socket: SocketConfig,
    /// Sent after every open.
    pub(super) setup: Vec<Message>,
    /// The Close frame on leaving.
    pub(super) close: CloseFrame,
    /// The time limit for everything.
    pub(super) max_time: Option<Duration>,
}

/// Runs the prompt until the user leaves it.
pub(super) async fn run(talk: Talk<'_>) -> Result<ExitStatus> {
    let args = talk.args;
    let environment = color_env();
    let style = Style::decide(talk.color, environment, terminal::stdout_is_terminal());
    let prompt = Prompt::default();
    let config = SessionConfig {
        target: talk.target,
        dialer: talk.dialer,
        socket: talk.socket,
        look: look(args, style, talk.status),
        transcript: transcript(args)?.keeping(KEPT_BYTES),
        log_secrets: args.log_secrets,
        setup: talk.setup,
        reconnect: reconnect(args),
        replay: recording(args, talk.status)?,
        close: talk.close,
        prompt: prompt.clone(),
    };
    let stop = stop_signal().context("could not listen for signals")?;
    // From here on, whatever happens, the terminal is put back.
    let saved = SavedTerminal::save();
    let source = Source::start(SourceConfig {
        history: history_path(),
        style,
        prompt,
        suspender: saved.as_ref().map(SavedTerminal::suspender),
    })
    .context("could not read from the terminal")?;
    let edits = source.fence.is_some();
    // Plain lines are echoed and held back by the terminal itself.
    let saved = saved.filter(|_| edits);
    let end = repl::run(config, source, stop, talk.max_time).await;
    if edits {
        clear_row();
    }
    drop(saved);
    Ok(match end {
        End::Quit => ExitStatus::Success,
        End::Interrupted => ExitStatus::Interrupted,
        End::Terminated => ExitStatus::Terminated,
        End::MaxTime => ExitStatus::Timeout,
    })
}

/// How entries are to look on a terminal.
pub(super) fn look(args: &PromptArgs, style: Style, status: Status) -> Look {
    let verbosity = [Verbosity::Debug, Verbosity::Verbose, Verbosity::Normal]
        .into_iter()
        .find(|level| status.shows(*level))
        .unwrap_or(Verbosity::Quiet);
    Look {
        style,
        zone: TimeZone::system(),
        raw: args.raw,
        pretty: args.pretty,
        filter: args.filter.clone(),
        heads: args.include || verbosity >= Verbosity::Verbose,
        verbosity,
    }
}

/// What the environment says of colours.
#[expect(
    clippy::disallowed_methods,
    reason = "`commands` reads the environment"
)]
pub(super) fn color_env() -> ColorEnv {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    ColorEnv {
        no_color: set("NO_COLOR").is_some(),
        force: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
        dumb: set("TERM").is_some_and(|value| value == "dumb"),
    }
}

/// `$XDG_STATE_HOME/wscli/history`, by the rules of the XDG Base Directory
/// Specification: a relative path counts as none.
#[expect(
    clippy::disallowed_methods,
    reason = "`commands` reads the environment"
)]
fn history_path() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("wscli/history"))
}

/// Resolves when a signal asks the program to end.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = Stop>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Stop::Interrupt,
            _ = terminate.recv() => Stop::Terminate,
            _ = hangup.recv() => Stop::Terminate,
            _ = quit.recv() => Stop::Terminate,
        }
    })
}

/// Resolves when Ctrl-C asks the program to end.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = Stop>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Stop::Interrupt
    })
}
