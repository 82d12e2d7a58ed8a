//! Binding: which address a server gets, and what becomes of a socket file.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
#[cfg(unix)]
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;

use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

/// How many connections may wait to be accepted. The system may hold less.
const BACKLOG: u32 = 4096;

/// How many ports after the wanted one are tried, before any free one is taken.
const NEXT_PORTS: u16 = 100;

/// How often another free port is tried for all addresses, when one has it taken.
const ATTEMPTS: usize = 20;

/// Where to listen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Hosts that share one port: names, or addresses with or without brackets.
    pub(crate) hosts: Vec<String>,
    /// The port that they share.
    pub(crate) port: Port,
    /// Hosts with a port of their own.
    pub(crate) pairs: Vec<HostPort>,
    /// A Unix domain socket, and the mode of its file.
    #[cfg(unix)]
    pub(crate) unix: Option<(PathBuf, Option<u32>)>,
}

/// A host name or address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    /// Without brackets.
    pub(crate) host: String,
    /// The port; 0 is any free one.
    pub(crate) port: u16,
}

/// Why a string is no address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is not an address and a port; write it as 127.0.0.1:9090 or [::1]:9090")]
pub(crate) struct HostPortError(String);

impl std::str::FromStr for HostPort {
    type Err = HostPortError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let failed = || HostPortError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(failed)?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let port = port.parse().map_err(|_| failed())?;
        if host.is_empty() || (bare.is_none() && host.contains(':')) {
            return Err(failed());
        }
        Ok(Self {
            host: bare.unwrap_or(host).to_owned(),
            port,
        })
    }
}

/// Which port to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// This one and no other; 0 is any free one.
    Exactly(u16),
    /// This one, or the next that is free.
    From(u16),
}

impl Default for Port {
    fn default() -> Self {
        Self::Exactly(0)
    }
}

/// A listener, and what is to be known of it.
#[derive(Debug)]
pub(crate) enum Bound {
    /// A TCP port.
    Tcp {
        /// The listener.
        listener: TcpListener,
        /// The address it has.
        address: SocketAddr,
        /// The port that was wanted and is in use.
        instead_of: Option<u16>,
    },
    /// A Unix domain socket.
    #[cfg(unix)]
    Unix {
        /// The listener.
        listener: UnixListener,
        /// Its path; empty where it has none.
        path: PathBuf,
        /// Its file, to be kept for as long as the server runs; `None` where
        /// another process made the socket.
        file: Option<SocketFile>,
    },
}

impl Bound {
    /// The port, of a TCP address.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp { address, .. } => Some(address.port()),
            #[cfg(unix)]
            Self::Unix { .. } => None,
        }
    }
}

/// Why a server cannot listen.
#[derive(Debug, Error)]
pub(crate) enum ListenError {
    /// The host has no address.
    #[error("cannot resolve '{host}': {cause}; choose an address of this machine with --host")]
    Resolve {
        /// The host asked for.
        host: String,
        /// The resolver's finding.
        cause: io::Error,
    },
    /// The port is taken.
    #[error("port {} of {} is in use; choose another with --port, or a free one with --port 0", .0.port(), .0.ip())]
    InUse(SocketAddr),
    /// The system refuses.
    #[error("cannot listen on {address}: {}", explain(.cause))]
    Tcp {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// Another server listens on the socket.
    #[cfg(unix)]
    #[error("a server is already listening on {}; stop it, or choose another path", .0.display())]
    SocketInUse(PathBuf),
    /// It looks like a name outside of the file system.
    #[cfg(unix)]
    #[error("abstract sockets are not spoken, and '{}' would be a file; write ./{} for that", .0.display(), .0.display())]
    Abstract(PathBuf),
    /// Another file has this path.
    #[cfg(unix)]
    #[error("{} exists and is not a socket; choose another path", .0.display())]
    NotASocket(PathBuf),
    /// The system refuses.
    #[cfg(unix)]
    #[error("cannot listen on {}: {cause}", .path.display())]
    Unix {
        /// The path asked for.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl ListenError {
    /// What is in the way, without advice.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Resolve { cause, .. } | Self::Tcp { cause, .. } => cause.to_string(),
            Self::InUse(_) => "the port is in use".to_owned(),
            #[cfg(unix)]
            other => other.to_string(),
        }
    }

