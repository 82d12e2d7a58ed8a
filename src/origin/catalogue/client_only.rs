//! Probes that no browser sends. A program could send the allowed origin just
//! as well, so these open no way in; they show how the server reads the header.

use super::scene::{Request, Scene, Skip, origin_of};
use super::web::lookalike;
use super::{Fix, Group, RFC6454, RFC6455, Rule, Severity};

const ONLY_PROGRAMS: &str = "no browser sends this; it shows how the server reads the header, and what would open up \
     if a proxy or a client changed it";

const fn low(
    id: &'static str,
    sends: &'static str,
    reveals: &'static str,
    make: fn(&Scene<'_>) -> Result<Request, Skip>,
) -> Rule {
    Rule {
        id,
        group: Group::ClientOnly,
        severity: Severity::Low,
        exotic: false,
        sends,
        reveals,
        exploit: ONLY_PROGRAMS,
        fix: Fix::ExactMatch,
        reference: RFC6454,
        make,
    }
}

const fn info(rule: Rule) -> Rule {
    Rule {
        severity: Severity::Info,
        ..rule
    }
}

const fn exotic(rule: Rule) -> Rule {
    Rule {
        exotic: true,
        reference: "RFC 6454 §6 and §7, CWE-20, CVE-2026-14631",
        ..rule
    }
}

const fn one_header(rule: Rule) -> Rule {
    Rule {
        fix: Fix::OneHeader,
        reference: RFC6455,
        ..rule
    }
}

const fn absent(rule: Rule) -> Rule {
    Rule {
        fix: Fix::DecideAbsent,
        severity: Severity::Info,
        exploit: "programs leave the header out, browsers cannot; letting them in is the usual \
                  choice, and refusing them keeps nobody out who is ready to send one",
        reference: RFC6455,
        ..rule
    }
}

/// The allowed origin with `rest` behind it.
fn behind(scene: &Scene<'_>, rest: &str) -> Result<Request, Skip> {
    scene.host()?;
    Ok(Request::origin(format!("{}{rest}", scene.allowed)))
}

pub(super) const RULES: &[Rule] = &[
    absent(low(
        "absent",
        "no Origin header",
        "the server lets in requests without an origin",
        |_| Ok(Request::default()),
    )),
    absent(low(
        "empty",
        "an empty Origin header",
        "the server takes an empty origin for none",
        |_| Ok(Request::origin("")),
    )),
    low(
        "star",
        "*",
        "the server takes the origin '*' for a wildcard",
        |_| Ok(Request::origin("*")),
    ),
    // What servers that compare well may take too stands together: that takes
    // one observation window, not one each.
    info(one_header(low(
        "sec-ws-origin-alone",
        "Sec-WebSocket-Origin: X alone",
        "the server takes the header of an old draft for no origin",
        |scene| Ok(Request::default().with("Sec-WebSocket-Origin", scene.foreign())),
    ))),
    info(low(
        "port-default",
        "s://h with the default port written",
        "the server takes a written default port for none",
        |scene| {
            let host = scene.host()?;
            if scene.port.is_some() {
                return Err("the allowed origin has a port that is not the default".into());
            }
            let port = if scene.scheme == "http" { 80 } else { 443 };
            Ok(Request::origin(format!("{}://{host}:{port}", scene.scheme)))
        },
    )),
    info(low(
        "case-host",
        "s://H in capital letters",
        "the server compares the host without regard to case",
        |scene| {
            Ok(Request::origin(
                scene.with_host(&scene.name()?.to_ascii_uppercase()),
            ))
        },
    )),
    info(low(
        "case-scheme",
        "S://h in capital letters",
        "the server compares the scheme without regard to case",
        |scene| {
            let host = scene.host()?;
            let origin = origin_of(scene.scheme, host, scene.port);
            let scheme = scene.scheme.to_ascii_uppercase();
            Ok(Request::origin(format!(
                "{scheme}{}",
                &origin[scheme.len()..]
            )))
        },
    )),
    info(low(
        "trailing-slash",
        "s://h/",
        "the server parses the origin as a URL, or compares only how it begins",
        |scene| behind(scene, "/"),
    )),
    info(low(
        "path",
        "s://h/path",
        "the server parses the origin as a URL, or compares only how it begins",
        |scene| behind(scene, "/path"),
    )),
    info(low(
        "scheme-ws",
        "ws://h or wss://h",
        "the server takes the WebSocket's scheme for the page's, or ignores the scheme",
        |scene| {
            let scheme = if scene.scheme == "http" { "ws" } else { "wss" };
            Ok(Request::origin(origin_of(
                scheme,
                scene.host()?,
                scene.port,
            )))
        },
    )),
    low(
        "dot-last",
        "s://h with its last dot replaced by 'x'",
        "a dot of the allowed name is not escaped in a pattern; the names that it lets in cannot \
         be registered",
        |scene| {
            let name = scene.name()?;
            let (front, last) = name
                .rsplit_once('.')
                .ok_or_else(|| format!("'{name}' has no dot"))?;
            Ok(Request::origin(scene.with_host(&format!("{front}x{last}"))))
        },
    ),
    low(
        "loop-suffix",
        "http://evillocalhost",
        "an exemption for development asks only whether the name ends with 'localhost'",
        |_| Ok(Request::origin("http://evillocalhost")),
    ),
    low(
        "userinfo-allowed",
        "s://h@X",
        "the server compares only how the origin begins",
        |scene| behind(scene, &format!("@{}", scene.attacker)),
    ),
    low(
        "userinfo-foreign",
        "s://X@h",
        "the server parses the origin as a URL, or compares only how it ends",
        |scene| {
            let host = format!("{}@{}", scene.attacker, scene.host()?);
            Ok(Request::origin(scene.with_host(&host)))
        },
    ),
    exotic(low(
        "path-foreign",
        "s://X/s://h",
        "the server asks whether the value contains, or ends with, the allowed origin",
        |scene| foreign_with(scene, "/"),
    )),
    exotic(low(
        "query-foreign",
        "s://X?s://h",
        "the server asks whether the value contains, or ends with, the allowed origin",
        |scene| foreign_with(scene, "?"),
    )),
    exotic(low(
        "fragment-foreign",
        "s://X#s://h",
        "the server asks whether the value contains, or ends with, the allowed origin",
        |scene| foreign_with(scene, "#"),
    )),
    exotic(low(
        "backslash",
        "s://X\\h",
        "the server's URL parser reads a backslash in another way than browsers do",
        |scene| foreign_with_host(scene, "\\"),
    )),
    low(
        "percent-backtick",
        "s://h%60.X",
        "a pattern ends the allowed name at a percent sign",
        |scene| Ok(scene.at_attacker(&format!("{}%60.", scene.name()?))),
    ),
    exotic(low(
        "idn-raw",
        "s://h with one letter replaced by its Cyrillic double, not encoded",
        "the server compares what the name looks like",
        |scene| {
            let name = scene.name()?;
            let unencoded = lookalike(name, scene.registrable()?)?;
            Ok(Request::origin(scene.with_host(&unencoded)))
        },
    )),
    exotic(low(
        "fullwidth-dot",
        "s://h with a full-width dot",
        "the server normalises Unicode before it compares",
        |scene| {
            let name = scene.name()?;
            if !name.contains('.') {
                return Err(format!("'{name}' has no dot"));
            }
            Ok(Request::origin(
                scene.with_host(&name.replacen('.', "。", 1)),
            ))
        },
    )),
    exotic(one_header(low(
        "two-origins-allowed-first",
        "two Origin headers: A, X",
        "the server judges the first of several Origin headers",
        |scene| Ok(Request::origin(scene.allowed.as_str()).with("Origin", scene.foreign())),
    ))),
    exotic(one_header(low(
        "two-origins-foreign-first",
        "two Origin headers: X, A",
        "the server judges the last of several Origin headers",
        |scene| Ok(Request::origin(scene.foreign()).with("Origin", scene.allowed.as_str())),
    ))),
    exotic(low(
        "list-comma",
        "X, A in one header",
        "the server looks for the allowed origin in a comma list",
        |scene| {
            Ok(Request::origin(format!(
                "{}, {}",
                scene.foreign(),
                scene.allowed
            )))
        },
    )),
    exotic(low(
        "list-space",
        "X A in one header",
        "the server looks for the allowed origin in a list (RFC 6454 allows one)",
        |scene| {
            Ok(Request::origin(format!(
                "{} {}",
                scene.foreign(),
                scene.allowed
            )))
        },
    )),
    exotic(low(
        "long",
        "an origin of 3.7 kB",
        "the server lets in what is too long to compare",
        |scene| {
            let labels = "a234567890123456789012345678901234567890123456789.".repeat(73);
            let host = format!("{labels}{}", scene.attacker);
            Ok(Request::origin(format!("{}://{host}", scene.scheme)))
        },
    )),
    one_header(low(
        "x-forwarded-host",
        "Origin: X with X-Forwarded-Host: X",
        "the server compares the origin with a forwarded host that anybody can write",
        |scene| {
            let foreign = Request::origin(scene.foreign());
            Ok(foreign.with("X-Forwarded-Host", scene.attacker))
        },
    )),
    one_header(low(
        "sec-ws-origin-with",
        "Origin: X with Sec-WebSocket-Origin: A",
        "the server judges the header of an old draft before the Origin header",
        |scene| {
            let foreign = Request::origin(scene.foreign());
            Ok(foreign.with("Sec-WebSocket-Origin", scene.allowed.as_str()))
        },
    )),
    one_header(low(
        "sec-ws-origin-v8",
        "Sec-WebSocket-Origin: X with version 8",
        "the server still speaks an old draft, and checks the origin in a header that no \
         browser sends today",
        |scene| {
            let request = Request::default().with("Sec-WebSocket-Origin", scene.foreign());
            Ok(Request {
                version: Some("8"),
                ..request
            })
        },
    )),
];

fn foreign_with(scene: &Scene<'_>, separator: &str) -> Result<Request, Skip> {
    scene.host()?;
    let foreign = scene.foreign();
    Ok(Request::origin(format!(
        "{foreign}{separator}{}",
        scene.allowed
    )))
}

fn foreign_with_host(scene: &Scene<'_>, separator: &str) -> Result<Request, Skip> {
    let foreign = scene.foreign();
    Ok(Request::origin(format!(
        "{foreign}{separator}{}",
        scene.host()?
    )))
}
