//! `wscli connect`: standard input goes out, messages come back.

mod end;
mod handshake;
mod interactive;
mod report;

use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::stream::{self, Stream, StreamExt};
use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::runtime;
use tokio::time::{Instant, sleep};
use url::Url;

use super::curl::print_command;
use super::dial::Environment;
use super::signals::Signals;
use super::transport::{self, Dial};
use super::{demo, sentence};
use crate::cli::connect::{ConnectArgs, EndArgs, InputArgs};
use crate::cli::keep_alive::keep_alive;
use crate::connection::dial::proxy::ProxyRules;
use crate::connection::target::without_credentials;
use crate::connection::{CloseFrame, Event, Message, Opened, SocketConfig, diagnose, open};
use crate::exit::{ExitStatus, Failure, status_of_open};
use crate::pipe::{
    Framing, Goal, InputError, Linger, Outgoing, Pipe, PipeConfig, Source, Stop, jsonl,
};
use crate::report::connect::ConnectReport;
use crate::terminal::secret::read_secret;
use crate::terminal::style::ColorChoice;
use crate::terminal::{DataOutput, Status, Verbosity};

/// What to do without a URL away from a terminal.
const NO_URL: &str =
    "no URL given; write wscli connect URL, or --demo to talk to an echo server of its own";

type Input = Pin<Box<dyn Stream<Item = Result<Outgoing, InputError>>>>;
type StopSignal = Pin<Box<dyn Future<Output = Stop>>>;

/// Runs the command.
pub(super) fn run(args: &ConnectArgs, color: ColorChoice, status: Status) -> Result<ExitStatus> {
    refuse_proxy(&args.input.execute, std::env::args())?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    let result = if interactive::is_meant(args) {
        runtime.block_on(interactive::run(args, color, status))
    } else {
        runtime.block_on(until_second_signal(args, status))
    };
    // A read of stdin, or a write to a stdout that nobody reads, may be
    // blocked on a thread of the runtime. It must not hold up the exit.
    runtime.shutdown_background();
    result
}

/// Runs the talk. The first signal ends it politely, the second at once.
async fn until_second_signal(args: &ConnectArgs, status: Status) -> Result<ExitStatus> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let stop = stop_signal(
        Signals::new().context("cannot listen for signals")?,
        args.transport.max_time,
    );
    let twice = async {
        signals.next().await;
        signals.next().await
    };
    tokio::select! {
        result = Box::pin(connect(args, status, stop)) => result,
        status = twice => Ok(status),
    }
}

fn stop_signal(mut signals: Signals, max_time: Option<Duration>) -> StopSignal {
    Box::pin(async move {
        let limit = async {
            match max_time {
                Some(time) => sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = signals.next() => match status {
                ExitStatus::Terminated => Stop::Terminate,
                _ => Stop::Interrupt,
            },
            () = limit => Stop::MaxTime,
        }
    })
}

async fn connect(args: &ConnectArgs, status: Status, stop: StopSignal) -> Result<ExitStatus> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None if args.demo => demo::start().await?,
        None => return Err(Failure::usage(NO_URL).into()),
    };
    if args.curl.print_command {
        return print_command(&url, args, status);
    }
    let dial = dial(args, &url)?;
    let mut report = ConnectReport::new(dial.target.to_string());
    let result = open_and_talk(args, status, dial, stop, &mut report).await;
    let written = match &args.report.json {
        Some(path) => report::write(path, report, &result),
        None => Ok(()),
    };
    // How the run went matters more than that nobody can read of it.
    result.and_then(|ended| written.map(|()| ended))
}

fn dial(args: &ConnectArgs, url: &str) -> Result<Dial> {
    let environment = Environment::read();
    let mut ask = |prompt: &str| read_secret(prompt).map(|answer| answer.map(|s| s.to_string()));
    let mut dial = transport::dial(url, &args.transport, &environment, &mut ask)?;
    if args.url.is_none() {
        // No proxy leads to this very process.
        dial.open.dial.proxies = ProxyRules::default();
    }
    dial.socket = socket_config(args)?;
    Ok(dial)
}

fn socket_config(args: &ConnectArgs) -> Result<SocketConfig> {
    let mut socket = transport::socket_config(&args.transport);
    let flags = &args.keep_alive;
    socket.keep_alive = keep_alive(
        flags.keep_alive,
        flags.keep_alive_interval,
        flags.keep_alive_timeout,
    )
    .map_err(Failure::usage)?;
    Ok(socket)
}

async fn open_and_talk(
    args: &ConnectArgs,
    status: Status,
    dial: Dial,
    mut stop: StopSignal,
    report: &mut ConnectReport,
) -> Result<ExitStatus> {
    status.info(&format!("connecting to {}", dial.target));
    let opened = tokio::select! {
        opened = open(&dial.target, &dial.open) => opened,
        stop = &mut stop => return end::stopped_before_open(stop, args.transport.max_time),
    };
    match opened {
        Ok(opened) => {
            report.opened(&opened);
            talk(args, status, dial, opened, stop, report).await
        }
        Err(error) => {
            handshake::show_refusal(status, &error, heads(args));
            if args.framing.jsonl {
                let line = jsonl::error(&error, Timestamp::now());
                write_line(&line).await?;
            }
            let hint = diagnose::hint(&error, &dial.target, &dial.open);
            let exit = status_of_open(&error);
            Err(Failure::new(exit, sentence(&error.into()))
                .with_hint(hint)
                .into())
        }
    }
}

