//! The sockets that systemd hands over (sd_listen_fds(3)).

use anyhow::{Context, Result};
use listenfd::ListenFd;

use crate::exit::Failure;
use crate::server::{self, Bound};

/// The sockets of `LISTEN_FDS`, when they are for this process.
///
/// # Errors
/// When one of them is not one that listens, or cannot speak `tls`.
pub(super) fn take(tls: bool) -> Result<Vec<Bound>> {
    let mut sockets = ListenFd::from_env();
    (0..sockets.len())
        .map(|index| take_one(&mut sockets, index, tls))
        .collect()
}

#[cfg_attr(
    not(unix),
    expect(unused_variables, reason = "only TCP is handed over")
)]
fn take_one(sockets: &mut ListenFd, index: usize, tls: bool) -> Result<Bound> {
    if let Ok(Some(listener)) = sockets.take_tcp_listener(index) {
        check(&listener)?;
        return adopted(server::adopt_tcp(listener));
    }
    #[cfg(unix)]
    if let Ok(Some(listener)) = sockets.take_unix_listener(index) {
        if tls {
            let text = "the socket that was handed over is a Unix domain socket, which speaks no TLS; leave out the flags of TLS";
            return Err(Failure::usage(text).into());
        }
        check(&listener)?;
        return adopted(server::adopt_unix(listener));
    }
    Err(Failure::usage(
        "the socket that was handed over is not a stream socket; name it with ListenStream= in its unit",
    )
    .into())
}

/// A connection is a stream socket too, and taken for a listener by its type.
#[cfg(target_os = "linux")]
fn check(socket: &impl std::os::fd::AsFd) -> Result<()> {
    let listens = rustix::net::sockopt::socket_acceptconn(socket)
        .context("cannot use the socket that was handed over")?;
    if listens {
        return Ok(());
    }
    Err(Failure::usage(
        "the socket that was handed over is a connection, not a listener; write Accept=no into its unit",
    )
    .into())
}

#[cfg(not(target_os = "linux"))]
fn check<S>(_socket: &S) -> Result<()> {
    Ok(())
}

fn adopted(bound: std::io::Result<Bound>) -> Result<Bound> {
    bound.context("cannot use the socket that was handed over")
}
