//! Probes that any web page can send, through the browser of a visitor who
//! is logged in: a browser serialises each of them exactly like this.

use super::scene::{Request, Scene, Skip, registrable_at};
use super::{Fix, Group, RFC6454, RFC6455, Rule, Severity};

const fn high(
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

/// Browsers disagree on these hosts.
const fn some_browsers(rule: Rule) -> Rule {
    Rule {
        severity: Severity::Medium,
        ..rule
    }
}

const ANY_PAGE: &str = "any page on the web opens the WebSocket with the cookies of the visitor \
     who is logged in, and reads and sends as that visitor";
const REGISTER: &str =
    "an attacker registers this name, and its pages open the WebSocket as the visitor";
const OWN_SUBDOMAIN: &str = "an attacker makes this name below a domain of their own, and its pages open the \
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
        "foreign-targetport",
        "s://X:Tport",
        "the server compares the port, and not the host",
        "an attacker serves a page on the port that the server listens on, and that page opens \
         the WebSocket as the visitor",
        |scene| {
            let port = Some(scene.site.port);
            let origin = super::scene::origin_of(scene.scheme, scene.attacker, port);
            Ok(Request::origin(origin))
        },
    )),
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
        |scene| Ok(scene.at_attacker(&format!("{}.", scene.name()?))),
    ),
    high(
        "suffix-glue",
        "s://hX",
        "the server compares only how the origin begins",
        REGISTER,
        |scene| Ok(scene.at_attacker(scene.name()?)),
    ),
    high(
        "suffix-hyphen",
        "s://h-X",
        "the server compares only how the origin begins, up to a word boundary ('\\b')",
        REGISTER,
        |scene| Ok(scene.at_attacker(&format!("{}-", scene.name()?))),
    ),
    high(
        "contains-mid",
        "s://x-h-x.X",
        "the server asks whether the origin contains the allowed name (includes, indexOf, a \
         pattern without '^' and '$')",
        OWN_SUBDOMAIN,
        |scene| Ok(scene.at_attacker(&format!("x-{}-x.", scene.name()?))),
    ),
    high(
        "prefix-glue-reg",
        "s://evilREG, REG the registrable domain of h",
        "the server compares only how the origin ends (endsWith without a dot before the name)",
        REGISTER,
        |scene| scene.with_registrable(&format!("evil{}", scene.registrable()?)),
    ),
    high(
        "dot-any",
        "s://h with its first dot replaced by 'x'",
        "a dot of the allowed name is not escaped in a pattern, and stands for any character",
        REGISTER,
        |scene| {
            let name = scene.name()?;
            let registrable = scene.registrable()?;
            // The last dot that can be replaced is the one before the
            // registrable domain: the next one is the public suffix's.
            if name.len() == registrable.len() {
                return Err(format!(
                    "the only dots of '{name}' belong to its public suffix"
                ));
            }
            scene.with_registrable(&name.replacen('.', "x", 1))
        },
    ),
    high(
        "truncate",
        "s://h without its last character",
        "the server asks whether the allowed origin contains, or begins with, the one that was \
         sent, the wrong way round",
        REGISTER,
        |scene| {
            let mut name = scene.name()?.to_owned();
            name.pop();
            scene.with_registrable(&name)
        },
    ),
    high(
        "suffix-underscore",
        "s://h_.X",
        "a pattern ends the allowed name at a character that it holds for no part of a name, \
         such as '_'",
        OWN_SUBDOMAIN,
        |scene| Ok(scene.at_attacker(&format!("{}_.", scene.name()?))),
    ),
    some_browsers(high(
        "suffix-dollar",
        "s://h$.X",
        "a pattern ends the allowed name at a character that it holds for no part of a name, \
         such as '$'",
        "in browsers that allow the character in a name, a page below a domain of the \
         attacker's opens the WebSocket as the visitor",
        |scene| Ok(scene.at_attacker(&format!("{}$.", scene.name()?))),
    )),
    some_browsers(high(
        "suffix-brace",
        "s://h}.X",
        "a pattern ends the allowed name at a character that it holds for no part of a name, \
         such as '}'",
        "in browsers that allow the character in a name, a page below a domain of the \
         attacker's opens the WebSocket as the visitor",
        |scene| Ok(scene.at_attacker(&format!("{}}}.", scene.name()?))),
    )),
    some_browsers(high(
        "suffix-backtick",
        "s://h`.X",
        "a pattern ends the allowed name at a character that it holds for no part of a name, \
         such as '`'",
        "in browsers that allow the character in a name, a page below a domain of the \
         attacker's opens the WebSocket as the visitor",
        |scene| Ok(scene.at_attacker(&format!("{}`.", scene.name()?))),
    )),
    Rule {
        reference: "UTS #39 (confusable characters), RFC 6455 §10.2, CWE-1385, CWE-1007",
        ..high(
            "idn-puny",
            "s://xn--..., h with one letter replaced by its Cyrillic double, as a browser sends it",
            "the server decodes international names and compares what they look like",
            REGISTER,
            |scene| {
                let name = scene.name()?;
                let homograph = homograph(name, scene.registrable()?)?;
                scene.with_registrable(&homograph)
            },
        )
    },
    Rule {
        fix: Fix::DropDevExemption,
        ..high(
            "loop-prefix",
            "http://localhost.X",
            "an exemption for development asks only whether the name begins with 'localhost'",
            OWN_SUBDOMAIN,
            |scene| {
                Ok(Request::origin(format!(
                    "http://localhost.{}",
                    scene.attacker
                )))
            },
        )
    },
    Rule {
        fix: Fix::DropDevExemption,
        ..high(
            "loop4-prefix",
            "http://127.0.0.1.X",
            "an exemption for development asks only whether the name begins with '127.0.0.1'",
            OWN_SUBDOMAIN,
            |scene| {
                Ok(Request::origin(format!(
                    "http://127.0.0.1.{}",
                    scene.attacker
                )))
            },
        )
    },
    Rule {
        reference: RFC6454,
        ..high(
            "ip-public",
            "http://203.0.113.7",
            "the server lets in every origin whose host is an address",
            "an attacker serves a page from a public address, and it opens the WebSocket as the \
             visitor",
            |_| Ok(Request::origin("http://203.0.113.7")),
        )
    },
];

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

fn homograph(name: &str, registrable: &str) -> Result<String, Skip> {
    let unencoded = lookalike(name, registrable)?;
    let encoded = url::Host::parse(&unencoded).map(|host| host.to_string());
    encoded
        .ok()
        .filter(|host| registrable_at(host).is_some())
        .ok_or_else(|| format!("'{unencoded}' has no encoded form"))
}
