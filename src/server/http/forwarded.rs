//! Whose request a proxy passes on: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy appends the address it was connected from, so the list is read from its
//! end, and only as far as proxies are believed: what stands in front of the first
//! address that is none of them was written by that client, who can write anything.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName};

use crate::server::context::{Peer, TrustedProxies};

/// The older header, which most proxies send.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client on whose behalf a proxy that is believed sends a request; `None` where it
/// does not say. Where both headers are there and do not agree, one of them comes from
/// the client, and neither is believed.
pub(super) fn client(headers: &HeaderMap, trusted: &TrustedProxies) -> Option<Peer> {
    let find = |name: &HeaderName, parse: fn(&str) -> Vec<Option<IpAddr>>| {
        let lines = headers.get_all(name).iter();
        let hops: Vec<_> = lines
            .flat_map(|line| line.to_str().map_or_else(|_| vec![None], parse))
            .collect();
        (!hops.is_empty()).then(|| rightmost_untrusted(&hops, trusted))
    };
    let standard = find(&FORWARDED, forwarded);
    let older = find(&X_FORWARDED_FOR, x_forwarded_for);
    let client = match (standard, older) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => one.or(other).flatten(),
    };
    client.map(Peer::Forwarded)
}

/// The last address that is not a proxy's; where all are, the first. `None` where a
/// proxy hides the address, or it is none.
fn rightmost_untrusted(hops: &[Option<IpAddr>], trusted: &TrustedProxies) -> Option<IpAddr> {
    let mut last = None;
    for hop in hops.iter().rev() {
        let address = (*hop)?;
        if !trusted.trusts_address(address) {
            return Some(address);
        }
        last = Some(address);
    }
    last
}

fn x_forwarded_for(line: &str) -> Vec<Option<IpAddr>> {
    line.split(',').map(|hop| address(hop.trim())).collect()
}

/// The `for` of each element of a line.
fn forwarded(line: &str) -> Vec<Option<IpAddr>> {
    let elements = split_outside_quotes(line, ',').into_iter();
    elements
        .map(|element| {
            let pairs = split_outside_quotes(element, ';').into_iter();
            let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
            address(value.trim().trim_matches('"'))
        })
        .collect()
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|char| {
        let was_escaped = std::mem::take(&mut escaped);
        match char {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        char == separator && !quoted
    })
    .collect()
}

/// An address with or without a port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    address
        .or_else(with_port)
        .map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rightmost_address_that_is_not_a_proxy_is_the_client() {
        let trusted: TrustedProxies = ["10.0.0.0/8", "2001:db8:1::/48"]
            .map(|text| text.parse().unwrap())
            .into_iter()
            .collect();
        let (x, f) = (X_FORWARDED_FOR, FORWARDED);
        for (lines, expected) in [
            (vec![], None),
            (vec![(&x, "192.0.2.1")], Some("192.0.2.1")),
            // What a client writes itself stands in front.
            (vec![(&x, "127.0.0.1, 192.0.2.1")], Some("192.0.2.1")),
            (
                vec![(&x, "198.51.100.1,192.0.2.1, 10.0.0.2")],
                Some("192.0.2.1"),
            ),
            (
                vec![(&x, "1.1.1.1"), (&x, "192.0.2.1:4711")],
                Some("192.0.2.1"),
            ),
            (vec![(&x, "[2001:db8::7]:80")], Some("2001:db8::7")),
            (vec![(&x, "::ffff:192.0.2.1")], Some("192.0.2.1")),
            // All of them proxies: the one in front is where it began.
            (vec![(&x, "10.0.0.9, 10.0.0.2")], Some("10.0.0.9")),
            (vec![(&x, "192.0.2.1, unknown")], None),
            (vec![(&x, "192.0.2.1, 10.0.0.999")], None),
            (vec![(&x, "")], None),
            (
                vec![(&f, "for=192.0.2.1;proto=http;by=203.0.113.43")],
                Some("192.0.2.1"),
            ),
            (
                vec![(
                    &f,
                    "for=1.1.1.1, For=\"[2001:db8::7]:47011\" ; proto=\"a,b;c\"",
                )],
                Some("2001:db8::7"),
            ),
            (vec![(&f, "for=192.0.2.1, for=_hidden")], None),
            (vec![(&f, "proto=https")], None),
            // The proxy writes one of them; the other is the client's.
            (vec![(&f, "for=1.1.1.1"), (&x, "192.0.2.1")], None),
            (
                vec![(&f, "for=192.0.2.1"), (&x, "192.0.2.1")],
                Some("192.0.2.1"),
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &lines {
                headers.append(*name, value.parse().unwrap());
            }
            let expected = expected.map(|text| Peer::Forwarded(text.parse().unwrap()));
            assert_eq!(client(&headers, &trusted), expected, "{lines:?}");
        }
    }
}
