//! Binding: which address a server gets, and what becomes of a socket file.

use std::io;
use std::net::SocketAddr;
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

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A host name or address, and a port.
    Tcp {
        /// A host name, or an address, with or without brackets.
        host: String,
        /// The port.
        port: Port,
    },
    /// A Unix domain socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

/// Which port to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// This one and no other; 0 is any free one.
    Exactly(u16),
    /// This one, or the next that is free.
    From(u16),
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

/// Starts to listen.
///
/// # Errors
/// A [`ListenError`] that says what is in the way.
pub(crate) async fn listen(address: &Address) -> Result<Bound, ListenError> {
    match address {
        Address::Tcp { host, port } => listen_tcp(host, *port).await,
        #[cfg(unix)]
        Address::Unix(path) => listen_unix(path).await,
    }
}

async fn listen_tcp(host: &str, port: Port) -> Result<Bound, ListenError> {
    let (Port::Exactly(number) | Port::From(number)) = port;
    let address = resolve(host, number).await?;
    let first = match bind(address) {
        Ok(listener) => return bound(listener, address, None),
        Err(cause) => cause,
    };
    if first.kind() != io::ErrorKind::AddrInUse {
        let cause = first;
        return Err(ListenError::Tcp { address, cause });
    }
    if let Port::Exactly(_) = port {
        return Err(ListenError::InUse(address));
    }
    let next = (1..=NEXT_PORTS).filter_map(|step| number.checked_add(step));
    for port in next.chain([0]) {
        if let Ok(listener) = bind(SocketAddr::new(address.ip(), port)) {
            return bound(listener, address, Some(number));
        }
    }
    Err(ListenError::InUse(address))
}

async fn resolve(host: &str, port: u16) -> Result<SocketAddr, ListenError> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    let failed = |cause| ListenError::Resolve {
        host: host.to_owned(),
        cause,
    };
    let mut found = lookup_host((bare, port)).await.map_err(failed)?;
    found
        .next()
        .ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
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
async fn listen_unix(path: &Path) -> Result<Bound, ListenError> {
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
