//! From a host to a TCP connection: to the target, or to the proxy before it.

use url::Host;

use crate::connection::client::reached::{Phase, Reached};
use crate::connection::net::address::AddressConfig;
use crate::connection::net::tcp::{self, TcpError};
use crate::connection::net::transport::Transport;

/// Connects to `host` and `port` by TCP.
///
/// # Errors
/// A [`TcpError`].
pub(super) async fn reach(
    host: &Host,
    port: u16,
    config: &AddressConfig,
    reached: &mut Reached,
) -> Result<Transport, TcpError> {
    if let Host::Domain(_) = host {
        reached.begin(Phase::Dns);
    }
    let addresses = tcp::resolve(host, port, config).await?;
    reached.begin(Phase::Tcp);
    reached.tried.clone_from(&addresses);
    let (transport, peer) = tcp::connect(&addresses, config).await?;
    reached.peer = peer;
    Ok(transport)
}
