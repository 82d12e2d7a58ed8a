//! `wscli connect` at a terminal: the prompt.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::tz::TimeZone;

use super::dialer::Dialer;
use super::end::status_of_stop;
use super::log::recording;
use super::steps;
use crate::cli::connect::ConnectArgs;
use crate::cli::prompt::PromptArgs;
use crate::commands::folders::state_file;
use crate::connection::CloseFrame;
use crate::decode::Decode;
use crate::exit::{ExitStatus, Failure};
use crate::prompt::helper::Prompt;
use crate::prompt::{self, End, SessionConfig, Source, SourceConfig};
use crate::talk::text::{Look, MAX_SHOWN_BYTES};
use crate::talk::{LineConfig, Stop};
use crate::terminal::style::Colors;
use crate::terminal::tty::{SavedTerminal, clear_row};
use crate::terminal::{Status, Style, Verbosity};

/// How much of the log is kept in memory, for `/log save`.
const KEPT_BYTES: usize = 2 << 20;

/// Runs the prompt until the user leaves it.
pub(super) async fn run(
    args: &ConnectArgs,
    colors: Colors,
    status: Status,
    mut line: LineConfig,
    dialer: Arc<Dialer>,
    stop: impl Future<Output = Stop>,
) -> Result<ExitStatus> {
    let style = colors.stdout();
    let prompt = Prompt::default();
    line.transcript = line.transcript.keeping(KEPT_BYTES);
    line.transcript
        .set_decode(args.prompt.decode.unwrap_or(Decode::Auto));
    let config = SessionConfig {
        line,
        dialer: Box::new(move |url| dialer.another(url)),
        look: look(&args.prompt, style, status),
        replay: recording(&args.prompt, status)?,
        close: CloseFrame::new(args.end.close_code, &args.end.close_reason),
        prompt: prompt.clone(),
        rules: steps::script(args).await?,
    };
    // From here on, whatever happens, the terminal is put back.
    let saved = SavedTerminal::save();
    let source = Source::start(SourceConfig {
        history: state_file("history"),
        style,
        prompt,
        reflows: reflows(),
        suspender: saved.as_ref().map(SavedTerminal::suspender),
    })
    .context("could not read from the terminal")?;
    let edits = source.fence.is_some();
    // Plain lines are echoed and held back by the terminal itself.
    let saved = saved.filter(|_| edits);
    let outcome = prompt::run(config, source, stop).await;
    if edits {
        clear_row();
    }
    drop(saved);
    match (outcome.end, outcome.log_misses) {
        (End::Quit, Some(misses)) => Err(Failure::new(ExitStatus::LocalIo, misses).into()),
        (End::Quit, None) => Ok(ExitStatus::Success),
        (End::Rejected, _) => Ok(ExitStatus::Expectation),
        (End::Interrupted, _) => Ok(ExitStatus::Interrupted),
        (End::Stopped(stop), _) => Ok(status_of_stop(stop)),
    }
}

/// Whether the terminal wraps its rows anew when it becomes narrower. All that are in
/// use do but xterm, which cuts them off, and tells its version; the console of Windows
/// is told of where the line stands.
#[expect(
    clippy::disallowed_methods,
    reason = "`commands` reads the environment"
)]
fn reflows() -> bool {
    cfg!(unix) && std::env::var_os("XTERM_VERSION").is_none()
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
        shown_bytes: MAX_SHOWN_BYTES,
        heads: args.include || verbosity >= Verbosity::Verbose,
        verbosity,
    }
}
