//! What the flags say of a talk: what goes in, what is shown, when it ends.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::time::Duration;

use anyhow::Result;
use futures_util::stream::{self, Peekable, Stream, StreamExt};
use serde_json_path::JsonPath;
use tokio::io::AsyncReadExt as _;

use super::message::{self, Said};
use crate::cli::connect::{ConnectArgs, EndArgs, InputArgs};
use crate::cli::prompt::PromptArgs;
use crate::connection::CloseFrame;
use crate::decode::{self, Decode, Records, Unread, json};
use crate::exit::{ExitStatus, Failure};
use crate::pipe::{Framing, Goal, InputError, Linger, PipeConfig, Source, Waits};
use crate::script::RunConfig;
use crate::talk::replay::Step;
use crate::talk::{Kind, OneConnection, Outgoing, text};
use crate::terminal::sanitize::sanitize_bytes;
use crate::terminal::style::Colors;
use crate::terminal::{Status, Style, check_stdin, sanitize, stdout_is_terminal};

/// What is sent, over however many connections.
pub(super) type Input = Peekable<Pin<Box<dyn Stream<Item = Result<Outgoing, InputError>>>>>;

/// Whether a human types the messages, into a pipe that reads a terminal.
pub(super) fn is_typed(args: &ConnectArgs) -> bool {
    let InputArgs { execute, echo, .. } = &args.input;
    let has_steps = args.steps.has_steps();
    let reads = execute.is_empty() && !echo && args.prompt.replay.is_none() && !has_steps;
    reads && io::stdin().is_terminal()
}

/// How a talk with these flags is to go.
pub(super) fn config(args: &ConnectArgs, typed: bool, script: Option<RunConfig>) -> PipeConfig {
    PipeConfig {
        framing: args.framing.framing(),
        waits: waits(args),
        goal: goal(&args.end),
        linger: linger(args, typed),
        echo: args.input.echo,
        close: CloseFrame::new(args.end.close_code, &args.end.close_reason),
        script,
    }
}

/// What is known of an input that says nothing: who only listens has no other than
/// standard input.
fn waits(args: &ConnectArgs) -> fn() -> Waits {
    let named = !args.input.execute.is_empty() || args.prompt.replay.is_some();
    match named {
        true => || Waits::Holds,
        false => stdin_waits,
    }
}

#[cfg(unix)]
fn stdin_waits() -> Waits {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // A file is always ready, and so is a pipe whose writer has gone.
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&now)) {
        Ok(1..) => Waits::Answers,
        _ => Waits::Silent,
    }
}

#[cfg(windows)]
fn stdin_waits() -> Waits {
    use std::os::windows::io::AsHandle as _;
    let handle = io::stdin().as_handle().try_clone_to_owned();
    let kind = handle.and_then(|handle| std::fs::File::from(handle).metadata());
    match kind.is_ok_and(|kind| kind.is_file()) {
        true => Waits::Answers,
        false => Waits::Silent,
    }
}

/// `-x`, or standard input, or nothing where the peer leads.
///
/// # Errors
/// Exit 2 for a message that cannot be sent.
pub(super) fn input(args: &InputArgs, framing: Framing, has_steps: bool) -> Result<Input> {
    if args.echo || has_steps {
        return Ok(boxed(stream::empty()));
    }
    if args.execute.is_empty() {
        check_stdin().map_err(unreadable)?;
        let source = Source::new(tokio::io::stdin(), framing);
        return Ok(boxed(source.with_escapes(args.escapes)));
    }
    let said = message::execute(args, framing)?;
    let messages = stream::iter(said).then(move |said| async move {
        let message = match said {
            Said::Message(message) => message,
            Said::Stdin => {
                let mut bytes = Vec::new();
                check_stdin().map_err(InputError::Io)?;
                let read = tokio::io::stdin().read_to_end(&mut bytes).await;
                read.map_err(InputError::Io)?;
                message::whole(bytes, framing)
            }
        };
        Ok(Outgoing::Message(message))
    });
    Ok(boxed(messages))
}

/// An input that cannot be read.
pub(super) fn unreadable(error: io::Error) -> Failure {
    Failure::new(ExitStatus::LocalIo, InputError::Io(error).to_string())
}

fn boxed(input: impl Stream<Item = Result<Outgoing, InputError>> + 'static) -> Input {
    let input: Pin<Box<dyn Stream<Item = _>>> = Box::pin(input);
    input.peekable()
}

