//! TLS over a connected transport, by rustls on ring.
//!
//! The platform decides whom to trust unless roots are given: rustls's
//! platform verifier asks the system itself on Windows, macOS and Android
//! (whose stores hold distrust and local policy that a list of roots does
//! not), and reads the usual files elsewhere.
//!
//! This module knows nothing of the protocols above it, except that a
//! WebSocket needs HTTP/1.1. It asks nobody for passphrases.

pub(crate) mod config;
pub(crate) mod error;
mod evidence;
pub(crate) mod identity;
mod in_order;
pub(crate) mod info;
mod pem;
pub(crate) mod pin;
pub(crate) mod provider;
pub(crate) mod server;
pub(in crate::connection) mod tap;
mod verify;

use std::sync::Arc;

use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio_rustls::TlsConnector;

use self::evidence::Evidence;
use self::in_order::InOrder;
use self::tap::Tap;
use crate::connection::net::transport::Transport;

pub(crate) use self::config::{KeyLogFile, Roots, TlsConfig, TlsSettings, Trust};
pub(crate) use self::error::TlsError;
pub(crate) use self::identity::{FileError, Identity, IdentityFiles};
pub(crate) use self::info::{
    AcceptedTls, CertificateInfo, ClientAuth, TlsInfo, TlsVersion, Versions,
};
pub(crate) use self::pin::Pins;
pub(in crate::connection) use self::verify::Seen;

/// Runs the TLS handshake with the server called `server_name`: a host name
/// or an address, which may stand in brackets; `seen` is what it has shown, also
/// where this is dropped on the way.
///
/// # Errors
/// A [`TlsError`] by cause. There is no time limit here: wrap the call.
pub(in crate::connection) async fn connect(
    transport: Transport,
    server_name: &str,
    config: &TlsConfig,
    seen: &Arc<Seen>,
) -> Result<(Transport, TlsInfo), TlsError> {
    let settings = config.settings();
    let name = match &settings.server_name {
        Some(name) => name.clone(),
        None => parse_server_name(server_name).map_err(|_| TlsError::InvalidName {
            name: server_name.to_owned(),
        })?,
    };
    let client = config.client(seen).await?;
    let connector = TlsConnector::from(Arc::new(client));
    let handshake = connector.connect(name.clone(), Tap::counting(transport, seen.received()));
    match Box::pin(handshake.into_fallible()).await {
        Ok(mut stream) => {
            let (tap, connection) = stream.get_mut();
            tap.stop();
            let info = TlsInfo::of(connection, seen.client_auth());
            Ok((Transport::other(InOrder::new(stream)), info))
        }
        Err((error, tap)) => Err(Evidence {
            server_name: &name.to_str(),
            offered: settings.versions,
            certificate: seen.certificate(),
            has_intermediates: seen.has_intermediates(),
            client_auth: seen.client_auth(),
            received: tap.received(),
        }
        .explain(error)),
    }
}

/// Reads a host name or an address, which may stand in brackets, as the name
/// that a certificate is to be for.
///
/// # Errors
/// When it is neither.
pub fn parse_server_name(name: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    ServerName::try_from(bare.to_owned())
}
