//! Addressing in curl's terms: which addresses a name stands for, and from
//! where to connect.
//!
//! Pure: the look-ups and connections themselves are made by `tcp`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;
use url::Host;

/// Which addresses a name stands for, and from where to connect.
#[derive(Debug, Clone, Default)]
pub struct AddressConfig {
    /// Which address families may be used.
    pub family: Family,
    /// Addresses given instead of the resolver's; a later one wins.
    pub resolve: Vec<Resolve>,
    /// Destinations that others take the place of; the first that fits wins.
    pub connect_to: Vec<ConnectTo>,
    /// What connections leave from.
    pub interface: Option<Interface>,
}

impl AddressConfig {
    /// Where to connect to instead of `host` and `port`.
    pub fn destination(&self, host: &Host, port: u16) -> (Host, u16) {
        let rule = self.connect_to.iter().find(|rule| rule.fits(host, port));
        rule.map_or_else(
            || (host.clone(), port),
            |rule| {
                let host = rule.to_host.as_ref().unwrap_or(host).clone();
                (host, rule.to_port.unwrap_or(port))
            },
        )
    }

    /// The addresses that `--resolve` gives for `host` and `port`.
    pub fn resolved(&self, host: &Host, port: u16) -> Option<Vec<SocketAddr>> {
        let name = host.to_string();
        let entry = |named: &dyn Fn(&Resolve) -> bool| {
            let fits = |entry: &&Resolve| entry.port == port && named(entry);
            self.resolve.iter().rfind(fits)
        };
        let same_name = |entry: &Resolve| entry.host.eq_ignore_ascii_case(&name);
        let entry = entry(&same_name).or_else(|| entry(&|entry| entry.host == "*"))?;
        // An entry that was taken back with `-HOST:PORT` is none.
        let addresses = entry.addresses.as_ref()?;
        Some(addresses.iter().map(|ip| (*ip, port).into()).collect())
    }
}

/// Which address families may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// Both.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl Family {
    /// Whether an address is of this family.
    pub fn allows(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "IP",
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Why a value of an addressing flag is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No `HOST:PORT:ADDR`.
    #[error(
        "'{0}' is not understood; write HOST:PORT:ADDR[,ADDR]…, or -HOST:PORT to take one back"
    )]
    Resolve(String),
    /// An address of `--resolve` is none.
    #[error("'{address}' in '{given}' is not an IP address")]
    NotAnAddress {
        /// What was given.
        given: String,
        /// The part of it.
        address: String,
    },
    /// No `HOST1:PORT1:HOST2:PORT2`.
    #[error("'{0}' is not understood; write HOST1:PORT1:HOST2:PORT2, where each part may be empty")]
    ConnectTo(String),
    /// An empty interface.
    #[error(
        "'{0}' names no interface; write a name, an address, if!NAME, host!NAME or ifhost!NAME!HOST"
    )]
    Interface(String),
}

/// Addresses given for a host and port: `HOST:PORT:ADDR[,ADDR]…`.
///
/// `*` stands for every host. curl's `+` prefix, by which an entry may grow
/// old, is accepted; one run is too short for it to matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// The host name, or `*`.
    pub host: String,
    pub port: u16,
    /// The addresses; `None` takes earlier entries back.
    pub addresses: Option<Vec<IpAddr>>,
}

impl FromStr for Resolve {
    type Err = AddressError;

    fn from_str(given: &str) -> Result<Self, AddressError> {
        let invalid = || AddressError::Resolve(given.into());
        if let Some(rest) = given.strip_prefix('-') {
            let [host, port] = parts(rest).ok_or_else(invalid)?;
            return Ok(Self {
                host: unbracketed(host).into(),
                port: port.parse().map_err(|_| invalid())?,
                addresses: None,
            });
        }
        let rest = given.strip_prefix('+').unwrap_or(given);
        let (host, rest) = split_part(rest).ok_or_else(invalid)?;
        let (port, addresses) = rest.split_once(':').ok_or_else(invalid)?;
        if host.is_empty() {
            return Err(invalid());
        }
        let addresses = addresses.split(',').map(|text| {
            unbracketed(text)
                .parse()
                .map_err(|_| AddressError::NotAnAddress {
                    given: given.into(),
                    address: text.into(),
                })
        });
        Ok(Self {
            host: host.into(),
            port: port.parse().map_err(|_| invalid())?,
            addresses: Some(addresses.collect::<Result<_, _>>()?),
        })
    }
}

