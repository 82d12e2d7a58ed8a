//! Whether any page of an attacker's gets in. It knows nothing of the catalogue:
//! it tries every edit of one character, prefixes, suffixes, and addresses with a
//! name behind them, over each scheme and port.

use url::Url;

use super::grammar::{Allowed, Rule, origin};

/// Names that an attacker owns.
const OWNED: [&str; 3] = ["attacker.net", "qz7.org", "fine.de"];
const RANGES: [&str; 7] = [
    "127.0.0.1",
    "10.0.0.1",
    "192.168.0.1",
    "172.16.0.1",
    "169.254.0.1",
    "100.64.0.1",
    "localhost",
];
const SUFFIXES: [&str; 6] = ["com", "info", "se", "co.nz", "com.br", "org.uk"];
const PUBLIC: [&str; 2] = ["198.51.100.7", "[2001:db8::2]"];
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789-.";

/// An origin of an attacker's that a policy lets in; `None` where there is none.
pub(super) fn way_in(rule: &Rule, allowed: &Allowed, target_port: u16) -> Option<String> {
    if rule.takes(allowed, "null") {
        return Some("null".into());
    }
    let ports = [None, allowed.port, Some(target_port), Some(3000)];
    let own = allowed.origin();
    let mut hosts = hosts(&allowed.host);
    hosts.retain(|host| is_obtainable(host, &allowed.host));
    hosts.sort();
    hosts.dedup();
    let origins = hosts.iter().flat_map(|host| {
        let schemes = ["http", "https"].into_iter();
        schemes.flat_map(move |scheme| ports.map(|port| origin(scheme, host, port)))
    });
    origins
        .filter(|origin| *origin != own)
        .filter(|origin| rule.takes(allowed, origin) && is_sent(origin))
        .find(|origin| !is_neighbour(rule, allowed, origin))
}

/// Whether this is one of the names beside a reserved one, of which the policy
/// lets in all: that is by design, whoever owns them.
fn is_neighbour(rule: &Rule, allowed: &Allowed, taken: &str) -> bool {
    let glued = Url::parse(taken).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        host.ends_with(&allowed.host) && registered(host).is_none()
    });
    let other = taken.split_once("://").and_then(|(scheme, authority)| {
        let (_, rest) = authority.split_once('.')?;
        Some(format!("{scheme}://qz7.{rest}"))
    });
    glued && other.is_some_and(|other| rule.takes(allowed, &other))
}

/// Whether a browser writes an origin like this.
fn is_sent(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin)
}

fn hosts(host: &str) -> Vec<String> {
    let mut hosts: Vec<String> = OWNED.map(str::to_owned).to_vec();
    hosts.extend(PUBLIC.map(str::to_owned));
    for owned in OWNED {
        hosts.extend(RANGES.map(|range| format!("{range}.{owned}")));
        for between in [".", "", "-", "_.", "$.", "}.", "`.", "-x.", ".x."] {
            hosts.push(format!("{host}{between}{owned}"));
            hosts.push(format!("x-{host}{between}{owned}"));
        }
    }
    let chars: Vec<char> = host.chars().collect();
    for at in 0..=chars.len() {
        let (before, after) = chars.split_at(at);
        let text = |middle: &str, after: &[char]| {
            let before: String = before.iter().collect();
            let after: String = after.iter().collect();
            format!("{before}{middle}{after}")
        };
        let rest = after.get(1..).unwrap_or_default();
        hosts.push(text("", rest));
        for letter in LETTERS.chars().map(String::from) {
            hosts.push(text(&letter, after));
            hosts.push(text(&letter, rest));
        }
        // What is left of it, and what stands before that.
        hosts.push(before.iter().collect());
        let tail: String = after.iter().collect();
        for prefix in ["evil", "x", "x-", "attacker."] {
            hosts.push(format!("{prefix}{tail}"));
        }
        hosts.push(tail.trim_start_matches('.').to_owned());
        // A name of the attacker's under each suffix.
        if let Some(suffix) = tail.strip_prefix('.') {
            hosts.push(format!("attacker.{suffix}"));
            // What stands before a suffix, under another one.
            let stem: String = before.iter().collect();
            hosts.extend(SUFFIXES.map(|other| format!("{stem}.{other}")));
            for (at, _) in stem.match_indices('.') {
                hosts.extend(SUFFIXES.map(|other| format!("{}.{other}", &stem[at + 1..])));
            }
            // The beginning and the end, and a name of the attacker's between.
            for middle in ["attacker", "x-", "a.qz7"] {
                hosts.push(format!("{stem}.{middle}{suffix}"));
            }
        }
    }
    hosts
}

/// Whether an attacker can have pages there.
fn is_obtainable(host: &str, allowed: &str) -> bool {
    if PUBLIC.contains(&host) {
        return true;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    let fits = |label: &&str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    if host.contains('[') || !labels.iter().all(fits) || last.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    if let Some(owned) = registered(host) {
        return registered(allowed) != Some(owned);
    }
    // Under a suffix that nobody can register, it is the code that is judged: the
    // dot before such a suffix is no more to be had than that before '.com', and
    // beside it any other name of that many labels could be somebody's.
    let is_name = !allowed.contains('[') && allowed.parse::<std::net::Ipv4Addr>().is_err();
    let last_two =
        |name: &str| -> Vec<String> { name.rsplit('.').take(2).map(str::to_owned).collect() };
    let own: Vec<&str> = allowed.split('.').collect();
    let like_it = match own.len() {
        1 => labels.len() == 1,
        count => labels.len() >= count || own.last() == Some(&last),
    };
    // Where the part that somebody owns begins is not known either: what is glued
    // to the whole name could be another's, unless its neighbours are let in.
    let glued = host.ends_with(allowed)
        && host
            .strip_suffix(allowed)
            .is_some_and(|rest| !rest.is_empty() && !rest.contains('.'));
    is_name
        && registered(allowed).is_none()
        && (like_it && last_two(host) != last_two(allowed) || glued)
}

/// The domain that is registered, under a suffix of the public list.
fn registered(name: &str) -> Option<String> {
    let domain = psl::domain(name.as_bytes())?;
    let text = std::str::from_utf8(domain.as_bytes()).ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (domain.suffix().is_known() && text.chars().all(plain)).then(|| text.to_owned())
}
