//! `wscli serve`.

mod render;
mod reporter;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Builder;

use self::render::{Ready, Report};
use self::reporter::{Reporter, Style};
use super::signals::Signals;
use super::tls::{self, TlsEnv};
use crate::cli::keep_alive::keep_alive;
use crate::cli::serve::ServeArgs;
use crate::exit::{ExitStatus, Failure};
use crate::origin::OriginPolicy;
use crate::server::{self, Address, Bound, Port, Route, Routes, ServerConfig, Totals};
use crate::terminal::Status;

/// The port of the ASP.NET Core sample, taken when none is asked for.
const DEFAULT_PORT: u16 = 5000;

/// How long the last events may take to be written when the server has ended
/// and nobody reads them.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Runs the command.
pub(super) fn run(args: &ServeArgs, status: Status) -> Result<ExitStatus> {
    let config = config(args)?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(serve(args, config, status));
    // What a second signal has cut short is not waited for.
    runtime.shutdown_background();
    result
}

/// Listens, serves until a signal comes, and reports on it.
async fn serve(args: &ServeArgs, config: ServerConfig, status: Status) -> Result<ExitStatus> {
    // Before the ready line, so that who has read it can end the server.
    let signals = Signals::new().context("cannot listen for signals")?;
    let bound = server::listen(&address(args))
        .await
        .map_err(|error| Failure::new(ExitStatus::LocalIo, describe(&error)))?;
    if let Bound::Tcp {
        address,
        instead_of: Some(wanted),
        ..
    } = &bound
    {
        status.note(&format!(
            "port {wanted} is in use; listening on port {} instead",
            address.port()
        ));
    }
    let style = if args.jsonl {
        Style::JsonLines
    } else {
        Style::Human(status)
    };
    let reporter = Reporter::start(style).context("cannot start the thread that reports")?;
    reporter.tell(Report::Ready(Ready::new(
        &bound,
        &config,
        args.tls.tls_self_signed,
    )));
    let ended = until_done(bound, config, &reporter, signals).await;
    if let Ok(totals) = ended {
        reporter.tell(Report::Stopped(totals));
    }
    reporter.finish(LAST_EVENTS);
    Ok(ended.map_or_else(|status| status, |_| ExitStatus::Success))
}

/// Serves to the end; `Err` where a second signal has cut the end short. A
/// reader of the events that goes away ends the server as a signal does.
async fn until_done(
    bound: Bound,
    config: ServerConfig,
    reporter: &Reporter,
    mut signals: Signals,
) -> Result<Totals, ExitStatus> {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        // The sender is dropped at the latest with the server.
        let _ = stopped.await;
    };
    let config = Arc::new(config);
    let observer = reporter.observer();
    let server = async {
        match bound {
            Bound::Tcp { listener, .. } => server::run(listener, config, observer, shutdown).await,
            #[cfg(unix)]
            Bound::Unix { listener, file } => {
                let totals = server::run(listener, config, observer, shutdown).await;
                drop(file);
                totals
            }
        }
    };
    let cut_short = async {
        tokio::select! {
            _ = signals.next() => {}
            () = reporter.reader_gone() => {}
        }
        let _ = stop.send(());
        signals.next().await
    };
    tokio::select! {
        biased;
        totals = server => Ok(totals),
        status = cut_short => Err(status),
    }
}

fn address(args: &ServeArgs) -> Address {
    #[cfg(unix)]
    if let Some(path) = &args.unix_socket {
        return Address::Unix(path.clone());
    }
    Address::Tcp {
        host: args.host.clone(),
        port: args.port.map_or(Port::From(DEFAULT_PORT), Port::Exactly),
    }
}

fn config(args: &ServeArgs) -> Result<ServerConfig> {
    let tls = tls::server(&args.tls, &TlsEnv::read(), &args.host)?;
    #[cfg(unix)]
    if tls.is_some() && args.unix_socket.is_some() {
        return Err(Failure::usage(
            "--unix-socket speaks no TLS; leave it out, or the flags of TLS",
        )
        .into());
    }
    let mut routes = Routes::none();
    for path in &args.paths {
        routes
            .add(path, Route::Echo)
            .map_err(|error| Failure::usage(error.to_string()))?;
    }
    let keep_alive = keep_alive(
        args.keep_alive,
        args.keep_alive_interval,
        args.keep_alive_timeout,
    )
    .map_err(Failure::usage)?;
    Ok(ServerConfig {
        tls,
        routes,
        origins: OriginPolicy::new(args.allowed_origins.iter().cloned(), args.require_origin),
        subprotocols: args.subprotocols.iter().map(ToString::to_string).collect(),
        compression: args.compress,
        max_message_bytes: args.max_message_size,
        keep_alive,
        grace: args.grace,
        ..ServerConfig::default()
    })
}

/// An error with its causes on one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