impl fmt::Display for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(addresses) = &self.addresses else {
            return write!(f, "-{}:{}", self.host, self.port);
        };
        let addresses: Vec<_> = addresses
            .iter()
            .map(|ip| match ip {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            })
            .collect();
        write!(f, "{}:{}:{}", self.host, self.port, addresses.join(","))
    }
}

/// A destination that takes the place of another:
/// `HOST1:PORT1:HOST2:PORT2`. Empty parts in the first half fit everything,
/// empty parts in the second change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTo {
    /// The host that is asked for.
    pub from_host: Option<Host>,
    /// The port that is asked for.
    pub from_port: Option<u16>,
    /// The host to connect to.
    pub to_host: Option<Host>,
    /// The port to connect to.
    pub to_port: Option<u16>,
}

impl ConnectTo {
    fn fits(&self, host: &Host, port: u16) -> bool {
        self.from_host.as_ref().is_none_or(|from| from == host)
            && self.from_port.is_none_or(|from| from == port)
    }
}

impl FromStr for ConnectTo {
    type Err = AddressError;

    fn from_str(given: &str) -> Result<Self, AddressError> {
        let invalid = || AddressError::ConnectTo(given.into());
        let host = |text: &str| match text {
            "" => Ok(None),
            text => Host::parse(text).map(Some).map_err(|_| invalid()),
        };
        let port = |text: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| invalid()),
        };
        let [from_host, from_port, to_host, to_port] = parts(given).ok_or_else(invalid)?;
        Ok(Self {
            from_host: host(from_host)?,
            from_port: port(from_port)?,
            to_host: host(to_host)?,
            to_port: port(to_port)?,
        })
    }
}

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Option<Host>| host.as_ref().map(Host::to_string).unwrap_or_default();
        let port = |port: Option<u16>| port.map(|port| port.to_string()).unwrap_or_default();
        write!(
            f,
            "{}:{}:{}:{}",
            host(&self.from_host),
            port(self.from_port),
            host(&self.to_host),
            port(self.to_port)
        )
    }
}

/// What connections leave from, in the spelling of curl's `--interface`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interface {
    /// `NAME`: an interface, an address, or a host name, tried in this order.
    Any(String),
    /// `if!NAME`: an interface.
    Device(String),
    /// `host!NAME`: an address or a host name.
    Host(String),
    /// `ifhost!NAME!HOST`: both.
    DeviceAndHost {
        /// The interface.
        device: String,
        /// The address or host name.
        host: String,
    },
}

impl FromStr for Interface {
    type Err = AddressError;

    fn from_str(given: &str) -> Result<Self, AddressError> {
        let interface = if let Some(rest) = given.strip_prefix("ifhost!") {
            let (device, host) = rest.split_once('!').unwrap_or_default();
            Self::DeviceAndHost {
                device: device.into(),
                host: host.into(),
            }
        } else if let Some(device) = given.strip_prefix("if!") {
            Self::Device(device.into())
        } else if let Some(host) = given.strip_prefix("host!") {
            Self::Host(host.into())
        } else {
            Self::Any(given.into())
        };
        let empty = match &interface {
            Self::Any(name) | Self::Device(name) | Self::Host(name) => name.is_empty(),
            Self::DeviceAndHost { device, host } => device.is_empty() || host.is_empty(),
        };
        if empty {
            return Err(AddressError::Interface(given.into()));
        }
        Ok(interface)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(name) => f.write_str(name),
            Self::Device(name) => write!(f, "if!{name}"),
            Self::Host(name) => write!(f, "host!{name}"),
            Self::DeviceAndHost { device, host } => write!(f, "ifhost!{device}!{host}"),
        }
    }
}

/// Exactly `N` parts between colons, an address in brackets being one part.
fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    let mut rest = Some(text);
    let mut parts = [""; N];
    for part in &mut parts {
        let text = rest?;
        (*part, rest) = match split_part(text) {
            Some((part, rest)) => (part, Some(rest)),
            None => (text, None),
        };
    }
    rest.is_none().then_some(parts)
}

