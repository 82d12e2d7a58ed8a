//! `wscli serve`.

mod access;
mod inherited;
mod lifetime;
mod reporter;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use self::lifetime::Lifetime;
use self::reporter::{Reporter, Style};
use super::files::Files as OwnFiles;
use super::tls::{self, TlsEnv};
use crate::cli::keep_alive::keep_alive;
use crate::cli::serve::ServeArgs;
use crate::exit::{ExitStatus, Failure};
use crate::origin::OriginPolicy;
use crate::report::serve::{Listening, Ready, Report};
use crate::server::{
    self, Addresses, AnyListener, Bound, Chaos, Files, Front, Listeners, Port, Routes, Server,
    ServerConfig, Totals, Workers,
};
use crate::talk::LogFile;
use crate::terminal::Status;

/// The host that is listened on when none is asked for.
const DEFAULT_HOST: &str = "127.0.0.1";

/// The port of the ASP.NET Core sample, taken when none is asked for.
const DEFAULT_PORT: u16 = 5000;

/// How long the last events may take to be written when the server has ended
/// and they are not read.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Runs the command.
pub(super) fn run(args: &ServeArgs, status: Status) -> Result<ExitStatus> {
    let config = Arc::new(config(args, status)?);
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
    let lifetime = Lifetime::new(args, host(args), config.tls.as_ref())
        .context("cannot listen for signals")?;
    let bounds = bind(args, config.tls.is_some()).await?;
    let admin = bind_admin(args).await?;
    if let Some(Bound::Tcp {
        address,
        instead_of: Some(wanted),
        ..
    }) = bounds.first()
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
    // All else that needs descriptors has them by now.
    let server = server.with_max_sockets(server::descriptors::room_for_clients());
    let admin_address = admin.as_ref().and_then(|admin| admin.local_addr().ok());
    reporter.tell(Report::Ready(Ready::new(&Listening {
        bounds: &bounds,
        network: network_address(&bounds),
        config: &config,
        admin: admin_address,
        self_signed: args.tls.tls_self_signed,
        pid: std::process::id(),
    })));
    if let Some(admin) = admin {
        tokio::spawn(server::admin::run(
            admin,
            server.monitor(),
            config.access.clone(),
        ));
    }
    let ended = until_done(bounds, server, &reporter, lifetime).await;
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

/// The sockets that systemd hands over, or some of our own.
async fn bind(args: &ServeArgs, tls: bool) -> Result<Vec<Bound>> {
    let inherited = inherited::take(tls)?;
    if !inherited.is_empty() {
        return Ok(inherited);
    }
    let bounds = server::listen(&addresses(args)).await;
    bounds.map_err(|error| Failure::new(status(&error), error.to_string()).into())
}

fn status(error: &server::ListenError) -> ExitStatus {
    match error.is_of_configuration() {
        true => ExitStatus::Usage,
        false => ExitStatus::LocalIo,
    }
}

/// The address by which others in the network reach a server that listens on all.
/// Nothing is sent: the system only says which way it would go.
fn network_address(bounds: &[Bound]) -> Option<IpAddr> {
    let listens_on_all = bounds
        .iter()
        .any(|bound| matches!(bound, Bound::Tcp { address, .. } if address.ip().is_unspecified()));
    if !listens_on_all {
        return None;
    }
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737), behind the default route.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

async fn bind_admin(args: &ServeArgs) -> Result<Option<TcpListener>> {
    let Some(address) = &args.admin else {
        return Ok(None);
    };
    let listener = server::listen_alone(address).await;
    listener.map(Some).map_err(|error| {
        let text = format!(
            "cannot listen for operators on '{}' port {}: {}; choose another address with --admin",
            address.host,
            address.port,
            error.cause()
        );
        Failure::new(status(&error), text).into()
    })
}

fn start_reporter(args: &ServeArgs, status: Status) -> Result<Reporter> {
    let to_stdout = args.access_log.as_deref() == Some(Path::new("-"));
    let style = if args.jsonl || to_stdout {
        Style::JsonLines
    } else {
        Style::Human(status)
    };
    OwnFiles::default()
        .written("--access-log", args.access_log.as_deref())
        .check()?;
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
    bounds: Vec<Bound>,
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
        #[cfg(unix)]
        let mut files = Vec::new();
        let listeners: Listeners = bounds
            .into_iter()
            .map(|bound| match bound {
                Bound::Tcp { listener, .. } => AnyListener::Tcp(listener),
                #[cfg(unix)]
                Bound::Unix { listener, file, .. } => {
                    files.push(file);
                    AnyListener::Unix(listener)
                }
            })
            .collect();
        server.run(listeners, shutdown).await
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

fn addresses(args: &ServeArgs) -> Addresses {
    let mut hosts = args.hosts.clone();
    #[cfg(unix)]
    let has_path = args.unix_socket.is_some();
    #[cfg(not(unix))]
    let has_path = false;
    let is_elsewhere = has_path || !args.listen.is_empty();
    if hosts.is_empty() && (args.port.is_some() || !is_elsewhere) {
        hosts.push(DEFAULT_HOST.to_owned());
    }
    Addresses {
        hosts,
        port: args.port.map_or(Port::From(DEFAULT_PORT), Port::Exactly),
        pairs: args.listen.clone(),
        #[cfg(unix)]
        unix: args
            .unix_socket
            .clone()
            .map(|path| (path, args.unix_socket_mode)),
    }
}

/// The first host, which a certificate of our own is made for.
fn host(args: &ServeArgs) -> &str {
    let first = args.hosts.first().map(String::as_str);
    let pair = args.listen.first().map(|pair| pair.host.as_str());
    first.or(pair).unwrap_or(DEFAULT_HOST)
}

fn config(args: &ServeArgs, status: Status) -> Result<ServerConfig> {
    let tls = tls::server(&args.tls, &TlsEnv::read(), host(args))?;
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
        front: front(args, status)?,
        lab: args.lab,
        chaos: chaos(args),
        max_connections: args.max_connections,
        max_connections_per_ip: args.max_connections_per_ip,
        trusted_proxies: args.trusted_proxies.iter().copied().collect(),
        proxy_protocol: args.proxy_protocol,
        access: access::access(&args.auth, status)?,
        max_rate: args.max_rate,
        max_message_bytes: args.max_message_size,
        read_buffer_bytes: args.receive_buffer_size,
        keep_alive,
        idle_timeout: args.idle_timeout,
        write_timeout: args.write_timeout,
        handshake_timeout: args.handshake_timeout,
        drain_delay: args.drain_delay,
        grace: args.grace,
        ..ServerConfig::default()
    })
}

fn front(args: &ServeArgs, status: Status) -> Result<Front> {
    let Some(folder) = &args.static_files else {
        return Ok(if args.no_page {
            Front::Nothing
        } else {
            Front::Page
        });
    };
    let files = Files::new(folder).map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(warning) = files.warning() {
        status.note(&warning);
    }
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