    /// Whether it can never work, whatever else runs on the machine.
    pub(crate) fn is_of_configuration(&self) -> bool {
        let cannot_be = |cause: &io::Error| {
            matches!(
                cause.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::AddrNotAvailable
            )
        };
        match self {
            Self::Resolve { .. } => true,
            Self::Tcp { cause, .. } => cannot_be(cause),
            Self::InUse(_) => false,
            #[cfg(unix)]
            Self::Abstract(_) => true,
            #[cfg(unix)]
            Self::Unix { cause, .. } => cannot_be(cause),
            #[cfg(unix)]
            Self::SocketInUse(_) | Self::NotASocket(_) => false,
        }
    }
}

/// What to do about the commonest reasons, after the system's own words.
fn explain(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{cause}; ports below 1024 may need privileges, choose another with --port")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{cause}; choose an address of this machine with --host")
        }
        _ => cause.to_string(),
    }
}

/// Starts to listen on all of them.
///
/// # Errors
/// A [`ListenError`] that says what is in the way of the first that cannot be had.
pub(crate) async fn listen(addresses: &Addresses) -> Result<Vec<Bound>, ListenError> {
    let mut all = Vec::new();
    #[cfg(unix)]
    if let Some((path, mode)) = &addresses.unix {
        all.push(listen_unix(path, *mode).await?);
    }
    if !addresses.hosts.is_empty() {
        let hosts: Vec<_> = addresses.hosts.iter().map(String::as_str).collect();
        all.extend(listen_tcp(&hosts, addresses.port).await?);
    }
    for HostPort { host, port } in &addresses.pairs {
        all.extend(listen_tcp(&[host], Port::Exactly(*port)).await?);
    }
    Ok(all)
}

/// Listens for operators: on one address alone, with a port that is asked for.
///
/// # Errors
/// As [`listen`].
pub(crate) async fn listen_alone(address: &HostPort) -> Result<TcpListener, ListenError> {
    let found = resolve(&address.host, address.port).await?;
    let first = found.first().copied();
    let address = first.ok_or_else(|| ListenError::Resolve {
        host: address.host.clone(),
        cause: io::ErrorKind::NotFound.into(),
    })?;
    bind(address, false).map_err(|cause| refused(address, cause))
}