/// The text before the first colon that is not in brackets, and what follows.
fn split_part(text: &str) -> Option<(&str, &str)> {
    let from = if text.starts_with('[') {
        text.find(']')?
    } else {
        0
    };
    let colon = from + text.get(from..)?.find(':')?;
    Some((&text[..colon], &text[colon + 1..]))
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn config(resolve: &[&str], connect_to: &[&str]) -> AddressConfig {
        AddressConfig {
            resolve: resolve.iter().map(|text| text.parse().unwrap()).collect(),
            connect_to: connect_to.iter().map(|t| t.parse().unwrap()).collect(),
            ..AddressConfig::default()
        }
    }

    #[test]
    fn resolve_gives_addresses_in_curls_spelling() {
        for (entries, name, expected) in [
            (&["h:80:127.0.0.1"][..], "H", Some("127.0.0.1:80")),
            (&["h:81:127.0.0.1"], "h", None),
            (
                &["+h:80:127.0.0.1,[::1],::2"],
                "h",
                Some("127.0.0.1:80 [::1]:80 [::2]:80"),
            ),
            (&["*:80:10.0.0.1"], "any", Some("10.0.0.1:80")),
            (
                &["h:80:10.0.0.2", "*:80:10.0.0.1"],
                "h",
                Some("10.0.0.2:80"),
            ),
            (
                &["h:80:10.0.0.2", "h:80:10.0.0.3"],
                "h",
                Some("10.0.0.3:80"),
            ),
            (&["h:80:10.0.0.2", "-h:80"], "h", None),
            (&["[::9]:80:10.0.0.2"], "[::9]", Some("10.0.0.2:80")),
        ] {
            let found = config(entries, &[]).resolved(&host(name), 80).map(|list| {
                let list: Vec<_> = list.iter().map(ToString::to_string).collect();
                list.join(" ")
            });
            assert_eq!(found.as_deref(), expected, "{entries:?}");
        }
    }

    #[test]
    fn connect_to_changes_what_fits() {
        for (rules, expected) in [
            (&[][..], "h:80"),
            (&["h:80:other:81"], "other:81"),
            (&["h:81:other:81"], "h:80"),
            (&["::other:"], "other:80"),
            (&[":80::82"], "h:82"),
            (&["h::[::1]:"], "[::1]:80"),
            (&["x:80:a:1", "h:80:b:2", "h:80:c:3"], "b:2"),
        ] {
            let (host, port) = config(&[], rules).destination(&host("h"), 80);
            assert_eq!(format!("{host}:{port}"), expected, "{rules:?}");
        }
    }

    #[test]
    fn what_is_not_understood_says_the_form() {
        for text in [
            "",
            "h",
            "h:80",
            ":80:1.1.1.1",
            "h:x:1.1.1.1",
            "-h",
            "-h:80:1.1.1.1",
        ] {
            assert_eq!(
                text.parse::<Resolve>(),
                Err(AddressError::Resolve(text.into()))
            );
        }
        assert_eq!(
            "h:80:nope".parse::<Resolve>().unwrap_err().to_string(),
            "'nope' in 'h:80:nope' is not an IP address"
        );
        for text in ["", "a:1:b", "a:1:b:2:c", "a:x:b:2", "[::1:1:b:2"] {
            assert_eq!(
                text.parse::<ConnectTo>(),
                Err(AddressError::ConnectTo(text.into()))
            );
        }
        for text in ["", "if!", "host!", "ifhost!eth0", "ifhost!!h"] {
            assert_eq!(
                text.parse::<Interface>(),
                Err(AddressError::Interface(text.into()))
            );
        }
    }

    #[test]
    fn every_form_shows_as_it_is_written() {
        for text in ["h:80:127.0.0.1,[::1]", "-h:80", "*:443:10.0.0.1"] {
            assert_eq!(text.parse::<Resolve>().unwrap().to_string(), text);
        }
        for text in [":::", "h:80:[::1]:81", "::other:"] {
            assert_eq!(text.parse::<ConnectTo>().unwrap().to_string(), text);
        }
        for text in ["eth0", "if!eth0", "host!h", "ifhost!eth0!10.0.0.1"] {
            assert_eq!(text.parse::<Interface>().unwrap().to_string(), text);
        }
    }
}
