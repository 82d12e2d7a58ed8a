//! `wscli serve`.

mod inherited;
mod lifetime;
mod reporter;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use self::lifetime::Lifetime;
use self::reporter::{Reporter, Style};
use super::tls::{self, TlsEnv};
use crate::cli::keep_alive::keep_alive;
use crate::cli::serve::ServeArgs;
use crate::exit::{ExitStatus, Failure};
use crate::origin::OriginPolicy;
use crate::report::serve::{Listening, Ready, Report};
use crate::server::{
    self, Address, Bound, Chaos, Files, Front, Port, Routes, Server, ServerConfig, Totals, Workers,
};
use crate::talk::LogFile;
use crate::terminal::Status;

/// The port of the ASP.NET Core sample, taken when none is asked for.
const DEFAULT_PORT: u16 = 5000;

/// How long the last events may take to be written when the server has ended
/// and they are not read.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Runs the command.
pub(super) fn run(args: &ServeArgs, status: Status) -> Result<ExitStatus> {
    let config = Arc::new(config(args)?);
    // This thread accepts; with one worker, it serves as well.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(serve(args, config, status));
    // What a second signal has cut short is not waited for.
    runtime.shutdown_background();
    result
}

/// Listens, serves until a signal comes, and reports on it.
async fn serve(args: &ServeArgs, config: Arc<ServerConfig>, status: Status) -> Result<ExitStatus> {
    // Before the ready line, so that who has read it can end the server.
    let lifetime = Lifetime::new(args, config.tls.as_ref()).context("cannot listen for signals")?;
    let bound = bind(args, config.tls.is_some()).await?;
    let admin = bind_admin(args).await?;
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
    let reporter = start_reporter(args, status)?;
    let observer = reporter.observer();
    let server = match workers(args) {
        1 => Server::new(Arc::clone(&config), observer),
        count => {
            let workers = Workers::start(count).context("cannot start the worker threads")?;
            Server::on(workers, Arc::clone(&config), observer)
        }
    };
    let admin_address = admin.as_ref().and_then(|admin| admin.local_addr().ok());
    reporter.tell(Report::Ready(Ready::new(&Listening {
        bound: &bound,
        config: &config,
        admin: admin_address,
        self_signed: args.tls.tls_self_signed,
        pid: std::process::id(),
    })));
    if let Some(admin) = admin {
        tokio::spawn(server::admin::run(admin, server.monitor()));
    }
    let ended = until_done(bound, server, &reporter, lifetime).await;
    if let Ok(totals) = ended {
        reporter.tell(Report::Stopped(totals));
    }
    if reporter.has_lost_its_reader() {
        let text = "nobody reads the events any more (stdout is closed), so the server has ended; \
                    leave out --jsonl, or read them to the end";
        return Err(Failure::new(ExitStatus::LocalIo, text).into());
    }
    reporter.finish(LAST_EVENTS);
    Ok(ended.map_or_else(|status| status, |_| ExitStatus::Success))
}

/// The socket that systemd hands over, or one of our own.
async fn bind(args: &ServeArgs, tls: bool) -> Result<Bound> {
    if let Some(bound) = inherited::take(tls)? {
        return Ok(bound);
    }
    let bound = server::listen(&address(args)).await;
    bound.map_err(|error| Failure::new(ExitStatus::LocalIo, error.to_string()).into())
}

async fn bind_admin(args: &ServeArgs) -> Result<Option<TcpListener>> {
    let Some(address) = args.admin else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let text = format!("cannot listen on {address}: {error}; choose another with --admin");
        Failure::new(ExitStatus::LocalIo, text)
    })?;
    Ok(Some(listener))
}

fn start_reporter(args: &ServeArgs, status: Status) -> Result<Reporter> {
    let to_stdout = args.access_log.as_deref() == Some(Path::new("-"));
    let style = if args.jsonl || to_stdout {
        Style::JsonLines
    } else {
        Style::Human(status)
    };
    let file = args.access_log.as_ref().filter(|_| !to_stdout);
    let file = file.map(|path| {
        LogFile::open_as("access log", path).map_err(|error| {
            let text = format!(
                "cannot open the access log '{}': {error}; choose another file with --access-log",
                path.display()
            );
            Failure::usage(text)
        })
    });
    Reporter::start(style, file.transpose()?).context("cannot start the thread that reports")
}

fn workers(args: &ServeArgs) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    args.workers.map_or_else(cores, usize::from)
}

/// Serves to the end; `Err` where a second signal has cut the end short. A
/// reader of the events that goes away ends the server as a signal does.
async fn until_done(
    bound: Bound,
    server: Server,
    reporter: &Reporter,
    mut lifetime: Lifetime,
) -> Result<Totals, ExitStatus> {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        // The sender is dropped at the latest with the server.
        let _ = stopped.await;
    };
    let server = async {
        match bound {
            Bound::Tcp { listener, .. } => server.run(listener, shutdown).await,
            #[cfg(unix)]
            Bound::Unix { listener, file, .. } => {
                let totals = server.run(listener, shutdown).await;
                drop(file);
                totals
            }
        }
    };
    let cut_short = async {
        tokio::select! {
            () = lifetime.end(reporter) => {}
            () = reporter.reader_gone() => {}
        }
        let _ = stop.send(());
        lifetime.cut_short().await
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
            .add_echo(path)
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
        front: front(args)?,
        lab: args.lab,
        chaos: chaos(args),
        max_connections: args.max_connections,
        max_connections_per_ip: args.max_connections_per_ip,
        max_message_bytes: args.max_message_size,
        read_buffer_bytes: args.receive_buffer_size,
        keep_alive,
        idle_timeout: args.idle_timeout,
        write_timeout: args.write_timeout,
        handshake_timeout: args.handshake_timeout,
        grace: args.grace,
        ..ServerConfig::default()
    })
}

fn front(args: &ServeArgs) -> Result<Front> {
    let Some(folder) = &args.static_files else {
        return Ok(if args.no_page {
            Front::Nothing
        } else {
            Front::Page
        });
    };
    let files = Files::new(folder).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Front::Files(files))
}

/// The chaos asked for; without a seed it gets one, which `ready` tells.
fn chaos(args: &ServeArgs) -> Option<Chaos> {
    let mut chaos = args.chaos.clone()?;
    chaos.seed = args.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        u64::from(now.unwrap_or_default().subsec_nanos())
    });
    Some(chaos)
}
