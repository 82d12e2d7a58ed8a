//! The flags of every command that dials, turned into the configuration of
//! the connection core. What cannot work is refused here, before a packet.

use std::fs;

use anyhow::Result;
use url::Host;

use super::dial::{Ask, Environment, complete};
use super::tls::{self, TlsEnv};
use crate::cli::transport::TransportArgs;
use crate::connection::Subprotocol;
use crate::connection::http::{HeaderEdit, HeaderError, Request};
use crate::connection::net::address::Family;
use crate::connection::net::target::Endpoint;
use crate::connection::{OpenConfig, Role, Secrets, SocketConfig, Target};
use crate::exit::Failure;

/// The `User-Agent` where the user sets none.
const USER_AGENT: &str = concat!("wscli/", env!("CARGO_PKG_VERSION"));

/// Where to connect to, and how.
#[derive(Debug)]
pub(super) struct Dial {
    /// The server.
    pub(super) target: Target,
    /// How to open the connection.
    pub(super) open: OpenConfig,
    /// How to hold it.
    pub(super) socket: SocketConfig,
}

/// What the flags and the URL say.
///
/// # Errors
/// Exit 2 for what cannot work, a file that cannot be read included.
pub(super) fn dial(
    url: &str,
    args: &TransportArgs,
    environment: &Environment,
    ask: Ask<'_>,
) -> Result<Dial> {
    let mut target: Target = url.parse().map_err(|e| usage(&e))?;
    if let Some(path) = &args.unix_socket {
        target = target.with_unix_socket(path.clone());
    }
    let user_agent = args.user_agent.as_deref().unwrap_or(USER_AGENT);
    let request = Request {
        origin: args
            .origin
            .as_deref()
            .map(|origin| header_value("Origin", origin))
            .transpose()?,
        user_agent: Some(header_value("User-Agent", user_agent)?),
        subprotocols: subprotocols(&args.subprotocols)?,
        deflate: args.compress,
        edits: header_edits(&args.headers)?,
        secrets: args.secrets.iter().map(|secret| secret.0.clone()).collect(),
        ..Request::default()
    };
    let mut open = OpenConfig {
        request,
        ..OpenConfig::default()
    };
    complete(&mut open, &target, args, environment, ask)?;
    right_family(&target, &open)?;
    open.dial.tls = tls::config(&args.tls, &TlsEnv::read())?;
    Ok(Dial {
        target,
        open,
        socket: socket_config(args),
    })
}

/// How the flags want an open connection held.
pub(super) fn socket_config(args: &TransportArgs) -> SocketConfig {
    let mut socket = SocketConfig::new(Role::Client);
    socket.max_message_bytes = args.max_message_size;
    socket.max_frame_bytes = args.max_frame_size.unwrap_or(args.max_message_size);
    socket
}

/// `-4` and `-6` with an address of the other family: no packet would leave.
fn right_family(target: &Target, open: &OpenConfig) -> Result<()> {
    let Endpoint::Tcp { host, port } = &target.endpoint else {
        return Ok(());
    };
    let address = &open.dial.address;
    let (host, port) = address.destination(host, *port);
    let ip = match host {
        Host::Ipv4(ip) => ip.into(),
        Host::Ipv6(ip) => ip.into(),
        Host::Domain(_) => return Ok(()),
    };
    let is_replaced = address.resolved(&host, port).is_some();
    let goes_elsewhere = open.dial.proxies.for_target(target).is_some();
    if is_replaced || goes_elsewhere || address.family.allows(ip) {
        return Ok(());
    }
    let flag = match address.family {
        Family::V6 => "-6",
        Family::V4 | Family::Any => "-4",
    };
    Err(Failure::usage(format!(
        "{flag} keeps to {} addresses, and {host} is none; leave {flag} out",
        address.family
    ))
    .into())
}

fn usage(error: &impl ToString) -> Failure {
    Failure::usage(error.to_string())
}

/// `-H`, each a header, or a file with a header a line.
fn header_edits(given: &[String]) -> Result<Vec<HeaderEdit>> {
    let mut edits = Vec::new();
    for header in given {
        let Some(path) = header.strip_prefix('@') else {
            edits.push(header.parse().map_err(|e| usage(&e))?);
            continue;
        };
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("could not read the headers in '{path}': {error}"))
        })?;
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let edit = line.parse::<HeaderEdit>().map_err(|error| {
                // What stands in a file is there so that nobody sees it.
                let error = match error {
                    HeaderError::NoColon(_) => "a header is written 'Name: value'".to_owned(),
                    error => error.to_string(),
                };
                Failure::usage(format!("line {} of '{path}': {error}", index + 1))
            })?;
            edits.push(edit);
        }
    }
    Ok(edits)
}

