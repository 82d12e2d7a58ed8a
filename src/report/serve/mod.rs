//! What a server tells, as text: JSON for programs, sentences for people.

mod ended;
mod json;
mod text;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use serde::Serialize;

pub(crate) use self::json::json;
pub(crate) use self::text::text;
use crate::connection::net::tls::CertificateInfo;
use crate::server::{Bound, Event, Front, ServerConfig, Totals};

/// Something to tell.
#[derive(Debug)]
pub(crate) enum Report {
    /// The server listens.
    Ready(Ready),
    /// What the engine tells.
    Event(Event),
    /// So many reports have found no room.
    LeftOut(u64),
    /// What a signal to reload has come to.
    Reload(Reload),
    /// The server has ended.
    Stopped(Totals),
}

/// Something that was read or opened anew, or was not.
#[derive(Debug)]
pub(crate) enum Reload {
    /// The access log goes on in the file that has its path now.
    AccessLog,
    /// It goes on in the old file, for this reason.
    AccessLogFailed(String),
    /// New connections get this certificate.
    Certificate(Arc<CertificateInfo>),
    /// They get the old one, for this reason.
    CertificateFailed(String),
    /// Nothing was asked for that can change.
    Nothing,
}

/// Where a server listens.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ready {
    /// The first of `urls`.
    url: String,
    /// A URL for each path, to be connected to from this machine.
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// The address or the path that is listened on.
    address: String,
    /// All of them, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    pid: u32,
    /// What a client can give to --pinnedpubkey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
    /// A command that connects, where no authority vouches for the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// The page, or the folder's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// The list of the fault lab's routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    lab: Option<String>,
    /// Where operators ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<String>,
    /// Repeats the chances of `--chaos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

/// What a server is when it begins to listen.
#[derive(Clone, Copy)]
pub(crate) struct Listening<'a> {
    /// Where it listens: once or more.
    pub bounds: &'a [Bound],
    /// The machine's address in its network, where all addresses are listened on.
    pub network: Option<IpAddr>,
    /// What it does.
    pub config: &'a ServerConfig,
    /// Where operators ask.
    pub admin: Option<SocketAddr>,
    /// Whether its certificate is its own.
    pub self_signed: bool,
    /// The process.
    pub pid: u32,
}

impl Ready {
    /// What is known once a server listens.
    pub(crate) fn new(listening: &Listening<'_>) -> Self {
        let Listening { bounds, config, .. } = *listening;
        let pin = config.tls.as_ref().map(|tls| tls.certificate().pin);
        let scheme = if pin.is_some() { "wss" } else { "ws" };
        let bases = bounds
            .iter()
            .flat_map(|bound| bases(bound, listening.network));
        let bases: Vec<_> = bases.map(|base| base.replacen("ws", scheme, 1)).collect();
        let mut urls = Vec::new();
        for base in &bases {
            urls.extend(config.routes.paths().map(|path| format!("{base}{path}")));
        }
        let first = bases.first().cloned().unwrap_or_default();
        let url = urls.first().cloned().unwrap_or_else(|| first.clone());
        let mut addresses: Vec<_> = bounds.iter().map(address_of).collect();
        let command = pin
            .filter(|_| listening.self_signed)
            .map(|pin| format!("wscli connect {url} -k --pinnedpubkey {pin}"));
        let http = match bounds.first() {
            Some(Bound::Tcp { .. }) => Some(first.replacen("ws", "http", 1)),
            _ => None,
        };
        let at = |path| http.as_ref().map(|http| format!("{http}{path}"));
        Self {
            url,
            urls,
            pin: pin.map(|pin| pin.to_string()),
            command,
            port: bounds.iter().find_map(Bound::port),
            address: addresses.first().cloned().unwrap_or_default(),
            addresses: match addresses.len() {
                0 | 1 => Vec::new(),
                _ => std::mem::take(&mut addresses),
            },
            pid: listening.pid,
            page: match config.front {
                Front::Nothing => None,
                _ => at("/"),
            },
            lab: config.lab.then(|| at("/lab")).flatten(),
            admin: listening.admin.map(|admin| format!("http://{admin}/")),
            seed: config.chaos.as_ref().map(|chaos| chaos.seed),
        }
    }
}

/// How clients get there, each a URL without a path: from this machine, and where all
/// addresses are listened on, from its network.
fn bases(bound: &Bound, network: Option<IpAddr>) -> Vec<String> {
    match bound {
        Bound::Tcp { address, .. } => {
            let is_everywhere = address.ip().is_unspecified();
            let own: IpAddr = match (is_everywhere, address) {
                (false, _) => address.ip(),
                (true, SocketAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
                (true, SocketAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
            };
            let network = network.filter(|_| is_everywhere && address.is_ipv4());
            let port = address.port();
            let reachable = [Some(own), network].into_iter().flatten();
            reachable
                .map(|ip| format!("ws://{}", SocketAddr::new(ip, port)))
                .collect()
        }
        #[cfg(unix)]
        Bound::Unix { path, .. } => vec![format!("ws+unix:{}:", path.display())],
    }
}

fn address_of(bound: &Bound) -> String {
    match bound {
        Bound::Tcp { address, .. } => address.to_string(),
        #[cfg(unix)]
        Bound::Unix { path, .. } => path.display().to_string(),
    }
}
