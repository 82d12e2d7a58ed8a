//! Opening the connections of a run.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use super::config::BenchConfig;
use super::counters::Cause;
use super::stats::HandshakeStats;
use super::summary::Agreed;
use crate::connection::client::dial::DialError;
use crate::connection::client::reached::Timings;
use crate::connection::net::address::{AddressConfig, Family, Interface};
use crate::connection::net::tcp::TcpError;
use crate::connection::{OpenConfig, OpenError, OpenFailure, Opened, Target, open};

/// Opens connection `index` of the run.
pub(super) async fn open_connection(
    config: &BenchConfig,
    index: usize,
) -> Result<Opened, OpenFailure> {
    open(target_of(config, index), &open_config(config, index)).await
}

/// Where connection `index` leads to.
pub(super) fn target_of(config: &BenchConfig, index: usize) -> &Target {
    &config.targets[index % config.targets.len()]
}

fn open_config(config: &BenchConfig, index: usize) -> Cow<'_, OpenConfig> {
    let mut open = Cow::Borrowed(&config.open);
    if let Some(row) = turn(&config.header_rows, index) {
        open.to_mut().request.edits.extend(row.iter().cloned());
    }
    if let Some(ip) = turn(&config.source_ips, index) {
        leave_from(*ip, &mut open.to_mut().dial.address);
    }
    open
}

fn leave_from(ip: IpAddr, address: &mut AddressConfig) {
    address.interface = Some(Interface::Host(ip.to_string()));
    // A name may have addresses that nothing of this family leads to.
    if address.family == Family::Any {
        address.family = match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        };
    }
}

fn turn<T>(all: &[T], index: usize) -> Option<&T> {
    all.get(index.checked_rem(all.len())?)
}

/// Notes how long the phases of an opening handshake took.
pub(super) fn note_timings(stats: &mut HandshakeStats, timings: &Timings) {
    stats.counters.opened += 1;
    stats.total.record_duration(whole(timings));
    for (recorder, phase) in [
        (&mut stats.dns, timings.dns),
        (&mut stats.tcp, timings.tcp),
        (&mut stats.tls, timings.tls),
        (&mut stats.upgrade, timings.upgrade),
    ] {
        if let Some(duration) = phase {
            recorder.record_duration(duration);
        }
    }
}

/// How long the whole opening took, a proxy and redirects included.
fn whole(timings: &Timings) -> Duration {
    let Timings {
        dns,
        tcp,
        proxy,
        tls,
        upgrade,
        redirects,
    } = timings;
    [dns, tcp, proxy, tls, upgrade, redirects]
        .into_iter()
        .flatten()
        .sum()
}

/// What a connection has agreed on.
pub(super) fn agreed_on(opened: &Opened) -> Agreed {
    Agreed {
        http_version: "HTTP/1.1",
        subprotocol: opened.subprotocol.clone(),
        deflate: opened.deflate,
        tls: opened.reached.tls.as_ref().map(|tls| tls.version),
        request_head: opened.reached.exchange.request_head.clone(),
        response_head: opened.response.head.raw.clone(),
    }
}

/// The cause of a failed opening, as errors are grouped by: without what
/// differs from connection to connection.
pub(super) fn cause(error: &OpenFailure) -> Cause {
    Cause::Opening(match &*error.cause {
        OpenError::Dial(DialError::Tcp(TcpError::Resolve { host, .. })) => {
            format!("could not resolve '{host}'")
        }
        OpenError::Dial(
            DialError::Tcp(TcpError::Connect { source, .. })
            | DialError::ConnectUnix { source, .. },
        ) => {
            format!("could not connect: {source}")
        }
        other => other.to_string(),
    })
}
