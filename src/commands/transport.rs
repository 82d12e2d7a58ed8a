//! The flags of every command that dials, turned into the configuration of
//! the connection core. What cannot work is refused here, before a packet.

use std::fs;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::tls::{self, TlsEnv};
use crate::cli::transport::TransportArgs;
use crate::connection::Subprotocol;
use crate::connection::dial::DialConfig;
use crate::connection::handshake::{HeaderEdit, Request};
use crate::connection::target::Credentials;
use crate::connection::target::without_credentials;
use crate::connection::{OpenConfig, Role, SocketConfig, Target};
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
/// Exit 2 for what cannot work; exit 12 for a header file that cannot be read.
pub(super) fn dial(url: &str, args: &TransportArgs) -> Result<Dial> {
    let mut target: Target = url.parse().map_err(|e| usage(&e))?;
    let mut edits = header_edits(&args.headers)?;
    if let Some(credentials) = &target.credentials
        && !names(&edits, "authorization")
    {
        let value = basic(credentials);
        edits.push(HeaderEdit::set("Authorization", &value).map_err(|e| usage(&e))?);
    }
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
        edits,
    };
    let mut socket = SocketConfig::new(Role::Client);
    socket.max_message_bytes = args.max_message_size;
    socket.max_frame_bytes = args.max_message_size;
    Ok(Dial {
        target,
        open: OpenConfig {
            dial: DialConfig {
                tls: tls::config(&args.tls, &TlsEnv::read())?,
                ..DialConfig::default()
            },
            request,
            timeout: Some(args.connect_timeout),
        },
        socket,
    })
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
        let text = fs::read_to_string(path)
            .with_context(|| format!("could not read the headers in '{path}'"))?;
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            edits.push(line.parse().map_err(|error| {
                Failure::usage(format!("line {} of '{path}': {error}", index + 1))
            })?);
        }
    }
    Ok(edits)
}

fn names(edits: &[HeaderEdit], name: &str) -> bool {
    edits
        .iter()
        .any(|edit| edit.name().eq_ignore_ascii_case(name))
}

/// RFC 7617 §2, with UTF-8 as the charset.
fn basic(credentials: &Credentials) -> String {
    let Credentials { user, password } = credentials;
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
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
                without_credentials(name)
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
        dial(url, &flags.transport)
    }

    fn authorization(dial: &Dial) -> Option<&HeaderEdit> {
        let edits = &dial.open.request.edits;
        edits.iter().find(|edit| edit.name() == "Authorization")
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
    fn userinfo_is_basic_unless_the_user_says_otherwise() {
        let url = "ws://u:p%C3%A9@h/";
        let expected = HeaderEdit::set("Authorization", "Basic dTpww6k=").unwrap();
        assert_eq!(authorization(&with(url, &[]).unwrap()), Some(&expected));
        let dial = with(url, &["-H", "authorization: Bearer x"]).unwrap();
        assert_eq!(authorization(&dial), None);
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
                "'ws://…@other/' looks like a URL; give the URL without a flag",
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
