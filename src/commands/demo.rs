//! `--demo`: an echo server of our own to talk to.

use std::future::pending;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime;

use crate::connection::ws::deflate::Policy;
use crate::server::{self, ServerConfig};

const FAILED: &str = "cannot start the demo server on 127.0.0.1";

/// Starts an echo server on a free loopback port, in this process and for as
/// long as it runs. Returns its URL.
pub(super) async fn start() -> Result<String> {
    let (listener, url) = listen().context(FAILED)?;
    tokio::spawn(serve(TcpListener::from_std(listener).context(FAILED)?));
    Ok(url)
}

/// The same on a thread and a runtime of its own, so that it takes no time
/// from those of the caller.
pub(super) fn start_apart() -> Result<String> {
    let (listener, url) = listen().context(FAILED)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(FAILED)?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener).context(FAILED)?
    };
    thread::Builder::new()
        .name("demo-server".to_owned())
        .spawn(move || runtime.block_on(serve(listener)))
        .context(FAILED)?;
    Ok(url)
}

fn listen() -> std::io::Result<(StdListener, String)> {
    let listener = StdListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let url = format!("ws://{}/ws", listener.local_addr()?);
    Ok((listener, url))
}

async fn serve(listener: TcpListener) {
    let config = ServerConfig {
        compression: Some(Policy::default()),
        ..ServerConfig::default()
    };
    server::run(listener, Arc::new(config), Arc::new(|_| {}), pending()).await;
}
