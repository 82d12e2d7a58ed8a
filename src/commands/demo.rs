//! `--demo`: an echo server of our own to talk to.

use std::future::pending;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;

use crate::connection::deflate::Policy;
use crate::server::{self, ServerConfig};

/// Starts an echo server on a free loopback port, in this process and for as
/// long as it runs. Returns its URL.
pub(super) async fn start() -> Result<String> {
    let failed = "cannot start the demo server on 127.0.0.1";
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context(failed)?;
    let address = listener.local_addr().context(failed)?;
    let config = ServerConfig {
        compression: Some(Policy::default()),
        ..ServerConfig::default()
    };
    tokio::spawn(server::run(
        listener,
        Arc::new(config),
        Arc::new(|_| {}),
        pending(),
    ));
    Ok(format!("ws://{address}/ws"))
}
