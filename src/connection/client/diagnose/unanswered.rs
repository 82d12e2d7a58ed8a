//! Hints for what never came to a complete HTTP answer.

use std::io;

use super::facts::Facts;
use super::{answer, proxy};
use crate::connection::client::dial::DialError;
use crate::connection::http::{HandshakeError, HeadError};
use crate::connection::net::tcp::TcpError;

pub(super) fn dial_hint(error: &DialError, facts: &Facts<'_>) -> Option<String> {
    match error {
        DialError::Tcp(TcpError::Resolve { host, .. }) => Some(resolve_hint(host, facts)),
        DialError::Tcp(TcpError::Connect { source, .. }) => connect_hint(source, facts),
        DialError::ConnectUnix { source, .. } => unix_hint(source),
        DialError::Tcp(TcpError::Interface { .. }) => {
            Some("'ip address' lists the interfaces and their addresses".to_owned())
        }
        DialError::Proxy(error) => proxy::hint(&error.cause),
        DialError::Tls(error) => error.hint(),
    }
}

fn resolve_hint(host: &str, facts: &Facts<'_>) -> String {
    match facts.proxy() {
        Some(proxy) if proxy.starts_with("socks5://") => {
            format!(
                "a socks5:// proxy leaves names to this machine; with socks5h:// the proxy looks '{host}' up"
            )
        }
        _ => format!(
            "check the spelling of '{host}', or give its address with --resolve {host}:PORT:ADDRESS"
        ),
    }
}

fn connect_hint(error: &io::Error, facts: &Facts<'_>) -> Option<String> {
    let hint = match error.kind() {
        io::ErrorKind::ConnectionRefused if facts.config.wait_up.is_some() => {
            "nothing has listened on that port; is the server running, and is this its port?"
        }
        io::ErrorKind::ConnectionRefused => {
            "nothing listens on that port; is the server running? --wait-up 30 waits for it"
        }
        io::ErrorKind::TimedOut => {
            "no machine answers at that address, or a firewall drops the packets"
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "there is no route to that address; -4 or -6 keeps to one address family"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine cannot connect from there; see --interface, -4 and -6"
        }
        io::ErrorKind::PermissionDenied => "a firewall on this machine forbids it",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn unix_hint(error: &io::Error) -> Option<String> {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; is the server running?",
        io::ErrorKind::PermissionDenied => {
            "this user may not write to the socket, or not enter its directory"
        }
        io::ErrorKind::ConnectionRefused => {
            "the file is there but no server listens on it; a server that died may have left it"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

pub(super) fn handshake_hint(error: &HandshakeError, facts: &Facts<'_>) -> Option<String> {
    match error {
        HandshakeError::Rejected(rejection) => answer::hint(rejection, facts),
        HandshakeError::Head(error) => head_hint(error, facts),
    }
}

fn head_hint(error: &HeadError, facts: &Facts<'_>) -> Option<String> {
    match error {
        HeadError::Closed { .. } | HeadError::Io(_)
            if !facts.reached.exchange.heard.unfinished().is_empty() =>
        {
            Some("the server, or something in between, gave up in the middle of its answer; its log may say why".to_owned())
        }
        HeadError::Closed { .. } => Some(silent_close(facts)),
        HeadError::NotHttp { received, .. } => not_http(received),
        HeadError::Interim { .. } => Some(
            "a server sends one or two before its final answer; what answers here is likely no WebSocket server"
                .to_owned(),
        ),
        // These say what to do.
        HeadError::TooLarge { .. } | HeadError::Tls => None,
        HeadError::Io(error) if is_reset(error) => Some(silent_close(facts)),
        HeadError::Io(_) => None,
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

fn silent_close(facts: &Facts<'_>) -> String {
    if facts.target.secure {
        "the server takes TLS on this port but no HTTP, or refuses this client before it answers; its log may say why"
    } else {
        "a server that wants TLS closes like this (try wss://), and so does one that speaks no HTTP, or refuses this client's address"
    }
    .to_owned()
}

/// Names what speaks on the port by what it said first.
fn not_http(received: &[u8]) -> Option<String> {
    let known = [
        (&b"SSH-"[..], "an SSH server"),
        (b"220 ", "a mail or FTP server"),
        (b"220-", "a mail or FTP server"),
        (b"+OK", "a POP3 server"),
        (b"* OK", "an IMAP server"),
        (b"-ERR", "a Redis server"),
        (b"RFB ", "a VNC server"),
    ];
    if let Some((_, who)) = known.iter().find(|(first, _)| received.starts_with(first)) {
        return Some(format!("{who} answers on this port; check the port number"));
    }
    // RFC 9113 §3.4: the server's preface is a SETTINGS frame, whose type 4
    // follows three bytes of length, on stream 0.
    let settings = matches!(received, [0, _, _, 4, _, 0, 0, 0, 0, ..]);
    settings.then(|| {
        "the server speaks HTTP/2 alone here; a WebSocket over HTTP/1.1 needs another port or a setting of the server".to_owned()
    })
}
