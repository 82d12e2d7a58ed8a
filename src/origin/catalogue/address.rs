//! Probes of exemptions for addresses: the address of a private, loopback,
//! link-local or shared range with the attacker's name behind it, which any
//! page can have, and the address itself, which needs a place on the network.
//!
//! The whole address stands before the name, so that a check of the beginning
//! (`startsWith`) and a pattern without an end meet it alike.

use super::foothold::{LOCAL_PAGE, NETWORK_PAGE, exemption};
use super::scene::{Request, Scene};
use super::web::{OWN_SUBDOMAIN, high};
use super::{Fix, Rule, Severity};

const fn prefix(
    id: &'static str,
    sends: &'static str,
    reveals: &'static str,
    make: fn(&Scene<'_>) -> Result<Request, String>,
) -> Rule {
    Rule {
        fix: Fix::DropDevExemption,
        ..high(id, sends, reveals, OWN_SUBDOMAIN, make)
    }
}

fn http(scene: &Scene<'_>, before: &str) -> Result<Request, String> {
    Ok(Request::origin(format!(
        "http://{before}.{}",
        scene.attacker
    )))
}

fn https(scene: &Scene<'_>, before: &str) -> Result<Request, String> {
    Ok(Request::origin(format!(
        "https://{before}.{}",
        scene.attacker
    )))
}

/// Those that any web page can send.
pub(super) const WEB: &[Rule] = &[
    prefix(
        "loop-prefix",
        "http://localhost.X",
        "an exemption asks only whether the name begins with 'localhost'",
        |scene| http(scene, "localhost"),
    ),
    prefix(
        "loop-prefix-tls",
        "https://localhost.X",
        "an exemption asks only whether the name begins with 'localhost'",
        |scene| https(scene, "localhost"),
    ),
    prefix(
        "loop4-prefix",
        "http://127.0.0.1.X",
        "an exemption asks only whether the name begins with '127.'",
        |scene| http(scene, "127.0.0.1"),
    ),
    prefix(
        "loop4-prefix-tls",
        "https://127.0.0.1.X",
        "an exemption asks only whether the name begins with '127.'",
        |scene| https(scene, "127.0.0.1"),
    ),
    prefix(
        "net10-prefix",
        "http://10.0.0.1.X",
        "an exemption asks only whether the name begins with '10.'",
        |scene| http(scene, "10.0.0.1"),
    ),
    prefix(
        "net10-prefix-tls",
        "https://10.0.0.1.X",
        "an exemption asks only whether the name begins with '10.'",
        |scene| https(scene, "10.0.0.1"),
    ),
    prefix(
        "net172-prefix",
        "http://172.16.0.1.X",
        "an exemption asks only whether the name begins with '172.16.'",
        |scene| http(scene, "172.16.0.1"),
    ),
    prefix(
        "net172-prefix-tls",
        "https://172.16.0.1.X",
        "an exemption asks only whether the name begins with '172.16.'",
        |scene| https(scene, "172.16.0.1"),
    ),
    prefix(
        "docker-prefix",
        "http://172.17.0.1.X",
        "an exemption asks only whether the name begins with '172.17.', the network of Docker",
        |scene| http(scene, "172.17.0.1"),
    ),
    prefix(
        "docker-prefix-tls",
        "https://172.17.0.1.X",
        "an exemption asks only whether the name begins with '172.17.', the network of Docker",
        |scene| https(scene, "172.17.0.1"),
    ),
    prefix(
        "net192-prefix",
        "http://192.168.0.1.X",
        "an exemption asks only whether the name begins with '192.168.' or '192.168.0.'",
        |scene| http(scene, "192.168.0.1"),
    ),
    prefix(
        "net192-prefix-tls",
        "https://192.168.0.1.X",
        "an exemption asks only whether the name begins with '192.168.' or '192.168.0.'",
        |scene| https(scene, "192.168.0.1"),
    ),
    prefix(
        "lan-prefix",
        "http://192.168.1.1.X",
        "an exemption asks only whether the name begins with '192.168.1.'",
        |scene| http(scene, "192.168.1.1"),
    ),
    prefix(
        "lan-prefix-tls",
        "https://192.168.1.1.X",
        "an exemption asks only whether the name begins with '192.168.1.'",
        |scene| https(scene, "192.168.1.1"),
    ),
    prefix(
        "link4-prefix",
        "http://169.254.0.1.X",
        "an exemption asks only whether the name begins with '169.254.'",
        |scene| http(scene, "169.254.0.1"),
    ),
    prefix(
        "link4-prefix-tls",
        "https://169.254.0.1.X",
        "an exemption asks only whether the name begins with '169.254.'",
        |scene| https(scene, "169.254.0.1"),
    ),
    prefix(
        "shared4-prefix",
        "http://100.64.0.1.X",
        "an exemption asks only whether the name begins with '100.64.'",
        |scene| http(scene, "100.64.0.1"),
    ),
    prefix(
        "shared4-prefix-tls",
        "https://100.64.0.1.X",
        "an exemption asks only whether the name begins with '100.64.'",
        |scene| https(scene, "100.64.0.1"),
    ),
    high(
        "ip-public",
        "http://203.0.113.7",
        "the server lets in every origin whose host is an address",
        PUBLIC_ADDRESS,
        |_| Ok(Request::origin("http://203.0.113.7")),
    ),
    high(
        "ip-public-tls",
        "https://203.0.113.7",
        "the server lets in every origin whose host is an address",
        PUBLIC_ADDRESS,
        |_| Ok(Request::origin("https://203.0.113.7")),
    ),
    high(
        "ip-public-v6",
        "http://[2001:db8::1]",
        "the server lets in every origin whose host is an IPv6 address, or ends like '::1'",
        PUBLIC_ADDRESS,
        |_| Ok(Request::origin("http://[2001:db8::1]")),
    ),
];

const PUBLIC_ADDRESS: &str =
    "an attacker serves a page from a public address, and it opens the WebSocket as the visitor";

/// Those that need a place on the visitor's machine or network.
pub(super) const FOOTHOLD: &[Rule] = &[
    exemption(
        "loop-v4",
        "http://127.0.0.1",
        "the server exempts 127.0.0.1",
        LOCAL_PAGE,
        |_| Ok(Request::origin("http://127.0.0.1")),
    ),
    exemption(
        "loop-v6",
        "http://[::1]",
        "the server exempts ::1",
        LOCAL_PAGE,
        |_| Ok(Request::origin("http://[::1]")),
    ),
    exemption(
        "loop-any",
        "http://0.0.0.0",
        "the server exempts 0.0.0.0",
        LOCAL_PAGE,
        |_| Ok(Request::origin("http://0.0.0.0")),
    ),
    exemption(
        "ip-private",
        "http://192.168.0.10",
        "the server exempts private addresses (192.168.0.0/16)",
        NETWORK_PAGE,
        |_| Ok(Request::origin("http://192.168.0.10")),
    ),
    exemption(
        "ip-private-10",
        "http://10.0.0.10",
        "the server exempts private addresses (10.0.0.0/8)",
        NETWORK_PAGE,
        |_| Ok(Request::origin("http://10.0.0.10")),
    ),
    exemption(
        "ip-private-172",
        "http://172.16.0.10",
        "the server exempts private addresses (172.16.0.0/12)",
        NETWORK_PAGE,
        |_| Ok(Request::origin("http://172.16.0.10")),
    ),
    exemption(
        "ip-private-v6",
        "http://[fd00::10]",
        "the server exempts private addresses (fc00::/7)",
        NETWORK_PAGE,
        |_| Ok(Request::origin("http://[fd00::10]")),
    ),
    exemption(
        "ip-link",
        "http://169.254.0.10",
        "the server exempts link-local addresses (169.254.0.0/16)",
        NETWORK_PAGE,
        |_| Ok(Request::origin("http://169.254.0.10")),
    ),
    exemption(
        "ip-shared",
        "http://100.64.0.10",
        "the server exempts the shared addresses of providers (100.64.0.0/10)",
        NETWORK_PAGE,
        |_| Ok(Request::origin("http://100.64.0.10")),
    ),
    Rule {
        fix: Fix::ExactMatch,
        severity: Severity::Medium,
        ..exemption(
            "ip-digit",
            "s://h with one more digit, h an address",
            "the server compares only how the origin begins, and lets in other addresses",
            "whoever has such an address serves a page that opens the WebSocket as the visitor",
            |scene| {
                let host = scene.stem()?;
                if scene.name().is_ok() {
                    return Err("the allowed origin's host is a name".into());
                }
                let longer = (0..=9)
                    .map(|digit| format!("{host}{digit}"))
                    .find(|longer| longer.parse::<std::net::Ipv4Addr>().is_ok());
                match longer {
                    Some(longer) => Ok(Request::origin(scene.with_host(&longer))),
                    None => Err(format!("no address begins with '{host}'")),
                }
            },
        )
    },
];
