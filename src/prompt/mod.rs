//! The prompt: a conversation with a server, typed at a terminal.
//!
//! One task owns the line to the server and the state ([`session`]); lines come
//! from a thread ([`source`]) and are read by a pure parser ([`command`]);
//! what there is to see goes to the printer of
//! [`terminal`](crate::terminal::printer). Nobody else touches the line, and
//! the task never waits for the terminal or for the user.

pub mod command;
mod dispatch;
pub mod helper;
mod messages;
mod paused;
mod reflow;
mod report;
pub mod session;
pub mod source;

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

pub use session::{End, Session, SessionConfig};
pub use source::{Source, SourceConfig};

use self::session::Leave;
use self::source::{Input, Typed};
use crate::talk::Stop;
use crate::terminal::printer::Printer;

/// How long the last lines may take to show at the end.
const LAST_PRINT: Duration = Duration::from_millis(500);

/// How a conversation went.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What is missing from the log's files, as a sentence.
    pub log_misses: Option<String>,
}

/// Runs a conversation until the user, or `stop`, ends it.
pub async fn run(
    config: SessionConfig,
    source: Source,
    stop: impl Future<Output = Stop>,
) -> Outcome {
    let Source {
        mut inputs,
        sink,
        gate,
        fence,
        trouble,
    } = source;
    let (printer, printing) = Printer::spawn(sink, gate, fence);
    let mut session = Session::new(config, printer);
    session.has_screen = fence.is_some();
    let mut stop = pin!(stop);
    let mut stopped = false;
    session.begin(trouble);
    let end = loop {
        let wake = session.next_wake();
        let leave = tokio::select! {
            input = inputs.recv() => session.typed(input),
            event = session.line.next() => session.on_line_event(event),
            () = sleep(wake) => {
                session.play();
                Leave::NotYet
            }
            why = &mut stop, if !stopped => {
                stopped = true;
                session.stopped(why)
            }
        };
        if let Leave::Now(end) = leave {
            break end;
        }
    };
    let is_hard = matches!(end, End::Stopped(_));
    let log_misses = session.line.finish_log(is_hard).await;
    printing.finish(LAST_PRINT);
    Outcome { end, log_misses }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

impl Session {
    /// Deals with what was typed. Dropping `done` on the way out leaves the
    /// thread where it is.
    fn typed(&mut self, input: Option<Input>) -> Leave {
        let Some(Input { typed, done }) = input else {
            return self.leave(End::Quit);
        };
        let leave = match typed {
            Typed::Line(line) => self.line(&line),
            Typed::Cleared => Leave::NotYet,
            Typed::Interrupt => self.leave(End::Interrupted),
            Typed::End => self.leave(End::Quit),
        };
        // The next line is edited even on the way out: it is by the editor
        // that the last lines are shown.
        let _ = done.send(());
        leave
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}
