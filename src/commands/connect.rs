//! `wscli connect`: standard input goes out, messages come back.

mod end;
mod handshake;
mod input;
mod interactive;
mod report;
mod talk;

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime;
use tokio::time::sleep;
use url::Url;

use self::talk::Talk;
use super::curl::print_command;
use super::demo;
use super::dial::Environment;
use super::signals::Signals;
use super::transport::{self, Dial};
use crate::cli::connect::ConnectArgs;
use crate::cli::keep_alive::keep_alive;
use crate::connection::net::proxy::ProxyRules;
use crate::connection::{Secrets, SocketConfig};
use crate::exit::{ExitStatus, Failure};
use crate::pipe::Stop;
use crate::report::connect::ConnectReport;
use crate::terminal::Status;
use crate::terminal::secret::read_secret;
use crate::terminal::style::ColorChoice;

/// What to do without a URL away from a terminal.
const NO_URL: &str =
    "no URL given; write wscli connect URL, or --demo to talk to an echo server of its own";

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
    let secrets = dial.secrets.clone();
    let result = match Talk::new(args, status, dial, stop, &mut report) {
        Ok(mut talk) => talk.run().await,
        Err(error) => Err(error),
    };
    let written = match &args.report.json {
        Some(path) => report::write(path, report, &result, &secrets),
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