/// The level at which the heads of the handshake are shown.
fn heads(args: &ConnectArgs) -> Verbosity {
    match args.prompt.include {
        true => Verbosity::Normal,
        false => Verbosity::Debug,
    }
}

async fn write_line(line: &[u8]) -> Result<()> {
    let mut output = DataOutput::stdout();
    let written = async {
        output.write_all(line).await?;
        output.flush().await
    };
    match written.await {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context(end::OUTPUT_FAILED)
        }
        _ => Ok(()),
    }
}

async fn talk(
    args: &ConnectArgs,
    status: Status,
    dial: Dial,
    opened: Opened,
    stop: StopSignal,
    report: &mut ConnectReport,
) -> Result<ExitStatus> {
    handshake::show_opened(status, &opened, heads(args));
    let start = Instant::now();
    let prompt = is_prompt(&args.input);
    if prompt {
        status.note("Connection opened");
    }
    let framing = args.framing.framing();
    let preamble = match framing {
        Framing::Jsonl => jsonl::open(
            &dial.target.to_string(),
            opened.subprotocol.as_deref(),
            Timestamp::now(),
        ),
        _ => Vec::new(),
    };
    let mut observe = |event: &Event| show_event(status, prompt, event);
    let pipe = Pipe {
        socket: opened.into_socket(&dial.socket).await,
        input: input(&args.input, framing),
        output: DataOutput::stdout(),
        preamble,
        stop,
        observe: &mut observe,
    };
    let config = PipeConfig {
        framing,
        goal: goal(&args.end),
        linger: linger(&args.end, prompt),
        echo: args.input.echo,
        close: CloseFrame::new(args.end.close_code, &args.end.close_reason),
        clock: Timestamp::now,
    };
    let goal = config.goal.clone();
    let summary = pipe.run(config).await;
    report::fill(report, &summary, start.elapsed());
    end::report(status, summary, goal.as_ref(), args, prompt)
}

/// Whether a human types the messages.
fn is_prompt(args: &InputArgs) -> bool {
    args.execute.is_empty() && !args.echo && io::stdin().is_terminal()
}

/// `--setup`, then `-x`, or standard input, or nothing where the peer leads.
fn input(args: &InputArgs, framing: Framing) -> Input {
    let setup = args.setup.clone().into_iter().map(Message::text);
    let setup = stream::iter(setup.map(|message| Ok(Outgoing::Message(message))));
    if args.echo {
        return Box::pin(setup);
    }
    if args.execute.is_empty() {
        return Box::pin(setup.chain(Source::new(tokio::io::stdin(), framing)));
    }
    let message = move |text: String| match framing {
        Framing::Binary => Message::binary(text),
        _ => Message::text(text),
    };
    let execute = args.execute.clone().into_iter().map(message);
    Box::pin(setup.chain(stream::iter(execute.map(|m| Ok(Outgoing::Message(m))))))
}

fn goal(args: &EndArgs) -> Option<Goal> {
    let count = args.count.or(args.one.then_some(1)).map(Goal::Count);
    count.or_else(|| args.until.clone().map(Goal::Until))
}

/// Who ends the input by hand (Ctrl-D) wants to leave, not to wait.
fn linger(args: &EndArgs, prompt: bool) -> Option<Linger> {
    let leave = prompt && goal(args).is_none();
    args.linger.or(leave.then_some(Linger::For(Duration::ZERO)))
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

/// In curl, `-x` is the proxy. A proxy's URL must not be sent to the server:
/// it may hold a password. `-x=VALUE` says that a message is meant.
fn refuse_proxy(messages: &[String], raw: impl Iterator<Item = String>) -> Result<()> {
    let raw: Vec<_> = raw.collect();
    for message in messages.iter().filter(|message| is_proxy_url(message)) {
        let forced = |name: &str| raw.contains(&format!("{name}={message}"));
        if forced("-x") || forced("--execute") {
            continue;
        }
        return Err(Failure::usage(format!(
            "-x sends a message, and '{}' looks like the URL of a proxy; write --proxy URL to connect through it, or -x=VALUE to send it as a message",
            without_credentials(message)
        ))
        .into());
    }
    Ok(())
}

fn is_proxy_url(text: &str) -> bool {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    text.contains("://")
        && Url::parse(text).is_ok_and(|url| {
            SCHEMES.contains(&url.scheme())
                && url.has_host()
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
                && url.fragment().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_no_message_unless_forced() {
        for url in [
            "http://u:secret@proxy:3128",
            "https://proxy/",
            "socks5://127.0.0.1:1080",
            "socks5h://u:secret@[::1]:1",
        ] {
            let refused = |raw: String| {
                let raw = ["wscli".to_owned(), raw, url.to_owned()];
                refuse_proxy(&[url.to_owned()], raw.into_iter())
            };
            let error = refused("-x".into()).unwrap_err().to_string();
            assert!(error.contains("-x=VALUE"), "{error}");
            assert!(!error.contains("secret"), "{error}");
            assert!(refused(format!("-x={url}")).is_ok());
            assert!(refused(format!("--execute={url}")).is_ok());
        }
        for message in ["http://h/page", "http://h?q", "proxy:3128", "ws://h", "://"] {
            assert!(!is_proxy_url(message), "{message}");
        }
    }
}
