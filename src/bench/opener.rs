//! Opening the connections of a run.

use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, lookup_host};
use tokio::time::{Instant, timeout};
use url::Host;

use super::config::BenchConfig;
use super::stats::HandshakeStats;
use crate::connection::dial::{DialError, Timings};
use crate::connection::handshake::upgrade;
use crate::connection::target::Endpoint;
use crate::connection::{OpenConfig, OpenError, Opened, Target, Transport, open};

/// Opens connection `index` of the run.
pub(super) async fn open_connection(
    config: &BenchConfig,
    index: usize,
) -> Result<Opened, OpenError> {
    let target = &config.targets[index % config.targets.len()];
    let own;
    let open_config = match turn(&config.header_rows, index) {
        None => &config.open,
        Some(row) => {
            let mut edited = config.open.clone();
            edited.request.edits.extend(row.iter().cloned());
            own = edited;
            &own
        }
    };
    match (turn(&config.source_ips, index), &target.endpoint) {
        (Some(ip), Endpoint::Tcp { host, port }) => {
            open_from(*ip, host, *port, target, open_config).await
        }
        _ => open(target, open_config).await,
    }
}

fn turn<T>(all: &[T], index: usize) -> Option<&T> {
    all.get(index.checked_rem(all.len())?)
}

/// Notes how long the phases of an opening handshake took.
pub(super) fn note_timings(stats: &mut HandshakeStats, timings: &Timings) {
    stats.count += 1;
    for (recorder, phase) in [
        (&mut stats.dns, timings.dns),
        (&mut stats.tcp, timings.tcp),
        (&mut stats.upgrade, timings.upgrade),
    ] {
        if let Some(duration) = phase {
            recorder.record_duration(duration);
        }
    }
}

/// The cause of a failed opening, as errors are grouped by: without what
/// differs from connection to connection.
pub(super) fn cause(error: &OpenError) -> String {
    match error {
        OpenError::Dial(DialError::Resolve { host, .. }) => format!("could not resolve '{host}'"),
        OpenError::Dial(
            DialError::Connect { source, .. } | DialError::ConnectUnix { source, .. },
        ) => {
            format!("could not connect: {source}")
        }
        other => other.to_string(),
    }
}

async fn open_from(
    from: IpAddr,
    host: &Host,
    port: u16,
    target: &Target,
    config: &OpenConfig,
) -> Result<Opened, OpenError> {
    let mut connected = false;
    let opening = async {
        let (transport, peer, mut timings) = dial_from(from, host, port).await?;
        let mut transport: Transport = transport;
        connected = true;
        let start = Instant::now();
        let upgraded = upgrade(&mut transport, target, &config.request).await?;
        timings.upgrade = Some(start.elapsed());
        Ok(Opened {
            transport,
            leftover: upgraded.leftover,
            peer: Some(peer),
            request_head: upgraded.request_head,
            response: upgraded.response,
            subprotocol: upgraded.subprotocol,
            deflate: upgraded.deflate,
            timings,
        })
    };
    match config.timeout {
        None => opening.await,
        Some(after) => match timeout(after, opening).await {
            Ok(result) => result,
            Err(_) => Err(OpenError::Timeout { after, connected }),
        },
    }
}

async fn dial_from(
    from: IpAddr,
    host: &Host,
    port: u16,
) -> Result<(Transport, SocketAddr, Timings), DialError> {
    let start = Instant::now();
    let (address, dns) = match host {
        Host::Ipv4(ip) => (SocketAddr::from((*ip, port)), None),
        Host::Ipv6(ip) => (SocketAddr::from((*ip, port)), None),
        Host::Domain(name) => (resolve(name, port, from).await?, Some(start.elapsed())),
    };
    let start = Instant::now();
    let failed = |source| DialError::Connect {
        address: format!("{address} from {from}"),
        source,
    };
    let stream = connect_from(from, address).await.map_err(failed)?;
    let _ = stream.set_nodelay(true);
    let timings = Timings {
        dns,
        tcp: Some(start.elapsed()),
        ..Timings::default()
    };
    Ok((stream.into(), address, timings))
}

async fn connect_from(from: IpAddr, to: SocketAddr) -> std::io::Result<tokio::net::TcpStream> {
    let socket = match from {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

async fn resolve(name: &str, port: u16, from: IpAddr) -> Result<SocketAddr, DialError> {
    let failed = |source| DialError::Resolve {
        host: name.to_owned(),
        source,
    };
    let mut addresses = lookup_host((name, port)).await.map_err(failed)?;
    addresses
        .find(|address| address.is_ipv6() == from.is_ipv6())
        .ok_or_else(|| {
            failed(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!("the name has no address of the family of {from}"),
            ))
        })
}
