//! What a run needs of the system, checked before it begins: a run that dies
//! of a limit in its middle has measured the limit.

use thiserror::Error;

use super::config::{BenchConfig, Mode};
use crate::connection::net::target::Endpoint;

/// Descriptors that are not connections: the standard streams, and for each
/// thread an epoll, a waker, and a timer.
const OTHER_DESCRIPTORS: u64 = 24;
const DESCRIPTORS_A_THREAD: u64 = 8;

/// What the system grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// File descriptors of this process; `None` for no limit.
    pub descriptors: Option<u64>,
    /// Ephemeral ports, for each pair of a source address and a destination.
    pub ports: u64,
}

/// A need that cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitError {
    /// More descriptors than the process may have.
    #[error(
        "{connections} connections need {needed} file descriptors, and this process may open {limit}; lower --connections to {possible}, or raise the limit ('ulimit -n {needed}')"
    )]
    Descriptors {
        /// The connections asked for.
        connections: u64,
        /// What they need.
        needed: u64,
        /// What there is.
        limit: u64,
        /// How many connections there is room for.
        possible: u64,
    },
    /// More ports than there are.
    #[error(
        "{connections} connections to {destination} need as many ephemeral ports, and {sources} source address(es) have {ports} each; give {more} in all with --source-ip, or widen net.ipv4.ip_local_port_range"
    )]
    Ports {
        /// The connections to this destination.
        connections: u64,
        /// Host and port.
        destination: String,
        /// Source addresses.
        sources: u64,
        /// Ports of each of them.
        ports: u64,
        /// Source addresses that would do.
        more: u64,
    },
}

/// Raises the limit for descriptors as far as the system allows, and returns
/// what this process has then.
pub fn raise_and_read() -> Limits {
    Limits {
        descriptors: raise_descriptors(),
        ports: ephemeral_ports(),
    }
}

#[cfg(unix)]
fn raise_descriptors() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        // A refusal leaves the limit as it is, and it is read again below.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn raise_descriptors() -> Option<u64> {
    None
}

/// The range of Linux, or RFC 6335's where it cannot be read.
fn ephemeral_ports() -> u64 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let bounds: Vec<u64> = range
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|bound| bound.parse().ok())
        .collect();
    match bounds.as_slice() {
        [first, last] if last >= first => last - first + 1,
        _ => 65_535 - 49_152 + 1,
    }
}

/// Checks what a run needs. `extra_descriptors` are those that an embedded
/// server takes for each connection.
///
/// # Errors
/// The first need that cannot be met.
pub fn check(config: &BenchConfig, limits: Limits, extra: u64) -> Result<(), LimitError> {
    let connections = config.connections as u64;
    let fixed = OTHER_DESCRIPTORS + DESCRIPTORS_A_THREAD * config.threads as u64;
    let needed = connections * (1 + extra) + fixed;
    if let Some(limit) = limits.descriptors
        && needed > limit
    {
        return Err(LimitError::Descriptors {
            connections,
            needed,
            limit,
            possible: limit.saturating_sub(fixed) / (1 + extra),
        });
    }
    if config.mode == Mode::Handshake {
        // Their ports are free again after each attempt.
        return Ok(());
    }
    check_ports(config, limits.ports)
}

fn check_ports(config: &BenchConfig, ports: u64) -> Result<(), LimitError> {
    let sources = config.source_ips.len().max(1) as u64;
    let mut destinations: Vec<(String, u64)> = Vec::new();
    for (index, target) in config.targets.iter().enumerate() {
        let Endpoint::Tcp { host, port } = &target.endpoint else {
            continue;
        };
        let count = (config.connections + config.targets.len() - 1 - index) / config.targets.len();
        let dial = &config.open.dial;
        let (host, port) = match dial.proxies.for_target(target) {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => dial.address.destination(host, *port),
        };
        let name = format!("{host}:{port}");
        match destinations.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count as u64,
            None => destinations.push((name, count as u64)),
        }
    }
    for (destination, connections) in destinations {
        if connections > ports * sources {
            return Err(LimitError::Ports {
                connections,
                destination,
                sources,
                ports,
                more: connections.div_ceil(ports.max(1)),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing::config;
    use crate::connection::net::proxy::ProxyRules;

    const LIMITS: Limits = Limits {
        descriptors: Some(1024),
        ports: 100,
    };

    #[test]
    fn descriptors_are_counted_and_the_remedy_is_in_numbers() {
        let error = check(&config(1000), LIMITS, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1000 connections need 1032 file descriptors, and this process may open 1024; lower --connections to 992, or raise the limit ('ulimit -n 1032')"
        );
        let error = check(&config(600), LIMITS, 1).unwrap_err();
        assert!(matches!(
            error,
            LimitError::Descriptors { possible: 496, .. }
        ));
        let unlimited = Limits {
            descriptors: None,
            ports: 100_000,
        };
        assert_eq!(check(&config(50_000), unlimited, 1), Ok(()));
    }

    #[test]
    fn ports_are_counted_for_each_destination_and_source() {
        let mut config = config(250);
        let error = check(&config, LIMITS, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "250 connections to 127.0.0.1:9 need as many ephemeral ports, and 1 source address(es) have 100 each; give 3 in all with --source-ip, or widen net.ipv4.ip_local_port_range"
        );
        config.source_ips = vec![
            [127, 0, 0, 1].into(),
            [127, 0, 0, 2].into(),
            [127, 0, 0, 3].into(),
        ];
        assert_eq!(check(&config, LIMITS, 0), Ok(()));
        // All of them go through one proxy.
        let proxied = &mut config.clone();
        proxied.targets.push("ws://127.0.0.2:9/".parse().unwrap());
        proxied.source_ips.clear();
        proxied.open.dial.proxies = ProxyRules::all("http://proxy:1".parse().unwrap());
        let error = check(proxied, LIMITS, 0).unwrap_err().to_string();
        assert!(error.contains(" connections to proxy:1 need"), "{error}");
        config.source_ips.clear();
        config.targets.push("ws://127.0.0.1:10/".parse().unwrap());
        config.connections = 200;
        assert_eq!(check(&config, LIMITS, 0), Ok(()));
        config.mode = Mode::Handshake;
        config.connections = 900;
        assert_eq!(check(&config, LIMITS, 0), Ok(()));
    }

    #[test]
    fn the_system_says_what_it_grants() {
        let limits = raise_and_read();
        assert!(limits.ports > 1000);
        assert!(limits.descriptors.is_none_or(|n| n >= 64));
    }
}
