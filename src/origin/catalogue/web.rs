//! Probes that any web page can send, through the browser of a visitor who
//! is logged in: a browser serialises each of them exactly like this.

use super::scene::{Request, Scene, Skip, origin_of};
use super::{Fix, Group, RFC6455, Rule, Severity};

pub(super) const fn high(
    id: &'static str,
    sends: &'static str,
    reveals: &'static str,
    exploit: &'static str,
    make: fn(&Scene<'_>) -> Result<Request, Skip>,
) -> Rule {
    Rule {
        id,
        group: Group::Web,
        severity: Severity::High,
        exotic: false,
        sends,
        reveals,
        exploit,
        fix: Fix::ExactMatch,
        reference: RFC6455,
        make,
    }
}

const fn critical(rule: Rule) -> Rule {
    Rule {
        severity: Severity::Critical,
        fix: Fix::AddCheck,
        ..rule
    }
}

const ANY_PAGE: &str = "any page on the web opens the WebSocket from the visitor's browser, with \
     those cookies that browsers send across sites, and reads and sends as that visitor";
pub(super) const REGISTER: &str =
    "an attacker registers this name, and its pages open the WebSocket as the visitor";
pub(super) const OWN_SUBDOMAIN: &str = "an attacker makes this name below a domain of their own, and its pages open the \
     WebSocket as the visitor";

pub(super) const DENIED: Rule = high(
    "deny",
    "an origin that the policy names as denied",
    "the server lets in an origin that the policy denies",
    "pages of that origin open the WebSocket as the visitor",
    |_| Err("only origins given as denied are sent".into()),
);

pub(super) const RULES: &[Rule] = &[
    critical(high(
        "foreign",
        "s://X",
        "the server does not check the origin at all",
        ANY_PAGE,
        |scene| Ok(Request::origin(scene.foreign())),
    )),
    critical(high(
        "foreign-altscheme",
        "s'://X, the other of http and https",
        "the server does not check origins of the other scheme",
        ANY_PAGE,
        |scene| {
            let scheme = scene.other_scheme();
            Ok(Request::origin(format!("{scheme}://{}", scene.attacker)))
        },
    )),
    critical(high(
        "foreign-plain",
        "s://www.iana.org, a name that nobody suspects",
        "the server refuses names that look like a test or an attack, and lets in all others",
        ANY_PAGE,
        |scene| Ok(Request::origin(format!("{}://www.iana.org", scene.scheme))),
    )),
    critical(high(
        "foreign-port",
        "s://X:p, p the port of the allowed origin",
        "the server compares the port, and not the host",
        "an attacker serves a page on that port, and it opens the WebSocket as the visitor",
        |scene| {
            if scene.port.is_none() {
                return Err("the allowed origin has no port".into());
            }
            Ok(Request::origin(scene.with_host(scene.attacker)))
        },
    )),
    critical(high(
        "foreign-targetport",
        "s://X:Tport",
        "the server compares the port, and not the host",
        "an attacker serves a page on the port that the server listens on, and that page opens \
         the WebSocket as the visitor",
        |scene| {
            let port = Some(scene.site.port);
            let origin = origin_of(scene.scheme, scene.attacker, port);
            Ok(Request::origin(origin))
        },
    )),
    Rule {
        fix: Fix::DropDevExemption,
        ..high(
            "foreign-devport",
            "s://X:3000",
            "the server exempts the port of a development server, whatever the host",
            "an attacker serves a page on that port, and it opens the WebSocket as the visitor",
            |scene| {
                let origin = origin_of(scene.scheme, scene.attacker, Some(3000));
                Ok(Request::origin(origin))
            },
        )
    },
    Rule {
        fix: Fix::RejectNull,
        ..high(
            "null",
            "null",
            "the server trusts the origin 'null'",
            "any page puts a sandboxed iframe around its script, whose origin is then 'null', and \
             opens the WebSocket as the visitor",
            |_| Ok(Request::origin("null")),
        )
    },
    high(
        "suffix-dot",
        "s://h.X",
        "the server compares only how the origin begins (startsWith, or a pattern without '$')",
        OWN_SUBDOMAIN,
        |scene| Ok(scene.at_attacker(&format!("{}.", scene.stem()?))),
    ),
    high(
        "suffix-glue",
        "s://hX",
        "the server compares only how the origin begins",
        REGISTER,
        |scene| Ok(scene.at_attacker(scene.stem()?)),
    ),
    high(
        "suffix-hyphen",
        "s://h-X",
        "the server compares only how the origin begins, up to a word boundary ('\\b')",
        REGISTER,
        |scene| Ok(scene.at_attacker(&format!("{}-", scene.stem()?))),
    ),
    high(
        "contains-mid",
        "s://x-h-x.X",
        "the server asks whether the origin contains the allowed name (includes, indexOf, a \
         pattern without '^' and '$')",
        OWN_SUBDOMAIN,
        |scene| Ok(scene.at_attacker(&format!("x-{}-x.", scene.stem()?))),
    ),
    high(
        "prefix-glue-reg",
        "s://evilREG, REG the registrable domain of h",
        "the server compares only how the origin ends (endsWith without a dot before the name)",
        REGISTER,
        |scene| scene.with_registrable(&format!("evil{}", scene.registrable()?)),
    ),
    high(
        "foreign-suffix",
        "s://PROBE.SUFFIX, SUFFIX the public suffix of h",
        "the server compares only the last labels of the name, which the whole world shares",
        REGISTER,
        |scene| {
            let label = scene.attacker.split('.').next().unwrap_or_default();
            scene.with_registrable(&format!("{label}.{}", scene.public_suffix()?))
        },
    ),
    high(
        "dot-any",
        "s://h with the dot before its registrable domain replaced by 'x'",
        "a dot of the allowed name is not escaped in a pattern, and stands for any character",
        REGISTER,
        |scene| {
            let name = scene.name()?;
            match scene.registrable_at()?.checked_sub(1) {
                Some(dot) => scene.with_registrable(&replaced(name, dot)),
                None => Err(format!("'{name}' is a registrable domain itself")),
            }
        },
    ),
    high(
        "dot-suffix",
        "s://h with the dot before its public suffix of several labels replaced by 'x'",
        "a dot of the allowed name is not escaped in a pattern, and stands for any character",
        REGISTER,
        |scene| {
            let name = scene.name()?;
            let suffix = scene.public_suffix()?;
            if !suffix.trim_end_matches('.').contains('.') {
                return Err(format!("the public suffix '{suffix}' has one label"));
            }
            scene.with_registrable(&replaced(name, name.len() - suffix.len() - 1))
        },
    ),
    high(
        "truncate",
        "s://h cut to the longest beginning that could be registered",
        "the server asks whether the allowed origin contains, or begins with, the one that was \
         sent, the wrong way round",
        REGISTER,
        |scene| {
            let name = scene.name()?;
            let cut = (1..name.len())
                .rev()
                .filter_map(|end| name.get(..end))
                .find(|cut| !cut.ends_with('.') && scene.is_registrable(cut));
            match cut {
                // Without the port, which would be no part of the allowed origin.
                Some(cut) => Ok(Request::origin(origin_of(scene.scheme, cut, None))),
                None => Err(format!("no beginning of '{name}' can be registered")),
            }
        },
    ),
    high(
        "truncate-front",
        "s://REG without its first character",
        "the server asks whether the allowed name contains, or ends with, the one that was sent, \
         the wrong way round",
        REGISTER,
        |scene| {
            let rest = scene.registrable()?.get(1..).unwrap_or_default();
            scene.with_registrable(rest)
        },
    ),
    high(
        "suffix-underscore",
        "s://h_.X",
        "a pattern ends the allowed name at a character that it holds for no part of a name, \
         such as '_'",
        OWN_SUBDOMAIN,
        |scene| Ok(scene.at_attacker(&format!("{}_.", scene.stem()?))),
    ),
    high(
        "suffix-dollar",
        "s://h$.X",
        "a pattern ends the allowed name at a character that it holds for no part of a name, \
         such as '$'",
        OWN_SUBDOMAIN,
        |scene| Ok(scene.at_attacker(&format!("{}$.", scene.stem()?))),
    ),
    high(
        "suffix-brace",
        "s://h}.X",
        "a pattern ends the allowed name at a character that it holds for no part of a name, \
         such as '}'",
        OWN_SUBDOMAIN,
        |scene| Ok(scene.at_attacker(&format!("{}}}.", scene.stem()?))),
    ),
    high(
        "suffix-backtick",
        "s://h`.X",
        "a pattern ends the allowed name at a character that it holds for no part of a name, \
         such as '`'",
        OWN_SUBDOMAIN,
        |scene| Ok(scene.at_attacker(&format!("{}`.", scene.stem()?))),
    ),
    Rule {
        reference: "UTS #39 (confusable characters), RFC 6455 §10.2, CWE-1385, CWE-1007",
        ..high(
            "idn-puny",
            "s://xn--..., h with one letter replaced by its Cyrillic double, as a browser sends it",
            "the server decodes international names and compares what they look like",
            REGISTER,
            |scene| {
                let unencoded = lookalike(scene.name()?, scene.registrable()?)?;
                match url::Host::parse(&unencoded) {
                    Ok(host) => scene.with_registrable(&host.to_string()),
                    Err(_) => Err(format!("'{unencoded}' has no encoded form")),
                }
            },
        )
    },
];

/// `name` with the dot at this place replaced.
fn replaced(name: &str, dot: usize) -> String {
    let (before, after) = name.split_at(dot);
    format!("{before}x{}", after.get(1..).unwrap_or_default())
}

/// Latin letters and the Cyrillic ones that look the same.
const CONFUSABLE: &[(char, char)] = &[
    ('a', 'а'),
    ('e', 'е'),
    ('o', 'о'),
    ('p', 'р'),
    ('c', 'с'),
    ('x', 'х'),
    ('y', 'у'),
    ('i', 'і'),
    ('s', 'ѕ'),
    ('j', 'ј'),
    ('h', 'һ'),
    ('l', 'ӏ'),
    ('d', 'ԁ'),
    ('q', 'ԛ'),
    ('w', 'ԝ'),
];

/// `name` with one letter of its registrable label replaced, in its
/// unencoded form.
pub(super) fn lookalike(name: &str, registrable: &str) -> Result<String, Skip> {
    let none = || format!("no letter of '{name}' has a double that could be registered");
    let at = name.len() - registrable.len();
    let label = registrable.split('.').next().unwrap_or_default();
    if label.starts_with("xn--") {
        return Err(none());
    }
    let double = |c: char| CONFUSABLE.iter().find(|(latin, _)| *latin == c);
    let (offset, (latin, cyrillic)) = label
        .char_indices()
        .find_map(|(offset, c)| Some((offset, double(c)?)))
        .ok_or_else(none)?;
    let (before, after) = name.split_at(at + offset);
    Ok(format!("{before}{cyrillic}{}", &after[latin.len_utf8()..]))
}
