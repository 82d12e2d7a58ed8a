//! Hints for what a proxy did, told apart from what the target did.

use std::io;

use crate::connection::client::proxy::ProxyCause;
use crate::connection::http::{HeadError, Response};
use crate::connection::net::proxy::{SocksError, SocksReply};
use crate::connection::net::tcp::TcpError;
use crate::connection::net::tls::TlsError;

pub(super) fn hint(cause: &ProxyCause) -> Option<String> {
    let hint = match cause {
        ProxyCause::Tcp(TcpError::Resolve { .. }) => {
            "check --proxy and the environment (http_proxy, HTTPS_PROXY, ALL_PROXY); --noproxy '*' goes without"
        }
        ProxyCause::Tcp(TcpError::Connect { source, .. })
            if source.kind() == io::ErrorKind::ConnectionRefused =>
        {
            "nothing listens there; check the proxy's port (1080 when its URL names none), or go without by --noproxy '*'"
        }
        ProxyCause::Tcp(_) => {
            "the proxy cannot be reached; check its address, or go without by --noproxy '*'"
        }
        ProxyCause::Tls(source) => return tls_hint(source),
        ProxyCause::Refused {
            destination,
            response,
        } => return Some(refusal_hint(destination, response)),
        ProxyCause::Credentials {
            sent: true,
            response,
        } => return Some(schemes_hint(response)),
        ProxyCause::Head(error) => return head_hint(error),
        ProxyCause::Socks(error) => return socks_hint(error),
        // The message says what to do.
        ProxyCause::Credentials { sent: false, .. } => return None,
    };
    Some(hint.to_owned())
}

fn head_hint(error: &HeadError) -> Option<String> {
    match error {
        HeadError::Closed { received } if received.is_empty() => Some(OTHER_PROTOCOL.to_owned()),
        HeadError::NotHttp { received, .. } => Some(not_http(received).to_owned()),
        // The message says what to do, or nothing is known.
        HeadError::Closed { .. }
        | HeadError::Tls
        | HeadError::TooLarge { .. }
        | HeadError::Interim { .. }
        | HeadError::Io(_) => None,
    }
}

const OTHER_PROTOCOL: &str = "the proxy may not allow this client, or speak another protocol: http://, https://, socks5:// or socks5h://";

/// A proxy has flags of its own.
fn tls_hint(error: &TlsError) -> Option<String> {
    match error {
        TlsError::UnknownIssuer { .. } => Some(
            "trust its issuer with --proxy-cacert FILE, or anyone with --proxy-insecure".to_owned(),
        ),
        TlsError::Expired { .. }
        | TlsError::NameMismatch { .. }
        | TlsError::BadCertificate { .. } => Some("--proxy-insecure takes it anyway".to_owned()),
        error => error.hint(),
    }
}

fn refusal_hint(destination: &str, response: &Response) -> String {
    match response.status() {
        403 => format!(
            "this answer is the proxy's own: its rules forbid {destination}; many proxies allow CONNECT to port 443 alone"
        ),
        400 | 405 | 501 => {
            "this answer is the proxy's own: it does not offer CONNECT, or is a web server and no proxy".to_owned()
        }
        404 => "this answer is the proxy's own: it is likely a web server and no proxy".to_owned(),
        502..=504 => format!(
            "this answer is the proxy's own: it could not reach {destination}; is the server running, and its name known to the proxy?"
        ),
        _ => "this answer is the proxy's own; the server was not reached".to_owned(),
    }
}

fn schemes_hint(response: &Response) -> String {
    let asked = |scheme: &str| {
        response
            .header("proxy-authenticate")
            .any(|value| value.to_ascii_lowercase().starts_with(scheme))
    };
    if !asked("basic") && (asked("negotiate") || asked("ntlm") || asked("digest")) {
        return "the proxy takes other schemes than Basic, which is the only one known here"
            .to_owned();
    }
    "check them in the proxy's URL; characters such as @ : / are written as %40 %3A %2F".to_owned()
}

fn not_http(received: &[u8]) -> &'static str {
    match received {
        // A SOCKS server's "no acceptable method", or its version alone.
        [5, ..] | [0, 0x5b..=0x5d, ..] => "a SOCKS server answers there; write socks5h://HOST:PORT",
        _ => "what answers there is no HTTP proxy; check its port",
    }
}

fn socks_hint(error: &SocksError) -> Option<String> {
    let hint = match error {
        SocksError::Refused { reason, .. } => return reply_hint(*reason),
        SocksError::Credentials { sent: true } => {
            "check them in the proxy's URL; characters such as @ : / are written as %40 %3A %2F"
        }
        SocksError::Request { .. } => {
            "SOCKS5 carries user names, passwords and host names of 1 to 255 bytes"
        }
        SocksError::Closed => OTHER_PROTOCOL,
        SocksError::NotSocks { .. } => "an HTTP proxy is written http://HOST:PORT",
        SocksError::Credentials { sent: false } | SocksError::Io(_) => return None,
    };
    Some(hint.to_owned())
}

fn reply_hint(reason: SocksReply) -> Option<String> {
    let hint = match reason {
        SocksReply::General | SocksReply::HostUnreachable | SocksReply::NetworkUnreachable => {
            "socks5:// looks names up on this machine and socks5h:// on the proxy's: the other one may know the name"
        }
        SocksReply::ConnectionRefused => {
            "the proxy reached the machine, where nothing listens on that port; is the server running?"
        }
        SocksReply::AddressTypeNotSupported => {
            "the proxy may not take names (try socks5://) or IPv6 addresses (try -4)"
        }
        SocksReply::NotAllowed => "the proxy's rules forbid this destination",
        SocksReply::TtlExpired | SocksReply::CommandNotSupported | SocksReply::Unknown => {
            return None;
        }
    };
    Some(hint.to_owned())
}
