//! The flags of addressing, in curl's spelling.

use clap::Args;

use crate::connection::net::address::{AddressConfig, ConnectTo, Family, Interface, Resolve};

/// Which addresses names stand for, and from where to connect.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Address")]
pub(crate) struct AddressArgs {
    /// Take these addresses for HOST ('*' for any) and PORT instead of the resolver's; more of them behind commas
    #[arg(
        long,
        value_name = "HOST:PORT:ADDR",
        allow_hyphen_values = true,
        num_args = 1
    )]
    pub resolve: Vec<Resolve>,

    /// Connect to HOST2:PORT2 where HOST1:PORT1 is asked for; empty parts fit, or keep, everything
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    pub connect_to: Vec<ConnectTo>,

    /// Connect by IPv4 alone
    #[arg(short = '4', long, overrides_with = "ipv6")]
    pub ipv4: bool,

    /// Connect by IPv6 alone
    #[arg(short = '6', long, overrides_with = "ipv4")]
    pub ipv6: bool,

    /// Connect from this interface, address or host name (also if!NAME, host!NAME, ifhost!NAME!HOST)
    #[arg(long, value_name = "NAME")]
    pub interface: Option<Interface>,
}

impl AddressArgs {
    /// What the flags say.
    pub(crate) fn config(&self) -> AddressConfig {
        AddressConfig {
            family: match (self.ipv4, self.ipv6) {
                (true, _) => Family::V4,
                (false, true) => Family::V6,
                (false, false) => Family::Any,
            },
            resolve: self.resolve.clone(),
            connect_to: self.connect_to.clone(),
            interface: self.interface.clone(),
        }
    }
}
