//! Policies with a named mistake and random parameters. Each lets in the allowed
//! origin; what else it lets in is for the oracle to find out.

use regex::Regex;

/// Random numbers from a seed (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// An allowed origin, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    pub(super) scheme: &'static str,
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

impl Allowed {
    pub(super) fn roll(dice: &mut Dice) -> Self {
        let label = dice.one(&["client", "acme", "shop", "a1", "blue-sky", "xy"]);
        let host = match dice.below(14) {
            0 => format!("{label}.com"),
            1 => format!("app.{label}.com"),
            2 => format!("a.b.{label}.com"),
            3 => format!("{label}.co.uk"),
            4 => format!("app.{label}.co.uk"),
            5 => format!("{label}.github.io"),
            6 => format!("app.{label}.dev"),
            7 => dice.one(&["localhost", "intranet", "box"]).to_owned(),
            8 => format!("{label}.{}", dice.one(&["example", "test", "local"])),
            9 => format!(
                "app.{label}.{}",
                dice.one(&["internal", "test", "localhost"])
            ),
            10 => format!("10.1.{}.3", dice.below(200)),
            11 => format!("192.0.2.{}", dice.below(200)),
            12 => "[::1]".to_owned(),
            _ => format!("a.b.c.{label}.io"),
        };
        Self {
            scheme: dice.one(&["http", "https"]),
            host,
            port: dice.one(&[None, None, Some(8443), Some(3000), Some(5000)]),
        }
    }

    pub(super) fn origin(&self) -> String {
        origin(self.scheme, &self.host, self.port)
    }

    fn with_port(&self) -> String {
        let origin = self.origin();
        origin.split_once("://").unwrap().1.to_owned()
    }
}

pub(super) fn origin(scheme: &str, host: &str, port: Option<u16>) -> String {
    let default = if scheme == "http" { 80 } else { 443 };
    match port.filter(|port| *port != default) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// The scheme, the host and the port of an origin.
fn parts(origin: &str) -> (&str, &str, &str) {
    let (scheme, authority) = origin.split_once("://").unwrap_or(("", origin));
    let ends = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[ends..].find(':') {
        Some(at) => (scheme, &authority[..ends + at], &authority[ends + at + 1..]),
        None => (scheme, authority, ""),
    }
}

/// The public suffix of a name, with more before it.
fn suffix_of(host: &str) -> Option<String> {
    let domain = psl::domain(host.as_bytes())?;
    let known = domain.suffix().is_known();
    let text = std::str::from_utf8(domain.suffix().as_bytes()).ok()?;
    known.then(|| text.to_owned())
}

type Check = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// A policy.
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) check: Check,
}

