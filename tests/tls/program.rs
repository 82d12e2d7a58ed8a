//! Programs of the system, on free ports.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::peers::LIMIT;

/// What haproxy and OpenSSL do with plain HTTP on a port for TLS.
pub(crate) const CLOSED_IN_PLAIN: &str =
    "the server closed the connection without an answer to the opening handshake";

/// A program that is ended with the test, and with it what it has started:
/// the workers of nginx outlive their master.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        let _ = kill_process_group(id.unwrap(), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago: these programs take no port 0.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Program {
    /// Starts a program and waits until it listens.
    pub(crate) async fn start(command: &mut Command, port: u16) -> Self {
        let child = command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut program = Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let listening = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                let ended = program.0.try_wait().unwrap();
                assert!(ended.is_none(), "{command:?} ended with {ended:?}");
                // There is no event to wait for: the programs tell nobody.
                sleep(Duration::from_millis(10)).await;
            }
        };
        let listens = timeout(LIMIT, listening).await;
        listens.unwrap_or_else(|_| panic!("{command:?} does not listen"));
        program
    }
}