fn header_value(name: &str, value: &str) -> Result<String> {
    HeaderEdit::set(name, value).map_err(|e| usage(&e))?;
    Ok(value.to_owned())
}

/// RFC 6455 §4.1: the elements "MUST be non-empty strings with characters in
/// the range U+0021 to U+007E not including separator characters" and "MUST
/// all be unique strings".
fn subprotocols(given: &[String]) -> Result<Vec<String>> {
    for (index, name) in given.iter().enumerate() {
        if name.contains("://") {
            return Err(Failure::usage(format!(
                "-s offers a subprotocol, and '{}' looks like a URL; give the URL without a flag: wscli connect URL",
                Secrets::default().url(name)
            ))
            .into());
        }
        name.parse::<Subprotocol>()
            .map_err(|e| Failure::usage(format!("{e}, and -s again for another")))?;
        if given[..index].contains(name) {
            return Err(Failure::usage(format!("subprotocol '{name}' is offered twice")).into());
        }
    }
    Ok(given.to_vec())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        transport: TransportArgs,
    }

    fn with(url: &str, flags: &[&str]) -> Result<Dial> {
        let flags = [&["wscli"], flags].concat();
        let flags = Flags::try_parse_from(flags)?;
        dial(url, &flags.transport, &Environment::default(), &mut |_| {
            Ok(None)
        })
    }

    fn authorization(dial: &Dial) -> Option<String> {
        let headers = dial.open.request.auth.headers(&dial.target);
        headers.into_iter().next().map(|(_, value)| value)
    }

    #[test]
    fn the_defaults() {
        let dial = with("ws://h:1/x", &[]).unwrap();
        let request = &dial.open.request;
        assert_eq!(request.user_agent.as_deref(), Some(USER_AGENT));
        assert!(request.edits.is_empty() && request.deflate.is_none());
        assert_eq!(dial.socket.max_message_bytes, 64 << 20);
    }

    #[test]
    fn userinfo_is_basic() {
        let url = "ws://u:p%C3%A9@h/";
        let dial = with(url, &[]).unwrap();
        assert_eq!(authorization(&dial).as_deref(), Some("Basic dTpww6k="));
        assert_eq!(authorization(&with("ws://h/", &[]).unwrap()), None);
    }

    #[test]
    fn headers_come_from_files_too() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"X-A: 1\n\nX-B;\r\n").unwrap();
        let path = file.path().display();
        let dial = with("ws://h/", &["-H", &format!("@{path}"), "-H", "Host:"]).unwrap();
        let names: Vec<_> = dial
            .open
            .request
            .edits
            .iter()
            .map(HeaderEdit::name)
            .collect();
        assert_eq!(names, ["X-A", "X-B", "Host"]);
    }

    #[test]
    fn an_address_family_is_no_matter_where_another_address_is_used() {
        for (url, flags) in [
            ("ws://[::1]:1/", &["-4", "--proxy", "http://p:1"][..]),
            ("ws://[::1]:1/", &["-4", "--connect-to", "[::1]:1:h:2"]),
            ("ws://[::1]:1/", &["-6"]),
            ("ws://h:1/", &["-6"]),
        ] {
            assert!(with(url, flags).is_ok(), "{url} {flags:?}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for (url, flags, part) in [
            ("ws://h/#x", &[][..], "fragment"),
            ("ws://h/", &["-H", "x"], "has no colon"),
            ("ws://h/", &["-A", "a\r\nb: c"], "line break"),
            ("ws://h/", &["--origin", "a\nb"], "line break"),
            (
                "ws://h/",
                &["-s", "a, b"],
                "'a, b' is no name of a subprotocol",
            ),
            ("ws://h/", &["-s", "a", "-s", "a"], "twice"),
            (
                "ws://h/",
                &["-s", "ws://u:secret@other/"],
                "'ws://other/' looks like a URL; give the URL without a flag",
            ),
            (
                "ws://[::1]:1/",
                &["-4"],
                "-4 keeps to IPv4 addresses, and [::1] is none; leave -4 out",
            ),
            (
                "ws://127.0.0.1:1/",
                &["-6"],
                "-6 keeps to IPv6 addresses, and 127.0.0.1 is none",
            ),
            (
                "ws://h:1/",
                &["-6", "--connect-to", "h:1:127.0.0.1:2"],
                "127.0.0.1 is none",
            ),
            (
                "ws://h/",
                &["-H", "@/no/such"],
                "could not read the headers in '/no/such'",
            ),
        ] {
            let error = format!("{:#}", with(url, flags).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }
}