impl Rule {
    fn new(name: impl Into<String>, check: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            name: name.into(),
            check: Box::new(check),
        }
    }

    /// Whether it lets an origin in.
    pub(super) fn takes(&self, allowed: &Allowed, origin: &str) -> bool {
        origin == allowed.origin() || (self.check)(origin)
    }

    pub(super) fn roll(dice: &mut Dice, allowed: &Allowed) -> Self {
        let (whole, host, authority) =
            (allowed.origin(), allowed.host.clone(), allowed.with_port());
        match dice.below(24) {
            0 => Self::new("list", |_| false),
            1 => Self::new("startsWith", move |o| o.starts_with(&whole)),
            2 => Self::new("endsWith", move |o| o.ends_with(&authority)),
            3 => Self::new("contains", move |o| o.contains(&host)),
            4 => Self::new("contained", move |o| !o.is_empty() && whole.contains(o)),
            5..=8 => Self::expression(dice, allowed),
            9 => Self::new("host ends with", move |o| parts(o).1.ends_with(&host)),
            10 => Self::new("host ends contained", move |o| {
                let own = parts(o).1;
                !own.is_empty() && host.ends_with(own)
            }),
            11 => Self::new("same host", move |o| parts(o).1 == host),
            12 => {
                let below = format!(".{host}");
                Self::new("subdomains", move |o| {
                    parts(o).1 == host || parts(o).1.ends_with(&below)
                })
            }
            13 => Self::labels(host),
            14 => Self::new("null listed", |o| o == "null"),
            15 => Self::deny_list(dice),
            16 | 17 => Self::range(dice),
            18 => {
                let port = allowed
                    .port
                    .map(|port| port.to_string())
                    .unwrap_or_default();
                match dice.below(3) {
                    0 => Self::new("same port", move |o| parts(o).2 == port),
                    1 => {
                        let scheme = allowed.scheme;
                        Self::new("same scheme", move |o| parts(o).0 == scheme)
                    }
                    _ => Self::new("anything", |o| !o.is_empty()),
                }
            }
            19 => Self::boundary(dice, whole),
            20 => Self::end_left_open(dice, allowed),
            21 => Self::normalised(dice, whole),
            22 => Self::middle_left_open(allowed),
            _ => Self::development_port(),
        }
    }

    /// Whatever follows the last dots of the name: another public suffix.
    fn end_left_open(dice: &mut Dice, allowed: &Allowed) -> Self {
        let host = allowed.host.clone();
        let Some(suffix) = suffix_of(&host) else {
            return Self::new("list", |_| false);
        };
        let stem = host.strip_suffix(&suffix).unwrap_or_default().to_owned();
        let scheme = allowed.scheme;
        let label = stem.trim_end_matches('.').rsplit('.').next();
        let label = label.unwrap_or_default().to_owned();
        match dice.below(3) {
            0 => Self::new(format!("^{scheme}://{stem}[a-z]+$"), move |o| {
                let rest = parts(o).1.strip_prefix(&stem);
                parts(o).0 == scheme
                    && rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('.'))
            }),
            1 => Self::new(format!("^{scheme}://{stem}[a-z.]+$"), move |o| {
                let rest = parts(o).1.strip_prefix(&stem);
                parts(o).0 == scheme
                    && rest.is_some_and(|rest| {
                        !rest.is_empty()
                            && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'.')
                    })
            }),
            // The public suffix is taken off by a list, as it should be.
            _ => Self::new(format!("label '{label}' before the suffix"), move |o| {
                let host = parts(o).1;
                let suffix = suffix_of(host).unwrap_or_default();
                let stem = host.strip_suffix(suffix.as_str()).unwrap_or_default();
                stem.trim_end_matches('.').rsplit('.').next() == Some(&label)
            }),
        }
    }

    /// What is no letter and no digit is made '-', or taken out, before the
    /// comparison.
    fn normalised(dice: &mut Dice, whole: String) -> Self {
        let by = dice.one(&["-", ""]);
        let plain = move |text: &str| -> String {
            let of = |c: char| {
                if c.is_ascii_alphanumeric() {
                    c.to_string()
                } else {
                    by.to_owned()
                }
            };
            text.chars().map(of).collect()
        };
        let own = plain(&whole);
        Self::new(
            format!("compared with '{by}' for all but letters and digits"),
            move |o| plain(o) == own,
        )
    }

    /// Both ends are compared, and not what stands between them.
    fn middle_left_open(allowed: &Allowed) -> Self {
        let whole = allowed.origin();
        let registrable = psl::domain_str(&allowed.host)
            .unwrap_or_default()
            .to_owned();
        let host = allowed.host.strip_suffix(&registrable).unwrap_or_default();
        let begin = format!("{}://{host}", allowed.scheme);
        let end = whole.split_at(begin.len()).1.to_owned();
        Self::new(format!("begins with {begin}, ends with {end}"), move |o| {
            o.len() >= begin.len() + end.len() && o.starts_with(&begin) && o.ends_with(&end)
        })
    }

    /// Whatever is on the port of a development server.
    fn development_port() -> Self {
        Self::new("port 3000", |o| parts(o).2 == "3000")
    }

    /// An expression with or without its ends, its scheme, and the backslashes
    /// before its dots.
    fn expression(dice: &mut Dice, allowed: &Allowed) -> Self {
        let mut pattern = String::new();
        let begins = dice.chance(60);
        if begins {
            pattern.push_str(dice.one(&["^", "^https?://", "^(http|https)://"]));
            if pattern == "^" {
                pattern.push_str(allowed.scheme);
                pattern.push_str("://");
            }
            pattern.push_str(dice.one(&["", "", "(.*\\.)?", "[a-z0-9.-]*"]));
        }
        for c in allowed.host.chars() {
            match c {
                '.' if dice.chance(40) => pattern.push('.'),
                c if c.is_ascii_alphanumeric() => pattern.push(c),
                c => {
                    pattern.push('\\');
                    pattern.push(c);
                }
            }
        }
        if dice.chance(70) {
            pattern.push_str(dice.one(&["(:\\d+)?", "(:[0-9]{1,5})?"]));
        } else if let Some(port) = allowed.port {
            pattern.push_str(&format!(":{port}"));
        }
        if dice.chance(60) {
            pattern.push('$');
        }
        let regex = Regex::new(&pattern).unwrap();
        Self::new(format!("expression {pattern}"), move |o| regex.is_match(o))
    }

    /// The last two labels of the name.
    fn labels(host: String) -> Self {
        fn last_two(host: &str) -> Vec<&str> {
            let mut labels: Vec<_> = host.rsplit('.').take(2).collect();
            labels.reverse();
            labels
        }
        Self::new("last two labels", move |o| {
            last_two(parts(o).1) == last_two(&host)
        })
    }

    /// All but what is on a list of suspects.
    fn deny_list(dice: &mut Dice) -> Self {
        let all = ["evil", "attack", "probe", ".example", "null", "localhost"];
        let words: Vec<_> = all.into_iter().filter(|_| dice.chance(50)).collect();
        let addresses = dice.chance(50);
        Self::new(
            format!("all but {words:?}, addresses {addresses}"),
            move |o| {
                let is_address =
                    parts(o).1.parse::<std::net::Ipv4Addr>().is_ok() || o.contains('[');
                let suspect = words.iter().any(|word| o.contains(word)) || addresses && is_address;
                !o.is_empty() && !suspect
            },
        )
    }

    /// An exemption for a range of addresses, or for this machine.
    fn range(dice: &mut Dice) -> Self {
        let range = dice.one(&[
            ("127.", "127\\.\\d+\\.\\d+\\.\\d+"),
            ("10.", "10\\.\\d+\\.\\d+\\.\\d+"),
            ("192.168.", "192\\.168\\.\\d+\\.\\d+"),
            ("172.16.", "172\\.(1[6-9]|2\\d|3[01])\\.\\d+\\.\\d+"),
            ("169.254.", "169\\.254\\.\\d+\\.\\d+"),
            ("100.64.", "100\\.64\\.\\d+\\.\\d+"),
            ("localhost", "localhost"),
        ]);
        let scheme = dice.one(&["http", "https"]);
        let regex = |text: String| Regex::new(&text).unwrap();
        match dice.below(6) {
            0 => {
                let start = format!("{scheme}://{}", range.0);
                Self::new(format!("range {start}"), move |o| o.starts_with(&start))
            }
            1 => Self::new(format!("range host {}", range.0), move |o| {
                parts(o).1.starts_with(range.0)
            }),
            2 => {
                let part = format!("//{}", range.0);
                Self::new(format!("range in {part}"), move |o| o.contains(&part))
            }
            3 => {
                let open = regex(format!("^https?://{}", range.1));
                Self::new(format!("range {open}"), move |o| open.is_match(o))
            }
            4 => {
                let closed = regex(format!("^https?://{}(:\\d+)?$", range.1));
                Self::new(format!("range {closed}"), move |o| closed.is_match(o))
            }
            _ => Self::new("any address", |o| {
                parts(o).1.parse::<std::net::Ipv4Addr>().is_ok()
            }),
        }
    }

    /// The allowed origin, and what follows it after a character that is held
    /// for no part of a name.
    fn boundary(dice: &mut Dice, whole: String) -> Self {
        let of_names: String = "-._$}`".chars().filter(|_| dice.chance(60)).collect();
        Self::new(format!("boundary [a-z0-9{of_names}]"), move |o| {
            let next = o.strip_prefix(&whole).and_then(|rest| rest.chars().next());
            next.is_some_and(|c| !c.is_ascii_alphanumeric() && !of_names.contains(c) && c != ':')
        })
    }
}
