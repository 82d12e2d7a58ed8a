//! `--demo`: an echo server of our own to talk to.

use anyhow::Result;

use crate::exit::Failure;

/// Starts an echo server on a free loopback port, in this process and for as
/// long as it runs. Returns its URL.
// Asynchronous because the server belongs to the runtime it is started in.
pub(super) async fn start() -> Result<String> {
    Err(Failure::usage("--demo has no server to start yet; give a URL").into())
}
