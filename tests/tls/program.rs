//! Programs of the system, on free ports.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::peers::LIMIT;

/// What haproxy and OpenSSL do with plain HTTP on a port for TLS.
pub(crate) const CLOSED_IN_PLAIN: &str =
    "the server closed the connection without an answer to the opening handshake";

/// A program that is ended with the test.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
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