/// What `--replay` sends, and the Close frame at its end, if it has one: when
/// to close is for the end-of-input contract to say, so that no reply is lost
/// to a server that is slower today.
pub(super) fn replay(steps: Vec<Step>, status: Status) -> (Input, Option<CloseFrame>) {
    let recording = OneConnection::new(steps);
    if recording.connections > 1 {
        status.note(&format!(
            "the log has {} connections; what was sent over them is sent one after the other",
            recording.connections
        ));
    }
    let close = recording.close.clone();
    (boxed(recording.into_stream().map(Ok)), close)
}

/// In which colours messages are written (`--pretty`), and whether they are made safe
/// for a terminal before that: what writes to one cannot tell our colours from a
/// stranger's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    style: Style,
    is_safe: bool,
}

impl Paint {
    /// What the flags and stdout say.
    pub(super) fn new(args: &ConnectArgs, colors: Colors) -> Self {
        let is_text = matches!(args.framing.framing(), Framing::Lines | Framing::Nul);
        Self {
            style: match args.prompt.pretty && is_text {
                true => colors.stdout(),
                false => Style::plain(),
            },
            is_safe: !args.prompt.raw && stdout_is_terminal(),
        }
    }

    /// Whether there is colour.
    pub(super) fn is_colored(self) -> bool {
        self.style.is_colored()
    }

    /// What is written of a message whose texts are these.
    fn texts(self, message: &Kind, texts: Option<Vec<String>>) -> Option<Vec<String>> {
        if !self.is_colored() {
            return texts;
        }
        let texts = match (texts, self.is_safe) {
            (Some(texts), true) => texts
                .iter()
                .map(|text| sanitize(text).into_owned())
                .collect(),
            (Some(texts), false) => texts,
            (None, true) => vec![sanitize_bytes(message.data().unwrap_or_default())],
            (None, false) => return None,
        };
        let paint = |text: String| text::painted(self.style, &text).into_owned();
        Some(texts.into_iter().map(paint).collect())
    }
}

/// What `--filter` and `--pretty` make of a received message.
pub(super) fn view(
    args: &PromptArgs,
    paint: Paint,
    status: Status,
) -> impl Fn(&Kind, Option<&Records>) -> Option<Vec<String>> + use<'_> {
    let told = Cell::new(false);
    move |message, records| {
        let (texts, unread) = shown(message, records, args.filter.as_ref(), args.pretty);
        if let (Some(unread), false) = (unread, told.get()) {
            told.set(true);
            status.note(unread.note());
        }
        paint.texts(message, texts)
    }
}

/// The texts, or `None` for a message that is shown as it is; and what a filter could
/// not look into.
fn shown(
    message: &Kind,
    records: Option<&Records>,
    filter: Option<&JsonPath>,
    pretty: bool,
) -> (Option<Vec<String>>, Option<Unread>) {
    let data = message.data().unwrap_or_default();
    let reshape = |text: &str| match pretty.then(|| json::pretty(text)).flatten() {
        Some(pretty) => pretty,
        // A record is a line.
        None => json::on_one_line(text).into_owned(),
    };
    if let Some(filter) = filter {
        let found = decode::select(filter, data);
        let texts = found.hits.into_iter().map(reshape);
        return (Some(texts.collect()), found.unread);
    }
    let seen = match pretty && records.is_none() {
        true => Decode::Auto.records(data),
        false => None,
    };
    if let Some(records) = records.or(seen.as_ref()) {
        return (Some(records.of(data).map(reshape).collect()), None);
    }
    let text = std::str::from_utf8(data).ok().filter(|_| pretty);
    (text.and_then(json::pretty).map(|text| vec![text]), None)
}

/// What is waited for.
pub(super) fn goal(args: &EndArgs) -> Option<Goal> {
    let count = args.count.or(args.one.then_some(1)).map(Goal::Count);
    count.or_else(|| args.until.clone().map(Goal::Until))
}

/// Who ends the input by hand (Ctrl-D) wants to leave, not to wait. Rules answer until
/// the peer closes.
fn linger(args: &ConnectArgs, typed: bool) -> Option<Linger> {
    let otherwise = match goal(&args.end) {
        Some(_) => None,
        None if typed => Some(Linger::For(Duration::ZERO)),
        None => args.steps.has_rules().then_some(Linger::Forever),
    };
    args.end.linger.or(otherwise)
}
