//! `wscli connect`: one road from the arguments to a line to the server, which
//! forks into the prompt and the pipe.

mod dialer;
mod end;
mod files;
mod handshake;
mod input;
mod log;
mod message;
mod pipe;
mod prompt;
mod report;
mod steps;
#[cfg(test)]
mod verdict_tests;

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::runtime;
use url::Url;

use self::dialer::Dialer;
use super::curl::print_command;
use super::demo;
use super::signals::Signals;
use crate::cli::connect::ConnectArgs;
use crate::connection::Secrets;
use crate::exit::{ExitStatus, Failure};
use crate::pipe::Framing;
use crate::terminal::style::Colors;
use crate::terminal::{Status, is_interactive};

/// What to do without a URL away from a terminal.
const NO_URL: &str =
    "no URL given; write wscli connect URL, or --demo to talk to an echo server of its own";

/// Runs the command.
pub(super) fn run(args: &ConnectArgs, colors: Colors, status: Status) -> Result<ExitStatus> {
    refuse_proxy(&args.input.execute, std::env::args())?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    let result = runtime.block_on(until_second_signal(args, colors, status));
    // A read of stdin, or a write to a stdout that nobody reads, may be
    // blocked on a thread of the runtime. It must not hold up the exit.
    runtime.shutdown_background();
    result
}

/// Runs the talk. The first signal ends it politely, the second at once.
async fn until_second_signal(
    args: &ConnectArgs,
    colors: Colors,
    status: Status,
) -> Result<ExitStatus> {
    let mut signals = Signals::new().context("could not listen for signals")?;
    let stop = Signals::new().context("could not listen for signals")?;
    let twice = async {
        signals.next().await;
        signals.next().await
    };
    tokio::select! {
        result = Box::pin(connect(args, colors, status, stop)) => result,
        status = twice => Ok(status),
    }
}

async fn connect(
    args: &ConnectArgs,
    colors: Colors,
    status: Status,
    signals: Signals,
) -> Result<ExitStatus> {
    files::check(args)?;
    let stop = Box::pin(signals.stop(args.transport.max_time));
    let url = match &args.url {
        Some(url) => Some(url.clone()),
        None if args.demo => Some(demo::start().await?),
        None => None,
    };
    if let (Some(url), true) = (&url, args.curl.print_command) {
        return print_command(url, args, status);
    }
    let dialer = Arc::new(Dialer::new(args));
    let target = url.map(|url| dialer.first(&url)).transpose()?;
    if is_prompt(args) {
        let line = dialer::line(args, target)?;
        return prompt::run(args, colors, status, line, dialer, stop).await;
    }
    let (target, open) = target.ok_or_else(|| Failure::usage(NO_URL))?;
    pipe::run(args, colors, status, target, open, stop).await
}

/// Whether the prompt is meant: there is a terminal at both ends, and nothing
/// asks for what only the pipe does.
pub(super) fn is_prompt(args: &ConnectArgs) -> bool {
    let piped = !args.input.execute.is_empty()
        || args.steps.has_steps()
        || args.input.echo
        || args.framing.framing() != Framing::Lines
        || args.end.count.is_some()
        || args.end.one
        || args.end.until.is_some()
        || args.end.linger.is_some()
        || args.report.json.is_some();
    !piped && is_interactive()
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
            Secrets::default().url(message)
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