/// Listens on all addresses of these hosts, on one port.
async fn listen_tcp(hosts: &[&str], port: Port) -> Result<Vec<Bound>, ListenError> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for host in hosts {
        for address in resolve(host, 0).await? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    let (number, candidates) = match port {
        Port::Exactly(0) => (0, vec![0; ATTEMPTS]),
        Port::Exactly(number) => (number, vec![number]),
        Port::From(number) => {
            let next = (0..=NEXT_PORTS).filter_map(|step| number.checked_add(step));
            (number, next.chain([0; ATTEMPTS]).collect())
        }
    };
    let mut taken = None;
    for candidate in candidates {
        match bind_all(&addresses, candidate) {
            Ok(listeners) => {
                let instead_of = (candidate != number).then_some(number);
                let bounds = listeners.into_iter();
                return bounds
                    .map(|(listener, address)| bound(listener, address, instead_of))
                    .collect();
            }
            Err(error @ ListenError::InUse(_)) => {
                taken.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(taken.unwrap_or_else(|| ListenError::Resolve {
        host: hosts.join(", "),
        cause: io::ErrorKind::NotFound.into(),
    }))
}

/// Binds all addresses to one port; for 0 to the one that the first of them gets.
/// Where a name has several, a family that this machine has not is left out.
fn bind_all(
    addresses: &[SocketAddr],
    mut port: u16,
) -> Result<Vec<(TcpListener, SocketAddr)>, ListenError> {
    let has_v4 = addresses.iter().any(SocketAddr::is_ipv4);
    let mut bound = Vec::new();
    let mut missing = None;
    for address in addresses {
        let address = SocketAddr::new(address.ip(), port);
        match bind(address, has_v4) {
            Ok(listener) => {
                if port == 0 {
                    let own = listener.local_addr();
                    port = own.map_err(|cause| refused(address, cause))?.port();
                }
                bound.push((listener, address));
            }
            Err(cause) if addresses.len() > 1 && is_missing(&cause) => {
                missing.get_or_insert(refused(address, cause));
            }
            Err(cause) => return Err(refused(address, cause)),
        }
    }
    match missing {
        Some(error) if bound.is_empty() => Err(error),
        _ => Ok(bound),
    }
}

/// Whether the machine has no such address.
fn is_missing(cause: &io::Error) -> bool {
    let unsupported = cause.raw_os_error().is_some_and(|code| {
        // EAFNOSUPPORT, which has no kind of its own.
        cfg!(target_os = "linux") && code == 97
    });
    unsupported || cause.kind() == io::ErrorKind::AddrNotAvailable
}

fn refused(address: SocketAddr, cause: io::Error) -> ListenError {
    match cause.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse(address),
        _ => ListenError::Tcp { address, cause },
    }
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ListenError> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    // Browsers try both, whatever the resolver says (RFC 6761 §6.3).
    if bare.eq_ignore_ascii_case("localhost") {
        return Ok(vec![
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ]);
    }
    let failed = |cause| ListenError::Resolve {
        host: host.to_owned(),
        cause,
    };
    let found: Vec<_> = lookup_host((bare, port)).await.map_err(failed)?.collect();
    match found.is_empty() {
        true => Err(failed(io::ErrorKind::NotFound.into())),
        false => Ok(found),
    }
}

/// Binds a socket; one of IPv6 takes no clients of IPv4 where another does.
fn bind(address: SocketAddr, has_v4: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if address.is_ipv6() && has_v4 {
        socket2::SockRef::from(&socket).set_only_v6(true)?;
    }
    // Connections of a server that has just ended do not keep the port. On
    // Windows the option would let two servers have it at once.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bound(
    listener: TcpListener,
    asked: SocketAddr,
    instead_of: Option<u16>,
) -> Result<Bound, ListenError> {
    match listener.local_addr() {
        Ok(address) => Ok(Bound::Tcp {
            listener,
            address,
            instead_of,
        }),
        Err(cause) => Err(ListenError::Tcp {
            address: asked,
            cause,
        }),
    }
}

#[cfg(unix)]
async fn listen_unix(path: &Path, mode: Option<u32>) -> Result<Bound, ListenError> {
    if path.to_string_lossy().starts_with('@') {
        return Err(ListenError::Abstract(path.to_owned()));
    }
    let failed = |cause| ListenError::Unix {
        path: path.to_owned(),
        cause,
    };
    let listener = match UnixListener::bind(path) {
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path).await?;
            UnixListener::bind(path).map_err(failed)?
        }
        result => result.map_err(failed)?,
    };
    let file = SocketFile::of(path).map_err(failed)?;
    if let Some(mode) = mode {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    Ok(Bound::Unix {
        listener,
        path: file.path().to_owned(),
        file: Some(file),
    })
}

/// Takes over a listener that another process has made, as systemd does.
///
/// # Errors
/// The system's, when it is none.
pub(crate) fn adopt_tcp(listener: std::net::TcpListener) -> io::Result<Bound> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let address = listener.local_addr()?;
    Ok(Bound::Tcp {
        listener,
        address,
        instead_of: None,
    })
}

/// The same, for a Unix domain socket. Its file stays with who made it.
///
/// # Errors
/// The system's, when it is none.
#[cfg(unix)]
pub(crate) fn adopt_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Bound> {
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let address = listener.local_addr()?;
    let path = address.as_pathname().unwrap_or(Path::new("")).to_owned();
    Ok(Bound::Unix {
        listener,
        path,
        file: None,
    })
}

/// Removes the socket file of a server that did not live to do so itself.
#[cfg(unix)]
async fn remove_stale(path: &Path) -> Result<(), ListenError> {
    use std::os::unix::fs::FileTypeExt;

    let failed = |cause| ListenError::Unix {
        path: path.to_owned(),
        cause,
    };
    let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
    if !metadata.file_type().is_socket() {
        return Err(ListenError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path).await {
        // Its server is gone.
        Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)
        }
        Err(cause) if cause.kind() != io::ErrorKind::WouldBlock => Err(failed(cause)),
        // A full backlog belongs to a server that runs.
        _ => Err(ListenError::SocketInUse(path.to_owned())),
    }
}

/// The file of a listening Unix domain socket: removed when this is dropped,
/// unless another file has taken its place.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

#[cfg(unix)]
impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let identity = identity(&path)?;
        Ok(Self { path, identity })
    }

    /// The file's absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // A file that stays is replaced by the next server.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The device and the number of a file.
#[cfg(unix)]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
