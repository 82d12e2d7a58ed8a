//! Probes that need a foothold: a subdomain, a port of the same machine, a
//! place on the network, an extension, or a rebound name.

use super::scene::{Request, Scene, Skip, origin_of};
use super::{Fix, Group, RFC6454, RFC6455, Rule, Severity};

const fn medium(
    id: &'static str,
    sends: &'static str,
    reveals: &'static str,
    exploit: &'static str,
    make: fn(&Scene<'_>) -> Result<Request, Skip>,
) -> Rule {
    Rule {
        id,
        group: Group::Foothold,
        severity: Severity::Medium,
        exotic: false,
        sends,
        reveals,
        exploit,
        fix: Fix::ExactMatch,
        reference: RFC6454,
        make,
    }
}

const fn low(rule: Rule) -> Rule {
    Rule {
        severity: Severity::Low,
        ..rule
    }
}

const fn info(rule: Rule) -> Rule {
    Rule {
        severity: Severity::Info,
        ..rule
    }
}

const fn loopback(rule: Rule) -> Rule {
    Rule {
        fix: Fix::DropDevExemption,
        ..rule
    }
}

pub(super) const fn exemption(
    id: &'static str,
    sends: &'static str,
    reveals: &'static str,
    exploit: &'static str,
    make: fn(&Scene<'_>) -> Result<Request, Skip>,
) -> Rule {
    loopback(medium(id, sends, reveals, exploit, make))
}

const SUBDOMAIN: &str = "a page on another name of the same owner (user content, a forgotten host, a \
     taken-over subdomain, a cross-site script) opens the WebSocket as the visitor";
pub(super) const LOCAL_PAGE: &str =
    "a page that anything on the visitor's own machine serves opens the WebSocket as the visitor";
pub(super) const NETWORK_PAGE: &str =
    "a page that any device of the visitor's network serves opens the WebSocket as the visitor";
const NETWORK: &str = "whoever sits on the visitor's network answers a plain http request with a page of their \
     own, which opens the WebSocket as the visitor";

pub(super) const RULES: &[Rule] = &[
    medium(
        "subdomain",
        "s://sub.h",
        "the server lets in every subdomain",
        SUBDOMAIN,
        |scene| {
            Ok(Request::origin(
                scene.with_host(&format!("sub.{}", scene.name()?)),
            ))
        },
    ),
    medium(
        "sibling",
        "s://sibling.REG",
        "the server lets in every name under the registrable domain",
        SUBDOMAIN,
        |scene| {
            let registrable = scene.registrable()?;
            if registrable.len() == scene.name()?.len() {
                return Err("the allowed origin's host is a registrable domain itself".into());
            }
            Ok(Request::origin(
                scene.with_host(&format!("sibling.{registrable}")),
            ))
        },
    ),
    medium(
        "prefix-glue",
        "s://evilh",
        "the server compares only how the origin ends (endsWith)",
        SUBDOMAIN,
        |scene| scene.with_registrable(&format!("evil{}", scene.name()?)),
    ),
    medium(
        "dot-inner",
        "s://h with its first dot below the registrable domain replaced by 'x'",
        "a dot of the allowed name is not escaped in a pattern, and stands for any character",
        SUBDOMAIN,
        |scene| {
            let name = scene.name()?;
            let below = scene.registrable_at()?.saturating_sub(1);
            let inner = name.get(..below).unwrap_or_default();
            if !inner.contains('.') {
                return Err(format!("'{name}' has no dot below its registrable domain"));
            }
            Ok(Request::origin(
                scene.with_host(&name.replacen('.', "x", 1)),
            ))
        },
    ),
    low(medium(
        "parent",
        "s://parent of h",
        "the server lets in the parent domain",
        SUBDOMAIN,
        |scene| {
            let name = scene.name()?;
            let parent = name.split_once('.').map(|(_, parent)| parent);
            match parent.filter(|parent| parent.contains('.') && scene.is_registrable(parent)) {
                Some(parent) => Ok(Request::origin(scene.with_host(parent))),
                None => Err(format!("'{name}' has no parent that somebody owns")),
            }
        },
    )),
    low(medium(
        "port-other",
        "s://h:other",
        "the server does not compare the port",
        "a page on another port of the same host opens the WebSocket as the visitor",
        |scene| {
            let other = if scene.port == Some(8443) { 9443 } else { 8443 };
            Ok(Request::origin(origin_of(
                scene.scheme,
                scene.host()?,
                Some(other),
            )))
        },
    )),
    info(medium(
        "trailing-dot",
        "s://h.",
        "the server takes a name with the root's dot for the same",
        "the name belongs to the same owner; a browser keeps its cookies apart",
        |scene| {
            let name = scene.name()?;
            if name.ends_with('.') {
                return Err("the allowed origin's host has the dot already".into());
            }
            Ok(Request::origin(scene.with_host(&format!("{name}."))))
        },
    )),
    medium(
        "scheme-swap",
        "s'://h:p, the other of http and https",
        "the server does not compare the scheme",
        NETWORK,
        |scene| {
            let origin = origin_of(scene.other_scheme(), scene.host()?, scene.port);
            Ok(Request::origin(origin))
        },
    ),
    medium(
        "self-altscheme",
        "the target's own origin with the other of http and https",
        "the server compares the origin's host with the request's, and not the scheme",
        NETWORK,
        |scene| {
            Ok(Request::origin(
                scene.site.origin(!scene.site.secure, scene.site.port),
            ))
        },
    ),
    medium(
        "subdomain-http",
        "http://sub.h",
        "the server lets in subdomains over plain http",
        NETWORK,
        |scene| {
            let host = format!("sub.{}", scene.name()?);
            let port = if scene.scheme == "http" {
                scene.port
            } else {
                None
            };
            Ok(Request::origin(origin_of("http", &host, port)))
        },
    ),
    medium(
        "self-otherport",
        "the target's own origin with another port",
        "the server compares the origin's host with the request's, and not the port",
        "a page on another port of the same host opens the WebSocket as the visitor: cookies \
         do not keep ports apart",
        |scene| {
            let site = scene.site;
            let other = if site.port == 8081 { 8082 } else { 8081 };
            Ok(Request::origin(site.origin(site.secure, other)))
        },
    ),
    loopback(medium(
        "loop-localhost",
        "http://localhost",
        "the server exempts localhost",
        LOCAL_PAGE,
        |_| Ok(Request::origin("http://localhost")),
    )),
    loopback(medium(
        "loop-localhost-dev",
        "http://localhost:3000",
        "the server exempts the development server's origin",
        LOCAL_PAGE,
        |_| Ok(Request::origin("http://localhost:3000")),
    )),
    low(medium(
        "port-digit",
        "s://h:p with one more digit",
        "the server compares only how the origin begins, the port included",
        "a page on such a port of the same host opens the WebSocket as the visitor",
        |scene| {
            let host = scene.host()?;
            let port = scene.port.ok_or("the allowed origin has no port")?;
            let longer = (0..=9u32)
                .filter_map(|digit| u16::try_from(u32::from(port) * 10 + digit).ok())
                .next_back()
                .ok_or_else(|| format!("no port number begins with {port}"))?;
            Ok(Request::origin(origin_of(scene.scheme, host, Some(longer))))
        },
    )),
    loopback(low(medium(
        "loop-sub",
        "http://sub.localhost",
        "the server exempts every name under localhost",
        LOCAL_PAGE,
        |_| Ok(Request::origin("http://sub.localhost")),
    ))),
    info(medium(
        "self",
        "the target's own origin",
        "the server lets in pages of its own host",
        "a page of the server's own opens the WebSocket; that is how most servers mean it",
        |scene| {
            Ok(Request::origin(
                scene.site.origin(scene.site.secure, scene.site.port),
            ))
        },
    )),
    Rule {
        fix: Fix::PinHost,
        reference: "RFC 6455 §10.2, CWE-350, CWE-1385, CVE-2025-24010, CVE-2018-14732",
        ..medium(
            super::rule::HOST_REBIND,
            "Host: rebind.X:port, Origin: its own",
            "the server compares the origin with the Host header, and takes any Host",
            "a page on a name of the attacker's, which the DNS then turns to the server's \
             address (DNS rebinding), opens the WebSocket from inside the visitor's network",
            |scene| {
                let site = scene.site;
                let name = format!("rebind.{}", scene.attacker);
                let scheme = if site.secure { "https" } else { "http" };
                let origin = origin_of(scheme, &name, Some(site.port));
                let host = origin
                    .split_once("://")
                    .map(|(_, authority)| authority.to_owned());
                Ok(Request {
                    host,
                    ..Request::origin(origin)
                })
            },
        )
    },
    medium(
        "ext-chrome",
        "chrome-extension://ID",
        "the server lets in every Chrome extension",
        "any extension that the visitor has opens the WebSocket as the visitor",
        |_| {
            Ok(Request::origin(
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            ))
        },
    ),
    medium(
        "ext-moz",
        "moz-extension://UUID",
        "the server lets in every Firefox extension",
        "any extension that the visitor has opens the WebSocket as the visitor",
        |_| {
            Ok(Request::origin(
                "moz-extension://3c9b2a47-5a4e-4d6b-9d0f-1b7a6f2c8e55",
            ))
        },
    ),
    medium(
        "ext-file",
        "file://",
        "the server lets in local files",
        "a page that the visitor has downloaded and opened, in an application that sends \
         'file://' for it, opens the WebSocket as the visitor",
        |_| Ok(Request::origin("file://")),
    ),
    low(medium(
        "ext-vscode",
        "vscode-webview://ID",
        "the server lets in every webview of an editor",
        "any extension of the visitor's editor opens the WebSocket",
        |_| {
            Ok(Request::origin(
                "vscode-webview://0f2c8e5521b7a6fexampleprobe",
            ))
        },
    )),
    Rule {
        reference: RFC6455,
        ..low(medium(
            "ext-app",
            "app://localhost",
            "the server lets in custom schemes, or looks at the host 'localhost' alone",
            "any desktop or mobile application with such a scheme opens the WebSocket",
            |_| Ok(Request::origin("app://localhost")),
        ))
    },
];
